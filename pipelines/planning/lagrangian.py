"""An upper bound that needs no model in memory: lanes priced one by one, coupled by multipliers. Valid for any multipliers; plans are not made here.

Relaxed with multipliers of zero or more: room in every gain segment (u) and loss segment (v), docks (out, in), the budget. What is left falls
apart by lane. A lane's profit is concave in its pallets, and the whole-pallet, whole-truck optimum of each lane is found exactly, with
kg and m3 blended by a share theta (a pallet holds theta kg/pallet_kg + (1 - theta) m3/pallet_m3 <= 1 for any theta in [0, 1]).
Minimum shipments and the one-direction rule are left out, which keeps the bound valid.

    UB = sum u W + sum v W + out D_out + in D_in + kappa B + sum over lanes of the lane's best profit (or 0: not used)

Multipliers follow the volume method of Barahona and Anbil, Mathematical Programming 87 (2000) 385-399: steps along an averaged subgradient.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pipelines.planning.bounds import BOUND_SLACK
from pipelines.planning.formulation import segment_widths
from pipelines.planning.problem import Curves, Floats, Ints, Problem


@dataclass(frozen=True, eq=False)
class _Side:
    """(arc, segment) pairs of live arcs, arc by arc: `row` numbers live arcs from 0."""

    row: Ints
    segment: Ints
    start: Ints
    width: Ints

    @staticmethod
    def of(curves: Curves, arc_curve: Ints, live: Ints) -> "_Side":
        counts = np.diff(curves.start)[arc_curve[live]]
        start = np.concatenate([[0], np.cumsum(counts)])
        row = np.repeat(np.arange(len(live)), counts)
        segment = curves.start[arc_curve[live]][row] + np.arange(start[-1]) - start[row]
        return _Side(row, segment, start, segment_widths(curves)[segment])


@dataclass
class Multipliers:
    """Prices of the relaxed limits, all zero or more: gain and loss room per pack, docks per unit, budget per USD; theta per lane."""

    gain: Floats
    loss: Floats
    dock_out: Floats
    dock_in: Floats
    budget: float
    theta: Floats


@dataclass
class LanePass:
    """Result of one pricing: the bound, and how the priced solution uses segments, docks, money, lanes and arcs."""

    bound: float
    gain: Floats
    loss: Floats
    dock_out: Floats
    dock_in: Floats
    spent: float
    tilt: Floats
    lane: Floats
    packs: Floats


class Lagrangian:
    """The relaxed problem of one instance, laid out once; `price` evaluates it at given multipliers."""

    def __init__(self, problem: Problem, limits: Ints) -> None:
        self.problem, self.limits = problem, limits
        self.live = np.flatnonzero(limits > 0)
        self.sides = (
            _Side.of(problem.gain, problem.arc_gain, self.live),
            _Side.of(problem.loss, problem.arc_loss, self.live),
        )
        self.gain_width = segment_widths(problem.gain).astype(float)
        self.loss_width = segment_widths(problem.loss).astype(float)
        self.lane = problem.arc_lane[self.live]
        self.origin, self.destination = problem.arc_origin[self.live], problem.arc_destination[self.live]
        self.units = problem.pack_units[problem.arc_item[self.live]].astype(float)
        self.kg = problem.arc_kg_per_pack[self.live] / problem.pallet_kg[self.lane]
        self.m3 = problem.arc_m3_per_pack[self.live] / problem.pallet_m3[self.lane]

    def first_multipliers(self) -> Multipliers:
        """Half of the best possible rent of each segment, docks free, theta by which of kg and m3 fills pallets first."""
        p = self.problem
        cost = p.arc_cost_usd_per_pack[self.live]
        (gains, losses) = self.sides
        best_loss, best_gain = np.full(len(p.gain.owner), -np.inf), np.full(len(p.loss.owner), -np.inf)
        np.maximum.at(best_loss, gains.segment, (p.loss.value_usd[losses.segment[losses.start[:-1]]] - cost)[gains.row])
        np.maximum.at(best_gain, losses.segment, (p.gain.value_usd[gains.segment[gains.start[:-1]]] - cost)[losses.row])
        heavier = np.bincount(self.lane, weights=self.kg - self.m3, minlength=len(p.lane_ids)) > 0
        return Multipliers(
            np.maximum(0.0, p.gain.value_usd + best_loss) / 2,
            np.maximum(0.0, p.loss.value_usd + best_gain) / 4,
            np.zeros(len(p.location_ids)),
            np.zeros(len(p.location_ids)),
            0.0,
            np.where(heavier, 0.9, 0.1),
        )

    def price(self, m: Multipliers) -> LanePass:
        """Best profit of every lane at these multipliers, and the bound it gives."""
        p = self.problem
        money = 1.0 + m.budget
        cost = money * p.arc_cost_usd_per_pack[self.live] + self.units * (m.dock_out[self.origin] + m.dock_in[self.destination])
        pieces = self._pieces(p.gain.value_usd - m.gain, p.loss.value_usd - m.loss, cost)
        row, packs, worth, gain_segment, loss_segment = pieces
        lane, size = self.lane[row], m.theta[self.lane[row]]
        weight = packs * (size * self.kg[row] + (1 - size) * self.m3[row])
        profit, share = self._lanes(lane, weight, packs * worth, money)
        sent = packs * share
        arcs = np.bincount(row, weights=sent, minlength=len(self.live))
        opened = (profit > 0).astype(float)
        profit = np.maximum(profit, 0.0)
        bound = float(m.gain @ self.gain_width + m.loss @ self.loss_width + profit.sum())
        for price, room in ((m.dock_out, p.dock_out_units), (m.dock_in, p.dock_in_units)):
            bound += float((price * np.where(price > 0, room, 0.0)).sum())
        bound += m.budget * p.budget_usd if m.budget > 0 else 0.0
        places, lanes = len(p.location_ids), len(p.lane_ids)
        tilt = np.bincount(self.lane, weights=arcs * (self.kg - self.m3), minlength=lanes)
        spent = float((arcs * p.arc_cost_usd_per_pack[self.live]).sum())
        return LanePass(
            bound,
            np.bincount(gain_segment, weights=sent, minlength=len(p.gain.owner)),
            np.bincount(loss_segment, weights=sent, minlength=len(p.loss.owner)),
            np.bincount(self.origin, weights=arcs * self.units, minlength=places),
            np.bincount(self.destination, weights=arcs * self.units, minlength=places),
            spent,
            tilt,
            opened,
            arcs,
        )

    def _pieces(self, gain: Floats, loss: Floats, cost: Floats) -> tuple[Ints, Floats, Floats, Ints, Ints]:
        """Each arc's own concave profit: its segments, best first on both sides, matched pack by pack. Pieces worth nothing are dropped."""
        ends, sorted_segments, values = [], [], []
        for side, value in zip(self.sides, (gain, loss), strict=True):
            order = np.lexsort((-value[side.segment], side.row))
            total = np.cumsum(side.width[order])
            before = np.concatenate([[0], total])[side.start[:-1]]
            ends.append(total - before[side.row])
            sorted_segments.append(side.segment[order])
            values.append(value[side.segment[order]])
        gains, losses = self.sides
        row = np.concatenate([gains.row, losses.row])
        kind = np.concatenate([np.zeros(len(gains.row), dtype=np.int64), np.ones(len(losses.row), dtype=np.int64)])
        end = np.concatenate(ends)
        order = np.lexsort((kind, end, row))
        row, kind, end = row[order], kind[order], end[order]
        starts = gains.start + losses.start
        passed_loss = np.cumsum(kind) - kind
        passed_gain = np.arange(len(row)) - passed_loss
        at_gain, at_loss = passed_gain, passed_loss
        inside = (at_gain < gains.start[row + 1]) & (at_loss < losses.start[row + 1])
        end = np.minimum(end, self.limits[self.live][row])
        begin = np.concatenate([[0], end[:-1]])
        begin[starts[:-1]] = 0
        keep = np.flatnonzero(inside & (end > begin))
        row, at_gain, at_loss = row[keep], at_gain[keep], at_loss[keep]
        worth = values[0][at_gain] + values[1][at_loss] - cost[row]
        paying = np.flatnonzero(worth > 0)
        keep, row = keep[paying], row[paying]
        packs = (end[keep] - begin[keep]).astype(float)
        return row, packs, worth[paying], sorted_segments[0][at_gain[paying]], sorted_segments[1][at_loss[paying]]

    def _lanes(self, lane: Ints, weight: Floats, value: Floats, money: float) -> tuple[Floats, Floats]:
        """Exact best whole pallets and trucks of each lane: the profit (may be negative) and the share taken of each piece."""
        p, lanes = self.problem, len(self.problem.lane_ids)
        pallet, truck, per_truck = money * p.pallet_cost_usd, money * p.truck_cost_usd, p.pallets_per_truck.astype(float)
        ratio = value / np.maximum(weight, 1e-12)
        order = np.lexsort((-ratio, lane))
        lane, weight, value, ratio = lane[order], weight[order], value[order], ratio[order]
        total = np.cumsum(weight)
        first = np.searchsorted(lane, np.arange(lanes))
        before = total - weight - np.concatenate([[0.0], total])[first][lane]

        def filled(pallets: Floats) -> Floats:
            return np.clip((pallets[lane] - before) / np.maximum(weight, 1e-12), 0.0, 1.0)

        def ideal(price: Floats) -> Floats:
            return np.bincount(lane, weights=weight * (ratio > price[lane]), minlength=lanes)

        continuous, trucked = ideal(pallet), ideal(pallet + truck / per_truck)
        best, best_pallets = np.full(lanes, -np.inf), np.ones(lanes)
        for trucks in (np.floor(trucked / per_truck), np.ceil(trucked / per_truck)):
            count = np.clip(trucks, 1, np.maximum(p.max_trucks, 1))
            for near in (np.floor(continuous), np.ceil(continuous)):
                pallets = np.clip(near, 1, count * per_truck)
                profit = np.bincount(lane, weights=filled(pallets) * value, minlength=lanes) - pallet * pallets - truck * count
                better = profit > best
                best, best_pallets = np.where(better, profit, best), np.where(better, pallets, best_pallets)
        share = np.empty(len(order))
        share[order] = filled(best_pallets) * (best > 0)[lane]
        return best, share


