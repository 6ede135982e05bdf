"""Alarms of the detector over a night's series and over sums of slow ones: what changed, where, and by how much. No cooldown here.

Slow items say little alone: they are watched together, an item over its locations and a category at a location.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.forecasting.detector import LAG_WEEKS, LEAST_EXPOSURE_WEEKS, Alarms, find_alarms

WATCHED_WEEKS = 104
SLOW_UNITS_PER_WEEK = 10.0
LEAST_MEMBERS = 2
PAIR, ITEM, CATEGORY = "location_item", "item", "location_category"
ALARM_COLUMNS = ["type", "scope", "location_id", "item_id", "category", "week_start", "units", "expected_units", "score"]
NAMES = {1: "demand_spike", -1: "demand_drop"}


@dataclass(frozen=True)
class WeeklyDemand:
    """The demand estimate by whole calendar weeks, Monday to Sunday: N series of `keys` (location_id, item_id, category).

    `starts` (W,): Mondays. `units` (W, N). `exposure` (W, N): share of the week in stock times its pattern.
    """

    keys: pd.DataFrame
    starts: np.ndarray
    units: np.ndarray
    exposure: np.ndarray


def weekly_demand(keys: pd.DataFrame, demand: np.ndarray, effort: np.ndarray, dates: np.ndarray) -> WeeklyDemand:
    """Sum days (T, N) of demand and effort to the whole weeks within `dates` (T,), the newest 104 at most."""
    numbers = dates.astype("datetime64[D]").astype(np.int64) + 3  # day 0 was a Thursday
    first, last = int(-(-numbers[0] // 7)), int((numbers[-1] + 1) // 7)
    weeks = max(0, min(last - first, WATCHED_WEEKS))
    begin = (last - weeks) * 7 - int(numbers[0])
    units, exposure = (values[begin : begin + 7 * weeks].reshape(weeks, 7, values.shape[1]).sum(axis=1) for values in (demand, effort))
    starts = ((last - weeks + np.arange(weeks)) * 7 - 3).astype("datetime64[D]")
    return WeeklyDemand(keys, starts, units, exposure / 7.0)


def demand_alarms(weekly: WeeklyDemand, since: np.datetime64) -> pd.DataFrame:
    """Alarms (`ALARM_COLUMNS`) of the weeks that end on `since` or later, of series and of groups of slow series.

    A group says nothing where one of its members alarmed the same way within the newest eight weeks: that is the finer word.
    `units` and `expected_units` are of the newest four weeks of the alarm.
    """
    if not len(weekly.keys) or not len(weekly.starts):
        return pd.DataFrame(columns=ALARM_COLUMNS)
    alone = find_alarms(weekly.units, weekly.exposure)
    found = [_rows(alone, weekly, weekly.keys.assign(scope=PAIR), since)]
    recent = {sign: (alone.sign[-2 * LAG_WEEKS :] == sign).any(axis=0) for sign in NAMES}
    slow = _slow(weekly)
    for scope, columns in ((ITEM, ["item_id"]), (CATEGORY, ["location_id", "category"])):
        grouped, number = _group(weekly, columns, slow)
        if grouped is None:
            continue
        rows = _rows(find_alarms(grouped.units, grouped.exposure), grouped, grouped.keys.assign(scope=scope), since)
        told = {sign: np.bincount(number[number >= 0], recent[sign][number >= 0], len(grouped.keys)) > 0 for sign in NAMES}
        signs = rows["type"].map({name: sign for sign, name in NAMES.items()})
        keep = [not told[sign][group] for sign, group in zip(signs, rows.index, strict=True)]
        found.append(rows[keep])
    return pd.concat(found, ignore_index=True)


def _slow(weekly: WeeklyDemand) -> np.ndarray:
    seen = weekly.exposure.sum(axis=0)
    rate = np.divide(weekly.units.sum(axis=0), seen, out=np.zeros(len(seen)), where=seen > 0)
    return (rate < SLOW_UNITS_PER_WEEK) & (seen > 0)


def _group(weekly: WeeklyDemand, columns: list[str], members: np.ndarray) -> tuple[WeeklyDemand | None, np.ndarray]:
    """Sums over groups of two members or more, and the group of each series (N,), -1 for none; exposure is weighed by rates."""
    number = weekly.keys.groupby(columns, sort=True).ngroup().to_numpy()
    size = np.bincount(number[members], minlength=number.max() + 1)
    number = np.where(members & (size[number] >= LEAST_MEMBERS), number, -1)
    kept, number = np.unique(number, return_inverse=True)
    number = number - int(kept[0] == -1)
    groups = len(kept) - int(kept[0] == -1)
    if not groups:
        return None, number
    inside = number >= 0
    seen = weekly.exposure.sum(axis=0)
    rate = np.divide(weekly.units.sum(axis=0), seen, out=np.zeros(len(seen)), where=seen > 0)
    units, weighed = (_sum_by(values[:, inside], number[inside], groups) for values in (weekly.units, weekly.exposure * rate))
    total = np.bincount(number[inside], rate[inside], groups)
    exposure = weighed / np.maximum(total, 1e-9)
    keys = weekly.keys[inside].assign(group=number[inside]).drop_duplicates("group").sort_values("group").reset_index(drop=True)
    blank = keys.drop(columns="group").copy()
    for column in ("location_id", "item_id", "category"):
        if column not in columns:
            blank[column] = ""
    return WeeklyDemand(blank, weekly.starts, units, exposure), number


def _sum_by(values: np.ndarray, number: np.ndarray, groups: int) -> np.ndarray:
    """Sums of columns (W, N) by their group (W, G)."""
    order = np.argsort(number, kind="stable")
    starts = np.searchsorted(number[order], np.arange(groups))
    return np.add.reduceat(values[:, order], starts, axis=1)


def _rows(alarms: Alarms, weekly: WeeklyDemand, keys: pd.DataFrame, since: np.datetime64) -> pd.DataFrame:
    """The alarms of the weeks that end on `since` or later, indexed by series."""
    new = weekly.starts + 6 >= since
    week, series = np.nonzero((alarms.sign != 0) & new[:, None])
    usable = weekly.exposure >= LEAST_EXPOSURE_WEEKS
    start = np.zeros((1, usable.shape[1]))
    sums = [np.vstack([start, (values * usable).cumsum(axis=0)]) for values in (weekly.units, weekly.exposure)]
    begin = np.maximum(week + 1 - LAG_WEEKS, 0)
    units, exposure = (running[week + 1, series] - running[begin, series] for running in sums)
    rows = keys.iloc[series].copy()
    rows["type"] = [NAMES[int(sign)] for sign in alarms.sign[week, series]]
    rows["week_start"] = weekly.starts[week].astype("datetime64[D]").astype(object)
    rows["units"], rows["expected_units"] = units, alarms.baseline_units[week, series] * exposure
    rows["score"] = alarms.score[week, series]
    return rows[ALARM_COLUMNS]
