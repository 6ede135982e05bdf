"""The audit finds every fault of one pack, and raises no alarm on a sound plan: tiny truths, random instances, proven instances."""

import copy
import json
import random

import pytest

from pipelines.planning.audit import audit_plan
from tests.properties.altered_plans import clauses, restate, solve, with_packs
from tests.properties.drawn_problems import add_terms, draw_problem
from tests.properties.term_faults import TERM_CLAUSES, check_term_faults


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
    for number, (name, lane) in enumerate(lanes.items()):
        kg = sum(n * items[s]["weight_kg"] for (s, used), n in units.items() if used == name)
        m3 = sum(n * items[s]["volume_m3"] for (s, used), n in units.items() if used == name)
        if kg:
            room = {"pallet_kg": kg, "pallet_m3": m3 * 2} if number % 2 else {"pallet_kg": kg * 2, "pallet_m3": m3}
            lane |= room | {"pallets_per_truck": 1, "max_trucks": 1, "min_shipment_kg": kg}
    return tight


def charges(problem, plan):
    """Charges of a plan: what it is worth on the same curves without charges, less what it is worth with them."""
    free = copy.deepcopy(problem)
    for arc in free["arcs"]:
        arc |= {"cost_usd_per_unit": 0.0, "line_cost_usd": 0.0}
    for lane in free["lanes"]:
        lane |= {"truck_cost_usd": 0.0, "pallet_cost_usd": 0.0}
    return audit_plan(free, plan).objective_usd - audit_plan(problem, plan).objective_usd


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


CI_INSTANCES, SOAK_INSTANCES = 500, 10_000


def drawn_case(seed):
    """Instance number `seed`: every second one has optional terms."""
    problem = draw_problem(seed)
    return add_terms(problem, seed) if seed % 2 else problem


@pytest.fixture(scope="module")
def random_plans():
    """Proven plans of 500 random instances, half of them with optional terms."""
    problems = [drawn_case(seed) for seed in range(CI_INSTANCES)]
    return [(problem, solve(problem, gap_share=1e-6)) for problem in problems]


def test_no_false_alarm_on_500_optimal_plans(random_plans):
    alarms = [(n, audit_plan(problem, plan).violations) for n, (problem, plan) in enumerate(random_plans)]
    assert [alarm for alarm in alarms if alarm[1]] == []
    assert sum(plan["status"] == "OPTIMAL" for _, plan in random_plans) == CI_INSTANCES
    assert sum(bool(plan["shipments"]) for _, plan in random_plans[::2]) > 150
    assert sum(bool(plan["shipments"]) for _, plan in random_plans[1::2]) > 100
    print(f"audit: {CI_INSTANCES} optimal plans, no false alarm")


def count_faults(plans, rng):
    """How often each clause had to speak and did, over problems without terms and their plans."""
    total = dict.fromkeys((*CLAUSES, *TERM_CLAUSES), 0)
    for problem, plan in plans:
        for found in (check_faults(problem, plan, rng), check_term_faults(problem, plan, rng)):
            for clause, times in found.items():
                total[clause] += times
    return total


def test_every_clause_finds_its_fault_on_random_instances(random_plans):
    total = count_faults(random_plans[::4], random.Random(4))
    assert min(total.values()) >= 20, total
    print(f"audit: {sum(total.values()):,} faults of one pack, all found: {total}")


@pytest.mark.soak
def test_the_audit_of_ten_thousand_random_instances(soak_seed):
    """`make soak PART=audit`: no false alarm on proven plans, every fault of one pack found."""
    rng, total, proven = random.Random(soak_seed), dict.fromkeys((*CLAUSES, *TERM_CLAUSES), 0), 0
    for seed in range(100_000 * (soak_seed + 1), 100_000 * (soak_seed + 1) + SOAK_INSTANCES):
        problem = drawn_case(seed)
        plan = solve(problem, gap_share=1e-6)
        assert audit_plan(problem, plan).violations == [], seed
        proven += plan["status"] == "OPTIMAL"
        if seed % 10 == 0:
            for clause, times in count_faults([(problem, plan)], rng).items():
                total[clause] += times
    print(f"audit: {SOAK_INSTANCES:,} instances, {proven:,} proven, no false alarm; faults of one pack, all found: {total}")
    assert proven == SOAK_INSTANCES
    assert min(total.values()) >= 100, total


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
        plan = solve(problem, gap_share=0.05, node_limit=50, time_limit_s=60.0)
        assert audit_plan(problem, plan).violations == [], file.name
        assert plan["shipments"], file.name
        found = check_faults(problem, plan, rng, places=4)
        absent = {clause for clause, times in found.items() if not times}
        assert absent <= {"not_both_sent_and_received", "minimum_shipment"}, (file.name, absent)
        for clause, times in (found | check_term_faults(problem, plan, rng, places=3)).items():
            total[clause] = total.get(clause, 0) + times
    assert total.pop("not_both_sent_and_received") == 0, "no place of these instances is both donor and receiver of an item"
    assert min(total.values()) >= 12, total
