"""The forecast that planning and replenishment read: a weekly mean path and the distribution over the protection interval.

Assembles level, backtest and distribution into frames. No I/O; nothing random.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.domain.policy import Policy, ServicePolicy
from pipelines.forecasting.backtest import Tripwire, check_tripwire
from pipelines.forecasting.combine import METHOD_NAME
from pipelines.forecasting.demand_alarms import WeeklyDemand, weekly_demand
from pipelines.forecasting.distribution import SumDistribution, textbook_safety_stock
from pipelines.forecasting.horizons import HORIZON_DAYS, fit_ahead, horizon_forecasts, sum_ahead
from pipelines.forecasting.level import LevelEstimate, RecentDemand, estimate_level
from pipelines.forecasting.overrides import apply_overrides
from pipelines.forecasting.panel import Panel, build_panel
from pipelines.forecasting.pooling import make_pools

WEEKLY_COLUMNS = ("location_id", "item_id", "week_index", "week_start", "mean_units")
PRIOR_METHOD_NAME = "exposure estimate with prior"
LONGEST_PROTECTION_DAYS = 728
QUANTILES = {"q50_units": 0.50, "q90_units": 0.90, "q95_units": 0.95, "q98_units": 0.98}


@dataclass(frozen=True)
class Forecast:
    """Frames ordered by (location_id, item_id), without nulls or negative numbers.

    `weekly`: location_id, item_id, week_index, week_start, mean_units. `summary`: one row per series (docs/forecasting.md lists it).
    `backtest`: location_id, item_id, windows, forecast_mae_units, four_week_mean_mae_units, bias_units, is_tripped.
    `crosscheck`: location_id, item_id, safety_stock_units, textbook_safety_stock_units. `is_tripped_overall`: all lose together.
    `horizons`: what is said of the next 7, 14 and 28 days, to be kept and judged later; `recent`: what to judge earlier ones by.
    `by_week`: what changes of demand are detected in.
    """

    weekly: pd.DataFrame
    summary: pd.DataFrame
    backtest: pd.DataFrame
    crosscheck: pd.DataFrame
    is_tripped_overall: bool
    horizons: pd.DataFrame
    recent: RecentDemand
    by_week: WeeklyDemand

    @property
    def tripwire(self) -> pd.DataFrame:
        """location_id, item_id of the series whose forecast lost to a four-week mean: planning holds their transfers back."""
        return self.backtest.loc[self.backtest["is_tripped"], ["location_id", "item_id"]].reset_index(drop=True)


@dataclass(frozen=True)
class _Terms:
    """Supply terms per series (N,), with the policy's defaults filled in."""

    category: pd.Series
    lead_days: np.ndarray
    lead_sd_days: np.ndarray
    review_days: np.ndarray
    service_share: np.ndarray

    @property
    def protection_days(self) -> np.ndarray:
        return np.clip(self.lead_days + self.review_days, 1, LONGEST_PROTECTION_DAYS)


def make_forecast(
    demand: pd.DataFrame, items: pd.DataFrame, as_of: dt.date, policy: Policy, seed: int, overrides: pd.DataFrame | None = None
) -> Forecast:
    """Forecast every location x item of `demand` (rows of fct_demand_daily) from the end of `as_of`.

    `items`: item_id, category, supplier_lead_time_days, review_period_days, abc_class; optionally supplier_lead_time_days_sd (0 if
    absent). Items without terms get the policy's. Week h covers the days as_of + 1 + 7h .. as_of + 7 + 7h. Protection interval = lead
    time + review period. target = its quantile at the class's service share; safety stock = target - mean; reorder point = mean
    over the lead time + safety stock. `overrides` of people (see `apply_overrides`) are laid over the path. `seed` is part of a run's
    identity; the present methods draw nothing.
    Raises ValueError from `build_panel`.
    """
    del seed
    panel = build_panel(demand, as_of)
    terms = _supply_terms(panel.keys, items, policy.service)
    protection = terms.protection_days
    weeks = policy.planning.horizon_weeks
    ahead = max(7 * weeks, *HORIZON_DAYS, int(protection.max(initial=1)))
    estimate = estimate_level(panel, make_pools(panel.keys, terms.category), ahead)
    dates = np.datetime64(as_of, "D") + 1 + np.arange(ahead)
    statistical = estimate.path
    path = statistical if overrides is None else apply_overrides(statistical, panel.keys, dates, overrides)
    distribution = _fit_distribution(estimate, path, terms)
    tripwire = check_tripwire(estimate.history)
    weekly = _weekly_frame(panel.keys, path[:, : 7 * weeks], dates)
    summary = _summary_frame(panel, estimate, distribution, terms, path, tripwire)
    backtest, crosscheck = _backtest_frame(panel.keys, tripwire), _crosscheck_frame(summary, terms, estimate)
    horizons = horizon_forecasts(panel.keys, estimate, path, statistical)
    by_week = weekly_demand(panel.keys.assign(category=terms.category), estimate.demand, estimate.effort, panel.dates)
    return Forecast(weekly, summary, backtest, crosscheck, tripwire.is_tripped_overall, horizons, estimate.recent, by_week)


