"""Problems small enough to solve by hand: the plan, its money and its proof. The figures are stated in the case texts."""

import json
from pathlib import Path

import pytest

from pipelines.planning.problem import Plan, Problem
from pipelines.planning.solve import SolveOptions, solve_problem

TRUTHS = Path(__file__).parents[2] / "golden" / "truths"
EXPECTED = json.loads((TRUTHS / "expected.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_the_plan_is_the_one_worked_out_by_hand(name):
    expected = EXPECTED[name]
    problem = Problem.from_json(json.loads((TRUTHS / f"{name}.json").read_text()), name)
    plan = solve_problem(problem)
    assert plan.status == "OPTIMAL"
    assert plan.objective_usd == pytest.approx(expected["objective_usd"], abs=2e-6)
    assert [[s.item_id, s.lane_id, s.packs] for s in plan.shipments] == expected["shipments"]
    assert plan.bound_usd >= plan.objective_usd
    assert plan.gap_share <= 1e-6
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize("name", EXPECTED)
def test_decomposition_also_finds_the_tiny_plans(name):
    problem = Problem.from_json(json.loads((TRUTHS / f"{name}.json").read_text()), name)
    plan = solve_problem(problem, SolveOptions(exact_arcs_limit=0))
    assert plan.objective_usd == pytest.approx(EXPECTED[name]["objective_usd"], abs=2e-6)
    assert plan.bound_usd >= EXPECTED[name]["objective_usd"] - 2e-6
