"""Methods that forecast an intermittent series on longer periods: ADIDA and IMAPA, over a whole panel. No pattern and no exposure here."""

import numpy as np

ALPHA_LIMITS = (0.1, 0.3)
SEARCH_STEPS = 60
GOLDEN = (5.0**0.5 - 1.0) / 2.0


def adida(units: np.ndarray) -> np.ndarray:
    """Level per period (N,) of `units` (T, N): SES on sums over as many periods as lie between sales on average, over that number.

    Source: Nikolopoulos et al. 2011 (JORS 62); figures of statsforecast 2.1.1. 0 for a series that never sold.

    >>> y = np.array([0,0,5,0,0,0,3,0,4,0,0,2,0,0,0,0,6,0,1,0,0,0,2,0], float)[:, None]
    >>> round(float(adida(y)[0]), 6)
    1.023244
    """
    levels = np.zeros(units.shape[1])
    buckets = bucket_periods(units)
    for size in np.unique(buckets[buckets > 0]).tolist():
        chosen = buckets == size
        levels[chosen] = bucket_level(units[:, chosen], size)
    return levels


def imapa(units: np.ndarray) -> np.ndarray:
    """Level per period (N,) of `units` (T, N): mean of SES levels on sums over 1, 2, ... up to ADIDA's number of periods.

    Source: Petropoulos and Kourentzes 2015 (JORS 66); figures of statsforecast 2.1.1.

    >>> y = np.array([0,0,5,0,0,0,3,0,4,0,0,2,0,0,0,0,6,0,1,0,0,0,2,0], float)[:, None]
    >>> round(float(imapa(y)[0]), 6)
    0.86198
    """
    buckets = bucket_periods(units)
    total = np.zeros(units.shape[1])
    for size in range(1, int(buckets.max(initial=0)) + 1):
        chosen = buckets >= size
        total[chosen] += bucket_level(units[:, chosen], size)
    return total / np.maximum(buckets, 1)


def bucket_periods(units: np.ndarray) -> np.ndarray:
    """Mean periods from sale to sale (N,), rounded half to even; 0 for a series that never sold."""
    sold = units != 0
    last = np.where(sold.any(axis=0), len(units) - np.argmax(sold[::-1], axis=0), 0)
    count = sold.sum(axis=0)
    return np.round(np.divide(last, count, out=np.zeros(len(count)), where=count > 0)).astype(np.int64)


def bucket_level(units: np.ndarray, size: int) -> np.ndarray:
    """SES level per period (N,) on sums over `size` periods counted from the end, alpha in [0.1, 0.3] by least squares of one step."""
    whole = units[len(units) % size :]
    sums = whole.reshape(-1, size, units.shape[1]).sum(axis=1)
    low, high = (np.full(units.shape[1], limit) for limit in ALPHA_LIMITS)
    for _ in range(SEARCH_STEPS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        is_left = _smoothed(sums, left)[1] < _smoothed(sums, right)[1]
        low, high = np.where(is_left, low, left), np.where(is_left, right, high)
    return _smoothed(sums, (low + high) / 2.0)[0] / size


def _smoothed(sums: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Level after the last bucket and the sum of squared one-step errors."""
    level, squared = sums[0].copy(), np.zeros(sums.shape[1])
    for row in sums[1:]:
        squared += (row - level) ** 2
        level += alpha * (row - level)
    return level, squared
