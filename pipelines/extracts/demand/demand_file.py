"""The demand file of the stand-alone forecast, read and checked as its contract says. What is forecast from it is not known here."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.domain.demand import DemandRows, Frequency
from pipelines.domain.errors import InputRefused
from pipelines.extracts.demand.typed_table import Column, TypedTable

COLUMNS = (
    Column("location_id", "id"),
    Column("item_id", "id"),
    Column("date", "date"),
    Column("units", "number"),
    Column("in_stock_share", "number", is_optional=True, is_nullable=True),
)
MAX_CELLS = 10**9
MAX_PRESENT = 10**8


@dataclass(frozen=True)
class _Known:
    """Which rows are known, their positions, and where they lie on the grid of periods."""

    rows: np.ndarray
    first: np.datetime64
    periods: int
    period: np.ndarray


def read_demand(path: Path, as_of: dt.date, freq: Frequency, ignore_future: bool = False) -> DemandRows:
    """Rows of `location_id, item_id, date, units[, in_stock_share]` whose period ends on `as_of` or earlier.

    Later rows are refused unless `ignore_future`: then they are as if they were not there. Series and order do not depend on the order
    of the rows. Raises `InputRefused` with column and first rows: missing or mistyped column, no rows, empty, NaN, infinite or
    negative units, a share outside [0, 1], weeks that begin on different weekdays, a key that comes twice, `as_of` before the first row.
    """
    table = TypedTable(path, COLUMNS)
    units, share = _amounts(table)
    days = table.days("date")
    known = _place(table, days, as_of, freq, ignore_future)
    location_ids, location = _codes(table, "location_id", known.rows)
    item_ids, item = _codes(table, "item_id", known.rows)
    pair = location.astype(np.int64) * len(item_ids) + item
    distinct, series = _number(pair, len(location_ids) * len(item_ids))
    if len(distinct) * known.periods > MAX_CELLS:
        raise InputRefused(
            f"{path}: {len(distinct)} series x {known.periods} periods up to {as_of} are too many; split the file or check --as-of"
        )
    _refuse_repeats(table, known, series.astype(np.int64) * known.periods + known.period, len(distinct))
    return DemandRows(
        freq=freq,
        first=known.first,
        periods=known.periods,
        location_ids=location_ids,
        item_ids=item_ids,
        series_location=(distinct // len(item_ids)).astype(np.int32),
        series_item=(distinct % len(item_ids)).astype(np.int32),
        series=series,
        period=known.period,
        units=units[known.rows],
        in_stock_share=None if share is None else share[known.rows],
    )


def _amounts(table: TypedTable) -> tuple[np.ndarray, np.ndarray | None]:
    """Units and share in stock (NaN where nothing is said) of every row, checked."""
    units = table.numbers("units")
    table.refuse("units", ~np.isfinite(units), "is not a finite number", "write real units")
    table.refuse("units", units < 0, "is below 0", "returns are not demand: net or drop them")
    if "in_stock_share" not in table:
        return units, None
    share = table.numbers("in_stock_share")
    is_empty = table.table["in_stock_share"].is_null().to_numpy()
    table.refuse("in_stock_share", ~is_empty & ~((share >= 0) & (share <= 1)), "is outside [0, 1]", "write the share in stock")
    return units, share


def _place(table: TypedTable, days: np.ndarray, as_of: dt.date, freq: Frequency, ignore_future: bool) -> _Known:
    """Put the rows on the grid of periods; refuse what lies off it, in the future, or altogether after `as_of`."""
    last = np.datetime64(as_of, "D")
    first = days.min()
    if first > last:
        raise InputRefused(f"{table.path}: column date begins on {first}, after --as-of {as_of}; nothing is known by then")
    if freq is Frequency.W:
        anchor = _common_weekday(days)
        table.refuse(
            "date", days.astype(np.int64) % 7 != anchor, "is no first day of a week like the others", "name every week by its first day"
        )
    is_known = days + np.timedelta64(freq.days - 1, "D") <= last
    if not ignore_future:
        says = f"lies after --as-of {as_of}" if freq is Frequency.D else f"begins a week that ends after --as-of {as_of}"
        table.refuse("date", ~is_known, says, "leave these rows out or give --ignore-future")
    rows = np.flatnonzero(is_known)
    if not len(rows):
        raise InputRefused(f"{table.path}: column date: no week ends on --as-of {as_of} or earlier; nothing is known by then")
    first = days[rows].min()
    period = ((days[rows] - first).astype(np.int64) // freq.days).astype(np.int32)
    return _Known(rows, first, freq.count_known(first, as_of), period)


def _common_weekday(days: np.ndarray) -> int:
    """The weekday (days since 1970-01-01 modulo 7) that most rows fall on."""
    return int(np.bincount(days.astype(np.int64) % 7, minlength=7).argmax())


def _codes(table: TypedTable, name: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct ids of the known rows in order, and each known row's position."""
    values, code = table.codes(name)
    code = code[rows]
    used = np.bincount(code, minlength=len(values)) > 0
    return values[used], (np.cumsum(used) - 1)[code].astype(np.int32)


def _number(pair: np.ndarray, possible: int) -> tuple[np.ndarray, np.ndarray]:
    """Distinct values in order and each one's position; by a table of what is present where that is small."""
    if possible > MAX_PRESENT:
        distinct, position = np.unique(pair, return_inverse=True)
        return distinct, position.astype(np.int32)
    present = np.zeros(possible, dtype=bool)
    present[pair] = True
    return np.flatnonzero(present), (np.cumsum(present, dtype=np.int32) - 1)[pair]


def _refuse_repeats(table: TypedTable, known: _Known, cell: np.ndarray, series: int) -> None:
    taken = np.zeros(series * known.periods, dtype=bool)
    taken[cell] = True
    if int(taken.sum()) == len(cell):
        return
    order = np.argsort(cell, kind="stable")
    again = order[1:][cell[order][1:] == cell[order][:-1]]
    is_bad = np.zeros(len(table), dtype=bool)
    is_bad[known.rows[again]] = True
    table.refuse("date", is_bad, "comes twice for one location_id and item_id", "keep one row per key")