def _supply_terms(keys: pd.DataFrame, items: pd.DataFrame, service: ServicePolicy) -> _Terms:
    known = items.drop_duplicates("item_id").set_index("item_id").reindex(keys["item_id"])

    def days(column: str, default: float) -> np.ndarray:
        if column not in known.columns:
            return np.full(len(keys), default)
        return pd.to_numeric(known[column]).fillna(default).clip(lower=0).to_numpy(dtype=float)

    targets = {"A": service.target_a_share, "B": service.target_b_share, "C": service.target_c_share}
    share = known["abc_class"].map(targets).fillna(service.target_b_share).to_numpy(dtype=float)
    return _Terms(
        category=known["category"].astype(object).fillna("").astype(str).reset_index(drop=True),
        lead_days=np.round(days("supplier_lead_time_days", service.default_supplier_lead_time_days)).astype(np.int64),
        lead_sd_days=days("supplier_lead_time_days_sd", 0.0),
        review_days=np.round(days("review_period_days", service.review_period_days)).astype(np.int64),
        service_share=share,
    )


def _fit_distribution(estimate: LevelEstimate, path: np.ndarray, terms: _Terms) -> SumDistribution:
    """Distribution of the protection sum, whose length varies with the supplier's lead time."""
    protection = terms.protection_days
    return fit_ahead(estimate, sum_ahead(path, protection), protection, np.square(estimate.level * terms.lead_sd_days))


def _weekly_frame(keys: pd.DataFrame, path: np.ndarray, dates: np.ndarray) -> pd.DataFrame:
    weeks = path.shape[1] // 7
    repeated = keys.loc[np.repeat(np.arange(len(keys)), weeks)].reset_index(drop=True)
    starts = pd.to_datetime(dates[: 7 * weeks : 7]).date
    repeated["week_index"] = np.tile(np.arange(weeks, dtype=np.int64), len(keys))
    repeated["week_start"] = np.tile(np.asarray(starts, dtype=object), len(keys))
    repeated["mean_units"] = path.reshape(len(keys), weeks, 7).sum(axis=2).ravel()
    return repeated[list(WEEKLY_COLUMNS)]


def _summary_frame(
    panel: Panel, estimate: LevelEstimate, distribution: SumDistribution, terms: _Terms, path: np.ndarray, tripwire: Tripwire
) -> pd.DataFrame:
    target = np.zeros(len(panel.keys))
    for share in np.unique(terms.service_share):
        chosen = terms.service_share == share
        target[chosen] = distribution.quantile(float(share))[chosen]
    mean = distribution.mean_units
    safety = np.maximum(target - mean, 0.0)
    frame = panel.keys.copy()
    frame["method"] = np.where(estimate.rate.uses_prior, PRIOR_METHOD_NAME, METHOD_NAME)
    frame["mean_daily_units"] = path[:, : 7 * (path.shape[1] // 7)].mean(axis=1) if path.shape[1] >= 7 else estimate.level
    frame["raw_mean_daily_units"] = estimate.raw_rate
    frame["dispersion_k"] = distribution.dispersion_k
    frame["in_stock_days"] = estimate.rate.in_stock_days
    frame["history_days"] = estimate.history_days.astype(np.int64)
    frame["protection_days"] = terms.protection_days
    frame["protection_mean_units"] = mean
    for column, probability in QUANTILES.items():
        frame[column] = distribution.quantile(probability)
    frame["safety_stock_units"] = safety
    frame["reorder_point_units"] = sum_ahead(path, terms.lead_days) + safety
    frame["target_units"] = mean + safety
    frame["uses_prior"] = estimate.rate.uses_prior
    frame["note"] = pd.Series(_notes(estimate, tripwire), dtype=str)
    return frame


def _notes(estimate: LevelEstimate, tripwire: Tripwire) -> list[str]:
    """One plain sentence per condition that a planner should know, in a fixed order; empty when there is nothing to say."""
    notes = []
    for uses_prior, days, tripped in zip(estimate.rate.uses_prior, estimate.rate.in_stock_days, tripwire.is_tripped, strict=True):
        parts = []
        if uses_prior:
            parts.append(f"only {days:.0f} of the last 56 days in stock: estimate leans on its prior")
        if tripped:
            parts.append("forecast lost to a four-week mean: transfers held back")
        notes.append("; ".join(parts))
    return notes


def _backtest_frame(keys: pd.DataFrame, tripwire: Tripwire) -> pd.DataFrame:
    frame = keys.copy()
    frame["windows"] = tripwire.windows.astype(np.int64)
    frame["forecast_mae_units"] = tripwire.forecast_mae_units
    frame["four_week_mean_mae_units"] = tripwire.four_week_mean_mae_units
    frame["bias_units"] = tripwire.bias_units
    frame["is_tripped"] = tripwire.is_tripped
    return frame


def _crosscheck_frame(summary: pd.DataFrame, terms: _Terms, estimate: LevelEstimate) -> pd.DataFrame:
    """The textbook formula over lead time + review, with the daily variation that the negative binomial implies."""
    frame = summary[["location_id", "item_id", "safety_stock_units"]].copy()
    days = summary["protection_days"].to_numpy(dtype=float)
    mean = summary["protection_mean_units"].to_numpy()
    variance = mean + mean**2 / summary["dispersion_k"].to_numpy() - np.square(estimate.level * terms.lead_sd_days)
    daily_sd = np.sqrt(np.maximum(variance, 0.0) / days)
    frame["textbook_safety_stock_units"] = np.maximum(
        textbook_safety_stock(terms.service_share, days, daily_sd, estimate.level, terms.lead_sd_days), 0.0
    )
    return frame
