"""Frozen item-locations neither give nor take, keep what is firm, say so where they are short, and are valued for what they block."""

import datetime as dt

import pandas as pd
import pytest

from pipelines.domain.errors import InputRefused
from pipelines.domain.policy import Policy
from pipelines.planning.frozen import name_frozen, value_frozen
from pipelines.planning.inputs import build_case
from pipelines.planning.problem import Problem
from pipelines.planning.shortages import shortages
from pipelines.planning.solve import SolveOptions, solve_problem

STOCK = {("A", "CA_1"): (200, 2.0), ("A", "TX_2"): 5, ("A", "WI_3"): 4, ("B", "CA_1"): (90, 2.0), ("B", "TX_2"): 0}
ENTRY = {"item_id": "A", "location_id": "TX_2", "reasons": ["stock_replay: unit mix-up: 5, expected 30"],
         "rows": [{"feed": "wms_stock", "file": "stock.csv", "line": 7}]}  # fmt: skip


def plan_of(frames, as_of, frozen=None, **changes):
    case = build_case(**frames(STOCK, **changes), policy=Policy(), as_of=as_of, frozen=frozen)
    plan = solve_problem(Problem.from_json(case.problem), SolveOptions(5.0, 1e-4, 1000, 2000, 0))
    return case, plan


def ends(case, plan):
    lanes = {lane["lane_id"]: lane for lane in case.problem["lanes"]}
    return {(s.item_id, lanes[s.lane_id][end]) for s in plan.shipments for end in ("origin", "destination")}


@pytest.mark.parametrize("pair", [("A", "TX_2"), ("A", "CA_1")])
def test_a_frozen_receiver_takes_nothing_and_a_frozen_donor_gives_nothing_and_the_rest_is_planned(frames, as_of, pair):
    assert pair in ends(*plan_of(frames, as_of))
    case, plan = plan_of(frames, as_of, {pair: "unit mix-up"})
    assert pair not in ends(case, plan)
    assert ("B", "CA_1") in ends(case, plan)
    touched = [(arc["item_id"], arc["lane_id"]) for arc in case.problem["arcs"] if arc["item_id"] == pair[0] and pair[1] in arc["lane_id"]]
    assert touched == []


def test_a_shortage_says_that_it_is_frozen_and_which_row_to_fix(frames, as_of):
    case, plan = plan_of(frames, as_of, name_frozen([ENTRY]))
    row = shortages(case, plan).set_index(["item_id", "location_id"]).loc[("A", "TX_2")]
    assert row["reason_code"] == "frozen"
    assert row["reason"].startswith("frozen: stock_replay: unit mix-up: 5, expected 30; fix wms_stock stock.csv line 7.")


def test_firm_lines_of_a_frozen_pair_stay(frames, as_of):
    line = {"line_id": "L1", "transfer_id": "T1", "item_id": "A", "origin": "CA_1", "destination": "TX_2", "qty_planned_units": 12,
            "qty_approved_units": 12, "expected_arrival_date": as_of + dt.timedelta(days=2), "state": "approved"}  # fmt: skip
    free, _ = plan_of(frames, as_of, {("A", "TX_2"): "x"})
    firm, _ = plan_of(frames, as_of, {("A", "TX_2"): "x"}, firm_lines=pd.DataFrame([line]))

    def lost(case):
        return case.context.rows.set_index(["item_id", "location_id"]).loc[("A", "TX_2"), "lost_units"]

    assert lost(firm) == lost(free) - 12


def test_freeing_is_worth_the_margin_of_what_could_move(frames, as_of):
    case, plan = plan_of(frames, as_of, {("A", "TX_2"): "x"})
    rows = case.context.rows.set_index(["item_id", "location_id"])
    worth = value_frozen(case, plan)
    assert set(worth) == {("A", "TX_2")}
    short = rows.loc[("A", "TX_2"), "lost_units"]
    sent = sum(s.packs * 6 for s in plan.shipments if s.item_id == "A")
    spare = rows.loc[("A", "CA_1"), "floor_units"] - sent
    assert worth["A", "TX_2"]["units"] == pytest.approx(min(short, spare), abs=0.01)
    assert worth["A", "TX_2"]["usd"] == pytest.approx(0.5 * 5.0 * worth["A", "TX_2"]["units"], abs=0.01)
    assert value_frozen(*plan_of(frames, as_of)) == {}


def test_stock_of_an_unknown_item_is_left_out_if_frozen_and_refused_if_not(frames, as_of):
    inputs = frames(STOCK)
    inputs["items"] = inputs["items"][inputs["items"]["item_id"] != "B"]
    with pytest.raises(InputRefused, match="item 'B' has stock but no row in dim_item"):
        build_case(**inputs, policy=Policy(), as_of=as_of)
    frozen = {("B", "CA_1"): "references_known", ("B", "TX_2"): "references_known"}
    case = build_case(**inputs, policy=Policy(), as_of=as_of, frozen=frozen)
    assert set(case.context.rows["item_id"]) == {"A"}
