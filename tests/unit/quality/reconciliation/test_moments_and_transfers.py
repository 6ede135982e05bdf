"""Orders against the moments of their shipments, transfers against what was dispatched and told before, scopes against the masters."""

import datetime as dt

import pandas as pd
import pytest

from quality.reconciliation.documents import check_documents
from quality.reconciliation.moments import check_moments
from quality.reconciliation.scopes import check_scopes
from quality.reconciliation.transfers import check_transfers

DAY = dt.date(2026, 1, 6)
BEFORE = dt.date(2026, 1, 5)


def orders(day, count, hour=9):
    at = [pd.Timestamp(day) + pd.Timedelta(hours=hour, minutes=n) for n in range(count)]
    lines = {"order_id": [f"O{day.day}-{n}" for n in range(count)], "line_no": 1, "location_id": "A", "item_id": "I0"}
    return pd.DataFrame({**lines, "channel": "store", "ordered_at": at}), pd.DataFrame({**lines, "shipped_at": at})


def judge_moments(**moved):
    (past_orders, past_goods), (now, goods) = orders(BEFORE, 80), orders(DAY, 10)
    for column, hours in moved.items():
        frame = now if column in now else goods
        frame.loc[:2, column] += pd.Timedelta(hours=hours)
    frames = {"erp_sales_orders": now, "wms_shipments": goods}
    (check,), failing = check_moments(frames, {"erp_sales_orders": past_orders, "wms_shipments": past_goods}, DAY)
    return check, failing


def test_lines_handed_over_at_the_moment_of_their_order_stay_so():
    assert judge_moments()[0].passed


def test_goods_that_left_before_their_order_freeze_and_a_new_way_is_named():
    check, failing = judge_moments(ordered_at=1)
    assert {(entry.location_id, entry.item_id) for entry in failing} == {("A", "I0")} and len(check.examples) == 3
    assert "earlier that day than ordered_at" in check.examples[0]
    check, failing = judge_moments(shipped_at=24)
    assert not failing and (check.severity, len(check.examples)) == ("warn", 3)
    assert check.examples[0].startswith("O6-0 1 (A, I0): ") and "on a later day than ordered_at" in check.examples[0]


def test_sixty_earlier_lines_tell_of_a_way():
    (past, gone), (now, goods) = orders(BEFORE, 59), orders(DAY, 3, hour=10)
    goods["shipped_at"] -= pd.Timedelta(hours=5)
    frames = {"erp_sales_orders": now, "wms_shipments": goods}
    (check,), failing = check_moments(frames, {"erp_sales_orders": past, "wms_shipments": gone}, DAY)
    assert check.passed and not failing


def transfer(state, day=DAY, name="T1", **changes):
    units = {"released": (0, 0), "picked": (6, 0)}.get(state, (6, 6))
    row = {
        "transfer_id": name, "line_id": f"{name}-1", "item_id": "I0", "lot_id": None, "origin": "A", "destination": "B", "mode": "road",
        "qty_requested": 6, "qty_picked": units[0], "qty_shipped": units[1], "state": state,
        "at": pd.Timestamp(day) + pd.Timedelta(hours=6),
        "_source_line": 2,
    }  # fmt: skip
    return row | changes


def dispatched(*names, day=DAY, **changes):
    line = {"item_id": "I0", "origin": "A", "destination": "B", "mode": "road", "qty_requested": 6, "ship_date": pd.Timestamp(day)}
    return pd.DataFrame([{"transfer_id": name, "line_id": f"{name}-1", **line, **changes} for name in names])


def judge_transfers(rows, before=(), sent=None):
    known = {"wms_transfers": pd.DataFrame(list(before))} if before else {}
    checks, failing = check_transfers({"wms_transfers": pd.DataFrame(rows)}, known, pd.DataFrame() if sent is None else sent, DAY)
    return {check.name: check for check in checks if not check.passed}, failing


