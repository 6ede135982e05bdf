"""The rules of the backtest on cases small enough to work out by hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.backtest import rules
from pipelines.domain.policy import Policy
from pipelines.planning.inputs import CaseContext, PlanCase
from pipelines.planning.problem import Problem

TRUTHS = Path(__file__).parents[2] / "golden" / "truths"
LANES = [("A", "B", 30.0), ("A", "C", 30.0), ("B", "A", 30.0), ("B", "C", 30.0), ("C", "A", 30.0), ("C", "B", 30.0)]


def case_of(rows: list[dict], truck_cost_usd: float = 30.0) -> PlanCase:
    """A case of one item per row's item_id in A, B and C; no problem document, which these rules do not read."""
    defaults = {
        "supply_units": 0.0, "window_weeks": 2, "unit_value_usd": 5.0, "units_per_pack": 1, "is_donor": True, "is_receiver": True,
    }  # fmt: skip
    frame = pd.DataFrame([defaults | row for row in rows])
    demand = frame["weekly_mean_units"] * frame["window_weeks"]
    frame["lost_units"] = (demand - frame["available_units"] - frame["supply_units"]).clip(lower=0)
    lanes = pd.DataFrame(
        {
            "lane_id": [f"{a}>{b}" for a, b, _ in LANES],
            "origin": [a for a, _, _ in LANES],
            "destination": [b for _, b, _ in LANES],
            "truck_cost_usd": truck_cost_usd,
            "pallet_cost_usd": 0.0,
            "line_cost_usd": 0.0,
            "cost_usd_per_unit": 1.0,
            "is_usable": True,
        }
    )
    return PlanCase({}, CaseContext(None, Policy(), frame, pd.DataFrame(), lanes))


def stocks(**available: float) -> list[dict]:
    return [
        {"item_id": "x", "location_id": place, "available_units": units, "weekly_mean_units": 5.0} for place, units in available.items()
    ]


def truth(name: str) -> Problem:
    return Problem.from_json(json.loads((TRUTHS / f"{name}.json").read_text()), name)


def listed(moves: pd.DataFrame) -> list[tuple]:
    return list(moves.itertuples(index=False, name=None))


def test_days_of_supply_are_levelled_by_demand():
    rows = stocks(A=30, B=0, C=0)
    rows[2]["weekly_mean_units"] = 10.0
    # 30 units over demands 5, 5, 10: fair shares 7.5, 7.5, 15, in whole units
    assert listed(rules.level_days_of_supply(case_of(rows))) == [("x", "A>B", 7), ("x", "A>C", 15)]


def test_days_of_supply_move_whole_packs_of_what_is_on_hand():
    rows = [row | {"units_per_pack": 6} for row in stocks(A=10, B=0, C=20)]
    rows[0]["supply_units"] = 30.0
    # 60 units in all, 20 each: A has 40, of which 10 are here, one pack of 6 for B
    assert listed(rules.level_days_of_supply(case_of(rows))) == [("x", "A>B", 6)]


def test_an_item_that_nobody_buys_stays_where_it_is():
    assert listed(rules.level_days_of_supply(case_of([row | {"weekly_mean_units": 0.0} for row in stocks(A=9, B=0, C=0)]))) == []


def test_greedy_takes_the_best_pack_first_and_misses_the_better_pair():
    problem = truth("T4")
    packs = rules.take_best(problem)
    at = {(problem.lane_ids[problem.arc_lane[a]]): int(packs[a]) for a in np.flatnonzero(packs)}
    assert at == {"A>B:road": 5}  # 45 USD, where the best plan makes 80


def test_greedy_does_not_see_what_a_lane_costs():
    problem = truth("T2")
    assert rules.take_best(problem).sum() > 0  # the best plan moves nothing


@pytest.mark.parametrize(("truck", "moved"), [(39.0, [("x", "A>B", 10)]), (41.0, [])])
def test_excess_moves_where_the_margin_saved_pays_the_lane(truck, moved):
    # B lacks 10 units worth 5 each, A has 30 and needs 10: 50 of margin less 10 of freight against the truck
    assert listed(rules.match_excess(case_of(stocks(A=30, B=0, C=10), truck))) == moved


def test_excess_is_what_the_window_does_not_need():
    moves = rules.match_excess(case_of(stocks(A=13, B=0, C=10), 1.0))
    assert listed(moves) == [("x", "A>B", 3)]
