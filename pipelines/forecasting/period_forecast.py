"""The stand-alone forecast of a panel: mean and quantiles per period, weekly paths, estimated demand. No file is touched here."""

from dataclasses import dataclass

import numpy as np

from pipelines.domain.demand import DemandRows, Frequency, KnownBeside
from pipelines.forecasting.backtest import past_errors
from pipelines.forecasting.combine import METHOD_NAME
from pipelines.forecasting.completion import Incomplete
from pipelines.forecasting.distribution import fit_sum
from pipelines.forecasting.event_uplift import place_events
from pipelines.forecasting.level import Influences, LevelEstimate, estimate_level
from pipelines.forecasting.marginals import amount_draws, amount_quantiles, count_draws, count_quantiles
from pipelines.forecasting.panel import Panel, panel_of_rows
from pipelines.forecasting.pooling import finest_category, make_pools
from pipelines.forecasting.price_response import price_leans
from pipelines.forecasting.sample_paths import series_seeds, spread_uniforms

QUANTILES = {"q05": 0.05, "q50": 0.50, "q95": 0.95}
LONGEST_HISTORY = {Frequency.D: 1092, Frequency.W: 260}
LEVEL_SHARE = 0.5


@dataclass(frozen=True)
class PeriodForecast:
    """Forecast of N series for H periods from `starts` (H,): `mean_units` (N, H), spread per unit of mean, and what paths need.

    `period_phi`, `week_phi` (N,): variance over mean of one period and of a week. `weekly_mean_units` (N, W).
    """

    method: str
    starts: np.ndarray
    history_starts: np.ndarray
    mean_units: np.ndarray
    weekly_mean_units: np.ndarray
    period_phi: np.ndarray
    week_phi: np.ndarray
    are_counts: bool
    seeds: np.ndarray
    panel: Panel
    incomplete: Incomplete | None

    def quantiles(self, part: slice) -> dict[str, np.ndarray]:
        """q05, q50, q95 of each period's demand on its own, (n, H) each."""
        mean = self.mean_units[part]
        found = self._quantiles(mean, self.period_phi[part, None], list(QUANTILES.values()))
        return dict(zip(QUANTILES, found, strict=True))

    def paths(self, part: slice) -> np.ndarray:
        """80 plausible futures by week, (n, 80, W): a level that stays x weeks that vary, both with stratified luck."""
        mean, phi = self.weekly_mean_units[part], self.week_phi[part, None]
        weeks = mean.shape[1]
        luck = spread_uniforms(self.seeds[part], weeks + 1)
        excess = np.maximum(phi - 1.0, 0.0) if self.are_counts else phi
        level_variance = LEVEL_SHARE * excess / np.maximum(mean.mean(axis=1, keepdims=True), 1e-9)
        level = _gamma_quantile(luck[:, :, 0], np.minimum(level_variance, 4.0))
        inner = np.maximum(phi - LEVEL_SHARE * excess, 1.0 if self.are_counts else 1e-9)
        return self._draw(mean[:, None, :] * level[:, :, None], np.broadcast_to(inner[:, :, None], luck[:, :, 1:].shape), luck[:, :, 1:])

    def estimates(self, part: slice) -> dict[str, np.ndarray]:
        """Known periods (n, T): units sold, share in stock, the demand they stand for, index of its method, 90 % bounds."""
        units, exposure = self.panel.units[part], self.panel.exposure[part]
        estimate, lower, upper = units.copy(), units.copy(), units.copy()
        method = np.zeros(units.shape, dtype=np.int8)
        if self.incomplete is not None:
            periods = units.shape[1]
            ends = np.searchsorted(self.incomplete.position, [part.start * periods, part.start * periods + units.size])
            cells = slice(*ends.tolist())
            place = np.unravel_index(self.incomplete.position[cells] - part.start * periods, units.shape)
            estimate[place], method[place] = self.incomplete.estimate[cells], self.incomplete.method[cells]
            lower[place], upper[place] = self.incomplete.bounds(cells, units[place], periods, self.are_counts)
        known = ~np.isnan(units)
        named = {"units": units, "in_stock_share": exposure, "estimate": estimate, "method": method, "lower": lower, "upper": upper}
        return {"is_known": known, **named}

    def _quantiles(self, mean: np.ndarray, phi: np.ndarray, probabilities: list[float]) -> list[np.ndarray]:
        if self.are_counts:
            return count_quantiles(mean, mean / np.maximum(phi - 1.0, 1e-6), probabilities)
        return amount_quantiles(mean, phi * mean, probabilities)

    def _draw(self, mean: np.ndarray, phi: np.ndarray, luck: np.ndarray) -> np.ndarray:
        if self.are_counts:
            return count_draws(mean, mean / np.maximum(phi - 1.0, 1e-6), luck)
        return amount_draws(mean, phi * mean, luck)


