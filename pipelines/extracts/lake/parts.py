"""Parts of large lake files: rows of some documents, rows of the newest days, and rows by day, each without reading the rest whole."""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from pipelines.extracts.lake.partitions import LakeFile, read_frame, to_frame


def read_documents(path: Path, column: str, wanted: Sequence[str]) -> pd.DataFrame:
    """The rows whose `column` is one of `wanted`, in the file's order."""
    return to_frame(_read_where(path, [column], _is_one_of(column, wanted)))


def read_newest_days(
    file: LakeFile, column: str | None, max_rows: int, min_days: int = 1, documents: tuple[str, Sequence[str]] = ("", ())
) -> pd.DataFrame:
    """The rows of the newest days by `column` that are `max_rows` together, `min_days` at least, and the rows of `documents`.

    A file that is smaller or undated is read whole. `documents` are a column's name and the values wanted of it. Rows dated after the
    file's business date are read as well but are no newest day: one mistyped year would stand for all that is known.
    """
    if file.rows <= max_rows or column is None:
        return read_frame(file.path)
    by_day, (named, wanted) = count_days(file.path, column), documents
    told = {day: rows for day, rows in by_day.items() if day <= file.business_date}
    first = first_of_newest(told or by_day, max_rows, min_days)
    is_new = ds.field(column).cast(pa.date32(), safe=False) >= first
    if not wanted:
        return to_frame(_read_where(file.path, [column], is_new))
    return to_frame(_read_where(file.path, [column, named], is_new | _is_one_of(named, wanted)))


def count_days(path: Path, column: str) -> dict[datetime.date, int]:
    """Rows by day of a date or time column; rows without one are left out."""
    counts: dict[datetime.date, int] = {}
    for batch in pq.ParquetFile(path).iter_batches(columns=[column]):
        for entry in batch.column(0).cast(pa.date32(), safe=False).value_counts().to_pylist():
            if entry["values"] is not None:
                counts[entry["values"]] = counts.get(entry["values"], 0) + entry["counts"]
    return counts


def first_of_newest(rows_by_day: Mapping[datetime.date, int], max_rows: int, min_days: int = 1) -> datetime.date:
    """The first of the newest days that have at most `max_rows` rows together, of `min_days` days however many they have.

    >>> days = dict(zip((datetime.date(2026, 1, day) for day in (1, 2, 3)), (5, 2, 3)))
    >>> [str(first_of_newest(days, most)) for most in (1, 4, 5, 99)]
    ['2026-01-03', '2026-01-03', '2026-01-02', '2026-01-01']
    >>> str(first_of_newest(days, 1, min_days=2))
    '2026-01-02'
    """
    days = sorted(rows_by_day, reverse=True) or [datetime.date.min]
    rows = 0
    for at, day in enumerate(days):
        rows += rows_by_day.get(day, 0)
        if rows > max_rows and at >= min_days:
            return days[at - 1]
    return days[-1]


def _is_one_of(column: str, wanted: Sequence[str]) -> ds.Expression:
    return ds.field(column).isin(pa.array(wanted, pa.string()))


def _read_where(path: Path, columns: list[str], where: ds.Expression) -> pa.Table:
    """The rows that are chosen by some columns. Those are read first, the others only of row groups with such rows."""
    file = pq.ParquetFile(path)
    tables = [file.schema_arrow.empty_table()]
    for group in range(file.metadata.num_row_groups):
        if file.read_row_group(group, columns=columns).filter(where).num_rows:
            tables.append(file.read_row_group(group).filter(where))
    return pa.concat_tables(tables)
