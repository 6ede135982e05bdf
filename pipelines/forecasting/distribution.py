"""Demand over the protection interval: a negative binomial for the sum, its quantiles, and safety stock beside the textbook's.

The variance comes from past errors over the same interval, pooled by volume. No level is estimated here.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

DISPERSION_LIMITS = (1e-3, 1e6)
SHRINK_WINDOWS = 4.0
MAXIMUM_BINS = 10
SERIES_PER_BIN = 30
FLOOR_SHARE = 0.25


@dataclass(frozen=True)
class PastErrors:
    """Rolling-origin evidence per series and origin (N, J): forecast and actual sums over windows, and which windows count.

    `windows` (N,): how many independent windows the overlapping ones amount to.
    """

    forecast_units: np.ndarray
    actual_units: np.ndarray
    is_valid: np.ndarray
    windows: np.ndarray


@dataclass(frozen=True)
class SumDistribution:
    """Demand of the protection interval per series: mean and variance (N,), dispersion k (N,), and the pooled scores for quantiles."""

    mean_units: np.ndarray
    variance_units2: np.ndarray
    dispersion_k: np.ndarray
    scores: list[np.ndarray]
    volume_bin: np.ndarray

    def quantile(self, probability: float) -> np.ndarray:
        """Mean of the negative binomial quantile and the pooled conformal one, M + sqrt(V) x the scores' quantile; never negative."""
        parametric = negative_binomial_quantile(np.full(len(self.mean_units), probability), self.mean_units, self.dispersion_k)
        pooled = np.array([np.quantile(score, probability) if len(score) else np.nan for score in self.scores])[self.volume_bin]
        conformal = np.maximum(self.mean_units + pooled * np.sqrt(self.variance_units2), 0.0)
        return np.where(np.isnan(conformal), parametric, (parametric + conformal) / 2.0)


def fit_sum(mean_units: np.ndarray, errors: PastErrors, lead_variance_units2: np.ndarray, stretch: np.ndarray) -> SumDistribution:
    """Fit the sum's variance V = phi M + mu^2 var(L), phi = squared past errors / forecasts, shrunk to the mean of its volume bin.

    `lead_variance_units2`: mu^2 var(L). `stretch`: protection days / days of the windows tested; where history was too short
    for the whole interval phi - 1 grows with it, as under a constant k. phi is at least 1 (Poisson). The scores behind the conformal
    quantile leave each window's own error out of its phi, or they would come out too small.
    """
    volume_bin = _volume_bins(mean_units)
    forecast = _floored_forecast(errors)
    square = np.where(errors.is_valid, (errors.actual_units - errors.forecast_units) ** 2, 0.0)
    bins = int(volume_bin.max(initial=-1)) + 1
    total, volume = (np.bincount(volume_bin, values.sum(axis=1), bins) for values in (square, forecast))
    pooled = np.divide(total, volume, out=np.ones(bins), where=volume > 1e-9)[volume_bin]
    trust = errors.windows / (errors.windows + SHRINK_WINDOWS)
    tested = _shrink(square.sum(axis=1), forecast.sum(axis=1), trust, pooled)
    others = (square.sum(axis=1, keepdims=True) - square, forecast.sum(axis=1, keepdims=True) - forecast)
    left_out = _shrink(*others, trust[:, None], pooled[:, None])
    usable = errors.is_valid & (forecast > 0)
    score = (errors.actual_units - errors.forecast_units) / np.sqrt(np.where(usable, left_out * forecast, 1.0))
    scores = [np.sort(score[volume_bin == b][usable[volume_bin == b]]) for b in range(bins)]
    phi = 1.0 + (tested - 1.0) * np.maximum(stretch, 1.0)
    variance = phi * mean_units + lead_variance_units2
    return SumDistribution(mean_units, variance, dispersion(mean_units, variance), scores, volume_bin)


def _floored_forecast(errors: PastErrors) -> np.ndarray:
    """Forecasts of the valid windows, none below a quarter of the series' mean sum, 0 elsewhere.

    A series that comes back after months without a sale meets a forecast of almost nothing; its error over that forecast would say
    nothing about the errors to come.
    """
    actual = np.where(errors.is_valid, errors.actual_units, 0.0).sum(axis=1, keepdims=True)
    mean = actual / np.maximum(errors.is_valid.sum(axis=1, keepdims=True), 1)
    return np.where(errors.is_valid, np.maximum(errors.forecast_units, FLOOR_SHARE * mean), 0.0)


