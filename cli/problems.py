"""`evenstock plan solve` and `plan audit`: stand-alone problem and plan files, no home needed."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.files import check_writable, read_document, write_whole
from cli.numbers import finite
from cli.screen import complain, gap_text, progress_bar, say
from pipelines.domain.errors import NoValidPlan
from pipelines.domain.foreign_text import clean
from pipelines.domain.ranges import SECONDS

LONGEST_S = SECONDS.high
ProblemFile = Annotated[Path, typer.Option("--problem", metavar="FILE", help="evenstock-problem/1 as JSON, may be gzipped (.gz).")]


def solve(
    problem: ProblemFile,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="Where the plan (evenstock-plan/1) goes; gzipped if its name ends in .gz.")
    ],
    time_limit: Annotated[
        float | None,
        typer.Option(
            "--time-limit", metavar="S", min=0, max=LONGEST_S, callback=finite, help="Seconds, as a safety net; by size if absent."
        ),
    ] = None,
    gap: Annotated[float, typer.Option("--gap", metavar="G", min=0.0, max=1.0, callback=finite, help="Stop at this relative gap.")] = 1e-6,
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


def generate(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the problem goes; gzipped if its name ends in .gz.")],
    items: Annotated[
        int, typer.Option("--items", min=1, max=1_000_000, help="Items drawn; those that nothing can pay for are left out.")
    ] = 1_000,
    locations: Annotated[int, typer.Option("--locations", min=2, max=200, help="Locations; lanes join all pairs.")] = 10,
    density: Annotated[
        float, typer.Option("--density", min=0.01, max=1.0, callback=finite, help="Share of locations that stock an item.")
    ] = 0.8,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Equal seeds give equal bytes.")] = 0,
    budget: Annotated[
        float | None, typer.Option("--budget", min=0, metavar="USD", callback=finite, help="Budget of the plan; none by default.")
    ] = None,
    min_shipment_kg: Annotated[
        float, typer.Option("--min-shipment-kg", min=0, callback=finite, help="Least weight of a lane that is used.")
    ] = 0.0,
) -> None:
    """Write a planning problem of any size, drawn from a seed: newsvendor curves, gamma demand, lanes between places strewn over a map."""
    from pipelines.planning.generate import ProblemSize, generate_problem
    from pipelines.planning.problem_text import problem_text

    check_writable(out)
    limit = float("inf") if budget is None else budget
    made = generate_problem(ProblemSize(items, locations, density, seed, budget_usd=limit, min_shipment_kg=min_shipment_kg))
    write_whole(out, (piece.encode() for piece in problem_text(made)))
    say(f"{out}: {made.arcs:,} arcs of {len(made.item_ids):,} items at {locations} locations, seed {seed}")


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
