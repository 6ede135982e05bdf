"""The mixed-integer model in PuLP: one function per constraint, named as its rows are named in an LP file. Solving it is solve.py's task.

Symbols: n packs on an arc; x fill of a gain segment, z fill of a loss segment; b lane used, o trucks, y pallets; v line opened; t an item
receives at a location (1) or sends from it (0). U_a is the most packs that can pay on an arc, from bounds.py.
"""

import gc
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pulp

from pipelines.planning.problem import Curves, Floats, Ints, Problem
from pipelines.planning.term_rows import TERM_CONSTRAINTS, add_term_variables, churn_costs, term_costs
from pipelines.planning.variables import Formulation, Row, Variables, add_variables, both_ways, segment_widths

LE, EQ, GE = pulp.LpConstraintLE, pulp.LpConstraintEQ, pulp.LpConstraintGE


def received_is_gain_filled(m: Formulation) -> Iterator[Row]:
    """What arrives of an item at a location fills its gain segments, and never more than they hold.

    For every gain curve c with arcs: `sum n_a (arcs into c) - sum x_k (segments of c) = 0`, `0 <= x_k <= W_k`.
    """
    yield from _balance(m, m.problem.gain, m.problem.arc_gain, m.gain_fill)


def sent_is_loss_filled(m: Formulation) -> Iterator[Row]:
    """What leaves of an item from a location fills its loss segments, summed over all lanes, and never more than the donor's cap.

    For every loss curve c with arcs: `sum n_a (arcs out of c) - sum z_m (segments of c) = 0`, `0 <= z_m <= W_m`, widths cut at the cap.
    """
    yield from _balance(m, m.problem.loss, m.problem.arc_loss, m.loss_fill)


def _balance(m: Formulation, curves: Curves, arc_curve: Ints, fill: Variables) -> Iterator[Row]:
    for c, arcs in enumerate(m.live_by(arc_curve, len(curves))):
        if arcs:
            pairs = [(m.packs[a], 1.0) for a in arcs]
            pairs += [(fill[k], -1.0) for k in range(curves.start[c], curves.start[c + 1]) if fill[k] is not None]
            yield f"{c:06d}", pairs, EQ, 0.0


def _lanes(m: Formulation) -> Iterator[tuple[int, list[int]]]:
    for lane, arcs in enumerate(m.live_by(m.problem.arc_lane, len(m.problem.lane_ids))):
        if arcs:
            yield lane, arcs


def lane_kg_fits_pallets(m: Formulation) -> Iterator[Row]:
    """The weight on a lane fits its pallets.

    For every lane l with arcs: `sum kg_a n_a - pallet_kg_l y_l <= 0`.
    """
    for lane, arcs in _lanes(m):
        pairs = [(m.packs[a], float(m.problem.arc_kg_per_pack[a])) for a in arcs]
        yield f"{lane:06d}", [*pairs, (m.pallets[lane], -float(m.problem.pallet_kg[lane]))], LE, 0.0


def lane_m3_fits_pallets(m: Formulation) -> Iterator[Row]:
    """The volume on a lane fits its pallets.

    For every lane l with arcs: `sum m3_a n_a - pallet_m3_l y_l <= 0`.
    """
    for lane, arcs in _lanes(m):
        pairs = [(m.packs[a], float(m.problem.arc_m3_per_pack[a])) for a in arcs]
        yield f"{lane:06d}", [*pairs, (m.pallets[lane], -float(m.problem.pallet_m3[lane]))], LE, 0.0


def pallets_fit_trucks(m: Formulation) -> Iterator[Row]:
    """The pallets of a lane fit its trucks.

    For every lane l with arcs: `y_l - Q_l o_l <= 0`, Q_l pallets per truck.
    """
    for lane, _ in _lanes(m):
        yield f"{lane:06d}", [(m.pallets[lane], 1.0), (m.trucks[lane], -float(m.problem.pallets_per_truck[lane]))], LE, 0.0


def trucks_within_limit(m: Formulation) -> Iterator[Row]:
    """Only a lane that is used has trucks, and no more than are available.

    For every lane l with arcs: `o_l - O_l b_l <= 0`, O_l trucks available.
    """
    for lane, _ in _lanes(m):
        yield f"{lane:06d}", [(m.trucks[lane], 1.0), (m.used[lane], -float(m.problem.max_trucks[lane]))], LE, 0.0


def used_lane_has_truck(m: Formulation) -> Iterator[Row]:
    """A lane that is used has at least one truck.

    For every lane l with arcs: `b_l - o_l <= 0`.
    """
    for lane, _ in _lanes(m):
        yield f"{lane:06d}", [(m.used[lane], 1.0), (m.trucks[lane], -1.0)], LE, 0.0


