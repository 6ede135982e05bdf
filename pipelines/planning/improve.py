"""Mends and betters a plan pack by pack: drop what breaks a limit, fill pallet space already paid, give up pallets that do not pay.

Plans only; bounds are elsewhere. All choices are made in array order, so the same plan always improves to the same plan.
"""

import heapq

import numpy as np

from pipelines.planning.objective import NOISE, evaluate, lane_load, lane_pallets, violations
from pipelines.planning.pack_worth import PackWorth
from pipelines.planning.problem import Floats, Ints, Problem


def fill(problem: Problem, limits: Ints, packs: Ints) -> Ints:
    """Add packs, dearest first, where they earn more than they cost in pallet space already paid for. Opens no lane, line or pallet."""
    packs = packs.copy()
    room = _Room(problem, packs)
    worth = PackWorth(problem, packs)
    open_lines = (problem.arc_line_cost_usd == 0) | (packs > 0)
    is_moving = (room.pallets > 0)[problem.arc_lane] & (problem.arc_fixed_packs < 0) & open_lines
    # Room only shrinks from here, so what does not fit now never will.
    wanted = np.flatnonzero((limits > packs) & is_moving & ~_wrong_way(problem, packs) & room.fits())
    value = worth.added_at_first(wanted)
    heap = list(zip((-value[value > NOISE]).tolist(), wanted[value > NOISE].tolist(), strict=True))
    heapq.heapify(heap)
    while heap:
        value, a = heapq.heappop(heap)
        now = worth.added(a)
        if now <= NOISE or packs[a] >= limits[a]:
            continue
        if now < -value - NOISE:
            heapq.heappush(heap, (-now, a))
        elif room.holds(a):
            packs[a] += 1
            worth.move(a, 1)
            room.take(a)
            heapq.heappush(heap, (-worth.added(a), a))
    return packs


class _Room:
    """What a plan leaves free: weight and volume of its paid pallets, dock units, budget, and the way each item already moves."""

    def __init__(self, problem: Problem, packs: Ints) -> None:
        self.problem = problem
        self.units = problem.pack_units[problem.arc_item]
        self.pallets = lane_pallets(problem, packs)
        kg, m3 = lane_load(problem, packs)
        self.kg, self.m3 = self.pallets * problem.pallet_kg - kg, self.pallets * problem.pallet_m3 - m3
        self.places = len(problem.location_ids)
        moved = packs * self.units
        self.dock_out = problem.dock_out_units - np.bincount(problem.arc_origin, weights=moved, minlength=self.places)
        self.dock_in = problem.dock_in_units - np.bincount(problem.arc_destination, weights=moved, minlength=self.places)
        self.budget = problem.budget_usd - evaluate(problem, packs).spent
        self.sends = set((problem.arc_item * self.places + problem.arc_origin)[packs > 0].tolist())
        self.receives = set((problem.arc_item * self.places + problem.arc_destination)[packs > 0].tolist())

    def fits(self) -> np.ndarray:
        """Arcs on which one more pack fits pallets and docks."""
        p, lane = self.problem, self.problem.arc_lane
        docks = (self.dock_out[p.arc_origin] >= self.units) & (self.dock_in[p.arc_destination] >= self.units)
        return docks & (self.kg[lane] >= p.arc_kg_per_pack) & (self.m3[lane] >= p.arc_m3_per_pack)

    def holds(self, a: int) -> bool:
        """Whether one more pack fits arc `a`, and its item neither leaves where it arrives nor arrives where it leaves."""
        problem, lane, (leaves, arrives) = self.problem, self.problem.arc_lane[a], self._ends(a)
        if leaves in self.receives or arrives in self.sends or self.budget < problem.arc_cost_usd_per_pack[a]:
            return False
        fits = self.kg[lane] >= problem.arc_kg_per_pack[a] and self.m3[lane] >= problem.arc_m3_per_pack[a]
        out, into = self.dock_out[problem.arc_origin[a]], self.dock_in[problem.arc_destination[a]]
        return bool(fits and out >= self.units[a] and into >= self.units[a])

    def take(self, a: int) -> None:
        """Use the room of one pack on arc `a`."""
        problem, lane, (leaves, arrives) = self.problem, self.problem.arc_lane[a], self._ends(a)
        self.sends.add(leaves)
        self.receives.add(arrives)
        self.kg[lane] -= problem.arc_kg_per_pack[a]
        self.m3[lane] -= problem.arc_m3_per_pack[a]
        self.dock_out[problem.arc_origin[a]] -= self.units[a]
        self.dock_in[problem.arc_destination[a]] -= self.units[a]
        self.budget -= problem.arc_cost_usd_per_pack[a]

    def _ends(self, a: int) -> tuple[int, int]:
        """The item at its origin and at its destination, as keys of `sends` and `receives`."""
        item = int(self.problem.arc_item[a]) * self.places
        return item + int(self.problem.arc_origin[a]), item + int(self.problem.arc_destination[a])


