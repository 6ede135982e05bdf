"""Events that may start a plan: typed, each with its evidence in figures, a verdict, and a cooldown in which it is not told again.

From frames to events; alarms of demand come from `demand_alarms`. What earlier nights told is handed in and handed out.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipelines.forecasting.demand_alarms import CATEGORY, ITEM, PAIR

COLUMNS = ["event_id", "type", "scope", "location_id", "item_id", "category", "found_on", "evidence", "verdict", "cooldown_until"]
SCOPE = ["type", "scope", "location_id", "item_id", "category"]
COOLDOWN_DAYS = {
    "demand_spike": 28,
    "demand_drop": 28,
    "new_item": 182,
    "market_entry": 182,
    "discontinued_item": 182,
    "lead_time_shift": 28,
    "cost_shift": 28,
    "band_crossed": 14,
    "count_variance": 21,
}
OPEN, EXPLAINED, COOLING = "open", "explained", "cooling"
# Kinds of declared events that explain a change of demand in one direction.
EXPLAINING = {"demand_spike": ("promotion", "holiday", "launch"), "demand_drop": ("phase_out", "holiday")}
LOOK_BACK_DAYS = 7
AFTERMATH_DAYS = 14
SHIFT_SHARE, SHIFT_DAYS = 0.2, 2
VARIANCE_SHARE, VARIANCE_UNITS = 0.05, 2
OVERSTOCK_WEEKS = 4


def demand_events(alarms: pd.DataFrame, declared: pd.DataFrame) -> pd.DataFrame:
    """Spikes and drops, those within a declared event (rows of fct_events) or the two weeks after it explained by it."""
    events = []
    for alarm in alarms.to_dict("records"):
        figures = {name: _plain(alarm[name]) for name in ("week_start", "units", "expected_units", "score")}
        reason = _explanation(alarm, declared)
        verdict = EXPLAINED if reason else OPEN
        events.append(_event(alarm, figures | ({"explained_by": reason} if reason else {}), verdict))
    return _frame(events)


def _explanation(alarm: Mapping[str, Any], declared: pd.DataFrame) -> str:
    """The id of the first declared event that covers the alarm's newest four weeks and its place, or an empty text."""
    if declared.empty:
        return ""
    last = pd.Timestamp(alarm["week_start"]) + pd.Timedelta(days=6)
    begin, end = pd.to_datetime(declared["start_date"]), pd.to_datetime(declared["end_date"]).fillna(pd.Timestamp.max)
    after = end.where(end > last, end + pd.Timedelta(days=AFTERMATH_DAYS))
    covers = (begin <= last) & (after >= last - pd.Timedelta(days=27)) & declared["kind"].isin(EXPLAINING[alarm["type"]])
    here = {"item": alarm["item_id"], "category": alarm["category"], "location": alarm["location_id"]}
    place = [scope == "network" or (here.get(scope) not in (None, "") and here[scope] == of) for scope, of in _scopes(declared)]
    return min(declared.loc[covers.to_numpy() & np.array(place, dtype=bool), "event_id"].astype(str), default="")


def _scopes(declared: pd.DataFrame) -> list[tuple[str, Any]]:
    return list(zip(declared["scope"], declared["scope_id"], strict=True))


