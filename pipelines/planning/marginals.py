"""What one pack more, or one line less, would change in a plan: money at the margin, and which limits stand in the way.

All arcs at once: lines of a plan of any size are explained from these arrays.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipelines.planning.objective import NOISE, curve_packs, evaluate, lane_load, lane_pallets, whole_above
from pipelines.planning.problem import Curves, Floats, Ints, Problem
from pipelines.planning.terms import tariff_usd

Flags = NDArray[np.bool_]
SMALLEST_USD = 1e-6


class CurveSums:
    """Worth of the first packs of many curves at once."""

    def __init__(self, curves: Curves) -> None:
        self.curves = curves
        self.span = int(curves.prefix_packs.max(initial=0)) + 2
        self.keys = curves.owner * self.span + curves.prefix_packs
        total = np.concatenate([[0.0], np.cumsum(curves.packs * curves.value_usd)])
        self.before = total[:-1] - total[curves.start[curves.owner]] if len(curves.owner) else np.zeros(0)

    def worth(self, curve: Ints, packs: Ints) -> Floats:
        """USD of the first `packs` packs of each curve, none beyond its end; `curve` -1 is worth nothing."""
        if not len(self.keys):
            return np.zeros(len(curve))
        at = np.searchsorted(self.keys, curve * self.span + np.minimum(packs, self.span - 2))
        at = np.minimum(at, len(self.keys) - 1)
        past = self.curves.owner[at] != curve
        at = np.where(past, at - 1, at)
        own = (self.curves.owner[at] == curve) & (packs > 0) & (curve >= 0)
        inside = np.minimum(packs, self.curves.prefix_packs[at]) - (self.curves.prefix_packs[at] - self.curves.packs[at])
        return np.where(own, self.before[at] + inside * self.curves.value_usd[at], 0.0)


@dataclass(frozen=True, eq=False)
class Margins:
    """A plan seen from its margins. `packs` per arc; money in USD, per pack or per line as each property says."""

    problem: Problem
    packs: Ints

    @cached_property
    def fills(self) -> tuple[Ints, Ints]:
        """Packs on each gain curve and on each loss curve."""
        p = self.problem
        return curve_packs(p.gain, p.arc_gain, self.packs), curve_packs(p.loss, p.arc_loss, self.packs)

    @cached_property
    def sums(self) -> tuple[CurveSums, CurveSums]:
        """Worth of packs on gain curves and on loss curves."""
        return CurveSums(self.problem.gain), CurveSums(self.problem.loss)

    @cached_property
    def load(self) -> tuple[Floats, Floats]:
        """Kg and m3 on each lane."""
        return lane_load(self.problem, self.packs)

    @cached_property
    def pallets(self) -> Ints:
        """Pallets of each lane."""
        return lane_pallets(self.problem, self.packs)

    @cached_property
    def lane_usd(self) -> Floats:
        """Pallets, trucks and tariff of each lane."""
        return self.charge(np.arange(len(self.problem.lane_ids)), self.load[0], self.load[1], self.pallets > 0)

    def charge(self, lanes: Ints, kg: Floats, m3: Floats, is_used: Flags) -> Floats:
        """Pallets, trucks and tariff of loads on lanes."""
        p = self.problem
        pallets = np.maximum(whole_above(np.maximum(kg / p.pallet_kg[lanes], m3 / p.pallet_m3[lanes])), is_used.astype(np.int64))
        trucks = -(-pallets // p.pallets_per_truck[lanes])
        fixed = pallets * p.pallet_cost_usd[lanes] + trucks * p.truck_cost_usd[lanes]
        return np.where(is_used, fixed + tariff_usd(p.terms, kg, is_used, lanes), 0.0)

    def added(self, arcs: Ints, count: Ints) -> Floats:
        """Lane charges that `count` packs more on each of `arcs` would add; zero or more packs."""
        p, lanes = self.problem, self.problem.arc_lane[arcs]
        kg = self.load[0][lanes] + count * p.arc_kg_per_pack[arcs]
        m3 = self.load[1][lanes] + count * p.arc_m3_per_pack[arcs]
        return self.charge(lanes, kg, m3, (self.pallets[lanes] > 0) | (count > 0)) - self.lane_usd[lanes]

    @cached_property
    def churn(self) -> tuple[Floats, Floats]:
        """Churn that one pack more adds per arc, and that the line's absence adds."""
        terms, packs = self.problem.terms, self.packs
        now = np.abs(packs - terms.arc_last_packs)
        more, none = np.abs(packs + 1 - terms.arc_last_packs), terms.arc_last_packs
        return terms.arc_churn_usd * (more - now), terms.arc_churn_usd * (none - now)

    @cached_property
    def next_pack_usd(self) -> Floats:
        """Worth of one pack more on each arc, all charges counted, limits apart; -inf where a curve has ended."""
        p = self.problem
        worth = -p.arc_cost_usd_per_pack - self.added(np.arange(p.arcs), np.ones(p.arcs, dtype=np.int64)) - self.churn[0]
        worth = worth - np.where(self.packs == 0, p.arc_line_cost_usd, 0.0)
        for curves, arc_curve, filled, sums in zip((p.gain, p.loss), (p.arc_gain, p.arc_loss), self.fills, self.sums, strict=True):
            at = np.append(filled, 0)[arc_curve]
            step = sums.worth(arc_curve, at + 1) - sums.worth(arc_curve, at)
            full = (arc_curve < 0) | (at + 1 > np.append(curves.cap_packs, 0)[arc_curve])
            worth = worth + np.where(full, -np.inf, step)
        return worth

    @cached_property
    def next_spent_usd(self) -> Floats:
        """Cash that one pack more costs."""
        p = self.problem
        opening = np.where(self.packs == 0, p.arc_line_cost_usd, 0.0)
        return p.arc_cost_usd_per_pack + opening + self.added(np.arange(p.arcs), np.ones(p.arcs, dtype=np.int64))

    @cached_property
    def budget_left(self) -> float:
        """What the plan leaves of the budget, infinite without one."""
        return self.problem.budget_usd - evaluate(self.problem, self.packs).spent

    @cached_property
    def blockers(self) -> dict[str, Flags]:
        """Per limit, the arcs on which it forbids one pack more, whatever that is worth."""
        p, packs = self.problem, self.packs
        units, places = p.pack_units[p.arc_item], len(p.location_ids)
        out = np.bincount(p.arc_origin, weights=packs * units, minlength=places)
        into = np.bincount(p.arc_destination, weights=packs * units, minlength=places)
        lane = p.arc_lane
        fill = np.maximum(
            (self.load[0][lane] + p.arc_kg_per_pack) / p.pallet_kg[lane], (self.load[1][lane] + p.arc_m3_per_pack) / p.pallet_m3[lane]
        )
        trucks = -(-np.maximum(whole_above(fill), 1) // p.pallets_per_truck[lane])
        leaves, arrives = p.arc_item * places + p.arc_origin, p.arc_item * places + p.arc_destination
        moving = packs > 0
        found = {
            "firm": p.arc_fixed_packs >= 0,
            "arc": packs >= p.arc_max_packs,
            "dock_out": out[p.arc_origin] + units > p.dock_out_units[p.arc_origin] * (1 + NOISE) + NOISE,
            "dock_in": into[p.arc_destination] + units > p.dock_in_units[p.arc_destination] * (1 + NOISE) + NOISE,
            "trucks": trucks > p.max_trucks[lane],
            "budget": self.next_spent_usd > self.budget_left + NOISE,
            "both_ways": np.isin(leaves, arrives[moving]) | np.isin(arrives, leaves[moving]),
            "closed": ~p.arc_is_open,
        }
        return found | self._rooms()

    def _rooms(self) -> dict[str, Flags]:
        found: dict[str, Flags] = {}
        for room in self.problem.rooms:
            blocked = found.setdefault(room.name.replace(" ", "_"), np.zeros(self.problem.arcs, dtype=bool))
            used = float(room.weight @ self.packs[room.arcs])
            blocked[room.arcs] |= used + room.weight > room.limit * (1 + NOISE) + NOISE
        return found

    @cached_property
    def blocked_by(self) -> Ints:
        """How many limits forbid one pack more on each arc."""
        return np.sum(list(self.blockers.values()), axis=0).astype(np.int64) if self.problem.arcs else np.zeros(0, dtype=np.int64)

    @cached_property
    def saving_usd(self) -> Floats:
        """Pallets, trucks and tariff that a lane would cost less without the line of each arc."""
        p, lane = self.problem, self.problem.arc_lane
        kg, m3 = self.load[0][lane] - self.packs * p.arc_kg_per_pack, self.load[1][lane] - self.packs * p.arc_m3_per_pack
        others = np.bincount(lane, weights=self.packs, minlength=len(p.lane_ids))[lane] - self.packs
        return self.lane_usd[lane] - self.charge(lane, np.maximum(kg, 0.0), np.maximum(m3, 0.0), others > 0)

    @cached_property
    def removal_usd(self) -> Floats:
        """What the plan would lose if a line alone were left out, everything else as it is; 0 where no line is.

        Where the rest of its lane would be less than a minimum shipment, the whole lane is left out.
        """
        p = self.problem
        lost = -self.packs * p.arc_cost_usd_per_pack - p.arc_line_cost_usd - self.saving_usd + self.churn[1]
        for arc_curve, filled, sums in zip((p.arc_gain, p.arc_loss), self.fills, self.sums, strict=True):
            at = np.append(filled, 0)[arc_curve]
            lost = lost + sums.worth(arc_curve, at) - sums.worth(arc_curve, at - self.packs)
        lost = np.where(self.packs > 0, lost, 0.0)
        for lane in np.unique(p.arc_lane[self.strands_lane]).tolist():
            without = np.where(p.arc_lane == lane, 0, self.packs)
            lost[self.strands_lane & (p.arc_lane == lane)] = evaluate(p, self.packs).total - evaluate(p, without).total
        return lost

    @cached_property
    def strands_lane(self) -> Flags:
        """Lines without which the rest of their lane is less than its minimum shipment."""
        p, lane = self.problem, self.problem.arc_lane
        rest = self.load[0][lane] - self.packs * p.arc_kg_per_pack
        others = np.bincount(lane, weights=self.packs, minlength=len(p.lane_ids))[lane] > self.packs
        return (self.packs > 0) & others & (rest < p.min_shipment_kg[lane] * (1 - NOISE) - NOISE)


@dataclass(frozen=True, eq=False)
class Prices:
    """What one unit more of a limit would earn with one more pack through it: docks per unit by location, the budget per USD; 0 = free."""

    dock_out_usd: Floats
    dock_in_usd: Floats
    budget_usd: float


def limit_prices(margins: Margins) -> Prices:
    """Worth of the best pack that a full dock or a spent budget alone keeps from moving, per unit or per USD of it.

    The price of a little more; of more than a pack it is the first step, and a limit that is not reached has none.
    """
    p, worth = margins.problem, margins.next_pack_usd
    units = p.pack_units[p.arc_item]

    def best(name: str, place: Ints) -> Floats:
        hit = margins.blockers[name] & (margins.blocked_by == 1) & (worth > SMALLEST_USD)
        found = np.zeros(len(p.location_ids))
        np.maximum.at(found, place[hit], worth[hit] / units[hit])
        return found

    held = margins.blockers["budget"] & (margins.blocked_by == 1) & (worth > SMALLEST_USD) & (margins.next_spent_usd > 0)
    budget = float((worth[held] / margins.next_spent_usd[held]).max(initial=0.0))
    return Prices(best("dock_out", p.arc_origin), best("dock_in", p.arc_destination), budget)


def substitute_usd(margins: Margins) -> Floats:
    """What each line's absence would leave free could earn on the best other arc alone, of its receiver or its donor; 0 where none pays.

    As many packs as the line has, as far as the arc, both curves, docks and trucks hold them once the line is gone. It uses one arc where a
    new plan may use several, so it is never more than what a new plan would win back.
    """
    p, packs = margins.problem, margins.packs
    best = np.zeros(p.arcs)
    lines = np.flatnonzero(packs > 0)
    for arc_curve in (p.arc_gain, p.arc_loss):
        line, other = other_arcs(arc_curve, lines)
        if len(line):
            np.maximum.at(best, line, _worth_instead(margins, line, other))
    return best


def other_arcs(arc_curve: Ints, lines: Ints) -> tuple[Ints, Ints]:
    """Pairs of a line (an arc number) and another arc on its curve, for every such arc."""
    order = np.argsort(arc_curve, kind="stable")
    ordered = arc_curve[order]
    first, last = np.searchsorted(ordered, arc_curve[lines]), np.searchsorted(ordered, arc_curve[lines], side="right")
    counts = last - first
    line = np.repeat(lines, counts)
    offset = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
    other = order[np.repeat(first, counts) + offset]
    keep = (line != other) & (arc_curve[line] >= 0)
    return line[keep], other[keep]


def _worth_instead(margins: Margins, line: Ints, other: Ints) -> Floats:
    """USD of moving on arc `other` as many packs as fit once `line` is gone, at least 0."""
    p, packs = margins.problem, margins.packs
    count = np.minimum(packs[line], p.arc_max_packs[other] - packs[other])
    worth = np.zeros(len(other))
    places = []
    for curves, arc_curve, filled in zip((p.gain, p.loss), (p.arc_gain, p.arc_loss), margins.fills, strict=True):
        at = np.append(filled, 0)[arc_curve[other]] - np.where(arc_curve[line] == arc_curve[other], packs[line], 0)
        count = np.minimum(count, np.append(curves.cap_packs, 0)[arc_curve[other]] - at)
        places.append((arc_curve[other], at))
    units = p.pack_units[p.arc_item[other]]
    moved = packs * p.pack_units[p.arc_item]
    for place, limit in ((p.arc_origin, p.dock_out_units), (p.arc_destination, p.dock_in_units)):
        used = np.bincount(place, weights=moved, minlength=len(limit))[place[other]]
        freed = np.where(place[line] == place[other], moved[line], 0)
        room = np.minimum(limit[place[other]] - used + freed, 1e15)
        count = np.minimum(count, np.floor(room / units + NOISE).astype(np.int64))
    counted = {"arc", "dock_out", "dock_in", "budget"}
    blocked = np.any([flags for name, flags in margins.blockers.items() if name not in counted], axis=0) | (p.terms.arc_min_packs > 1)
    count = np.where(blocked[other], 0, np.maximum(count, 0))
    for (curve, at), sums in zip(places, margins.sums, strict=True):
        worth = worth + sums.worth(curve, at + count) - sums.worth(curve, at)
    spent = (
        count * p.arc_cost_usd_per_pack[other] + margins.added(other, count) + np.where(packs[other] == 0, p.arc_line_cost_usd[other], 0.0)
    )
    freed = packs[line] * p.arc_cost_usd_per_pack[line] + p.arc_line_cost_usd[line] + margins.saving_usd[line]
    lane, (kg, m3) = p.arc_lane[other], margins.load
    kg, m3 = kg[lane] + count * p.arc_kg_per_pack[other], m3[lane] + count * p.arc_m3_per_pack[other]
    trucks = whole_above(np.maximum(kg / p.pallet_kg[lane], m3 / p.pallet_m3[lane]) / p.pallets_per_truck[lane])
    fits = (spent <= freed + margins.budget_left + NOISE) & (kg >= p.min_shipment_kg[lane]) & (trucks <= p.max_trucks[lane])
    fits &= ~margins.strands_lane[line]
    return np.where(fits & (count > 0), np.maximum(worth - spent, 0.0), 0.0)
