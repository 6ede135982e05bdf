"""The demand file of the stand-alone forecast: what is refused, with column and first rows, and what is known by when."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.domain.demand import Frequency
from pipelines.domain.errors import InputRefused
from pipelines.extracts.demand.beside_demand import read_beside
from pipelines.extracts.demand.demand_file import read_demand

AS_OF = dt.date(2026, 1, 11)
MONDAY = dt.date(2026, 1, 5)


def columns(**changes):
    days = [MONDAY + dt.timedelta(days=n) for n in range(4)]
    made = {"location_id": ["B", "A", "A", "A"], "item_id": ["x", "y", "x", "x"], "date": days, "units": [1.0, 2.0, 0.5, 0.0]}
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def written(tmp_path, **changes):
    path = tmp_path / "demand.parquet"
    pq.write_table(pa.table(columns(**changes)), path)
    return path


REFUSED = {
    "missing": ({"units": None}, "units", "missing"),
    "text units": ({"units": ["1", "2", "3", "4"]}, "units", "not numbers"),
    "true or false": ({"units": [True, False, True, True]}, "units", "not numbers"),
    "text dates": ({"date": ["2026-01-05"] * 4}, "date", "not a date"),
    "number dates": ({"date": [1, 2, 3, 4]}, "date", "not a date"),
    "real ids": ({"item_id": [1.5, 2.0, 3.0, 4.0]}, "item_id", "not text"),
    "empty id": ({"location_id": ["A", None, "A", "B"]}, "location_id", "row 2"),
    "empty units": ({"units": [1.0, None, 2.0, 3.0]}, "units", "row 2"),
    "negative": ({"units": [1.0, 2.0, -1.0, -2.0]}, "units", "row 3 (A, x, 2026-01-07): -1.0; row 4"),
    "NaN": ({"units": [1.0, 2.0, float("nan"), 0.0]}, "units", "row 3"),
    "infinite": ({"units": [1.0, 2.0, float("inf"), 0.0]}, "units", "row 3"),
    "share above 1": ({"in_stock_share": [1.0, 0.5, 1.01, 0.0]}, "in_stock_share", "row 3"),
    "share below 0": ({"in_stock_share": [1.0, None, 1.0, -0.5]}, "in_stock_share", "row 4"),
    "share NaN": ({"in_stock_share": [1.0, float("nan"), 1.0, 0.5]}, "in_stock_share", "row 2"),
    "text share": ({"in_stock_share": ["1", "1", "1", "1"]}, "in_stock_share", "not numbers"),
    "a key twice": ({"date": [MONDAY] * 4}, "date", "row 4 (A, x)"),
    "a moment": ({"date": [dt.datetime(2026, 1, 5, 6)] * 4}, "date", "not midnight"),
    "later rows": ({"date": [dt.date(2026, 1, n) for n in (5, 6, 12, 13)]}, "date", "row 3 (A, x): '2026-01-12'"),
    "only later rows": ({"date": [dt.date(2027, 1, n) for n in (5, 6, 12, 13)]}, "date", "after --as-of"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_breaks_the_contract_is_refused_with_column_and_rows(case, tmp_path):
    changes, column, said = REFUSED[case]
    with pytest.raises(InputRefused) as refusal:
        read_demand(written(tmp_path, **changes), AS_OF, Frequency.D)
    assert f"column {column}" in str(refusal.value) and said in str(refusal.value)


def test_no_rows_no_parquet_and_no_file_are_refused(tmp_path):
    empty = {name: pa.array(values)[:0] for name, values in columns().items()}
    pq.write_table(pa.table(empty), tmp_path / "empty.parquet")
    (tmp_path / "text.parquet").write_text("location_id,item_id\n")
    for name, said in (("empty", "no rows"), ("text", "not readable as Parquet"), ("absent", "no such file")):
        with pytest.raises(InputRefused, match=said):
            read_demand(tmp_path / f"{name}.parquet", AS_OF, Frequency.D)


def test_series_are_in_order_and_absent_days_are_counted_up_to_the_date(tmp_path):
    rows = read_demand(written(tmp_path), AS_OF, Frequency.D)
    names = [(rows.location_ids[a], rows.item_ids[b]) for a, b in zip(rows.series_location, rows.series_item, strict=True)]
    assert names == [("A", "x"), ("A", "y"), ("B", "x")]
    assert (rows.periods, str(rows.first), str(rows.next_period)) == (7, "2026-01-05", "2026-01-12")
    assert sorted(zip(rows.series.tolist(), rows.period.tolist(), rows.units.tolist(), strict=True)) == [
        (0, 2, 0.5), (0, 3, 0.0), (1, 1, 2.0), (2, 0, 1.0),
    ]  # fmt: skip


def test_kinds_that_say_the_same_are_read_the_same(tmp_path):
    plain = read_demand(written(tmp_path), AS_OF, Frequency.D)
    other = written(
        tmp_path,
        location_id=pa.array(["B", "A", "A", "A"]).dictionary_encode(),
        item_id=pa.array(["x", "y", "x", "x"], pa.large_string()),
        date=pa.array([dt.datetime(2026, 1, 5 + n) for n in range(4)], pa.timestamp("ns")),
        units=pa.array([Decimal("1.0"), Decimal("2.0"), Decimal("0.5"), Decimal("0.0")]),
    )
    again = read_demand(other, AS_OF, Frequency.D)
    for name in ("series", "period", "units", "series_location", "series_item"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(again, name))


def test_whole_number_ids_are_sorted_as_numbers(tmp_path):
    rows = read_demand(written(tmp_path, item_id=[10, 9, 10, 10]), AS_OF, Frequency.D)
    assert rows.item_ids.tolist() == [9, 10]


def test_what_is_ignored_is_as_if_it_were_not_there(tmp_path):
    dates = [dt.date(2026, 1, 14), dt.date(2026, 1, 6), dt.date(2026, 1, 7), dt.date(2026, 1, 30)]
    rows = read_demand(written(tmp_path, date=dates), AS_OF, Frequency.D, ignore_future=True)
    assert rows.location_ids.tolist() == ["A"] and rows.units.tolist() == [2.0, 0.5] and str(rows.first) == "2026-01-06"


def test_a_week_is_known_once_its_last_day_is(tmp_path):
    weeks = [dt.date(2025, 12, 29) + dt.timedelta(weeks=n) for n in range(4)]
    path = written(tmp_path, date=weeks)
    with pytest.raises(InputRefused, match=r"column date begins a week that ends after --as-of 2026-01-17 in 2 of 4 rows: row 3"):
        read_demand(path, dt.date(2026, 1, 17), Frequency.W)
    rows = read_demand(path, dt.date(2026, 1, 17), Frequency.W, ignore_future=True)
    assert (rows.periods, str(rows.next_period)) == (2, "2026-01-12")
    assert read_demand(path, dt.date(2026, 1, 25), Frequency.W).periods == 4


def test_weeks_that_begin_on_different_weekdays_are_refused(tmp_path):
    days = [dt.date(2026, 1, 5), dt.date(2026, 1, 12), dt.date(2026, 1, 19), dt.date(2026, 1, 21)]
    with pytest.raises(InputRefused, match=r"column date is no first day of a week like the others in 1 of 4 rows: row 4"):
        read_demand(written(tmp_path, date=days), dt.date(2026, 2, 28), Frequency.W)


def test_files_beside_the_demand_are_matched_by_id(tmp_path):
    rows = read_demand(written(tmp_path), AS_OF, Frequency.D)
    pd.DataFrame({"item_id": ["y", "z"], "category": ["c", "d"], "weight": [1.5, 2.5]}).to_parquet(tmp_path / "items.parquet")
    prices = {"item_id": ["x", "y", "z"], "date": [MONDAY] * 3, "price": [2, 3, 4], "location_id": ["A", "Q", "A"]}
    pd.DataFrame(prices).to_parquet(tmp_path / "prices.parquet")
    event = {"scope": ["network"], "kind": ["holiday"], "start_date": [MONDAY], "expected_uplift_share": [None]}
    pq.write_table(pa.table(event | {"expected_uplift_share": pa.array([None], pa.float64())}), tmp_path / "events.parquet")
    known = read_beside(rows, tmp_path / "items.parquet", None, tmp_path / "prices.parquet", tmp_path / "events.parquet")
    assert {name: values.tolist() for name, values in known.item_groups.items()} == {"category": ["", "c"]}
    assert known.prices is not None and known.prices.price.tolist() == [2.0] and known.prices.location.tolist() == [0]
    assert [(event.kind, event.start, event.end, event.uplift_share) for event in known.events] == [
        ("holiday", np.datetime64(MONDAY), np.datetime64(MONDAY), None)
    ]


@pytest.mark.parametrize(
    ("name", "frame", "said"),
    [
        ("items", {"item_id": ["x", "x"]}, "column item_id comes twice"),
        ("prices", {"item_id": ["x"], "date": [MONDAY], "price": [0.0]}, "column price is not a number above 0"),
        ("events", {"scope": ["moon"], "kind": ["k"], "start_date": [MONDAY]}, "column scope is none of"),
        ("locations", {"place": ["A"]}, "column location_id is missing"),
    ],
)
def test_a_file_beside_the_demand_is_refused_by_column(name, frame, said, tmp_path):
    rows = read_demand(written(tmp_path), AS_OF, Frequency.D)
    path = tmp_path / f"{name}.parquet"
    pq.write_table(pa.table(frame), path)
    with pytest.raises(InputRefused, match=said):
        read_beside(rows, **{name: path})
