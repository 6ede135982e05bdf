"""The combined level: the median of five methods on exposure in average days. Combining beats selecting; nothing is selected here."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.domain.demand import Frequency
from pipelines.forecasting.methods import croston, moving_average, smooth, tsb


@dataclass(frozen=True)
class Pace:
    """How fast the methods forget: two smoothing constants per period, and the periods of the mean."""

    slow: float
    fast: float
    window: int


PACES = {Frequency.D: Pace(0.05, 0.1, 56), Frequency.W: Pace(0.2, 0.4, 8)}

METHOD_NAME = "median of TSB, SBA, SES, SES and a mean x calendar"


def combined_level(units: np.ndarray, exposure: np.ndarray, at: Sequence[int] | None = None, freq: Frequency = Frequency.D) -> np.ndarray:
    """Median of five methods, each in units per average in-stock day: (N, len(at)), NaN for a series without any evidence.

    `units`, `exposure`: (T, N), exposure already multiplied by the pattern. The set and its parameters were chosen on one sample of
    items in an early window of real demand, and are reported on another; see docs/forecasting.md.
    """
    pace = PACES[freq]
    levels = np.stack(
        [
            tsb(units, exposure, alpha_size=pace.slow, alpha_probability=pace.fast, at=at),
            croston(units, exposure, alpha=pace.fast, at=at, debias=True),
            smooth(units, exposure, alpha=pace.slow, at=at),
            smooth(units, exposure, alpha=pace.fast, at=at),
            moving_average(units, exposure, window_days=pace.window, at=at),
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmedian(levels, axis=0))
