"""Plans altered by packs, restated honestly, and judged by the audit."""

from pipelines.planning.audit import audit_plan
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem


def solve(problem, **options):
    return solve_problem(Problem.from_json(problem), SolveOptions(**options)).to_json()


def restate(problem, plan):
    """The same plan claiming the money that it is worth as proven, so that only limits can be at fault."""
    worth = audit_plan(problem, plan).objective_usd
    return plan | {"status": "OPTIMAL", "objective_usd": worth, "bound_usd": worth, "bound_kind": "mip", "gap_share": 0.0}


def with_packs(plan, change):
    """The plan with packs added per (item, lane); shipments of no packs are left out."""
    packs = {(s["item_id"], s["lane_id"]): s["packs"] for s in plan["shipments"]}
    for pair, step in change.items():
        packs[pair] = packs.get(pair, 0) + step
    return plan | {"shipments": [{"item_id": s, "lane_id": lane, "packs": n} for (s, lane), n in sorted(packs.items()) if n]}


def clauses(problem, plan):
    return {violation.clause for violation in audit_plan(problem, plan).violations}
