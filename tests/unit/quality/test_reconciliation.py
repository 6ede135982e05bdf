"""Reconciliation between feeds: exact sums agree, one unit off is found, and the size of the damage decides between warn and block."""

import datetime

import pandas as pd

from quality.reconciliation import check_receipts, check_shipments, check_stock_replay, reconcile_day

DAY = datetime.date(2026, 1, 5)


def stock(day, units, items=None):
    items = items or [f"I{n}" for n in range(len(units))]
    return pd.DataFrame({"date": pd.Timestamp(day), "location_id": "CA_1", "item_id": items, "lot_id": None, "on_hand": units})


def movements(*rows, day="2026-01-05"):
    frame = pd.DataFrame(rows, columns=["item_id", "type", "qty_units"])
    return frame.assign(at=pd.Timestamp(f"{day}T10:00:00"), location_id="CA_1")


def test_a_snapshot_equals_the_one_before_plus_movements():
    moved = movements(("I0", "sale", -3), ("I0", "return", 1), ("I1", "adjust", 2))
    check = check_stock_replay(stock("2026-01-04", [10, 5]), moved, stock("2026-01-05", [8, 7]), DAY)
    assert (check.passed, check.observed) == (True, "0 of 2 location-items differ (0.00%)")


def test_one_pair_of_many_warns_and_many_block():
    before, today = stock("2026-01-04", [10] * 400), stock("2026-01-05", [9] + [10] * 399)
    check = check_stock_replay(before, pd.DataFrame(), today, DAY)
    assert (check.passed, check.severity, check.examples) == (False, "warn", ("CA_1/I0: 9, expected 10",))
    worse = stock("2026-01-05", [9] * 3 + [10] * 397)
    check = check_stock_replay(before, pd.DataFrame(), worse, DAY)
    assert (check.passed, check.severity, check.observed) == (False, "block", "3 of 400 location-items differ (0.75%)")


def test_a_pair_that_vanishes_with_stock_is_a_difference_and_an_empty_one_is_none():
    assert check_stock_replay(stock("2026-01-04", [0, 5]), pd.DataFrame(), stock("2026-01-05", [5], ["I1"]), DAY).passed
    assert not check_stock_replay(stock("2026-01-04", [1, 5]), pd.DataFrame(), stock("2026-01-05", [5], ["I1"]), DAY).passed


def test_days_without_snapshot_are_bridged_by_their_movements():
    moved = pd.concat([movements(("I0", "sale", -3), day=f"2026-01-0{n}") for n in (3, 4, 5, 6)])
    assert check_stock_replay(stock("2026-01-03", [10]), moved, stock("2026-01-05", [4]), DAY).passed


def test_an_initial_load_is_compared_within_itself_and_a_first_snapshot_with_nothing():
    both = pd.concat([stock("2026-01-04", [10]), stock("2026-01-05", [7])])
    assert check_stock_replay(both, movements(("I0", "sale", -3)), both, DAY).passed
    assert not check_stock_replay(both, movements(("I0", "sale", -2)), both, DAY).passed
    check = check_stock_replay(None, pd.DataFrame(), stock("2026-01-05", [7]), DAY)
    assert (check.passed, check.observed) == (True, "no earlier snapshot")


def shipments(*rows):
    return pd.DataFrame(rows, columns=["item_id", "qty_units"]).assign(shipped_at=pd.Timestamp("2026-01-05T18:00:00"), location_id="CA_1")


def test_shipped_units_are_sold_units():
    moved = movements(("I0", "sale", -3), ("I0", "scrap", -9), ("I1", "sale", -1))
    assert check_shipments(shipments(("I0", 2), ("I0", 1), ("I1", 1)), moved, DAY).passed
    check = check_shipments(shipments(("I0", 2)), moved, DAY)
    assert (check.passed, check.severity) == (False, "block")
    assert check.examples == ("CA_1/I0: 2, expected 3", "CA_1/I1: 0, expected 1")
    assert check_shipments(pd.DataFrame(), pd.DataFrame(), DAY).passed


def receipts(good, damaged):
    return pd.DataFrame(
        {
            "item_id": ["I0"],
            "location_id": "CA_1",
            "qty_received": good,
            "qty_damaged": damaged,
            "received_at": pd.Timestamp("2026-01-05T06:00:00"),
        }
    )


def test_received_units_good_or_not_are_booked_in():
    assert check_receipts(receipts(9, 1), movements(("I0", "transfer_in", 10), ("I0", "return", 2)), DAY).passed
    check = check_receipts(receipts(9, 1), movements(("I0", "po_receipt", 9)), DAY)
    assert (check.passed, check.severity) == (False, "warn")


def test_a_day_runs_all_checks_that_its_feeds_allow():
    frames = {"wms_stock": stock("2026-01-05", [7]), "wms_movements": movements(("I0", "sale", -3)), "wms_shipments": shipments(("I0", 3))}
    checks = reconcile_day(frames, stock("2026-01-04", [10]), DAY)
    assert [(check.name, check.passed) for check in checks] == [
        ("stock_replay", True),
        ("shipments_match_sales", True),
        ("receipts_match_movements", True),
    ]
    assert [check.name for check in reconcile_day({}, None, DAY)] == ["receipts_match_movements"]
