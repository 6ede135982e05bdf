"""Rows against what was known of them: master data, documents that come again, two accounts of the same goods, and a feed's habits."""

import datetime as dt

import pandas as pd
import pytest

from pipelines.extracts.contracts.contract import load_contract
from quality.habits.changes import check_master
from quality.habits.usual import check_habits
from quality.reconciliation.documents import check_documents
from quality.reconciliation.fulfilment import check_fulfilment
from quality.reconciliation.held import check_held

DAY = dt.date(2026, 1, 6)
LANES = load_contract("tms_lanes")


def lanes(count=20, **changes):
    rows = pd.DataFrame(
        {column.name: ["x"] * count if column.type == "text" else [1.0] * count for column in LANES.columns}
        | {
            "origin": [f"L{n}" for n in range(count)],
            "destination": "HUB",
            "mode": "road",
            "truck_cost_usd": [100.0 + n for n in range(count)],
        }
    )
    return rows.assign(**changes)


def test_a_changed_tariff_is_named_with_both_values():
    cost = [1000.0 if n == 3 else 100.0 + n for n in range(20)]
    check = check_master(LANES, lanes(), lanes(truck_cost_usd=cost))
    assert (check.passed, check.severity) == (False, "warn")
    assert check.examples == ("origin=L3, destination=HUB, mode=road: truck_cost_usd 103.0 -> 1000.0",)


def test_the_same_rows_in_another_order_pass():
    assert check_master(LANES, lanes(), lanes().iloc[::-1]).passed


@pytest.mark.parametrize(
    ("now", "what"),
    [(lanes().assign(truck_cost_usd=lambda f: f["truck_cost_usd"] * 10), "truck_cost_usd"), (lanes().iloc[:12], "rows gone")],
)
def test_many_changes_at_once_block(now, what):
    check = check_master(LANES, lanes(), now)
    assert check.severity == "block" and what in check.observed


def test_items_grow_older_by_themselves_and_never_younger():
    items = load_contract("erp_items")
    before = pd.DataFrame({column.name: ["x"] * 20 for column in items.columns} | {"item_id": [f"I{n}" for n in range(20)]})
    before["lifecycle"] = ["new", "active"] * 10
    assert check_master(items, before, before.assign(lifecycle=["active", "phase_out"] * 10)).passed
    one = check_master(items, before, before.assign(lifecycle=["new", "active"] * 9 + ["new", "new"]))
    assert (one.severity, one.examples) == ("warn", ("item_id=I19: lifecycle active -> new",))
    many = check_master(items, before, before.assign(lifecycle="new"))
    assert (many.severity, many.passed) == ("block", False) and "lifecycle" in many.observed


def test_lost_and_new_rows_are_named():
    check = check_master(LANES, lanes(21).iloc[:20], lanes(21).iloc[1:])
    assert [text.split(": ")[1] for text in check.examples] == ["gone", "new"]


def orders(day, numbers, status="shipped", **changes):
    rows = pd.DataFrame(
        {
            "order_id": [f"O{day.day}-{n}" for n in numbers], "line_no": 1, "item_id": [f"I{n}" for n in numbers], "location_id": "A",
            "ship_to_region": None, "ship_to_zip": None, "channel": "store", "qty_units": [n + 1 for n in numbers], "unit_price_usd": 5.0,
            "ordered_at": pd.Timestamp(day) + pd.Timedelta(hours=9), "requested_date": pd.Timestamp(day),
            "promised_date": pd.Timestamp(day), "status": status, "_source_line": [n + 2 for n in range(len(numbers))],
        }
    )  # fmt: skip
    return rows.assign(**changes)


def shipments(day, numbers, **changes):
    rows = pd.DataFrame(
        {
            "shipment_id": [f"S{day.day}-{n}" for n in numbers], "order_id": [f"O{day.day}-{n}" for n in numbers], "line_no": 1,
            "location_id": "A", "item_id": [f"I{n}" for n in numbers], "qty_units": [n + 1 for n in numbers],
            "shipped_at": pd.Timestamp(day) + pd.Timedelta(hours=9), "delivered_at": pd.Timestamp(day) + pd.Timedelta(hours=9),
        }
    )  # fmt: skip
    return rows.assign(**changes)


def movements(day, numbers, **changes):
    rows = pd.DataFrame(
        {
            "event_id": [f"M{day.day}-{n}" for n in numbers], "at": pd.Timestamp(day) + pd.Timedelta(hours=9), "location_id": "A",
            "item_id": [f"I{n}" for n in numbers], "lot_id": None, "type": "sale", "qty_units": [-n - 1 for n in numbers],
            "reference": [f"O{day.day}-{n}" for n in numbers],
        }
    )  # fmt: skip
    return rows.assign(**changes)


BEFORE = DAY - dt.timedelta(days=1)


def feeds_of(day, numbers):
    makers = {"erp_sales_orders": orders, "wms_shipments": shipments, "wms_movements": movements}
    return {feed: make(day, numbers) for feed, make in makers.items()}


KNOWN = feeds_of(BEFORE, range(70))


def day_of(**changes):
    return feeds_of(DAY, range(40)) | changes


