"""Demand behind censored sales: rates by exposure, the prior from other series, and the demand of single stocked-out days.

Sales are what was left after stock-outs. Stocked-out days are never masked: the sale causes the stock-out, so masking them deletes
the demand days. No forecast is made here.
"""

from dataclasses import dataclass

import numpy as np

PRIOR_DAYS = 7.0
WINDOW_DAYS = 56
BORROWED_DAYS = 56.0


@dataclass(frozen=True)
class SeriesGroups:
    """Integer codes (N,) of each series' item, and of its location x category."""

    item: np.ndarray
    group: np.ndarray


@dataclass(frozen=True)
class RateEstimate:
    """Per series (N,): units per in-stock day, its prior, days in stock, and whether the prior carries it."""

    daily_units: np.ndarray
    prior_units: np.ndarray
    in_stock_days: np.ndarray
    uses_prior: np.ndarray


def estimate_rate(units: np.ndarray, exposure: np.ndarray, groups: SeriesGroups, prior_periods: float = PRIOR_DAYS) -> RateEstimate:
    """Units per in-stock period over the window given: mu = (sum of sales + k x prior) / (sum of exposure + k), k = 7 in-stock days.

    `units`, `exposure`: (T, N), exposure 0 where unknown; `prior_periods`: k in periods. A ratio of sums, never a mean of ratios.
    `uses_prior` marks fewer than k in-stock periods. For a Poisson stream E[sales] = mu x E[exposure] holds even though the sale causes
    the stock-out (Wald).

    >>> groups = SeriesGroups(np.array([0, 0]), np.array([0, 1]))
    >>> units = np.array([[14.0, 0.0], [7.0, 0.0]])
    >>> estimate_rate(units, np.array([[1.0, 0.0], [0.5, 0.0]]), groups).daily_units.tolist()
    [14.0, 14.0]
    """
    sold = np.where(exposure > 0, np.nan_to_num(units), 0.0).sum(axis=0)
    days = np.nan_to_num(exposure).sum(axis=0)
    prior = borrow_rate(sold, days, groups)
    return RateEstimate((sold + prior_periods * prior) / (days + prior_periods), prior, days, days < prior_periods)


def borrow_rate(sold: np.ndarray, days: np.ndarray, groups: SeriesGroups) -> np.ndarray:
    """What a series would sell a day, judged by others: the item's rate elsewhere x the location's pooled share, blended with the
    mean of its location x category by the in-stock days known elsewhere (56 weigh as much as the mean).

    `sold`, `days`: (N,) sums of units and of exposure. All ratios are ratios of sums. A series with nobody to learn from at all gets
    its own rate, or 0.

    >>> groups = SeriesGroups(np.array([0, 0, 0]), np.array([0, 1, 1]))
    >>> borrow_rate(np.array([60.0, 30.0, 0.0]), np.array([10.0, 10.0, 0.0]), groups).round(3).tolist()
    [4.0, 4.0, 3.0]
    """
    item_sold, item_days = _pool(sold, groups.item), _pool(days, groups.item)
    expected = days * _divide(item_sold, item_days)
    share = _divide(_pool(sold, groups.group), _pool(expected, groups.group), default=1.0)
    elsewhere_sold, elsewhere_days = np.maximum(item_sold - sold, 0.0), np.maximum(item_days - days, 0.0)
    analogy = _divide(elsewhere_sold, elsewhere_days) * share
    overall = _divide(np.array([sold.sum()]), np.array([days.sum()]))[0]
    peers_days = _pool(days, groups.group) - days
    peers = _divide(_pool(sold, groups.group) - sold, peers_days, default=overall)
    peers_weight = np.where(peers_days > 1e-9, BORROWED_DAYS, 1e-3)
    blended = (elsewhere_days * analogy + peers_weight * np.maximum(peers, 0.0)) / (elsewhere_days + peers_weight)
    return blended