def _shrink(square: np.ndarray, forecast: np.ndarray, weight: np.ndarray, pooled: np.ndarray) -> np.ndarray:
    """Squared errors per unit forecast, drawn to the pool by 1 - weight; at least 1."""
    own = np.divide(square, forecast, out=np.broadcast_to(pooled, square.shape).copy(), where=forecast > 1e-9)
    return np.asarray(np.maximum(weight * own + (1.0 - weight) * pooled, 1.0))


def dispersion(mean_units: np.ndarray, variance_units2: np.ndarray) -> np.ndarray:
    """Dispersion k = M^2 / (V - M) of the negative binomial with that mean and variance, within [0.001, 1e6]; large where V <= M.

    >>> dispersion(np.array([100.0]), np.array([600.0])).tolist()
    [20.0]
    """
    excess = np.maximum(variance_units2 - mean_units, 1e-300)
    with np.errstate(over="ignore"):
        k = np.where(mean_units > 0, mean_units**2 / excess, DISPERSION_LIMITS[1])
    return np.asarray(np.clip(k, *DISPERSION_LIMITS))


def negative_binomial_cdf(units: np.ndarray, mean_units: np.ndarray, dispersion_k: np.ndarray) -> np.ndarray:
    """P(D <= units), variance M + M^2 / k: 1 - I_q(floor(units) + 1, k) with the regularised beta at q = M / (k + M).

    Written in q, which stays exact when k is large and the law close to Poisson.

    >>> round(float(negative_binomial_cdf(np.array([3.0]), np.array([2.0]), np.array([1e6]))[0]), 4)
    0.8571
    """
    from scipy.special import betainc

    whole = np.floor(units)
    inside = 1.0 - betainc(np.maximum(whole, 0.0) + 1.0, dispersion_k, mean_units / (dispersion_k + mean_units))
    return np.asarray(np.where(whole < 0, 0.0, inside))


def negative_binomial_quantile(probability: np.ndarray, mean_units: np.ndarray, dispersion_k: np.ndarray) -> np.ndarray:
    """Smallest whole number x with P(D <= x) >= probability, by bisection on the distribution function.

    >>> negative_binomial_quantile(np.array([0.8]), np.array([6.0]), np.array([1e6])).tolist()
    [8.0]
    """
    deviation = np.sqrt(mean_units + mean_units**2 / dispersion_k)
    low = np.full(len(mean_units), -1.0)
    high = np.ceil(mean_units + 8.0 * deviation + 8.0)
    short = negative_binomial_cdf(high, mean_units, dispersion_k) < probability
    while short.any():
        high = np.where(short, 2.0 * high, high)
        short = negative_binomial_cdf(high, mean_units, dispersion_k) < probability
    while np.any(high - low > 1.0):
        middle = np.floor((low + high) / 2.0)
        enough = negative_binomial_cdf(middle, mean_units, dispersion_k) >= probability
        high = np.where(enough, middle, high)
        low = np.where(enough, low, middle)
    return high


def textbook_safety_stock(
    service_share: np.ndarray, lead_days: np.ndarray, daily_sd_units: np.ndarray, daily_mean_units: np.ndarray, lead_sd_days: np.ndarray
) -> np.ndarray:
    """The textbook's z sqrt(L sd^2 + d^2 sL^2), shown beside ours as a cross-check.

    Source: Silver, Pyke, Thomas, Inventory and Production Management.

    >>> round(float(textbook_safety_stock(np.array([0.95]), 4.0, 10.0, 0.0, 0.0)[0]), 3)
    32.897
    >>> round(float(textbook_safety_stock(np.array([0.95]), 5.0, 20.0, 100.0, 1.5)[0]), 3)
    257.46
    """
    shares, position = np.unique(np.asarray(service_share, dtype=float), return_inverse=True)
    z = np.array([NormalDist().inv_cdf(share) for share in shares])[position]
    return np.asarray(z * np.sqrt(lead_days * np.square(daily_sd_units) + np.square(daily_mean_units) * np.square(lead_sd_days)))


def _volume_bins(mean_units: np.ndarray) -> np.ndarray:
    """Up to ten bins of equal size by volume, at least 30 series each. Edges are values, so that row order plays no part."""
    bins = int(np.clip(len(mean_units) // SERIES_PER_BIN, 1, MAXIMUM_BINS))
    edges = np.quantile(mean_units, np.arange(1, bins) / bins) if bins > 1 else np.empty(0)
    return np.unique(np.searchsorted(edges, mean_units, side="left"), return_inverse=True)[1]
