"""Demand where only the fact of a stock-out is known: negative binomials by EM from sales and flags, and what they say of flagged periods.

Needs neither hours nor exposure: of a day that it closed without stock, of a week that it was out of stock for some of it.
"""

from dataclasses import dataclass

import numpy as np

PASSES = 40
TOLERANCE = 1e-4
SPELL_SHARES = (np.arange(8) + 0.5) / 8
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


def fit_spells(sales: np.ndarray, flagged: np.ndarray, passes: int = PASSES) -> CensoredFit:
    """The same where a flag says that the period was out of stock for an unknown share u of it, every u as likely before sales are seen.

    A week may run out on Tuesday and be served on Friday: sales are no bound that demand reached, as on a day that closed empty.
    E-step: demand = sales + m E[u busy | sales], see `spell_moments`. M-step: the mean; the shape by moments of the periods not flagged.
    """
    known = ~np.isnan(sales)
    columns = sales.shape[1]
    exact = known & ~flagged
    whole = np.where(exact, sales, 0.0)
    base, count = whole.sum(axis=0), np.maximum(known.sum(axis=0), 1)
    period, series = np.nonzero(flagged & known)
    sold = sales[period, series]
    mean = np.maximum((base + np.bincount(series, sold, columns)) / count, LEAST_MEAN)
    members = _volume_bins(mean)
    shape = np.full(columns, 5.0)
    for _ in range(passes):
        left, _ = spell_moments(sold, mean[series], shape[series])
        before, mean = mean, np.maximum((base + np.bincount(series, sold + left, columns)) / count, LEAST_MEAN)
        excess = np.where(exact, np.square(sales - mean) - sales, 0.0).sum(axis=0)
        excess, weight = (np.bincount(members, values) for values in (excess, exact.sum(axis=0) * mean**2))
        shape = np.clip(weight / np.maximum(excess, weight / 1e3 + 1e-12), 0.3, 1e3)[members]
        if np.abs(mean - before).sum() <= TOLERANCE * mean.sum():
            break
    return CensoredFit(mean, shape)


def spell_moments(sold: np.ndarray, mean: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of what was not sold in a period out of stock for a share u: uniform before, weighted by P(sold | u) after.

    Given u: sold is negative binomial with mean m (1 - u), the rest has mean m u (k + sold) / (k + m (1 - u)). Eight values of u.
    """
    chance, rest = [], []
    for out in SPELL_SHARES:
        open_mean = mean * (1.0 - out)
        chance.append(sold * np.log1p(-out) - (shape + sold) * np.log(shape + open_mean))
        rest.append(mean * out * (shape + sold) / (shape + open_mean))
    weight = np.exp(np.array(chance) - np.max(chance, axis=0))
    weight /= weight.sum(axis=0)
    rests = np.array(rest)
    left = (weight * rests).sum(axis=0)
    return left, (weight * (rests + rests**2 / shape + np.square(rests - left))).sum(axis=0)


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