def used_lane_has_pallet(m: Formulation) -> Iterator[Row]:
    """A lane that is used has at least one pallet.

    For every lane l with arcs: `b_l - y_l <= 0`.
    """
    for lane, _ in _lanes(m):
        yield f"{lane:06d}", [(m.used[lane], 1.0), (m.pallets[lane], -1.0)], LE, 0.0


def dock_out_within_limit(m: Formulation) -> Iterator[Row]:
    """The units that leave a location fit its outbound dock.

    For every location i with a limit: `sum p_a n_a (arcs out of i) <= D_i`, p_a units in a pack.
    """
    yield from _docks(m, m.problem.arc_origin, m.problem.dock_out_units)


def dock_in_within_limit(m: Formulation) -> Iterator[Row]:
    """The units that reach a location fit its inbound dock.

    For every location j with a limit: `sum p_a n_a (arcs into j) <= D_j`, p_a units in a pack.
    """
    yield from _docks(m, m.problem.arc_destination, m.problem.dock_in_units)


def _docks(m: Formulation, place: Ints, limit: Floats) -> Iterator[Row]:
    for location, arcs in enumerate(m.live_by(place, len(limit))):
        if arcs and np.isfinite(limit[location]):
            pairs = [(m.packs[a], float(m.problem.pack_units[m.problem.arc_item[a]])) for a in arcs]
            yield f"{location:06d}", pairs, LE, float(limit[location])


def cost_within_budget(m: Formulation) -> Iterator[Row]:
    """All that is spent, fixed charges included, stays within the budget.

    If there is a budget B: `sum c_a n_a + sum line_a v_a + sum pallet_l y_l + sum truck_l o_l + sum t_l <= B`, t_l the lane's tariff.
    """
    if np.isfinite(m.problem.budget_usd):
        yield "000000", [(variable, -money) for variable, money in cost_terms(m)], LE, float(m.problem.budget_usd)


def shipment_meets_minimum(m: Formulation) -> Iterator[Row]:
    """A lane that is used carries at least its minimum weight.

    For every lane l with a minimum m_l > 0: `sum kg_a n_a - m_l b_l >= 0`.
    """
    for lane, arcs in _lanes(m):
        if m.problem.min_shipment_kg[lane] > 0:
            pairs = [(m.packs[a], float(m.problem.arc_kg_per_pack[a])) for a in arcs]
            yield f"{lane:06d}", [*pairs, (m.used[lane], -float(m.problem.min_shipment_kg[lane]))], GE, 0.0


def packs_need_open_line(m: Formulation) -> Iterator[Row]:
    """An arc with a line charge or a minimum line moves packs only when the line is open.

    For every arc a with a line charge or a minimum: `n_a - U_a v_a <= 0`.
    """
    for a, variable in m.line_open.items():
        yield f"{a:06d}", [(m.packs[a], 1.0), (variable, -float(m.limits[a]))], LE, 0.0


def item_receives_only_in_turn(m: Formulation) -> Iterator[Row]:
    """An item arrives at a location only if it does not leave from there.

    For every (item, location) with arcs in and out: `sum n_a (arcs in) - U t <= 0`, U the sum of their limits.
    """
    into, _ = both_ways(m)
    for key, arcs in into.items():
        total = float(m.limits[arcs].sum())
        yield f"{key[0]:06d}_{key[1]:06d}", [*((m.packs[a], 1.0) for a in arcs), (m.receives[key], -total)], LE, 0.0


def item_sends_only_in_turn(m: Formulation) -> Iterator[Row]:
    """An item leaves a location only if it does not arrive there.

    For every (item, location) with arcs in and out: `sum n_a (arcs out) + U t <= U`, U the sum of their limits.
    """
    _, out = both_ways(m)
    for key, arcs in out.items():
        total = float(m.limits[arcs].sum())
        yield f"{key[0]:06d}_{key[1]:06d}", [*((m.packs[a], 1.0) for a in arcs), (m.receives[key], total)], LE, total


def firm_line_moves_as_agreed(m: Formulation) -> Iterator[Row]:
    """A firm line moves exactly the packs agreed.

    For every arc a with fixed packs: `n_a = f_a`.
    """
    for a in m.live:
        if m.problem.arc_fixed_packs[a] >= 0:
            yield f"{a:06d}", [(m.packs[a], 1.0)], EQ, float(m.problem.arc_fixed_packs[a])


def packs_need_open_lane(m: Formulation, arcs: Iterable[int] | None = None) -> Iterator[Row]:
    """Packs move on an arc only if its lane is used.

    For every arc a of lane l (`arcs` picks some of them; the LP rounds add only violated ones): `n_a - U_a b_l <= 0`.
    """
    for a in m.live if arcs is None else arcs:
        yield f"{a:06d}", [(m.packs[a], 1.0), (m.used[m.problem.arc_lane[a]], -float(m.limits[a]))], LE, 0.0


