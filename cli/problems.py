"""`evenstock plan solve` and `plan audit`: stand-alone problem and plan files, no home needed."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.files import check_writable, read_document, write_whole
from cli.screen import complain, gap_text, progress_bar, say
from pipelines.domain.errors import NoValidPlan
from pipelines.domain.foreign_text import clean

ProblemFile = Annotated[Path, typer.Option("--problem", metavar="FILE", help="evenstock-problem/1 as JSON, may be gzipped (.gz).")]


def solve(
    problem: ProblemFile,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where the plan (evenstock-plan/1) goes; gzipped if its name ends in .gz.")
    ],
    time_limit: Annotated[float, typer.Option("--time-limit", metavar="S", min=0, help="Seconds, as a safety net.")] = 60.0,
    gap: Annotated[float, typer.Option("--gap", metavar="G", min=0.0, max=1.0, help="Stop at this relative gap.")] = 1e-6,
) -> None:
    """Solve a problem file and write the plan, after an independent audit. A fallback plan is written with a warning."""
    from pipelines.flows.solving import solve_apart
    from pipelines.planning.audit import audit_plan
    from pipelines.planning.problem import Problem
    from pipelines.planning.solve import SolveOptions

    document = read_document(problem)
    Problem.from_json(document, str(problem))
    check_writable(out)
    options = SolveOptions(time_limit_s=time_limit, gap_share=gap)
    with progress_bar() as tell:
        plan = solve_apart(document, options, lambda stage, figures: tell(f"{stage} {_brief(figures)}", 0.5), str(problem))
    made = plan.to_json()
    if plan.status == "FAILED":
        raise NoValidPlan(f"{problem}: no plan is allowed by the limits, not even an empty one; check firm lines, caps and docks")
    report = audit_plan(document, made)
    if not report.ok:
        raise NoValidPlan(f"{problem}: the audit refuses the solver's plan: {report.violations[0].message}")
    write_whole(out, (json.dumps(made, indent=1) + "\n").encode())
    say(_headline(made))
    if plan.status == "FALLBACK":
        complain("warning: no plan was found within the limits, so this one moves nothing new (FALLBACK); give more --time-limit")


def audit(
    problem: ProblemFile,
    plan: Annotated[Path, typer.Option("--plan", metavar="FILE", help="evenstock-plan/1 as JSON, may be gzipped (.gz).")],
) -> None:
    """Recompute a plan against its problem, trusting neither: feasibility clause by clause, and the money. Exit 5 on a violation."""
    from pipelines.planning.audit import audit_plan

    report = audit_plan(read_document(problem), read_document(plan))
    if report.ok:
        say(f"the plan holds: objective {report.objective_usd:,.4f} USD, signature {report.signature}")
        return
    for violation in report.violations:
        say(clean(f"{violation.clause}  {violation.subject}: {violation.message}"))
    raise NoValidPlan(f"{plan}: {len(report.violations)} violations")


def _headline(plan: dict[str, Any]) -> str:
    gap = gap_text(plan["gap_share"])
    return f"{plan['status']}: {len(plan['shipments'])} lines, objective {plan['objective_usd']:,.4f} USD, gap {gap} ({plan['bound_kind']})"


def _brief(figures: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in figures.items())[:60]
