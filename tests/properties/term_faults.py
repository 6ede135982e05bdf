"""One pack over, under or where it may not be, for every optional term: the audit has to find it."""

import copy

import pytest

from pipelines.planning.audit import audit_plan
from tests.properties.altered_plans import clauses, restate, with_packs

TERM_CLAUSES = (
    *("storage", "dock_out_by_day", "dock_in_by_day", "open_days", "owner_rights", "locks", "shelf_life", "minimum_line", "tariff_weight"),
    *("tariff", "churn"),
)


def tighten_terms(problem, plan):
    """The problem with every optional term set to exactly what the plan uses."""
    packs = {(s["item_id"], s["lane_id"]): s["packs"] for s in plan["shipments"]}
    lanes = {lane["lane_id"]: lane for lane in problem["lanes"]}
    items = {item["item_id"]: item for item in problem["items"]}
    tight = copy.deepcopy(problem)
    for place in tight["locations"]:
        name = place["location_id"]
        into = {pair: n * items[pair[0]]["pack_units"] for pair, n in packs.items() if lanes[pair[1]]["destination"] == name}
        out = [n * items[s]["pack_units"] for (s, lane), n in packs.items() if lanes[lane]["origin"] == name]
        place |= {"storage_m3": sum(n * items[s]["volume_m3"] for (s, _), n in into.items()), "closed_days": [9]}
        place |= {"dock_in_units_per_day": sum(into.values()), "dock_out_units_per_day": sum(out), "owner_id": name}
    for name, lane in ((lane["lane_id"], lane) for lane in tight["lanes"]):
        kg = sum(n * items[s]["pack_units"] * items[s]["weight_kg"] for (s, used), n in packs.items() if used == name)
        lane |= {"ship_day": 1, "arrival_day": 3, "weight_bands": [[max(kg, 1e-6), 0.0, 0.0]]}
    for loss in tight["losses"]:
        ends = (loss["item_id"], loss["location_id"])
        loss["lots"] = [[50, 4], [sum(n for (s, lane), n in packs.items() if (s, lanes[lane]["origin"]) == ends), 5]]
    for arc in tight["arcs"]:
        pair = (arc["item_id"], arc["lane_id"])
        arc |= {"min_packs": packs.get(pair, 1), "good_until_day": 5, "last_packs": packs.get(pair, 0), "churn_usd_per_pack": 2.0}
    return tight


def check_closed(problem, plan, tight, pair, expect):
    """A single pack on an arc that a day, an owner or a lock closes is found."""
    packs = {(s["item_id"], s["lane_id"]): s["packs"] for s in plan["shipments"]}
    lanes = {lane["lane_id"]: lane for lane in problem["lanes"]}
    single = with_packs(plan, {pair: 1 - packs[pair]})
    for day in ({"ship_day": 9}, {"arrival_day": 9}):
        expect("open_days", problem | {"locations": tight["locations"], "lanes": with_row(tight["lanes"], pair[1], day)}, single)
    expect("owner_rights", problem | {"locations": tight["locations"], "owner_rights": []}, single)
    for end, way in (("origin", "out"), ("destination", "in"), ("origin", "both")):
        lock = {"item_id": pair[0], "location_id": lanes[pair[1]][end], "way": way}
        expect("locks", problem | {"locks": [lock]}, single)


def check_term_faults(problem, plan, rng, places=8):
    """As check_faults for the optional terms: each is drawn tight around the plan, which must pass, then broken by one pack."""
    found = dict.fromkeys(TERM_CLAUSES, 0)
    packs = {(s["item_id"], s["lane_id"]): s["packs"] for s in plan["shipments"]}
    items = {item["item_id"]: item for item in problem["items"]}
    tight = tighten_terms(problem, plan)
    sound = restate(tight, plan)
    assert clauses(tight, sound) == set()

    def expect(clause, case, faulty):
        assert clause in clauses(case, restate(case, faulty)), (clause, faulty["shipments"])
        found[clause] += 1

    for pair in rng.sample(sorted(packs), min(places, len(packs))):
        over, under = with_packs(plan, {pair: 1}), with_packs(plan, {pair: -1})
        for clause in ("storage", "dock_out_by_day", "dock_in_by_day", "tariff_weight", "shelf_life"):
            if clause != "storage" or items[pair[0]]["volume_m3"] > 1e-5:
                expect(clause, tight, over)
        if packs[pair] > 1:
            expect("minimum_line", tight, under)
        for faulty in (over, under):
            changed = audit_plan(problem, faulty).objective_usd - audit_plan(tight, faulty).objective_usd
            assert changed == pytest.approx(2.0, abs=1e-6), "one pack of change costs its churn"
            found["churn"] += 1
        check_closed(problem, plan, tight, pair, expect)
        charged = problem | {"lanes": with_row(problem["lanes"], pair[1], {"weight_bands": [[1e9, 1.0, 0.0]]})}
        kg = items[pair[0]]["pack_units"] * items[pair[0]]["weight_kg"]
        tariff = [audit_plan(problem, one).objective_usd - audit_plan(charged, one).objective_usd for one in (plan, over)]
        assert tariff[1] - tariff[0] == pytest.approx(kg, rel=1e-6, abs=1e-6), "one pack more pays its rate"
        found["tariff"] += 1
    return found


def with_row(lanes, name, change):
    """The lanes with one of them changed."""
    return [lane | change if lane["lane_id"] == name else lane for lane in lanes]
