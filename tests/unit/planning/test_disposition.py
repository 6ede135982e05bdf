"""The ladder of options about an imbalance, with money worked out by hand."""

import datetime as dt

import pandas as pd
import pytest

from pipelines.domain.policy_reading import parse_policy
from pipelines.planning.disposition import DISPOSITION_COLUMNS, OPTIONS, dispositions
from pipelines.planning.explain import plan_lines
from pipelines.planning.inputs import build_case
from pipelines.planning.line_facts import PlanView
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem


def ladder(inputs, as_of, **policy):
    case = build_case(**inputs, policy=parse_policy(policy), as_of=as_of)
    plan = solve_problem(Problem.from_json(case.problem), SolveOptions(gap_share=1e-7))
    view = PlanView.of(case, plan)
    lines = plan_lines(case, plan, "r", view)
    found = dispositions(view, lines)
    assert list(found.columns) == DISPOSITION_COLUMNS
    assert (found["net_usd"] - (found["value_usd"] - found["cost_usd"])).abs().max() < 1e-6 if len(found) else True
    assert (found.groupby(["location_id", "item_id"])["is_best"].sum() == 1).all()
    return found.set_index(["location_id", "option"]), lines


def test_a_shortage_is_expedited_served_ordered_or_held(frames, as_of):
    """5 on hand, 7 a week, 4 weeks, 10 due in week 3, where 7 of them sell: 16 lost at margin 5.

    Were the ten here at once, 13 would be lost. An order of today arrives in week 3, where nothing is short.
    """
    due = as_of + dt.timedelta(days=22)
    order = pd.DataFrame(
        [{"location_id": "TX_2", "item_id": "A", "expected_date": due, "qty_units": 10, "source": "po", "reference": "P1"}]
    )
    found, lines = ladder(frames({("A", "CA_1"): 100, ("A", "TX_2"): 5}, inbound=order), as_of)
    short = found.loc["TX_2"]
    assert set(short["imbalance"]) == {"shortage"}
    assert short["imbalance_units"].tolist() == [16.0] * 4, "28 asked for, 5 there, 7 of the late ten sold in their week"
    assert short.loc["inbound", ["option_units", "value_usd", "cost_usd"]].tolist() == [3.0, 15.0, 5.0]
    line = lines[lines["destination"] == "TX_2"].iloc[0]
    assert short.loc["transfer", ["option_units", "value_usd", "cost_usd"]].tolist() == [
        line["units"],
        line["benefit_usd"],
        line["cost_usd"],
    ]
    assert short.loc["reorder", ["option_units", "value_usd"]].tolist() == [0.0, 0.0]
    assert short.loc["hold", "net_usd"] == 0.0
    assert short["is_best"].to_dict() == {"inbound": False, "transfer": True, "reorder": False, "hold": False}


def test_an_order_today_saves_what_is_lost_after_its_lead(frames, as_of):
    inputs = frames({("A", "TX_2"): 5})
    inputs["items"]["supplier_lead_time_days"] = 14
    inputs["stock"]["next_review_days"] = 14
    found, _ = ladder(inputs, as_of, disposition={"order_cost_usd": 3.0})
    short = found.loc["TX_2"]
    assert short.loc["reorder", ["option_units", "value_usd", "cost_usd"]].tolist() == [14.0, 70.0, 3.0]
    assert bool(short.loc["reorder", "is_best"])


def test_a_surplus_is_moved_marked_down_or_held(frames, as_of):
    """100 on hand, 7 a week: 72 at the lowest, 44 beyond four weeks, sold in 44 / 7 weeks at 0.25 a year on 4 USD."""
    found, lines = ladder(frames({("A", "CA_1"): 100, ("A", "TX_2"): 5}), as_of)
    over, units = found.loc["CA_1"], 100 - 28 - 28
    held = 4.0 * 0.25 * (units / 7.0) / 52.0 / 2.0
    assert over["imbalance_units"].tolist() == [float(units)] * 4
    assert over.loc["markdown", "net_usd"] == pytest.approx(held * units - 0.3 * 9.0 * units, abs=1e-5)
    assert over.loc["transfer", "option_units"] == lines["units"].sum()
    assert over.loc["transfer", "net_usd"] == pytest.approx(lines["net_usd"].sum() + held * lines["units"].sum(), abs=1e-5)
    assert bool(over.loc["transfer", "is_best"])


def test_what_nobody_buys_is_marked_down(frames, as_of):
    found, _ = ladder(frames({("A", "CA_1"): (60, 0.0)}), as_of)
    over = found.loc["CA_1"]
    assert over.loc["markdown", "value_usd"] == pytest.approx(60 * 9.0 * 0.7 + 60 * 4.0 * 0.25 / 2.0, abs=1e-5)
    assert bool(over.loc["markdown", "is_best"])


def test_a_balanced_place_has_no_ladder(frames, as_of):
    found, _ = ladder(frames({("A", "CA_1"): 35}), as_of)
    assert len(found) == 0
    assert OPTIONS == ("inbound", "transfer", "reorder", "markdown", "hold")
