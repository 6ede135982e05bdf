"""What must hold for any problem: proven optima agree with brute force and with CBC, and change as they should with the problem."""

import copy
import itertools
import json

import numpy as np
import pulp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.planning.bounds import arc_limits
from pipelines.planning.formulation import add_rows, build, packs_need_open_lane
from pipelines.planning.objective import evaluate, violations
from pipelines.planning.problem import Problem
from pipelines.planning.relaxation import Prices, Relaxation
from pipelines.planning.solve import SolveOptions, solve_problem

SEEDS = st.integers(0, 10**6)
FEW = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
FEWER = settings(FEW, max_examples=5)
EXACT = SolveOptions(gap_share=1e-9)


def segments(rng, best, count, packs):
    values = np.sort(rng.uniform(best - 12, best, count))[::-1]
    return [[int(rng.integers(1, packs + 1)), round(float(value), 4)] for value in values]


def random_lanes(rng, names, special):
    return [
        {
            "lane_id": f"{a}>{b}",
            "origin": a,
            "destination": b,
            "truck_cost_usd": round(float(rng.uniform(0, 15)), 3),
            "pallet_cost_usd": round(float(rng.uniform(0, 5)), 3),
            "max_trucks": int(rng.integers(1, 4)),
            "min_shipment_kg": round(float(rng.uniform(0, 400)), 2) if special and rng.random() < 0.2 else 0,
        }
        for a, b in itertools.permutations(names, 2)
        if rng.random() < 0.8
    ]


def random_problem(seed, places=4, items=6, packs=4, special=True):
    """A small problem with every kind of limit switched on at random."""
    rng = np.random.default_rng(seed)
    names = [f"P{i}" for i in range(places)]
    lanes = random_lanes(rng, names, special)
    goods = [
        {"item_id": f"i{s}", "pack_units": int(rng.choice([1, 2, 6])), "weight_kg": round(float(rng.uniform(1, 90)), 3), "volume_m3": 0.05}
        for s in range(items)
    ]
    arcs, gains, losses = [], [], []
    for item in goods:
        for name in names:
            kind = rng.random()
            if kind < 0.55:
                gains.append({"item_id": item["item_id"], "location_id": name, "segments": segments(rng, 25, 3, packs)})
            if kind > 0.45:
                loss = {"item_id": item["item_id"], "location_id": name, "segments": segments(rng, 1, 2, packs)}
                losses.append(loss | ({"cap_packs": int(rng.integers(1, 5))} if special and rng.random() < 0.3 else {}))
        for lane in lanes:
            arc = {"item_id": item["item_id"], "lane_id": lane["lane_id"], "cost_usd_per_unit": round(float(rng.uniform(0, 1)), 3)}
            arc["max_packs"] = int(rng.integers(1, packs + 1))
            arcs.append(arc | ({"line_cost_usd": 3.0} if special and rng.random() < 0.2 else {}))
    docks = [{"location_id": n, "dock_out_units": int(rng.integers(5, 40)), "dock_in_units": int(rng.integers(5, 40))} for n in names]
    return {
        "format": "evenstock-problem/1",
        "handling_units": {"pallet_kg": 300, "pallet_m3": 1.2, "pallets_per_truck": 2},
        "locations": docks,
        "lanes": lanes,
        "items": goods,
        "arcs": arcs,
        "gains": gains,
        "losses": losses,
        "budget_usd": round(float(rng.uniform(20, 150)), 2) if special and rng.random() < 0.4 else None,
    }


def proven(document):
    plan = solve_problem(Problem.from_json(document), EXACT)
    assert plan.status == "OPTIMAL"
    return plan


@FEW
@given(SEEDS)
def test_brute_force_finds_nothing_better_on_micro_problems(seed):
    document = random_problem(seed, places=3, items=2, packs=2)
    document["arcs"] = document["arcs"][:6]
    problem = Problem.from_json(document)
    tried = itertools.product(*(range(most + 1) for most in problem.arc_max_packs))
    best = max(evaluate(problem, np.array(packs)).total for packs in tried if not violations(problem, np.array(packs)))
    assert proven(document).objective_usd == pytest.approx(best, abs=1e-6)


@FEW
@given(SEEDS)
def test_cbc_gives_the_same_optimum(seed):
    problem = Problem.from_json(random_problem(seed))
    m = build(problem, arc_limits(problem))
    add_rows(m, packs_need_open_lane)
    m.lp.solve(pulp.PULP_CBC_CMD(msg=False, gapRel=0, gapAbs=1e-7, timeLimit=60))
    assert m.lp.sol_status == pulp.LpSolutionOptimal
    assert proven(problem.to_json()).objective_usd == pytest.approx(pulp.value(m.lp.objective), abs=1e-4)


