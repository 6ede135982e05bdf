"""A change of demand seen as soon as counts allow: a CUSUM of negative binomial scores over weeks. No event is named here.

Source: Page (1954), Continuous inspection schemes; the score is the log likelihood ratio of the changed mean against the mean before.
"""

from dataclasses import dataclass

import numpy as np

ALARM = 5.0
# One week alone cannot alarm, and a little evidence is forgotten every week: what keeps false alarms below 0.1 a year at every rate.
MOST_OF_A_WEEK, FORGOTTEN_A_WEEK = 3.0, 0.15
SPIKE, DROP = 2.0, 0.5
LAG_WEEKS = 4
LEAST_WEEKS = 8
BASELINE_WEEKS = 52
LEAST_EXPOSURE_WEEKS = 0.5
POOL_WEEKS = 26.0
LARGEST_SPREAD = 4.0


@dataclass(frozen=True)
class Alarms:
    """What the detector says of weeks (W, N): +1 a spike, -1 a drop, 0 nothing; the score that said so, and the mean it was held against.

    `baseline_units` (W, N): units per week in stock before, NaN where too little was known to say anything.
    """

    sign: np.ndarray
    score: np.ndarray
    baseline_units: np.ndarray


def find_alarms(units: np.ndarray, exposure_weeks: np.ndarray) -> Alarms:
    """Watch the weekly demand (W, N) of N series; `exposure_weeks` (W, N): share of the week in stock times its pattern, 0 where unknown.

    The mean before is the ratio of sums of the last 52 weeks, the newest four of them left out: a change must not teach what it is
    held against. mu = mean x exposure; 1/k = spread of the series' own past weeks, drawn to the pool of its volume, plus 1 / units known,
    by which the mean itself is uncertain. A week's score for a factor c (2 for a spike, 0.5 for a drop): y ln c + (y + k) ln((k + mu) /
    (k + c mu)), at most 3. S = max(0, S + score - 0.15); S >= 5 is an alarm, after which S is 0 and the mean starts anew with the last four
    weeks. A week with less than half its exposure counts nothing.
    """
    weeks, series = units.shape
    history = _History.of(units, exposure_weeks)
    sign, score, baseline = np.zeros((weeks, series), dtype=np.int8), np.zeros((weeks, series)), np.full((weeks, series), np.nan)
    sums = {SPIKE: np.zeros(series), DROP: np.zeros(series)}
    first = np.zeros(series, dtype=np.int64)
    for week in range(LAG_WEEKS, weeks):
        before = history.before(first, week)
        is_known = (before.weeks >= LEAST_WEEKS) & (exposure_weeks[week] >= LEAST_EXPOSURE_WEEKS)
        mean = before.rate * exposure_weeks[week]
        for factor in sums:
            gain = np.minimum(nb_score(units[week], mean, before.spread, factor), MOST_OF_A_WEEK) - FORGOTTEN_A_WEEK
            sums[factor] = np.maximum(sums[factor] + np.where(is_known, gain, 0.0), 0.0)
        sign[week] = np.where(sums[SPIKE] >= ALARM, 1, np.where(sums[DROP] >= ALARM, -1, 0))
        score[week] = np.where(sign[week] > 0, sums[SPIKE], np.where(sign[week] < 0, sums[DROP], 0.0))
        baseline[week] = np.where(is_known, before.rate, np.nan)
        first = np.where(sign[week] != 0, week + 1 - LAG_WEEKS, first)
        sums = {factor: np.where(sign[week] != 0, 0.0, total) for factor, total in sums.items()}
    return Alarms(sign, score, baseline)


def nb_score(units: np.ndarray, mean_units: np.ndarray, spread: np.ndarray, factor: float) -> np.ndarray:
    """Log likelihood ratio of `factor` x mean against the mean, for a negative binomial with variance mu + spread x mu^2.

    >>> round(float(nb_score(np.array([4.0]), np.array([2.0]), np.array([1e-9]), 2.0)[0]), 4)
    0.7726
    """
    k = 1.0 / np.maximum(spread, 1e-9)
    return np.asarray(units * np.log(factor) - (units + k) * np.log1p((factor - 1.0) * mean_units / (k + mean_units)))


@dataclass(frozen=True)
class _Before:
    """What a week is held against, per series (N,): units per week in stock, 1/k of a week around it, weeks it rests on."""

    rate: np.ndarray
    spread: np.ndarray
    weeks: np.ndarray


@dataclass(frozen=True)
class _History:
    """Running sums (W + 1, N) over usable weeks of units y, exposure e, y^2, y e, e^2, and their count."""

    sums: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, units: np.ndarray, exposure: np.ndarray) -> "_History":
        usable = exposure >= LEAST_EXPOSURE_WEEKS
        y, e = np.where(usable, units, 0.0), np.where(usable, exposure, 0.0)
        start = np.zeros((1, units.shape[1]))
        return cls(tuple(np.vstack([start, values.cumsum(axis=0)]) for values in (y, e, y * y, y * e, e * e, usable.astype(float))))

    def before(self, first: np.ndarray, week: int) -> _Before:
        """The weeks from `first` (N,) on, 52 at most, without the newest four before and up to `week`."""
        last = week + 1 - LAG_WEEKS
        begin = np.minimum(np.maximum(first, last - BASELINE_WEEKS), last)
        series = np.arange(len(first))
        y, e, yy, ye, ee, weeks = (running[last] - running[begin, series] for running in self.sums)
        rate = np.divide(y, e, out=np.zeros(len(y)), where=e > 0)
        # Sum of squared errors beyond Poisson's, with one degree of freedom spent on the rate.
        excess = (yy - 2.0 * rate * ye + rate**2 * ee) * weeks / np.maximum(weeks - 1.0, 1.0) - y
        volume = np.clip(np.round(np.log2(np.maximum(rate, 1e-9))), -6, 12).astype(np.int64) + 6
        above, below = (np.bincount(volume, values, 19) for values in (excess, rate**2 * ee))
        pooled = np.divide(above, below, out=np.zeros(19), where=below > 0)[volume]
        own = np.divide(excess, rate**2 * ee, out=pooled.copy(), where=y > 0)
        trust = weeks / (weeks + POOL_WEEKS)
        spread = np.clip(trust * own + (1.0 - trust) * pooled, 0.0, LARGEST_SPREAD)
        return _Before(np.maximum(rate, 0.5 / np.maximum(e, 1.0)), spread + 1.0 / (y + 1.0), weeks)
