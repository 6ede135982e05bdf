"""Explanations: money adds up to the objective, sentences carry the case's figures, every shortage left alone has its reason."""

import datetime as dt
import itertools
import random

import numpy as np
import pandas as pd
import pytest

from pipelines.domain.policy import Policy
from pipelines.domain.policy_reading import parse_policy
from pipelines.planning.audit import audit_plan
from pipelines.planning.explain import LINE_COLUMNS, plan_lines
from pipelines.planning.inputs import build_case
from pipelines.planning.problem import Problem
from pipelines.planning.shortages import shortages
from pipelines.planning.solve import SolveOptions, solve_problem
from pipelines.planning.stories import explain_lines

SCARCE = {("FOODS_3_090", "CA_1"): 100, ("FOODS_3_090", "TX_2"): 5}
PLACES = ("CA_1", "TX_2", "WI_3")


def make_plan(inputs, as_of, **planning):
    policy = parse_policy({"planning": planning}) if planning else Policy()
    case = build_case(**inputs, policy=policy, as_of=as_of)
    return case, solve_problem(Problem.from_json(case.problem), SolveOptions(gap_share=1e-7))


def reason_codes(case, plan):
    found = shortages(case, plan)
    return {(row.item_id, row.location_id): (row.reason_code, row.reason) for row in found.itertuples()}


def test_the_sentence_that_a_planner_reads_aloud(frames, as_of):
    inputs = frames(SCARCE)
    inputs["lanes"]["lead_time_days_mean"] = 7.0
    case, plan = make_plan(inputs, as_of)
    lines = plan_lines(case, plan, "run-1")
    assert list(lines.columns) == LINE_COLUMNS
    assert lines["reason"].tolist() == [
        "Move 24 units (4 packs of 6) of FOODS_3_090 from CA_1 to TX_2: TX_2 runs out in 0.7 weeks and would lose 23 units before its "
        "next supply on 2016-03-01; CA_1 keeps 10.9 weeks of cover. Worth $30.62, costs $8.65, nets $21.98."
    ]
    line = lines.iloc[0]
    assert (line["units"], line["packs"], line["donor_available_units"], line["donor_share"]) == (24, 4, 100, 0.24)
    assert line["gain_usd"] == pytest.approx(30.625)
    assert line["cost_usd"] == pytest.approx(24 * 0.1 + 0.25 + 5.0 + 1.0)
    covers = [f"{end}_cover_{when}_days" for end in ("donor", "receiver") for when in ("before", "after")]
    assert line[covers].tolist() == [100.0, 76.0, 5.0, 29.0]
    assert (str(line["ship_date"]), str(line["arrival_date"])) == ("2016-02-02", "2016-02-09")


def test_supply_that_is_due_is_named_where_stock_lasts_longer_for_it(frames, as_of):
    inputs = frames(SCARCE)
    due = {"location_id": "TX_2", "item_id": "FOODS_3_090", "expected_date": dt.date(2016, 2, 4), "qty_units": 6, "source": "po"}
    inputs["inbound"] = pd.DataFrame([due | {"reference": "PO-1"}])
    case, plan = make_plan(inputs, as_of)
    lines = plan_lines(case, plan, "r")
    line, (story,) = lines.iloc[0], explain_lines(case, plan, lines).values()
    assert "TX_2 runs out in 1.6 weeks with 6 units due by then and would lose" in line["reason"]
    assert line["receiver_cover_before_days"] == 5.0
    assert "Receiver TX_2: keeps 0.7 weeks of cover on its own stock if nothing moves" in story


def test_out_of_stock_and_a_donor_that_gives_up_sales(frames, as_of):
    stock = {("A", "CA_1"): (17, 3.0), ("A", "TX_2"): 0}
    case, plan = make_plan(frames(stock), as_of)
    reason = plan_lines(case, plan, "r")["reason"].iloc[0]
    assert "TX_2 is out of stock and would lose 28 units" in reason
    assert "gives up $" in reason


