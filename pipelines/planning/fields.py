"""The keys of `evenstock-problem/1`, their checks and meanings: one table per object. Reading documents with them is parsing.py's task."""

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


@dataclass(frozen=True)
class Field:
    """One key of an object: how its value is checked, and what stands in when it is absent or null (None = required)."""

    check: Callable[[Any], Any]
    default: Any = None
    meaning: str = ""


INF = float("inf")
TOP_KEYS = ("format", "handling_units", "locations", "lanes", "items", "arcs", "gains", "losses", "budget_usd")
HANDLING = {
    "pallet_kg": Field(positive, meaning="kg that one pallet carries"),
    "pallet_m3": Field(positive, meaning="m3 that one pallet carries"),
    "pallets_per_truck": Field(count, meaning="pallets that one truck carries"),
}
LOCATION = {
    "location_id": Field(text, meaning="name of the location, unique"),
    "dock_out_units": Field(amount, INF, "most units that may leave; absent or null = no limit"),
    "dock_in_units": Field(amount, INF, "most units that may arrive; absent or null = no limit"),
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
}
CURVE = {
    "item_id": Field(text, meaning="item of the curve"),
    "location_id": Field(text, meaning="location of the curve"),
    "segments": Field(lambda value: value, meaning="list of [packs, usd per pack], best first; their sum is a hard limit"),
}
LOSS = CURVE | {"cap_packs": Field(whole, INF, "most packs the donor may give over all arcs; absent or null = the sum of the segments")}
