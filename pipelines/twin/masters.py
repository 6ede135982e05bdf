"""Master data that a sender may leave out: customer lanes, demand events and finance parameters, as the twin's world has them.

Nothing here is drawn: each is a function of the world. What each feed promises is in its contract.
"""

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.domain.network import great_circle_km
from pipelines.twin.customers import TRANSIT_DAYS
from pipelines.twin.demand import LAUNCH_GRACE_DAYS, DemandEvent
from pipelines.twin.world import World

SENT_WEEKDAY = 1  # Monday; until then the last file stands
ANNOUNCED_DAYS = 56
PARCEL_USD = 4.5
PARCEL_USD_PER_KM = 0.0025
PARCEL_KM_PER_DAY = 800.0
# Parts of the holding rate, split as the policy's defaults are.
RATE_PARTS = {"capital_rate": 12 / 25, "insurance_rate": 3 / 25, "obsolescence_rate": 10 / 25}


@dataclass(frozen=True)
class OptionalMasters:
    """The frames of one file each, in feed columns and sorted by key."""

    tms_customer_lanes: pd.DataFrame
    erp_events: pd.DataFrame
    fin_parameters: pd.DataFrame


def are_sent_on(date: dt.date) -> bool:
    """Whether a daily drop of that date holds the optional masters."""
    return date.isoweekday() == SENT_WEEKDAY


def optional_masters(world: World, date: dt.date) -> OptionalMasters:
    """What is known on a date: all customer lanes and rates, and the events that are announced by then."""
    return OptionalMasters(customer_lanes(world), event_rows(world, date), finance_parameters(world))


def customer_lanes(world: World) -> pd.DataFrame:
    """Every location to every region of the world, in the whole days that a carrier quotes: to the own region the median of the parcels.

    Another region lies at the mean of its locations and takes a day more for each 800 km. An order costs 4.5 USD and 0.0025 USD a km.
    """
    places = world.locations.dropna(subset=["region"])
    centres = places.astype({"lat": float, "lon": float}).groupby("region")[["lat", "lon"]].mean()
    days, shares = TRANSIT_DAYS
    own_days = days[int(np.searchsorted(np.cumsum(shares), 0.5))]
    rows = []
    for place in places.sort_values("location_id").to_dict("records"):
        for region, lat, lon in centres.sort_index().itertuples():
            km = great_circle_km(place["lat"], place["lon"], lat, lon)
            more = 0 if region == place["region"] else math.ceil(km / PARCEL_KM_PER_DAY)
            rows.append((place["location_id"], region, own_days + more, round(PARCEL_USD + PARCEL_USD_PER_KM * km, 2)))
    return pd.DataFrame(rows, columns=["location_id", "ship_to_region", "transit_days", "cost_usd_per_order"])


def event_rows(world: World, date: dt.date) -> pd.DataFrame:
    """Launches and the events behind the demand, as far as they begin within eight weeks of the date."""
    announced = date + dt.timedelta(days=ANNOUNCED_DAYS)
    events = sorted((event for event in (*_launches(world), *world.events) if event.first <= announced), key=lambda event: event.event_id)
    rows = [(e.event_id, e.scope, e.scope_id, e.kind, e.first.isoformat(), e.last.isoformat(), e.uplift_share) for e in events]
    columns = ["event_id", "scope", "scope_id", "kind", "start_date", "end_date", "expected_uplift_share"]
    return pd.DataFrame(rows, columns=columns)


def finance_parameters(world: World) -> pd.DataFrame:
    """One row for the network: the world's holding rate, split as the policy splits it. It sets neither penalty nor budget."""
    rates = {name: round(world.parameters.holding_rate_per_year * part, 6) for name, part in RATE_PARTS.items()}
    empty = dict.fromkeys(("lost_sale_penalty_usd_per_unit", "transfer_budget_usd_per_week"))
    return pd.DataFrame([{"scope": "network", "scope_id": None, **rates, **empty}])


def _launches(world: World) -> list[DemandEvent]:
    launched = zip(world.items["item_id"], world.items["launch_date"], strict=True)
    last = dt.timedelta(days=LAUNCH_GRACE_DAYS - 1)
    return [DemandEvent("launch", "item", item, day, day + last) for item, day in launched if isinstance(day, dt.date)]
