"""Problems small enough to solve by hand: the plan, its money and its proof. The figures are stated in the case texts."""

import json
import math
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
    assert plan.bound_usd == pytest.approx(expected["objective_usd"], abs=2e-6)
    assert plan.gap_share <= 1e-6
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@pytest.mark.parametrize("name", EXPECTED)
def test_decomposition_also_finds_the_tiny_plans(name):
    problem = Problem.from_json(json.loads((TRUTHS / f"{name}.json").read_text()), name)
    plan = solve_problem(problem, SolveOptions(exact_arcs_limit=0))
    assert plan.objective_usd == pytest.approx(EXPECTED[name]["objective_usd"], abs=2e-6)
    assert plan.bound_usd >= EXPECTED[name]["objective_usd"] - 2e-6


def expected_cost(stock, mean, holding=1.0, penalty=9.0):
    """Expected cost of one period of Poisson demand: holding on what is left, a penalty on what is short."""
    chance = [math.exp(-mean)]
    chance += [chance[0] * mean**n / math.factorial(n) for n in range(1, 120)]
    return sum(p * (holding * max(stock - n, 0) + penalty * max(n - stock, 0)) for n, p in enumerate(chance))


def newsvendor(lane_usd):
    """Three places under Poisson demand as a problem: curves are differences of expected cost, unit by unit."""
    stock, mean = (40, 5, 12), (15, 18, 10)
    curves = {"gains": [], "losses": []}
    for n in range(3):
        cost = [expected_cost(units, mean[n]) for units in range(61)]
        up = [[1, round(cost[x] - cost[x + 1], 9)] for x in range(stock[n], 60)]
        down = [[1, round(cost[x] - cost[x - 1], 9)] for x in range(stock[n], 0, -1)]
        curves["gains"].append({"item_id": "s", "location_id": f"W{n}", "segments": [pair for pair in up if pair[1] > 0]})
        curves["losses"].append({"item_id": "s", "location_id": f"W{n}", "segments": down})
    ends = [(a, b) for a in range(3) for b in range(3) if a != b]
    lane = {"truck_cost_usd": lane_usd, "pallet_cost_usd": 0, "max_trucks": 1}
    return {
        "format": "evenstock-problem/1",
        "handling_units": {"pallet_kg": 600, "pallet_m3": 1.8, "pallets_per_truck": 26},
        "locations": [{"location_id": f"W{n}"} for n in range(3)],
        "lanes": [lane | {"lane_id": f"{a}->{b}", "origin": f"W{a}", "destination": f"W{b}"} for a, b in ends],
        "items": [{"item_id": "s", "pack_units": 1, "weight_kg": 1, "volume_m3": 0.001}],
        "arcs": [{"item_id": "s", "lane_id": f"{a}->{b}", "cost_usd_per_unit": 0.5, "max_packs": 60} for a, b in ends],
        **curves,
    }


@pytest.mark.parametrize(
    ("lane_usd", "cost", "moves"),
    [
        (0.0, 30.820838, {"0->1": 18, "0->2": 2}),
        (8.0, 39.899856, {"0->1": 18}),
        (117.0, 148.899856, {"0->1": 18}),
        (117.41, 149.309856, {"0->1": 18}),
        (117.4108, 149.310211, {}),
        (118.0, 149.310211, {}),
    ],
)
def test_the_expected_cost_case_from_its_demand(lane_usd, cost, moves):
    idle = sum(expected_cost(units, mean) for units, mean in ((40, 15), (5, 18), (12, 10)))
    assert idle == pytest.approx(149.310211, abs=1e-6)
    plan = solve_problem(Problem.from_json(newsvendor(lane_usd)), SolveOptions(gap_share=1e-9))
    assert idle - plan.objective_usd == pytest.approx(cost, abs=2e-6)
    assert {s.lane_id: s.packs for s in plan.shipments} == moves