@pytest.mark.parametrize("seed", range(15))
def test_lines_add_up_to_the_objective_and_moves_go_from_surplus_to_shortage(frames, as_of, seed):
    rng = random.Random(seed)
    stock = {
        (item, place): (rng.choice([0, 4, 25, 60, 150]), rng.choice([0.7, 5.0, 13.0])) for item, place in itertools.product("ABCD", PLACES)
    }
    inputs = frames(stock)
    inputs["lanes"]["truck_cost_usd"] = [rng.choice([2.0, 15.0]) for _ in range(6)]
    case, plan = make_plan(inputs, as_of, eta=0.8, handling_cost_usd_per_unit=0.05)
    lines = plan_lines(case, plan, "r")
    assert audit_plan(case.problem, plan.to_json()).ok
    assert plan.objective_usd >= 0
    assert lines["net_usd"].sum() == pytest.approx(plan.objective_usd, abs=0.005)
    assert (lines["benefit_usd"] - lines["cost_usd"] - lines["net_usd"]).abs().max() < 1e-5 if len(lines) else plan.objective_usd == 0
    rows = case.context.rows.set_index(["item_id", "location_id"])
    stories = explain_lines(case, plan, lines)
    assert sorted(stories) == sorted(lines["line_id"])
    for line in lines.itertuples():
        giver, taker = rows.loc[(line.item_id, line.origin)], rows.loc[(line.item_id, line.destination)]
        assert taker["lost_units"] > 0
        assert giver["lost_units"] == 0
        assert line.donor_cover_before_days > line.receiver_cover_before_days
        assert line.freight_usd + line.handling_usd <= line.cost_usd + 1e-6
        assert line.break_even_freight_usd >= line.freight_usd - 1e-5, "a line of a proven plan is worth its freight"
        assert line.reason in stories[line.line_id]
    assert lines["line_id"].is_unique
    # In an optimal plan every line bears its part of the truck out of what it earns: none looks worth dropping.
    assert not len(lines) or lines["net_usd"].min() >= -1e-5


def test_a_truck_is_paid_by_what_its_lines_earn_and_not_by_what_fills_it(frames, as_of):
    inputs = frames({("A", "CA_1"): 100, ("A", "TX_2"): 0, ("B", "CA_1"): 100, ("B", "TX_2"): 24})
    inputs["items"].loc[inputs["items"]["item_id"] == "B", "weight_kg"] *= 20.0
    case, plan = make_plan(inputs, as_of)
    lines = plan_lines(case, plan, "r").set_index("item_id")
    assert len(lines) == 2
    fixed = lines["freight_usd"] - 0.1 * lines["units"] - 0.25
    earned = lines["net_usd"] + fixed
    assert fixed["A"] / fixed["B"] == pytest.approx(earned["A"] / earned["B"], rel=1e-4)
    assert fixed["A"] > fixed["B"]


def test_lane_charges_are_given_out_in_full_and_the_marginal_is_shown(frames, as_of):
    stock = {(item, place): units for item in "AB" for place, units in (("CA_1", 100), ("TX_2", 5))}
    case, plan = make_plan(frames(stock), as_of)
    lines = plan_lines(case, plan, "r")
    fixed = lines["freight_usd"] - 0.1 * lines["units"] - 0.25
    assert len(lines) == 2
    assert fixed.tolist() == pytest.approx([3.0, 3.0])
    text = explain_lines(case, plan, lines)[lines["line_id"].iloc[0]]
    assert "share of pallets and trucks $3.00; without this line the lane would cost $0.00 less" in text
    assert "Break-even freight" in text
    assert "No other source pays." in text


def test_the_next_best_source_is_named(frames, as_of):
    inputs = frames({("A", "CA_1"): 100, ("A", "WI_3"): 100, ("A", "TX_2"): 5})
    inputs["lanes"].loc[inputs["lanes"]["lane_id"] == "WI_3>TX_2:road", "cost_usd_per_unit"] = 0.3
    case, plan = make_plan(inputs, as_of)
    lines = plan_lines(case, plan, "r")
    assert lines["lane_id"].tolist() == ["CA_1>TX_2:road"]
    assert "Next best source: WI_3>TX_2:road, $1.20 a pack dearer" in explain_lines(case, plan, lines)[lines["line_id"].iloc[0]]


