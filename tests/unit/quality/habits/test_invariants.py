"""What always held for rows of a kind, for the lines of a document and against the master: rows that break it are named, and no others."""

import datetime as dt

import pandas as pd
import pytest

from quality.habits.cycles import check_cycle
from quality.habits.usual import check_habits

DAYS = [dt.date(2026, 1, day) for day in range(1, 11)]
TODAY = dt.date(2026, 1, 12)
ITEMS = pd.DataFrame(
    {"item_id": ["I0", "I1"], "unit_price_usd": 5.0, "units_per_pack": 6, "supplier_id": ["S0", "S1"], "supplier_lead_time_days": [7, 9]}
)


def orders(day, count=8):
    """Orders of two lines each: a shop's, handed over at once, and a web shop's with a region."""
    number = pd.Series(range(count))
    web = number % 4 >= 2
    return pd.DataFrame(
        {
            "order_id": [f"SO-{day:%Y%m%d}-{n // 2:04d}" for n in number], "line_no": number % 2 + 1,
            "item_id": [f"I{n % 2}" for n in number],
            "location_id": "A", "ship_to_region": ["EAST" if each else None for each in web], "ship_to_zip": None,
            "channel": ["web" if each else "store" for each in web], "qty_units": 1, "unit_price_usd": 5.0,
            "ordered_at": [pd.Timestamp(day) + pd.Timedelta(hours=9 + n // 2 % 4, minutes=n // 2) for n in number],
            "requested_date": pd.Timestamp(day), "promised_date": pd.Timestamp(day), "status": "shipped",
            "_business_date": day, "_source_line": number + 2,
        }
    )  # fmt: skip


def purchases(day, count=8):
    number = pd.Series(range(count))
    return pd.DataFrame(
        {
            "po_id": [f"PO-{day:%Y%m%d}-{n // 2:04d}" for n in number], "line_no": number % 2 + 1,
            "supplier_id": [f"S{n % 2}" for n in number],
            "item_id": [f"I{n % 2}" for n in number], "location_id": "A", "qty_ordered": 12, "qty_received": 0,
            "ordered_at": pd.Timestamp(day),
            "expected_date": [pd.Timestamp(day) + pd.Timedelta(days=7 + 2 * (n % 2)) for n in number],
            "received_at": pd.Series(pd.NaT, index=number.index, dtype="datetime64[us]"), "status": "open", "_business_date": day,
            "_source_line": number + 2,
        }
    )  # fmt: skip


def judge(feed, make, count=8, **changes):
    """The check on today's rows with some cells changed: column to (rows, value)."""
    past, now = pd.concat([make(day) for day in DAYS], ignore_index=True), make(TODAY, count)
    for column, (rows, value) in changes.items():
        now.loc[rows, column] = value
    (check,), failing = check_habits({feed: now, "erp_items": ITEMS}, {feed: past}, TODAY)
    return check, failing


@pytest.mark.parametrize(("feed", "make"), [("erp_sales_orders", orders), ("erp_purchase_orders", purchases)])
def test_a_day_like_all_others_breaks_nothing(feed, make):
    check, failing = judge(feed, make)
    assert check.passed and not failing


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("ship_to_region", None, "ship_to_region is empty, and never was"),
        ("ship_to_zip", "12345", "ship_to_zip is filled, and never was"),
        ("ordered_at", pd.Timestamp(TODAY) + pd.Timedelta(hours=23), "ordered_at is at an unusual time of day"),
        ("ordered_at", pd.Timestamp(TODAY) + pd.Timedelta(hours=11), "ordered_at is not the same on all lines of its document"),
        ("channel", "b2b", "channel is not the same on all lines of its document"),
    ],
)
def test_an_order_line_unlike_its_kind_or_its_document_is_named_with_its_place(column, value, why):
    check, _ = judge("erp_sales_orders", orders, **{column: ([3], value)})
    assert not check.passed and check.severity == "warn"
    (said,) = [text for text in check.examples if text.startswith("SO-20260112-0001, 2:")]
    assert why in said


@pytest.mark.parametrize(
    ("column", "value", "why", "freezes"),
    [
        ("supplier_id", "S0", "supplier_id is not the item's usual one", False),
        ("expected_date", pd.Timestamp(TODAY) + pd.Timedelta(days=8), "expected_date is unusually far from the item's lead time", True),
        ("ordered_at", pd.Timestamp(TODAY) - pd.Timedelta(days=1), "ordered_at is not of the business date", True),
        ("qty_ordered", 13, "qty_ordered is no whole number of packs", True),
        ("qty_received", 12, "qty_received is the same as qty_ordered, and never was", False),
    ],
)
def test_a_purchase_order_unlike_its_item_or_its_kind_is_named(column, value, why, freezes):
    check, failing = judge("erp_purchase_orders", purchases, **{column: ([3], value)})
    assert [text for text in check.examples if text.startswith("PO-20260112-0001, 2:")]
    assert bool(failing) == freezes
    assert why in check.examples[0] or column == "ordered_at"


def test_a_line_that_stands_twice_under_two_numbers_is_named():
    past, now = (pd.concat([orders(day, 20) for day in days], ignore_index=True) for days in ([*DAYS, dt.date(2026, 1, 11)], [TODAY]))
    again = now.iloc[[5]].assign(order_id="SO-20260112-0099", line_no=1)
    (check,), failing = check_habits({"erp_sales_orders": pd.concat([now, again], ignore_index=True)}, {"erp_sales_orders": past}, TODAY)
    assert [text.split(",")[0] for text in check.examples if "twice" in text] == ["SO-20260112-0002", "SO-20260112-0099"]
    assert not failing


def test_a_number_that_carries_another_day_than_its_row_is_named():
    check, _ = judge("erp_sales_orders", orders, order_id=([2, 3], "SO-20260100-0001"))
    assert [text.split(": ")[1] for text in check.examples] == ["order_id is of another day than its row (A, I0)"] * 1 + [
        "order_id is of another day than its row (A, I1)"
    ]


def test_a_column_that_is_new_in_most_rows_blocks():
    check, failing = judge("erp_sales_orders", orders, 40, ship_to_zip=(list(range(30)), "12345"))
    assert check.severity == "block" and not failing


def counts(*days, places="ABCDEFG"):
    rows = [(place, "I0", pd.Timestamp(day) + pd.Timedelta(hours=22)) for day in days for place in places]
    return pd.DataFrame(rows, columns=["location_id", "item_id", "at"])


def test_counts_that_come_round_are_missed_and_those_out_of_turn_are_named():
    first = dt.date(2026, 1, 1)
    past = counts(*(first + dt.timedelta(days=4 * n) for n in range(5)))
    due = first + dt.timedelta(days=20)

    def said(now, day=due, known=past):
        (check,), failing = check_cycle({"wms_counts": now}, {"wms_counts": known}, day)
        assert not failing
        return check.examples

    assert said(counts(due)) == ()
    assert said(counts(due, places="ABCDEF")) == ("G, I0: not counted, last on 2026-01-17",)
    early = due - dt.timedelta(days=1)
    assert said(counts(early, places="B"), early) == ("B, I0: counted out of turn, last on 2026-01-17",)
    assert said(counts(due, places="ABCDEFGX")) == (), "a new one"
    assert said(counts(due, places="A"), known=counts(first, *DAYS[4:8])) == (), "no cycle"
