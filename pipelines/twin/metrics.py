"""What a run cost and earned, in units and money, so that a run with transfers can be set against its shadow without."""

import datetime as dt
from typing import Any

import numpy as np

from pipelines.domain.errors import UsageError
from pipelines.twin.simulate import Twin


def summarise(twin: Twin, from_day: dt.date, to_day: dt.date) -> dict[str, Any]:
    """Totals of the days `from_day..to_day` (both included, both played), under true demand.

    lost margin = lost units x (price - cost); holding = closing units on hand and in transit x cost x yearly rate / 365, plus volume on
    hand x the location's storage rate; transfer cost by the lanes' tariffs on the day of departure; total = the three added up.
    `fill_rate` is None where nothing was wanted. Raises `UsageError` for days that were not played.
    """
    if twin.day == 0:
        raise UsageError("no day was played yet; there is nothing to summarise")
    first, last = (from_day - twin.demand.start).days, (to_day - twin.demand.start).days
    if not 0 <= first <= last < twin.day:
        raise UsageError(f"{from_day}..{to_day} is not within the days played, {twin.demand.start}..{twin.demand.date_of(twin.day - 1)}")
    span = slice(first, last + 1)
    wanted, served = twin.demand.units[span].astype(np.int64), twin.served_units[span].astype(np.int64)
    lost = wanted - served
    lost_margin = float(lost.sum(axis=(0, 1)) @ twin.world.unit_margin_usd)
    trips = [trip for trip in twin.departures if from_day <= trip.date <= to_day]
    transfer_cost = float(sum(trip.cost_usd for trip in trips))
    holding = _holding_cost(twin, span)
    demanded = int(wanted.sum())
    return {
        "from_day": from_day.isoformat(),
        "to_day": to_day.isoformat(),
        "demand_units": demanded,
        "sold_units": int(served.sum()),
        "lost_units": int(lost.sum()),
        "fill_rate": int(served.sum()) / demanded if demanded else None,
        "lost_margin_usd": lost_margin,
        "transfer_units": sum(trip.units for trip in trips),
        "transfer_lines": sum(trip.lines for trip in trips),
        "departures": len(trips),
        "transfer_cost_usd": transfer_cost,
        "holding_cost_usd": holding,
        "total_cost_usd": lost_margin + transfer_cost + holding,
    }


def _holding_cost(twin: Twin, span: slice) -> float:
    items, locations = twin.world.items, twin.world.locations
    on_hand = twin.closing_units[span].astype(float)
    held = on_hand.sum(axis=1) + twin.closing_transit[span]
    value_days = float((held @ items["unit_cost_usd"].to_numpy(dtype=float)).sum())
    volume_days = on_hand.sum(axis=0) @ items["volume_m3"].to_numpy(dtype=float)
    storage = float(volume_days @ locations["storage_cost_usd_per_m3_day"].to_numpy(dtype=float))
    return value_days * twin.world.parameters.holding_rate_per_year / 365 + storage
