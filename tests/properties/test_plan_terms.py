"""Proven plans with optional terms against every plan there is, judged by the audit alone; and bounds of methods that know no terms."""

import itertools

import pytest

from pipelines.planning.audit import audit_plan
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem
from pipelines.planning.terms import without_terms
from tests.properties.drawn_problems import add_terms, draw_problem

MOST_PLANS = 500
CLAIMS = {"objective", "bound", "status"}


def best_allowed(problem):
    """The most that any plan is worth, by trying all of them; None where there are too many."""
    arcs = [(arc["item_id"], arc["lane_id"], arc["max_packs"]) for arc in problem["arcs"]]
    ways = 1
    for _, _, most in arcs:
        ways *= most + 1
    if ways > MOST_PLANS:
        return None
    best = None
    for packs in itertools.product(*(range(most + 1) for _, _, most in arcs)):
        shipments = [{"item_id": s, "lane_id": lane, "packs": n} for (s, lane, _), n in zip(arcs, packs, strict=True) if n]
        plan = {"format": "evenstock-plan/1", "status": "FEASIBLE", "objective_usd": 0.0, "bound_usd": None, "bound_kind": "none"}
        report = audit_plan(problem, plan | {"gap_share": None, "shipments": shipments})
        if {violation.clause for violation in report.violations} <= CLAIMS and (best is None or report.objective_usd > best):
            best = report.objective_usd
    return best


def test_proven_plans_with_terms_are_the_best_of_all_plans():
    tried = moved = 0
    for seed in range(260):
        problem = add_terms(draw_problem(seed, most_places=3, most_items=2), seed)
        best = best_allowed(problem)
        if best is None:
            continue
        plan = solve_problem(Problem.from_json(problem), SolveOptions(gap_share=1e-9))
        assert plan.status == "OPTIMAL", seed
        assert plan.objective_usd == pytest.approx(best, abs=1e-6), seed
        tried, moved = tried + 1, moved + bool(plan.shipments)
    assert tried >= 40
    assert moved >= 10


def test_the_bound_without_terms_holds_and_the_plan_made_to_meet_them_is_allowed():
    for seed in range(50):
        document = add_terms(draw_problem(seed), seed)
        problem = Problem.from_json(document)
        proven = solve_problem(problem, SolveOptions(gap_share=1e-9))
        plain = solve_problem(without_terms(problem), SolveOptions(gap_share=1e-9))
        assert plain.objective_usd >= proven.objective_usd - 1e-6, seed
        met = solve_problem(problem, SolveOptions(exact_arcs_limit=0))
        assert audit_plan(document, met.to_json()).violations == [], seed
        assert met.objective_usd <= proven.objective_usd + 1e-6 <= met.bound_usd + 2e-6, seed
