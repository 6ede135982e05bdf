"""A world small enough to follow by hand: two locations, one item, no luck at all."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipelines.twin.demand import DemandTable
from pipelines.twin.simulate import Twin
from pipelines.twin.world import World, build_generated_world, truth_frame

START = dt.date(2026, 1, 6)


@pytest.fixture
def small_world() -> Callable[..., tuple[World, DemandTable]]:
    """Builds locations A and B with item X: cost 6, price 10, pack 1, lead 2 and review 2 days, lanes of one day, no luck."""

    def build(units: list[list[int]], short: float = 0.0, damage: float = 0.0, lead: float = 1.0) -> tuple[World, DemandTable]:
        demand = DemandTable(("A", "B"), ("X",), START, np.array(units, dtype=np.int32)[:, :, None])
        world = build_generated_world(demand, 0)
        items = world.items.assign(
            unit_cost_usd=6.0,
            unit_price_usd=10.0,
            units_per_pack=1,
            weight_kg=2.0,
            volume_m3=0.01,
            supplier_lead_time_days=2,
            review_period_days=2,
        )
        lanes = world.lanes.assign(
            truck_cost_usd=50.0,
            pallet_cost_usd=10.0,
            cost_usd_per_unit=0.1,
            line_cost_usd=0.25,
            weekdays="1234567",
            lead_time_days_mean=lead,
        )
        truth = truth_frame([(lane, lead, 0.0, short, damage) for lane in ("A>B:road", "B>A:road")])
        world = World(
            "hand", items, world.locations.assign(storage_cost_usd_per_m3_day=0.0), lanes, truth, np.array([0]), world.parameters
        ).with_parameters(
            service_z=0.0, opening_split_noise=0.0, level_bias_sd=0.0, supplier_lead_sd_days=0.0, po_short_share=0.0, web_share=0.0
        )
        return world, demand

    return build


@pytest.fixture
def dispatch() -> Callable[..., dict[str, Any]]:
    """Builds an evenstock-dispatch/1 document."""

    def build(
        units: Any, transfer_id: str = "T1", origin: str = "A", destination: str = "B", ship: dt.date = START, **changes: Any
    ) -> dict[str, Any]:
        document = {
            "format": "evenstock-dispatch/1", "transfer_id": transfer_id, "lane_id": f"{origin}>{destination}:road", "origin": origin,
            "destination": destination, "mode": "road", "as_of": "2026-01-05", "ship_date": ship.isoformat(),
            "expected_arrival_date": "2026-01-07", "idempotency_key": f"key-{transfer_id}",
            "lines": [{"line_id": f"L-{transfer_id}", "item_id": "X", "units": units}],
        }  # fmt: skip
        return document | changes

    return build


@pytest.fixture
def generated() -> Callable[..., Twin]:
    """A generated world of a few locations and items, ready to play."""

    def build(locations: int = 3, items: int = 8, days: int = 40, seed: int = 5) -> Twin:
        from pipelines.twin.demand import generate_demand

        demand = generate_demand(locations, items, days, seed, START)
        return Twin(build_generated_world(demand, seed), demand, seed)

    return build
