"""Searches the prices of the relaxation. Any of them gives a valid bound, so this decides only how tight it gets.

The volume method of Barahona and Anbil, Mathematical Programming 87 (2000) 385-399: steps along an averaged subgradient, whose average of
priced items also tells which lanes are worth using.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pipelines.planning.first_prices import PriceGame, Start, Steps
from pipelines.planning.problem import Floats, Ints, Problem
from pipelines.planning.relaxation import Prices, Relaxation, Use, overload, pulled

QUICK_PASSES = 8
# With no more passes than this a step that fails is shortened at once; with more, patience ends lower.
FEW_PASSES = 60


@dataclass(frozen=True, eq=False)
class Bound:
    """The best bound in USD, its prices, average use (lanes open, packs by arc), passes made and the step's factor to go on with."""

    value: float
    prices: Prices
    use: Use
    passes: int
    factor: float = 0.3


def quick_bound(problem: Problem, limits: Ints) -> float:
    """A valid if loose bound from a few rounds, for a search that ended before it had any."""
    game = PriceGame(Relaxation(problem, limits))
    game.play(game.start(), QUICK_PASSES, Steps())
    prices, ceiling = game.prices()
    return game.relaxation.price(prices, 1, ceiling)[0]


def first_bound(relaxation: Relaxation, game: PriceGame, start: Start) -> Bound:
    """The bound at the game's average prices; lanes are open as the game left them."""
    prices, ceiling = game.prices()
    value, use = relaxation.price(prices, ceiling=ceiling)
    p = relaxation.problem
    use = replace(use, lane=start.share, arc=np.where(use.arc > 0, np.maximum(start.share[p.arc_lane], 0.5), 0.0))
    return Bound(value, prices, use, 0)


def tighten(relaxation: Relaxation, last: Bound, target: float, passes: int, stop: Callable[[], bool], memory: float = 0.1) -> Bound:
    """Lower the bound by `passes` volume steps towards `target` USD (a real plan's value, or an estimate of the best)."""
    best, center, use, factor = last.value, last.prices, last.use, last.factor
    fails, wins, count = 0, 0, 0
    scale, patience = _Scale(relaxation, center), 4 if passes > FEW_PASSES else 1
    while count < passes and not stop():
        trial = scale.step(center, use, factor * (best - min(target, best - 1e-4 * abs(best))))
        value, found = relaxation.price(trial)
        count += 1
        use = use.mixed(found, memory)
        if value < best:
            best, center, fails, wins = value, trial, 0, wins + 1
            factor = min(2.0, factor * 1.1) if wins >= 2 else factor
        else:
            fails, wins = fails + 1, 0
            if fails >= patience:
                factor, fails = max(1e-3, factor * 0.75), 0
    return Bound(best, center, use, last.passes + count, factor)


class _Scale:
    """How far each price may move, in USD of what it prices, and the subgradient step in those measures."""

    def __init__(self, relaxation: Relaxation, prices: Prices) -> None:
        self.relaxation, p = relaxation, relaxation.problem
        lanes = len(p.lane_ids)
        paid = np.bincount(p.arc_lane, weights=prices.link, minlength=lanes)
        payers = np.maximum(np.bincount(p.arc_lane, weights=prices.link > 0, minlength=lanes), 1)
        self.link = np.maximum(prices.link, 0.25 * (paid / payers)[p.arc_lane])
        self.dock = max(0.1 * relaxation.dock_worth(prices), 0.05 * float(self.link.sum()), 1.0) / max(1, len(p.location_ids))
        self.pallet = 0.3 * np.maximum(p.pallet_cost_usd, 1e-6)
        self.least_kg, self.least_usd = relaxation.least_kg, relaxation.least_usd

    def step(self, at: Prices, use: Use, gap: float) -> Prices:
        """Move along the subgradient of averaged use by gap / its squared length. A price at zero with room to spare does not count."""
        p = self.relaxation.problem
        link = np.where(self.relaxation.live, use.arc - use.lane[p.arc_lane], 0.0)
        out, into = overload(use.dock_out, p.dock_out_units), overload(use.dock_in, p.dock_in_units)
        base = use.lane * self.relaxation.least_pallets
        kg, m3 = self.relaxation.pallet_slopes(at, use, base)
        # Short of a minimum shipment by this share of it, and above it while that is paid for.
        short = np.divide(use.kg - use.lane * self.least_kg, self.least_kg, out=np.zeros(len(kg)), where=self.least_kg > 0)
        kg[at.kg < 0] = 0.0
        short[(at.kg > 0) | (short > 0) & (at.kg >= 0)] = 0.0
        budget = float(overload(np.array([use.spent]), np.array([p.budget_usd]))[0])
        for slope, price in ((link, at.link), (out, at.dock_out), (into, at.dock_in), (kg, at.kg), (m3, at.m3)):
            slope[(slope < 0) & (price <= 0)] = 0.0
        budget = 0.0 if budget < 0 and at.budget <= 0 else budget
        length = (self.link * link**2).sum() + (self.pallet * (kg**2 + m3**2)).sum() + (self.least_usd * self.least_kg * short**2).sum()
        length += self.dock * ((out**2).sum() + (into**2).sum() + budget**2)
        s = gap / max(float(length), 1e-12)
        moved = Prices(
            np.maximum(0.0, at.dock_out + s * self.dock * out / _room(p.dock_out_units)),
            np.maximum(0.0, at.dock_in + s * self.dock * into / _room(p.dock_in_units)),
            pulled(at.kg, s * self.pallet * kg, s * self.least_usd * short),
            np.maximum(0.0, at.m3 + s * self.pallet * m3),
            max(0.0, at.budget + s * self.dock * budget / max(p.budget_usd, 1e-9)) if np.isfinite(p.budget_usd) else 0.0,
            np.maximum(0.0, at.link + s * self.link * link),
        )
        return self.relaxation.affordable(moved, np.maximum(use.kg, use.m3))


def _room(capacity: Floats) -> Floats:
    return np.where(np.isfinite(capacity) & (capacity > 0), capacity, 1.0)
