"""Rows and variables of the optional terms in the mixed-integer model: one function per constraint, as in formulation.py.

Symbols as there, and: g band chosen, w kg declared in a band, t tariff charge of a lane, d change of a line against the last plan.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pulp

from pipelines.planning.problem import Ints, Problem
from pipelines.planning.terms import cheapest_band, closed_day_arcs, locked_arcs, strange_owner_arcs
from pipelines.planning.variables import Formulation, Row

LE, EQ, GE = pulp.LpConstraintLE, pulp.LpConstraintEQ, pulp.LpConstraintGE


@dataclass
class TermVariables:
    """Variables of the terms: per lane a list of (band chosen, kg declared) and the charge; per arc the change; one fixed at 1."""

    bands: dict[int, list[tuple[Any, Any]]] = field(default_factory=dict)
    charge: dict[int, Any] = field(default_factory=dict)
    change: dict[int, Any] = field(default_factory=dict)
    one: Any = None


def lane_capacity_kg(problem: Problem, lane: int) -> float:
    """Kg that all trucks of a lane carry."""
    return float(problem.max_trucks[lane] * problem.pallets_per_truck[lane] * problem.pallet_kg[lane])


def add_term_variables(m: Formulation) -> None:
    """Make the variables that the terms of live arcs need."""
    terms, new, v = m.problem.terms, m.lp.add_variable, TermVariables()
    m.terms = v
    for lane, rows in enumerate(terms.bands):
        if rows and m.used[lane] is not None:
            v.charge[lane] = new(f"tariff_{lane:06d}", 0)
            v.bands[lane] = [
                (new(f"band_{lane:06d}_{k:02d}", 0, 1, pulp.LpInteger), new(f"declared_{lane:06d}_{k:02d}", 0)) for k in range(len(rows))
            ]
    for a in np.flatnonzero(terms.arc_churn_usd > 0).tolist():
        if m.packs[a] is not None:
            v.change[a] = new(f"change_{a:06d}", 0)
    if _unchanging_usd(m):
        v.one = new("churn_of_closed_lines", 1, 1)


def _unchanging_usd(m: Formulation) -> float:
    """Churn of lines that cannot move any more: they had packs in the last plan and have no variable now."""
    terms = m.problem.terms
    gone = np.array([variable is None for variable in m.packs], dtype=bool)
    return float((terms.arc_churn_usd * terms.arc_last_packs)[gone].sum()) if len(gone) else 0.0


def term_costs(m: Formulation) -> list[tuple[Any, float]]:
    """Tariffs as negative coefficients: they are spent. Churn is a penalty and not spent: `churn_costs`."""
    return [(charge, -1.0) for charge in m.terms.charge.values()]


def churn_costs(m: Formulation) -> list[tuple[Any, float]]:
    """Charge for change as negative coefficients."""
    costs = [(change, -float(m.problem.terms.arc_churn_usd[a])) for a, change in m.terms.change.items()]
    return costs + ([(m.terms.one, -_unchanging_usd(m))] if m.terms.one is not None else [])


def _named_rooms(m: Formulation, name: str) -> Iterator[Row]:
    for room in m.problem.rooms:
        pairs = [(m.packs[a], float(w)) for a, w in zip(room.arcs, room.weight, strict=True) if m.packs[a] is not None]
        if room.name == name and pairs:
            yield "_".join(f"{part:06d}" for part in room.key), pairs, LE, room.limit


def arrivals_fit_storage(m: Formulation) -> Iterator[Row]:
    """What arrives at a location fits its free storage.

    For every location j with a storage limit: `sum m3_a n_a (arcs into j) <= S_j`.
    """
    yield from _named_rooms(m, "storage")


def dock_out_within_day(m: Formulation) -> Iterator[Row]:
    """The units that leave a location on one day fit its outbound dock of a day.

    For every location i with a daily limit and every ship day h: `sum p_a n_a (arcs out of i that ship on h) <= D_i`.
    """
    yield from _named_rooms(m, "dock out of a day")


def dock_in_within_day(m: Formulation) -> Iterator[Row]:
    """The units that reach a location on one day fit its inbound dock of a day.

    For every location j with a daily limit and every arrival day h: `sum p_a n_a (arcs into j that arrive on h) <= D_j`.
    """
    yield from _named_rooms(m, "dock in of a day")


def lots_last_until_needed(m: Formulation) -> Iterator[Row]:
    """Lines ride only lots that are good for as long as the receiver needs; what is good longest serves every line.

    For every loss curve c with lots and every day e that a line asks for:
    `sum n_a (arcs of c that need e or later) <= packs of c good on e`.
    """
    yield from _named_rooms(m, "shelf life")


def lane_kg_within_tariff(m: Formulation) -> Iterator[Row]:
    """A lane carries no more than its tariff goes up to.

    For every lane l with a tariff: `sum kg_a n_a <= end of its last band`.
    """
    yield from _named_rooms(m, "tariff weight")


def _closed(m: Formulation, arcs: Any) -> Iterator[Row]:
    for a in np.flatnonzero(arcs).tolist():
        if m.packs[a] is not None:
            yield f"{a:06d}", [(m.packs[a], 1.0)], EQ, 0.0


def locked_item_stays(m: Formulation) -> Iterator[Row]:
    """An item that is locked at a location (a promotion, quality) does not leave it, or does not arrive there, firm lines excepted.

    For every arc a from or to a lock: `n_a = 0`.
    """
    yield from _closed(m, locked_arcs(m.problem))


def goods_stay_with_owner(m: Formulation) -> Iterator[Row]:
    """Goods move between two owners only where a right says so, firm lines excepted.

    For every arc a between owners without a right: `n_a = 0`.
    """
    yield from _closed(m, strange_owner_arcs(m.problem))


def closed_day_moves_nothing(m: Formulation) -> Iterator[Row]:
    """Nothing leaves or arrives on a day on which the location is closed, firm lines excepted.

    For every arc a whose lane ships or arrives on a closed day: `n_a = 0`.
    """
    yield from _closed(m, closed_day_arcs(m.problem))


def line_meets_minimum(m: Formulation) -> Iterator[Row]:
    """A line that moves at all moves at least its minimum, firm lines excepted.

    For every arc a with a minimum q_a above 1: `n_a - q_a v_a >= 0`.
    """
    least = m.problem.terms.arc_min_packs
    for a, variable in m.line_open.items():
        if least[a] > 1:
            yield f"{a:06d}", [(m.packs[a], 1.0), (variable, -float(least[a]))], GE, 0.0


def _tariffs(m: Formulation) -> Iterator[tuple[int, list[tuple[Any, Any]], tuple[tuple[float, float, float], ...]]]:
    for lane, variables in m.terms.bands.items():
        yield lane, variables, m.problem.terms.bands[lane]


def used_lane_has_band(m: Formulation) -> Iterator[Row]:
    """A lane that is used is charged by exactly one band of its tariff.

    For every lane l with a tariff: `sum g_k - b_l = 0`.
    """
    for lane, variables, _ in _tariffs(m):
        yield f"{lane:06d}", [*((chosen, 1.0) for chosen, _ in variables), (m.used[lane], -1.0)], EQ, 0.0


def declared_kg_covers_load(m: Formulation) -> Iterator[Row]:
    """A load is declared at its weight or above it.

    For every lane l with a tariff: `sum kg_a n_a - sum w_k <= 0`.
    """
    by_lane = m.live_by(m.problem.arc_lane, len(m.problem.lane_ids))
    for lane, variables, _ in _tariffs(m):
        pairs = [(m.packs[a], float(m.problem.arc_kg_per_pack[a])) for a in by_lane[lane]]
        yield f"{lane:06d}", [*pairs, *((declared, -1.0) for _, declared in variables)], LE, 0.0


def declared_kg_below_band_end(m: Formulation) -> Iterator[Row]:
    """Weight is declared in the band chosen, up to its end.

    For every band k of a lane: `w_k - end_k g_k <= 0`, the end at most what the lane's trucks carry, but not below the band's start.
    """
    for lane, variables, rows in _tariffs(m):
        start = 0.0
        for k, ((chosen, declared), (end, _, _)) in enumerate(zip(variables, rows, strict=True)):
            most = min(end, max(start, lane_capacity_kg(m.problem, lane)))
            yield f"{lane:06d}_{k:02d}", [(declared, 1.0), (chosen, -most)], LE, 0.0
            start = end


def declared_kg_above_band_start(m: Formulation) -> Iterator[Row]:
    """Weight is declared in the band chosen, from its start.

    For every band k of a lane but the first: `w_k - start_k g_k >= 0`.
    """
    for lane, variables, rows in _tariffs(m):
        for k, ((chosen, declared), (start, _, _)) in enumerate(zip(variables[1:], rows, strict=False), 1):
            yield f"{lane:06d}_{k:02d}", [(declared, 1.0), (chosen, -start)], GE, 0.0


def tariff_covers_rate(m: Formulation) -> Iterator[Row]:
    """A lane's charge is at least the rate of the band chosen on the weight declared.

    For every lane l with a tariff: `sum rate_k w_k - t_l <= 0`.
    """
    for lane, variables, rows in _tariffs(m):
        pairs = [(declared, rate) for (_, declared), (_, rate, _) in zip(variables, rows, strict=True)]
        yield f"{lane:06d}", [*pairs, (m.terms.charge[lane], -1.0)], LE, 0.0


def tariff_covers_minimum(m: Formulation) -> Iterator[Row]:
    """A lane's charge is at least the minimum of the band chosen.

    For every lane l with a tariff: `sum minimum_k g_k - t_l <= 0`.
    """
    for lane, variables, rows in _tariffs(m):
        pairs = [(chosen, least) for (chosen, _), (_, _, least) in zip(variables, rows, strict=True)]
        yield f"{lane:06d}", [*pairs, (m.terms.charge[lane], -1.0)], LE, 0.0


def change_counts_more(m: Formulation) -> Iterator[Row]:
    """Packs more than in the last plan are a change.

    For every arc a with a churn charge: `n_a - d_a <= last_a`.
    """
    for a, change in m.terms.change.items():
        yield f"{a:06d}", [(m.packs[a], 1.0), (change, -1.0)], LE, float(m.problem.terms.arc_last_packs[a])


def change_counts_less(m: Formulation) -> Iterator[Row]:
    """Packs fewer than in the last plan are a change.

    For every arc a with a churn charge: `n_a + d_a >= last_a`.
    """
    for a, change in m.terms.change.items():
        yield f"{a:06d}", [(m.packs[a], 1.0), (change, 1.0)], GE, float(m.problem.terms.arc_last_packs[a])


TERM_CONSTRAINTS: tuple[Any, ...] = (
    arrivals_fit_storage,
    dock_out_within_day,
    dock_in_within_day,
    closed_day_moves_nothing,
    goods_stay_with_owner,
    locked_item_stays,
    lots_last_until_needed,
    line_meets_minimum,
    lane_kg_within_tariff,
    used_lane_has_band,
    declared_kg_covers_load,
    declared_kg_below_band_end,
    declared_kg_above_band_start,
    tariff_covers_rate,
    tariff_covers_minimum,
    change_counts_more,
    change_counts_less,
)


def term_values(m: Formulation, packs: Ints, kg: np.ndarray) -> dict[Any, float]:
    """Values of the terms' variables in a whole plan, by variable: the cheapest band of each lane's load, changes as they are."""
    terms = m.problem.terms
    values: dict[Any, float] = {}
    for lane, variables, rows in _tariffs(m):
        moves = bool(packs[m.problem.arc_lane == lane].any())
        chosen, load, charge = cheapest_band(rows, float(kg[lane]))
        values[m.terms.charge[lane]] = charge if moves else 0.0
        for k, (is_chosen, declared) in enumerate(variables):
            values[is_chosen], values[declared] = float(moves and k == chosen), load if moves and k == chosen else 0.0
    for a, change in m.terms.change.items():
        values[change] = float(abs(packs[a] - terms.arc_last_packs[a]))
    return values | ({m.terms.one: 1.0} if m.terms.one is not None else {})
