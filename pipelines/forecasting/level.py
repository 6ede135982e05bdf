"""From a panel to today's level and pattern: exposure, imputation, indices, methods, cold start. No distribution is made here."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.forecasting.backtest import LevelHistory, trace_levels
from pipelines.forecasting.exposure import PRIOR_DAYS, WINDOW_DAYS, RateEstimate, SeriesGroups, estimate_rate, impute_demand
from pipelines.forecasting.panel import Panel
from pipelines.forecasting.seasonality import weekday_index, weekday_of, yearly_index

OWN_PRIOR_DAYS = 28.0


@dataclass(frozen=True)
class LevelEstimate:
    """Per series (N,): level in units per average day, the recent rate, all in-stock days, days known, the prior's weight in the level.

    `weekday_factors` (N, 7); `yearly_factors` (N, 52) or None; `history` for backtests.
    """

    level: np.ndarray
    rate: RateEstimate
    raw_rate: np.ndarray
    total_in_stock_days: np.ndarray
    history_days: np.ndarray
    prior_share: np.ndarray
    weekday_factors: np.ndarray
    yearly_factors: np.ndarray | None
    history: LevelHistory

    def future_factors(self, dates: np.ndarray) -> np.ndarray:
        """Pattern factors (N, H) of the days that follow the history, one after the other. `dates`: (H,) datetime64[D]."""
        factors = self.weekday_factors[:, weekday_of(dates)]
        if self.yearly_factors is not None:
            factors = factors * self.yearly_factors[:, (np.arange(len(dates)) // 7) % 52]
        return factors


def estimate_level(panel: Panel, category: pd.Series) -> LevelEstimate:
    """Estimate level and pattern of every series of `panel`; `category` (N,) is the item category of each.

    Exposure is multiplied by the pattern before the methods see it, so a level is units per average in-stock day (ratio of sums).
    """
    units = np.ascontiguousarray(panel.units.T)
    known = ~np.isnan(units)
    exposure = np.where(known, panel.exposure.T, 0.0)
    groups, category_code = _codes(panel.keys, category)
    rate = estimate_rate(units[-WINDOW_DAYS:], exposure[-WINDOW_DAYS:], groups)
    demand, full_days = impute_demand(units, exposure, rate.prior_units)
    weekday = weekday_of(panel.dates)
    weekdays = weekday_index(demand, full_days, weekday, groups.group)
    yearly = yearly_index(demand, full_days, category_code)
    effort = full_days * weekdays.T[weekday]
    if yearly is not None:
        effort *= yearly.T[((np.arange(len(demand)) - len(demand)) // 7) % 52]
    history = trace_levels(demand, effort)
    total_days = exposure.sum(axis=0)
    level, prior_share = _blend(history.level, rate, total_days)
    recent = known[-WINDOW_DAYS:].sum(axis=0)
    raw = np.nansum(units[-WINDOW_DAYS:], axis=0) / np.maximum(recent, 1)
    return LevelEstimate(level, rate, raw, total_days, known.sum(axis=0), prior_share, weekdays, yearly, history)


def _blend(own: np.ndarray, rate: RateEstimate, total_days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Own level and prior by in-stock days n: weight n / (n + k), where k falls from 7 to 0 as n grows to 56.

    With fewer than 7 in-stock days of the last 56 the recent rate serves, around the series' own older level if it has 28 days of it.
    """
    own = np.where(np.isnan(own), rate.prior_units, own)
    pseudo = PRIOR_DAYS * np.clip(1.0 - total_days / WINDOW_DAYS, 0.0, 1.0)
    share = np.where(total_days > 0, pseudo / np.maximum(total_days + pseudo, 1e-9), 1.0)
    blended = (1.0 - share) * own + share * rate.prior_units
    has_own_prior = total_days - rate.in_stock_days >= OWN_PRIOR_DAYS
    prior = np.where(has_own_prior, own, rate.prior_units)
    leaning = PRIOR_DAYS / (rate.in_stock_days + PRIOR_DAYS)
    recent = rate.daily_units + leaning * (prior - rate.prior_units)
    level = np.where(rate.uses_prior, recent, blended)
    return np.maximum(level, 0.0), np.where(rate.uses_prior, leaning, share)


def _codes(keys: pd.DataFrame, category: pd.Series) -> tuple[SeriesGroups, np.ndarray]:
    item = pd.factorize(keys["item_id"], sort=True)[0]
    location = pd.factorize(keys["location_id"], sort=True)[0]
    category_code = pd.factorize(category, sort=True)[0]
    pair = location.astype(np.int64) * (int(category_code.max()) + 1 if len(category_code) else 1) + category_code
    return SeriesGroups(item, np.unique(pair, return_inverse=True)[1]), category_code