PrefixCut = tuple[int, int, list[int], list[int]]


def gain_prefix_needs_open_lanes(m: Formulation, cuts: Iterable[PrefixCut]) -> Iterator[Row]:
    """The best k segments of a gain curve fill only from lanes that are used (a cut: it holds in every whole plan, and tightens the LP).

    For a gain curve c, prefix k of total width W, and any split of its arcs into N and B:
    `sum x_k' (k' <= k) - sum n_a (a in N) - sum min(W, U_a) b_l(a) (a in B) <= 0`.
    """
    yield from _prefix(m, m.problem.gain, m.gain_fill, cuts)


def loss_prefix_needs_open_lanes(m: Formulation, cuts: Iterable[PrefixCut]) -> Iterator[Row]:
    """The best k segments of a loss curve are given only to lanes that are used (a cut, as for gains).

    For a loss curve c, prefix k of total width W, and any split of its arcs into N and B:
    `sum z_k' (k' <= k) - sum n_a (a in N) - sum min(W, U_a) b_l(a) (a in B) <= 0`.
    """
    yield from _prefix(m, m.problem.loss, m.loss_fill, cuts)


def _prefix(m: Formulation, curves: Curves, fill: Variables, cuts: Iterable[PrefixCut]) -> Iterator[Row]:
    widths = segment_widths(curves)
    for serial, segment, by_packs, by_lane in cuts:
        first = int(curves.start[curves.owner[segment]])
        width = int(widths[first : segment + 1].sum())
        pairs = [(fill[k], 1.0) for k in range(first, segment + 1) if fill[k] is not None]
        pairs += [(m.packs[a], -1.0) for a in by_packs]
        pairs += [(m.used[m.problem.arc_lane[a]], -float(min(width, m.limits[a]))) for a in by_lane]
        yield f"{segment:06d}_{serial:04d}", pairs, LE, 0.0


CONSTRAINTS: tuple[Any, ...] = (
    received_is_gain_filled,
    sent_is_loss_filled,
    lane_kg_fits_pallets,
    lane_m3_fits_pallets,
    pallets_fit_trucks,
    trucks_within_limit,
    used_lane_has_truck,
    used_lane_has_pallet,
    dock_out_within_limit,
    dock_in_within_limit,
    cost_within_budget,
    shipment_meets_minimum,
    packs_need_open_line,
    item_receives_only_in_turn,
    item_sends_only_in_turn,
    firm_line_moves_as_agreed,
)
LAZY_CONSTRAINTS: tuple[Any, ...] = (packs_need_open_lane, gain_prefix_needs_open_lanes, loss_prefix_needs_open_lanes)


def cost_terms(m: Formulation) -> list[tuple[pulp.LpVariable, float]]:
    """Everything that is paid, as negative coefficients: arcs, line charges, pallets, trucks, tariffs."""
    p = m.problem
    terms = [(m.packs[a], -float(p.arc_cost_usd_per_pack[a])) for a in m.live]
    terms += [(variable, -float(p.arc_line_cost_usd[a])) for a, variable in m.line_open.items()]
    for lane, _ in _lanes(m):
        terms += [(m.pallets[lane], -float(p.pallet_cost_usd[lane])), (m.trucks[lane], -float(p.truck_cost_usd[lane]))]
    return terms + term_costs(m)


def add_rows(m: Formulation, function: Any, *arguments: object) -> int:
    """Add a constraint function's rows, named function name + index; returns how many."""
    count = 0
    for suffix, pairs, sense, rhs in function(m, *arguments):
        expression = pulp.LpAffineExpression([pair for pair in pairs if pair[1] != 0.0])
        if len(expression):
            m.lp.addConstraint(pulp.LpConstraint(expression, sense, f"{function.__name__}_{suffix}", rhs))
            count += 1
    return count


@contextmanager
def collector_off() -> Generator[None]:
    """Switch the garbage collector off while many small objects are made: it costs more than the build itself."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def build(problem: Problem, limits: Ints, name: str = "transfers") -> Formulation:
    """Model of `problem` with at most limits[a] packs on arc a, without the lazy rows. Maximises gains + losses - all costs."""
    with collector_off():
        m = Formulation(problem, limits, pulp.LpProblem(name, pulp.LpMaximize))
        add_variables(m)
        add_term_variables(m)
        terms = cost_terms(m) + churn_costs(m)
        for fill, curves in ((m.gain_fill, problem.gain), (m.loss_fill, problem.loss)):
            terms += [(variable, float(curves.value_usd[k])) for k, variable in enumerate(fill) if variable is not None]
        m.lp.setObjective(pulp.LpAffineExpression(terms))
        for function in CONSTRAINTS + (TERM_CONSTRAINTS if problem.terms.is_on else ()):
            add_rows(m, function)
    return m
