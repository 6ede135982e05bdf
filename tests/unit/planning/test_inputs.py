"""From marts to a planning case: netting, windows, arrivals, learned lanes, limits, and the order of rows."""

import datetime as dt
import inspect
import json

import numpy as np
import pandas as pd
import pytest

from pipelines.domain.errors import InputRefused
from pipelines.domain.policy import Policy
from pipelines.domain.policy_reading import parse_policy
from pipelines.forecasting import forecast
from pipelines.planning.case_document import UNLIMITED_UNITS
from pipelines.planning.inputs import build_case
from pipelines.planning.item_locations import HELD_MARKS
from pipelines.planning.problem import Problem

POLICY = Policy()
BALANCED = {("A", "CA_1"): 100, ("A", "TX_2"): 5, ("A", "WI_3"): 20, ("B", "CA_1"): 0, ("B", "TX_2"): (90, 2.0)}
SCARCE = {("A", "CA_1"): 100, ("A", "TX_2"): 5}
ROAD = "CA_1>TX_2:road"


def row_of(case, item, place):
    rows = case.context.rows
    return rows[(rows["item_id"] == item) & (rows["location_id"] == place)].iloc[0]


def arc_of(case, lane, item="A"):
    return next((arc for arc in case.problem["arcs"] if (arc["item_id"], arc["lane_id"]) == (item, lane)), None)


def gain_usd(case, item="A", place="TX_2"):
    found = [row for row in case.problem["gains"] if (row["item_id"], row["location_id"]) == (item, place)]
    return sum(packs * value for packs, value in found[0]["segments"]) if found else 0.0


def with_lane(frames, lane, **values):
    lanes = frames["lanes"].copy()
    for name, value in values.items():
        lanes.loc[lanes["lane_id"] == lane, name] = value
    return frames | {"lanes": lanes}


def learned(lane, days=2.0, yield_share=1.0):
    return pd.DataFrame(
        {
            "lane_id": [lane],
            "lead_time_days_mean": [days],
            "lead_time_days_sd": [1.0],
            "yield_share": [yield_share],
            "evidence_n": [30],
        }
    )


def test_the_problem_is_one_that_the_solver_accepts_and_moves_go_from_surplus_to_shortage(frames, as_of):
    case = build_case(**frames(BALANCED), policy=POLICY, as_of=as_of)
    problem = Problem.from_json(json.loads(json.dumps(case.problem)))
    assert problem.arcs == 3
    assert {arc["lane_id"] for arc in case.problem["arcs"]} == {ROAD, "CA_1>WI_3:road", "TX_2>CA_1:road"}


def test_the_order_of_rows_changes_nothing(frames, as_of):
    inputs = frames(BALANCED)
    inputs["firm_lines"] = pd.DataFrame(
        [firm_line(as_of, "L1", 6), firm_line(as_of, "L2", 12)],
    )
    shuffled = {name: frame.sample(frac=1.0, random_state=3) for name, frame in inputs.items()}
    first = build_case(**inputs, policy=POLICY, as_of=as_of)
    second = build_case(**shuffled, policy=POLICY, as_of=as_of)
    assert json.dumps(first.problem) == json.dumps(second.problem)
    pd.testing.assert_frame_equal(first.context.pairs, second.context.pairs)


def test_curve_values_follow_the_hand_computed_case(frames, as_of):
    """5 on hand, 7 a week, 4 weeks, arrival at the start of week 1: 7 + 7 + 7 units are lost, a pack of 6 at margin 5 and eta 0.5."""
    inputs = with_lane(frames(SCARCE), ROAD, lead_time_days_mean=7.0)
    case = build_case(**inputs, policy=POLICY, as_of=as_of)
    assert case.problem["gains"] == [{"item_id": "A", "location_id": "TX_2", "segments": [[1, 15.0], [1, 8.75], [1, 5.0], [1, 1.875]]}]
    assert case.problem["losses"] == [{"item_id": "A", "location_id": "CA_1", "segments": [[12, 0.0], [4, -15.0]]}]
    assert row_of(case, "A", "TX_2")["lost_units"] == pytest.approx(23.0)
    assert row_of(case, "A", "TX_2")["runs_out_weeks"] == pytest.approx(5 / 7)


