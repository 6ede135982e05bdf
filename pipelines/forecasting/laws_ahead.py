"""How the spread of a forecast grows with the horizon: laws of sums of 1..W weeks and of single periods as many weeks ahead.

Laws are fitted at a few horizons, from past errors over just that horizon; between them they are drawn straight. No path is drawn here.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.domain.demand import Frequency
from pipelines.forecasting.backtest import LevelHistory, past_errors, testable_horizon
from pipelines.forecasting.calibration import stated_shares
from pipelines.forecasting.distribution import SumDistribution, fit_sum

TESTED_WEEKS = (1, 2, 4, 8, 13)
LEAST_EXCESS = 1e-6


@dataclass(frozen=True)
class Horizons:
    """Laws at `weeks` (G,), rising; `do_sum`: of sums over so many weeks, else of a single period in that week."""

    weeks: np.ndarray
    laws: tuple[SumDistribution, ...]
    do_sum: bool
    are_counts: bool
    level_cv2: np.ndarray

    def centre(self, mean_units: np.ndarray, week: int, part: slice) -> np.ndarray:
        """Where the law stands for means (n, ...): the mean, or the floor that a comeback gives."""
        low, high, share = self._between(week)
        floor = (1.0 - share) * low.floor_units[part] + share * high.floor_units[part]
        if self.do_sum and week > self.weeks[-1]:
            floor = floor * (week / self.weeks[-1])
        return np.maximum(mean_units, floor.reshape(-1, *[1] * (mean_units.ndim - 1)))

    def relative_variance(self, centre_units: np.ndarray, week: int, part: slice) -> np.ndarray:
        """Variance over squared centre, without the Poisson share for counts: c = (V - M) / M^2 or V / M^2; like `centre_units`."""
        low, high, share = self._between(week)
        phi = (1.0 - share) * low.phi[part] + share * high.phi[part]
        excess = phi - 1.0 if self.are_counts else phi
        if self.do_sum and week > self.weeks[-1]:
            excess = excess * (week / self.weeks[-1])
        shape = (-1, *[1] * (centre_units.ndim - 1))
        level = self.level_cv2[part].reshape(shape)
        return np.maximum(excess, LEAST_EXCESS).reshape(shape) / np.maximum(centre_units, 1e-12) + level

    def stated(self, probabilities: np.ndarray, week: int, part: slice) -> np.ndarray:
        """Shares to state at that horizon so that `probabilities` (P,) are reached, (n, P)."""
        low, high, share = self._between(week)
        found = (1.0 - share) * stated_shares(low.reached, probabilities)[low.volume_bin[part]]
        return found + share * stated_shares(high.reached, probabilities)[high.volume_bin[part]]

    def _between(self, week: int) -> tuple[SumDistribution, SumDistribution, float]:
        """The tested horizons around a week, and how far it lies between them; beyond the last one that one."""
        high = min(int(np.searchsorted(self.weeks, week)), len(self.weeks) - 1)
        low = max(high - 1, 0) if self.weeks[high] > week else high
        gap = self.weeks[high] - self.weeks[low]
        return self.laws[low], self.laws[high], float((week - self.weeks[low]) / gap) if gap else 0.0


def tested_weeks(weeks: int, periods: int, freq: Frequency) -> np.ndarray:
    """Horizons in weeks that history can test, up to the first that reaches `weeks`: of 1, 2, 4, 8, 13.

    >>> tested_weeks(3, 400, Frequency.D).tolist(), tested_weeks(12, 60, Frequency.D).tolist()
    ([1, 2, 4], [1, 2])
    """
    longest = int(testable_horizon(np.array([weeks * 7]), periods * freq.days)[0]) // 7
    usable = [week for n, week in enumerate(TESTED_WEEKS) if n == 0 or (week <= longest or TESTED_WEEKS[n - 1] < weeks <= longest)]
    needed = [week for n, week in enumerate(usable) if n == 0 or usable[n - 1] < weeks]
    return np.array(needed)


def fit_horizons(
    level: np.ndarray, history: LevelHistory, level_cv2: np.ndarray, weeks: int, freq: Frequency, are_counts: bool
) -> tuple[Horizons, Horizons]:
    """Laws of sums over 1..`weeks` weeks, and of single periods in week 1..`weeks` ahead.

    `level_cv2` (N,): squared coefficient of variation of levels that lean on their prior.
    """
    grid = tested_weeks(weeks, len(history.demand_sum) - 1, freq)
    nothing, ones = np.zeros(len(level)), np.ones(len(level))

    def law(periods: int, lead: int) -> SumDistribution:
        errors = past_errors(history, np.full(len(level), periods), lead)
        return fit_sum(level * periods, errors, nothing, ones, are_counts)

    season = freq.season
    sums = tuple(law(week * season, 0) for week in grid.tolist())
    singles = sums if len(grid) == 1 and season == 1 else tuple(law(1, (week - 1) * season) for week in grid.tolist())
    return Horizons(grid, sums, True, are_counts, level_cv2), Horizons(grid, singles, False, are_counts, level_cv2)
