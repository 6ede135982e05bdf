"""The items of a problem as flat arrays for compiled loops: which arcs, curves and segments each owns. Only layout lives here.

Arcs, curves and segments are sorted by item in a `Problem`, so an item owns a slice of each.
"""

from typing import NamedTuple

import numpy as np

from pipelines.planning.problem import Curves, Floats, Ints, Problem
from pipelines.planning.variables import segment_widths

ARC, GAIN, LOSS, LANE = 0, 1, 2, 3
WIDTH, VALUE = 0, 1


class ItemNetworks(NamedTuple):
    """Few arrays with many rows, because every array that compiled functions pass along costs compile time.

    of[ARC | GAIN | LOSS, s : s + 2]: the arcs, gain curves and loss curves of item s. arc[GAIN | LOSS | LANE, a]: an arc's curves and lane.
    gain_start, loss_start: segments of a curve; gain, loss[WIDTH | VALUE, k]: packs and USD per pack of a segment. Packs are floats:
    compiled loops mix them with shares. `limit` is the most packs that can pay on an arc (bounds.py), 0 where the arc is not there.
    """

    of: Ints
    arc: Ints
    limit: Floats
    gain_start: Ints
    gain: Floats
    loss_start: Ints
    loss: Floats


def lay_out(problem: Problem, limits: Ints) -> ItemNetworks:
    """Item slices of a problem whose arcs carry at most `limits` packs."""
    marks = np.arange(len(problem.item_ids) + 1)

    def segments(curves: Curves) -> Floats:
        return np.ascontiguousarray(np.vstack([segment_widths(curves), curves.value_usd]), dtype=np.float64)

    return ItemNetworks(
        np.vstack([np.searchsorted(items, marks) for items in (problem.arc_item, problem.gain.item, problem.loss.item)]).astype(np.int64),
        np.vstack([np.zeros(problem.arcs), problem.arc_gain, problem.arc_loss, problem.arc_lane]).astype(np.int64),
        np.where((problem.arc_gain >= 0) & (problem.arc_loss >= 0), limits, 0).astype(np.float64),
        problem.gain.start.astype(np.int64),
        segments(problem.gain),
        problem.loss.start.astype(np.int64),
        segments(problem.loss),
    )


def largest(net: ItemNetworks) -> tuple[int, int, int, int, int, int]:
    """Most arcs, receivers, donors, gain segments and loss segments of any item, and most segments of any curve: sizes of work arrays."""

    def most(edges: Ints) -> int:
        return int(np.diff(edges).max(initial=0)) if len(edges) > 1 else 0

    return (
        most(net.of[ARC]),
        most(net.of[GAIN]),
        most(net.of[LOSS]),
        most(net.gain_start[net.of[GAIN]]),
        most(net.loss_start[net.of[LOSS]]),
        max(most(net.gain_start), most(net.loss_start)),
    )
