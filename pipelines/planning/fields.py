"""The keys of `evenstock-problem/1`, their checks and meanings: one table per object. Reading documents with them is parsing.py's task."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LARGEST = 10**9
LARGEST_AMOUNT = 1e15


def text(value: Any) -> Any:
    """A text that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise ValueError("expected a text that is not empty")


def finite(value: Any) -> float:
    """A number that is neither NaN nor beyond 1e15 either way; a boolean is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST_AMOUNT <= value <= LARGEST_AMOUNT:
        raise ValueError("expected a finite number")
    return float(value)


def amount(value: Any) -> float:
    """A finite number of zero or more."""
    number = finite(value)
    if number < 0:
        raise ValueError("expected a finite number of zero or more")
    return number


def positive(value: Any) -> float:
    """A finite number above zero."""
    number = finite(value)
    if number <= 0:
        raise ValueError("expected a finite number above zero")
    return number


def whole(value: Any) -> int:
    """A whole number from 0 to `LARGEST` (5.0 counts as 5)."""
    number = finite(value)
    if number < 0 or number != int(number) or number > LARGEST:
        raise ValueError(f"expected a whole number from 0 to {LARGEST}")
    return int(number)


def count(value: Any) -> int:
    """A whole number of one or more."""
    number = whole(value)
    if number < 1:
        raise ValueError("expected a whole number of one or more")
    return number


def days(value: Any) -> tuple[int, ...]:
    """A list of day numbers, sorted."""
    if not isinstance(value, list | tuple):
        raise ValueError("expected a list of day numbers")
    return tuple(sorted({whole(day) for day in value}))


def way(value: Any) -> str:
    """Which way a lock holds goods back."""
    if value not in ("out", "in", "both"):
        raise ValueError("expected out, in or both")
    return str(value)


def bands(value: Any) -> tuple[tuple[float, float, float], ...]:
    """A tariff by weight: rows of [up to kg, USD per kg, minimum USD], kg rising."""
    rows = value if isinstance(value, list | tuple) else None
    if not rows or not all(isinstance(row, list | tuple) and len(row) == 3 for row in rows):
        raise ValueError("expected a list of [up to kg, usd per kg, minimum usd]")
    read = tuple((positive(row[0]), amount(row[1]), amount(row[2])) for row in rows)
    if any(after[0] <= before[0] for before, after in itertools.pairwise(read)):
        raise ValueError("expected bands with rising kg")
    return read


def lots(value: Any) -> tuple[tuple[int, int], ...]:
    """Packs on hand by lot: rows of [packs, last good day], the soonest to expire first."""
    if not isinstance(value, list | tuple) or not all(isinstance(row, list | tuple) and len(row) == 2 for row in value):
        raise ValueError("expected a list of [packs, last good day]")
    return tuple(sorted(((whole(row[0]), whole(row[1])) for row in value), key=lambda lot: (lot[1], lot[0])))


def rights(value: Any) -> tuple[tuple[str, str], ...]:
    """Pairs of owners between which goods may move."""
    if not isinstance(value, list | tuple) or not all(isinstance(row, list | tuple) and len(row) == 2 for row in value):
        raise ValueError("expected a list of [owner, owner]")
    return tuple(sorted({(text(row[0]), text(row[1])) for row in value}))


@dataclass(frozen=True)
class Field:
    """One key of an object: how its value is checked, and what stands in when it is absent or null (None = required)."""

    check: Callable[[Any], Any]
    default: Any = None
    meaning: str = ""


INF = float("inf")
TOP_KEYS = ("format", "handling_units", "locations", "lanes", "items", "arcs", "gains", "losses", "budget_usd", "locks", "owner_rights")
HANDLING = {
    "pallet_kg": Field(positive, meaning="kg that one pallet carries"),
    "pallet_m3": Field(positive, meaning="m3 that one pallet carries"),
    "pallets_per_truck": Field(count, meaning="pallets that one truck carries"),
}
LOCATION = {
    "location_id": Field(text, meaning="name of the location, unique"),
    "dock_out_units": Field(amount, INF, "most units that may leave; absent or null = no limit"),
    "dock_in_units": Field(amount, INF, "most units that may arrive; absent or null = no limit"),
    "dock_out_units_per_day": Field(amount, INF, "most units that may leave on one ship_day; absent or null = no limit"),
    "dock_in_units_per_day": Field(amount, INF, "most units that may arrive on one arrival_day; absent or null = no limit"),
    "storage_m3": Field(amount, INF, "free room: most m3 that may arrive; absent or null = no limit"),
    "closed_days": Field(days, (), "day numbers on which nothing leaves or arrives; absent or null = none"),
    "owner_id": Field(text, "", "who owns the goods there; read only with owner_rights"),
}
LANE = {
    "lane_id": Field(text, meaning="name of the lane, unique"),
    "origin": Field(text, meaning="location the lane leaves"),
    "destination": Field(text, meaning="location the lane reaches"),
    "truck_cost_usd": Field(amount, meaning="charge per truck"),
    "pallet_cost_usd": Field(amount, meaning="charge per pallet"),
    "max_trucks": Field(whole, meaning="trucks available"),
    "min_shipment_kg": Field(amount, 0.0, "a lane that is used carries at least this; default 0"),
    "pallet_kg": Field(positive, INF, "overrides handling_units for this lane"),
    "pallet_m3": Field(positive, INF, "overrides handling_units for this lane"),
    "pallets_per_truck": Field(count, INF, "overrides handling_units for this lane"),
    "ship_day": Field(whole, -1, "day number on which it leaves; absent or null = no day"),
    "arrival_day": Field(whole, -1, "day number on which it arrives; absent or null = no day"),
    "weight_bands": Field(
        bands, (), "tariff by the weight of the whole load: list of [up to kg, usd per kg, minimum usd]; absent or null = none"
    ),
}
ITEM = {
    "item_id": Field(text, meaning="name of the item, unique"),
    "pack_units": Field(count, meaning="units in one pack; only whole packs move"),
    "weight_kg": Field(amount, meaning="kg of one unit"),
    "volume_m3": Field(amount, meaning="m3 of one unit"),
}
ARC = {
    "item_id": Field(text, meaning="item that may move"),
    "lane_id": Field(text, meaning="lane it may ride"),
    "cost_usd_per_unit": Field(amount, meaning="freight, handling and duty of one unit"),
    "max_packs": Field(whole, meaning="most packs on this arc"),
    "line_cost_usd": Field(amount, 0.0, "charge once if any pack moves on this arc; default 0"),
    "fixed_packs": Field(whole, -1, "firm line: exactly this many packs move; absent or null = free"),
    "min_packs": Field(whole, 0, "a line that moves at all moves at least this many packs; firm lines are exempt; default 0"),
    "last_packs": Field(whole, 0, "packs of this line in the last plan; default 0"),
    "churn_usd_per_pack": Field(amount, 0.0, "charge for every pack more or less than last_packs; default 0"),
    "good_until_day": Field(whole, -1, "only lots that are good on this day may ride; absent or null = any lot"),
}
CURVE = {
    "item_id": Field(text, meaning="item of the curve"),
    "location_id": Field(text, meaning="location of the curve"),
    "segments": Field(lambda value: value, meaning="list of [packs, usd per pack], best first; their sum is a hard limit"),
}
LOSS = CURVE | {
    "cap_packs": Field(whole, INF, "most packs the donor may give over all arcs; absent or null = the sum of the segments"),
    "lots": Field(lots, (), "what is on hand by lot: list of [packs, last good day]; absent or null = lots are not kept"),
}
LOCK = {
    "item_id": Field(text, meaning="item that is held"),
    "location_id": Field(text, meaning="location that holds it"),
    "way": Field(way, "both", "out: nothing leaves, in: nothing arrives, both; default both"),
    "reason": Field(text, "", "why: a promotion, quality, anything; read by people alone"),
}
# Optional keys that say nothing at their default, and are left out of the canonical document there.
SILENT = {
    name: field.default for table in (LOCATION, LANE, ARC, LOSS, LOCK) for name, field in table.items() if field.default in (-1, "", ())
}
SILENT |= {"min_packs": 0, "last_packs": 0, "churn_usd_per_pack": 0.0}
