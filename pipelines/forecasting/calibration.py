"""What past errors say about a stated distribution: windows pooled by volume, and shares as they came out for shares as stated.

Which distribution is stated, and from which errors, is decided elsewhere.
"""

from dataclasses import dataclass

import numpy as np

MAXIMUM_BINS = 12
MAXIMUM_LOW_BINS = 4
WINDOWS_PER_BIN = 60.0
LOW_WINDOWS_PER_BIN = 200
PSEUDO_WINDOWS = 20.0
WINDOWS_READ_PER_BIN = 4000
SHARES = np.concatenate([np.linspace(0.0, 0.9, 46), np.linspace(0.9, 1.0, 41)[1:]])
LEAST_SHARE = 1e-4


@dataclass(frozen=True)
class VolumeBins:
    """Bins of windows by forecast: `edges` of usual ones, `low_edges` of those whose forecast fell far under their past (None: too few)."""

    edges: np.ndarray
    low_edges: np.ndarray | None

    @property
    def count(self) -> int:
        """All bins, usual ones first."""
        return len(self.edges) + 1 + (0 if self.low_edges is None else len(self.low_edges) + 1)

    def place(self, units: np.ndarray, is_low: np.ndarray) -> np.ndarray:
        """The bin of every forecast. Edges are values, so that the order of series plays no part."""
        usual = np.searchsorted(self.edges, units, side="left")
        if self.low_edges is None:
            return usual
        return np.where(is_low, len(self.edges) + 1 + np.searchsorted(self.low_edges, units, side="left"), usual)


def make_bins(units: np.ndarray, is_low: np.ndarray, independent_windows: float) -> VolumeBins:
    """Bins of equal size by volume: up to 12 of usual windows, one per 60 independent ones, and up to 4 of low ones."""
    low_count = min(MAXIMUM_LOW_BINS, int(is_low.sum()) // LOW_WINDOWS_PER_BIN)
    usual = units[~is_low] if low_count else units
    count = int(np.clip(independent_windows // WINDOWS_PER_BIN, 1, MAXIMUM_BINS)) if len(usual) else 1
    return VolumeBins(_equal_edges(usual, count), _equal_edges(units[is_low], low_count) if low_count else None)


def _equal_edges(values: np.ndarray, count: int) -> np.ndarray:
    return np.quantile(values, np.arange(1, count) / count) if count > 1 else np.empty(0)


def reached_shares(below: np.ndarray, up_to: np.ndarray, place: np.ndarray, bins: int, independent: float) -> np.ndarray:
    """How often what came lay under the stated share, (bins, len(SHARES)): the distribution of probability integral transforms.

    A count y is spread evenly between F(y - 1) = `below` and F(y) = `up_to` (Czado, Gneiting and Held 2009, Biometrics 65). 20 windows as
    stated are added to the independent ones of each bin: little evidence changes little. At most 4,000 windows of a bin are read.
    """
    found = np.empty((bins, len(SHARES)))
    for one in range(bins):
        members = np.flatnonzero(place == one)
        kept = members[:: max(len(members) // WINDOWS_READ_PER_BIN, 1)]
        width = np.maximum(up_to[kept] - below[kept], 1e-12)
        seen = np.clip((SHARES[None, :] - below[kept, None]) / width[:, None], 0.0, 1.0)
        weight = len(members) * independent
        mean = seen.mean(axis=0) if len(kept) else SHARES
        found[one] = (weight * mean + PSEUDO_WINDOWS * SHARES) / (weight + PSEUDO_WINDOWS)
    return found


def stated_shares(reached: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which share to state so that the wanted one is reached: per bin (bins, len(wanted)), within [0.0001, 0.9999].

    >>> stated_shares(SHARES[None, :], np.array([0.25, 0.95])).round(4).tolist()
    [[0.25, 0.95]]
    """
    found = np.stack([np.interp(wanted, one, SHARES) for one in reached])
    return np.clip(found, LEAST_SHARE, 1.0 - LEAST_SHARE)
