"""Items over their life: phase-out and draw-down, peaks, and one receipt of a hub split over places that need it."""

import datetime as dt

import numpy as np
import pytest

from pipelines.domain.policy_reading import parse_policy
from pipelines.planning.disposition import dispositions
from pipelines.planning.explain import plan_lines
from pipelines.planning.inputs import build_case
from pipelines.planning.line_facts import PlanView
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem

SCARCE = {("A", "CA_1"): 100, ("A", "TX_2"): 5}


def solve(inputs, as_of, **policy):
    case = build_case(**inputs, policy=parse_policy(policy), as_of=as_of)
    problem = Problem.from_json(case.problem)
    plan = solve_problem(problem, SolveOptions(gap_share=1e-7))
    return case, plan, plan_lines(case, plan, "r", PlanView.of(case, plan, problem))


def phased_out(frames, stock, end, weekly_units=7.0):
    inputs = frames(stock, weekly_units=weekly_units)
    inputs["items"]["lifecycle"] = "phase_out"
    inputs["items"]["end_date"] = end
    return inputs


def row_of(case, place):
    rows = case.context.rows
    return rows[rows["location_id"] == place].iloc[0]


@pytest.mark.parametrize(("days", "window", "lost"), [(21, 3, 16.0), (17, 3, 12.0), (3, 1, 0.0)])
def test_what_is_phased_out_is_planned_to_its_last_day_of_sale(frames, as_of, days, window, lost):
    """5 on hand, a unit a day: what is asked for until the last day less 5 is lost, and no supply comes."""
    case, _, _ = solve(phased_out(frames, SCARCE, as_of + dt.timedelta(days=days)), as_of)
    assert (row_of(case, "TX_2")["window_weeks"], row_of(case, "TX_2")["lost_units"]) == (window, pytest.approx(lost))


def test_a_phase_out_without_an_end_reaches_over_the_whole_horizon(frames, as_of):
    case, _, lines = solve(phased_out(frames, SCARCE, None), as_of)
    assert row_of(case, "TX_2")["window_weeks"] == 8  # the forecast's weeks; lead and review alone are 4
    assert "within 8 weeks, as it is phased out and gets no new supply" in lines["reason"].iloc[0]


def test_an_end_of_sale_before_the_next_supply_ends_the_window(frames, as_of):
    end = as_of + dt.timedelta(days=9)
    inputs = frames(SCARCE)
    inputs["items"]["end_date"] = end
    case, _, lines = solve(inputs, as_of, planning={"gamma": 1.0, "eta": 1.0})
    assert row_of(case, "TX_2")["lost_units"] == pytest.approx(4.0)
    assert f"before its last day of sale on {end.isoformat()}" in lines["reason"].iloc[0]


def test_drawing_down_gives_away_what_the_rest_of_its_life_does_not_sell(frames, as_of):
    """CA_1 sells 56 of 100 in eight weeks to the end, TX_2 lacks 51 and gets three weeks of it a plan."""
    end = as_of + dt.timedelta(days=56)
    case, _, lines = solve(phased_out(frames, SCARCE, end), as_of, planning={"gamma": 1.0, "eta": 1.0})
    assert row_of(case, "CA_1")["floor_units"] == pytest.approx(44.0)
    assert lines["units"].sum() == 24  # 21 units in packs of 6
    assert lines["loss_usd"].sum() == 0.0


def test_the_surplus_of_a_phase_out_needs_no_cover_and_no_order_helps_its_shortage(frames, as_of):
    end = as_of + dt.timedelta(days=14)
    inputs = phased_out(frames, {("A", "CA_1"): 40, ("A", "WI_3"): 2}, end)
    inputs["lanes"]["is_allowed"] = False
    inputs["items"]["supplier_lead_time_days"] = 2
    case, plan, lines = solve(inputs, as_of)
    found = dispositions(PlanView.of(case, plan), lines).set_index(["location_id", "option"])
    assert found.loc[("CA_1", "hold"), "imbalance_units"] == pytest.approx(26.0)  # 40 less two weeks of 7
    assert found.loc[("WI_3", "reorder"), "option_units"] == 0.0


def test_a_peak_is_pre_positioned_by_the_lead_time_of_its_lane(frames, as_of):
    """A promotion asks for 40 units in week 2, over a lane of two weeks: the last plan that can serve it does so at full weight."""
    inputs = frames({("A", "CA_1"): (200, 1.0), ("A", "TX_2"): (14, 7.0)})
    peak = (inputs["weekly"]["location_id"] == "TX_2") & (inputs["weekly"]["week_index"] == 2)
    inputs["weekly"].loc[peak, "mean_units"] = 40.0
    worth = {}
    for days in (7, 14, 21):
        inputs["lanes"]["lead_time_days_mean"] = float(days)
        case, _, _ = solve(inputs, as_of, planning={"gamma": 0.5, "eta": 1.0})
        gains = {row["location_id"]: row["segments"] for row in case.problem["gains"]}
        worth[days] = sum(packs * usd for packs, usd in gains.get("TX_2", []))
    # 40 lost in week 2 and 7 in week 3 at margin 5: one lane faster a later plan could still serve them, one slower it is too late
    assert worth[14] == pytest.approx(5 * (40 + 0.5 * 7))
    assert worth[7] == pytest.approx(5 * (0.5 * 40 + 0.25 * 7))
    assert worth[21] == pytest.approx(5 * 7)


def test_a_hub_splits_what_it_received_over_those_who_need_it_in_whole_cartons(frames, as_of):
    """120 units lie in a hub that sells none; two places lack 23 each of 28 in four weeks: four cartons of 6 to each."""
    inputs = frames({("A", "CA_1"): (120, 0.0), ("A", "TX_2"): 5, ("A", "WI_3"): 5})
    _, _, lines = solve(inputs, as_of, planning={"gamma": 1.0, "eta": 1.0})
    assert dict(zip(lines["destination"], lines["units"], strict=True)) == {"TX_2": 24, "WI_3": 24}
    few = frames({("A", "CA_1"): (30, 0.0), ("A", "TX_2"): 5, ("A", "WI_3"): 5})
    _, _, scarce = solve(few, as_of, planning={"gamma": 1.0, "eta": 1.0})
    assert scarce["units"].sum() == 30
    assert (scarce["units"] % 6 == 0).all()
    assert np.isclose(scarce["net_usd"].sum(), scarce["benefit_usd"].sum() - scarce["cost_usd"].sum())