def _wrong_way(problem: Problem, packs: Ints) -> np.ndarray:
    """Arcs that would make an item leave where it arrives, or arrive where it leaves."""
    places = len(problem.location_ids)
    leaves, arrives = problem.arc_item * places + problem.arc_origin, problem.arc_item * places + problem.arc_destination
    return np.isin(leaves, arrives[packs > 0]) | np.isin(arrives, leaves[packs > 0])


def trim(problem: Problem, packs: Ints) -> Ints:
    """Give up the last pallet (or the whole of a lane) wherever its packs are worth less than it costs, cheapest packs first."""
    packs = packs.copy()
    worth = PackWorth(problem, packs)
    free = np.flatnonzero((packs > 0) & (problem.arc_fixed_packs < 0))
    order = free[np.argsort(problem.arc_lane[free], kind="stable")]
    lane = problem.arc_lane[order]
    size = np.maximum(problem.arc_kg_per_pack[order] / problem.pallet_kg[lane], problem.arc_m3_per_pack[order] / problem.pallet_m3[lane])
    size = np.maximum(size, NOISE)
    each = worth.taken_at_first(order) / size
    edges = np.searchsorted(lane, np.arange(len(problem.lane_ids) + 1))
    load = _Load(problem, packs)
    for one in np.flatnonzero(load.pallets).tolist():
        own = slice(edges[one], edges[one + 1])
        charges = float(problem.arc_line_cost_usd[order[own]].sum())
        while load.pallets[one] and load.may_pay(one, each[own], packs[order[own]] * size[own], charges):
            lines = list(zip(each[own].tolist(), order[own].tolist(), size[own].tolist(), strict=True))
            if not _give_up_pallet(problem, packs, worth, one, lines, load):
                break
    return packs