def life_events(summary: pd.DataFrame, items: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """New items, items new at a place, and items that ended within the last week; `items`: item_id, lifecycle, end_date of dim_item.

    What is `new` has a first known day within the last week: an item that is new everywhere is one event, at no place of its own.
    """
    history = summary.groupby("item_id")["history_days"].max()
    fresh = summary[summary["history_days"] <= LOOK_BACK_DAYS]
    is_new = fresh["item_id"].map(history) <= LOOK_BACK_DAYS
    events = [
        _event({"type": "new_item", "scope": ITEM, "item_id": item}, {"locations": int(count)}, OPEN)
        for item, count in fresh[is_new].groupby("item_id").size().items()
        if history.max() > LOOK_BACK_DAYS  # where everything is new, nothing is
    ]
    for row in fresh[~is_new].to_dict("records"):
        place = {"type": "market_entry", "scope": PAIR, "location_id": row["location_id"], "item_id": row["item_id"]}
        events.append(_event(place, {"days_known": int(row["history_days"]), "days_elsewhere": int(history[row["item_id"]])}, OPEN))
    ended = pd.to_datetime(items["end_date"])
    today = pd.Timestamp(as_of)
    gone = items[(ended <= today) & (ended > today - pd.Timedelta(days=LOOK_BACK_DAYS))]
    for row in gone.to_dict("records"):
        place = {"type": "discontinued_item", "scope": ITEM, "item_id": row["item_id"]}
        events.append(_event(place, {"end_date": _plain(row["end_date"]), "lifecycle": row["lifecycle"]}, OPEN))
    return _frame(events)


def terms_events(changes: pd.DataFrame) -> pd.DataFrame:
    """Shifts of an item's supplier lead time (two days and a fifth or more) and unit cost (a fifth or more) within the last week.

    `changes`: item_id and, before and now, supplier_lead_time_days and unit_cost_usd, as `<name>_before` and `<name>`.
    """
    events = []
    for kind, column, least in (("lead_time_shift", "supplier_lead_time_days", SHIFT_DAYS), ("cost_shift", "unit_cost_usd", 0.0)):
        before, now = changes[f"{column}_before"].astype(float), changes[column].astype(float)
        change = (now - before).abs()
        shifted = changes[(before > 0) & (change >= SHIFT_SHARE * before) & (change >= max(least, 1e-9))]
        for row in shifted.to_dict("records"):
            figures = {"before": float(row[f"{column}_before"]), "now": float(row[column])}
            events.append(_event({"type": kind, "scope": ITEM, "item_id": row["item_id"]}, figures, OPEN))
    return _frame(events)


def band_events(stock: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Positions that left their band within the last week: below the safety stock, or above target + four weeks of mean demand.

    `stock`: location_id, item_id, position_units (available and inbound), on_hand_units, on_hand_units_before (a week ago). What was
    outside a week ago already did not cross; stock that is on its way counts as there, so that an order placed in time is no event.
    """
    both = stock.merge(summary, on=["location_id", "item_id"])
    low, high = both["safety_stock_units"], both["target_units"] + 7 * OVERSTOCK_WEEKS * both["mean_daily_units"]
    position, before = both["position_units"], both["on_hand_units_before"]
    fell = (position < low) & (before >= low) & (low >= 1.0)
    rose = (position > high) & (before <= high) & (both["on_hand_units"] > high) & (both["mean_daily_units"] > 0)
    events = []
    for side, edge, crossed in (("below", low, fell), ("above", high, rose)):
        for row, limit in zip(both[crossed].to_dict("records"), edge[crossed], strict=True):
            figures = {"side": side, "position_units": float(row["position_units"]), "edge_units": float(limit)}
            place = {"type": "band_crossed", "scope": PAIR, "location_id": row["location_id"], "item_id": row["item_id"]}
            events.append(_event(place, figures | {"on_hand_units_before": float(row["on_hand_units_before"])}, OPEN))
    return _frame(events)


def count_events(counts: pd.DataFrame) -> pd.DataFrame:
    """Counts of the last week that are off by two units and 5 % or more: location_id, item_id, system_units, counted_units."""
    difference = (counts["counted_units"] - counts["system_units"]).abs()
    off = counts[(difference >= VARIANCE_UNITS) & (difference >= VARIANCE_SHARE * counts["system_units"])]
    events = []
    for row in off.to_dict("records"):
        place = {"type": "count_variance", "scope": PAIR, "location_id": row["location_id"], "item_id": row["item_id"]}
        events.append(_event(place, {name: int(row[name]) for name in ("system_units", "counted_units")}, OPEN))
    return _frame(events)


def settle(found: pd.DataFrame, earlier: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Tonight's events and those of earlier nights that still cool, sorted; columns `COLUMNS`, no two of one type and place.

    `earlier` is what the night before settled. An event whose cooldown lasts to `as_of` or longer is carried on as `cooling` with the day
    that found it, and what is found of its type and place is not told anew. A new event's cooldown is `COOLDOWN_DAYS` of its type.
    """
    cooling = earlier[pd.to_datetime(earlier["cooldown_until"]) >= pd.Timestamp(as_of)].assign(verdict=COOLING)
    told = set(map(tuple, cooling[SCOPE].to_numpy()))
    fresh = found.drop_duplicates(SCOPE)
    fresh = fresh[np.array([tuple(place) not in told for place in fresh[SCOPE].to_numpy()], dtype=bool)].copy()
    fresh["found_on"] = as_of
    fresh["cooldown_until"] = [as_of + dt.timedelta(days=COOLDOWN_DAYS[kind]) for kind in fresh["type"]]
    fresh["event_id"] = [_name(place, as_of) for place in fresh[SCOPE].to_numpy()]
    both = [frame[COLUMNS] for frame in (fresh, cooling) if len(frame)]
    return (pd.concat(both) if both else fresh[COLUMNS]).sort_values(SCOPE, ignore_index=True)


def triggered_items(events: pd.DataFrame, items: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """Items that the open events are about, sorted: their own, or of a category at a location all that are there.

    `items`: item_id, category. `pairs`: location_id, item_id.
    """
    open_ones = events[events["verdict"] == OPEN]
    named = set(open_ones.loc[open_ones["item_id"] != "", "item_id"])
    places = open_ones[open_ones["scope"] == CATEGORY][["location_id", "category"]]
    there = pairs.merge(items, on="item_id").merge(places, on=["location_id", "category"])
    return sorted(named | set(there["item_id"]))


def _event(place: Mapping[str, Any], figures: Mapping[str, Any], verdict: str) -> dict[str, Any]:
    named = {name: place.get(name) or "" for name in SCOPE}
    return named | {"evidence": json.dumps(dict(figures), sort_keys=True), "verdict": verdict}


def _frame(events: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(events, columns=[*SCOPE, "evidence", "verdict"], dtype=object)


def _name(place: np.ndarray, as_of: dt.date) -> str:
    """First 12 hex of sha256 over type, place and day."""
    return hashlib.sha256(json.dumps([*place, as_of.isoformat()]).encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()[:10]
    return round(float(value), 4)
