"""Curves of many item-locations as flat segments: breakpoints and values per pack, chunk by chunk. What a unit is worth is in curves.py.

No loop over rows: two million item-locations take well under a minute of one core from mean paths.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from pipelines.planning import curves
from pipelines.planning.curves import SNAP, Floats, Ints

CHUNK_ROWS = 50_000


@dataclass(frozen=True, eq=False)
class Segments:
    """Segments of N curves, flat: curve n owns `packs` and `usd` (per pack, six decimals, falling) from start[n] to start[n + 1]."""

    start: Ints
    packs: Ints
    usd: Floats

    @staticmethod
    def joined(parts: list["Segments"]) -> "Segments":
        """One table of several, in order."""
        counts = np.concatenate([np.zeros(0, dtype=np.int64), *(np.diff(part.start) for part in parts)])
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        none: Floats = np.zeros(0)
        packs = np.concatenate([none.astype(np.int64), *(part.packs for part in parts)])
        return Segments(start, packs, np.concatenate([none, *(part.usd for part in parts)]))

    def __len__(self) -> int:
        return len(self.start) - 1

    def sums(self, of: np.ndarray) -> np.ndarray:
        """Sum over each curve of a figure per segment."""
        return np.diff(np.concatenate([[0.0], np.cumsum(of, dtype=float)])[self.start])

    @property
    def first_usd(self) -> Floats:
        """USD of the first pack of each curve, 0 where there is none."""
        at = np.minimum(self.start[:-1], max(len(self.usd) - 1, 0))
        return np.where(np.diff(self.start) > 0, self.usd[at], 0.0) if len(self.usd) else np.zeros(len(self))

    def listed(self, n: int) -> list[list[float]]:
        """Segments of one curve as `[packs, usd per pack]`, best first."""
        own = slice(int(self.start[n]), int(self.start[n + 1]))
        return [[packs, usd] for packs, usd in zip(self.packs[own].tolist(), self.usd[own].tolist(), strict=True)]


@dataclass(frozen=True, eq=False)
class RowSegments:
    """Segments of some rows of a frame: `curve` of each row, -1 where it has none."""

    curve: Ints
    segments: Segments

    @staticmethod
    def of(rows: int, at: Ints, segments: Segments) -> "RowSegments":
        """Segments of the rows `at`, in their order, of a frame of `rows` rows."""
        curve = np.full(rows, -1, dtype=np.int64)
        curve[at] = np.arange(len(at))
        return RowSegments(curve, segments)

    def spread(self, figures: np.ndarray) -> Floats:
        """A figure per curve as one per row, 0 where there is no curve."""
        return np.where(self.curve >= 0, np.append(figures, 0.0)[self.curve], 0.0)

    def listed(self, row: int) -> list[list[float]]:
        """Segments of a row that has a curve, as a document has them."""
        return self.segments.listed(int(self.curve[row]))


def flatten(widths: Ints, values_usd: Floats, positive_only: bool = False) -> Segments:
    """Segments between breakpoints, `(N, S)` each, without empty ones, money to six decimals, equal neighbours merged.

    >>> flatten(np.array([[2, 0, 3, 1]]), np.array([[10.0, 10.0, 5.0, 5.0]])).listed(0)
    [[2, 10.0], [4, 5.0]]
    """
    rounded = np.where(widths > 0, np.round(np.where(np.isfinite(values_usd), values_usd, 0.0), 6) + 0.0, 0.0)
    row, column = np.nonzero((widths > 0) & ((rounded > 0) if positive_only else True))
    width, usd = widths[row, column], rounded[row, column]
    begins = np.ones(len(row), dtype=bool)
    begins[1:] = (row[1:] != row[:-1]) | (usd[1:] != usd[:-1])
    at = np.flatnonzero(begins)
    packs = np.add.reduceat(width, at) if len(at) else np.zeros(0, dtype=np.int64)
    counts = np.bincount(row[at], minlength=len(widths))
    return Segments(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), packs.astype(np.int64), usd[at])


def _chunks(rows: int) -> Iterator[slice]:
    for first in range(0, rows, CHUNK_ROWS):
        yield slice(first, first + CHUNK_ROWS)


def _by_chunk(rows: int, make: Callable[[slice], Segments]) -> Segments:
    return Segments.joined([make(chunk) for chunk in _chunks(rows)])


def gain_segments(
    lost_units: Floats,
    arrival_weeks: Floats,
    peak_units: Floats,
    pack_units: Ints,
    usd_per_unit: Floats,
    gamma: float,
    max_segments: int,
) -> Segments:
    """What packs received are worth, at most three times the largest weekly mean, where they are worth anything.

    `lost_units (N, K, W)`, the others `(N,)`: arrival in weeks, largest weekly mean in units, units of a pack, money of a unit. On one path
    (K = 1) the curve is exact at every pack where its kinks fit into `max_segments`; on more, breakpoints are evenly spaced.
    """

    def make(at: slice) -> Segments:
        lost, arrival, pack = lost_units[at], arrival_weeks[at], pack_units[at]
        top = curves.receiver_packs(lost, arrival, peak_units[at], pack)
        points = curves.choose_breakpoints(_gain_kinks(lost, arrival), top, pack, max_segments)
        gain = curves.receiver_gain_between(lost, arrival, points * pack[:, None].astype(float), gamma)
        widths, values = curves.value_per_pack(points, usd_per_unit[at][:, None] * gain)
        return flatten(widths, values, positive_only=True)

    return _by_chunk(len(lost_units), make)


def _gain_kinks(lost: Floats, arrival: Floats) -> Floats | None:
    """Units at which the gain on one path bends: losses summed from either whole week beside the arrival; None on more paths."""
    if lost.shape[1] != 1:
        return None
    weeks, first = np.arange(lost.shape[2])[None, :], np.floor(arrival + SNAP)[:, None]
    return np.concatenate([np.cumsum(np.where(weeks >= first + late, lost[:, 0, :], 0.0), axis=1) for late in (0, 1)], axis=1)


def loss_segments(floor_units: Floats, cap_packs: Ints, pack_units: Ints, usd_per_unit: Floats, max_segments: int) -> Segments:
    """What packs given up are worth (normally below zero), up to the donor's cap. `floor_units (N, K)`, the others `(N,)`."""

    def make(at: slice) -> Segments:
        floor, pack = floor_units[at], pack_units[at]
        kinks = floor if floor.shape[1] <= max_segments else None
        points = curves.choose_breakpoints(kinks, cap_packs[at], pack, max_segments)
        loss = curves.donor_loss(floor, points * pack[:, None].astype(float))
        widths, values = curves.value_per_pack(points, -usd_per_unit[at][:, None] * loss)
        return flatten(widths, values)

    return _by_chunk(len(floor_units), make)
