"""What a planner knows on an evening in the twin: the frames that planning reads, made from the twin's books and a forecast.

The marts say the same from extracts; here the way through files is left out, so that years can be played in minutes.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.domain.policy import Policy
from pipelines.domain.transfer import lane_id_of
from pipelines.forecasting.backtest import check_tripwire
from pipelines.forecasting.level import estimate_level
from pipelines.forecasting.panel import Panel
from pipelines.forecasting.pooling import make_pools
from pipelines.planning.inputs import PlanCase, build_case
from pipelines.twin.simulate import Twin

DAYS_PER_WEEK = 7
HELD_NOTE = "forecast lost to a four-week mean: transfers held back"
INBOUND_COLUMNS = ("item_id", "location_id", "expected_date", "qty_units", "reference")
FIRM_COLUMNS = ("line_id", "transfer_id", "item_id", "origin", "destination", "state")


@dataclass(frozen=True)
class Outlook:
    """Mean units by week, (N, H), of N series by (location_id, item_id), and which of them are not to be planned on, (N,)."""

    weekly_units: NDArray[np.float64]
    is_held: NDArray[np.bool_]


@dataclass(frozen=True)
class Evening:
    """Frames of one evening, in the columns of the marts, and `weeks` of demand expected: `outlook` has a row per row of `keys`."""

    as_of: dt.date
    keys: pd.DataFrame
    stock: pd.DataFrame
    inbound: pd.DataFrame
    items: pd.DataFrame
    locations: pd.DataFrame
    lanes: pd.DataFrame
    outlook: Outlook

    def case(self, policy: Policy) -> PlanCase:
        """The planning case that the nightly run would make of this evening."""
        weeks = self.outlook.weekly_units.shape[1]
        weekly = self.keys.loc[np.repeat(np.arange(len(self.keys)), weeks)].reset_index(drop=True)
        weekly["week_index"] = np.tile(np.arange(weeks, dtype=np.int64), len(self.keys))
        weekly["mean_units"] = self.outlook.weekly_units.ravel()
        summary = self.keys.assign(note=np.where(self.outlook.is_held, HELD_NOTE, ""))
        nothing = pd.DataFrame({name: [] for name in FIRM_COLUMNS})
        return build_case(
            self.stock, self.inbound, weekly, summary, self.items, self.locations, self.lanes, pd.DataFrame(), nothing, policy, self.as_of
        )


def look(twin: Twin, outlook: Outlook) -> Evening:
    """The evening after the twin's last played day."""
    return Evening(
        as_of=twin.next_date - dt.timedelta(days=1),
        keys=series_keys(twin),
        stock=_stock(twin),
        inbound=_inbound(twin),
        items=twin.world.items.assign(unit_margin_usd=twin.world.unit_margin_usd),
        locations=twin.world.locations,
        lanes=_lanes(twin),
        outlook=outlook,
    )


def series_keys(twin: Twin) -> pd.DataFrame:
    """location_id, item_id of every series, sorted."""
    locations, items = sorted(twin.demand.location_ids), sorted(twin.demand.item_ids)
    return pd.DataFrame({"location_id": np.repeat(locations, len(items)), "item_id": np.tile(items, len(locations))})


def forecast(twin: Twin, weeks: int) -> Outlook:
    """Un-censored level and pattern from sales and hours in stock so far, as the nightly run makes them; H = `weeks`."""
    days = np.datetime64(twin.demand.start, "D") + np.arange(twin.day)
    sold, in_stock = (_by_series(twin, values[: twin.day]) for values in twin.replenishment.evidence)
    unknown = in_stock < 0
    panel = Panel(series_keys(twin), days, np.where(unknown, np.nan, sold), np.where(unknown, np.nan, in_stock))
    category = panel.keys["item_id"].map(dict(zip(twin.world.items["item_id"], twin.world.items["category"], strict=True)))
    estimate = estimate_level(panel, make_pools(panel.keys, category), weeks * DAYS_PER_WEEK)
    weekly = estimate.path.reshape(len(panel.keys), weeks, DAYS_PER_WEEK).sum(axis=2)
    return Outlook(weekly.astype(float), check_tripwire(estimate.history).is_tripped)


def foresee(twin: Twin, believed: Outlook) -> Outlook:
    """What customers will really ask for, as far as the demand table reaches; beyond it what is believed."""
    weeks = believed.weekly_units.shape[1]
    coming = _by_series(twin, twin.demand.units[twin.day : twin.day + weeks * DAYS_PER_WEEK].astype(float))
    whole = coming.shape[1] // DAYS_PER_WEEK
    known = coming[:, : whole * DAYS_PER_WEEK].reshape(len(coming), whole, DAYS_PER_WEEK).sum(axis=2)
    return Outlook(np.concatenate([known, believed.weekly_units[:, whole:]], axis=1), np.zeros(len(coming), dtype=bool))


def _by_series(twin: Twin, values: NDArray[np.floating]) -> NDArray[np.float64]:
    """(T, L, I) in the order of the demand table as (N, T) in the order of `series_keys`."""
    locations = np.argsort(np.array(twin.demand.location_ids, dtype=object), kind="stable")
    items = np.argsort(np.array(twin.demand.item_ids, dtype=object), kind="stable")
    ordered = values[:, locations][:, :, items]
    return np.ascontiguousarray(ordered.reshape(len(values), -1).T, dtype=float)


def _stock(twin: Twin) -> pd.DataFrame:
    """fct_plan_inputs: every item-location with what it has, what is promised, and the days to its next supplier order."""
    places, items = np.indices(twin.stock.shape)
    outgoing, _ = twin.transport.firm_units(twin.stock.shape)
    names = twin.world.items["item_id"].to_numpy(dtype=object), twin.world.locations["location_id"].to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "item_id": names[0][items.ravel()],
            "location_id": names[1][places.ravel()],
            "on_hand_units": twin.stock.on_hand.ravel(),
            "reserved_units": twin.stock.reserved.ravel(),
            "blocked_units": twin.stock.blocked.ravel(),
            "firm_out_units": outgoing.ravel(),
            "is_stale": False,
            "next_review_days": twin.replenishment.days_to_review(twin.day)[items.ravel()],
        }
    )


def _inbound(twin: Twin) -> pd.DataFrame:
    """fct_inbound: open supplier orders and transfers on their way, by the day on which they are expected."""
    lanes = {lane["lane_id"]: lane for lane in _lanes(twin).to_dict("records")}
    names = twin.world.items["item_id"].to_numpy(dtype=object), twin.world.locations["location_id"].to_numpy(dtype=object)
    rows = [
        (names[0][line.item], names[1][line.location], line.expected, line.ordered, line.po_id) for line in twin.replenishment.open_lines
    ]
    for line in (*twin.transport.travelling, *twin.transport.waiting):
        lane = lanes[line.lane_id]
        due = line.ship_date + dt.timedelta(days=int(lane["lead_time_days_mean"] + lane["customs_days"] + 0.5))
        rows.append((names[0][line.item], names[1][line.destination], due, line.shipped or line.requested, line.transfer_id))
    return pd.DataFrame(rows, columns=list(INBOUND_COLUMNS))


def _lanes(twin: Twin) -> pd.DataFrame:
    """dim_lane: lanes as their tariffs declare them."""
    lanes = twin.world.lanes.rename(columns={"allowed": "is_allowed"})
    keys = zip(lanes["origin"], lanes["destination"], lanes["mode"], strict=True)
    return lanes.assign(lane_id=[lane_id_of(*key) for key in keys])
