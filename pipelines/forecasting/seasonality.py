"""The season of the year, once two years are known, and the weekday of a date. Other calendar effects live in `calendar_pattern`."""

import numpy as np

from pipelines.forecasting.calendar_shrinkage import shrink_effects
from pipelines.forecasting.pooling import Pools, pool_sums

YEAR_WEEKS = 52
SMOOTHING_WEEKS = 2
LEAST_FACTOR = 0.05
LEAST_TREND_SHARE = 0.2
# Smoothed over five weeks, a year holds ten separate effects: their spread by chance is half again what it should be now and then.
NOISE_MARGIN = 1.5


def weekday_of(dates: np.ndarray) -> np.ndarray:
    """Day of the week of datetime64[D] values, Monday = 0.

    >>> weekday_of(np.array(["2026-11-22"], dtype="datetime64[D]")).tolist()
    [6]
    """
    return (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7


def week_of_year(periods: np.ndarray, per_week: int) -> np.ndarray:
    """Column of the yearly factors for periods counted from the first one ahead (0); past ones are negative.

    >>> week_of_year(np.array([0, 6, 7, -1]), 7).tolist()
    [0, 0, 1, 51]
    """
    return (periods // per_week) % YEAR_WEEKS


def yearly_factors(demand: np.ndarray, exposure: np.ndarray, pools: Pools, per_week: int) -> np.ndarray | None:
    """Factors (52, N) by week of a year of 364 days, the first week ahead first; None with less than two years of history.

    Per category, then per item over what its category explains: units per week in stock over a line through the years, smoothed over five
    weeks, averaged over the years and shrunk by how far the years agree. `demand`, `exposure`: (T, N).
    """
    years = len(demand) // (YEAR_WEEKS * per_week)
    if years < 2:
        return None
    rows = slice(len(demand) - years * YEAR_WEEKS * per_week, None)
    sold, known = (_weekly(values[rows], per_week) for values in (demand, exposure))
    categories, items = int(pools.category.max()) + 1, int(pools.item.max()) + 1
    wide = _index(pool_sums(sold, pools.category, categories), pool_sums(known, pools.category, categories), years)
    expected = known * np.tile(wide, (years, 1))[:, pools.category]
    own = _index(pool_sums(sold, pools.item, items), pool_sums(expected, pools.item, items), years)
    index = wide[:, pools.category] * own[:, pools.item]
    return index / index.mean(axis=0)


def _weekly(values: np.ndarray, per_week: int) -> np.ndarray:
    return np.add.reduceat(values, np.arange(0, len(values), per_week), axis=0)


def _index(sold: np.ndarray, known: np.ndarray, years: int) -> np.ndarray:
    """Yearly index (52, G) with mean 1 from weekly sums (52 x years, G); flat where the years do not agree."""
    rate = np.divide(sold, known, out=np.full_like(sold, np.nan), where=known > 1e-9)
    seen = ~np.isnan(rate)
    mean = np.nansum(rate, axis=0) / np.maximum(seen.sum(axis=0), 1)
    line = np.maximum(_line_through_years(rate.reshape(years, YEAR_WEEKS, -1), mean), 1e-300)
    ratio = np.nan_to_num(np.where(mean > 0, rate / line, 1.0), nan=1.0)
    by_year = _smooth_around(ratio.reshape(years, YEAR_WEEKS, -1))
    by_year /= np.maximum(by_year.mean(axis=1, keepdims=True), 1e-9)
    effect = by_year.mean(axis=0) - 1.0
    between = by_year.var(axis=0, ddof=1).mean(axis=0, keepdims=True) / years
    index = np.maximum(1.0 + shrink_effects(effect, np.broadcast_to(between, effect.shape), NOISE_MARGIN), LEAST_FACTOR)
    return index / index.mean(axis=0)


def _line_through_years(rate: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Line (52 x years, G) through the means of the years, which a season cannot tilt; never below a fifth of the overall mean."""
    years = len(rate)
    known = np.maximum((~np.isnan(rate)).sum(axis=1), 1)
    lean = np.arange(years, dtype=float)[:, None] - (years - 1) / 2.0
    slope = (lean * (np.nansum(rate, axis=1) / known - mean)).sum(axis=0) / (lean**2).sum() / YEAR_WEEKS
    weeks = np.arange(years * YEAR_WEEKS, dtype=float)[:, None] - (years * YEAR_WEEKS - 1) / 2.0
    return np.maximum(mean + slope * weeks, LEAST_TREND_SHARE * mean)


def _smooth_around(by_year: np.ndarray) -> np.ndarray:
    reach = range(-SMOOTHING_WEEKS, SMOOTHING_WEEKS + 1)
    return np.asarray(sum(np.roll(by_year, shift, axis=1) for shift in reach)) / len(reach)
