"""The audit finds every fault of one pack, and raises no alarm on a sound plan: tiny truths, random instances, proven instances."""

import copy
import itertools
import json
import random

import pytest

from pipelines.planning.audit import audit_plan
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem


def draw_problem(seed):
    """A small instance of 2-4 places and 1-4 items with every kind of limit, some of them tight; the same for the same seed."""
    rng = random.Random(seed)
    places = [f"L{n}" for n in range(rng.randint(2, 4))]
    items = [f"S{n}" for n in range(rng.randint(1, 4))]
    lanes = [
        {
            "lane_id": f"{a}-{b}",
            "origin": a,
            "destination": b,
            "truck_cost_usd": rng.choice([0.0, 3.5, 11.0]),
            "pallet_cost_usd": rng.choice([0.0, 0.8]),
            "max_trucks": rng.choice([0, 1, 3]),
            "min_shipment_kg": rng.choice([0.0, 0.0, 4.0]),
            **({"pallet_kg": 5.0, "pallets_per_truck": 2} if rng.random() < 0.3 else {}),
        }
        for a, b in itertools.permutations(places, 2)
        if rng.random() < 0.8
    ]

    def curve(best, drop):
        values = sorted((round(rng.uniform(best - drop, best), 6) for _ in range(rng.randint(1, 3))), reverse=True)
        return [[rng.randint(1, 4), value] for value in values]

    arcs = [
        {"item_id": s, "lane_id": lane["lane_id"], "cost_usd_per_unit": round(rng.uniform(0, 1.5), 6), "max_packs": rng.randint(1, 6)}
        | ({"line_cost_usd": 0.25} if rng.random() < 0.3 else {})
        for s in items
        for lane in lanes
        if rng.random() < 0.8
    ]
    return {
        "format": "evenstock-problem/1",
        "handling_units": {"pallet_kg": 40.0, "pallet_m3": 0.1, "pallets_per_truck": 3},
        "locations": [
            {"location_id": p, "dock_out_units": rng.choice([6.0, 1e9]), "dock_in_units": rng.choice([9.0, 1e9])} for p in places
        ],
        "lanes": lanes,
        "items": [
            {
                "item_id": s,
                "pack_units": rng.choice([1, 2, 6]),
                "weight_kg": round(rng.uniform(0.1, 3), 6),
                "volume_m3": round(rng.uniform(0.001, 0.01), 6),
            }
            for s in items
        ],
        "arcs": arcs,
        "gains": [{"item_id": s, "location_id": p, "segments": curve(12.0, 9.0)} for s in items for p in places],
        "losses": [
            {"item_id": s, "location_id": p, "segments": curve(1.0, 6.0)} | ({"cap_packs": 3} if rng.random() < 0.2 else {})
            for s in items
            for p in places
        ],
        "budget_usd": rng.choice([None, None, 30.0]),
    }


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


def tighten(problem, plan):
    """The problem with every limit set to exactly what the plan uses."""
    tight = copy.deepcopy(problem)
    packs = {(s["item_id"], s["lane_id"]): s["packs"] for s in plan["shipments"]}
    lanes = {lane["lane_id"]: lane for lane in tight["lanes"]}
    items = {item["item_id"]: item for item in tight["items"]}
    units = {pair: n * items[pair[0]]["pack_units"] for pair, n in packs.items()}
    for arc in tight["arcs"]:
        arc["max_packs"] = packs.get((arc["item_id"], arc["lane_id"]), 0)
    for place in tight["locations"]:
        for end, name in (("origin", "dock_out_units"), ("destination", "dock_in_units")):
            place[name] = sum(n for (_, lane), n in units.items() if lanes[lane][end] == place["location_id"])
    for end, curves in (("origin", tight["losses"]), ("destination", tight["gains"])):
        for curve in curves:
            left = sum(n for (s, lane), n in packs.items() if s == curve["item_id"] and lanes[lane][end] == curve["location_id"])
            cut = []
            for width, value in curve["segments"]:
                cut.append([min(width, left), value])
                left -= min(width, left)
            curve["segments"] = [segment for segment in cut if segment[0]]
    for name, lane in lanes.items():
        kg = sum(n * items[s]["weight_kg"] for (s, used), n in units.items() if used == name)
        m3 = sum(n * items[s]["volume_m3"] for (s, used), n in units.items() if used == name)
        if kg:
            lane |= {"pallet_kg": kg, "pallet_m3": m3 * 2, "pallets_per_truck": 1, "max_trucks": 1, "min_shipment_kg": kg}
    return tight


