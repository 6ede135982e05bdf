"""Reconciliation between feeds: exact sums agree, one unit off is found, and the size of the damage decides between warn and block."""

import datetime

import pandas as pd

from quality.reconciliation import day_book
from quality.reconciliation.day_book import DayBook, reconcile_book

DAY = datetime.date(2026, 1, 5)


def check_stock_replay(previous, moved, today, day):
    return day_book.check_stock_replay(DayBook({"wms_stock": today, "wms_movements": moved}, previous, day))[0]


def check_shipments(shipped, moved, day):
    return day_book.check_shipments(DayBook({"wms_shipments": shipped, "wms_movements": moved}, None, day))[0]


def check_receipts(received, moved, day):
    return day_book.check_receipts(DayBook({"wms_receipts": received, "wms_movements": moved}, None, day))[0]


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
    assert (check.passed, check.severity, check.examples) == (False, "warn", ("CA_1/I0: quantity: 9, expected 10",))
    worse = stock("2026-01-05", [9] * 21 + [10] * 379)
    check = check_stock_replay(before, pd.DataFrame(), worse, DAY)
    assert (check.passed, check.severity, check.observed) == (False, "block", "21 of 400 location-items differ (5.25%): 21 quantity")


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


PACKS = pd.DataFrame({"item_id": ["I0", "I1", "I2"], "pack_units": [6.0, 6.0, 6.0], "pallet_units": [120.0, 120.0, 120.0]})
MASTERS = {"erp_items": PACKS[["item_id"]], "erp_locations": pd.DataFrame({"location_id": ["CA_1"]})}


def cause_of(today, moved=None, shipped=None, previous=None):
    """The cause that stock replay gives to the only wrong pair."""
    frames = {"wms_stock": today, "wms_movements": pd.DataFrame() if moved is None else moved} | MASTERS
    frames |= {} if shipped is None else {"wms_shipments": shipped}
    previous = stock("2026-01-04", [30]) if previous is None else previous
    _, failing = day_book.check_stock_replay(DayBook(frames, previous, DAY, packs=PACKS))
    assert len(failing) == 1
    return failing[0].reason.split(":")[0], failing[0].units


def test_each_wrong_pair_of_stock_gets_its_cause():
    assert cause_of(stock("2026-01-05", [5])) == ("unit mix-up", -25)
    assert cause_of(stock("2026-01-05", [180])) == ("unit mix-up", 150)
    assert cause_of(stock("2026-01-05", [3600])) == ("unit mix-up", 3570)
    assert cause_of(stock("2026-01-05", [7], ["I1"]), previous=stock("2026-01-04", [30, 7])) == ("missing row", -30)
    assert cause_of(stock("2026-01-05", [30]), movements(("I0", "sale", -4))) == ("timing", 4)
    assert cause_of(stock("2026-01-05", [26]), shipped=shipments(("I0", 4))) == ("unbooked", -4)
    assert cause_of(stock("2026-01-05", [30, 2], ["I0", "I9"])) == ("unknown key", 2)
    assert cause_of(stock("2026-01-05", [29])) == ("quantity", -1)


def test_each_wrong_pair_of_shipments_gets_its_cause():
    def causes(shipped, moved, **earlier):
        book = DayBook({"wms_shipments": shipped, "wms_movements": moved}, None, DAY, earlier, PACKS)
        return [entry.reason.split(":")[0] for entry in day_book.check_shipments(book)[1]]

    assert causes(shipments(("I0", 2)), movements(("I0", "sale", -12))) == ["unit mix-up"]
    assert causes(shipments(("I0", 2)), movements(("I1", "sale", -1), ("I0", "sale", -2))) == ["unshipped"]
    assert causes(shipments(("I0", 2), ("I1", 1)), movements(("I0", "sale", -2))) == ["unbooked"]
    late = {"wms_movements": movements(("I1", "sale", -1), day="2026-01-04")}
    assert causes(shipments(("I0", 2), ("I1", 1)), movements(("I0", "sale", -2)), **late) == ["timing"]
    assert causes(shipments(("I0", 2)), movements(("I0", "sale", -3))) == ["quantity"]


def test_what_left_and_what_came_is_what_documents_have_on_the_road():
    transfers = pd.DataFrame(
        {
            "origin": ["CA_1"],
            "destination": ["TX_2"],
            "item_id": ["I0"],
            "state": ["shipped"],
            "qty_shipped": [6],
            "at": pd.Timestamp("2026-01-05T17:00"),
        }
    )

    def check(moved):
        return day_book.check_transit(DayBook({"wms_transfers": transfers, "wms_movements": moved}, None, DAY))

    assert check(movements(("I0", "transfer_out", -6)))[0].passed
    assert [entry.reason for entry in check(movements(("I0", "transfer_out", -5)))[1]] == ["quantity: 6, expected 5"]
    assert [entry.reason for entry in check(movements(("I1", "sale", -5)))[1]] == ["unbooked: 6, expected 0"]
    assert [entry.reason for entry in check(movements(("I0", "transfer_out", -6), ("I1", "transfer_out", -2)))[1]] == [
        "unshipped: 0, expected 2"
    ]


def shipments(*rows):
    return pd.DataFrame(rows, columns=["item_id", "qty_units"]).assign(shipped_at=pd.Timestamp("2026-01-05T18:00:00"), location_id="CA_1")


def test_shipped_units_are_sold_units():
    moved = movements(("I0", "sale", -3), ("I0", "scrap", -9), ("I1", "sale", -1))
    assert check_shipments(shipments(("I0", 2), ("I0", 1), ("I1", 1)), moved, DAY).passed
    check = check_shipments(shipments(("I0", 2)), moved, DAY)
    assert (check.passed, check.severity) == (False, "block")
    assert check.examples == ("CA_1/I0: quantity: 2, expected 3", "CA_1/I1: unshipped: 0, expected 1")
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
    checks = reconcile_book(DayBook(frames, stock("2026-01-04", [10]), DAY))[0]
    assert [(check.name, check.passed) for check in checks] == [
        ("stock_replay", True),
        ("shipments_match_sales", True),
        ("receipts_match_movements", True),
        ("transit_matches_transfers", True),
    ]
    assert [check.name for check in reconcile_book(DayBook({}, None, DAY))[0]] == ["receipts_match_movements", "transit_matches_transfers"]
