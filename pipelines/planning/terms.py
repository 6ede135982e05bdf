"""The optional terms of a problem as data: days, storage, owners, locks, lots, tariffs by weight, minimum lines, churn. All default to off.

What breaks them is told here for the solver's own guard; rows of the model are in term_rows.py, plans that meet them in meet_terms.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pipelines.planning.problem import Problem

Ints = NDArray[np.int64]
Floats = NDArray[Any]
Band = tuple[float, float, float]
Lot = tuple[int, int]
NOISE = 1e-9


@dataclass(frozen=True, eq=False)
class Terms:
    """Optional terms in the order of the problem's arrays; `inf`, -1, 0 and empty mean off.

    Per location: free storage, docks per day, closed days, owner. Per lane: day numbers of departure and arrival, bands (up to kg, USD per
    kg, minimum USD). Per arc: least packs of a line, packs of the last plan, charge per pack of change, day on which lots must be good.
    Per loss curve: lots (packs, last good day). `locks` holds (item, location, "out" or "in").
    """

    storage_m3: Floats
    dock_out_units_per_day: Floats
    dock_in_units_per_day: Floats
    closed_days: tuple[tuple[int, ...], ...]
    owner_ids: tuple[str, ...]
    ship_day: Ints
    arrival_day: Ints
    bands: tuple[tuple[Band, ...], ...]
    arc_min_packs: Ints
    arc_last_packs: Ints
    arc_churn_usd: Floats
    arc_good_until_day: Ints
    lots: tuple[tuple[Lot, ...], ...]
    owner_rights: frozenset[tuple[str, str]] | None
    locks: frozenset[tuple[int, int, str]]

    @staticmethod
    def off(locations: int, lanes: int, arcs: int, losses: int) -> "Terms":
        """No term at all, for a problem of these sizes."""
        free, none, zero = np.full(locations, np.inf), np.full(lanes, -1), np.zeros(arcs, dtype=np.int64)
        places: tuple[tuple[int, ...], ...] = ((),) * locations
        nowhere = np.full(arcs, -1)
        return Terms(
            *(free, free, free, places, ("",) * locations, none, none, ((),) * lanes),
            *(zero, zero, np.zeros(arcs), nowhere, ((),) * losses, None, frozenset()),
        )

    @cached_property
    def is_on(self) -> bool:
        """Whether any term says anything."""
        limits = (self.storage_m3, self.dock_out_units_per_day, self.dock_in_units_per_day)
        if any(np.isfinite(limit).any() for limit in limits) or self.owner_rights is not None or self.locks:
            return True
        per_arc = (self.arc_min_packs > 1).any() or (self.arc_churn_usd > 0).any()
        return bool(per_arc or any(self.bands) or any(self.closed_days) or any(self.lots))

    @cached_property
    def band_table(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Start and end in kg, USD per kg and minimum USD of every band, `(lanes, bands)`; missing ones cost inf."""
        width = max((len(rows) for rows in self.bands), default=0)
        table = np.full((4, len(self.bands), width), np.inf)
        for lane, rows in enumerate(self.bands):
            start = 0.0
            for k, (end, rate, minimum) in enumerate(rows):
                table[:, lane, k] = start, end, rate, minimum
                start = end
        return table[0], table[1], table[2], table[3]

    @cached_property
    def has_bands(self) -> bool:
        """Whether any lane has a tariff by weight."""
        return any(self.bands)

    @cached_property
    def lane_has_bands(self) -> NDArray[np.bool_]:
        """Lanes with a tariff by weight."""
        return np.array([bool(rows) for rows in self.bands], dtype=bool)


def tariff_usd(terms: Terms, kg: Floats, is_used: NDArray[np.bool_], lanes: Ints | None = None) -> Floats:
    """Tariff of each lane's whole load, or of loads on the `lanes` given.

    min over bands k with end_k >= kg of max(minimum_k, rate_k x max(kg, start_k)).

    A load may be declared heavier than it is where the next band makes it cheaper, as carriers allow (deficit weight). Beyond the last band
    its rate goes on; such a load breaks the term. Nothing on a lane that is not used.

    >>> one = replace(Terms.off(0, 1, 0, 0), bands=(((100.0, 0.5, 20.0), (500.0, 0.3, 20.0)),))
    >>> [float(tariff_usd(one, np.array([kg]), np.array([True]))[0]) for kg in (10.0, 50.0, 80.0, 200.0)]
    [20.0, 25.0, 30.0, 60.0]
    """
    if not terms.has_bands:
        return np.zeros(len(kg))
    picked = slice(None) if lanes is None else lanes
    start, end, rate, minimum = (part[picked] for part in terms.band_table)
    load = np.minimum(kg, np.where(np.isfinite(end), end, 0.0).max(axis=1))[:, None]
    fits = end >= load * (1 - NOISE) - NOISE
    exists = np.isfinite(start)
    charge = np.where(exists, np.maximum(minimum, np.where(exists, rate, 0.0) * np.maximum(load, np.where(exists, start, 0.0))), np.inf)
    best = np.where(fits & exists, charge, np.inf).min(axis=1)
    return np.where(terms.lane_has_bands[picked] & is_used, best, 0.0)