def test_reserved_blocked_and_firm_stock_cannot_be_sent(frames, as_of):
    inputs = frames(SCARCE)
    for name, value in (("reserved_units", 10), ("blocked_units", 5), ("firm_out_units", 20)):
        inputs["stock"].loc[inputs["stock"]["location_id"] == "CA_1", name] = value
    row = row_of(build_case(**inputs, policy=POLICY, as_of=as_of), "A", "CA_1")
    assert (row["available_units"], row["donor_cap_packs"]) == (65.0, 10)
    poor = frames(SCARCE)
    poor["stock"]["blocked_units"] = 500
    assert build_case(**poor, policy=POLICY, as_of=as_of).problem["arcs"] == []


def firm_line(as_of, line_id, units, state="approved"):
    return {
        "line_id": line_id,
        "transfer_id": f"T{line_id}",
        "item_id": "A",
        "origin": "CA_1",
        "destination": "TX_2",
        "qty_planned_units": 99,
        "qty_approved_units": units,
        "expected_arrival_date": as_of + dt.timedelta(days=2),
        "state": state,
    }


def test_firm_lines_leave_the_donor_reach_the_receiver_and_use_docks(frames, as_of):
    free = build_case(**frames(SCARCE), policy=POLICY, as_of=as_of)
    inputs = frames(SCARCE, firm_lines=pd.DataFrame([firm_line(as_of, "L1", 12)]))
    firm = build_case(**inputs, policy=POLICY, as_of=as_of)
    assert row_of(firm, "A", "CA_1")["available_units"] == 88.0
    assert row_of(firm, "A", "TX_2")["lost_units"] == row_of(free, "A", "TX_2")["lost_units"] - 12
    docks = {place["location_id"]: place for place in firm.problem["locations"]}
    assert (docks["CA_1"]["dock_out_units"], docks["TX_2"]["dock_in_units"], docks["WI_3"]["dock_in_units"]) == (688.0, 688.0, 700.0)
    inputs["stock"].loc[inputs["stock"]["location_id"] == "CA_1", "firm_out_units"] = 12
    again = build_case(**inputs, policy=POLICY, as_of=as_of)
    assert again.problem == firm.problem, "the mart's and the ledger's view of the same firm line count once"


@pytest.mark.parametrize("state", ["shipped", "received", "rejected", "proposed"])
def test_lines_that_are_not_firm_count_nothing(frames, as_of, state):
    inputs = frames(SCARCE, firm_lines=pd.DataFrame([firm_line(as_of, "L1", 12, state)]))
    assert build_case(**inputs, policy=POLICY, as_of=as_of).problem == build_case(**frames(SCARCE), policy=POLICY, as_of=as_of).problem


def inbound(day, units, reference="P1"):
    return pd.DataFrame(
        [{"location_id": "TX_2", "item_id": "A", "expected_date": day, "qty_units": units, "source": "po", "reference": reference}]
    )


def test_inbound_counts_from_the_week_of_its_date(frames, as_of):
    def lost(days, units=14):
        inputs = frames(SCARCE, inbound=inbound(as_of + dt.timedelta(days=days), units))
        return row_of(build_case(**inputs, policy=POLICY, as_of=as_of), "A", "TX_2")["lost_units"]

    assert [lost(days) for days in (0, 1, 4, 5, 11, 26, 60)] == [9.0, 9.0, 9.0, 9.0, 9.0, 23.0, 23.0]
    assert [lost(days, 21) for days in (4, 11, 12, 18)] == [2.0, 2.0, 9.0, 9.0]
    assert [lost(-days, 21) for days in (4, 11, 12, 18, 60)] == [2.0, 2.0, 9.0, 9.0, 23.0], "overdue by n days: believed in n days"


def test_a_line_that_is_in_transit_already_is_not_counted_twice(frames, as_of):
    arriving = inbound(as_of + dt.timedelta(days=2), 12, "L1")
    alone = build_case(**frames(SCARCE, inbound=arriving), policy=POLICY, as_of=as_of)
    both = frames(SCARCE, inbound=arriving, firm_lines=pd.DataFrame([firm_line(as_of, "L1", 12, "picked")]))
    case = build_case(**both, policy=POLICY, as_of=as_of)
    assert row_of(case, "A", "TX_2")["lost_units"] == row_of(alone, "A", "TX_2")["lost_units"]
    assert row_of(case, "A", "CA_1")["available_units"] == 88.0, "it has not left its donor yet, and its dock is still to be used"
    assert case.problem["locations"][0]["dock_out_units"] == 688.0