def failed(frames, known=KNOWN):
    found = [judge(frames, known, DAY) for judge in (check_documents, check_fulfilment, check_habits)]
    checks = {check.name: check for said, _ in found for check in said if not check.passed}
    pairs = {(entry.location_id, entry.item_id) for _, failing in found for entry in failing}
    return checks, pairs


def test_a_day_that_fits_passes_every_check():
    assert failed(day_of()) == ({}, set())


def with_cell(frame, row, column, value):
    changed = frame.copy()
    changed[column] = changed[column].astype(object)
    changed.loc[row, column] = value
    return changed.infer_objects()


@pytest.mark.parametrize(
    ("feed", "column", "value", "check"),
    [
        ("erp_sales_orders", "qty_units", 88, "orders_shipped"),
        ("erp_sales_orders", "location_id", "B", "orders_shipped"),
        ("erp_sales_orders", "order_id", "O6-99", "orders_shipped"),
        ("erp_sales_orders", "status", "open", "orders_shipped"),
        ("erp_sales_orders", "line_no", 2, "habits:erp_sales_orders"),
        ("erp_sales_orders", "promised_date", pd.Timestamp(DAY) + pd.Timedelta(days=30), "habits:erp_sales_orders"),
        ("erp_sales_orders", "ordered_at", pd.Timestamp(BEFORE), "own_day:erp_sales_orders"),
        ("erp_sales_orders", "order_id", "o6-5", "habits:erp_sales_orders"),
        ("wms_movements", "event_id", "M6-5_old", "habits:wms_movements"),
        ("wms_shipments", "qty_units", 88, "sales_by_order"),
        ("wms_shipments", "item_id", "I9", "sales_by_order"),
        ("wms_shipments", "delivered_at", pd.Timestamp(DAY) + pd.Timedelta(days=2), "habits:wms_shipments"),
        ("wms_movements", "reference", "O6-98", "sales_by_order"),
        ("wms_movements", "at", pd.Timestamp(DAY) + pd.Timedelta(hours=3), "sales_by_order"),
    ],
)
def test_one_wrong_cell_fails_and_names_its_item_location(feed, column, value, check):
    frames = day_of()
    frames[feed] = with_cell(frames[feed], 5, column, value)
    checks, pairs = failed(frames)
    assert check in checks, checks
    assert ("A", "I5") in pairs


def test_a_row_that_is_missing_is_named():
    frames = day_of(erp_sales_orders=orders(DAY, [n for n in range(40) if n != 7]))
    checks, pairs = failed(frames)
    assert "orders_shipped" in checks and ("A", "I7") in pairs


def test_a_document_that_comes_again_keeps_what_was_said():
    again = pd.concat([orders(DAY, range(40)), orders(BEFORE, [4], qty_units=50)], ignore_index=True)
    checks, pairs = failed(day_of(erp_sales_orders=again))
    assert "qty_units 5 -> 50" in checks["document_kept:erp_sales_orders"].examples[0]
    assert ("A", "I4") in pairs


def test_feeds_that_name_documents_differently_are_not_compared():
    known = KNOWN | {"wms_movements": KNOWN["wms_movements"].assign(reference=None)}
    frames = day_of(wms_movements=movements(DAY, range(40), reference=None))
    assert "sales_by_order" not in failed(frames, known)[0]


def test_many_wrong_rows_block():
    frames = day_of(erp_sales_orders=orders(DAY, range(40)).assign(qty_units=lambda f: f["qty_units"] * 12))
    assert failed(frames)[0]["orders_shipped"].severity == "block"


def test_without_an_earlier_day_nothing_is_judged():
    assert failed(day_of(), {})[0] == {}


def stock(day, blocked=0, reserved=0, pairs=10):
    held = {"blocked": [blocked if n == 3 else 0 for n in range(pairs)], "reserved": [reserved if n == 3 else 0 for n in range(pairs)]}
    return pd.DataFrame({"date": pd.Timestamp(day), "location_id": "A", "item_id": [f"I{n}" for n in range(pairs)], "on_hand": 50} | held)


def held_of(today, known):
    checks, failing = check_held({"wms_stock": today}, known, DAY)
    return {check.name: check.passed for check in checks}, {(entry.location_id, entry.item_id, entry.units) for entry in failing}


def test_blocked_and_reserved_units_that_nothing_explains_are_named():
    quiet = {"wms_stock": pd.concat([stock(BEFORE - dt.timedelta(days=1)), stock(BEFORE)], ignore_index=True)}
    assert held_of(stock(DAY), quiet) == ({"blocked_explained": True, "reserved_explained": True}, set())
    assert held_of(stock(DAY, blocked=7), quiet) == ({"blocked_explained": False, "reserved_explained": True}, {("A", "I3", 7)})
    assert held_of(stock(DAY, reserved=2), quiet)[1] == {("A", "I3", 2)}


def test_a_warehouse_that_blocks_without_saying_why_is_not_judged():
    usual = {"wms_stock": pd.concat([stock(BEFORE - dt.timedelta(days=1)), stock(BEFORE, blocked=5)], ignore_index=True)}
    assert held_of(stock(DAY, blocked=9), usual)[0] == {"reserved_explained": True}
