"""Worth of one pack more or less on an arc of a plan that changes pack by pack; charges of lanes, lines and pallets are left out.

What a finished plan looks like at its margins, all charges counted, is marginals.py's task.
"""

from bisect import bisect_right

import numpy as np

from pipelines.planning.objective import curve_packs
from pipelines.planning.problem import Curves, Floats, Ints, Problem


class PackWorth:
    """Worth of packs at the present fill of both curves of an arc: of single arcs as the plan moves, or of many at once as it stood."""

    def __init__(self, problem: Problem, packs: Ints) -> None:
        self.problem = problem
        sides = ((problem.gain, problem.arc_gain), (problem.loss, problem.arc_loss))
        self.at_first = [(curves, arc_curve, curve_packs(curves, arc_curve, packs)) for curves, arc_curve in sides]
        self.sides = [(_Steps(curves), arc_curve.tolist(), filled.tolist()) for curves, arc_curve, filled in self.at_first]
        self.cost = problem.arc_cost_usd_per_pack.tolist()

    def added(self, a: int) -> float:
        """Worth of the next pack; minus infinity where a curve is full."""
        worth = -self.cost[a]
        for steps, arc_curve, filled in self.sides:
            worth += steps.value(arc_curve[a], filled[arc_curve[a]])
        return worth

    def taken(self, a: int) -> float:
        """Worth of the last pack, lost if it is taken away."""
        worth = -self.cost[a]
        for steps, arc_curve, filled in self.sides:
            worth += steps.value(arc_curve[a], filled[arc_curve[a]] - 1)
        return worth

    def move(self, a: int, packs: int) -> None:
        """Note that `packs` more (or fewer) ride on the arc."""
        for _, arc_curve, filled in self.sides:
            filled[arc_curve[a]] += packs

    def added_at_first(self, arcs: Ints) -> Floats:
        """Worth of the next pack of each arc before any moved."""
        return self._at_first(arcs, 0)

    def taken_at_first(self, arcs: Ints) -> Floats:
        """Worth of the last pack of each arc before any moved; arcs have one."""
        return self._at_first(arcs, -1)

    def _at_first(self, arcs: Ints, offset: int) -> Floats:
        worth = -self.problem.arc_cost_usd_per_pack[arcs]
        for curves, arc_curve, filled in self.at_first:
            worth = worth + values_at(curves, arc_curve[arcs], np.append(filled, 0)[arc_curve[arcs]] + offset)
        return worth


class _Steps:
    def __init__(self, curves: Curves) -> None:
        self.start, self.cap = curves.start.tolist(), curves.cap_packs.tolist()
        self.prefix, self.worth = curves.prefix_packs.tolist(), curves.value_usd.tolist()

    def value(self, curve: int, at: int) -> float:
        if curve < 0 or at >= self.cap[curve]:
            return -np.inf
        return self.worth[bisect_right(self.prefix, at, self.start[curve], self.start[curve + 1])]


def values_at(curves: Curves, curve: Ints, at: Ints) -> Floats:
    """USD of the pack that follows the first `at` packs of each curve; minus infinity where there is none, or no curve (-1).

    >>> one = Curves(*(np.array(a) for a in ([0], [0], [0, 2], [3, 5], [10.0, 4.0], [7])))
    >>> values_at(one, np.array([0, 0, 0, -1]), np.array([2, 3, 7, 0])).tolist()
    [10.0, 4.0, -inf, -inf]
    """
    if not len(curves.packs):
        return np.full(len(curve), -np.inf)
    span = int(curves.prefix_packs.max()) + 1
    found = np.searchsorted(curves.owner * span + curves.prefix_packs, curve * span + np.clip(at, 0, span - 1), "right")
    full = (curve < 0) | (at >= np.append(curves.cap_packs, 0)[curve])
    return np.where(full, -np.inf, curves.value_usd[np.minimum(found, len(curves.packs) - 1)])