def _pool(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Sum by code, given back to each member."""
    return np.bincount(codes, weights=values)[codes] if len(codes) else values


def _divide(total: np.ndarray, weight: np.ndarray, default: float = 0.0) -> np.ndarray:
    return np.divide(total, weight, out=np.full(len(total), float(default)), where=weight > 1e-9)


def impute_demand(
    units: np.ndarray, exposure: np.ndarray, prior: np.ndarray, window: int = WINDOW_DAYS, prior_periods: float = PRIOR_DAYS
) -> tuple[np.ndarray, np.ndarray]:
    """Units and exposure as full days: a partly stocked-out day becomes sales + (1 - exposure) x mu with exposure 1.

    mu is the rate of the 56 days up to that day with k = 7 days of `prior` (N,). The mean of such days has the ratio of sums as its fixed
    point, without the variance of sales / exposure. A day out of stock from its start says nothing: exposure stays 0. A sale
    on a day of exposure 0 shows that only the fact of the stock-out is known: see `impute_flagged`. Arrays (T, N); days without a
    stock-out are returned as they are.

    >>> demand, known = impute_demand(np.array([[10.0], [6.0], [0.0]]), np.array([[1.0], [0.6], [0.0]]), np.array([10.0]))
    >>> demand.ravel().round(6).tolist(), known.ravel().tolist()
    ([10.0, 10.0, 0.0], [1.0, 1.0, 0.0])
    """
    share = np.where(np.isnan(units), 0.0, np.nan_to_num(exposure))
    sales = np.nan_to_num(units)
    flagged = (share <= 0) & (sales > 0)
    partial = (share > 0) & (share < 1)
    demand = impute_flagged(sales, share, flagged) if flagged.any() else sales.copy()
    if partial.any():
        rate = _trailing_rate(sales, share, prior, window, prior_periods)
        demand[partial] = sales[partial] + (1.0 - share[partial]) * rate[partial]
    return demand, np.where(partial | flagged, 1.0, share)


def _trailing_rate(sales: np.ndarray, share: np.ndarray, prior: np.ndarray, window: int, prior_periods: float) -> np.ndarray:
    """(sum of sales + k prior) / (sum of exposure + k) over the `window` up to each period; at the start the first window serves all."""
    days = len(sales)
    ends = np.maximum(np.arange(days), min(window, days) - 1) + 1
    starts = np.maximum(ends - window, 0)
    sold = np.vstack([np.zeros(sales.shape[1]), np.where(share > 0, sales, 0.0).cumsum(axis=0)])
    known = np.vstack([np.zeros(sales.shape[1]), share.cumsum(axis=0)])
    return (sold[ends] - sold[starts] + prior_periods * prior) / (known[ends] - known[starts] + prior_periods)


def impute_flagged(sales: np.ndarray, share: np.ndarray, flagged: np.ndarray) -> np.ndarray:
    """Replace sales of flagged days by E[D | D >= sales] under the negative binomial that `fit_censored` finds. Arrays (T, N)."""
    demand = sales.copy()
    columns = np.flatnonzero(flagged.any(axis=0))
    observed = np.where((share[:, columns] > 0) | flagged[:, columns], sales[:, columns], np.nan)
    mean, dispersion = fit_censored(observed, flagged[:, columns])
    expected, _ = _censored_moments(sales[:, columns], mean, dispersion)
    demand[:, columns] = np.where(flagged[:, columns], expected, sales[:, columns])
    return demand


def fit_censored(sales: np.ndarray, flagged: np.ndarray, passes: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """EM for a negative binomial where a flag says that demand was at least the sales: mean (N,) and dispersion k (N,).

    `sales` (T, N), NaN = unknown; `flagged` (T, N) marks days that ran out. E-step: E[D | D >= s] and E[D^2 | D >= s] in closed form;
    M-step: moments, variance = m + m^2 / k. Needs neither hours nor exposure.
    """
    known = ~np.isnan(sales)
    seen = np.where(known, sales, 0.0)
    open_ended = flagged & known
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.maximum(seen.sum(axis=0) / count, 1e-6)
    dispersion = np.full(len(mean), 2.0)
    for _ in range(passes):
        first, second = _censored_moments(seen, mean, dispersion)
        mean = np.maximum(np.where(open_ended, first, seen).sum(axis=0) / count, 1e-6)
        square = np.where(open_ended, second, seen**2).sum(axis=0) / count
        excess = np.maximum(square - mean**2 - mean, mean**2 / 1e3)
        dispersion = np.clip(mean**2 / excess, 0.05, 1e3)
    return mean, dispersion


def _censored_moments(floor: np.ndarray, mean: np.ndarray, dispersion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E[D | D >= s] and E[D^2 | D >= s] of a negative binomial, from tails of the same law with k + 1 and k + 2.

    D P_k(D) is m times P_(k+1)(D - 1), so E[D; D >= s] = m P_(k+1)(D >= s - 1); twice for D (D - 1).
    """
    from scipy.special import betainc

    odds = mean / (mean + dispersion)

    def tail(at_least: np.ndarray, extra: float) -> np.ndarray:
        return np.where(at_least < 1, 1.0, betainc(np.maximum(at_least, 1.0), dispersion + extra, odds))

    reach = np.maximum(tail(floor, 0.0), 1e-12)
    first = np.maximum(mean * tail(floor - 1.0, 1.0) / reach, floor)
    factorial = mean**2 * (1.0 + 1.0 / dispersion) * tail(floor - 2.0, 2.0) / reach
    return first, np.maximum(factorial + first, first**2)
