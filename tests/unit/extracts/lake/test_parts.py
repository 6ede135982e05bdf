"""Parts of a large lake file are what a filter over the whole frame gives, whatever row groups they lie in."""

import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.extracts.lake.partitions import LakeFile, read_frame
from pipelines.extracts.lake.parts import count_days, read_documents, read_newest_days

FIRST = datetime.date(2026, 1, 1)
DAYS, ROWS_PER_DAY = 10, 7
ROWS = DAYS * ROWS_PER_DAY


@pytest.fixture(params=[1, 4, 1000], ids="row groups of {}".format)
def file(tmp_path, request) -> LakeFile:
    moments = [datetime.datetime.combine(FIRST, datetime.time(23, 59)) + datetime.timedelta(days=n // ROWS_PER_DAY) for n in range(ROWS)]
    moments[3] = None
    table = pa.table({"order_id": [f"O{n // 2:03}" for n in range(ROWS)], "at": pa.array(moments, pa.timestamp("us")), "qty": range(ROWS)})
    path = tmp_path / "part.parquet"
    pq.write_table(table, path, row_group_size=request.param)
    return LakeFile(path, "orders", FIRST + datetime.timedelta(days=DAYS - 1), 1, ROWS, "")


def test_days_are_counted_and_rows_without_one_are_not(file):
    counts = count_days(file.path, "at")
    assert counts == {FIRST + datetime.timedelta(days=n): ROWS_PER_DAY - (n == 0) for n in range(DAYS)}


def test_rows_of_documents(file):
    found = read_documents(file.path, "order_id", ["O001", "O030", "unknown"])
    assert found["qty"].tolist() == [2, 3, 60, 61]
    assert read_documents(file.path, "order_id", []).columns.tolist() == ["order_id", "at", "qty"]


@pytest.mark.parametrize(("most", "least", "days"), [(ROWS - 2, 1, 9), (20, 1, 2), (6, 1, 1), (6, 3, 3), (1, 99, 10)])
def test_the_newest_days_are_whole_days_in_all_columns(file, most, least, days):
    found, whole = read_newest_days(file, "at", most, least), read_frame(file.path)
    expected = whole[whole["at"] >= pd.Timestamp(FIRST + datetime.timedelta(days=DAYS - days))]
    pd.testing.assert_frame_equal(found, expected.reset_index(drop=True))


def test_documents_come_with_the_newest_days_once(file):
    found = read_newest_days(file, "at", 8, documents=("order_id", ["O001", "O034"]))
    assert found["qty"].tolist() == [2, 3, *range(ROWS - ROWS_PER_DAY, ROWS)]


@pytest.mark.parametrize("row_group_size", [4, 1000])
def test_a_mistyped_year_is_no_newest_day(tmp_path, row_group_size):
    days = [FIRST, FIRST + datetime.timedelta(days=1), datetime.date(2062, 1, 2)]
    table = pa.table({"on": pa.array([days[n] for n in (0, 0, 0, 1, 1, 1, 1, 2)], pa.date32()), "qty": range(8)})
    pq.write_table(table, tmp_path / "part.parquet", row_group_size=row_group_size)
    found = read_newest_days(LakeFile(tmp_path / "part.parquet", "orders", days[1], 1, 8, ""), "on", 2)
    assert found["qty"].tolist() == [3, 4, 5, 6, 7]


def test_small_and_undated_files_are_read_whole(file):
    for column, most in (("at", ROWS), (None, 1)):
        assert len(read_newest_days(file, column, most)) == ROWS
