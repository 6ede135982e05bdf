"""An upper bound that needs no model in memory: lanes priced one by one, coupled by multipliers. Searching multipliers is volume.py's task.

Valid for any multipliers of zero or more on what is relaxed: room in every gain segment (u) and loss segment (v), docks (out, in), the
budget. What is left falls apart by lane: profit is concave in pallets; the best whole pallets and trucks of each lane are found exactly,
with kg and m3 blended by a share theta (a pallet holds theta kg/pallet_kg + (1 - theta) m3/pallet_m3 <= 1 for any theta in [0, 1]).
Minimum shipments and the one-direction rule are left out, which keeps the bound valid; line charges are spread over U_a packs.

    UB = sum u W + sum v W + out D_out + in D_in + kappa B + sum over lanes of the lane's best profit (or 0: not used)
"""

from dataclasses import dataclass

import numpy as np

from pipelines.planning.problem import Curves, Floats, Ints, Problem
from pipelines.planning.variables import segment_widths


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
        self.cost = (problem.arc_cost_usd_per_pack + problem.arc_line_cost_usd / np.maximum(limits, 1))[self.live]
        self.kg = problem.arc_kg_per_pack[self.live] / problem.pallet_kg[self.lane]
        self.m3 = problem.arc_m3_per_pack[self.live] / problem.pallet_m3[self.lane]

    def first_multipliers(self) -> Multipliers:
        """Half of the best possible rent of each segment, docks free, theta by which of kg and m3 fills pallets first."""
        p = self.problem
        cost = self.cost
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
        cost = money * self.cost + self.units * (m.dock_out[self.origin] + m.dock_in[self.destination])
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
        spent = float((arcs * self.cost).sum())
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
