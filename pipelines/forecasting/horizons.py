"""Sums of the days ahead: their distribution, what a night says of the next 7, 14 and 28 days, and what became of that.

What was said is kept by the flows and never changed; it is judged against the demand estimate, not against sales. No level is made here.
"""

import datetime as dt
from collections.abc import Iterable

import numpy as np
import pandas as pd

from pipelines.forecasting.backtest import LevelHistory, past_errors, testable_horizon
from pipelines.forecasting.distribution import SumDistribution, fit_sum
from pipelines.forecasting.level import LevelEstimate, RecentDemand

HORIZON_DAYS = (7, 14, 28)
WINDOW_DAYS = 28
NAIVE_DAYS = 7
UPPER_SHARE = 0.95
LEAST_IN_STOCK_SHARE = 0.5
COLD_START_CV2 = 1.0
NOT_KNOWN, OUT_OF_STOCK = "not all days are known", "out of stock for half of the horizon or more"
SAID = ["location_id", "item_id", "horizon_days", "forecast_units", "statistical_units", "q95_units", "naive_units", "naive_rmse_units"]
JUDGED = ["forecast_as_of", "forecast_run_id", *SAID, "actual_units", "in_stock_share", "null_reason"]


def sum_ahead(path: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Mean units of the first `days` (N,) of a mean path (N, H)."""
    running = np.concatenate([np.zeros((len(path), 1)), path.cumsum(axis=1)], axis=1)
    return np.asarray(running[np.arange(len(path)), np.minimum(days, path.shape[1])])


def fit_ahead(estimate: LevelEstimate, mean_units: np.ndarray, days: np.ndarray, lead_variance_units2: np.ndarray) -> SumDistribution:
    """Distribution of the sum over the next `days` (N,); a level that leans on the prior is uncertain: cv^2 = 1 x its weight.

    The 1 follows from the error of analogies on new items (mean absolute error 0.8 of the mean). `lead_variance_units2`: mu^2 var(L).
    """
    horizon = testable_horizon(days, len(estimate.history.demand_sum) - 1)
    level_variance = COLD_START_CV2 * estimate.prior_share * np.square(mean_units)
    return fit_sum(mean_units, past_errors(estimate.history, horizon), lead_variance_units2 + level_variance, days / horizon)


def horizon_forecasts(keys: pd.DataFrame, estimate: LevelEstimate, path: np.ndarray, statistical: np.ndarray) -> pd.DataFrame:
    """What this night says: columns `SAID`, one row per series of `keys` (N rows) and horizon, from the mean path (N, H), H >= 28,
    and beside it from the `statistical` one, which nobody overrode.

    The naive forecast repeats the last week of the demand estimate; where less is known, the mean of what is known stands for the rest.
    """
    recent = estimate.recent.units[-NAIVE_DAYS:]
    known = np.maximum((~np.isnan(recent)).sum(axis=0), 1)
    naive = np.nansum(recent, axis=0) / known
    frames = []
    for horizon in HORIZON_DAYS:
        days = np.full(len(keys), horizon)
        mean = sum_ahead(path, days)
        upper = fit_ahead(estimate, mean, days, np.zeros(len(keys))).quantile(UPPER_SHARE)
        said = {
            "forecast_units": mean,
            "statistical_units": sum_ahead(statistical, days),
            "q95_units": upper,
            "naive_units": naive * horizon,
        }
        frames.append(keys.assign(horizon_days=days, **said, naive_rmse_units=naive_scale(estimate.history, horizon))[SAID])
    return pd.concat(frames, ignore_index=True)


def naive_scale(history: LevelHistory, days: int) -> np.ndarray:
    """Scale of the RMSSE of sums over `days` (N,): root mean squared difference of such a sum from the one right before it.

    Taken at weekly origins inside the history where both were in stock for half of their days; NaN where there is none. Source: Hyndman and
    Koehler, Another look at measures of forecast accuracy, for sums instead of single periods.
    """
    origins = history.origins[(history.origins >= days) & (history.origins + days < len(history.demand_sum))]
    before, after = (
        [running[at + days] - running[at] for running in (history.demand_sum, history.effort_sum)] for at in (origins - days, origins)
    )
    valid = (before[1] >= LEAST_IN_STOCK_SHARE * days) & (after[1] >= LEAST_IN_STOCK_SHARE * days)
    square = np.where(valid, np.square(after[0] - before[0]), 0.0).sum(axis=0)
    count = valid.sum(axis=0)
    return np.sqrt(np.divide(square, count, out=np.full(len(count), np.nan), where=count > 0))


def origins_due(dates: Iterable[dt.date], as_of: dt.date) -> list[tuple[dt.date, int]]:
    """Of the dates that a forecast was made at, those judged at `as_of`, each with its horizon h in days.

    The last 28 days fall into 28 / h slots that end h, 2h, .. days before `as_of`; of each the newest forecast is judged, so that nights
    every day and nights every week weigh days alike, and no horizon ends after `as_of`.

    >>> day = dt.date(2026, 3, 29)
    >>> [(str(origin), h) for origin, h in origins_due([day - dt.timedelta(days=n) for n in (3, 9, 14)], day)]
    [('2026-03-15', 7), ('2026-03-20', 7), ('2026-03-15', 14)]
    """
    ages = sorted((as_of - date).days for date in dates)
    due = []
    for horizon in HORIZON_DAYS:
        slots = [next((age for age in ages if n <= age < n + horizon), None) for n in range(horizon, WINDOW_DAYS + 1, horizon)]
        due += [(as_of - dt.timedelta(days=age), horizon) for age in reversed(slots) if age is not None]
    return due


def judge_horizons(said: pd.DataFrame, recent: RecentDemand, as_of: dt.date) -> pd.DataFrame:
    """What became of earlier forecasts (`forecast_as_of`, `forecast_run_id`, columns `SAID`): columns `JUDGED`, in the rows' order.

    `actual_units` is the demand estimate of the horizon. It is NaN, and `null_reason` says why, where a day of the horizon is not known, or
    where less than half of it was in stock: such an estimate would judge the forecast by itself.
    """
    age = (pd.Timestamp(as_of) - pd.to_datetime(said["forecast_as_of"])).dt.days.to_numpy(dtype=np.int64)
    horizon = said["horizon_days"].to_numpy(dtype=np.int64)
    days = len(recent.units)
    series = pd.MultiIndex.from_frame(recent.keys).get_indexer(pd.MultiIndex.from_frame(said[["location_id", "item_id"]]))
    start, end = days - age, days - age + horizon
    inside = (series >= 0) & (start >= 0) & (end <= days)
    cells = np.where(inside, start, 0), np.where(inside, end, 0), series
    known, units, exposure = (_between(values, *cells) for values in (~np.isnan(recent.units), recent.units, recent.exposure))
    is_known = inside & (known == horizon)
    share = np.where(is_known, exposure / np.maximum(horizon, 1), np.nan)
    is_judged = is_known & (share >= LEAST_IN_STOCK_SHARE)
    reason = pd.Series(np.where(is_known, OUT_OF_STOCK, NOT_KNOWN), index=said.index, dtype=object).mask(is_judged, None)
    judged = said.assign(actual_units=np.where(is_judged, units, np.nan), in_stock_share=share, null_reason=reason)
    return judged[JUDGED]


def _between(values: np.ndarray, start: np.ndarray, end: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Sums of (T, N) over the periods from `start` up to before `end` of a series each; NaN counts nothing."""
    running = np.vstack([np.zeros((1, values.shape[1])), np.nan_to_num(values).cumsum(axis=0)])
    if not running.shape[1]:
        return np.zeros(len(series))
    return np.asarray(running[end, series] - running[start, series])
