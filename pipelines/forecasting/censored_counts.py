"""Demand where only the fact of a stock-out is known: a negative binomial by EM from sales and flags, and what it says of flagged periods.

Needs neither hours nor exposure. Where exposure is known, another method serves.
"""

from dataclasses import dataclass

import numpy as np

PASSES = 40
TOLERANCE = 1e-4
LEAST_MEAN = 1e-6
SERIES_PER_BIN = 200
MOST_BINS = 5


@dataclass(frozen=True)
class CensoredFit:
    """Per series (N,): mean demand of a period and shape k of its negative binomial, in the units that were fitted."""

    mean: np.ndarray
    shape: np.ndarray


def fit_censored(sales: np.ndarray, flagged: np.ndarray, passes: int = PASSES) -> CensoredFit:
    """EM where a flag says that demand was at least the sales: `sales` (T, N), NaN = unknown; `flagged` (T, N) marks periods that ran out.

    E-step: E[D | D >= s] and E[D^2 | D >= s] in closed form. M-step: the mean of each series, and by moments one shape for all series
    of like volume, variance = m + m^2 / k: a shape of its own for each slow series would overstate its demand.
    """
    known = ~np.isnan(sales)
    columns = sales.shape[1]
    exact = np.where(known & ~flagged, sales, 0.0)
    base, base2, count = exact.sum(axis=0), (exact**2).sum(axis=0), np.maximum(known.sum(axis=0), 1)
    period, series = np.nonzero(flagged & known)
    floor = sales[period, series]
    mean = np.maximum((base + np.bincount(series, floor, columns)) / count, LEAST_MEAN)
    members = _volume_bins(mean)
    shape = np.full(columns, 2.0)
    for _ in range(passes):
        first, second = censored_moments(floor, mean[series], shape[series])
        total = base + np.bincount(series, first, columns)
        before, mean = mean, np.maximum(total / count, LEAST_MEAN)
        square = base2 + np.bincount(series, second, columns) - count * mean**2
        excess, weight = (np.bincount(members, values) for values in (square - total, count * mean**2))
        shape = np.clip(weight / np.maximum(excess, weight / 1e3), 0.05, 1e3)[members]
        if np.abs(mean - before).sum() <= TOLERANCE * mean.sum():
            break
    return CensoredFit(mean, shape)


def _volume_bins(mean: np.ndarray) -> np.ndarray:
    """Series of like volume: up to five bins of 200 series or more."""
    bins = int(np.clip(len(mean) // SERIES_PER_BIN, 1, MOST_BINS))
    place = np.empty(len(mean), dtype=np.int64)
    place[np.argsort(mean, kind="stable")] = np.arange(len(mean))
    return place * bins // max(len(mean), 1)


def censored_moments(floor: np.ndarray, mean: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E[D | D >= s] and E[D^2 | D >= s] of a negative binomial, from tails of the same law with k + 1 and k + 2.

    D P_k(D) is m times P_(k+1)(D - 1), so E[D; D >= s] = m P_(k+1)(D >= s - 1); twice for D (D - 1).
    """
    reach = np.maximum(_tail(floor, mean, shape, 0.0), 1e-12)
    first = np.maximum(mean * _tail(floor - 1.0, mean, shape, 1.0) / reach, floor)
    factorial = mean**2 * (1.0 + 1.0 / shape) * _tail(floor - 2.0, mean, shape, 2.0) / reach
    return first, np.maximum(factorial + first, first**2)


def censored_quantile(floor: np.ndarray, mean: np.ndarray, shape: np.ndarray, probability: float) -> np.ndarray:
    """Quantile of D given D >= s under a negative binomial, never below s.

    >>> float(censored_quantile(np.array([0.0]), np.array([3.0]), np.array([1e6]), 0.5)[0])
    3.0
    """
    from pipelines.forecasting.marginals import count_draws

    reach = _tail(floor, mean, shape, 0.0)
    return np.maximum(count_draws(mean, shape, 1.0 - (1.0 - probability) * reach), floor)


def _tail(at_least: np.ndarray, mean: np.ndarray, shape: np.ndarray, extra: float) -> np.ndarray:
    """P(D >= s) under a negative binomial with the same odds and shape k + `extra`."""
    from scipy.special import betainc

    odds = mean / (mean + shape)
    return np.where(at_least < 1, 1.0, betainc(np.maximum(at_least, 1.0), shape + extra, odds))