def test_an_empty_plan_has_typed_columns_and_no_lines(frames, as_of):
    case, plan = make_plan(frames({("A", "CA_1"): 100, ("A", "TX_2"): 100}), as_of)
    lines = plan_lines(case, plan, "r")
    assert list(lines.columns) == LINE_COLUMNS
    assert (str(lines["units"].dtype), str(lines["net_usd"].dtype), str(lines["donor_share"].dtype)) == ("int64", "float64", "float64")
    assert len(shortages(case, plan)) == 0


KEY = ("FOODS_3_090", "TX_2")


def test_each_shortage_has_its_reason(frames, as_of):
    def judge(inputs, **planning):
        return reason_codes(*make_plan(inputs, as_of, **planning))[KEY]

    def changed(**lane):
        inputs = frames(SCARCE)
        inputs["lanes"] = inputs["lanes"].assign(**lane)
        return inputs

    stale, held = frames(SCARCE), frames(SCARCE)
    stale["stock"]["is_stale"] = stale["stock"]["location_id"] == "TX_2"
    held["summary"]["note"] = "forecast lost to a four-week mean: transfers held back"
    docks = frames(SCARCE)
    docks["locations"]["dock_in_units_per_day"] = 1.0
    out = frames(SCARCE)
    out["locations"]["dock_out_units_per_day"] = 1.0
    cases = {
        "stale_data": judge(stale),
        "held_by_tripwire": judge(held),
        "no_surplus": judge(frames(SCARCE | {("FOODS_3_090", "CA_1"): 10})),
        "lane_closed": judge(changed(is_allowed=False)),
        "below_cost": judge(changed(cost_usd_per_unit=2.0)),
        "not_chosen": judge(changed(truck_cost_usd=500.0)),
        "dock_full": judge(docks),
        "budget": judge(frames(SCARCE), weekly_budget_usd=7.5),
    }
    assert {code: found[0] for code, found in cases.items()} == {code: code for code in cases}
    assert "fresh count" in cases["stale_data"][1]
    assert "would earn $11.43 and cost $12.25 in freight, charges and sales given up: $0.82 short of paying" in cases["below_cost"][1]
    assert "no open lane leads from there to TX_2" in cases["lane_closed"][1]
    assert "inbound dock of TX_2 is full at 7 units" in cases["dock_full"][1]
    assert judge(out)[0] == "dock_full"
    assert "outbound dock of CA_1" in judge(out)[1]


def test_a_shortage_that_no_transfer_can_reach_in_time_says_so(frames, as_of):
    inputs = frames({("FOODS_3_090", "CA_1"): 100, KEY: (5, 7.0)})
    inputs["lanes"]["lead_time_days_mean"] = 40.0
    code, reason = reason_codes(*make_plan(inputs, as_of))[KEY]
    assert (code, "faster lane" in reason) == ("below_cost", True)


def test_a_conflict_over_one_donor_is_not_chosen(frames, as_of):
    inputs = frames({("A", "CA_1"): (12, 0.5), ("A", "TX_2"): (0, 6.0), ("A", "WI_3"): (0, 6.0)})
    inputs["lanes"].loc[inputs["lanes"]["lane_id"] == "CA_1>WI_3:road", "cost_usd_per_unit"] = 0.2
    inputs["lanes"]["truck_cost_usd"] = 0.0
    case, plan = make_plan(inputs, as_of)
    assert sum(s.packs for s in plan.shipments) >= 1
    codes = reason_codes(case, plan)
    assert codes["A", "WI_3"][0] == "not_chosen"
    assert shortages(case, plan)["value_usd"].is_monotonic_decreasing


def test_shortages_count_what_the_plan_brings(frames, as_of):
    case, plan = make_plan(frames({("A", "CA_1"): 100, ("A", "TX_2"): (0, 9.0)}), as_of)
    brought = sum(s.packs for s in plan.shipments) * 6
    found = shortages(case, plan)
    assert brought > 0
    assert found["short_units"].tolist() == pytest.approx([36.0 - brought])
    assert found["value_usd"].tolist() == pytest.approx([5.0 * (36.0 - brought)])
    assert np.isfinite(found["value_usd"]).all()
