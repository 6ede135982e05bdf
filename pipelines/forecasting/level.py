"""From a panel to today's level and pattern: exposure, imputation, factors, methods, cold start. No distribution is made here."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.forecasting.backtest import LevelHistory, trace_levels
from pipelines.forecasting.calendar_pattern import Evidence, calendar_factors
from pipelines.forecasting.completion import Incomplete, complete_demand
from pipelines.forecasting.event_uplift import AROUND_DAYS, Occasion, apply_events, touched
from pipelines.forecasting.exposure import PRIOR_DAYS, WINDOW_DAYS, RateEstimate
from pipelines.forecasting.panel import Panel
from pipelines.forecasting.pooling import Pools
from pipelines.forecasting.price_response import apply_prices
from pipelines.forecasting.seasonality import week_of_year, weekday_of, yearly_factors
from pipelines.forecasting.unusual_days import unusual_days

OWN_PRIOR_DAYS = 28.0
RECENT_PERIODS = 56


@dataclass(frozen=True)
class RecentDemand:
    """The demand estimate of the last 56 periods or fewer, of the N series of `keys` (location_id, item_id).

    `units` (T, N): NaN where nothing is known; a period out of stock throughout counts at the recent rate. `exposure` (T, N): share of the
    period in stock, 0 where unknown.
    """

    keys: pd.DataFrame
    units: np.ndarray
    exposure: np.ndarray


@dataclass(frozen=True)
class LevelEstimate:
    """Per series (N,): level in units per average period, the recent rate, all in-stock periods, periods known, the prior's weight.

    `factors_ahead` (N, H): the pattern of the periods after the history. `demand`, `effort` (T, N): what the methods saw.
    `incomplete`: what was estimated of periods short of stock, None without any. `history` for backtests, `recent` to judge earlier
    forecasts by.
    """

    level: np.ndarray
    rate: RateEstimate
    raw_rate: np.ndarray
    total_in_stock_days: np.ndarray
    history_days: np.ndarray
    prior_share: np.ndarray
    factors_ahead: np.ndarray
    demand: np.ndarray
    effort: np.ndarray
    incomplete: Incomplete | None
    history: LevelHistory
    recent: RecentDemand

    @property
    def path(self) -> np.ndarray:
        """Mean units of the periods ahead (N, H)."""
        return self.level[:, None] * self.factors_ahead


@dataclass(frozen=True)
class Influences:
    """What else moves demand and is known: events placed on the panel, and log prices over their recent means (T + H, N)."""

    occasions: tuple[Occasion, ...] = ()
    price_lean: np.ndarray | None = None


NOTHING_ELSE = Influences()


def estimate_level(panel: Panel, pools: Pools, ahead: int, known: Influences = NOTHING_ELSE) -> LevelEstimate:
    """Estimate level and pattern of every series of `panel`, and the pattern of the `ahead` periods that follow it.

    Exposure is multiplied by the pattern before the methods see it, so a level is units per average in-stock period (ratio of sums).
    """
    units = np.ascontiguousarray(panel.units.T)
    seen = ~np.isnan(units)
    exposure = np.where(seen, panel.exposure.T, 0.0)
    window = WINDOW_DAYS // panel.freq.days
    completed = complete_demand(units, exposure, pools.borrowing, panel.freq.days)
    demand, rate = completed.demand, completed.rate
    raw = np.nansum(units[-window:], axis=0) / np.maximum(seen[-window:].sum(axis=0), 1)
    del units
    recent = _keep_recent(panel.keys, demand, completed.known, exposure, seen, rate)
    effort, factors_ahead = _apply_pattern(panel, pools, demand, completed.known, ahead, known)
    history = trace_levels(demand, effort, panel.freq)
    total = exposure.sum(axis=0)
    level, prior_share = _blend(history.level, rate, total, panel.freq.days)
    days_known = seen.sum(axis=0)
    return LevelEstimate(
        level, rate, raw, total, days_known, prior_share, factors_ahead, demand, effort, completed.incomplete, history, recent
    )


def _keep_recent(
    keys: pd.DataFrame, demand: np.ndarray, full: np.ndarray, exposure: np.ndarray, seen: np.ndarray, rate: RateEstimate
) -> RecentDemand:
    """The newest periods before the pattern takes unusual days out of them."""
    last = slice(-RECENT_PERIODS, None)
    estimated = np.where(full[last] > 0, demand[last], rate.daily_units)
    return RecentDemand(keys, np.where(seen[last], estimated, np.nan), exposure[last].copy())


def _apply_pattern(
    panel: Panel, pools: Pools, demand: np.ndarray, full: np.ndarray, ahead: int, known: Influences
) -> tuple[np.ndarray, np.ndarray]:
    """Exposure x pattern of the past (T, N), and the pattern ahead (N, H); unusual days count neither as effort nor as demand.

    `demand` loses what unusual days sold, unless an event explains them: it is changed in place.
    """
    mask = touched(known.occasions, *demand.shape) if known.occasions else None
    effort, future = _apply_calendar(panel, pools, demand, full, ahead, mask)
    if known.price_lean is not None:
        apply_prices(known.price_lean, demand, effort, future, pools)
    if mask is not None:
        apply_events(known.occasions, demand, effort, mask, future, pools, AROUND_DAYS // panel.freq.days)
    return effort, future.T


def _apply_calendar(
    panel: Panel, pools: Pools, demand: np.ndarray, full: np.ndarray, ahead: int, mask: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Exposure x season and calendar of the past (T, N) and of the periods ahead (H, N); days under events teach neither."""
    periods, per_week = len(demand), panel.freq.season
    yearly = yearly_factors(demand, full, pools, per_week)
    effort = full
    ahead_factors = np.ones((ahead, demand.shape[1]), dtype=np.float32)
    if yearly is not None:
        effort = full * yearly[week_of_year(np.arange(-periods, 0), per_week)]
        ahead_factors = yearly[week_of_year(np.arange(ahead), per_week)].astype(np.float32)
    if per_week == 1 or not len(pools.item):
        return effort, ahead_factors
    unusual = unusual_days(demand, effort, pools.location, weekday_of(panel.dates))
    for day in np.flatnonzero(unusual.any(axis=1)):
        closed = unusual[day][pools.location] if mask is None else unusual[day][pools.location] & ~mask[day]
        effort[day, closed] = 0.0
        demand[day, closed] = 0.0
    dates = panel.dates[-1] + 1 + np.arange(ahead)
    evidence = Evidence(demand, effort, panel.dates)
    if mask is not None:
        evidence = Evidence(np.where(mask, 0.0, demand), np.where(mask, 0.0, effort), panel.dates)
    past, future = calendar_factors(evidence, pools, dates)
    return effort * past, ahead_factors * future


def _blend(own: np.ndarray, rate: RateEstimate, total: np.ndarray, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Own level and prior by in-stock periods n of `days` days: weight n / (n + k), where k falls from 7 days to 0 as n grows to 56.

    With fewer than 7 in-stock days of the last 56 the recent rate serves, around the series' own older level if it has 28 days of it.
    """
    own = np.where(np.isnan(own), rate.prior_units, own)
    total_days, in_stock_days = total * days, rate.in_stock_days * days
    pseudo = PRIOR_DAYS * np.clip(1.0 - total_days / WINDOW_DAYS, 0.0, 1.0)
    share = np.where(total_days > 0, pseudo / np.maximum(total_days + pseudo, 1e-9), 1.0)
    blended = (1.0 - share) * own + share * rate.prior_units
    has_own_prior = total_days - in_stock_days >= OWN_PRIOR_DAYS
    prior = np.where(has_own_prior, own, rate.prior_units)
    leaning = PRIOR_DAYS / (in_stock_days + PRIOR_DAYS)
    recent = rate.daily_units + leaning * (prior - rate.prior_units)
    level = np.where(rate.uses_prior, recent, blended)
    return np.maximum(level, 0.0), np.where(rate.uses_prior, leaning, share)
