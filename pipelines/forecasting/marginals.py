"""Quantiles of one period's demand from its mean and variance: negative binomial for counts, gamma for amounts. Nothing is fitted here."""

from collections.abc import Sequence

import numpy as np

LARGEST_STEPPED_MEAN = 30.0


def count_quantiles(mean_units: np.ndarray, dispersion_k: np.ndarray, probabilities: Sequence[float]) -> list[np.ndarray]:
    """Smallest whole numbers x with P(D <= x) >= p, one array like `mean_units` per p, of the negative binomial m + m^2 / k.

    >>> count_quantiles(np.array([6.0, 0.0]), np.array([1e6, 1.0]), [0.5, 0.8])[1].tolist()
    [8.0, 0.0]
    """
    return [count_draws(mean_units, dispersion_k, np.asarray(p)) for p in probabilities]


def count_draws(mean_units: np.ndarray, dispersion_k: np.ndarray, luck: np.ndarray) -> np.ndarray:
    """Quantiles at `luck` in (0, 1), cell by cell, of negative binomials with that mean and dispersion k; 0 where the mean is 0.

    Small means are stepped through, p(x + 1) = p(x) (x + k) / (x + 1) q with q = m / (m + k), all cells at once; large ones are bisected.
    """
    mean, k, wanted = np.broadcast_arrays(np.asarray(mean_units, dtype=float), dispersion_k, luck)
    drawn = np.zeros(mean.shape)
    large = mean > LARGEST_STEPPED_MEAN
    if large.any():
        from pipelines.forecasting.distribution import negative_binomial_quantile

        drawn[large] = negative_binomial_quantile(wanted[large], mean[large], k[large])
    small = (mean > 0) & ~large
    drawn[small] = _step(mean[small], k[small], wanted[small])
    return drawn


def _step(mean: np.ndarray, k: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    ends = np.zeros(len(mean))
    ratio = mean / (mean + k)
    mass = np.exp(-k * np.log1p(mean / k))
    reached = mass.copy()
    place = np.arange(len(mean))
    x = 0
    while True:
        # Beyond ten times the largest mean a tail this thin no longer adds to what is reached.
        stays = (reached < wanted) & ~((x > 10 * LARGEST_STEPPED_MEAN) & (mass < 1e-12))
        ends[place[~stays]] = x
        if not stays.any():
            return ends
        place, ratio, k, mass, reached, wanted = (values[stays] for values in (place, ratio, k, mass, reached, wanted))
        mass = mass * ratio * (x + k) / (x + 1)
        reached = reached + mass
        x += 1


def amount_quantiles(mean_units: np.ndarray, variance_units2: np.ndarray, probabilities: Sequence[float]) -> list[np.ndarray]:
    """Quantiles of a gamma with that mean and variance, one array like `mean_units` per probability; 0 where the mean is 0.

    >>> [round(float(q[0]), 4) for q in amount_quantiles(np.array([2.0]), np.array([4.0]), [0.5, 0.95])]
    [1.3863, 5.9915]
    """
    return [amount_draws(mean_units, variance_units2, np.asarray(p)) for p in probabilities]


def amount_draws(mean_units: np.ndarray, variance_units2: np.ndarray, luck: np.ndarray) -> np.ndarray:
    """Quantiles at `luck` in (0, 1), cell by cell, of gammas with that mean and variance; the mean itself where there is no variance."""
    from scipy.special import gammaincinv

    mean, variance, wanted = np.broadcast_arrays(np.asarray(mean_units, dtype=float), variance_units2, luck)
    drawn = mean.copy()
    usable = (mean > 0) & (variance > 0)
    shape = mean[usable] ** 2 / variance[usable]
    drawn[usable] = gammaincinv(shape, wanted[usable]) * (variance[usable] / mean[usable])
    return drawn
