"""Writes the optional terms that the policy asks for into a night's problem document. What a term means is in terms.py.

A switch that is off leaves the document as it was, byte for byte.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipelines.domain.errors import InputRefused
from pipelines.domain.policy import Policy


@dataclass(frozen=True)
class TermFacts:
    """What some terms need beyond the marts that every plan reads; None where it is not known.

    `events` as fct_events. `lots` has item_id, location_id, expiry_date, units. `last_lines` has item_id, lane_id, packs: the last plan.
    """

    events: pd.DataFrame | None = None
    lots: pd.DataFrame | None = None
    last_lines: pd.DataFrame | None = None


def add_terms(
    problem: dict[str, Any],
    rows: pd.DataFrame,
    lanes: pd.DataFrame,
    locations: pd.DataFrame,
    facts: TermFacts,
    policy: Policy,
    as_of: dt.date,
) -> dict[str, Any]:
    """The problem with the terms that `policy.terms` switches on; `rows`, `lanes` as in the case's context. Days count from `as_of`."""
    wanted = policy.terms
    if wanted.limit_storage:
        _add_storage(problem, rows, locations)
    if wanted.keep_owners_apart:
        _add_owners(problem, locations)
    if wanted.exact_weight_tariffs:
        _add_tariffs(problem, lanes)
    _add_day_terms(problem, lanes, locations, facts, policy, as_of)
    locks = _promotion_locks(rows, facts, as_of) if wanted.lock_promotions else {}
    locks |= _quality_locks(rows) if wanted.lock_quality else {}
    if locks:
        _add_locks(problem, locks)
    _add_line_terms(problem, facts, policy)
    if wanted.respect_lots:
        _add_lots(problem, rows, lanes, facts, policy, as_of)
    return problem


def _add_day_terms(
    problem: dict[str, Any], lanes: pd.DataFrame, locations: pd.DataFrame, facts: TermFacts, policy: Policy, as_of: dt.date
) -> None:
    wanted = policy.terms
    if wanted.docks_by_day or wanted.close_on_holidays:
        _add_days(problem, lanes, as_of)
    if wanted.docks_by_day:
        _add_daily_docks(problem, locations)
    if wanted.close_on_holidays:
        _add_closed_days(problem, facts, as_of)


def _add_line_terms(problem: dict[str, Any], facts: TermFacts, policy: Policy) -> None:
    if policy.terms.min_line_packs > 1:
        for arc in problem["arcs"]:
            arc["min_packs"] = policy.terms.min_line_packs
    if policy.terms.churn_usd_per_unit > 0:
        _add_churn(problem, facts, policy.terms.churn_usd_per_unit)


def _add_storage(problem: dict[str, Any], rows: pd.DataFrame, locations: pd.DataFrame) -> None:
    """Free storage: capacity less what is on hand and all that is on its way or ordered, never below zero."""
    held = rows[["on_hand_units", "in_transit_in_units", "po_inbound_units"]].astype(float).sum(axis=1) * rows["volume_m3"]
    used = held.groupby(rows["location_id"]).sum().to_dict()
    capacity = locations.set_index("location_id")["storage_capacity_m3"].to_dict()
    for place in problem["locations"]:
        room = capacity.get(place["location_id"])
        if room is not None and not pd.isna(room):
            place["storage_m3"] = max(0.0, round(float(room) - used.get(place["location_id"], 0.0), 6))


def _add_days(problem: dict[str, Any], lanes: pd.DataFrame, as_of: dt.date) -> None:
    dates = lanes.set_index("lane_id")[["ship_date", "arrival_date"]]
    for lane in problem["lanes"]:
        for key, name in (("ship_day", "ship_date"), ("arrival_day", "arrival_date")):
            lane[key] = (dates.at[lane["lane_id"], name] - as_of).days


def _add_daily_docks(problem: dict[str, Any], locations: pd.DataFrame) -> None:
    per_day = locations.set_index("location_id")
    for place in problem["locations"]:
        for name in ("dock_out_units_per_day", "dock_in_units_per_day"):
            limit = per_day.at[place["location_id"], name]
            if not pd.isna(limit):
                place[name] = round(float(limit), 6)


def _running(events: pd.DataFrame | None, kind: str, first: dt.date, last: dt.date) -> pd.DataFrame:
    """Events of a kind that touch the days from first to last."""
    if events is None or not len(events):
        return pd.DataFrame(columns=["scope", "scope_id", "start_date", "end_date"])
    starts, ends = pd.to_datetime(events["start_date"]), pd.to_datetime(events["end_date"])
    touches = (starts <= pd.Timestamp(last)) & (ends.isna() | (ends >= pd.Timestamp(first)))
    return events.assign(start_date=starts, end_date=ends)[(events["kind"] == kind) & touches]


def _add_closed_days(problem: dict[str, Any], facts: TermFacts, as_of: dt.date) -> None:
    """Holidays of a location close it; one without an end closes its first day alone."""
    last = max((lane["arrival_day"] for lane in problem["lanes"]), default=0)
    found = _running(facts.events, "holiday", as_of, as_of + dt.timedelta(days=last))
    shut: dict[str, set[int]] = {}
    for event in found[found["scope"] == "location"].to_dict("records"):
        begin = (event["start_date"].date() - as_of).days
        end = begin if pd.isna(event["end_date"]) else (event["end_date"].date() - as_of).days
        shut.setdefault(event["scope_id"], set()).update(range(max(begin, 0), min(end, last) + 1))
    for place in problem["locations"]:
        if shut.get(place["location_id"]):
            place["closed_days"] = sorted(shut[place["location_id"]])


