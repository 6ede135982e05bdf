"""Each optional term, once where it binds and once where it does not, with money worked out by hand; on the exact and the decomposed path.

Base case: A sends s to B, gains 5 at 10 and 5 at 4, unit cost 1, truck 5, pallet 2: all 10 move, 50 + 20 - 10 - 7 = 53.
"""

import pytest

from pipelines.planning.audit import audit_plan
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem
from tests.unit.planning.base_case import changed

OWNED = {"locations.0.owner_id": "own", "locations.1.owner_id": "partner"}
LOCK = {"item_id": "s", "location_id": "A"}
FIRM = {"arcs.0.fixed_packs": 2}
FIRM_WORTH = 20 - 2 - 7

CASES = {
    "arrivals_fit_storage: room for 4": ({"locations.1.storage_m3": 0.0045}, 40 - 4 - 7),
    "arrivals_fit_storage: room for 10": ({"locations.1.storage_m3": 0.010}, 53),
    "arrivals_fit_storage: elsewhere": ({"locations.0.storage_m3": 0.0}, 53),
    "dock_out_within_day: 4 units": ({"lanes.0.ship_day": 1, "locations.0.dock_out_units_per_day": 4}, 40 - 4 - 7),
    "dock_out_within_day: 10 units": ({"lanes.0.ship_day": 1, "locations.0.dock_out_units_per_day": 10}, 53),
    "dock_out_within_day: a lane without a day": ({"locations.0.dock_out_units_per_day": 4}, 53),
    "dock_in_within_day: 4 units": ({"lanes.0.arrival_day": 3, "locations.1.dock_in_units_per_day": 4}, 40 - 4 - 7),
    "dock_in_within_day: 10 units": ({"lanes.0.arrival_day": 3, "locations.1.dock_in_units_per_day": 10}, 53),
    "closed_day_moves_nothing: arrives on it": ({"lanes.0.arrival_day": 3, "locations.1.closed_days": [3, 4]}, 0),
    "closed_day_moves_nothing: leaves on it": ({"lanes.0.ship_day": 3, "locations.0.closed_days": [3]}, 0),
    "closed_day_moves_nothing: another day": ({"lanes.0.arrival_day": 3, "locations.1.closed_days": [4]}, 53),
    "closed_day_moves_nothing: firm": ({"lanes.0.arrival_day": 3, "locations.1.closed_days": [3]} | FIRM, FIRM_WORTH),
    "goods_stay_with_owner: no right": (OWNED | {"owner_rights": []}, 0),
    "goods_stay_with_owner: the other way": (OWNED | {"owner_rights": [["partner", "own"]]}, 0),
    "goods_stay_with_owner: a right": (OWNED | {"owner_rights": [["own", "partner"]]}, 53),
    "goods_stay_with_owner: one owner": ({"owner_rights": []}, 53),
    "goods_stay_with_owner: rights are not kept": (OWNED, 53),
    "goods_stay_with_owner: firm": (OWNED | {"owner_rights": []} | FIRM, FIRM_WORTH),
    "locked_item_stays: out": ({"locks": [LOCK | {"way": "out", "reason": "promotion"}]}, 0),
    "locked_item_stays: both": ({"locks": [LOCK]}, 0),
    "locked_item_stays: in, at the origin": ({"locks": [LOCK | {"way": "in"}]}, 53),
    "locked_item_stays: in, at the destination": ({"locks": [LOCK | {"way": "in", "location_id": "B"}]}, 0),
    "locked_item_stays: firm": ({"locks": [LOCK]} | FIRM, FIRM_WORTH),
    "lots_last_until_needed: 3 last": ({"losses.0.lots": [[12, 5], [3, 30]], "arcs.0.good_until_day": 6}, 30 - 3 - 7),
    "lots_last_until_needed: all last": ({"losses.0.lots": [[12, 5], [3, 30]], "arcs.0.good_until_day": 5}, 53),
    "lots_last_until_needed: any lot will do": ({"losses.0.lots": [[2, 5], [2, 30]]}, 40 - 4 - 7),
    "lots_last_until_needed: lots are not kept": ({"arcs.0.good_until_day": 6}, 53),
    "line_meets_minimum: more than can be received": ({"arcs.0.min_packs": 11}, 0),
    "line_meets_minimum: filled up at a loss": ({"arcs.0.min_packs": 8, "gains.0.segments": [[5, 10], [5, 0.5]]}, 50 + 1.5 - 8 - 7),
    "line_meets_minimum: not worth it": ({"arcs.0.min_packs": 8, "gains.0.segments": [[1, 10], [9, 0.5]]}, 0),
    "line_meets_minimum: met anyway": ({"arcs.0.min_packs": 8}, 53),
    "line_meets_minimum: firm": ({"arcs.0.min_packs": 8} | FIRM, FIRM_WORTH),
    "lane_kg_within_tariff: to 4 kg": ({"lanes.0.weight_bands": [[4, 0, 0]]}, 40 - 4 - 7),
    "tariff_covers_minimum: at least 6": ({"lanes.0.weight_bands": [[50, 0.1, 6]]}, 53 - 6),
    "tariff_covers_rate: 1 a kg": ({"lanes.0.weight_bands": [[50, 1, 6]]}, 53 - 10),
    "tariff_covers_rate: 3.5 a kg buys the first five only": ({"lanes.0.weight_bands": [[50, 3.5, 6]]}, 50 - 5 - 17.5 - 7),
    "declared_kg_below_band_end: the second band is cheaper": ({"lanes.0.weight_bands": [[8, 2, 0], [50, 1, 0]]}, 53 - 10),
    "declared_kg_above_band_start: declared at 12": ({"lanes.0.weight_bands": [[12, 2, 0], [50, 1, 0]]}, 53 - 12),
    "used_lane_has_band: only where it is used": ({"lanes.0.weight_bands": [[50, 0, 54]]}, 0),
    "cost_within_budget: the tariff counts": ({"lanes.0.weight_bands": [[50, 0, 5]], "budget_usd": 17}, 50 - 12 - 5),
    "cost_within_budget: the tariff fits": ({"lanes.0.weight_bands": [[50, 0, 5]], "budget_usd": 22}, 53 - 5),
    "change_counts_more: a new line": ({"arcs.0.churn_usd_per_pack": 3.5}, 50 - 5 - 7 - 17.5),
    "change_counts_less: kept although it does not pay": (
        {"arcs.0.churn_usd_per_pack": 1, "arcs.0.last_packs": 12, "gains.0.segments": [[5, 10], [15, 0.25]]},
        50 + 1.75 - 12 - 7,
    ),
    "change_counts_less: gone": ({"arcs.0.churn_usd_per_pack": 1, "arcs.0.last_packs": 12, "lanes.0.max_trucks": 0}, -12),
    "change_counts_more, change_counts_less: as before": ({"arcs.0.churn_usd_per_pack": 9, "arcs.0.last_packs": 10}, 53),
}


