"""An upper bound that needs no model: items solved one by one, each exactly, coupled by prices. Searching prices is volume.py's task.

Each item plans alone and whole: its donors, receivers and arcs, docks, kg and m3 at a price, and for every arc it uses a share `link` of
what the lane costs, line charge included. Each lane then opens if the shares it was paid exceed truck and pallet. What is relaxed: docks,
pallet kg and m3, minimum shipments, the budget, and that an arc's lane is open only once. With psi_l the best of an open lane's pallets and
trucks:

    UB = sum_s V_s + sum_l max(0, sum_a in l link_a + psi_l) + out D_out + in D_in + budget B

It holds for all `Prices`, since V_s is never below what the item earns in any plan at those prices (Lagrangian decomposition, Guignard and
Kim, Mathematical Programming 39, 1987, 215-228). A price of kg below zero pays items for weight and is owed by the lane for its minimum
shipment, no more than which an open lane may be short of. The one-direction rule is left out, which keeps it valid. Because items with
charges are solved whole it lies well below the LP with all its cuts.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.planning.bounds import BOUND_SLACK
from pipelines.planning.crew import Crew
from pipelines.planning.item_flow import Work, price_items, work_for
from pipelines.planning.network import lay_out
from pipelines.planning.objective import whole_above
from pipelines.planning.problem import Floats, Ints, Problem

SEARCH_NODES = 5_000
# Pallets sell for their cost if their price is within this share of it.
AT_COST = 1e-3


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices of what is relaxed: docks per unit and location, a palletful of kg and of m3 per lane, USD of budget, and the USD an item pays
    for using an arc at all. All zero or more, except that kg may be paid for (below zero) where a lane has a minimum shipment.
    """

    dock_out: Floats
    dock_in: Floats
    kg: Floats
    m3: Floats
    budget: float
    link: Floats


@dataclass(frozen=True, eq=False)
class Use:
    """What priced items use of what is relaxed, or an average: units at docks, palletfuls of kg and m3, USD, arcs, lanes, packs."""

    dock_out: Floats
    dock_in: Floats
    kg: Floats
    m3: Floats
    spent: float
    arc: Floats
    lane: Floats
    packs: Floats

    def mixed(self, new: "Use", share: float) -> "Use":
        """`share` of the new and the rest of this one."""
        names = self.__dataclass_fields__
        return Use(**{name: (1 - share) * getattr(self, name) + share * getattr(new, name) for name in names})