def test_the_window_is_review_plus_lead_within_the_horizon(frames, as_of):
    def windows(lead, review, **extra):
        inputs = frames(SCARCE)
        inputs["items"] = inputs["items"].assign(supplier_lead_time_days=lead, review_period_days=review)
        inputs["stock"] = inputs["stock"].assign(**extra)
        case = build_case(**inputs, policy=POLICY, as_of=as_of)
        return [int(row_of(case, "A", place)["window_weeks"]) for place in ("CA_1", "TX_2")]

    assert [windows(*days)[1] for days in ((21, 7), (None, None), (7, 7), (0, 1), (700, 7))] == [4, 4, 2, 1, 8]
    assert windows(21, 14, next_review_days=1) == [3, 3]
    assert windows(21, 14, next_review_days=[14, 1]) == [5, 3], "each item-location has its own reviews"
    assert windows(21, 14, next_review_days=[None, 7]) == [5, 4], "nobody ordered it: a whole period is waited"
    assert windows(None, None, next_review_days=[1, None]) == [3, 4]


def test_eta_scales_curves_and_gamma_only_what_a_later_plan_could_save(frames, as_of):
    def case(**planning):
        return build_case(**frames(SCARCE), policy=parse_policy({"planning": planning}), as_of=as_of)

    assert gain_usd(case(eta=0.8)) == pytest.approx(1.6 * gain_usd(case(eta=0.5)), rel=1e-6)
    assert gain_usd(case(gamma=0.2)) < gain_usd(case(gamma=0.5)) < gain_usd(case(gamma=1.0))


def test_a_learned_lead_time_moves_cost_a_little_when_it_moves_a_little(frames, as_of):
    stock = {("A", "CA_1"): 100, ("A", "TX_2"): 5, ("A", "WI_3"): 100}

    def costs(days):
        case = build_case(**frames(stock, lane_parameters=learned(ROAD, days)), policy=POLICY, as_of=as_of)
        return arc_of(case, ROAD)["cost_usd_per_unit"], arc_of(case, "WI_3>TX_2:road")["cost_usd_per_unit"]

    steps = np.array([costs(days) for days in np.arange(2.0, 16.0, 0.5)])
    assert steps[0].tolist() == [0.1, 0.1]
    assert (np.diff(steps[:, 0]) > 0).all(), "later on one lane costs more"
    assert np.diff(steps[:, 0]).max() < 0.12
    assert (steps[:, 1] == 0.1).all(), "the other lane stays the fastest"
    assert costs(1.0)[1] > 0.1, "and pays when the first becomes faster"


def test_the_curve_of_the_only_lane_moves_continuously_with_its_lead_time(frames, as_of):
    def gain(days):
        return gain_usd(build_case(**frames(SCARCE, lane_parameters=learned(ROAD, days)), policy=POLICY, as_of=as_of))

    values = np.array([gain(days) for days in np.arange(0.0, 27.0, 0.75)])
    assert np.abs(np.diff(values)).max() < 0.08 * values.max()
    assert gain(30.0) == 0.0, "after the window a transfer saves nothing"


def test_expected_damage_costs_the_goods_and_the_gain_forgone(frames, as_of):
    case = build_case(**frames(SCARCE, lane_parameters=learned(ROAD, 7.0, 0.9)), policy=POLICY, as_of=as_of)
    assert arc_of(case, ROAD)["cost_usd_per_unit"] == pytest.approx(0.1 + 0.1 * (4.0 + 15.0 / 6.0), abs=1e-6)


def test_a_weight_tariff_charges_every_kg_and_its_minimum_with_the_truck(frames, as_of):
    plain, rated = frames(SCARCE), frames(SCARCE)
    rated["items"]["weight_kg"] = 2.5
    plain["items"]["weight_kg"] = 2.5
    rated["lanes"]["rate_usd_per_kg"], rated["lanes"]["minimum_cost_usd"] = 0.04, 12.0
    before, after = (build_case(**inputs, policy=Policy(), as_of=as_of).problem for inputs in (plain, rated))
    costs = [{(a["item_id"], a["lane_id"]): a["cost_usd_per_unit"] for a in case["arcs"]} for case in (before, after)]
    assert costs[1]
    for arc, cost in costs[1].items():
        assert cost - costs[0][arc] == pytest.approx(0.04 * 2.5)
    trucks = [{lane["lane_id"]: lane["truck_cost_usd"] for lane in case["lanes"]} for case in (before, after)]
    for lane, cost in trucks[1].items():
        assert cost - trucks[0][lane] == pytest.approx(12.0)


