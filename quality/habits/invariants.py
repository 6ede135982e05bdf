"""What has held for every earlier row of a kind, the kind being told by a word of the row: which cells are empty, which date is the
business date's, which of two counts is the larger, at what time of day it happens. A row for which it does not hold is named.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from pipelines.extracts.contracts.contract import Column, FeedContract
from quality.habits.findings import MIN_ROWS, Finding, spread

# Words that say of what kind a row is; a column of more is none.
MAX_KINDS = 12
# A kind whose rows came on one day alone may be of a single shift.
MIN_CLOCK_DAYS = 5


def find_invariants(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame) -> Iterator[Finding]:
    """Rows that break what held for each of at least 20 earlier rows of a kind, by every column of words."""
    for column in (None, *(each.name for each in contract.columns if each.enum)):
        for rows, like in _kinds(frame, past, column):
            if len(like) >= MIN_ROWS:
                part = frame[rows]
                yield from spread(rows, _judge(contract, part, like))


def _kinds(frame: pd.DataFrame, past: pd.DataFrame, column: str | None) -> Iterator[tuple[np.ndarray, pd.DataFrame]]:
    """The rows of each word of a column, or all, and the earlier ones of the same."""
    if column is None:
        yield np.ones(len(frame), dtype=bool), past
        return
    now, before = frame[column].astype(object).to_numpy(), past[column].astype(object).to_numpy()
    kinds = [kind for kind in pd.unique(now) if isinstance(kind, str)]
    for kind in kinds if len(kinds) <= MAX_KINDS else []:
        yield now == kind, past[before == kind]


def find_emptiness(contract: FeedContract, part: pd.DataFrame, like: pd.DataFrame) -> Iterator[Finding]:
    """What never was empty is filled in, and what always was is not; the first of another kind may be something new."""
    for column in contract.columns:
        if column.nullable:
            filled = like[column.name].notna().to_numpy()
            now = part[column.name].notna().to_numpy()
            if filled.all():
                yield f"{column.name} is empty, and never was", ~now, False
            elif not filled.any():
                yield f"{column.name} is filled, and never was", now, False


def _judge(contract: FeedContract, part: pd.DataFrame, like: pd.DataFrame) -> Iterator[Finding]:
    yield from find_emptiness(contract, part, like)
    for judge in (_own_days, _orders, _clock):
        yield from judge(contract.columns, part, like)


def _own_days(columns: Iterable[Column], part: pd.DataFrame, like: pd.DataFrame) -> Iterator[Finding]:
    """A date that always was the business date's of its file, the first load aside, is so today."""
    if "_business_date" not in like or "_business_date" not in part:
        return
    later = like[like["_business_date"] > like["_business_date"].min()]
    if len(later) < MIN_ROWS:
        return
    for column in columns:
        if column.type in ("date", "timestamp") and (_day(later[column.name]) == _day(later["_business_date"])).all():
            other = _day(part[column.name]) != _day(part["_business_date"])
            yield f"{column.name} is not of the business date", other, False


def _orders(columns: Iterable[Column], part: pd.DataFrame, like: pd.DataFrame) -> Iterator[Finding]:
    """Which of two counts is the larger; one way round that never was may be something new."""
    counts = [column.name for column in columns if column.type == "integer" and column.unit == "units"]
    for one, other in combinations(counts, 2):
        before, now = (np.sign(_numbers(each, other) - _numbers(each, one)) for each in (like, part))
        for way, says in ((-1.0, "below"), (0.0, "the same as"), (1.0, "above")):
            if not (before == way).any():
                yield f"{other} is {says} {one}, and never was", now == way, False


def _clock(columns: Iterable[Column], part: pd.DataFrame, like: pd.DataFrame) -> Iterator[Finding]:
    """The time of day lies within what was seen; the more was seen the closer."""
    for column in columns:
        if column.type != "timestamp":
            continue
        before, now = _seconds(like[column.name]), _seconds(part[column.name])
        seen = before[~np.isnan(before)]
        days = _day(like[column.name])
        if len(seen) < MIN_ROWS or len(pd.unique(days[~np.isnat(days)])) < MIN_CLOCK_DAYS:
            continue
        low, high = float(seen.min()), float(seen.max())
        slack = (high - low) * min(0.5, 20.0 / len(seen))
        yield f"{column.name} is at an unusual time of day", (now < low - slack) | (now > high + slack), False


def _numbers(frame: pd.DataFrame, column: str) -> np.ndarray:
    return frame[column].to_numpy(dtype=float, na_value=np.nan)


def _day(moments: pd.Series) -> np.ndarray:
    return pd.to_datetime(moments).to_numpy().astype("datetime64[D]")


def _seconds(moments: pd.Series) -> np.ndarray:
    values = moments.to_numpy().astype("datetime64[us]")
    seconds = (values - values.astype("datetime64[D]")).astype("timedelta64[s]").astype(float)
    return np.where(np.isnat(values), np.nan, seconds)
