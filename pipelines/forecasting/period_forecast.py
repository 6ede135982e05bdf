"""The stand-alone forecast of a panel: mean and quantiles per period, weekly paths, estimated demand. No file is touched here."""

from dataclasses import dataclass

import numpy as np

from pipelines.domain.demand import DemandRows, Frequency, KnownBeside
from pipelines.forecasting.combine import METHOD_NAME
from pipelines.forecasting.completion import Incomplete
from pipelines.forecasting.distribution import draw_sums
from pipelines.forecasting.event_uplift import place_events
from pipelines.forecasting.horizons import COLD_START_CV2
from pipelines.forecasting.laws_ahead import Horizons, fit_horizons
from pipelines.forecasting.level import Influences, estimate_level
from pipelines.forecasting.panel import Panel, panel_of_rows
from pipelines.forecasting.pooling import finest_category, make_pools
from pipelines.forecasting.price_response import price_leans
from pipelines.forecasting.sample_paths import SHARES, follow_sums, series_seeds, spread_uniforms

QUANTILES = {"q05": 0.05, "q50": 0.50, "q95": 0.95}
LONGEST_HISTORY = {Frequency.D: 1092, Frequency.W: 260}


@dataclass(frozen=True)
class PeriodForecast:
    """Forecast of N series for H periods from `starts` (H,): `mean_units` (N, H), `weekly_mean_units` (N, W), and laws around them.

    `sums`: of 1..W weeks. `singles`: of one period in each week ahead.
    """

    method: str
    starts: np.ndarray
    history_starts: np.ndarray
    mean_units: np.ndarray
    weekly_mean_units: np.ndarray
    sums: Horizons
    singles: Horizons
    seeds: np.ndarray
    panel: Panel
    incomplete: Incomplete | None

    def quantiles(self, part: slice) -> dict[str, np.ndarray]:
        """q05, q50, q95 of each period's demand on its own, (n, H) each."""
        mean = self.mean_units[part]
        wanted = np.array(list(QUANTILES.values()))
        found = np.empty((len(wanted), *mean.shape))
        season = self.panel.freq.season
        for start in range(0, mean.shape[1], season):
            periods, week = slice(start, start + season), start // season + 1
            stated = self.singles.stated(wanted, week, part).T[:, :, None]
            found[:, :, periods] = self._draw(self.singles, mean[None, :, periods], week, part, stated)
        return dict(zip(QUANTILES, found, strict=True))

    def paths(self, part: slice) -> np.ndarray:
        """80 plausible futures by week, (n, 80, W): a level that stays x weeks that vary give the order, the laws of sums the values."""
        mean = self.sums.centre(self.weekly_mean_units[part], 1, part)
        running = self.weekly_mean_units[part].cumsum(axis=1)
        weeks = mean.shape[1]
        luck = spread_uniforms(self.seeds[part], weeks + 1)
        shared, own = self._shares_of_variance(mean, part)
        level = _gamma_quantile(luck[:, :, 0], np.minimum(shared, 4.0)[:, None])
        raw_mean = mean[:, None, :] * level[:, :, None]
        raw = _draw_relative(raw_mean, own[:, None, None], luck[:, :, 1:], self.sums.are_counts)
        wanted = np.empty(raw.shape)
        for week in range(1, weeks + 1):
            stated = self.sums.stated(SHARES, week, part)
            wanted[:, :, week - 1] = self._draw(self.sums, running[:, week - 1, None], week, part, stated)
        return follow_sums(raw, luck[:, :, 0], np.maximum.accumulate(wanted, axis=2))

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
            lower[place], upper[place] = self.incomplete.bounds(cells, units[place], periods, self.sums.are_counts)
        known = ~np.isnan(units)
        named = {"units": units, "in_stock_share": exposure, "estimate": estimate, "method": method, "lower": lower, "upper": upper}
        return {"is_known": known, **named}

    def _draw(self, laws: Horizons, mean: np.ndarray, week: int, part: slice, stated: np.ndarray) -> np.ndarray:
        """Quantiles at `stated` of the laws of a week around `mean`, whose series run along the axis that has n of them."""
        if mean.ndim == 3:
            centre = laws.centre(mean[0], week, part)
            return _draw_relative(centre[None], laws.relative_variance(centre, week, part)[None], stated, laws.are_counts)
        centre = laws.centre(mean, week, part)
        return _draw_relative(centre, laws.relative_variance(centre, week, part), stated, laws.are_counts)

    def _shares_of_variance(self, weekly: np.ndarray, part: slice) -> tuple[np.ndarray, np.ndarray]:
        """Squared coefficients of variation of the shared level and of a week's own luck (n,): c(h) = shared + own / h at 1 and W weeks."""
        weeks = weekly.shape[1]
        first = self.sums.relative_variance(weekly.mean(axis=1), 1, part)
        if weeks == 1:
            return np.zeros(len(first)), first
        last = self.sums.relative_variance(weekly.sum(axis=1), weeks, part)
        shared = np.clip((weeks * last - first) / (weeks - 1), 0.0, first)
        return shared, np.maximum(first - shared, 1e-6)


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
    are_counts = bool(np.all(rows.units == np.floor(rows.units)))
    cold = COLD_START_CV2 * estimate.prior_share
    sums, singles = fit_horizons(estimate.level, estimate.history, cold, weeks, rows.freq, are_counts)
    keys = list(zip(panel.keys["location_id"], panel.keys["item_id"], strict=True))
    return PeriodForecast(
        method=name,
        starts=rows.next_period + np.arange(horizon) * np.timedelta64(rows.freq.days, "D"),
        history_starts=panel.dates,
        mean_units=path[:, :horizon],
        weekly_mean_units=path.reshape(len(path), weeks, per_week).sum(axis=2),
        sums=sums,
        singles=singles,
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


def _draw_relative(mean: np.ndarray, relative_variance: np.ndarray, luck: np.ndarray, are_counts: bool) -> np.ndarray:
    """Quantiles at `luck` of the law with that mean and relative variance c: V = M + c M^2 for counts, c M^2 for amounts."""
    return draw_sums(mean, 1.0 / np.maximum(relative_variance, 1e-9), relative_variance * mean**2, luck, are_counts)


def _gamma_quantile(luck: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Quantiles of a gamma with mean 1."""
    from scipy.special import gammaincinv

    shape = 1.0 / np.maximum(variance, 1e-6)
    return gammaincinv(np.broadcast_to(shape, luck.shape), luck) / shape
