"""What people know better: their overrides laid over the statistical path. Who may write them, and where they are kept, is not here."""

import numpy as np
import pandas as pd

FACTOR, UNITS = "factor", "units_per_week"


def apply_overrides(path: np.ndarray, keys: pd.DataFrame, dates: np.ndarray, overrides: pd.DataFrame) -> np.ndarray:
    """The mean path (N, H) of the series `keys` over `dates` (H,) with `overrides` on it, in their order: where two meet the later holds.

    `overrides`: location_id ('' for all), item_id, kind, value, start_date, end_date (its last day). A factor multiplies the statistical
    path; units per week replace it and keep its pattern within the days overridden, or are even where it is 0.

    >>> keys = pd.DataFrame({"location_id": ["A"], "item_id": ["p"]})
    >>> days = np.arange(np.datetime64("2026-03-02"), np.datetime64("2026-03-09"))
    >>> row = {"location_id": "", "item_id": "p", "kind": "factor", "value": 2.0, "start_date": days[5], "end_date": days[6]}
    >>> apply_overrides(np.ones((1, 7)), keys, days, pd.DataFrame([row])).tolist()
    [[1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0]]
    """
    if overrides.empty:
        return path
    result = path.copy()
    for row in overrides.to_dict("records"):
        is_there = (keys["location_id"] == row["location_id"]) | (row["location_id"] == "")
        series = np.flatnonzero((keys["item_id"] == row["item_id"]) & is_there)
        days = np.flatnonzero((dates >= np.datetime64(row["start_date"], "D")) & (dates <= np.datetime64(row["end_date"], "D")))
        if len(series) and len(days):
            place = np.ix_(series, days)
            result[place] = path[place] * row["value"] if row["kind"] == FACTOR else _spread(path[place], row["value"])
    return result


def _spread(path: np.ndarray, units_per_week: float) -> np.ndarray:
    """Units per week over the days of `path` (n, d) in its own proportions."""
    total = path.sum(axis=1, keepdims=True)
    share = np.divide(path, total, out=np.full(path.shape, 1.0 / path.shape[1]), where=total > 0)
    return share * units_per_week * path.shape[1] / 7.0
