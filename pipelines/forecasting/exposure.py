"""Rates behind censored sales: ratios of sums by exposure, and the prior from other series.

Sales are what was left after stock-outs. Stocked-out days are never masked: the sale causes the stock-out, so masking them deletes
the demand days. Single days are completed elsewhere; no forecast is made here.
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
