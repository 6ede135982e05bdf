"""Each limit of the model, once where it binds and once where it does not, with money worked out by hand.

Base case: A sends s to B, gains 5 at 10 and 5 at 4, unit cost 1, truck 5, pallet 2: all 10 move, 50 + 20 - 10 - 7 = 53.
"""

import pytest

from pipelines.planning.problem import Problem
from pipelines.planning.solve import solve_problem
from tests.unit.planning.base_case import changed

CASES = {
    "received_is_gain_filled: curve holds 10 of 20": ({}, 53),
    "received_is_gain_filled: arc holds less": ({"arcs.0.max_packs": 4}, 40 - 4 - 7),
    "sent_is_loss_filled: donor holds 3": ({"losses.0.segments": [[3, 0]]}, 30 - 3 - 7),
    "sent_is_loss_filled: capped at 3": ({"losses.0.cap_packs": 3}, 30 - 3 - 7),
    "sent_is_loss_filled: cap above need": ({"losses.0.cap_packs": 12}, 53),
    "sent_is_loss_filled: loss beats second gain": ({"losses.0.segments": [[5, -1], [15, -6]]}, 50 - 5 - 5 - 7),
    "lane_kg_fits_pallets: 1000 kg need two": ({"items.0.weight_kg": 100}, 53 - 2),
    "lane_kg_fits_pallets: 600 kg need one": ({"items.0.weight_kg": 60}, 53),
    "lane_kg_fits_pallets: lane's own pallet": ({"items.0.weight_kg": 60, "lanes.0.pallet_kg": 300}, 53 - 2),
    "lane_m3_fits_pallets: 3 m3 need two": ({"items.0.volume_m3": 0.3}, 53 - 2),
    "lane_m3_fits_pallets: 1.8 m3 need one": ({"items.0.volume_m3": 0.18}, 53),
    "lane_m3_fits_pallets: lane's own pallet": ({"items.0.volume_m3": 0.18, "lanes.0.pallet_m3": 1.0}, 53 - 2),
    "pallets_fit_trucks: one pallet a truck": ({"items.0.weight_kg": 100, "lanes.0.pallets_per_truck": 1}, 53 - 2 - 5),
    "pallets_fit_trucks: two pallets a truck": ({"items.0.weight_kg": 100, "lanes.0.pallets_per_truck": 2}, 53 - 2),
    "trucks_within_limit: one truck of 600 kg": (
        {"items.0.weight_kg": 100, "lanes.0.pallets_per_truck": 1, "lanes.0.max_trucks": 1},
        50 + 4 - 6 - 7,
    ),
    "trucks_within_limit: no truck": ({"lanes.0.max_trucks": 0}, 0),
    "used_lane_has_truck, used_lane_has_pallet: weightless goods pay too": ({"items.0.weight_kg": 0, "items.0.volume_m3": 0}, 53),
    "dock_out_within_limit: 4 units": ({"locations.0.dock_out_units": 4}, 40 - 4 - 7),
    "dock_out_within_limit: 10 units": ({"locations.0.dock_out_units": 10}, 53),
    "dock_in_within_limit: 4 units": ({"locations.1.dock_in_units": 4.9}, 40 - 4 - 7),
    "dock_in_within_limit: 10 units": ({"locations.1.dock_in_units": 10}, 53),
    "cost_within_budget: 7 fixed leave 5 units": ({"budget_usd": 12}, 50 - 12),
    "cost_within_budget: enough": ({"budget_usd": 17}, 53),
    "cost_within_budget: not even the truck": ({"budget_usd": 6}, 0),
    "shipment_meets_minimum: 12 kg are out of reach": ({"lanes.0.min_shipment_kg": 12}, 0),
    "shipment_meets_minimum: filled up at a loss": (
        {"lanes.0.min_shipment_kg": 8, "gains.0.segments": [[5, 10], [5, 0.5]]},
        50 + 1.5 - 8 - 7,
    ),
    "shipment_meets_minimum: met anyway": ({"lanes.0.min_shipment_kg": 8}, 53),
    "packs_need_open_line: worth it": ({"arcs.0.line_cost_usd": 3}, 50),
    "packs_need_open_line: not worth it": ({"arcs.0.line_cost_usd": 60}, 0),
    "firm_line_moves_as_agreed: two only": ({"arcs.0.fixed_packs": 2}, 20 - 2 - 7),
    "firm_line_moves_as_agreed: at a loss": ({"arcs.0.fixed_packs": 2, "gains.0.segments": [[5, 1]]}, 2 - 2 - 7),
    "firm_line_moves_as_agreed: as the plan would": ({"arcs.0.fixed_packs": 10}, 53),
    "firm_line_moves_as_agreed: none": ({"arcs.0.fixed_packs": 0}, 0),
    "packs_need_open_lane: truck too dear": ({"lanes.0.truck_cost_usd": 59}, 0),
}


@pytest.mark.parametrize("case", CASES)
def test_the_limit_acts_where_it_binds_and_only_there(case):
    changes, money = CASES[case]
    plan = solve_problem(Problem.from_json(changed(changes)))
    assert plan.status == "OPTIMAL"
    assert plan.objective_usd == pytest.approx(money, abs=1e-6)


def chain(gain_at_b):
    document = changed({})
    free = {"truck_cost_usd": 0, "pallet_cost_usd": 0, "max_trucks": 1}
    document["lanes"] = [free | {"lane_id": f"{a}>{b}", "origin": a, "destination": b} for a, b in ("AB", "BC")]
    document["arcs"] = [{"item_id": "s", "lane_id": lane, "cost_usd_per_unit": 1, "max_packs": 1} for lane in ("A>B", "B>C")]
    document["gains"] = [
        {"item_id": "s", "location_id": "B", "segments": [[1, gain_at_b]]},
        {"item_id": "s", "location_id": "C", "segments": [[1, 20]]},
    ]
    document["losses"] = [{"item_id": "s", "location_id": place, "segments": [[1, -1 if place == "B" else 0]]} for place in "AB"]
    return document


@pytest.mark.parametrize(("gain_at_b", "money"), [(10, 18), (0.5, 18), (30, 29)])
def test_an_item_is_never_both_sent_and_received_at_a_location(gain_at_b, money):
    plan = solve_problem(Problem.from_json(chain(gain_at_b)))
    assert plan.status == "OPTIMAL"
    assert plan.objective_usd == pytest.approx(money, abs=1e-6)
    assert len(plan.shipments) == 1


def test_firm_lines_that_break_a_limit_fail_and_say_which():
    plan = solve_problem(Problem.from_json(changed({"arcs.0.fixed_packs": 8, "locations.0.dock_out_units": 4})))
    assert plan.status == "FAILED"
    assert plan.shipments == []
    assert "dock out" in plan.solve_info["refused"]
