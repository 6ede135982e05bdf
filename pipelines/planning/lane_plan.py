"""Whole plans on chosen lanes: items answer prices with whole packs, prices settle docks and pallets, improve.py mends the rest."""

from collections.abc import Callable

import numpy as np

from pipelines.planning.improve import improved
from pipelines.planning.objective import evaluate
from pipelines.planning.problem import Floats, Ints
from pipelines.planning.relaxation import Prices, Relaxation

CLOSED = 1e18
SETTLING_PASSES = 8
LEAST_DOUBT = 0.002
MOST_SWAPPED = 60


def plan_on_lanes(relaxation: Relaxation, prices: Prices, lanes: np.ndarray, passes: int = SETTLING_PASSES) -> tuple[Ints, Prices]:
    """A whole, allowed plan that uses only `lanes`, and the prices that docks, pallets and budget came to; `prices` is where they start."""
    p = relaxation.problem
    firm = np.maximum(p.arc_fixed_packs, 0)
    shut = ~lanes[p.arc_lane]
    packs, worth = np.zeros(p.arcs), np.zeros(len(relaxation.items))
    for t in range(passes):
        charge = np.where(shut, CLOSED, (1 + prices.budget) * p.arc_line_cost_usd)
        cost = relaxation.pack_cost(prices)
        relaxation.solve_items(relaxation.items, cost, charge, packs, worth)
        if t < passes - 1:
            prices = _settled(relaxation, prices, packs, lanes, 1.0 / (1.0 + t))
    whole = np.where(p.arc_fixed_packs >= 0, firm, np.rint(packs).astype(np.int64))
    return improved(p, relaxation.net.limit.astype(np.int64), whole), prices


def _settled(relaxation: Relaxation, prices: Prices, packs: Floats, lanes: np.ndarray, pace: float) -> Prices:
    """Prices after one answer: dearer where overloaded, cheaper where there is room; a pallet's room is the pallets its lane needs."""
    p = relaxation.problem
    use = relaxation.use(packs, lanes.astype(float), packs > 0)
    moved = max(1.0, float(use.dock_out.sum()))
    unit = 0.3 * pace * max(1e-6, float((packs * p.arc_cost_usd_per_pack).sum() / moved + prices.dock_out.mean() + prices.dock_in.mean()))
    pallet = 0.5 * pace * p.pallet_cost_usd
    room = np.maximum(1.0, lanes.astype(float))
    return relaxation.moved(prices, use, room, unit, pallet, 0.2 * pace)


def best_lanes(
    relaxation: Relaxation, prices: Prices, share: Floats, thresholds: tuple[float, ...], stop: Callable[[], bool]
) -> tuple[Ints, np.ndarray, Prices]:
    """The best plan over lanes open more than each threshold share, its lanes, and the prices it came to; the first is always tried."""
    best: tuple[float, Ints, np.ndarray, Prices] | None = None
    seen: set[bytes] = set()
    for threshold in thresholds:
        lanes = share > threshold
        if lanes.tobytes() in seen or (seen and stop()):
            continue
        seen.add(lanes.tobytes())
        packs, settled = plan_on_lanes(relaxation, prices, lanes)
        value = evaluate(relaxation.problem, packs).total
        if best is None or value > best[0]:
            best = value, packs, lanes, settled
    if best is None:
        raise ValueError("no threshold was given")
    return best[1:]


class _Trial:
    """What whole items earn on a set of lanes at fixed prices, and by how much that changes when one lane opens or closes."""

    def __init__(self, relaxation: Relaxation, prices: Prices, lanes: np.ndarray) -> None:
        self.relaxation, self.lanes = relaxation, lanes.copy()
        p = relaxation.problem
        self.cost, self.line = relaxation.pack_cost(prices), (1 + prices.budget) * p.arc_line_cost_usd
        self.fee = relaxation.lane_fee(prices)
        order = np.argsort(p.arc_lane, kind="stable")
        order = order[relaxation.live[order]]
        edges = np.searchsorted(p.arc_lane[order], np.arange(len(p.lane_ids) + 1))
        self.riders = [np.unique(p.arc_item[order[edges[lane] : edges[lane + 1]]]) for lane in range(len(p.lane_ids))]
        self.packs = np.zeros(p.arcs)
        self.worth = self._worth(relaxation.items)

    def _worth(self, items: Ints) -> Floats:
        r = self.relaxation
        charge = np.where(self.lanes[r.problem.arc_lane], self.line, CLOSED)
        worth = np.zeros(len(r.items))
        r.solve_items(items, self.cost, charge, self.packs, worth)
        return worth[items]

    def flip(self, changed: tuple[int, ...]) -> bool:
        """Open or close the lanes of `changed` together if that earns more at these prices."""
        items = np.unique(np.concatenate([self.riders[lane] for lane in changed]))
        fees = sum(self.fee[lane] * (-1.0 if self.lanes[lane] else 1.0) for lane in changed)
        self.lanes[list(changed)] ^= True
        worth = self._worth(items)
        if worth.sum() - self.worth[items].sum() + fees > 1e-6:
            self.worth[items] = worth
            return True
        self.lanes[list(changed)] ^= True
        return False


def search_lanes(
    relaxation: Relaxation, plan: tuple[Ints, np.ndarray, Prices], share: Floats, rounds: int, stop: Callable[[], bool]
) -> tuple[Ints, np.ndarray, Prices]:
    """Open, close and swap lanes while that earns more at the plan's prices, then settle prices and mend; at most `rounds` times, ended
    by the first that leaves the whole plan no better. Doubtful lanes come first; a lane is swapped with others at either of its ends.
    """
    packs, lanes, prices = plan
    value = evaluate(relaxation.problem, packs).total
    p = relaxation.problem
    doubtful = [lane for lane in np.argsort(np.abs(share - 0.5), kind="stable").tolist() if LEAST_DOUBT < share[lane] < 1 - LEAST_DOUBT]
    near = [(i, j) for x, i in enumerate(doubtful[:MOST_SWAPPED]) for j in doubtful[x + 1 : MOST_SWAPPED]]
    swaps = [(i, j) for i, j in near if p.lane_origin[i] == p.lane_origin[j] or p.lane_destination[i] == p.lane_destination[j]]
    for _ in range(rounds):
        if stop():
            break
        trial = _Trial(relaxation, prices, lanes)
        for changed in [(lane,) for lane in doubtful] + swaps:
            if len(changed) == 1 or trial.lanes[changed[0]] != trial.lanes[changed[1]]:
                trial.flip(changed)
        found, settled = plan_on_lanes(relaxation, prices, trial.lanes)
        worth = evaluate(p, found).total
        if worth <= value + 1e-6:
            break
        packs, lanes, prices, value = found, trial.lanes, settled, worth
    return packs, lanes, prices
