"""What no plan can exceed: the most packs that can pay on an arc, and the Lagrangian bound on the objective. No plans are made here."""

import numpy as np

from pipelines.planning.problem import Curves, Ints, Problem

BOUND_SLACK = 1e-6


def arc_limits(problem: Problem) -> Ints:
    """U_a: the most packs worth sending on each arc, 0 where none are. The optimum is unchanged.

    Bounded by the arc, both curves, both docks, the lane's trucks and what terms close. Where no minimum can make up for a loss, packs
    whose gain plus loss stay at or below the cost of the pack are cut as well: with concave curves, taking the last such pack away never
    costs. Firm lines keep exactly their packs.
    """
    limit = np.minimum(problem.arc_max_packs, np.minimum(_room(problem.gain, problem.arc_gain), _room(problem.loss, problem.arc_loss)))
    units = problem.pack_units[problem.arc_item]
    dock = np.minimum(problem.dock_out_units[problem.arc_origin], problem.dock_in_units[problem.arc_destination])
    most = (problem.max_trucks * problem.pallets_per_truck)[problem.arc_lane]
    for room, each in (
        (dock, units),
        (most * problem.pallet_kg[problem.arc_lane], problem.arc_kg_per_pack),
        (most * problem.pallet_m3[problem.arc_lane], problem.arc_m3_per_pack),
    ):
        ratio = np.divide(room, each, out=np.full(problem.arcs, np.inf), where=each > 0)
        limit = np.minimum(limit, np.floor(np.minimum(ratio * (1 + 1e-9), 2.0**62)).astype(np.int64))
    limit = np.where(most > 0, limit, 0)
    limit = np.where(problem.arc_is_open & (limit >= problem.terms.arc_min_packs), limit, 0)
    # A minimum, or a charge for leaving the last plan, can make packs worth moving that do not pay by themselves.
    terms = problem.terms
    free = (problem.min_shipment_kg[problem.arc_lane] == 0) & (terms.arc_min_packs <= 1) & (terms.arc_churn_usd == 0)
    limit = np.where(free, np.minimum(limit, _paying_packs(problem, limit)), limit)
    return np.where(problem.arc_fixed_packs >= 0, problem.arc_fixed_packs, limit)


def _room(curves: Curves, arc_curve: Ints) -> Ints:
    return np.where(arc_curve >= 0, np.append(curves.cap_packs, 0)[arc_curve], 0)


def _paying_packs(problem: Problem, limit: Ints) -> Ints:
    """Largest number of packs whose last one still earns more than it costs, if the arc had both curves to itself.

    All arcs walk along their two curves together, a segment's end at a time, and leave the walk where a pack no longer pays.
    """
    paying = np.zeros(problem.arcs, dtype=np.int64)
    arcs = np.flatnonzero(limit > 0)
    gain, loss, cost = problem.gain, problem.loss, problem.arc_cost_usd_per_pack
    ends = (gain.prefix_packs, loss.prefix_packs)
    at = [gain.start[problem.arc_gain[arcs]], loss.start[problem.arc_loss[arcs]]]
    last = [gain.start[problem.arc_gain[arcs] + 1], loss.start[problem.arc_loss[arcs] + 1]]
    while len(arcs):
        pays = gain.value_usd[at[0]] + loss.value_usd[at[1]] - cost[arcs] > 0
        arcs, at, last = arcs[pays], [one[pays] for one in at], [one[pays] for one in last]
        reached = [end[one] for end, one in zip(ends, at, strict=True)]
        paying[arcs] = np.minimum(*reached)
        at = [one + (mine == paying[arcs]) for one, mine in zip(at, reached, strict=True)]
        on = (at[0] < last[0]) & (at[1] < last[1]) & (paying[arcs] < limit[arcs])
        arcs, at, last = arcs[on], [one[on] for one in at], [one[on] for one in last]
    return paying