class _Load:
    """Kg, m3 and pallets of every lane of a plan."""

    def __init__(self, problem: Problem, packs: Ints) -> None:
        self.problem = problem
        self.kg, self.m3 = lane_load(problem, packs)
        self.pallets = lane_pallets(problem, packs)

    def saving(self, lane: int) -> float:
        """USD saved by one pallet less, with its truck where it is the last of one."""
        p, count, per_truck = self.problem, self.pallets[lane], self.problem.pallets_per_truck[lane]
        return p.pallet_cost_usd[lane] + p.truck_cost_usd[lane] * (-(-count // per_truck) - -(-(count - 1) // per_truck))

    def may_pay(self, lane: int, each: Floats, sizes: Floats, charges: float) -> bool:
        """Whether the cheapest packs of the last pallet, at what each palletful of them was worth at first, are worth less than it saves.

        Packs grow dearer as others are taken, so what does not pay at first never does. `charges`: all that the lane's lines pay as such.
        """
        p, left = self.problem, self.pallets[lane] - 1
        over = max(self.kg[lane] / p.pallet_kg[lane], self.m3[lane] / p.pallet_m3[lane]) - left
        order = np.argsort(each, kind="stable")
        before = np.concatenate([[0.0], np.cumsum(sizes[order])])
        taken = np.clip(over - before[:-1], 0.0, sizes[order])
        return float((taken * each[order]).sum()) < self.saving(lane) + charges


def _give_up_pallet(problem: Problem, packs: Ints, worth: PackWorth, lane: int, lines: list[tuple[float, int, float]], load: _Load) -> bool:
    """Cut the lane's load to one pallet less if that pays; changes the plan in place, or leaves it as it was and says no.

    lines: worth of a palletful as it was at first (it is never less later), arc, and palletfuls of a pack, of each line of the lane.
    """
    left, kg, m3, saved = int(load.pallets[lane]) - 1, load.kg[lane], load.m3[lane], load.saving(lane)
    room_kg, room_m3 = left * problem.pallet_kg[lane], left * problem.pallet_m3[lane]
    heap = [line for line in lines if packs[line[1]] > 0]
    heapq.heapify(heap)
    taken: list[int] = []
    while heap and saved > NOISE and (kg > room_kg or m3 > room_m3 or left == 0):
        each, a, size = heapq.heappop(heap)
        now = worth.taken(a)
        if now / size > each + NOISE:
            heapq.heappush(heap, (now / size, a, size))
            continue
        saved -= now - (problem.arc_line_cost_usd[a] if packs[a] == 1 else 0.0)
        packs[a] -= 1
        worth.move(a, -1)
        taken.append(a)
        kg, m3 = kg - problem.arc_kg_per_pack[a], m3 - problem.arc_m3_per_pack[a]
        if packs[a]:
            heapq.heappush(heap, (worth.taken(a) / size, a, size))
    fits = kg <= room_kg + NOISE and m3 <= room_m3 + NOISE and (left > 0 or not packs[problem.arc_lane == lane].any())
    if saved > NOISE and fits and not 0 < kg < problem.min_shipment_kg[lane]:
        load.kg[lane], load.m3[lane], load.pallets[lane] = kg, m3, left
        return True
    for a in taken:
        packs[a] += 1
        worth.move(a, 1)
    return False


def repair(problem: Problem, packs: Ints) -> Ints:
    """Drop what breaks a limit until nothing does: wrong-way arcs, lanes under their minimum, then whole lanes by least worth.

    Firm lines stay; a problem whose firm lines alone break a limit comes back broken.
    """
    packs = packs.copy()
    firm = problem.arc_fixed_packs >= 0
    packs[firm] = problem.arc_fixed_packs[firm]
    for _ in range(len(problem.lane_ids) + 2):
        broken = violations(problem, packs)
        if not broken:
            return packs
        if "sent and received" in broken:
            places = len(problem.location_ids)
            leaves, arrives = problem.arc_item * places + problem.arc_origin, problem.arc_item * places + problem.arc_destination
            packs[(packs > 0) & ~firm & np.isin(leaves, arrives[packs > 0])] = 0
            continue
        if {"dock out", "dock in"} & set(broken):
            _shed_units(problem, packs)
            continue
        if "budget" in broken and _shed_cost(problem, packs):
            continue
        lane = _lane_to_drop(problem, packs, broken)
        if lane is None:
            break
        packs[(problem.arc_lane == lane) & ~firm] = 0
    return np.where(firm, problem.arc_fixed_packs, 0) if violations(problem, packs) else packs


def _shed_units(problem: Problem, packs: Ints) -> None:
    """Take packs away from overloaded docks, least worth per unit first, until they fit or only firm lines are left."""
    units, places = problem.pack_units[problem.arc_item], len(problem.location_ids)
    worth = PackWorth(problem, packs)
    over = []
    for place, room in ((problem.arc_origin, problem.dock_out_units), (problem.arc_destination, problem.dock_in_units)):
        over.append((place, np.bincount(place, weights=packs * units, minlength=places) - room))
    free = (packs > 0) & (problem.arc_fixed_packs < 0)
    crowded = np.zeros(problem.arcs, dtype=bool)
    for place, excess in over:
        crowded |= excess[place] > NOISE
    arcs = np.flatnonzero(free & crowded)
    heap = list(zip((worth.taken_at_first(arcs) / units[arcs]).tolist(), arcs.tolist(), strict=True))
    heapq.heapify(heap)
    while heap:
        value, a = heapq.heappop(heap)
        if all(excess[place[a]] <= NOISE for place, excess in over):
            continue
        now = worth.taken(a) / units[a]
        if now > value + NOISE:
            heapq.heappush(heap, (now, a))
            continue
        packs[a] -= 1
        worth.move(a, -1)
        for place, excess in over:
            excess[place[a]] -= units[a]
        if packs[a]:
            heapq.heappush(heap, (worth.taken(a) / units[a], a))
    if any((excess > NOISE * np.maximum(1.0, excess)).any() for _, excess in over):
        packs[problem.arc_fixed_packs < 0] = 0


def _shed_cost(problem: Problem, packs: Ints) -> bool:
    """Take packs away, least worth per USD first, until unit costs have fallen by the overrun; False if they cannot."""
    excess = evaluate(problem, packs).spent - problem.budget_usd
    cost, worth = problem.arc_cost_usd_per_pack, PackWorth(problem, packs)
    arcs = np.flatnonzero((packs > 0) & (problem.arc_fixed_packs < 0) & (cost > 0))
    heap = list(zip((worth.taken_at_first(arcs) / cost[arcs]).tolist(), arcs.tolist(), strict=True))
    heapq.heapify(heap)
    if (cost[problem.arc_fixed_packs < 0] * packs[problem.arc_fixed_packs < 0]).sum() <= excess:
        return False
    while heap and excess > 0:
        _, a = heapq.heappop(heap)
        packs[a] -= 1
        worth.move(a, -1)
        excess -= cost[a]
        if packs[a]:
            heapq.heappush(heap, (worth.taken(a) / cost[a], a))
    return True


def _lane_to_drop(problem: Problem, packs: Ints, broken: list[str]) -> int | None:
    free = np.unique(problem.arc_lane[(packs > 0) & (problem.arc_fixed_packs < 0)])
    if "minimum shipment" in broken:
        kg, _ = lane_load(problem, packs)
        under = free[kg[free] < problem.min_shipment_kg[free]]
        free = under if len(under) else free
    if not len(free):
        return None
    firm = problem.arc_fixed_packs >= 0
    totals = [evaluate(problem, np.where((problem.arc_lane == lane) & ~firm, 0, packs)).total for lane in free]
    return int(free[int(np.argmax(totals))])


def improved(problem: Problem, limits: Ints, packs: Ints) -> Ints:
    """Repair, fill and trim until nothing more is won."""
    packs = fill(problem, limits, repair(problem, packs))
    for _ in range(3):
        better = fill(problem, limits, trim(problem, packs))
        if evaluate(problem, better).total <= evaluate(problem, packs).total:
            break
        packs = better
    return packs