def cheapest_band(rows: Iterable[Sequence[float]], kg: float) -> tuple[int, float, float]:
    """Band of a tariff that charges a load least, the kg declared in it, and the charge; as `tariff_usd`, for one lane.

    >>> cheapest_band(((100.0, 0.5, 20.0), (500.0, 0.3, 20.0)), 80.0)
    (1, 100.0, 30.0)
    """
    best, start = (0, 0.0, float("inf")), 0.0
    for k, (end, rate, minimum) in enumerate(rows):
        load = max(kg, start)
        if end >= kg * (1 - NOISE) - NOISE and (charge := max(minimum, rate * load)) < best[2]:
            best = (k, load, charge)
        start = end
    return best


def churn_usd(terms: Terms, packs: Ints) -> float:
    """Charge for leaving the last plan: sum of churn_a x |packs_a - last_a|."""
    return float((terms.arc_churn_usd * np.abs(packs - terms.arc_last_packs)).sum())


def locked_arcs(problem: "Problem") -> NDArray[np.bool_]:
    """Arcs whose item a lock holds at the origin (out) or the destination (in); firm lines are exempt."""
    locks, free = problem.terms.locks, problem.arc_fixed_packs < 0
    places = len(problem.location_ids)

    def held(place: Ints, way: str) -> NDArray[np.bool_]:
        keys = np.array([item * places + location for item, location, which in locks if which == way], dtype=np.int64)
        return np.isin(problem.arc_item * places + place, keys)

    return free & (held(problem.arc_origin, "out") | held(problem.arc_destination, "in")) if locks else np.zeros(problem.arcs, dtype=bool)


def strange_owner_arcs(problem: "Problem") -> NDArray[np.bool_]:
    """Arcs between two owners without a right; firm lines are exempt. Without `owner_rights` there are none."""
    rights, owners = problem.terms.owner_rights, problem.terms.owner_ids
    if rights is None:
        return np.zeros(problem.arcs, dtype=bool)
    ends = zip(problem.lane_origin, problem.lane_destination, strict=True)
    allowed = [owners[i] == owners[j] or (owners[i], owners[j]) in rights for i, j in ends]
    return (problem.arc_fixed_packs < 0) & ~np.array(allowed, dtype=bool)[problem.arc_lane]


def closed_day_arcs(problem: "Problem") -> NDArray[np.bool_]:
    """Arcs on lanes that leave or arrive on a day on which that location is closed; firm lines are exempt."""
    terms = problem.terms
    if not any(terms.closed_days):
        return np.zeros(problem.arcs, dtype=bool)
    shut = [
        int(terms.ship_day[lane]) in terms.closed_days[i] or int(terms.arrival_day[lane]) in terms.closed_days[j]
        for lane, (i, j) in enumerate(zip(problem.lane_origin, problem.lane_destination, strict=True))
    ]
    return (problem.arc_fixed_packs < 0) & np.array(shut, dtype=bool)[problem.arc_lane]


def open_arcs(problem: "Problem") -> NDArray[np.bool_]:
    """Arcs that locks, owners and calendars leave open."""
    if not problem.terms.is_on:
        return np.ones(problem.arcs, dtype=bool)
    return ~(locked_arcs(problem) | strange_owner_arcs(problem) | closed_day_arcs(problem))


@dataclass(frozen=True, eq=False)
class Room:
    """A limit on a weighted sum of packs: `weight @ packs[arcs] <= limit`. `name` is the term, `key` tells one from another."""

    name: str
    key: tuple[int, ...]
    arcs: Ints
    weight: Floats
    limit: float


def find_rooms(problem: "Problem") -> list[Room]:
    """Every term of the form "no more than": storage, docks of each day, lots, and the weight that a tariff goes up to."""
    terms = problem.terms
    if not terms.is_on:
        return []
    units = problem.pack_units[problem.arc_item].astype(float)
    found = [
        Room("storage", (j,), arcs, problem.arc_m3_per_pack[arcs], float(terms.storage_m3[j]))
        for j in np.flatnonzero(np.isfinite(terms.storage_m3)).tolist()
        if len(arcs := np.flatnonzero(problem.arc_destination == j))
    ]
    for name, place, day, limit in (
        ("dock out of a day", problem.arc_origin, terms.ship_day, terms.dock_out_units_per_day),
        ("dock in of a day", problem.arc_destination, terms.arrival_day, terms.dock_in_units_per_day),
    ):
        at = day[problem.arc_lane] if problem.arcs else np.zeros(0, dtype=np.int64)
        for i in np.flatnonzero(np.isfinite(limit)).tolist():
            mine = np.flatnonzero((place == i) & (at >= 0))
            for one in np.unique(at[mine]).tolist():
                arcs = mine[at[mine] == one]
                found.append(Room(name, (i, one), arcs, units[arcs], float(limit[i])))
    return found + _lot_rooms(problem) + _band_rooms(problem)


