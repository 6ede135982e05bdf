"""A user's own demand file: read as it is, or refused with column, row and remedy."""

import datetime as dt
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.domain.errors import InputRefused
from pipelines.twin.demand import read_demand_file


@pytest.fixture
def write(tmp_path):
    def build(**changes):
        columns = {
            "location_id": ["B", "A", "A"],
            "item_id": ["X", "X", "Y"],
            "date": [dt.date(2026, 1, 3), dt.date(2026, 1, 1), dt.date(2026, 1, 1)],
            "units": [4, 1, 2],
        } | changes
        path = tmp_path / "demand.parquet"
        pd.DataFrame({name: values for name, values in columns.items() if values is not None}).to_parquet(path)
        return path

    return build


def test_gaps_are_days_without_demand(write):
    table = read_demand_file(write())
    assert (table.location_ids, table.item_ids, table.start) == (("A", "B"), ("X", "Y"), dt.date(2026, 1, 1))
    assert table.units.tolist() == [[[1, 2], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [4, 0]]]


@pytest.mark.parametrize("dates", [["2026-01-03", "2026-01-01", "2026-01-01"], pd.to_datetime(["2026-01-03", "2026-01-01", "2026-01-01"])])
def test_dates_may_be_text_or_timestamps(write, dates):
    assert read_demand_file(write(date=dates)).start == dt.date(2026, 1, 1)


def test_ids_and_dates_may_be_dictionary_encoded(write):
    columns = {"location_id": ["B", "A", "A"], "item_id": ["X", "X", "Y"], "date": ["2026-01-03", "2026-01-01", "2026-01-01"]}
    encoded = read_demand_file(write(**{name: pd.Categorical(values) for name, values in columns.items()}))
    assert encoded.location_ids == ("A", "B") and encoded.units.tolist() == read_demand_file(write()).units.tolist()


@pytest.mark.parametrize("units", [[4.0, 1.0, 2.0], [Decimal(4), Decimal(1), Decimal(2)]])
def test_whole_units_may_be_stored_as_other_numbers(write, units):
    assert read_demand_file(write(units=units)).units.sum() == 7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": [4, -1, 2]}, r"column units, row 2: .*-1.* refused"),
        ({"units": [4, 1, 2.5]}, r"column units, row 3: .*2\.5.* whole units"),
        ({"units": [4, None, 2]}, r"column units, row 2"),
        ({"units": ["4", "1", "2"]}, r"column units holds (large_)?string, not numbers"),
        ({"units": [True, False, True]}, r"column units holds bool, not numbers"),
        ({"units": [4, float("inf"), 2]}, r"column units, row 2"),
        ({"item_id": ["X", None, "Y"]}, r"column item_id, row 2"),
        ({"item_id": ["X", "bad id", "Y"]}, r"column item_id, row 2: 'bad id' refused .* match"),
        ({"location_id": ["B", "A\n", "A"]}, r"column location_id, row 2"),
        ({"date": ["2026-01-03", "01/02/2026", "2026-01-01"]}, r"column date, row 2: '01/02/2026' refused .* YYYY-MM-DD"),
        ({"date": ["2026-01-03", "2026-02-30", "2026-01-01"]}, r"column date, row 2"),
        ({"date": [20260103, 20260101, 20260101]}, r"column date, row 1: .* is a number"),
        ({"date": ["2026-01-03", "2012-01-01", "2026-01-01"]}, r"column date spans \d+ days"),
        ({"date": ["2026-01-03", "1926-01-01", "2026-01-01"]}, r"column date, row 2: '1926-01-01' .* years 1990 to 2100"),
        ({"date": [dt.date(2101, 1, 3), dt.date(2101, 1, 1), dt.date(2101, 1, 1)]}, r"column date, row 1: .* years 1990 to 2100"),
        ({"date": [dt.date(9999, 1, 3), dt.date(9999, 1, 1), dt.date(9999, 1, 1)]}, r"column date, row 1"),
        ({"location_id": ["A", "A", "A"]}, r"column location_id names A alone; give two locations"),
        ({"item_id": ["X", "X", "X"]}, r"column date, row 3: .*one row per location, item and date"),
        ({"item_id": [["X"], ["X"], ["Y"]]}, r"column item_id holds list<.*>, not one text"),
        ({"location_id": [{"a": "B"}, {"a": "A"}, {"a": "A"}]}, r"column location_id holds struct<.*>, not one text"),
        ({"item_id": [b"X", b"X", b"Y"]}, r"column item_id holds binary, not one text"),
        ({"date": [[1], [2], [3]]}, r"column date holds list<.*>, not one text"),
        ({"date": [dt.time(1), dt.time(2), dt.time(3)]}, r"column date holds time.*, not one text"),
        ({"units": [[4], [1], [2]]}, r"column units holds list<.*>, not one text"),
        ({"units": None}, r"column units is missing \(found: location_id, item_id, date\)"),
    ],
)
def test_a_bad_file_is_refused_with_place_and_remedy(write, changes, message):
    path = write(**changes)
    with pytest.raises(InputRefused, match=message) as refusal:
        read_demand_file(path)
    assert str(path) in str(refusal.value) and refusal.value.exit_code == 3


def test_a_missing_empty_or_foreign_file_is_refused(tmp_path, write):
    with pytest.raises(InputRefused, match="no such file"):
        read_demand_file(tmp_path / "none.parquet")
    with pytest.raises(InputRefused, match="no rows"):
        read_demand_file(write(location_id=[], item_id=[], date=[], units=[]))
    other = tmp_path / "text.parquet"
    other.write_text("location_id,item_id,date,units\n")
    with pytest.raises(InputRefused, match="not a readable Parquet file"):
        read_demand_file(other)


def test_a_column_that_comes_twice_is_refused(tmp_path):
    columns = [["B", "A"], ["X", "X"], [dt.date(2026, 1, 3)] * 2, [4, 1], [1, 2]]
    pq.write_table(
        pa.Table.from_arrays([pa.array(c) for c in columns], ["location_id", "item_id", "date", "units", "units"]), tmp_path / "d"
    )
    with pytest.raises(InputRefused, match="column units comes twice"):
        read_demand_file(tmp_path / "d")