@pytest.mark.parametrize("case", CASES)
def test_the_term_acts_where_it_binds_and_only_there(case):
    changes, money = CASES[case]
    document = changed(changes)
    plan = solve_problem(Problem.from_json(document))
    assert plan.status == "OPTIMAL"
    assert plan.objective_usd == pytest.approx(money, abs=1e-6)
    assert audit_plan(document, plan.to_json()).violations == []


@pytest.mark.parametrize("case", CASES)
def test_a_method_that_knows_no_terms_meets_them_and_its_bound_holds(case):
    changes, money = CASES[case]
    document = changed(changes)
    plan = solve_problem(Problem.from_json(document), SolveOptions(exact_arcs_limit=0))
    assert plan.status in ("OPTIMAL", "FEASIBLE")
    assert plan.objective_usd <= money + 1e-6
    assert plan.bound_usd >= money - 1e-6
    assert audit_plan(document, plan.to_json()).violations == []


def test_two_modes_share_one_receiver_and_the_closed_one_stays_empty():
    document = changed({"locations.1.closed_days": [2]})
    document["lanes"][0] |= {"arrival_day": 5}
    document["lanes"].append(document["lanes"][0] | {"lane_id": "A>B:air", "truck_cost_usd": 1, "arrival_day": 2})
    document["arcs"].append(document["arcs"][0] | {"lane_id": "A>B:air"})
    plan = solve_problem(Problem.from_json(document))
    assert [(s.lane_id, s.packs) for s in plan.shipments] == [("A>B", 10)]
    document["locations"][1]["closed_days"] = [5]
    plan = solve_problem(Problem.from_json(document))
    assert [(s.lane_id, s.packs) for s in plan.shipments] == [("A>B:air", 10)]


def test_lots_are_shared_by_the_lines_that_need_them():
    document = changed({"losses.0.lots": [[4, 5], [6, 30]], "arcs.0.good_until_day": 20})
    document["lanes"][0] |= {"truck_cost_usd": 1, "pallet_cost_usd": 0}
    document["lanes"].append(document["lanes"][0] | {"lane_id": "A>C", "destination": "C"})
    document["arcs"].append(document["arcs"][0] | {"lane_id": "A>C", "good_until_day": 5})
    document["gains"].append({"item_id": "s", "location_id": "C", "segments": [[10, 9]]})
    plan = solve_problem(Problem.from_json(document))
    assert {s.lane_id: s.packs for s in plan.shipments} == {"A>B": 5, "A>C": 5}
    assert audit_plan(document, plan.to_json()).ok


def test_firm_lines_that_break_a_term_fail_and_say_which():
    plan = solve_problem(Problem.from_json(changed({"arcs.0.fixed_packs": 8, "locations.1.storage_m3": 0.004})))
    assert plan.status == "FAILED"
    assert "storage" in plan.solve_info["refused"]
