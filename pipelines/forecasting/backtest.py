"""Rolling origins inside the history: errors over the protection interval, and the tripwire against a four-week mean.

Every origin's level uses only the days before it; the pooled weekday index alone comes from the whole history. Choosing methods is
not done here.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.domain.demand import Frequency
from pipelines.forecasting.combine import combined_level
from pipelines.forecasting.methods import moving_average
from pipelines.forecasting.spread import PastErrors, recent_phi

ORIGIN_STEP_DAYS = 7
MAXIMUM_ORIGINS = 26
MINIMUM_HISTORY_DAYS = 28
RECENT_DAYS = 56
TRIPWIRE_WINDOWS = 8
MINIMUM_TRIPWIRE_WINDOWS = 6
TRIPWIRE_T = 2.0
TRIPWIRE_LOSS_SHARE = 0.05
TRIPWIRE_POOLED_SHARE = 0.02


@dataclass(frozen=True)
class LevelHistory:
    """Levels at the end and at past origins, with the running sums that price any window.

    `level` (N,): today's. `origins` (J,): day counts, latest first. `levels`, `four_week_means` (N, J): units per average day.
    `demand_sum`, `effort_sum` (T + 1, N): running sums of demand and of exposure x pattern. `recent_phi` (N, J + 1): variance over mean of
    single periods of the eight weeks before today and before each origin.
    """

    level: np.ndarray
    origins: np.ndarray
    levels: np.ndarray
    four_week_means: np.ndarray
    demand_sum: np.ndarray
    effort_sum: np.ndarray
    recent_phi: np.ndarray
    freq: Frequency = Frequency.D


@dataclass(frozen=True)
class Tripwire:
    """Mean absolute errors over past weeks (N,) of the forecast and of the four-week mean, mean signed error, and who lost."""

    windows: np.ndarray
    forecast_mae_units: np.ndarray
    four_week_mean_mae_units: np.ndarray
    bias_units: np.ndarray
    is_tripped: np.ndarray
    is_tripped_overall: bool


def trace_levels(demand: np.ndarray, effort: np.ndarray, freq: Frequency = Frequency.D) -> LevelHistory:
    """Run the methods once over (T, N) and keep today's level and those at up to 26 weekly origins with four weeks behind them."""
    days = len(demand)
    step, least = ORIGIN_STEP_DAYS // freq.days, MINIMUM_HISTORY_DAYS // freq.days
    origins = np.arange(days - step, least - 1, -step)[:MAXIMUM_ORIGINS]
    levels = combined_level(demand, effort, at=[days, *origins.tolist()], freq=freq)
    means = moving_average(demand, effort, window_days=MINIMUM_HISTORY_DAYS // freq.days, at=origins.tolist())
    start = np.zeros((1, demand.shape[1]))
    sums = [np.vstack([start, values.cumsum(axis=0)]) for values in (demand, effort)]
    recent = recent_phi(demand, [days, *origins.tolist()], RECENT_DAYS // freq.days)
    return LevelHistory(levels[:, 0], origins, levels[:, 1:], means, *sums, recent, freq)


def past_errors(history: LevelHistory, horizon_days: np.ndarray, lead: int = 0) -> PastErrors:
    """Forecast and actual sums of the `horizon_days` (N,) that begin `lead` periods after each origin, scaled to what was in stock.

    A window counts when it lies inside the history, half of it was in stock, and 28 days of evidence came before it.
    """
    series = np.arange(len(history.level))[:, None]
    start = np.broadcast_to(history.origins[None, :], history.levels.shape)
    last = len(history.demand_sum) - 1
    known = history.effort_sum[start, series] >= 0.9 * MINIMUM_HISTORY_DAYS / history.freq.days
    start = np.minimum(start + lead, last)
    end = start + horizon_days[:, None]
    inside = end <= last
    end = np.minimum(end, last)
    actual = history.demand_sum[end, series] - history.demand_sum[start, series]
    effort = history.effort_sum[end, series] - history.effort_sum[start, series]
    valid = inside & (effort >= 0.5 * horizon_days[:, None]) & known
    forecast = np.where(valid, np.nan_to_num(history.levels) * effort, 0.0)
    windows = valid.sum(axis=1) * np.minimum(ORIGIN_STEP_DAYS / history.freq.days / horizon_days, 1.0)
    return PastErrors(forecast, np.where(valid, actual, 0.0), valid, windows, history.recent_phi)


def testable_horizon(protection_days: np.ndarray, days: int) -> np.ndarray:
    """The protection interval, or what history can test of it: at most half of the days after the first four weeks, at least 7."""
    longest = max(ORIGIN_STEP_DAYS, (days - MINIMUM_HISTORY_DAYS) // 2)
    return np.asarray(np.minimum(protection_days, longest))


def check_tripwire(history: LevelHistory) -> Tripwire:
    """Compare absolute errors of weekly sums with those of a four-week mean over the last eight weeks.

    A series trips when it loses by at least 5 % with a paired t of 2 or more over six weeks or more: losing by chance is not
    losing. Everything trips when the pooled error is more than 2 % above that of the four-week mean.
    """
    errors = past_errors(history, np.full(len(history.level), ORIGIN_STEP_DAYS))
    recent = slice(0, TRIPWIRE_WINDOWS)
    valid = errors.is_valid[:, recent]
    level = np.nan_to_num(history.levels[:, recent])
    actual, forecast = errors.actual_units[:, recent], errors.forecast_units[:, recent]
    effort = np.divide(forecast, level, out=np.zeros_like(forecast), where=level > 0)
    plain = np.where(level > 0, np.nan_to_num(history.four_week_means[:, recent]) * effort, 0.0)
    count = valid.sum(axis=1)
    weeks = np.maximum(count, 1)
    error = np.where(valid, np.abs(actual - forecast), 0.0)
    plain_error = np.where(valid, np.abs(actual - plain), 0.0)
    loss = (error - plain_error).sum(axis=1) / weeks
    spread = np.sqrt(np.where(valid, (error - plain_error - loss[:, None]) ** 2, 0.0).sum(axis=1) / np.maximum(count - 1, 1) / weeks)
    mae, plain_mae = error.sum(axis=1) / weeks, plain_error.sum(axis=1) / weeks
    enough = count >= MINIMUM_TRIPWIRE_WINDOWS
    tripped = enough & (loss > TRIPWIRE_LOSS_SHARE * plain_mae) & (loss > 0) & (loss >= TRIPWIRE_T * spread)
    overall = bool(enough.any() and error[enough].sum() > (1.0 + TRIPWIRE_POOLED_SHARE) * plain_error[enough].sum())
    bias = np.where(valid, forecast - actual, 0.0).sum(axis=1) / weeks
    return Tripwire(count, mae, plain_mae, bias, tripped | overall, overall)
