"""Good first prices from a small game: lanes choose the share they are open, docks and pallets their prices, items answer with their LP.

Only lanes and locations are searched (a few hundred numbers whatever the size), so a sample of items finds nearly the same answer, and last
night's answer is a start. Links follow from the items' answer (link_flow.py). Better prices from here are volume.py's task.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.planning.crew import Crew
from pipelines.planning.link_flow import LinkWork, arc_rents, link_work_for, price_nodes
from pipelines.planning.network import GAIN, LOSS, VALUE, WIDTH
from pipelines.planning.problem import Floats, Ints
from pipelines.planning.relaxation import Prices, Relaxation, Use


@dataclass(frozen=True, eq=False)
class Start:
    """Shares lanes are open and prices of docks (USD per unit), of palletfuls of kg and m3 (USD, by lane) and of the budget."""

    share: Floats
    dock_out: Floats
    dock_in: Floats
    kg: Floats
    m3: Floats
    budget: float


@dataclass(frozen=True)
class Steps:
    """Sizes of steps: `share` per relative profit of a lane, `dock` and `pallet` per relative overload, all falling as 1 / (1 + t / slow);
    `memory` is the weight of the newest answer in averages.
    """

    share: float = 0.3
    dock: float = 0.5
    pallet: float = 0.5
    slow: float = 120.0
    memory: float = 0.03


class PriceGame:
    """The game on the items of `items` (all by default; a sample counts for as many as it stands for)."""

    def __init__(self, relaxation: Relaxation, items: Ints | None = None) -> None:
        self.relaxation, self.net = relaxation, relaxation.net
        self.items = relaxation.items if items is None else items
        self.weight = len(relaxation.items) / max(1, len(self.items))
        self.crew = Crew(relaxation.threads, lambda: link_work_for(self.net))
        p = relaxation.problem
        self.packs, self.rent = np.zeros(p.arcs), np.zeros(p.arcs)
        self.gain_price, self.loss_price = self.net.gain[VALUE].copy(), -self.net.loss[VALUE]
        self.average: tuple[Prices, Floats, Floats] | None = None

    def start(self) -> Start:
        """Lanes 30 % open, half the pallet cost on whichever of kg and m3 fills pallets first, docks and budget free."""
        r, p = self.relaxation, self.relaxation.problem
        heavier = np.bincount(p.arc_lane, weights=r.live * (r.kg - r.m3), minlength=len(p.lane_ids)) > 0
        half, places = 0.5 * p.pallet_cost_usd, len(p.location_ids)
        return Start(np.full(len(half), 0.3), np.zeros(places), np.zeros(places), half * heavier, half * ~heavier, 0.0)

    def play(self, start: Start, passes: int, steps: Steps, stop: Callable[[], bool] = lambda: False) -> Start:
        """`passes` rounds from `start`, at least one; averages of node prices and prices are kept for `prices()`."""
        unit_worth = 0.0
        for t in range(passes):
            if t and stop():
                break
            prices = self._priced(start)
            cost = self.relaxation.pack_cost(prices)
            self._price_nodes(cost, start.share)
            use = self._use(start.share)
            self._remember(prices, max(steps.memory, 2.0 / (t + 2.0)))
            if not unit_worth:
                unit_worth = self.ceiling().sum() * self.weight / max(1.0, use.dock_out.sum())
            start = self._answer(start, prices, use, steps, 1.0 / (1.0 + t / steps.slow), unit_worth)
        return start

    def _price_nodes(self, cost: Floats, share: Floats) -> None:
        def solve(some: Ints, work: LinkWork) -> None:
            price_nodes(self.net, some, cost, share, work, self.packs, self.gain_price, self.loss_price)

        self.crew.run(solve, self.items)

    def prices(self) -> tuple[Prices, Floats]:
        """Prices of the average answer with its links, and what no item can exceed at them."""
        if self.average is None:
            raise RuntimeError("no round was played; call play() first")
        prices, self.gain_price, self.loss_price = self.average
        return self._linked(prices), self.ceiling()

    def ceiling(self) -> Floats:
        """By item: room times what segments are worth above their node prices, at which every arc that is paid its rent earns nothing."""
        above = self.net.gain[WIDTH] * np.maximum(0.0, self.net.gain[VALUE] - self.gain_price)
        below = self.net.loss[WIDTH] * np.maximum(0.0, self.net.loss[VALUE] + self.loss_price)
        return _sums(above, self.net.gain_start[self.net.of[GAIN]]) + _sums(below, self.net.loss_start[self.net.of[LOSS]])

    def _priced(self, start: Start) -> Prices:
        link = np.zeros(self.relaxation.problem.arcs)
        return Prices(start.dock_out, start.dock_in, start.kg, start.m3, start.budget, link)

    def _linked(self, prices: Prices) -> Prices:
        r, p = self.relaxation, self.relaxation.problem
        spread = (1 + prices.budget) * p.arc_line_cost_usd / np.maximum(r.net.limit, 1.0)
        cost = r.pack_cost(prices) + spread
        self.crew.run(lambda some, _: arc_rents(self.net, some, cost, self.gain_price, self.loss_price, self.rent), self.items)
        return Prices(prices.dock_out, prices.dock_in, prices.kg, prices.m3, prices.budget, self.rent.copy())

    def _use(self, share: Floats) -> Use:
        p = self.relaxation.problem
        return self.relaxation.use(self.packs * self.weight, share, share[p.arc_lane] * (self.packs > 0) * self.weight)

    def _remember(self, prices: Prices, share: float) -> None:
        """Keep running averages. Prices of segments and of everything else average to valid prices, nearer to the best than any single."""
        if self.average is None:
            self.average = (prices, self.gain_price.copy(), self.loss_price.copy())
            return
        old, gain, loss = self.average
        gain += share * (self.gain_price - gain)
        loss += share * (self.loss_price - loss)
        names = ("dock_out", "dock_in", "kg", "m3", "budget")
        mixed = {name: (1 - share) * getattr(old, name) + share * getattr(prices, name) for name in names}
        self.average = (Prices(**mixed, link=old.link), gain, loss)

    def _answer(self, start: Start, prices: Prices, use: Use, steps: Steps, slower: float, unit_worth: float) -> Start:
        """Lanes follow their profit at the averaged node prices, prices follow overloads."""
        r, p = self.relaxation, self.relaxation.problem
        newest = self.gain_price, self.loss_price
        average = self.average or (prices, *newest)
        profit = 0.5 * self._lane_profit(prices)
        self.gain_price, self.loss_price = average[1], average[2]
        profit += 0.5 * self._lane_profit(average[0])
        self.gain_price, self.loss_price = newest[0], newest[1]
        fixed = np.maximum(p.truck_cost_usd + p.pallet_cost_usd, 1e-6)
        share = np.clip(start.share + np.clip(slower * steps.share * profit / fixed, -0.25, 0.25), 0.0, 1.0)
        dock = steps.dock * slower * unit_worth
        pallet = steps.pallet * slower * p.pallet_cost_usd * (start.share > 0)
        room = np.maximum(start.share, 0.02)
        moved = r.moved(prices, use, room, dock, pallet, 0.1 * slower)
        return Start(share, moved.dock_out, moved.dock_in, moved.kg, moved.m3, moved.budget)

    def _lane_profit(self, prices: Prices) -> Floats:
        p = self.relaxation.problem
        rents = self._linked(prices).link
        return self.weight * np.bincount(p.arc_lane, weights=rents, minlength=len(p.lane_ids)) + self.relaxation.lane_fee(prices)


def _sums(values: Floats, edges: Ints) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(values)])
    return total[edges[1:]] - total[edges[:-1]]
