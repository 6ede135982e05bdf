"""Makes a plan that knows no terms meet them: closes what they close, sheds what exceeds a limit, drops lines below their minimum.

For methods that solve the problem without its terms (terms.without_terms); the model has the terms as rows in term_rows.py.
"""

import heapq

import numpy as np

from pipelines.planning.objective import curve_packs, evaluate, violations
from pipelines.planning.problem import Ints, Problem
from pipelines.planning.terms import Room, short_lines

MOST_RAISED = 200


def meet_terms(problem: Problem, packs: Ints) -> Ints:
    """The plan with packs taken away, least worth for the room they take first, until no limit of a term is exceeded.

    Lines that end below their minimum are raised to it where every limit allows and it pays (of the dearest `MOST_RAISED`), else dropped.
    Firm lines stay.
    """
    firm = problem.arc_fixed_packs >= 0
    packs = np.where(problem.arc_is_open | firm, packs, 0)
    for room in problem.rooms:
        _shed(problem, packs, room)
    short = np.flatnonzero(short_lines(problem, packs))
    short = short[np.argsort(-_last_pack_usd(problem, packs)[short], kind="stable")]
    packs[short[MOST_RAISED:]] = 0
    for a in short[:MOST_RAISED].tolist():
        raised, dropped = packs.copy(), packs.copy()
        raised[a], dropped[a] = problem.terms.arc_min_packs[a], 0
        pays = evaluate(problem, raised).total > evaluate(problem, dropped).total
        packs = raised if pays and set(violations(problem, raised)) <= {"minimum line"} else dropped
    return packs


def _shed(problem: Problem, packs: Ints, room: Room) -> None:
    """Take packs of one room away until they fit, changing the plan in place."""
    excess = float(room.weight @ packs[room.arcs]) - room.limit
    if excess <= 1e-9 * max(1.0, room.limit):
        return
    worth = _last_pack_usd(problem, packs)
    weight = dict(zip(room.arcs.tolist(), room.weight.tolist(), strict=True))
    free = [a for a in room.arcs.tolist() if packs[a] > 0 and problem.arc_fixed_packs[a] < 0 and weight[a] > 0]
    heap = [(worth[a] / weight[a], a) for a in free]
    heapq.heapify(heap)
    while heap and excess > 1e-9 * max(1.0, room.limit):
        _, a = heapq.heappop(heap)
        taken = min(int(packs[a]), int(np.ceil(excess / weight[a] - 1e-9)))
        packs[a] -= taken
        excess -= taken * weight[a]


def _last_pack_usd(problem: Problem, packs: Ints) -> np.ndarray:
    """Worth of a pack of each arc at the present fill of its curves, charges of lanes left out."""
    worth = -problem.arc_cost_usd_per_pack
    for curves, arc_curve in ((problem.gain, problem.arc_gain), (problem.loss, problem.arc_loss)):
        filled = curve_packs(curves, arc_curve, packs)
        before = curves.prefix_packs - curves.packs
        reached = before < filled[curves.owner]
        # Values fall along a curve, so the last segment reached has the least; the extra entry serves arcs without a curve.
        last = np.full(len(curves) + 1, np.inf)
        np.minimum.at(last, curves.owner[reached], curves.value_usd[reached])
        value = last[arc_curve]
        worth = worth + np.where(np.isfinite(value), value, 0.0)
    return worth
