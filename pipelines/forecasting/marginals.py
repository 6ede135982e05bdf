"""Quantiles of one period's demand from its mean and variance: negative binomial for counts, gamma for amounts. Nothing is fitted here."""

from collections.abc import Sequence

import numpy as np

LARGEST_STEPPED_MEAN = 30.0


def count_quantiles(mean_units: np.ndarray, dispersion_k: np.ndarray, probabilities: Sequence[float]) -> list[np.ndarray]:
    """Smallest whole numbers x with P(D <= x) >= p, one array like `mean_units` per p, of the negative binomial m + m^2 / k.

    Small means are stepped through, p(x + 1) = p(x) (x + k) / (x + 1) q with q = m / (m + k), all cells at once; large ones are bisected.

    >>> count_quantiles(np.array([6.0, 0.0]), np.array([1e6, 1.0]), [0.5, 0.8])[1].tolist()
    [8.0, 0.0]
    """
    mean, k = np.broadcast_arrays(np.asarray(mean_units, dtype=float), dispersion_k)
    found = [np.zeros(mean.shape) for _ in probabilities]
    large = mean > LARGEST_STEPPED_MEAN
    if large.any():
        from pipelines.forecasting.distribution import negative_binomial_quantile

        for values, p in zip(found, probabilities, strict=True):
            values[large] = negative_binomial_quantile(np.full(int(large.sum()), p), mean[large], k[large])
    small = np.flatnonzero((mean > 0) & ~large)
    for values, stepped in zip(found, _step(mean.ravel()[small], k.ravel()[small], probabilities), strict=True):
        values.ravel()[small] = stepped
    return found


def _step(mean: np.ndarray, k: np.ndarray, probabilities: Sequence[float]) -> list[np.ndarray]:
    ends = [np.zeros(len(mean)) for _ in probabilities]
    place = np.arange(len(mean))
    ratio = mean / (mean + k)
    mass = np.exp(-k * np.log1p(mean / k))
    reached = mass.copy()
    top = max(probabilities)
    x = 0
    while len(place):
        for values, p in zip(ends, probabilities, strict=True):
            values[place] += reached < p
        stays = (reached < top) & (mass + reached > 0)
        # Beyond this the tail no longer adds to what is reached.
        stays &= ~((x > 10 * LARGEST_STEPPED_MEAN) & (mass < 1e-12))
        place, ratio, k, mass, reached = place[stays], ratio[stays], k[stays], mass[stays], reached[stays]
        mass = mass * ratio * (x + k) / (x + 1)
        reached = reached + mass
        x += 1
    return ends


def amount_quantiles(mean_units: np.ndarray, variance_units2: np.ndarray, probabilities: Sequence[float]) -> list[np.ndarray]:
    """Quantiles of a gamma with that mean and variance, one array like `mean_units` per probability; 0 where the mean is 0.

    >>> [round(float(q[0]), 4) for q in amount_quantiles(np.array([2.0]), np.array([4.0]), [0.5, 0.95])]
    [1.3863, 5.9915]
    """
    from scipy.special import gammaincinv

    mean, variance = np.broadcast_arrays(np.asarray(mean_units, dtype=float), variance_units2)
    usable = (mean > 0) & (variance > 0)
    shape = np.divide(mean**2, variance, out=np.ones(mean.shape), where=usable)
    found = []
    for p in probabilities:
        values = mean.copy()
        values[usable] = gammaincinv(shape[usable], p) * (variance[usable] / mean[usable])
        found.append(values)
    return found
