"""Which lazy rows an LP solution violates: open lanes, and prefixes of curves. The rows themselves are written in formulation.py."""

from dataclasses import dataclass

import numpy as np

from pipelines.planning.formulation import PrefixCut
from pipelines.planning.problem import Curves, Floats, Ints, Problem
from pipelines.planning.variables import segment_widths


def violated_links(limits: Ints, arc_lane: Ints, packs: Floats, used: Floats, tolerance: float) -> Ints:
    """Arcs whose packs exceed U_a b_l by more than `tolerance` of sqrt(U_a)."""
    excess = packs - limits * used[arc_lane]
    return np.flatnonzero(excess > tolerance * np.sqrt(np.maximum(limits, 1)))


@dataclass(frozen=True, eq=False)
class PrefixSeparator:
    """The (arc, segment) pairs of one kind of curve, laid out once so that each round is a few array passes."""

    curves: Curves
    arc: Ints
    segment: Ints
    width: Ints
    reach: Floats

    @staticmethod
    def of(problem: Problem, curves: Curves, arc_curve: Ints, limits: Ints) -> "PrefixSeparator":
        """Pair every live arc with every segment of its curve."""
        live = np.flatnonzero((limits > 0) & (arc_curve >= 0))
        counts = np.diff(curves.start)[arc_curve[live]]
        arc = np.repeat(live, counts)
        offset = np.arange(len(arc)) - np.repeat(np.cumsum(counts) - counts, counts)
        segment = curves.start[arc_curve[arc]] + offset
        widths = segment_widths(curves)
        total = np.concatenate([[0], np.cumsum(widths)])
        prefix = total[1:] - total[curves.start[curves.owner]]
        return PrefixSeparator(curves, arc, segment, prefix, np.minimum(prefix[segment], limits[arc]).astype(float))

    def violated(self, fill: Floats, packs: Floats, lane_share: Floats, tolerance: float, serial: int) -> list[PrefixCut]:
        """The most violated prefix of each curve whose violation / sqrt(width) exceeds `tolerance`.

        fill: per segment; packs: per arc; lane_share: b of each arc's lane, per arc.
        """
        if not len(self.arc):
            return []
        by_lane = self.reach * lane_share[self.arc]
        cheaper = np.minimum(packs[self.arc], by_lane)
        right = np.bincount(self.segment, weights=cheaper, minlength=len(self.curves.owner))
        total = np.concatenate([[0.0], np.cumsum(fill)])
        left = total[1:] - total[self.curves.start[self.curves.owner]]
        score = (left - right) / np.sqrt(np.maximum(self.width, 1))
        order = np.lexsort((-score, self.curves.owner))
        first = np.unique(self.curves.owner[order], return_index=True)[1]
        chosen = order[first][score[order[first]] > tolerance]
        wanted = np.zeros(len(self.curves.owner), dtype=bool)
        wanted[chosen] = True
        members: dict[int, tuple[list[int], list[int]]] = {int(k): ([], []) for k in chosen}
        for pair in np.flatnonzero(wanted[self.segment]):
            side = 0 if packs[self.arc[pair]] < by_lane[pair] else 1
            members[int(self.segment[pair])][side].append(int(self.arc[pair]))
        return [(serial, segment, members[segment][0], members[segment][1]) for segment in sorted(members)]