def test_units_once_picked_or_shipped_stay():
    before = [transfer("released", BEFORE), transfer("picked", BEFORE), transfer("shipped", BEFORE)]
    assert judge_transfers([transfer("received")], before) == ({}, [])
    failed, failing = judge_transfers([transfer("received", qty_picked=7, qty_shipped=5)], before)
    assert failed["transfer_units"].examples == ("T1 T1-1 received: qty_shipped 5, 6 when shipped",)
    assert {entry.location_id for entry in failing} == {"A", "B"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"qty_requested": 60}, "qty_requested 60, 6 in the order"),
        ({"item_id": "I1"}, "item_id I1, I0 in the order"),
        ({"destination": "C"}, "destination C, B in the order"),
        ({"line_id": "T1-9"}, "no such line was dispatched"),
    ],
)
def test_a_released_line_is_as_it_was_dispatched(changes, why):
    assert judge_transfers([transfer("released")], sent=dispatched("T1")) == ({}, [])
    failed, failing = judge_transfers([transfer("released", **changes)], sent=dispatched("T1"))
    assert why in failed["transfers_dispatched"].examples[0] and failing


def test_transfers_of_another_system_are_left_alone_unless_all_were_ours():
    stranger = transfer("released", name="X9")
    assert judge_transfers([stranger], sent=dispatched("T1")) == ({}, [])
    failed, _ = judge_transfers([stranger], [transfer("released", BEFORE)], dispatched("T1"))
    assert "no such line was dispatched" in failed["transfers_dispatched"].examples[0]


def test_an_order_that_nobody_took_on_is_named_where_all_others_were():
    sent = pd.concat([dispatched("T1", day=BEFORE), dispatched("T2", "T3")], ignore_index=True)
    before, now = [transfer("released", BEFORE)], [transfer("released", name="T2")]
    failed, failing = judge_transfers(now, before, sent)
    assert failed["transfers_taken_on"].examples == ("T3 T3-1: I0 from A to B, no row",)
    assert [(entry.location_id, entry.line) for entry in failing] == [("A", 0), ("B", 0)]
    late = pd.concat([sent, dispatched("T0", day=BEFORE)], ignore_index=True)
    assert judge_transfers(now, before, late) == ({}, []), "one was late before"


def test_a_lot_keeps_its_expiry_date():
    def stock(expiry, lot="L1"):
        dates = {"date": pd.Timestamp(DAY), "expiry_date": pd.to_datetime([expiry]).astype("datetime64[us]")}
        return pd.DataFrame({"location_id": ["A"], "item_id": "I0", "lot_id": lot, "on_hand": 5, "_source_line": 2, **dates})

    def failed(now, before):
        checks, _ = check_documents({"wms_stock": now}, {"wms_stock": before}, DAY)
        return [check.name for check in checks if not check.passed]

    assert failed(stock("2026-05-01"), stock("2026-05-01")) == []
    assert failed(stock("2026-05-02"), stock("2026-05-01")) == ["document_kept:wms_stock"]
    assert failed(stock("2026-05-02", None), stock("2026-05-01", None)) == []


def test_parameters_of_what_does_not_exist_are_named():
    masters = {
        "erp_items": pd.DataFrame({"item_id": ["I0"], "category": ["TOYS"]}), "erp_locations": pd.DataFrame({"location_id": ["A"]}),
    }  # fmt: skip
    rows = pd.DataFrame({"scope": ["network", "category", "location", "item"], "scope_id": [None, "TOYS", "A", "I0"]})
    (check,), _ = check_scopes({**masters, "fin_parameters": rows}, {}, DAY)
    assert check.passed
    rows.loc[1, "scope_id"] = "TOY"
    (check,), _ = check_scopes({"erp_events": rows}, masters, DAY)
    assert (check.name, check.severity, check.examples) == ("scopes_known:erp_events", "warn", ("category TOY: no such category",))