@dataclass
class Bound:
    """The best bound found, its multipliers, and averaged use: share of passes a lane is open, packs per arc (all arcs)."""

    value: float
    multipliers: Multipliers
    lane_share: Floats
    packs: Floats
    passes: int
    average: LanePass


def quick_bound(problem: Problem, limits: Ints) -> float:
    """A valid if loose bound from one round of pricing, for a search that ended before it had any."""
    _, priced = _best_start(Lagrangian(problem, limits))
    return priced.bound + BOUND_SLACK * abs(priced.bound)


def tighten(lagrangian: Lagrangian, target: float | None, passes: int, stop: Callable[[], bool], last: Bound | None = None) -> Bound:
    """Lower the bound by `passes` volume steps towards `target` (the value of a real plan, or an estimate below the optimum)."""
    p = lagrangian.problem
    if last:
        center, best, average = last.multipliers, last.value, last.average
    else:
        center, average = _best_start(lagrangian)
        best = average.bound
    factor, fails, wins, count = 1.0, 0, 0, 0
    scales = _scales(lagrangian)
    while count < passes and not stop():
        aim = _aim(best, target)
        trial = _step(center, average, scales, factor * (best - aim), p)
        found = lagrangian.price(trial)
        count += 1
        average = _mix(average, found, 0.1 if count < 60 and not last else 0.06)
        if found.bound < best - 1e-9 * abs(best):
            improved = best - found.bound
            center, best, fails, wins = trial, found.bound, 0, wins + 1
            if wins >= 2:
                factor, wins = min(2.0, factor * 1.2), 0
        else:
            fails, wins = fails + 1, 0
            if fails >= 4:
                factor, fails = max(1e-3, factor * 0.75), 0
    packs = np.zeros(p.arcs)
    packs[lagrangian.live] = average.packs
    return Bound(best, center, average.lane, packs, count, average)


