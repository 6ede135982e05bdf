"""Patterns shared by many series: the weekday index by location x category, and the yearly index once two years are known.

Levels are not estimated here. Indices have mean 1 and are ratios of sums, shrunk towards a wider pool.
"""

import numpy as np

SHRINK_SALE_DAYS = 100.0
YEAR_DAYS = 364
YEARLY_SMOOTHING_WEEKS = 2


def weekday_of(dates: np.ndarray) -> np.ndarray:
    """Day of the week of datetime64[D] values, Monday = 0.

    >>> weekday_of(np.array(["2026-11-22"], dtype="datetime64[D]")).tolist()
    [6]
    """
    return (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7


def weekday_index(units: np.ndarray, exposure: np.ndarray, weekday: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Weekday factors (N, 7) with mean 1, pooled over each series' location x category `group` (N,) and shrunk to the pool of all.

    `units`, `exposure`: (T, N); `weekday`: (T,). Factor = units per in-stock day of that weekday / the mean of the seven. The shrinkage
    weighs 100 days with sales (a count of days, so that the factors do not depend on the unit of measure). Flat without evidence.
    """
    groups = int(group.max()) + 1 if len(group) else 0
    sold = np.zeros((groups, 7))
    known = np.zeros((groups, 7))
    sale_days = np.zeros(groups)
    for day in range(7):
        rows = weekday == day
        sold[:, day] = np.bincount(group, weights=units[rows].sum(axis=0), minlength=groups)
        known[:, day] = np.bincount(group, weights=exposure[rows].sum(axis=0), minlength=groups)
        sale_days += np.bincount(group, weights=(units[rows] > 0).sum(axis=0), minlength=groups)
    overall = _normalise(sold.sum(axis=0, keepdims=True), known.sum(axis=0, keepdims=True), np.ones((1, 7)))
    own = _normalise(sold, known, overall)
    weight = (sale_days / (sale_days + SHRINK_SALE_DAYS))[:, None]
    return np.asarray((weight * own + (1.0 - weight) * overall)[group])


def _normalise(sold: np.ndarray, known: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """Rates per weekday over their mean; the fallback where a weekday was never in stock or nothing sold. Never below 0.05."""
    rate = np.divide(sold, known, out=np.zeros_like(sold), where=known > 0)
    mean = rate.mean(axis=1, keepdims=True)
    usable = np.all(known > 0, axis=1, keepdims=True) & (mean > 0)
    index = np.where(usable, np.divide(rate, mean, out=np.ones_like(rate), where=mean > 0), fallback)
    index = np.maximum(index, 0.05)
    return index / index.mean(axis=1, keepdims=True)


def yearly_index(units: np.ndarray, exposure: np.ndarray, category: np.ndarray) -> np.ndarray | None:
    """Factors (N, 52) by weeks back from the last day, pooled by `category` (N,), or None with less than two years of history.

    Column w serves the weeks that lie w + 1 weeks less than a year after the last day: column 0 is the first week ahead. Per category:
    units per in-stock day of each week / the mean of its 52 weeks, averaged over the whole years known, smoothed over five
    weeks around the year. `units`, `exposure`: (T, N).
    """
    years = len(units) // YEAR_DAYS
    if years < 2:
        return None
    groups = int(category.max()) + 1
    rows = slice(len(units) - years * YEAR_DAYS, None)
    shape = (years, 52, 7, units.shape[1])
    sold = _by_group(units[rows].reshape(shape).sum(axis=2), category, groups)
    known = _by_group(exposure[rows].reshape(shape).sum(axis=2), category, groups)
    rate = np.divide(sold, known, out=np.zeros_like(sold), where=known > 0)
    mean = rate.mean(axis=1, keepdims=True)
    index = np.divide(rate, mean, out=np.ones_like(rate), where=mean > 0).mean(axis=0)
    reach = range(-YEARLY_SMOOTHING_WEEKS, YEARLY_SMOOTHING_WEEKS + 1)
    smoothed = np.maximum(sum(np.roll(index, shift, axis=0) for shift in reach) / len(reach), 0.05)
    return np.asarray((smoothed / smoothed.mean(axis=0, keepdims=True)).T[category])


def _by_group(values: np.ndarray, code: np.ndarray, groups: int) -> np.ndarray:
    """Sum the last axis by code: (years, 52, N) -> (years, 52, groups)."""
    pooled = np.zeros((*values.shape[:-1], groups))
    for group in range(groups):
        pooled[..., group] = values[..., code == group].sum(axis=-1)
    return pooled
