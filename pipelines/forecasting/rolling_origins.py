"""The backtest of the stand-alone forecast: the same forecast made as of past dates and scored against what came. No file is touched."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipelines.domain.demand import DemandRows, KnownBeside, PriceRows
from pipelines.domain.errors import InputRefused
from pipelines.forecasting.panel import panel_of_rows
from pipelines.forecasting.period_forecast import PeriodForecast, forecast_periods
from pipelines.forecasting.scoring import (
    LEAST_HISTORY_DAYS,
    Truth,
    coverage_curve,
    product_levels,
    series_measures,
    sum_measures,
    weighted_rmsse,
)

FORMAT = "evenstock-forecast-backtest/1"
SUM_QUANTILES = (0.5, 0.75, 0.9, 0.95)
CURVE = tuple(round(0.05 * n, 2) for n in range(1, 20))
WEIGHT_DAYS = 28
RATE_DAYS = 56
FANS = 6
SHOWN_HISTORY = 56
SERIES_PER_BATCH = 2048


@dataclass(frozen=True)
class Backtest:
    """Which origins: `origins` of them, `step` periods apart, the last one `horizon` periods before the end of what is known; and how."""

    horizon: int
    origins: int
    step: int
    method: str = "core"
    seed: int = 0
    threads: int = 1


def run_backtest(rows: DemandRows, beside: KnownBeside, plan: Backtest, tell: Callable[[str, float], None]) -> dict[str, Any]:
    """Forecast at each origin from what was known then, score it and three rules, and return the document of the report.

    Periods in which a series was not in stock throughout are not scored: what was sold then is not demand. Raises `InputRefused`
    where the history is too short.
    """
    cuts = [rows.periods - plan.horizon - n * plan.step for n in range(plan.origins)][::-1]
    least = LEAST_HISTORY_DAYS // rows.freq.days
    if cuts[0] < least:
        needed = least + plan.horizon + (plan.origins - 1) * plan.step
        raise InputRefused(
            f"--origins {plan.origins}: needs {needed} known periods, found {rows.periods}; ask for fewer or a shorter --horizon"
        )
    whole = panel_of_rows(rows, rows.periods)
    found = []
    for n, cut in enumerate(cuts):
        tell(f"origin {n + 1} of {len(cuts)}", n / len(cuts))
        past = cut_rows(rows, cut)
        made = forecast_periods(past, cut_beside(beside, past), plan.horizon, plan.method, plan.seed, plan.threads)
        truth = _truth(whole.units, whole.exposure, rows, past, beside, cut, plan.horizon)
        ahead = (_series_of(rows, past), slice(cut, cut + plan.horizon))
        open_bias = while_in_stock(made.mean_units, whole.units[ahead], whole.exposure[ahead])
        found.append(_score(made, truth, rows, cut) | {"bias_while_in_stock": open_bias})
    return {
        "format": FORMAT,
        "freq": rows.freq.value,
        "method": made.method,
        "horizon": plan.horizon,
        "series": len(rows.series_item),
        "levels": len(truth.levels),
        "origins": found,
        "fans": _fans(made, truth, past, rows),
    }


def cut_rows(rows: DemandRows, cut: int) -> DemandRows:
    """The rows of the first `cut` periods, with the series that have any, as a file that ended there would give them."""
    kept = rows.period < cut
    begun = np.bincount(rows.series[kept], minlength=len(rows.series_item)) > 0
    number = np.cumsum(begun) - 1
    return replace(
        rows,
        periods=cut,
        series_location=rows.series_location[begun],
        series_item=rows.series_item[begun],
        series=number[rows.series[kept]],
        period=rows.period[kept],
        units=rows.units[kept],
        in_stock_share=None if rows.in_stock_share is None else rows.in_stock_share[kept],
    )


def cut_beside(beside: KnownBeside, past: DemandRows) -> KnownBeside:
    """What was known beside demand at the origin: events are planned ahead and stay, prices of later days are not known yet."""
    if beside.prices is None:
        return beside
    return replace(beside, prices=cut_prices(beside.prices, past))


def cut_prices(prices: PriceRows, past: DemandRows) -> PriceRows:
    """The prices of days before the first period that is not known."""
    known = prices.day < past.next_period
    return replace(prices, **{name: values[known] for name, values in vars(prices).items()})


def _series_of(rows: DemandRows, past: DemandRows) -> np.ndarray:
    """Position in `rows` of every series of `past`."""
    width = len(rows.item_ids)
    every, kept = (r.series_location.astype(np.int64) * width + r.series_item for r in (rows, past))
    return np.searchsorted(every, kept)


def _truth(
    units: np.ndarray, exposure: np.ndarray, rows: DemandRows, past: DemandRows, beside: KnownBeside, cut: int, horizon: int
) -> Truth:
    chosen = _series_of(rows, past)
    history = units[chosen, :cut].T
    ahead = slice(cut, cut + horizon)
    actual = np.where(exposure[chosen, ahead] >= 1.0, units[chosen, ahead], np.nan).T
    days = rows.freq.days
    weight = np.nansum(history[-(WEIGHT_DAYS // days) :], axis=0) * _last_price(beside, rows, past)
    recent = history[-(RATE_DAYS // days) :]
    known = ~np.isnan(recent)
    rate = np.nansum(recent, axis=0) / np.maximum(known.sum(axis=0), 1) / days
    locations = {name: values[past.series_location] for name, values in beside.location_groups.items()}
    items = {name: values[past.series_item] for name, values in beside.item_groups.items()}
    wide = lambda groups: dict(sorted(groups.items(), key=lambda pair: (len(np.unique(pair[1].astype(str))), pair[0])))  # noqa: E731
    levels = product_levels(
        wide(locations) | {"location": past.location_ids[past.series_location]}, wide(items) | {"item": past.item_ids[past.series_item]}
    )
    mature = (~np.isnan(history)).sum(axis=0) * days >= LEAST_HISTORY_DAYS
    return Truth(history, actual, weight, levels, rate, mature)


def _last_price(beside: KnownBeside, rows: DemandRows, past: DemandRows) -> np.ndarray:
    """Price in force at the origin per series, the mean price where none is known; 1 throughout without prices."""
    if beside.prices is None:
        return np.ones(len(past.series_item))
    price = np.full((len(rows.location_ids), len(rows.item_ids)), np.nan)
    prices = cut_prices(beside.prices, past)
    for place, item, value in zip(prices.location.tolist(), prices.item.tolist(), prices.price.tolist(), strict=True):
        price[slice(None) if place < 0 else place, item] = value
    found = price[past.series_location, past.series_item]
    return np.where(np.isnan(found), np.nanmean(found) if np.isfinite(found).any() else 1.0, found)


def simple_rules(history: np.ndarray, horizon: int, season: int) -> dict[str, np.ndarray]:
    """Naive (the last period), seasonal naive (the last week, or the last period of weekly demand), and the zero forecast: (H, N) each."""
    filled = np.nan_to_num(history)
    weeks = -(-horizon // season)
    last = np.tile(filled[-season:], (weeks, 1))[:horizon]
    return {"seasonal naive": last, "naive": np.repeat(filled[-1:], horizon, axis=0), "zero": np.zeros((horizon, filled.shape[1]))}


def _score(made: PeriodForecast, truth: Truth, rows: DemandRows, cut: int) -> dict[str, Any]:
    horizon = len(made.starts)
    means = {"evenstock": made.mean_units.T, **simple_rules(truth.past, horizon, rows.freq.season)}
    per_week = rows.freq.season
    sums = _sampled_sums(made)
    spans = {"first week": (per_week, sums[0])}
    if horizon % per_week == 0 and horizon > per_week:
        spans["horizon"] = (horizon, sums[1])
    if horizon < per_week:
        spans = {}
    return {
        "as_of": str(made.starts[0] - 1),
        "known_periods": cut,
        "scored": int((~np.isnan(truth.actual)).sum()),
        "wrmsse": {name: weighted_rmsse(truth, mean) for name, mean in means.items()},
        "series": {name: series_measures(truth, mean) for name, mean in means.items()},
        "sums": {name: sum_measures(truth, drawn, days, SUM_QUANTILES, made.mean_units.T) for name, (days, drawn) in spans.items()},
        "curve": {name: coverage_curve(truth, drawn, days, CURVE) for name, (days, drawn) in spans.items()},
        "periods": _period_coverage(made, truth),
    }


def while_in_stock(mean: np.ndarray, units: np.ndarray, exposure: np.ndarray) -> float | None:
    """Bias of mean x exposure against what was sold, over all periods with stock: what a period in stock throughout cannot tell, since
    staying in stock is itself a sign of low demand. Arrays (N, H); None where nothing was sold.

    >>> while_in_stock(np.array([[4.0, 4.0]]), np.array([[4.0, 1.0]]), np.array([[1.0, 0.25]]))
    0.0
    """
    kept = ~np.isnan(units) & (exposure > 0)
    sold = float(units[kept].sum())
    return float((mean * exposure)[kept].sum() / sold - 1.0) if sold > 0 else None


def _sampled_sums(made: PeriodForecast) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the paths over the first week and over all weeks, (N, 80) each."""
    first, total = [], []
    for start in range(0, len(made.mean_units), SERIES_PER_BATCH):
        drawn = made.paths(slice(start, start + SERIES_PER_BATCH))
        first.append(drawn[:, :, 0])
        total.append(drawn.sum(axis=2))
    return np.concatenate(first), np.concatenate(total)


