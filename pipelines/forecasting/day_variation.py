"""How single periods of demand vary around their rate: the unit of one purchase, how busy periods differ, what others sold that day.

Fitted to sales and exposure alone; stopping at a stock-out does not change the likelihood. No demand is completed here.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.forecasting.pooling import pool_sums

VARIANCES = np.geomspace(0.004, 4.0, 31)
LOW_QUANTILE = 0.02
PSEUDO_PIECES = 20.0
MOST_CELLS = 400_000
SERIES_PER_BLOCK = 2048


@dataclass(frozen=True)
class DayVariation:
    """Demand of a period is Poisson in pieces, its mean rate x Z, Z gamma with mean 1.

    `piece_units` (N,): units of one piece. `variance`: of Z. `factors` (T, I): what the item sold over what was expected, in pieces, as
    numerator and denominator, so that each series can leave itself out; `common` (T,) the same of all items together.
    """

    piece_units: np.ndarray
    variance: float
    common: np.ndarray
    sold: np.ndarray
    expected: np.ndarray
    noise: float
    shared_variance: float

    def factor(self, sales: np.ndarray, expected: np.ndarray, item: np.ndarray, series: slice) -> np.ndarray:
        """How busy the item was that period elsewhere (T, n), around 1, shrunk by signal to noise: own sales are left out.

        `sales`, `expected` (T, n): units sold, and rate x exposure, of the series of `series`; `item` (n,) their codes.
        """
        pieces = self.piece_units[series]
        others = self.sold[:, item] - sales / pieces
        usual = np.maximum(self.expected[:, item] - expected / pieces, 0.0) * self.common[:, None]
        lean = self.shared_variance / self.noise
        return self.common[:, None] * (1.0 + lean * np.maximum(others, 0.0)) / (1.0 + lean * usual)

    def busyness(self, sales: np.ndarray, expected: np.ndarray, series: slice) -> np.ndarray:
        """E[Z | sold so far] = (1 + v n) / (1 + v x), n pieces sold where x were expected while in stock (Buehlmann's credibility).

        >>> one = DayVariation(np.ones(1), 0.5, np.ones(1), np.zeros((1, 1)), np.zeros((1, 1)), 1.0, 0.0)
        >>> one.busyness(np.array([[6.0]]), np.array([[2.0]]), slice(0, 1)).tolist()
        [[2.0]]
        """
        pieces = self.piece_units[series]
        return (1.0 + self.variance * sales / pieces) / (1.0 + self.variance * expected / pieces)


def measure_pieces(sales: np.ndarray, expected: np.ndarray, item: np.ndarray) -> np.ndarray:
    """Units of one purchase per series (N,), by item: the greatest common divisor of whole numbers; of amounts their 2 % quantile,
    or variance over mean where that is smaller.

    `sales`, `expected` (T, N), both 0 where nothing is known. Scales with the unit of measure.

    >>> measure_pieces(np.array([[20.0, 0.0], [30.0, 0.5], [0.0, 3.7]]), np.ones((3, 2)), np.array([0, 1])).round(2).tolist()
    [10.0, 0.5]
    """
    items = int(item.max()) + 1
    step = max(1, sales.size // MOST_CELLS // 4)
    sales, expected = sales[::step], expected[::step]
    period, series = np.nonzero(sales > 0)
    values, code = sales[period, series], item[series]
    order = np.lexsort((values, code))
    values, code = values[order], code[order]
    if not len(values):
        return np.ones(len(item))
    present, start, count = np.unique(code, return_index=True, return_counts=True)
    whole = np.add.reduceat((values != np.floor(values)).astype(float), start) == 0
    divisor = np.gcd.reduceat(np.maximum(values, 1.0).astype(np.int64), start)
    low = values[start + (LOW_QUANTILE * (count - 1)).astype(np.int64)]
    found = np.ones(items)
    found[present] = low
    surprise = np.bincount(item, (np.square(sales - expected) / np.square(found[item])).sum(axis=0), items)
    volume = np.bincount(item, (expected / found[item]).sum(axis=0), items)
    found *= np.minimum((surprise + PSEUDO_PIECES) / (volume + PSEUDO_PIECES), 1.0)
    found[present[whole]] = divisor[whole]
    return found[item]


def fit_variation(sales: np.ndarray, share: np.ndarray, rate: np.ndarray, item: np.ndarray) -> DayVariation:
    """Fit pieces, shared days and the rest of the variation to `sales` and `share` (T, N) around `rate` (T, N); `item` (N,) codes."""
    known = share > 0
    pieces = measure_pieces(np.where(known, sales, 0.0), rate * share, item)
    sums = _sum_items(sales, rate * share, known, item, pieces)
    sold, expected, sold2, cross, expected2 = sums
    common = (sold.sum(axis=1) + PSEUDO_PIECES) / (expected.sum(axis=1) + PSEUDO_PIECES)
    g = common[:, None]
    own = sold2 - 2.0 * g * cross + g * g * expected2
    pairs = np.square(g * expected) - g * g * expected2
    noise = float(own.sum() / max((g * expected).sum(), 1e-9))
    shared = float((np.square(sold - g * expected) - own).sum() / pairs.sum()) if pairs.sum() > 1e-9 else 0.0
    made = DayVariation(pieces, 0.0, common, sold, expected, max(noise, 1e-6), max(shared, 0.0))
    return _with_variance(made, sales, share, rate, item)


def _sum_items(sales: np.ndarray, expected: np.ndarray, known: np.ndarray, item: np.ndarray, pieces: np.ndarray) -> list[np.ndarray]:
    """Sums over the series of each item (T, I), in pieces: sold, expected, and their squares and product."""
    items = int(item.max()) + 1
    total = [np.zeros((len(sales), items)) for _ in range(5)]
    for start in range(0, len(item), SERIES_PER_BLOCK):
        part = slice(start, start + SERIES_PER_BLOCK)
        n, x = np.where(known[:, part], sales[:, part], 0.0) / pieces[part], expected[:, part] / pieces[part]
        for into, values in zip(total, (n, x, n * n, n * x, x * x), strict=True):
            into += pool_sums(values, item[part], items)
    return total


def _with_variance(made: DayVariation, sales: np.ndarray, share: np.ndarray, rate: np.ndarray, item: np.ndarray) -> DayVariation:
    """The variance of Z that makes sales likeliest: negative binomials around rate x factor x exposure, of evenly drawn series."""
    step = max(1, sales.size // MOST_CELLS)
    drawn = slice(0, None, step)
    n, x = sales[:, drawn], rate[:, drawn] * share[:, drawn]
    factor = made.factor(n, x, item[drawn], drawn)
    usable = (share[:, drawn] > 0) & (x > 0)
    pieces = made.piece_units[drawn]
    n, x = (n / pieces)[usable], (x * factor / pieces)[usable]
    likelihood = [_log_likelihood(n, x, variance) for variance in VARIANCES]
    best = float(VARIANCES[int(np.argmax(likelihood))]) if len(n) else 0.0
    return replace(made, variance=best)


def _log_likelihood(n: np.ndarray, x: np.ndarray, variance: float) -> float:
    """Negative binomial with mean x and shape 1 / variance, without the terms that the variance does not touch."""
    from scipy.special import gammaln

    shape = 1.0 / variance
    return float((gammaln(shape + n) - gammaln(shape) - (shape + n) * np.log1p(variance * x) + n * np.log(variance)).sum())
