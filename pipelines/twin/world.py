"""Worlds: the items, locations, lanes and supply rules that the twin plays on a demand table. No state, no events."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.domain.errors import UsageError
from pipelines.domain.network import great_circle_km
from pipelines.domain.transfer import lane_id_of
from pipelines.twin.demand import DemandEvent, DemandTable
from pipelines.twin.luck import stream

HUBS = {  # one city per region of the generated world
    "EAST": (39.95, -75.17, "America/New_York"),
    "WEST": (34.05, -118.24, "America/Los_Angeles"),
    "NORTH": (41.88, -87.63, "America/Chicago"),
    "SOUTH": (32.78, -96.80, "America/Chicago"),
    "CENTRAL": (39.10, -94.58, "America/Chicago"),
}
STATE_ZONES = {"CA": "America/Los_Angeles", "TX": "America/Chicago", "WI": "America/Chicago"}


@dataclass(frozen=True)
class WorldParameters:
    """What the extracts do not say: how the ERP orders, how suppliers deliver, how customers buy, what holding costs.

    `service_z` is the safety factor of the order-up-to level; `opening_split_noise` the log-sd by which opening stock is split wrongly;
    `noisy_split_days` the first days in which order-up-to levels carry that noise too, so that a history ends with stock split wrongly;
    `level_bias_sd` the log-sd of a lasting error in each item-location's order-up-to level (levels set by hand and never revisited);
    `po_short_share` the share of purchase order lines delivered at a uniform 0 to `po_short_fill_max` of the order; `phantom_share` the
    share of cycle counts that find fewer units than the system has.
    """

    service_z: float = 0.8
    opening_split_noise: float = 0.6
    noisy_split_days: int = 0
    level_bias_sd: float = 0.0
    supplier_lead_sd_days: float = 0.0
    po_short_share: float = 0.0
    po_short_fill_max: float = 0.6
    forecast_window_days: int = 56
    holding_rate_per_year: float = 0.25
    web_share: float = 0.3
    scrap_weekday: int = 1
    phantom_share: float = 0.0


@dataclass(frozen=True)
class World:
    """A network in feed columns, plus its truth.

    `items`, `locations`, `lanes`: frames with the columns of erp_items, erp_locations and tms_lanes, rows of items and locations in the
    order of the demand table. `lane_truth`: lane_id, lead_time_days_mean, lead_time_days_sd, short_share, damage_share (shares of units),
    what really happens on a lane where `lanes` is what its tariff declares. `review_phase_days`: day index of each item's first ERP review.
    `events`: what moves demand and is announced, beside the launches in `items`.
    """

    name: str
    items: pd.DataFrame
    locations: pd.DataFrame
    lanes: pd.DataFrame
    lane_truth: pd.DataFrame
    review_phase_days: NDArray[np.int64]
    parameters: WorldParameters
    events: tuple[DemandEvent, ...] = ()

    @property
    def unit_margin_usd(self) -> NDArray[np.float64]:
        """Price less cost per unit, shape (I,)."""
        return (self.items["unit_price_usd"] - self.items["unit_cost_usd"]).to_numpy(dtype=float)

    def with_parameters(self, **changes: float) -> "World":
        """The same world under other supply rules."""
        return replace(self, parameters=replace(self.parameters, **changes))


def build_generated_world(demand: DemandTable, seed: int) -> World:
    """A plausible network for generated demand: regions from the location ids, lanes within a region 2-3 days, across 5-7.

    Some lanes are slower than they declare and lose or damage a few units, so there is something to learn.
    """
    regions = [name.rsplit("_", 1)[0] for name in demand.location_ids]
    return _build_synthetic(demand, seed, "generated", [r if r in HUBS else "CENTRAL" for r in regions])


def build_file_world(demand: DemandTable, seed: int) -> World:
    """A made-up network under a user's own demand: only the demand is real; places, costs and lanes are drawn from the seed."""
    count = len(demand.location_ids)
    regions = [("EAST", "WEST")[i * 2 // count] for i in range(count)]
    return _build_synthetic(demand, seed, "file", regions)


def _build_synthetic(demand: DemandTable, seed: int, name: str, regions: list[str]) -> World:
    items = _synthetic_items(demand, seed)
    locations = _synthetic_locations(demand, seed, regions)
    lanes, truth = _synthetic_lanes(locations, seed)
    review = items["review_period_days"].to_numpy(dtype=np.int64)
    phase = stream(seed, "review_phase").integers(0, 1_000_000, len(review)) % review
    parameters = WorldParameters(service_z=2.2, level_bias_sd=0.35, supplier_lead_sd_days=2.0, po_short_share=0.08)
    return World(name, items, locations, lanes, truth, phase, parameters, demand.events)


def _synthetic_items(demand: DemandTable, seed: int) -> pd.DataFrame:
    luck = stream(seed, "item_master")
    count = len(demand.item_ids)
    cost = np.exp(luck.normal(2.8, 0.8, count)).clip(2.0, 120.0).round(2)
    price = (cost / (1 - luck.uniform(0.3, 0.5, count))).round(2)
    weight = np.exp(luck.normal(-0.2, 0.7, count)).clip(0.05, 12.0).round(3)
    volume = (weight * luck.uniform(0.003, 0.008, count)).round(6)
    packs = luck.choice([1, 1, 2, 6], count)
    lead = luck.integers(14, 29, count)
    review = luck.choice([7, 14], count)
    return _item_frame(demand, packs, weight, volume, cost, price, lead, review)


def _item_frame(
    demand: DemandTable,
    packs: NDArray[np.int64],
    weight: NDArray[np.float64],
    volume: NDArray[np.float64],
    cost: NDArray[np.float64],
    price: NDArray[np.float64],
    lead: NDArray[np.int64],
    review: NDArray[np.int64],
) -> pd.DataFrame:
    categories = [item.replace("_", "-").split("-")[0] for item in demand.item_ids]
    launches = [demand.date_of(int(day)) if day > 0 else None for day in demand.launch_days()]
    return pd.DataFrame(
        {
            "item_id": list(demand.item_ids),
            "description": [f"{category.capitalize()} item {item}" for category, item in zip(categories, demand.item_ids, strict=True)],
            "category": categories,
            "variant_of": None,
            "uom": "EA",
            "units_per_pack": packs,
            "weight_kg": weight,
            "volume_m3": volume,
            "unit_cost_usd": cost,
            "unit_price_usd": price,
            "shelf_life_days": None,
            "lifecycle": "active",
            "launch_date": launches,
            "end_date": None,
            "supplier_id": [f"SUP-{category}" for category in categories],
            "supplier_lead_time_days": lead,
            "review_period_days": review,
        }
    )


def _synthetic_locations(demand: DemandTable, seed: int, regions: list[str]) -> pd.DataFrame:
    luck = stream(seed, "location_master")
    offsets = luck.uniform(-1.5, 1.5, (len(regions), 2))
    hubs = [HUBS[region] for region in regions]
    daily = demand.units.mean(axis=(0, 2)) * len(demand.item_ids)
    return pd.DataFrame(
        {
            "location_id": list(demand.location_ids),
            "name": [f"Warehouse {name}" for name in demand.location_ids],
            "kind": "fc",
            "owner": "own",
            "operator": "own",
            "country": "US",
            "region": regions,
            "lat": [round(hub[0] + offset, 4) for hub, offset in zip(hubs, offsets[:, 0], strict=True)],
            "lon": [round(hub[1] + offset, 4) for hub, offset in zip(hubs, offsets[:, 1], strict=True)],
            "storage_capacity_m3": np.ceil(daily * 60 * 0.03 + 50),
            "dock_out_units_per_day": np.ceil(daily * 8 + 200).astype(np.int64),
            "dock_in_units_per_day": np.ceil(daily * 8 + 200).astype(np.int64),
            "storage_cost_usd_per_m3_day": 0.35,
            "time_zone": [hub[2] for hub in hubs],
        }
    )


def _synthetic_lanes(locations: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, truths = [], []
    for a, b in _pairs(locations):
        km = great_circle_km(a["lat"], a["lon"], b["lat"], b["lon"])
        near = km < 800
        mean = 2.0 if near else round(4 + km / 2000, 1)
        rows.append(
            lane_row(
                a["location_id"], b["location_id"], truck_cost_usd=round(20 + 0.04 * km, 2), pallet_cost_usd=round(6 + 0.006 * km, 2),
                max_trucks=4, pallets_per_truck=26, pallet_kg=600.0, pallet_m3=1.8, cost_usd_per_unit=round(0.05 + 0.00004 * km, 4),
                lead_time_days_mean=mean, lead_time_days_sd=round(0.25 * mean, 2), weekdays="123456" if near else "12345",
            )
        )  # fmt: skip
        lane_id = lane_id_of(a["location_id"], b["location_id"], "road")
        luck = stream(seed, "lane_truth", lane_id)
        slow = 1.5 if luck.random() < 0.3 else 1.0
        truths.append((lane_id, mean * slow, 0.3 * mean, float(luck.choice([0.0, 0.01, 0.03])), float(luck.choice([0.0, 0.01, 0.02]))))
    return pd.DataFrame(rows), truth_frame(truths)


def _pairs(locations: pd.DataFrame) -> Iterator[tuple[dict[Any, Any], dict[Any, Any]]]:
    """Every ordered pair of different locations."""
    return permutations(locations.to_dict("records"), 2)


def truth_frame(rows: list[tuple[str, float, float, float, float]]) -> pd.DataFrame:
    """The lane truth as a frame, one row per lane."""
    names = ["lane_id", "lead_time_days_mean", "lead_time_days_sd", "short_share", "damage_share"]
    return pd.DataFrame(rows, columns=names)


def lane_row(origin: str, destination: str, **values: float | int | str) -> dict[str, object]:
    """One tms_lanes row by road with the usual values for what is not given."""
    row: dict[str, object] = {
        "origin": origin, "destination": destination, "mode": "road", "carrier": "HAULIER-1", "truck_cost_usd": 0.0, "pallet_cost_usd": 0.0,
        "max_trucks": 10, "pallets_per_truck": 26, "pallet_kg": 600.0, "pallet_m3": 1.8, "cost_usd_per_unit": 0.0, "line_cost_usd": 0.25,
        "rate_usd_per_kg": None, "minimum_cost_usd": None, "min_shipment_kg": 0.0, "lead_time_days_mean": 2.0, "lead_time_days_sd": 0.0,
        "weekdays": "1234567", "duty_share": 0.0, "customs_days": 0, "allowed": True,
    }  # fmt: skip
    return row | values


M5_VARIANTS = {  # planning rules of the three yardstick worlds: parameters, lowest supplier lead in weeks, review in days
    "A": (WorldParameters(service_z=0.8, opening_split_noise=0.6), 2, 14),
    "B": (WorldParameters(service_z=0.8, opening_split_noise=0.3, po_short_share=0.25), 2, 14),
    "C": (WorldParameters(service_z=1.3, opening_split_noise=0.6, po_short_share=0.10), 3, 28),
}


def build_m5_world(demand: DemandTable, real_data_dir: Path, variant: str = "A", seed: int = 0) -> World:
    """World A, B or C on M5 demand: only demand and prices are real, and every figure shown must say so.

    Margin 0.35 x mean price, holding 25 % a year, trucks of 2,500 units at 15 + 0.04 km, a unit 0.06 + 0.00008 km, a line 0.25; lanes
    over 1,000 km take 14 days, others 7; stores of one state stand 0 km apart. Raises `UsageError` for another variant.
    """
    from pipelines.twin.m5 import read_m5_prices, read_state_centroids

    if variant not in M5_VARIANTS:
        raise UsageError(f"M5 world {variant!r} is unknown; choose one of {', '.join(M5_VARIANTS)}")
    parameters, lead_min_weeks, review_days = M5_VARIANTS[variant]
    count = len(demand.item_ids)
    prices = read_m5_prices(real_data_dir, demand.item_ids, demand.start, demand.date_of(demand.days - 1))
    price = prices.reindex(list(demand.item_ids)).to_numpy().round(4)
    cost = (0.65 * price).round(4)
    luck = stream(seed, "m5_items")
    lead = 7 * luck.integers(lead_min_weeks, 5, count)
    packs = luck.choice([1, 6], count)
    review = np.full(count, review_days)
    items = _item_frame(demand, packs, np.full(count, 1.0), np.full(count, 0.0001), cost, price, lead, review)
    locations = _m5_locations(demand, read_state_centroids(real_data_dir))
    lanes, truth = _m5_lanes(locations)
    phase = 7 * luck.integers(0, review_days // 7, count)
    return World(f"m5-{variant}", items.assign(launch_date=None), locations, lanes, truth, phase, parameters, demand.events)


def _m5_locations(demand: DemandTable, centroids: dict[str, tuple[float, float]]) -> pd.DataFrame:
    states = [store.split("_")[0] for store in demand.location_ids]
    return pd.DataFrame(
        {
            "location_id": list(demand.location_ids),
            "name": [f"Store {store}" for store in demand.location_ids],
            "kind": "store",
            "owner": "own",
            "operator": "own",
            "country": "US",
            "region": states,
            "lat": [round(centroids[state][0], 6) for state in states],
            "lon": [round(centroids[state][1], 6) for state in states],
            "storage_capacity_m3": None,
            "dock_out_units_per_day": None,
            "dock_in_units_per_day": None,
            "storage_cost_usd_per_m3_day": 0.0,
            "time_zone": [STATE_ZONES[state] for state in states],
        }
    )


def _m5_lanes(locations: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, truths = [], []
    for a, b in _pairs(locations):
        km = 0.0 if a["region"] == b["region"] else great_circle_km(a["lat"], a["lon"], b["lat"], b["lon"])
        lead = 14.0 if km > 1000 else 7.0
        rows.append(
            lane_row(
                a["location_id"], b["location_id"], truck_cost_usd=round(15 + 0.04 * km, 4), max_trucks=20, pallets_per_truck=1,
                cost_usd_per_unit=round(0.06 + 0.00008 * km, 4), pallet_kg=2500.0, pallet_m3=2.5, lead_time_days_mean=lead,
            )
        )  # fmt: skip
        truths.append((lane_id_of(a["location_id"], b["location_id"], "road"), lead, 0.0, 0.0, 0.0))
    return pd.DataFrame(rows), truth_frame(truths)


def launch_days(world: World, start: dt.date) -> NDArray[np.int64]:
    """Day index of each item's launch relative to `start`, shape (I,); 0 for items on sale from the beginning."""
    return np.array([max(0, (day - start).days) if isinstance(day, dt.date) else 0 for day in world.items["launch_date"]], dtype=np.int64)
