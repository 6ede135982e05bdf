"""Demand over the protection interval: a negative binomial for the sum, its quantiles, and safety stock beside the textbook's.

The spread comes from past errors over the same interval, and shares are stated as past sums reached them. No level is estimated here.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from pipelines.forecasting.calibration import reached_shares, stated_shares
from pipelines.forecasting.spread import PastErrors, Windows, fit_spread, pool_windows

DISPERSION_LIMITS = (1e-3, 1e6)
LEAST_PHI_OF_COUNTS = 1.0001


@dataclass(frozen=True)
class SumDistribution:
    """Demand of an interval per series (N,): its mean, the centre and variance of the law, k, and shares as past sums reached them.

    `centre_units`: the mean, or `floor_units`, a quarter of the series' own past, where that is more. `phi`: variance over centre before
    anything is added. `reached` (bins, S) and `volume_bin` (N,).
    """

    mean_units: np.ndarray
    centre_units: np.ndarray
    floor_units: np.ndarray
    phi: np.ndarray
    variance_units2: np.ndarray
    dispersion_k: np.ndarray
    reached: np.ndarray
    volume_bin: np.ndarray
    are_counts: bool

    def quantile(self, probability: float) -> np.ndarray:
        """Quantile of the negative binomial (of the gamma for amounts) at the share that reached `probability` in the past; (N,)."""
        return self.quantiles(np.array([probability]), slice(None))[:, 0]

    def quantiles(self, probabilities: np.ndarray, part: slice) -> np.ndarray:
        """Quantiles of some series at rising `probabilities` (P,): (n, P)."""
        stated = stated_shares(self.reached, probabilities)[self.volume_bin[part]]
        centre, k = self.centre_units[part, None], self.dispersion_k[part, None]
        return draw_sums(centre, k, self.variance_units2[part, None], stated, self.are_counts)


def draw_sums(mean_units: np.ndarray, dispersion_k: np.ndarray, variance_units2: np.ndarray, luck: np.ndarray, counts: bool) -> np.ndarray:
    """Quantiles at `luck` of the negative binomial with that mean and k, of the gamma with that mean and variance for amounts."""
    from pipelines.forecasting.marginals import amount_draws, count_draws

    return count_draws(mean_units, dispersion_k, luck) if counts else amount_draws(mean_units, variance_units2, luck)


def fit_sum(
    mean_units: np.ndarray, errors: PastErrors, extra_variance_units2: np.ndarray, stretch: np.ndarray, are_counts: bool = True
) -> SumDistribution:
    """Fit the sum's variance V = phi M + extra, and how often past sums of the same volume stayed below each share.

    phi comes from `fit_spread`. `extra_variance_units2`: mu^2 var(L) of the lead time, or a level that leans on its prior. `stretch`:
    protection days / days of the windows tested; where history was too short for the whole interval phi - 1 grows with it, as under
    a constant k. phi is at least 1 (Poisson) for counts.
    """
    windows = pool_windows(mean_units, errors)
    phi_past, phi_now = fit_spread(windows, errors)
    beyond = np.maximum(stretch, 1.0)
    if are_counts:
        phi_past, phi_now = np.maximum(phi_past, LEAST_PHI_OF_COUNTS), np.maximum(phi_now, 1.0)
        phi_now = 1.0 + (phi_now - 1.0) * beyond
    else:
        phi_now = phi_now * beyond
    centre = windows.now_units
    variance = phi_now * centre + extra_variance_units2
    reached = _calibrate(windows, errors, phi_past, are_counts)
    k = dispersion(centre, variance)
    return SumDistribution(mean_units, centre, windows.floor_units, phi_now, variance, k, reached, windows.now_bin, are_counts)


def _calibrate(windows: Windows, errors: PastErrors, phi: np.ndarray, are_counts: bool) -> np.ndarray:
    """Shares that past sums reached, by bin, under the law that would have been stated for each."""
    from scipy.special import gammainc

    valid = errors.is_valid & (windows.past_units > 0)
    mean, actual = windows.past_units[valid], errors.actual_units[valid]
    variance = phi[valid] * mean
    if are_counts:
        k = dispersion(mean, variance)
        # Demand completed for stock-outs has fractions: the nearest count stands for it.
        whole = np.round(actual)
        below, up_to = (negative_binomial_cdf(units, mean, k) for units in (whole - 1.0, whole))
    else:
        below = up_to = gammainc(mean**2 / variance, actual * mean / variance)
    independent = float(errors.windows.sum()) / max(int(errors.is_valid.sum()), 1)
    return reached_shares(below, up_to, windows.past_bin[valid], windows.bins.count, independent)


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