@FEWER
@given(SEEDS)
def test_every_plan_is_allowed_and_below_its_bound_however_it_was_made(seed):
    problem = Problem.from_json(random_problem(seed, items=10))
    best = solve_problem(problem, EXACT)
    for options in (SolveOptions(exact_arcs_limit=0), SolveOptions(node_limit=0), SolveOptions(time_limit_s=0.0)):
        plan = solve_problem(problem, options)
        index = {
            (problem.item_ids[i], problem.lane_ids[lane]): a
            for a, (i, lane) in enumerate(zip(problem.arc_item, problem.arc_lane, strict=True))
        }
        packs = np.zeros(problem.arcs, dtype=int)
        for line in plan.shipments:
            packs[index[line.item_id, line.lane_id]] = line.packs
        assert violations(problem, packs) == []
        assert evaluate(problem, packs).total == pytest.approx(plan.objective_usd, abs=1e-9)
        assert -1e-9 <= plan.objective_usd <= best.objective_usd + 1e-6
        assert plan.bound_usd >= best.objective_usd - 1e-6
        assert plan.status in ("OPTIMAL", "FEASIBLE", "FALLBACK")


@FEW
@given(SEEDS)
def test_any_multipliers_bound_the_optimum(seed):
    problem = Problem.from_json(random_problem(seed))
    rng = np.random.default_rng(seed)
    limits = arc_limits(problem)
    best = proven(problem.to_json()).objective_usd
    relaxation = Relaxation(problem, limits)
    for scale in (0.0, 1.0, 8.0):
        prices = Prices(
            rng.uniform(0, 0.3, len(problem.location_ids)) * scale,
            rng.uniform(0, 0.3, len(problem.location_ids)) * scale,
            rng.uniform(0, 3, len(problem.lane_ids)) * scale,
            rng.uniform(0, 3, len(problem.lane_ids)) * scale,
            float(rng.uniform(0, 0.2) * scale) if np.isfinite(problem.budget_usd) else 0.0,
            rng.uniform(0, 2, problem.arcs) * scale,
        )
        assert relaxation.price(prices)[0] >= best - 1e-6


@FEWER
@given(SEEDS)
def test_relaxing_a_limit_never_lowers_the_optimum(seed):
    document = random_problem(seed)
    before = proven(document).objective_usd
    wider = copy.deepcopy(document)
    for location in wider["locations"]:
        location["dock_out_units"] += 5
        location["dock_in_units"] += 5
    assert proven(wider).objective_usd >= before - 1e-6
    for change in ({"budget_usd": None}, {"lanes": [lane | {"min_shipment_kg": 0} for lane in document["lanes"]]}):
        assert proven(document | change).objective_usd >= before - 1e-6
    more = document | {"arcs": [arc | {"max_packs": arc["max_packs"] + 2} for arc in document["arcs"]]}
    assert proven(more).objective_usd >= before - 1e-6
    uncapped = [{key: value for key, value in loss.items() if key != "cap_packs"} for loss in document["losses"]]
    assert proven(document | {"losses": uncapped}).objective_usd >= before - 1e-6


@FEW
@given(SEEDS, st.sampled_from([0.25, 4.0]))
def test_scaling_all_money_scales_the_optimum(seed, factor):
    document = random_problem(seed)
    scaled = copy.deepcopy(document)
    for lane in scaled["lanes"]:
        lane["truck_cost_usd"] *= factor
        lane["pallet_cost_usd"] *= factor
    for arc in scaled["arcs"]:
        arc["cost_usd_per_unit"] *= factor
        arc["line_cost_usd"] = arc.get("line_cost_usd", 0) * factor
    for curve in scaled["gains"] + scaled["losses"]:
        curve["segments"] = [[packs, value * factor] for packs, value in curve["segments"]]
    if scaled["budget_usd"] is not None:
        scaled["budget_usd"] *= factor
    assert proven(scaled).objective_usd == pytest.approx(factor * proven(document).objective_usd, rel=1e-6, abs=1e-6)


@FEW
@given(SEEDS)
def test_new_names_for_items_and_locations_change_no_money(seed):
    document = random_problem(seed)
    text = json.dumps(document)
    for old, new in (("P0", "zz0"), ("P1", "yy1"), ("P2", "xx2"), ("P3", "ww3"), ('"i0"', '"z"'), ('"i3"', '"a"')):
        text = text.replace(old, new)
    assert proven(json.loads(text)).objective_usd == pytest.approx(proven(document).objective_usd, abs=1e-6)


@FEWER
@given(SEEDS)
def test_the_order_of_entries_changes_not_one_byte_of_the_plan(seed):
    document = random_problem(seed)
    shuffled = copy.deepcopy(document)
    rng = np.random.default_rng(seed)
    for name in ("locations", "lanes", "items", "arcs", "gains", "losses"):
        rng.shuffle(shuffled[name])
    for options in (SolveOptions(), SolveOptions(exact_arcs_limit=0)):
        plans = [json.dumps(solve_problem(Problem.from_json(d), options).to_json()) for d in (document, shuffled, document)]
        assert plans[0] == plans[1] == plans[2]


@FEW
@given(SEEDS)
def test_the_lp_of_any_problem_is_not_below_its_optimum(seed):
    problem = Problem.from_json(random_problem(seed))
    m = build(problem, arc_limits(problem))
    m.lp.solve(pulp.PULP_CBC_CMD(msg=False, mip=False))
    assert pulp.value(m.lp.objective) >= proven(problem.to_json()).objective_usd - 1e-4