class Relaxation:
    """The relaxed problem of one instance, laid out once."""

    def __init__(self, problem: Problem, limits: Ints, threads: int = 0) -> None:
        self.problem = problem
        self.net = lay_out(problem, limits)
        self.threads = threads
        self.crew = Crew(threads, lambda: work_for(self.net))
        self.items = np.arange(len(problem.item_ids))
        self.live = limits > 0
        self.units = problem.pack_units[problem.arc_item].astype(float)
        lane = problem.arc_lane
        self.kg, self.m3 = problem.arc_kg_per_pack / problem.pallet_kg[lane], problem.arc_m3_per_pack / problem.pallet_m3[lane]
        # What an open lane has at least: palletfuls of kg, pallets and trucks.
        self.least_kg = problem.min_shipment_kg / problem.pallet_kg
        self.least_pallets = np.maximum(whole_above(self.least_kg), 1)
        # USD per palletful that a lane's minimum is worth paying for: what the lane costs, spread over the minimum.
        fixed = problem.truck_cost_usd + problem.pallet_cost_usd
        self.least_usd = np.divide(fixed, self.least_kg, out=np.zeros(len(fixed)), where=self.least_kg > 0)
        self.least_trucks = -(-self.least_pallets // problem.pallets_per_truck)

    def load(self) -> None:
        """Load what is compiled, or compile it, by pricing no item."""
        nothing = np.zeros(self.problem.arcs)
        self.solve_items(self.items[:0], nothing, nothing, nothing.copy(), np.zeros(0))

    def solve_items(self, items: Ints, cost: Floats, charge: Floats, packs: Floats, worth: Floats, nodes: int = SEARCH_NODES) -> None:
        """Best whole packs of each item at `cost` a pack and `charge` an arc: fills `packs` by arc and `worth` by item, as price_items."""

        def solve(some: Ints, work: Work) -> None:
            price_items(self.net, some, cost, charge, nodes, work, packs, worth)

        self.crew.run(solve, items)

    def no_prices(self) -> Prices:
        """Everything free."""
        p = self.problem
        places, lanes = len(p.location_ids), len(p.lane_ids)
        return Prices(np.zeros(places), np.zeros(places), np.zeros(lanes), np.zeros(lanes), 0.0, np.zeros(p.arcs))

    def pack_cost(self, prices: Prices) -> Floats:
        """USD per pack on each arc at these prices, charges aside."""
        p = self.problem
        lane = p.arc_lane
        docks = self.units * (prices.dock_out[p.arc_origin] + prices.dock_in[p.arc_destination])
        return (1 + prices.budget) * p.arc_cost_usd_per_pack + self.kg * prices.kg[lane] + self.m3 * prices.m3[lane] + docks

    def lane_fee(self, prices: Prices) -> Floats:
        """psi_l: what an open lane earns by selling its pallets at these prices, less pallets, trucks and what it owes for its minimum
        shipment (normally negative).

        With g = kg + m3 price - pallet cost per pallet and Q pallets a truck it is linear in pallets and trucks, so the best is the fewest
        pallets that the minimum leaves, the fewest trucks full, or all trucks full.
        """
        p = self.problem
        truck = (1 + prices.budget) * p.truck_cost_usd
        each = np.maximum(prices.kg, 0.0) + prices.m3 - (1 + prices.budget) * p.pallet_cost_usd
        full = p.pallets_per_truck * each - truck
        fewest = self.least_pallets * each - self.least_trucks * truck
        best = np.maximum(fewest, np.maximum(self.least_trucks * full, np.maximum(p.max_trucks, self.least_trucks) * full))
        return best + np.minimum(prices.kg, 0.0) * self.least_kg

    def dock_worth(self, prices: Prices) -> float:
        """Prices times capacities of docks and budget; a price on what has no limit makes the bound infinite."""
        p = self.problem
        docks = ((prices.dock_out, p.dock_out_units), (prices.dock_in, p.dock_in_units))
        budget = prices.budget * p.budget_usd if prices.budget > 0 else 0.0
        return budget + float(sum((price[price > 0] * room[price > 0]).sum() for price, room in docks))

    def price(self, prices: Prices, nodes: int = SEARCH_NODES, ceiling: Floats | None = None) -> tuple[float, Use]:
        """The bound in USD at these prices, and how the priced items use what is relaxed.

        nodes: limit of one item's search, beyond which its open nodes count; ceiling: what each item is known not to exceed.
        """
        p = self.problem
        packs, worth = np.zeros(p.arcs), np.zeros(len(self.items))
        charge = prices.link + (1 + prices.budget) * p.arc_line_cost_usd
        self.solve_items(self.items, self.pack_cost(prices), charge, packs, worth, nodes)
        if ceiling is not None:
            worth = np.minimum(worth, ceiling)
        lane_worth = self.lane_worth(prices)
        bound = float(worth.sum() + np.maximum(lane_worth, 0.0).sum()) + self.dock_worth(prices)
        return bound + BOUND_SLACK * abs(bound), self.use(packs, (lane_worth > 0).astype(float), packs > 0)

    def lane_worth(self, prices: Prices) -> Floats:
        """What opening each lane adds to the bound: the links it is paid, and its fee."""
        p = self.problem
        return np.bincount(p.arc_lane, weights=prices.link * self.live, minlength=len(p.lane_ids)) + self.lane_fee(prices)

    def use(self, packs: Floats, lane: Floats, arc: Floats) -> Use:
        """What packs by arc use, with `lane` and `arc` in [0, 1] open; a lane that is open has a pallet and a truck."""
        p = self.problem
        places, lanes = len(p.location_ids), len(p.lane_ids)
        kg = np.bincount(p.arc_lane, weights=packs * self.kg, minlength=lanes)
        m3 = np.bincount(p.arc_lane, weights=packs * self.m3, minlength=lanes)
        pallets = np.maximum(lane * self.least_pallets, np.maximum(kg, m3))
        fixed = pallets * p.pallet_cost_usd + np.maximum(lane * self.least_trucks, pallets / p.pallets_per_truck) * p.truck_cost_usd
        return Use(
            np.bincount(p.arc_origin, weights=packs * self.units, minlength=places),
            np.bincount(p.arc_destination, weights=packs * self.units, minlength=places),
            kg,
            m3,
            float((packs * p.arc_cost_usd_per_pack).sum() + (arc * p.arc_line_cost_usd).sum() + fixed.sum()),
            arc.astype(float),
            lane,
            packs,
        )

    def affordable(self, prices: Prices, pallets: Floats) -> Prices:
        """The nearest prices at which a palletful costs no more than its pallet, and its share of a truck on lanes with a full truck of
        `pallets`: dearer ones only loosen the bound.
        """
        p = self.problem
        full = pallets >= p.pallets_per_truck
        most = (1 + prices.budget) * (p.pallet_cost_usd + full * p.truck_cost_usd / p.pallets_per_truck)
        each = np.maximum(prices.kg, 0.0) + prices.m3
        scale = np.divide(most, each, out=np.ones(len(most)), where=each > most)
        return replace(prices, kg=prices.kg * np.where(prices.kg > 0, scale, 1.0), m3=prices.m3 * scale)

    def pallet_slopes(self, prices: Prices, use: Use, base: Floats) -> tuple[Floats, Floats]:
        """Palletfuls of kg and of m3 beyond the pallets that lanes sell at these prices, which says where either price ought to go.

        base: pallets of a lane whose pallets cost more than they sell for. Where they sell for just their cost a lane takes as many as
        it needs, and what is left to choose is who pays: the price moves from whichever of kg and m3 has room to the one that fills them.
        """
        p = self.problem
        each, filled = np.maximum(prices.kg, 0.0) + prices.m3, np.maximum(use.kg, use.m3)
        pallet, truckful = (1 + prices.budget) * p.pallet_cost_usd, np.maximum(base, use.lane * p.pallets_per_truck)
        top = pallet + (1 + prices.budget) * p.truck_cost_usd / p.pallets_per_truck
        sold = np.where(each >= (1 - AT_COST) * pallet, np.clip(filled, base, truckful), base)
        sold = np.where(each > (1 + AT_COST) * pallet, truckful, sold)
        sold = np.where(each >= (1 - AT_COST) * top, np.maximum(filled, truckful), sold)
        shifts, half = (sold == filled) & (filled > base), 0.5 * (use.kg - use.m3)
        half = np.where((half > 0) & (prices.m3 <= 0) | (half < 0) & (prices.kg <= 0), 0.0, half)
        return np.where(shifts, half, use.kg - sold), np.where(shifts, -half, use.m3 - sold)

    def moved(self, prices: Prices, use: Use, room: Floats, dock: float, pallet: Floats, budget: float) -> Prices:
        """Prices after one answer: dearer where `use` overloads, cheaper where there is room, affordable still. Kg are paid for where a
        lane is below its minimum.

        room: pallets each lane has; dock (USD per unit), pallet (USD per palletful, by lane), budget: the step at an overload of 100 %.
        """
        p = self.problem
        kg, m3 = self.pallet_slopes(prices, use, room)
        room = np.maximum(room, np.maximum(use.kg, use.m3))
        kg, m3 = np.clip(kg / room, -1.0, 1.0), np.clip(m3 / room, -1.0, 1.0)
        short = pallet / np.maximum(p.pallet_cost_usd, 1e-6) * self.least_usd
        found = Prices(
            np.maximum(0.0, prices.dock_out + dock * overload(use.dock_out, p.dock_out_units)),
            np.maximum(0.0, prices.dock_in + dock * overload(use.dock_in, p.dock_in_units)),
            pulled(prices.kg, pallet * kg, short * overload(use.kg, self.least_kg * use.lane)),
            np.maximum(0.0, prices.m3 + pallet * m3),
            max(0.0, prices.budget + budget * float(overload(np.array([use.spent]), np.array([p.budget_usd]))[0])),
            prices.link,
        )
        return self.affordable(found, np.maximum(use.kg, use.m3))


def overload(used: Floats, room: Floats) -> Floats:
    """Relative overload, between -1 and 1; 0 where there is no limit, 1 where there is use but no room."""
    limited = np.isfinite(room)
    ratio = np.divide(used, room, out=np.where(used > 0, 2.0, 1.0), where=limited & (room > 0))
    return np.where(limited, np.clip(ratio - 1.0, -1.0, 1.0), 0.0)


def pulled(price: Floats, above: Floats, below: Floats) -> Floats:
    """A price of kg after steps: `above` zero by how far the load exceeds the pallets, below zero by how far it exceeds the minimum (a
    negative step where it falls short); it stops at zero on its way to the other side.

    >>> pulled(np.array([5.0, -5.0, 0.0, 0.0]), np.array([-9.0, -9.0, 2.0, -2.0]), np.array([3.0, 3.0, 3.0, -1.0])).tolist()
    [0.0, -2.0, 2.0, -1.0]
    """
    at_zero = np.maximum(above, 0.0) + np.minimum(below, 0.0)
    return np.where(price > 0, np.maximum(0.0, price + above), np.where(price < 0, np.minimum(0.0, price + below), at_zero))
