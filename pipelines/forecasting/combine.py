"""The combined level: the median of five methods on exposure in average days. Combining beats selecting; nothing is selected here."""

import warnings
from collections.abc import Sequence

import numpy as np

from pipelines.forecasting.methods import croston, moving_average, smooth, tsb

METHOD_NAME = "median of TSB, SBA, SES, SES, MA56 x weekday"


def combined_level(units: np.ndarray, exposure: np.ndarray, at: Sequence[int] | None = None) -> np.ndarray:
    """Median of five methods, each in units per average in-stock day: (N, len(at)), NaN for a series without any evidence.

    `units`, `exposure`: (T, N), exposure already multiplied by the pattern. The set and its parameters were chosen on one sample of
    items in an early window of real demand, and are reported on another; see docs/forecasting.md.
    """
    levels = np.stack(
        [
            tsb(units, exposure, alpha_size=0.05, alpha_probability=0.1, at=at),
            croston(units, exposure, alpha=0.1, at=at, debias=True),
            smooth(units, exposure, alpha=0.05, at=at),
            smooth(units, exposure, alpha=0.1, at=at),
            moving_average(units, exposure, window_days=56, at=at),
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmedian(levels, axis=0))
