"""A small network as the frames that planning reads: three places, lanes both ways, items given as tuples."""

import datetime as dt

import pandas as pd
import pytest

AS_OF = dt.date(2016, 2, 1)
PLACES = ("CA_1", "TX_2", "WI_3")


PAIR = {
    "reserved_units": 0,
    "blocked_units": 0,
    "firm_out_units": 0,
    "in_transit_in_units": 0,
    "po_inbound_units": 0,
    "days_since_last_sale": 1,
    "is_stale": False,
}
ITEM = {
    "units_per_pack": 6,
    "weight_kg": 1.0,
    "volume_m3": 0.002,
    "unit_cost_usd": 4.0,
    "unit_price_usd": 9.0,
    "unit_margin_usd": 5.0,
    "lifecycle": "active",
    "end_date": None,
    "supplier_lead_time_days": 21,
    "review_period_days": 7,
}
LANE = {
    "mode": "road",
    "truck_cost_usd": 5.0,
    "pallet_cost_usd": 1.0,
    "max_trucks": 2,
    "pallets_per_truck": 20,
    "pallet_kg": 600.0,
    "pallet_m3": 1.8,
    "cost_usd_per_unit": 0.1,
    "line_cost_usd": 0.25,
    "min_shipment_kg": 0.0,
    "lead_time_days_mean": 2.0,
    "lead_time_days_sd": 0.5,
    "weekdays": "1234567",
    "duty_share": 0.0,
    "customs_days": 0,
    "is_allowed": True,
}
DOCKS = {"dock_out_units_per_day": 100.0, "dock_in_units_per_day": 100.0}
EMPTY = {
    "inbound": ["location_id", "item_id", "expected_date", "qty_units", "source", "reference"],
    "lane_parameters": ["lane_id", "lead_time_days_mean", "lead_time_days_sd", "yield_share", "evidence_n"],
    "firm_lines": [
        *("line_id", "transfer_id", "item_id", "origin", "destination"),
        *("qty_planned_units", "qty_approved_units", "expected_arrival_date", "state"),
    ],
}


def make_frames(stock, weekly_units=7.0, **changes):
    """Frames for `build_case`: `stock` maps (item, place) to on hand, or to (on hand, mean units a week)."""
    pairs = {pair: value if isinstance(value, tuple) else (value, weekly_units) for pair, value in stock.items()}
    keys = sorted(pairs, key=lambda pair: (pair[1], pair[0]))
    named = [({"location_id": place, "item_id": item}, *pairs[item, place]) for item, place in keys]
    weeks = [{"week_index": week, "week_start": AS_OF + dt.timedelta(days=1 + 7 * week)} for week in range(8)]
    ends = [(origin, destination) for origin in PLACES for destination in PLACES if origin != destination]
    rows = {
        "stock": [pair | {"on_hand_units": held, "available_units": held} | PAIR for pair, held, _ in named],
        "weekly": [pair | week | {"mean_units": mean} for pair, _, mean in named for week in weeks],
        "summary": [pair | {"note": ""} for pair, _, _ in named],
        "items": [{"item_id": item} | ITEM for item in sorted({item for item, _ in pairs})],
        "locations": [{"location_id": place} | DOCKS for place in PLACES],
        "lanes": [{"lane_id": f"{a}>{b}:road", "origin": a, "destination": b} | LANE for a, b in ends],
    }
    frames = {name: pd.DataFrame(table) for name, table in rows.items()}
    return frames | {name: pd.DataFrame(columns=columns) for name, columns in EMPTY.items()} | changes


@pytest.fixture
def frames():
    """The frame builder; call it with a stock mapping."""
    return make_frames


@pytest.fixture
def as_of():
    """The business date of the small network."""
    return AS_OF