def _add_owners(problem: dict[str, Any], locations: pd.DataFrame) -> None:
    owner = locations.set_index("location_id")["owner"].to_dict()
    for place in problem["locations"]:
        if isinstance(owner.get(place["location_id"]), str) and owner[place["location_id"]]:
            place["owner_id"] = owner[place["location_id"]]
    problem["owner_rights"] = []


def _promotion_locks(rows: pd.DataFrame, facts: TermFacts, as_of: dt.date) -> dict[tuple[str, str], str]:
    """Item-locations of a promotion that touches their window keep what they have."""
    locks: dict[tuple[str, str], str] = {}
    last = as_of + dt.timedelta(days=7 * int(rows["window_weeks"].max() if len(rows) else 0))
    for event in _running(facts.events, "promotion", as_of, last).to_dict("records"):
        column = {"item": "item_id", "category": "category", "location": "location_id"}[event["scope"]]
        inside = rows["window_weeks"] * 7 >= (event["start_date"].date() - as_of).days
        hit = rows[inside & (rows[column] == event["scope_id"])] if column in rows else rows[:0]
        for pair in zip(hit["item_id"], hit["location_id"], strict=True):
            locks.setdefault(pair, f"promotion from {event['start_date'].date().isoformat()}")
    return locks


def _quality_locks(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    blocked = rows[rows["blocked_units"].astype(float) > 0]
    return {pair: "units blocked" for pair in zip(blocked["item_id"], blocked["location_id"], strict=True)}


def _add_locks(problem: dict[str, Any], locks: dict[tuple[str, str], str]) -> None:
    items = {item["item_id"] for item in problem["items"]}
    problem["locks"] = [
        {"item_id": item, "location_id": place, "way": "out", "reason": reason}
        for (item, place), reason in sorted(locks.items())
        if item in items
    ]


def _add_lots(problem: dict[str, Any], rows: pd.DataFrame, lanes: pd.DataFrame, facts: TermFacts, policy: Policy, as_of: dt.date) -> None:
    """Lots in whole packs by last good day, and the day until which each line needs them: arrival + the share of shelf life to be left."""
    if facts.lots is None:
        raise InputRefused("policy.terms.respect_lots: this run knows no lots; switch it off")
    life = rows.drop_duplicates("item_id").set_index("item_id")["shelf_life_days"].to_dict() if "shelf_life_days" in rows else {}
    arrives = {lane: (day - as_of).days for lane, day in zip(lanes["lane_id"], lanes["arrival_date"], strict=True) if day is not None}
    for arc in problem["arcs"]:
        days = life.get(arc["item_id"])
        if days is not None and not pd.isna(days):
            arc["good_until_day"] = arrives[arc["lane_id"]] + int(np.ceil(policy.terms.min_shelf_life_share * float(days) - 1e-9))
    packs = {item["item_id"]: item["pack_units"] for item in problem["items"]}
    dated = facts.lots.assign(day=(pd.to_datetime(facts.lots["expiry_date"]) - pd.Timestamp(as_of)).dt.days)
    dated = dated[(dated["day"] >= 0) & dated["item_id"].isin(packs)]
    by_day = dated.groupby(["item_id", "location_id", "day"])["units"].sum()
    for loss in problem["losses"]:
        key = (loss["item_id"], loss["location_id"])
        if key in by_day.index.droplevel("day"):
            kept = by_day.loc[key].sort_index(ascending=False)
            whole = np.floor(kept.cumsum() / packs[loss["item_id"]] + 1e-9).astype(int)
            widths = whole.diff().fillna(whole.iloc[0]).astype(int)
            loss["lots"] = [[int(width), int(day)] for day, width in widths[::-1].items() if width]


def _add_tariffs(problem: dict[str, Any], lanes: pd.DataFrame) -> None:
    """Rate and minimum of a lane as its carrier charges them: max(minimum, rate x kg) on the whole load."""
    rated = lanes.set_index("lane_id")
    for lane in problem["lanes"]:
        rate, minimum = float(rated.at[lane["lane_id"], "rate_usd_per_kg"]), float(rated.at[lane["lane_id"], "minimum_cost_usd"])
        if rate or minimum:
            lane["weight_bands"] = [[1e12, round(rate, 6), round(minimum, 6)]]


def _add_churn(problem: dict[str, Any], facts: TermFacts, usd_per_unit: float) -> None:
    last = facts.last_lines
    known = {} if last is None else dict(zip(zip(last["item_id"], last["lane_id"], strict=True), last["packs"], strict=True))
    packs = {item["item_id"]: item["pack_units"] for item in problem["items"]}
    for arc in problem["arcs"]:
        arc["churn_usd_per_pack"] = round(usd_per_unit * packs[arc["item_id"]], 6)
        arc["last_packs"] = int(known.get((arc["item_id"], arc["lane_id"]), 0))