def _lot_rooms(problem: "Problem") -> list[Room]:
    """Lines that need lots good until day e or later share the packs of such lots: the sums over e = all of them is enough (Hall)."""
    terms, found = problem.terms, []
    for curve, lots in enumerate(terms.lots):
        arcs = np.flatnonzero(problem.arc_loss == curve) if lots else np.zeros(0, dtype=np.int64)
        for day in np.unique(terms.arc_good_until_day[arcs]).tolist():
            mine = arcs[terms.arc_good_until_day[arcs] >= day]
            packs = float(sum(packs for packs, good in lots if good >= day))
            found.append(Room("shelf life", (curve, day + 1), mine, np.ones(len(mine)), packs))
    return found


def _band_rooms(problem: "Problem") -> list[Room]:
    return [
        Room("tariff weight", (lane,), arcs, problem.arc_kg_per_pack[arcs], float(rows[-1][0]))
        for lane, rows in enumerate(problem.terms.bands)
        if rows and len(arcs := np.flatnonzero(problem.arc_lane == lane))
    ]


def short_lines(problem: "Problem", packs: Ints) -> NDArray[np.bool_]:
    """Lines that move, but fewer packs than a line must; firm lines are exempt."""
    return (packs > 0) & (packs < problem.terms.arc_min_packs) & (problem.arc_fixed_packs < 0)


def broken_terms(problem: "Problem", packs: Ints) -> list[str]:
    """Names of the terms that a plan breaks."""
    if not problem.terms.is_on:
        return []
    found = {"minimum line": short_lines(problem, packs).any()}
    if packs[~problem.arc_is_open].any():
        closers = {"locked item": locked_arcs, "owner": strange_owner_arcs, "closed day": closed_day_arcs}
        found |= {name: packs[closed(problem)].any() for name, closed in closers.items()}
    for room in problem.rooms:
        over = float(room.weight @ packs[room.arcs]) > room.limit * (1 + NOISE) + NOISE
        found[room.name] = found.get(room.name, False) or over
    return [name for name, broken in found.items() if broken]


def least_usd_per_kg(problem: "Problem") -> Floats:
    """What a kg costs at least by each lane's tariff, whatever the load: min over bands of its charge at its fullest, per kg."""
    terms = problem.terms
    if not terms.has_bands:
        return np.zeros(len(problem.lane_ids))
    start, end, rate, minimum = terms.band_table
    capacity = (problem.max_trucks * problem.pallets_per_truck * problem.pallet_kg)[:, None]
    exists = np.isfinite(start)
    full = np.maximum(np.minimum(np.where(exists, end, 1.0), capacity), NOISE)
    charge = np.maximum(minimum, np.where(exists, rate, 0.0) * np.maximum(full, np.where(exists, start, 0.0)))
    return np.where(terms.lane_has_bands, np.where(exists, charge / full, np.inf).min(axis=1), 0.0)


def without_terms(problem: "Problem") -> "Problem":
    """The plain problem whose optimum no plan of this one exceeds: what terms forbid outright is closed, what they cost at least is paid.

    Tariffs become their least rate per kg, docks of a day those of all days that lanes have; churn is charged on new lines where no
    budget counts it; other terms are left out. A method that knows no terms may solve it: its bound stays valid here, its plan has to be
    made to meet them.
    """
    terms = problem.terms
    if not terms.is_on:
        return problem
    most = np.where(problem.arc_is_open, problem.arc_max_packs, 0)
    for room in _lot_rooms(problem):
        most[room.arcs] = np.minimum(most[room.arcs], int(room.limit))
    most = np.maximum(most, problem.arc_fixed_packs)
    per_unit = problem.arc_cost_usd_per_unit + least_usd_per_kg(problem)[problem.arc_lane] * problem.weight_kg[problem.arc_item]
    if np.isinf(problem.budget_usd):
        new = np.where(terms.arc_last_packs == 0, terms.arc_churn_usd, 0.0)
        per_unit = per_unit + new / problem.pack_units[problem.arc_item]
    out = _dock_of_days(problem.dock_out_units, problem.lane_origin, terms.ship_day, terms.dock_out_units_per_day)
    into = _dock_of_days(problem.dock_in_units, problem.lane_destination, terms.arrival_day, terms.dock_in_units_per_day)
    off = Terms.off(len(problem.location_ids), len(problem.lane_ids), problem.arcs, len(problem.loss))
    return replace(problem, arc_max_packs=most, arc_cost_usd_per_unit=per_unit, dock_out_units=out, dock_in_units=into, terms=off)


def _dock_of_days(dock_units: Floats, place: Ints, day: Ints, units_per_day: Floats) -> Floats:
    """Docks of the plan cut to what the days of their lanes hold together, where every lane of the location has a day."""
    cut = dock_units.copy()
    for i in np.flatnonzero(np.isfinite(units_per_day)).tolist():
        days = day[place == i]
        if len(days) and (days >= 0).all():
            cut[i] = min(cut[i], len(np.unique(days)) * units_per_day[i])
    return cut