def test_handling_duty_and_customs_enter_cost_and_arrival(frames, as_of):
    inputs = with_lane(frames(SCARCE), ROAD, duty_share=0.1, customs_days=5)
    case = build_case(**inputs, policy=parse_policy({"planning": {"handling_cost_usd_per_unit": 0.2}}), as_of=as_of)
    assert arc_of(case, ROAD)["cost_usd_per_unit"] == pytest.approx(0.1 + 0.2 + 0.4)
    lane = case.context.lanes.set_index("lane_id").loc[ROAD]
    assert (lane["ship_date"], lane["arrival_date"]) == (as_of + dt.timedelta(days=1), as_of + dt.timedelta(days=8))
    assert lane["arrival_weeks"] == pytest.approx(1.0)


def test_a_lane_ships_on_its_weekdays_only(frames, as_of):
    assert as_of.isoweekday() == 1
    lanes = build_case(**with_lane(frames(SCARCE), ROAD, weekdays="15"), policy=POLICY, as_of=as_of).context.lanes.set_index("lane_id")
    assert lanes.loc[ROAD, "ship_date"] == as_of + dt.timedelta(days=4)
    assert lanes.loc[ROAD, "arrival_weeks"] == pytest.approx(5 / 7)


def test_no_arc_where_nothing_may_move(frames, as_of):
    def arcs(inputs):
        return len(build_case(**inputs, policy=POLICY, as_of=as_of).problem["arcs"])

    assert arcs(frames(SCARCE)) == 1
    assert arcs(with_lane(frames(SCARCE), ROAD, is_allowed=False)) == 0
    assert arcs(with_lane(frames(SCARCE), ROAD, cost_usd_per_unit=50.0)) == 0
    assert arcs(with_lane(frames(SCARCE), ROAD, line_cost_usd=5000.0)) == 0
    assert arcs(with_lane(frames(SCARCE), ROAD, truck_cost_usd=5000.0)) == 1, "lanes share trucks: their price prunes nothing"
    for place in ("CA_1", "TX_2"):
        stale = frames(SCARCE)
        stale["stock"].loc[stale["stock"]["location_id"] == place, "is_stale"] = True
        assert arcs(stale) == 0
    gone = frames(SCARCE)
    assert arcs(gone | {"items": gone["items"].assign(lifecycle="discontinued")}) == 0
    assert arcs(gone | {"items": gone["items"].assign(end_date=as_of)}) == 0
    assert arcs(gone | {"weekly": gone["weekly"].iloc[:0]}) == 0


@pytest.mark.parametrize("place", ["CA_1", "TX_2"])
def test_a_tripped_forecast_holds_transfers_back(frames, as_of, place):
    inputs = frames(SCARCE)
    note = f"forecast lost to a four-week mean: {HELD_MARKS[0]}"
    inputs["summary"].loc[inputs["summary"]["location_id"] == place, "note"] = note
    case = build_case(**inputs, policy=POLICY, as_of=as_of)
    assert case.problem["arcs"] == []
    assert row_of(case, "A", place)["is_held"]
    assert HELD_MARKS[0] in inspect.getsource(forecast), "the forecast's note no longer says what planning looks for"


def test_null_docks_are_unlimited_budget_and_share_cap_come_from_policy(frames, as_of):
    inputs = frames(SCARCE)
    inputs["locations"].loc[0, "dock_out_units_per_day"] = None
    policy = parse_policy({"planning": {"weekly_budget_usd": 123.0, "donor_share_cap": 0.25}})
    case = build_case(**inputs, policy=policy, as_of=as_of)
    assert case.problem["locations"][0]["dock_out_units"] == UNLIMITED_UNITS
    assert case.problem["budget_usd"] == 123.0
    assert sum(packs for packs, _ in case.problem["losses"][0]["segments"]) == 4


def test_stock_of_an_unknown_item_is_refused_by_name(frames, as_of):
    inputs = frames(SCARCE)
    with pytest.raises(InputRefused, match="'A'"):
        build_case(**inputs | {"items": inputs["items"].iloc[:0]}, policy=POLICY, as_of=as_of)


def test_an_empty_network_gives_an_empty_problem(frames, as_of):
    inputs = frames(SCARCE)
    inputs |= {"stock": inputs["stock"].iloc[:0]}
    case = build_case(**inputs, policy=POLICY, as_of=as_of)
    assert (case.problem["arcs"], case.problem["items"], case.problem["lanes"]) == ([], [], [])
    assert Problem.from_json(case.problem).arcs == 0