def _period_coverage(made: PeriodForecast, truth: Truth) -> dict[str, float]:
    """Shares of scored periods at or below q05, q50, q95, each on its own."""
    known, actual = ~np.isnan(truth.actual), truth.actual
    hits: dict[str, float] = {}
    for start in range(0, len(made.mean_units), SERIES_PER_BATCH):
        part = slice(start, start + SERIES_PER_BATCH)
        for name, values in made.quantiles(part).items():
            hits[name] = hits.get(name, 0.0) + float((known[:, part] & (actual[:, part] <= values.T)).sum())
    return {name: value / max(int(known.sum()), 1) for name, value in hits.items()}


def _fans(made: PeriodForecast, truth: Truth, past: DemandRows, rows: DemandRows) -> list[dict[str, Any]]:
    """Six series spread over the volume range at the last origin: recent weeks, what came, mean and quantiles by week of the paths."""
    order = np.argsort(truth.rate_per_day, kind="stable")
    alive = order[truth.is_mature[order] & (truth.rate_per_day[order] > 0)]
    picks = alive[np.unique(np.linspace(len(alive) * 0.3, len(alive) - 1, FANS).astype(int))] if len(alive) else alive
    per_week = rows.freq.season
    found = []
    for one in picks[::-1].tolist():
        weeks = made.weekly_mean_units.shape[1] if len(made.starts) % per_week == 0 else len(made.starts) // per_week
        drawn = made.paths(slice(one, one + 1))[0][:, :weeks]
        history = np.nan_to_num(truth.past[-(SHOWN_HISTORY // rows.freq.days) :, one])
        history = history[len(history) % per_week :].reshape(-1, per_week).sum(axis=1)
        came = truth.actual[: weeks * per_week, one].reshape(-1, per_week).sum(axis=1)
        found.append(
            {
                "location_id": str(past.location_ids[past.series_location[one]]),
                "item_id": str(past.item_ids[past.series_item[one]]),
                "history": history.tolist(),
                "came": [None if np.isnan(value) else float(value) for value in came],
                "mean": made.weekly_mean_units[one, :weeks].tolist(),
                "quantiles": {f"{p:g}": np.quantile(drawn, p, axis=0).tolist() for p in (0.05, 0.25, 0.75, 0.95)},
            }
        )
    return found
