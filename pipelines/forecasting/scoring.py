"""Measures of a forecast against what happened: WRMSSE over a hierarchy, RMSSE, WAPE, bias, pinball, coverage. Nothing is forecast here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.forecasting.pooling import pool_sums

LEAST_HISTORY_DAYS = 28
RATE_CLASSES = (("fast", 3.0), ("mid", 0.8), ("slow", 0.0))


@dataclass(frozen=True)
class Level:
    """One level of a hierarchy: its name and each series' code (N,)."""

    name: str
    code: np.ndarray


def product_levels(locations: Mapping[str, np.ndarray], items: Mapping[str, np.ndarray]) -> list[Level]:
    """Every location grouping x every item grouping, the whole first: with state, store x category, department, item M5's twelve levels.

    Values are texts or ids (N,) by name, wide to narrow; `network` and `all items` are added.
    """
    count = len(next(iter(items.values())))
    levels = []
    for place, place_of in {"network": np.zeros(count, dtype=int), **locations}.items():
        for kind, kind_of in {"all items": np.zeros(count, dtype=int), **items}.items():
            pair = [np.unique(np.asarray(values).astype(str), return_inverse=True)[1] for values in (place_of, kind_of)]
            levels.append(Level(f"{place} x {kind}", np.unique(pair[0] * (pair[1].max() + 1) + pair[1], return_inverse=True)[1]))
    return levels


def squared_scale(units: np.ndarray) -> np.ndarray:
    """Mean squared change from period to period since the first sale of each column of (T, N); NaN without any."""
    filled = np.asarray(np.nan_to_num(units), dtype=float)
    begun = filled.cumsum(axis=0) > 0
    change = np.where(begun[:-1], np.square(np.diff(filled, axis=0)), 0.0)
    count = begun[:-1].sum(axis=0)
    total = change.sum(axis=0)
    return np.divide(total, count, out=np.full(len(total), np.nan), where=(count > 0) & (total > 0))


@dataclass(frozen=True)
class Truth:
    """What is scored against at one origin: history (T, N), what came (H, N; NaN: not known), weights (N,), levels, rate per day (N,)."""

    past: np.ndarray
    actual: np.ndarray
    weight: np.ndarray
    levels: list[Level]
    rate_per_day: np.ndarray
    is_mature: np.ndarray


def weighted_rmsse(truth: Truth, mean: np.ndarray) -> dict[str, float]:
    """RMSSE of every level's sums, weighted by sales value (M5's WRMSSE; Makridakis et al. 2022), and `mean` over the levels.

    Periods that a series' truth is unknown for count in neither its forecast nor its truth. `mean`: (H, N).
    """
    known = ~np.isnan(truth.actual)
    actual, made = np.where(known, truth.actual, 0.0), np.where(known, mean, 0.0)
    found = {}
    for level in truth.levels:
        groups = int(level.code.max()) + 1
        error = pool_sums(made - actual, level.code, groups)
        scale = squared_scale(pool_sums(np.nan_to_num(truth.past), level.code, groups))
        weight = np.bincount(level.code, truth.weight, groups)
        rmsse = np.sqrt((error**2).mean(axis=0) / scale)
        usable = np.isfinite(rmsse)
        found[level.name] = float((weight * np.where(usable, rmsse, 0.0)).sum() / max(weight[usable].sum(), 1e-12))
    return {"mean": float(np.mean(list(found.values()))), **found}


def series_measures(truth: Truth, mean: np.ndarray) -> dict[str, dict[str, float]]:
    """RMSSE (mean over series), WAPE and bias of single periods, by rate class and for `all`; series with four weeks of history."""
    known = ~np.isnan(truth.actual)
    error = np.where(known, mean - np.nan_to_num(truth.actual), 0.0)
    count = known.sum(axis=0)
    rmsse = np.sqrt((error**2).sum(axis=0) / np.maximum(count, 1) / squared_scale(truth.past))
    found = {}
    for name, members in rate_classes(truth).items():
        chosen = members & (count > 0)
        total = float(np.nansum(truth.actual[:, chosen]))
        finite = chosen & np.isfinite(rmsse)
        found[name] = {
            "series": int(chosen.sum()),
            "RMSSE": float(rmsse[finite].mean()) if finite.any() else float("nan"),
            "WAPE": float(np.abs(error[:, chosen]).sum() / total) if total > 0 else float("nan"),
            "bias": float(error[:, chosen].sum() / total) if total > 0 else float("nan"),
        }
    return found


def rate_classes(truth: Truth) -> dict[str, np.ndarray]:
    """Mature series as masks (N,): all, and by units a day before the origin: fast 3 or more, mid 0.8 or more, slow."""
    found = {"all": truth.is_mature}
    above = np.inf
    for name, least in RATE_CLASSES:
        found[name] = truth.is_mature & (truth.rate_per_day >= least) & (truth.rate_per_day < above)
        above = least
    return found


def pinball(actual: np.ndarray, quantile: np.ndarray, probability: float) -> np.ndarray:
    """Pinball loss p (y - q) above the quantile, (1 - p) (q - y) below (Koenker and Bassett 1978).

    >>> pinball(np.array([10.0]), np.array([8.0]), 0.9).tolist()
    [1.8]
    """
    gap = actual - quantile
    return np.maximum(probability * gap, (probability - 1.0) * gap)


def sum_measures(
    truth: Truth, sums: np.ndarray, periods: int, probabilities: Sequence[float], mean: np.ndarray
) -> dict[str, dict[str, float]]:
    """Scaled pinball and coverage of the sum over `periods`, from sampled `sums` (N, K), beside a normal around `mean` (H, N), by class.

    Scale: root mean squared change x periods. The normal's sigma is that of single periods over eight weeks x sqrt(periods).
    """
    window = truth.actual[:periods]
    actual = window.sum(axis=0)
    scale = np.sqrt(squared_scale(truth.past)) * periods
    usable = ~np.isnan(window).any(axis=0) & np.isfinite(scale)
    spread = np.nanstd(np.where(np.isnan(truth.past[-56:]), 0.0, truth.past[-56:]), axis=0) * np.sqrt(periods)
    centre = mean[:periods].sum(axis=0)
    ours = {p: np.quantile(sums, p, axis=1) for p in probabilities}
    normal = {p: np.maximum(centre + _z(p) * spread, 0.0) for p in probabilities}
    found = {}
    for name, members in rate_classes(truth).items():
        chosen = members & usable
        row = {"series": int(chosen.sum())}
        for case, quantiles in (("forecast", ours), ("normal", normal)):
            losses = [pinball(actual, quantiles[p], p)[chosen] / scale[chosen] for p in probabilities]
            row[f"pinball {case}"] = float(np.mean(losses)) if chosen.any() else float("nan")
            for p in probabilities:
                row[f"coverage {case} {p:g}"] = float((actual <= quantiles[p])[chosen].mean()) if chosen.any() else float("nan")
        found[name] = row
    return found


def coverage_curve(truth: Truth, sums: np.ndarray, periods: int, probabilities: Sequence[float]) -> dict[str, list[float]]:
    """Share of sums at or below each quantile, halved where it meets the quantile exactly, by rate class."""
    window = truth.actual[:periods]
    actual, usable = window.sum(axis=0), ~np.isnan(window).any(axis=0)
    below = np.stack([(actual < q) + 0.5 * (actual == q) for q in np.quantile(sums, probabilities, axis=1)])
    classes = rate_classes(truth).items()
    return {name: below[:, members & usable].mean(axis=1).tolist() for name, members in classes if (members & usable).any()}


def _z(probability: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(probability)