def forecast_periods(rows: DemandRows, beside: KnownBeside, horizon: int, method: str, seed: int, threads: int = 1) -> PeriodForecast:
    """Forecast every series of `rows` for the `horizon` periods after the last known one; nothing depends on the order of rows."""
    panel = panel_of_rows(rows, LONGEST_HISTORY[rows.freq])
    pools = make_pools(panel.keys, finest_category(beside, len(rows.item_ids))[rows.series_item])
    per_week = rows.freq.season
    weeks = -(-horizon // per_week)
    estimate = estimate_level(panel, pools, weeks * per_week, _influences(panel, rows, beside, weeks * per_week))
    path, name = estimate.path, METHOD_NAME
    if method == "ml":
        from pipelines.forecasting.boosting import METHOD_NAME as BOOSTED_NAME
        from pipelines.forecasting.boosting import boosted_path

        dates = panel.dates[0] + np.arange(len(panel.dates) + weeks * per_week) * np.timedelta64(rows.freq.days, "D")
        path, name = boosted_path(estimate, pools, dates, per_week, threads), BOOSTED_NAME
    keys = list(zip(panel.keys["location_id"], panel.keys["item_id"], strict=True))
    return PeriodForecast(
        method=name,
        starts=rows.next_period + np.arange(horizon) * np.timedelta64(rows.freq.days, "D"),
        history_starts=panel.dates,
        mean_units=path[:, :horizon],
        weekly_mean_units=path.reshape(len(path), weeks, per_week).sum(axis=2),
        period_phi=_phi(estimate, 1),
        week_phi=_phi(estimate, per_week),
        are_counts=bool(np.all(rows.units == np.floor(rows.units))),
        seeds=series_seeds(keys, rows.next_period, seed),
        panel=panel,
        incomplete=estimate.incomplete,
    )


def _influences(panel: Panel, rows: DemandRows, beside: KnownBeside, ahead: int) -> Influences:
    """Events and prices laid on the panel and the periods ahead of it."""
    begin, periods = panel.dates[0], len(panel.dates) + ahead
    nobody = np.full(len(rows.item_ids), "", dtype=object)
    names = {
        "location": panel.keys["location_id"].astype(str).to_numpy(),
        "item": panel.keys["item_id"].astype(str).to_numpy(),
        "category": beside.item_groups.get("category", nobody)[rows.series_item],
    }
    occasions = place_events(beside.events, names, begin, rows.freq.days, periods)
    lean = None if beside.prices is None else price_leans(beside.prices, rows, begin, periods)
    return Influences(tuple(occasions), lean)


def _phi(estimate: LevelEstimate, periods: int) -> np.ndarray:
    """Variance over mean of sums of so many periods, from past errors, pooled by volume."""
    mean = estimate.level * periods
    fitted = fit_sum(mean, past_errors(estimate.history, np.full(len(mean), periods)), np.zeros(len(mean)), np.ones(len(mean)))
    return fitted.variance_units2 / np.maximum(mean, 1e-12)


def _gamma_quantile(luck: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Quantiles of a gamma with mean 1."""
    from scipy.special import gammaincinv

    shape = 1.0 / np.maximum(variance, 1e-6)
    return gammaincinv(np.broadcast_to(shape, luck.shape), luck) / shape
