"""How wide the errors of a forecast are: variance over mean by volume, own past errors and recent spread of single periods.

Quantiles and distributions are made elsewhere.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.forecasting.calibration import VolumeBins, make_bins

FLOOR_SHARE = 0.25
LEAST_SHARE_OF_MEAN = 0.002
OWN_PSEUDO_WINDOWS = 5.0
RECENT_PSEUDO_PERIODS = 5.0
RECENT_LEAST_SHARE = 0.01
RIDGE_WINDOWS = 20.0
PRIOR_SLOPE = 0.5
STEPS = 6


@dataclass(frozen=True)
class PastErrors:
    """Rolling-origin evidence per series and origin (N, J): forecast and actual sums over windows, and which windows count.

    `windows` (N,): how many independent windows the overlapping ones amount to. `recent_phi` (N, J + 1): variance over mean of single
    periods shortly before now (column 0) and before each origin, or None.
    """

    forecast_units: np.ndarray
    actual_units: np.ndarray
    is_valid: np.ndarray
    windows: np.ndarray
    recent_phi: np.ndarray | None = None


@dataclass(frozen=True)
class Windows:
    """Past windows and the one ahead, seen alike: `past_units` (N, J), `now_units` (N,) are centres with a floor, `bins` pools them.

    A series that comes back after months without a sale meets a forecast of almost nothing. So no centre is below a quarter of the
    series' own mean sum; windows whose forecast is lower make bins of their own, in which most stay at nothing and some come back.
    """

    past_units: np.ndarray
    now_units: np.ndarray
    floor_units: np.ndarray
    past_bin: np.ndarray
    now_bin: np.ndarray
    bins: VolumeBins


def pool_windows(mean_units: np.ndarray, errors: PastErrors) -> Windows:
    """Centres and bins of the past windows and of the sum ahead."""
    valid = errors.is_valid
    own = np.where(valid, errors.actual_units, 0.0).sum(axis=1) / np.maximum(valid.sum(axis=1), 1)
    floor = np.maximum(FLOOR_SHARE * own, LEAST_SHARE_OF_MEAN * (own.mean() if len(own) else 0.0))
    past = np.where(valid, np.maximum(errors.forecast_units, floor[:, None]), 0.0)
    is_low = valid & (errors.forecast_units < floor[:, None])
    bins = make_bins(past[valid], is_low[valid], float(errors.windows.sum()))
    now = np.maximum(mean_units, floor)
    return Windows(past, now, floor, np.where(valid, bins.place(past, is_low), 0), bins.place(now, mean_units < floor), bins)


def fit_spread(windows: Windows, errors: PastErrors) -> tuple[np.ndarray, np.ndarray]:
    """Variance over mean of the past windows (N, J), each from all others, and of the sum ahead (N,).

    log phi = a(bin) + b1 log(own squared errors over the bin's) + b2 log(recent spread of single periods): a variance function fitted by
    iterated least squares as of a gamma regression with log link (Davidian and Carroll 1987; McCullagh and Nelder 1989, chapter 8),
    with slopes drawn to 0.5 by 20 windows. A window's own error plays no part in its own phi.
    """
    valid, count = errors.is_valid, windows.bins.count
    square = np.where(valid, (errors.actual_units - windows.past_units) ** 2, 0.0)
    totals = (np.bincount(windows.past_bin[valid], values[valid], count) for values in (square, windows.past_units))
    total, volume = totals
    pooled = np.divide(total, volume, out=np.ones(count), where=volume > 1e-9)
    pooled = np.maximum(pooled, 1e-9 * max(float(pooled.max(initial=0.0)), 1e-300))
    expected = np.where(valid, pooled[windows.past_bin] * windows.past_units, 0.0)
    own_past, own_now = _own_spread(square, expected, valid)
    past, now = [own_past], [own_now]
    if errors.recent_phi is not None:
        recent = np.log(errors.recent_phi)
        past.append(recent[:, 1 : 1 + valid.shape[1]])
        now.append(recent[:, 0])
    ratio = np.divide(square, expected, out=np.zeros_like(square), where=expected > 0)
    level, slopes = _fit_slopes(ratio[valid], np.stack([values[valid] for values in past]), windows.past_bin[valid], count)
    logs = [
        level[place] + sum(b * x for b, x in zip(slopes, xs, strict=True))
        for place, xs in ((windows.past_bin, past), (windows.now_bin, now))
    ]
    phi_past, phi_now = (np.exp(np.clip(log, -8.0, 8.0)) for log in logs)
    return pooled[windows.past_bin] * phi_past, pooled[windows.now_bin] * phi_now


def _own_spread(square: np.ndarray, expected: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log of own squared errors over what the bins expect, with five windows as expected: per window without it (N, J), and of all (N,)."""
    pseudo = OWN_PSEUDO_WINDOWS * expected.sum(axis=1) / np.maximum(valid.sum(axis=1), 1)
    known = pseudo > 0
    top = square.sum(axis=1) + pseudo
    bottom = expected.sum(axis=1) + pseudo
    now = np.log(np.where(known, top / np.where(known, bottom, 1.0), 1.0))
    left = np.where(known[:, None], (top[:, None] - square) / np.where(known[:, None], bottom[:, None] - expected, 1.0), 1.0)
    return np.log(np.maximum(left, 1e-9)), now


def _fit_slopes(ratio: np.ndarray, seen: np.ndarray, place: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Levels (bins,) and slopes (V,) of the log mean of `ratio` (n,) on `seen` (V, n); levels are taken out by centring within bins."""
    members = np.maximum(np.bincount(place, minlength=bins), 1)

    def centre(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = np.bincount(place, values, bins) / members
        return mean, values - mean[place]

    means, centred = zip(*(centre(values) for values in seen), strict=True)
    around = np.stack(centred)
    ridge = np.diag(RIDGE_WINDOWS / max(len(ratio), 1) * np.square(around).sum(axis=1) + 1e-9)
    gram = around @ around.T + ridge
    slopes = np.full(len(seen), PRIOR_SLOPE)
    level = -sum(b * mean for b, mean in zip(slopes, means, strict=True))
    for _ in range(STEPS):
        log = level[place] + slopes @ seen
        mean = np.exp(np.clip(log, -8.0, 8.0))
        aim = log + np.clip((ratio - mean) / mean, -5.0, 20.0)
        aim_mean, aim_around = centre(aim)
        slopes = np.linalg.solve(gram, around @ aim_around + ridge.sum(axis=1) * PRIOR_SLOPE)
        level = aim_mean - sum(b * x for b, x in zip(slopes, means, strict=True))
    return np.asarray(level), slopes


def recent_phi(demand: np.ndarray, ends: list[int], window: int) -> np.ndarray:
    """Variance over mean of the `window` periods before each end, (N, len(ends)), from demand (T, N); five periods are as in the pool.

    >>> recent_phi(np.array([[0.0], [4.0], [0.0], [4.0]]), [4], 4).tolist()
    [[2.0]]
    """
    found = np.empty((demand.shape[1], len(ends)))
    for column, end in enumerate(ends):
        part = np.nan_to_num(demand[max(end - window, 0) : end])
        mean, variance = part.mean(axis=0), part.var(axis=0)
        pooled = variance.sum() / mean.sum() if mean.sum() > 0 else 1.0
        least = RECENT_LEAST_SHARE * mean.mean() if len(mean) else 0.0
        prior = RECENT_PSEUDO_PERIODS * (mean + least) * pooled
        below = len(part) * mean + RECENT_PSEUDO_PERIODS * (mean + least)
        found[:, column] = np.divide(len(part) * variance + prior, below, out=np.full(len(mean), max(pooled, 1e-9)), where=below > 0)
    return np.maximum(found, 1e-9)