def charges(problem, plan):
    """Charges of a plan: what it is worth on the same curves without charges, less what it is worth with them."""
    free = copy.deepcopy(problem)
    for arc in free["arcs"]:
        arc |= {"cost_usd_per_unit": 0.0, "line_cost_usd": 0.0}
    for lane in free["lanes"]:
        lane |= {"truck_cost_usd": 0.0, "pallet_cost_usd": 0.0}
    return audit_plan(free, plan).objective_usd - audit_plan(problem, plan).objective_usd


def clauses(problem, plan):
    return {violation.clause for violation in audit_plan(problem, plan).violations}


def check_faults(problem, plan, rng, places=8):
    """Try one pack over, under and moved at sampled places of a plan; return how often each clause had to speak and did."""
    found = dict.fromkeys(CLAUSES, 0)
    used = [(s["item_id"], s["lane_id"]) for s in plan["shipments"]]
    listed = [(arc["item_id"], arc["lane_id"]) for arc in problem["arcs"]]
    tight = tighten(problem, plan)
    sound = restate(tight, plan)
    assert clauses(tight, sound) == set()
    lanes = {lane["lane_id"]: lane for lane in problem["lanes"]}

    def expect(clause, case, faulty):
        assert clause in clauses(case, faulty), (clause, faulty["shipments"])
        found[clause] += 1

    for pair in rng.sample(used, min(places, len(used))):
        over, under = with_packs(plan, {pair: 1}), with_packs(plan, {pair: -1})
        broken = clauses(tight, restate(tight, over))
        for clause in ("arc_cap", "donor_cap", "receiver_cap", "dock_out", "dock_in", "trucks"):
            assert clause in broken, (clause, pair)
            found[clause] += 1
        if any(s["lane_id"] == pair[1] for s in under["shipments"]):
            expect("minimum_shipment", tight, restate(tight, under))
        firm = copy.deepcopy(problem)
        next(a for a in firm["arcs"] if (a["item_id"], a["lane_id"]) == pair)["fixed_packs"] = next(
            s["packs"] for s in plan["shipments"] if (s["item_id"], s["lane_id"]) == pair
        )
        assert clauses(firm, restate(firm, plan)) == set()
        expect("firm_lines", firm, restate(firm, over))
        expect("firm_lines", firm, restate(firm, under))
        spent, more = charges(problem, plan), charges(problem, over)
        if more > spent + 1e-3:
            limited = problem | {"budget_usd": spent}
            assert clauses(limited, restate(limited, plan)) == set()
            expect("budget", limited, restate(limited, over))
        for faulty in (over, under):
            if abs(audit_plan(problem, faulty).objective_usd - plan["objective_usd"]) > 1e-4 * max(1.0, plan["objective_usd"]):
                expect("objective", problem, faulty)
        worth = audit_plan(problem, under).objective_usd
        gap = (plan["objective_usd"] - worth) / max(1.0, plan["objective_usd"])
        if gap > 2e-4:
            claim = under | {"status": "OPTIMAL", "objective_usd": worth, "bound_usd": plan["objective_usd"], "bound_kind": "mip"}
            expect("status", problem, claim | {"gap_share": gap})
            expect("bound", problem, claim | {"gap_share": 0.0})
        expect("bound", problem, restate(problem, plan) | {"bound_usd": plan["objective_usd"] - 0.01 - 1e-5 * plan["objective_usd"]})
        expect("whole_packs", problem, with_packs(plan, {pair: 0.5}))
        expect("listed_lanes", problem, with_packs(plan, {("nothing", pair[1]): 1}))
        expect("status", problem, plan | {"status": "FALLBACK"})
        astray = copy.deepcopy(problem)
        next(lane for lane in astray["lanes"] if lane["lane_id"] == pair[1])["destination"] = "nowhere"
        expect("conservation", astray, plan)
        for other in [arc for arc in listed if arc != pair and arc not in used][:2]:
            moved = with_packs(plan, {pair: -1, other: 1})
            expect("arc_cap", tight, restate(tight, moved))
            assert clauses(problem, moved) or audit_plan(problem, moved).objective_usd == pytest.approx(plan["objective_usd"], rel=1e-6)
        back = [arc for arc in listed if arc[0] == pair[0] and lanes[arc[1]]["destination"] == lanes[pair[1]]["origin"]]
        for arc in back[:1]:
            expect("not_both_sent_and_received", problem, restate(problem, with_packs(plan, {arc: 1})))
    return found