def _best_start(lagrangian: Lagrangian) -> tuple[Multipliers, LanePass]:
    """The lowest bound over a few scalings of the first multipliers: a good start saves scores of passes."""
    rent = lagrangian.first_multipliers()
    trials = [
        replace(rent, gain=rent.gain * a, loss=rent.loss * b) for a, b in ((0.6, 0.5), (1.0, 0.5), (1.0, 1.0), (1.4, 0.5), (1.4, 0.2))
    ]
    found = [lagrangian.price(trial) for trial in trials]
    best = int(np.argmin([one.bound for one in found]))
    return trials[best], found[best]


def _aim(best: float, target: float | None) -> float:
    """What a step heads for: the known value, else 5 % below; never closer than 0.2 %, so that steps do not vanish."""
    near = best - 0.002 * abs(best)
    return min(near, best - 0.05 * abs(best) if target is None else target)


def _scales(lagrangian: Lagrangian) -> tuple[Floats, Floats]:
    p = lagrangian.problem
    start = lagrangian.first_multipliers()
    return np.maximum(start.gain, 1e-3), np.maximum(start.loss, 1e-3)


def _step(center: Multipliers, use: LanePass, scales: tuple[Floats, Floats], gap: float, p: Problem) -> Multipliers:
    def relative(used: Floats, room: Floats) -> Floats:
        return np.where(np.isfinite(room) & (room > 0), used / np.where(np.isfinite(room) & (room > 0), room, 1.0) - 1.0, 0.0)

    widths = (segment_widths(p.gain).astype(float), segment_widths(p.loss).astype(float))
    g_gain, g_loss = relative(use.gain, widths[0]), relative(use.loss, widths[1])
    t_gain = np.maximum(center.gain, scales[0]) * widths[0]
    t_loss = np.maximum(center.loss, scales[1]) * widths[1]
    g_out, g_in = relative(use.dock_out, p.dock_out_units), relative(use.dock_in, p.dock_in_units)
    dock = float((t_gain.sum() + t_loss.sum()) / max(1, 20 * len(p.location_ids)))
    g_budget = use.spent / p.budget_usd - 1.0 if np.isfinite(p.budget_usd) and p.budget_usd > 0 else 0.0
    # A multiplier at zero with room to spare does not move, so it must not shorten the step of the others.
    for g, value in ((g_gain, center.gain), (g_loss, center.loss), (g_out, center.dock_out), (g_in, center.dock_in)):
        g[(g < 0) & (value <= 0)] = 0.0
    norm = (t_gain * g_gain**2).sum() + (t_loss * g_loss**2).sum() + dock * ((g_out**2).sum() + (g_in**2).sum()) + dock * g_budget**2
    s = gap / max(norm, 1e-12)

    def moved(value: Floats, g: Floats, t: Floats, room: Floats) -> Floats:
        usable = np.where(np.isfinite(room) & (room > 0), room, 1.0)
        return np.maximum(0.0, value + s * t * g / usable)

    return Multipliers(
        moved(center.gain, g_gain, t_gain, widths[0]),
        moved(center.loss, g_loss, t_loss, widths[1]),
        moved(center.dock_out, g_out, np.full(len(g_out), dock), p.dock_out_units),
        moved(center.dock_in, g_in, np.full(len(g_in), dock), p.dock_in_units),
        max(0.0, center.budget + s * dock * g_budget / p.budget_usd) if g_budget else center.budget,
        np.clip(center.theta + 0.02 * np.sign(use.tilt), 0.0, 1.0),
    )


def _mix(old: LanePass, new: LanePass, share: float) -> LanePass:
    def blend(name: str) -> Floats:
        return (1 - share) * getattr(old, name) + share * getattr(new, name)

    names = ("bound", "gain", "loss", "dock_out", "dock_in", "spent", "tilt", "lane", "packs")
    return LanePass(*(blend(name) for name in names))
