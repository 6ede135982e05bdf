"""Days on which a whole location sold far from its habit, such as closed holidays: no evidence for level or pattern."""

import numpy as np

from pipelines.forecasting.pooling import pool_sums

REACH_DAYS = 14
DEVIATIONS = 5.0
LEAST_LOG_RATIO = 0.3
LEAST_SELLING_SERIES = 20
LONGEST_RUN_DAYS = 3


def centred_mean(units: np.ndarray, effort: np.ndarray, reach: int = REACH_DAYS) -> np.ndarray:
    """Ratio of sums of units to effort from `reach` periods before to `reach` after each, cut at the ends: (T, G), 0 without effort."""
    periods = len(units)
    first, last = np.maximum(np.arange(periods) - reach, 0), np.minimum(np.arange(periods) + reach, periods)
    sums = [np.vstack([np.zeros((1, values.shape[1])), values.cumsum(axis=0)]) for values in (units, effort)]
    sold, known = (total[last] - total[first] for total in sums)
    return np.divide(sold, known, out=np.zeros_like(sold), where=known > 1e-9)


def unusual_days(units: np.ndarray, exposure: np.ndarray, location: np.ndarray, weekday: np.ndarray) -> np.ndarray:
    """Days (T, L) whose total over a location lies off trend x weekday by 5 robust deviations, and by e^0.3 at least.

    `units`, `exposure`: (T, N); `location` (N,) codes; `weekday` (T,). Runs of more than three such days are a new habit, not an exception.
    Locations where fewer than 20 series sell on a usual day are left alone: their totals are chance.
    """
    places = int(location.max()) + 1 if len(location) else 0
    sold, known = pool_sums(units, location, places), pool_sums(exposure, location, places)
    selling = np.median(pool_sums(units > 0, location, places), axis=0) if len(units) else np.zeros(places)
    usual = known > 0
    factors = np.ones((7, places))
    for _ in range(2):
        trend = centred_mean(np.where(usual, sold, 0.0), np.where(usual, known * factors[weekday], 0.0))
        ratio = np.divide(sold, known * trend, out=np.ones_like(sold), where=(known * trend) > 1e-9)
        factors = _weekday_medians(np.where(known > 0, ratio, np.nan), weekday)
        deviation = np.log(np.maximum(ratio / np.maximum(factors[weekday], 1e-9), 1e-3))
        spread = 1.4826 * np.median(np.abs(deviation), axis=0)
        usual = (known > 0) & (np.abs(deviation) < np.maximum(DEVIATIONS * spread, LEAST_LOG_RATIO))
    unusual = _drop_long_runs(~usual & (known > 0))
    return unusual & (selling >= LEAST_SELLING_SERIES)[None, :]


def _weekday_medians(ratio: np.ndarray, weekday: np.ndarray) -> np.ndarray:
    medians = np.ones((7, ratio.shape[1]))
    for day in range(7):
        rows = ratio[weekday == day]
        seen = (~np.isnan(rows)).any(axis=0) if len(rows) else np.zeros(ratio.shape[1], dtype=bool)
        if seen.any():
            medians[day, seen] = np.nanmedian(rows[:, seen], axis=0)
    return np.where(medians > 1e-3, medians, 1.0)


def _drop_long_runs(flags: np.ndarray) -> np.ndarray:
    run = np.zeros(flags.shape, dtype=np.int64)
    for day in range(len(flags)):
        run[day] = np.where(flags[day], (run[day - 1] if day else 0) + 1, 0)
    longest = run.copy()
    for day in range(len(flags) - 2, -1, -1):
        longest[day] = np.where(flags[day] & flags[day + 1], longest[day + 1], run[day])
    return flags & (longest <= LONGEST_RUN_DAYS)
