"""Forecast methods over a whole panel at once: SES, Croston, SBA, TSB, moving average. Levels only; patterns live in seasonality.

Arrays are days first, (T, N): the loop runs over days and each step touches one contiguous row. Every method sees units *and*
exposure and returns units per in-stock day, so that a stocked-out hour counts as no evidence rather than as no demand; with
exposure 1 throughout each is its textbook form. Unknown days (NaN) change nothing.
"""

from collections.abc import Sequence

import numpy as np

EMPTY = 1e-12


def _evidence(units: np.ndarray, exposure: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    known = ~np.isnan(units)
    share = known.astype(float) if exposure is None else np.where(known, np.nan_to_num(exposure), 0.0)
    return np.where(known, units, 0.0), share


def _origins(days: int, at: Sequence[int] | None) -> dict[int, int]:
    ends = [days] if at is None else [int(end) for end in at]
    if any(end < 1 or end > days for end in ends) or len(set(ends)) != len(ends):
        raise ValueError(f"origins must be distinct day counts between 1 and {days}, found {ends}")
    return {end - 1: column for column, end in enumerate(ends)}


def smooth(units: np.ndarray, exposure: np.ndarray | None = None, alpha: float = 0.1, at: Sequence[int] | None = None) -> np.ndarray:
    """Simple exponential smoothing: level = EW(units) / EW(exposure), both started at the first known day.

    `units`, `exposure`: (T, N). `at`: day counts whose levels are wanted (default T). Returns (N, len(at)), NaN without evidence.
    Source: Brown 1959; initialisation as in statsforecast 2.1.1.

    >>> y = np.array([0,0,5,0,0,0,3,0,4,0,0,2,0,0,0,0,6,0,1,0,0,0,2,0], float)[:, None]
    >>> round(float(smooth(y, alpha=0.1)[0, 0]), 6)
    0.769611
    """
    sales, share = _evidence(units, exposure)
    origins = _origins(len(sales), at)
    levels = np.full((sales.shape[1], len(origins)), np.nan)
    total = np.zeros(sales.shape[1])
    weight = np.zeros(sales.shape[1])
    for day in range(len(sales)):
        step = np.where(weight > 0, alpha, 1.0)
        total += step * (sales[day] - total)
        weight += step * (share[day] - weight)
        if day in origins:
            levels[:, origins[day]] = _ratio(total, weight)
    return levels


def croston(
    units: np.ndarray, exposure: np.ndarray | None = None, alpha: float = 0.1, at: Sequence[int] | None = None, debias: bool = False
) -> np.ndarray:
    """Croston's method: smoothed size / smoothed interval, updated on days with demand; `debias` multiplies by 1 - alpha / 2 (SBA).

    The interval is counted in in-stock days. Shapes as in `smooth`. Never decays after the last sale: see `tsb`.
    Source: Croston 1972; Syntetos and Boylan 2005; figures of statsforecast 2.1.1.

    >>> y = np.array([0,0,5,0,0,0,3,0,4,0,0,2,0,0,0,0,6,0,1,0,0,0,2,0], float)[:, None]
    >>> round(float(croston(y)[0, 0]), 6), round(float(croston(y, debias=True)[0, 0]), 6)
    (1.269521, 1.206045)
    """
    sales, share = _evidence(units, exposure)
    origins = _origins(len(sales), at)
    series = sales.shape[1]
    levels = np.full((series, len(origins)), np.nan)
    size, interval, since, seen = np.zeros(series), np.zeros(series), np.zeros(series), np.zeros(series)
    factor = 1.0 - alpha / 2.0 if debias else 1.0
    for day in range(len(sales)):
        since += share[day]
        seen += share[day]
        sold = sales[day] > 0
        step = np.where(sold, np.where(size > 0, alpha, 1.0), 0.0)
        size += step * (sales[day] - size)
        interval += step * (since - interval)
        since[sold] = 0.0
        if day in origins:
            levels[:, origins[day]] = np.where(seen > EMPTY, factor * np.nan_to_num(_ratio(size, interval)), np.nan)
    return levels


def tsb(
    units: np.ndarray,
    exposure: np.ndarray | None = None,
    alpha_size: float = 0.1,
    alpha_probability: float = 0.1,
    at: Sequence[int] | None = None,
) -> np.ndarray:
    """Teunter, Syntetos and Babai: smoothed size x smoothed rate of days with demand; the rate decays while nothing sells.

    The rate is EW(days with demand) / EW(exposure). Shapes as in `smooth`. Source: Teunter, Syntetos, Babai 2011 (EJOR 214);
    the rate starts at the first day's indicator and the size at the first sale, as in statsforecast 2.1.1.

    >>> y = np.array([0,0,5,0,0,0,3,0,4,0,0,2,0,0,0,0,6,0,1,0,0,0,2,0], float)[:, None]
    >>> round(float(tsb(y)[0, 0]), 6), round(float(tsb(y, alpha_size=0.2, alpha_probability=0.05)[0, 0]), 6)
    (1.098401, 0.704621)
    """
    sales, share = _evidence(units, exposure)
    origins = _origins(len(sales), at)
    series = sales.shape[1]
    levels = np.full((series, len(origins)), np.nan)
    size, occurrence, weight = np.zeros(series), np.zeros(series), np.zeros(series)
    for day in range(len(sales)):
        sold = sales[day] > 0
        step = np.where(weight > 0, alpha_probability, 1.0)
        occurrence += step * (sold - occurrence)
        weight += step * (share[day] - weight)
        size += np.where(sold, np.where(size > 0, alpha_size, 1.0), 0.0) * (sales[day] - size)
        if day in origins:
            levels[:, origins[day]] = _ratio(occurrence, weight) * size
    return levels


def moving_average(
    units: np.ndarray, exposure: np.ndarray | None = None, window_days: int = 28, at: Sequence[int] | None = None
) -> np.ndarray:
    """Mean per in-stock day over the last `window_days` days: sum of units / sum of exposure. Shapes as in `smooth`.

    >>> float(moving_average(np.array([[8.0], [2.0], [np.nan], [4.0]]), window_days=3)[0, 0])
    3.0
    """
    sales, share = _evidence(units, exposure)
    origins = _origins(len(sales), at)
    levels = np.full((sales.shape[1], len(origins)), np.nan)
    for day, column in origins.items():
        window = slice(max(0, day + 1 - window_days), day + 1)
        levels[:, column] = _ratio(sales[window].sum(axis=0), share[window].sum(axis=0))
    return levels


def _ratio(total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Total / weight, NaN where there is no weight."""
    return np.divide(total, weight, out=np.full(len(total), np.nan), where=weight > EMPTY)
