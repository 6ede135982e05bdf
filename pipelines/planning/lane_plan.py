"""Whole plans on chosen lanes: items answer prices with whole packs, prices settle docks and pallets, improve.py mends the rest."""

import numpy as np

from pipelines.planning.first_prices import overload
from pipelines.planning.improve import improved
from pipelines.planning.item_flow import price_items
from pipelines.planning.objective import evaluate
from pipelines.planning.problem import Floats, Ints
from pipelines.planning.relaxation import SEARCH_NODES, Prices, Relaxation

CLOSED = 1e18
SETTLING_PASSES = 8


def plan_on_lanes(relaxation: Relaxation, prices: Prices, lanes: np.ndarray, passes: int = SETTLING_PASSES) -> tuple[Ints, Prices]:
    """A whole, allowed plan that uses only `lanes`, and the prices that docks, pallets and budget came to; `prices` is where they start."""
    p = relaxation.problem
    firm = np.maximum(p.arc_fixed_packs, 0)
    shut = ~lanes[p.arc_lane]
    packs, worth = np.zeros(p.arcs), np.zeros(len(relaxation.items))
    for t in range(passes):
        charge = np.where(shut, CLOSED, (1 + prices.budget) * p.arc_line_cost_usd)
        cost = relaxation.pack_cost(prices)
        price_items(relaxation.net, relaxation.items, cost, charge, SEARCH_NODES, relaxation.work, packs, worth)
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
    settled = Prices(
        np.maximum(0.0, prices.dock_out + unit * overload(use.dock_out, p.dock_out_units)),
        np.maximum(0.0, prices.dock_in + unit * overload(use.dock_in, p.dock_in_units)),
        np.maximum(0.0, prices.kg + pallet * overload(use.kg, room)),
        np.maximum(0.0, prices.m3 + pallet * overload(use.m3, room)),
        max(0.0, prices.budget + 0.2 * pace * float(overload(np.array([use.spent]), np.array([p.budget_usd]))[0])),
        prices.link,
    )
    return relaxation.affordable(settled, np.maximum(use.kg, use.m3))


def best_lanes(relaxation: Relaxation, prices: Prices, share: Floats, thresholds: tuple[float, ...]) -> tuple[Ints, np.ndarray, Prices]:
    """The best plan over lanes open more than each threshold share, its lanes, and the prices it came to."""
    best: tuple[float, Ints, np.ndarray, Prices] | None = None
    seen: set[bytes] = set()
    for threshold in thresholds:
        lanes = share > threshold
        if lanes.tobytes() in seen:
            continue
        seen.add(lanes.tobytes())
        packs, settled = plan_on_lanes(relaxation, prices, lanes)
        value = evaluate(relaxation.problem, packs).total
        if best is None or value > best[0]:
            best = value, packs, lanes, settled
    if best is None:
        raise ValueError("no threshold was given")
    return best[1:]


def search_lanes(
    relaxation: Relaxation, plan: tuple[Ints, np.ndarray, Prices], share: Floats, trials: int
) -> tuple[Ints, np.ndarray, Prices]:
    """Open or close one lane after another, most doubtful first, at most `trials` times; a change stays if the whole plan gains by it."""
    packs, lanes, prices = plan
    value = evaluate(relaxation.problem, packs).total
    doubt = np.abs(share - 0.5)
    for lane in np.argsort(doubt, kind="stable")[:trials].tolist():
        if doubt[lane] >= 0.5:
            break
        trial = lanes.copy()
        trial[lane] = not trial[lane]
        found, settled = plan_on_lanes(relaxation, prices, trial, 3)
        worth = evaluate(relaxation.problem, found).total
        if worth > value + 1e-6:
            packs, lanes, prices, value = found, trial, settled, worth
    return packs, lanes, prices
