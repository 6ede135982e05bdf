"""Clauses of the audit for the optional terms: storage, days, owners, locks, lots, minimum lines, tariffs. Plain limits: audit.py.

Part of the audit: written from the format's description alone, it shares no code with the formulation, the objective or the solver.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pipelines.planning.audit_tally import Pair, Sums, Tally, Violation, over


def _moving(tally: Tally) -> Iterator[tuple[Pair, int, dict[str, Any], dict[str, Any]]]:
    """Every shipment of at least one pack with its arc and lane, in order."""
    for pair, packs in sorted(tally.packs.items()):
        if packs:
            yield pair, packs, tally.arcs[pair], tally.lanes[pair[1]]


def _free(tally: Tally) -> Iterator[tuple[Pair, int, dict[str, Any], dict[str, Any]]]:
    """As `_moving`, without firm lines: what was agreed before is not judged by terms that choose lines."""
    for pair, packs, arc, lane in _moving(tally):
        if arc.get("fixed_packs") is None:
            yield pair, packs, arc, lane


def _units(tally: Tally, pair: Pair, packs: int) -> float:
    return float(packs * tally.items[pair[0]]["pack_units"])


def storage(tally: Tally) -> Iterator[Violation]:
    """Goods that reach a location fit its free storage."""
    arriving = Sums()
    for pair, packs, _, lane in _moving(tally):
        arriving[lane["destination"]] += _units(tally, pair, packs) * tally.items[pair[0]]["volume_m3"]
    for place, m3 in sorted(arriving.items()):
        limit = tally.locations.get(place, {}).get("storage_m3")
        if limit is not None:
            yield from over("storage", place, m3, limit, "m3 arriving", "send less volume there")


def dock_out_by_day(tally: Tally) -> Iterator[Violation]:
    """Units leaving a location on one day fit its outbound dock of a day."""
    yield from _docks_by_day(tally, "dock_out_by_day", "origin", "ship_day", "dock_out_units_per_day")


def dock_in_by_day(tally: Tally) -> Iterator[Violation]:
    """Units reaching a location on one day fit its inbound dock of a day."""
    yield from _docks_by_day(tally, "dock_in_by_day", "destination", "arrival_day", "dock_in_units_per_day")


def _docks_by_day(tally: Tally, clause: str, end: str, day: str, limit: str) -> Iterator[Violation]:
    handled: dict[tuple[str, int], float] = {}
    for pair, packs, _, lane in _moving(tally):
        if lane.get(day) is not None:
            key = (lane[end], int(lane[day]))
            handled[key] = handled.get(key, 0.0) + _units(tally, pair, packs)
    for (place, on), units in sorted(handled.items()):
        most = tally.locations.get(place, {}).get(limit)
        if most is not None:
            yield from over(clause, f"{place} on day {on}", units, most, "units", "move some to another day")


def open_days(tally: Tally) -> Iterator[Violation]:
    """Nothing leaves or arrives on a day on which the location is closed."""
    for pair, packs, _, lane in _free(tally):
        for end, day, verb in (("origin", "ship_day", "leave"), ("destination", "arrival_day", "arrive at")):
            shut = tally.locations.get(lane[end], {}).get("closed_days") or ()
            if lane.get(day) is not None and lane[day] in shut:
                message = f"{packs} packs {verb} {lane[end]} on day {lane[day]}, on which it is closed: choose another day"
                yield Violation("open_days", f"{pair[0]} on {pair[1]}", message, float(packs))


def owner_rights(tally: Tally) -> Iterator[Violation]:
    """Goods move between two owners only where a right says so."""
    rights = tally.problem.get("owner_rights")
    if rights is None:
        return
    allowed = {(giver, taker) for giver, taker in rights}
    for pair, packs, _, lane in _free(tally):
        owners = tuple(tally.locations.get(lane[end], {}).get("owner_id") or "" for end in ("origin", "destination"))
        if owners[0] != owners[1] and owners not in allowed:
            message = f"{packs} packs from owner {owners[0]!r} to {owners[1]!r}, who has no right to them: ask for one or leave them"
            yield Violation("owner_rights", f"{pair[0]} on {pair[1]}", message, float(packs))


def locks(tally: Tally) -> Iterator[Violation]:
    """A locked item does not move the way that its lock forbids."""
    held = {(row["item_id"], row["location_id"]): row for row in tally.problem.get("locks") or ()}
    for pair, packs, _, lane in _free(tally):
        for end, way in (("origin", "out"), ("destination", "in")):
            lock = held.get((pair[0], lane[end]))
            if lock is not None and (lock.get("way") or "both") in (way, "both"):
                message = f"{packs} packs move {way} of a lock ({lock.get('reason') or 'no reason given'}): leave them or lift it"
                yield Violation("locks", f"{pair[0]} at {lane[end]}", message, float(packs))


def shelf_life(tally: Tally) -> Iterator[Violation]:
    """Lines ride only lots that are good for as long as they ask: soonest to expire first, to the lines that ask least."""
    asked: dict[Pair, list[tuple[int, int]]] = {}
    for pair, packs, arc, lane in _moving(tally):
        until = arc.get("good_until_day")
        asked.setdefault((pair[0], lane["origin"]), []).append((-1 if until is None else int(until), packs))
    for donor, needs in sorted(asked.items()):
        lots = tally.lots.get(donor)
        short = _packs_without_lot(lots, needs) if lots else 0
        if short:
            message = f"{short} packs find no lot that is good for long enough: send fewer, or to a nearer place"
            yield Violation("shelf_life", f"{donor[0]} at {donor[1]}", message, float(short))


def _packs_without_lot(lots: list[list[float]], needs: list[tuple[int, int]]) -> int:
    """Packs that no lot serves when the longest need is served first, each from the lot that just lasts."""
    left = sorted(([int(good), int(packs)] for packs, good in lots), key=lambda lot: lot[0])
    short = 0
    for until, packs in sorted(needs, reverse=True):
        wanted = packs
        for lot in left:
            if lot[0] >= until and wanted:
                taken = min(lot[1], wanted)
                lot[1] -= taken
                wanted -= taken
        short += wanted
    return short


def minimum_line(tally: Tally) -> Iterator[Violation]:
    """A line that moves at all moves at least its `min_packs`."""
    for pair, packs, arc, _ in _free(tally):
        least = arc.get("min_packs") or 0
        if packs < least:
            message = f"{packs} packs where a line moves at least {least}: move more or none"
            yield Violation("minimum_line", f"{pair[0]} on {pair[1]}", message, float(least - packs))


def tariff_weight(tally: Tally) -> Iterator[Violation]:
    """A lane carries no more than its tariff goes up to."""
    for lane_id, kg in sorted(tally.lane_kg.items()):
        bands = tally.lanes[lane_id].get("weight_bands")
        if bands:
            yield from over("tariff_weight", lane_id, kg, bands[-1][0], "kg", "load less here")


TERM_CLAUSES: tuple[Callable[[Tally], Iterator[Violation]], ...] = (
    storage,
    dock_out_by_day,
    dock_in_by_day,
    open_days,
    owner_rights,
    locks,
    shelf_life,
    minimum_line,
    tariff_weight,
)
