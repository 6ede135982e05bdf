"""The demand that sales stand for, period by period: an estimate, how it was made and its bounds, by the evidence that there is.

A period in stock throughout stays exactly as sold. Rates, counts under flags and how busy periods vary come from their own modules.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.forecasting.censored_counts import CensoredFit, censored_moments, censored_quantile, fit_censored, fit_spells, spell_moments
from pipelines.forecasting.day_variation import LOW_QUANTILE, SERIES_PER_BLOCK, DayVariation, fit_variation
from pipelines.forecasting.exposure import PRIOR_DAYS, WINDOW_DAYS, RateEstimate, SeriesGroups, estimate_rate
from pipelines.forecasting.marginals import amount_quantiles, count_quantiles

METHODS = ("sold", "exposure", "flag", "rate", "prior")
SOLD, EXPOSURE, FLAG, RATE, PRIOR = range(len(METHODS))
TAIL = 0.05
FLAG_WINDOWS = 4


@dataclass(frozen=True)
class Incomplete:
    """The C periods that were not in stock throughout, by position n x T + t of series n and period t, ascending.

    `method`: index in `METHODS`. `estimate` (C,): units of demand. `variance` (C,): of what was not sold, in units^2. `flags`: what
    stands behind those of that method.
    """

    position: np.ndarray
    method: np.ndarray
    estimate: np.ndarray
    variance: np.ndarray
    flags: "Flags | None"

    def bounds(self, cells: slice, sold: np.ndarray, periods: int, are_counts: bool) -> tuple[np.ndarray, np.ndarray]:
        """90 % interval of the demand of some of the cells, 5 % below and 5 % above, given what was `sold` in them; never below that.

        What was not sold: a negative binomial for counts, a gamma for amounts. On a day that closed empty: demand given that it reached
        the sales.
        """
        left, variance = np.maximum(self.estimate[cells] - sold, 0.0), self.variance[cells]
        if are_counts:
            ends = count_quantiles(left, left**2 / np.maximum(variance - left, 1e-9 * left + 1e-300), (TAIL, 1.0 - TAIL))
        else:
            ends = amount_quantiles(left, variance, (TAIL, 1.0 - TAIL))
        low, high = sold + ends[0], sold + ends[1]
        flagged = self.method[cells] == FLAG
        if self.flags is not None and self.flags.variance is None and flagged.any():
            series = self.position[cells][flagged] // periods
            low[flagged], high[flagged] = (self.flags.bound(series, sold[flagged], p) for p in (TAIL, 1.0 - TAIL))
        return low, high


@dataclass(frozen=True)
class Completion:
    """`demand` (T, N) and the exposure (T, N) that it counts with: 1 where it stands for a whole period, 0 where nothing is known of it.

    `rate`: over the last window. `incomplete`: None where every known period was in stock.
    """

    demand: np.ndarray
    known: np.ndarray
    rate: RateEstimate
    incomplete: Incomplete | None


def complete_demand(units: np.ndarray, exposure: np.ndarray, groups: SeriesGroups, period_days: int = 1) -> Completion:
    """Complete what stock-outs cut off. Arrays (T, N), NaN units where nothing is known; periods of `period_days` days.

    In stock for a share f of the period: sales + (1 - f) x mu x busyness, mu the rate of the window around the period times how busy its
    items were elsewhere (`DayVariation`). Sold at share 0: only the fact is known, E[D | D >= sales] of a day, which closed empty,
    and of longer periods what `spell_moments` says. Out of stock from the start: mu, and no evidence for anything else.

    >>> units, share = np.array([[10.0], [6.0], [0.0]]), np.array([[1.0], [0.6], [0.0]])
    >>> made = complete_demand(units, share, SeriesGroups(np.array([0]), np.array([0])))
    >>> made.demand.ravel().round(1).tolist(), made.known.ravel().tolist()
    ([10.0, 9.9, 0.0], [1.0, 1.0, 0.0])
    """
    seen = ~np.isnan(units)
    sales, share = np.nan_to_num(units), np.where(seen, np.nan_to_num(exposure), 0.0)
    short = seen & (share < 1)
    flagged = _find_flags(sales, short & (share <= 0), period_days)
    window, prior_periods = WINDOW_DAYS // period_days, PRIOR_DAYS / period_days
    demand, flags = sales, None
    if flagged.any():
        flags = _complete_flags(sales, share, flagged, window, are_spells=period_days > 1)
        share[flagged] = 1.0
    rate = estimate_rate(demand[-window:], share[-window:], groups, prior_periods)
    if not short.any():
        return Completion(demand, share, rate, None)
    evidence = _Evidence(demand, share, short, flagged, rate.prior_units, min(window, len(demand)), prior_periods)
    incomplete = _complete_cells(evidence, groups.item, flags)
    share[short & (share > 0)] = 1.0
    return Completion(demand, share, rate, incomplete)


def _find_flags(sales: np.ndarray, empty: np.ndarray, period_days: int) -> np.ndarray:
    """Which of the `empty` periods, of share 0, tell only the fact of a stock-out: those that sold something nevertheless.

    Where most empty weeks sold something, 0 is a flag and no measurement: then those without a sale are flagged as well.
    """
    sold = empty & (sales > 0)
    return empty if period_days > 1 and 2 * sold.sum() > empty.sum() else sold


@dataclass(frozen=True)
class Flags:
    """What stands behind flags: the fit of each series (N,), in pieces of `piece_units`, and the reading of a flag.

    Spells: `variance` (T, N) of what was not sold, in units^2; None of days that closed empty.
    """

    fit: CensoredFit
    piece_units: float
    variance: np.ndarray | None

    def bound(self, series: np.ndarray, sold: np.ndarray, probability: float) -> np.ndarray:
        """Quantile of demand given that it reached the sales, for days that closed empty."""
        found = censored_quantile(sold / self.piece_units, self.fit.mean[series], self.fit.shape[series], probability)
        return np.maximum(self.piece_units * found, sold)


def _complete_flags(sales: np.ndarray, share: np.ndarray, flagged: np.ndarray, window: int, are_spells: bool) -> Flags:
    """Fit each series with flags and complete its flagged periods, in place.

    Whole numbers are counts, amounts are counted in their 2 % quantile. The fit is that of the last four windows; a series without
    evidence in them counts as one that sells nothing else.
    """
    sold = sales[sales > 0]
    piece = 1.0 if np.all(sold == np.floor(sold)) else float(np.quantile(sold, LOW_QUANTILE))
    columns = np.flatnonzero(flagged.any(axis=0))
    recent = slice(-FLAG_WINDOWS * window, None)
    seen = (share[recent, columns] > 0) | flagged[recent, columns]
    fit_them = fit_spells if are_spells else fit_censored
    found = fit_them(np.where(seen, sales[recent, columns], np.nan) / piece, flagged[recent, columns])
    fit = CensoredFit(np.zeros(sales.shape[1]), np.ones(sales.shape[1]))
    fit.mean[columns], fit.shape[columns] = found.mean, found.shape
    series = np.nonzero(flagged)[1]
    pieces = sales[flagged] / piece
    if not are_spells:
        sales[flagged] = piece * censored_moments(pieces, fit.mean[series], fit.shape[series])[0]
        return Flags(fit, piece, None)
    left, variance = spell_moments(pieces, fit.mean[series], fit.shape[series])
    sales[flagged] += piece * left
    spread = np.zeros(sales.shape)
    spread[flagged] = piece**2 * variance
    return Flags(fit, piece, spread)


@dataclass(frozen=True)
class _Evidence:
    """What is completed (T, N): sales with flags completed, exposure with flags as 1, periods short of stock, flags; the prior (N,)."""

    demand: np.ndarray
    share: np.ndarray
    short: np.ndarray
    flagged: np.ndarray
    prior: np.ndarray
    window: int
    prior_periods: float

    def rate(self, part: slice, less: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """(sum of sales - `less` + k x prior) / (sum of exposure + k) over the window around each period (T, n), and that exposure.

        At the ends the first and the last whole window serve.
        """
        share = self.share[:, part]
        sold, known = (_window_sums(values, self.window) for values in (np.where(share > 0, self.demand[:, part], 0.0), share))
        prior = self.prior_periods * self.prior[part]
        return (np.maximum(sold - less, 0.0) + prior) / (known + self.prior_periods), known

    def stopped_share(self, part: slice) -> np.ndarray:
        """Share of the exposure up to the last stock-out (n,): evidence that ended with a sale because it ended with a stock-out."""
        share = self.share[:, part]
        ended = self.short[:, part] & (share > 0)
        before = np.cumsum(ended[::-1], axis=0)[::-1] > 0
        return np.asarray((share * before).sum(axis=0) / np.maximum(share.sum(axis=0), 1e-9))


def _window_sums(values: np.ndarray, window: int) -> np.ndarray:
    total = np.vstack([np.zeros((1, values.shape[1])), values.cumsum(axis=0)])
    first = np.clip(np.arange(len(values)) - window // 2, 0, len(values) - window)
    return total[first + window] - total[first]


def _complete_cells(evidence: _Evidence, item: np.ndarray, flags: Flags | None) -> Incomplete:
    """Estimate every period short of stock; partly stocked ones are completed in `evidence.demand` as well."""
    count = evidence.demand.shape[1]
    blocks = [slice(start, min(start + SERIES_PER_BLOCK, count)) for start in range(0, count, SERIES_PER_BLOCK)]
    rates = np.concatenate([evidence.rate(part)[0] for part in blocks], axis=1)
    variation = fit_variation(np.where(evidence.share > 0, evidence.demand, 0.0), evidence.share, rates, item)
    doubt = _prior_doubt(evidence, variation)
    found = [_complete_block(evidence, variation, rates[:, part], item[part], doubt, part) for part in blocks]
    position, method, estimate, variance = (np.concatenate(values) for values in zip(*found, strict=True))
    if flags is not None and flags.variance is not None:
        variance = np.where(method == FLAG, flags.variance.T.ravel()[position], variance)
    return Incomplete(position, method, estimate, variance, flags)


def _complete_block(
    evidence: _Evidence, variation: DayVariation, rates: np.ndarray, item: np.ndarray, doubt: float, part: slice
) -> tuple[np.ndarray, ...]:
    """Position, method, estimate and variance of the incomplete periods of some series.

    A series that stock-outs stopped ends with a sale, which is no luck: sold less one piece serves its rate (Haldane 1945).
    """
    sales, share = np.where(evidence.share[:, part] > 0, evidence.demand[:, part], 0.0), evidence.share[:, part]
    pieces = variation.piece_units[part]
    factor = variation.factor(sales, rates * share, item, part)
    rate, known = evidence.rate(part, evidence.stopped_share(part) * pieces)
    mean = rate * factor
    busy = variation.busyness(sales, mean * share, part)
    series, period = np.nonzero(evidence.short[:, part].T)
    cells = (period, series)
    piece, sold, left = pieces[series], sales[cells], (1.0 - share[cells]) * (mean * busy)[cells]
    thin = known[cells] < evidence.prior_periods
    method = np.where(thin, PRIOR, np.where(share[cells] > 0, EXPOSURE, RATE))
    method = np.where(evidence.flagged[:, part][cells], FLAG, method).astype(np.int8)
    lean = evidence.prior_periods / (known[cells] + evidence.prior_periods)
    level = (piece / np.maximum(mean[cells], 1e-12) + variation.variance) / (known[cells] + evidence.prior_periods) + doubt * lean**2
    rest = piece + variation.variance * np.maximum(mean[cells], left)
    variance = left * rest + left**2 * np.minimum(level, 4.0)
    evidence.demand[:, part][cells] = np.where(share[cells] > 0, sold + left, 0.0)
    return (part.start + series) * len(sales) + period, method, sold + left, variance


def _prior_doubt(evidence: _Evidence, variation: DayVariation) -> float:
    """Relative variance of rates around their priors, over what chance explains: by moments over all series."""
    sold = np.where(evidence.share > 0, evidence.demand, 0.0).sum(axis=0) / variation.piece_units
    expected = evidence.share.sum(axis=0) * evidence.prior / variation.piece_units
    usable = expected > 1e-9
    sold, expected = sold[usable], expected[usable]
    days = evidence.share.sum(axis=0)[usable]
    chance = 1.0 + variation.variance * expected / np.maximum(days, 1e-9)
    return float(np.clip(((sold - expected) ** 2 / np.maximum(expected, 1e-9) - chance).sum() / max(expected.sum(), 1e-9), 0.0, 4.0))