CLAUSES = (
    "whole_packs",
    "listed_lanes",
    "arc_cap",
    "donor_cap",
    "receiver_cap",
    "not_both_sent_and_received",
    "dock_out",
    "dock_in",
    "trucks",
    "minimum_shipment",
    "budget",
    "firm_lines",
    "conservation",
    "objective",
    "bound",
    "status",
)


@pytest.fixture(scope="module")
def random_plans():
    """Optimal plans of 200 random instances."""
    problems = [draw_problem(seed) for seed in range(200)]
    return [(problem, solve(problem, gap_share=1e-6)) for problem in problems]


def test_no_false_alarm_on_200_optimal_plans(random_plans):
    alarms = [(n, audit_plan(problem, plan).violations) for n, (problem, plan) in enumerate(random_plans)]
    assert [alarm for alarm in alarms if alarm[1]] == []
    assert sum(plan["status"] == "OPTIMAL" for _, plan in random_plans) == 200
    assert sum(bool(plan["shipments"]) for _, plan in random_plans) > 120


def test_every_clause_finds_its_fault_on_random_instances(random_plans):
    rng, total = random.Random(4), dict.fromkeys(CLAUSES, 0)
    for problem, plan in random_plans:
        for clause, times in check_faults(problem, plan, rng).items():
            total[clause] += times
    assert min(total.values()) >= 20, total


def test_an_altered_document_has_another_signature(random_plans):
    problem, plan = next((problem, plan) for problem, plan in random_plans if plan["shipments"])
    first = audit_plan(problem, plan).signature
    assert first == audit_plan(json.loads(json.dumps(problem)), json.loads(json.dumps(plan))).signature
    assert first != audit_plan(problem, plan | {"objective_usd": plan["objective_usd"] + 1e-9}).signature
    assert first != audit_plan(problem | {"budget_usd": 1e6}, plan).signature


def test_every_fault_is_found_on_the_proven_instances(real_data):
    files = sorted((real_data / "proven").glob("p*.json"))
    assert len(files) == 12
    rng, total = random.Random(9), dict.fromkeys(CLAUSES, 0)
    for file in files:
        problem = json.loads(file.read_text())
        plan = solve(problem, gap_share=0.05, node_limit=50, time_limit_s=3.0)
        assert audit_plan(problem, plan, 0.05).violations == [], file.name
        assert plan["shipments"], file.name
        found = check_faults(problem, plan, rng, places=4)
        absent = {clause for clause, times in found.items() if not times}
        assert absent <= {"not_both_sent_and_received", "minimum_shipment"}, (file.name, absent)
        for clause, times in found.items():
            total[clause] += times
    assert total.pop("not_both_sent_and_received") == 0, "no place of these instances is both donor and receiver of an item"
    assert min(total.values()) >= 12, total
