"""From facts, forecast and what was learned to one planning case: the problem document and the context that explains it.

Nets stock against commitments, projects it, values moves and writes `evenstock-problem/1`. It reads frames only and solves nothing.
"""

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipelines.domain.errors import InputRefused
from pipelines.domain.policy import Policy
from pipelines.planning import candidates, curves

UNLIMITED_UNITS = 1_000_000_000.0
FIRM_STATES = ("approved", "edited", "released", "picked")
HELD_MARKS = ("transfers held back", "tripwire")  # how a forecast's note says that it loses to a four-week mean


@dataclass(frozen=True)
class CaseContext:
    """What a plan's explanation needs and its problem does not hold; frames are sorted by their ids.

    `rows` one per item-location, `pairs` one per item and usable lane (arcs are those with `is_arc`), `lanes` one per lane.
    """

    as_of: dt.date
    policy: Policy
    rows: pd.DataFrame
    pairs: pd.DataFrame
    lanes: pd.DataFrame


@dataclass(frozen=True)
class PlanCase:
    """One night's planning problem as a document, and its context."""

    problem: dict[str, Any]
    context: CaseContext


def build_case(
    stock: pd.DataFrame,
    inbound: pd.DataFrame,
    weekly: pd.DataFrame,
    summary: pd.DataFrame,
    items: pd.DataFrame,
    locations: pd.DataFrame,
    lanes: pd.DataFrame,
    lane_parameters: pd.DataFrame,
    firm_lines: pd.DataFrame,
    policy: Policy,
    as_of: dt.date,
) -> PlanCase:
    """Build the planning case of the evening of `as_of`; the result does not depend on the order of any frame's rows.

    `stock` fct_plan_inputs, `inbound` fct_inbound, `weekly` and `summary` of the forecast, `items`/`locations`/`lanes` the dimensions,
    `lane_parameters` what was learned per lane, `firm_lines` approved transfers that have not shipped. Columns are those of the marts;
    `items` may carry `next_review_days` where the date of the next supplier order is known. Raises `InputRefused` for an item without
    master data.
    """
    rows = _join_rows(stock, items, summary, policy)
    week_count = _week_count(weekly, policy)
    demand, has_forecast = _week_matrix(rows, weekly, week_count)
    firm = _firm_lines(firm_lines, inbound)
    arriving = _inbound_matrix(rows, inbound, firm, week_count, as_of)
    rows = _net_stock(rows, firm, policy)
    rows["window_weeks"] = rows["window_weeks"].clip(upper=week_count)
    window = rows["window_weeks"].to_numpy()
    paths = curves.project_stock(rows["available_units"].to_numpy(dtype=float), arriving, demand[:, None, :], window)
    rows = _describe_rows(rows, paths, arriving, demand, has_forecast, as_of)
    lane_frame = candidates.prepare_lanes(lanes, lane_parameters, as_of)
    pairs = candidates.pair_rows(rows, lane_frame)
    rows, gains = _value_receivers(rows, paths, pairs, lane_frame, demand, policy)
    rows, losses = _value_donors(rows, paths, policy)
    pairs = _price_pairs(pairs, rows, lane_frame, paths, policy)
    problem = _write_problem(rows, pairs, lane_frame, gains, losses, locations, firm, policy)
    return PlanCase(problem, CaseContext(as_of, policy, rows, pairs, lane_frame))


def _week_count(weekly: pd.DataFrame, policy: Policy) -> int:
    known = int(weekly["week_index"].max()) + 1 if len(weekly) else 1
    return max(1, min(policy.planning.horizon_weeks, known))


def _join_rows(stock: pd.DataFrame, items: pd.DataFrame, summary: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    rows = stock.sort_values(["item_id", "location_id"]).reset_index(drop=True)
    unknown = sorted(set(rows["item_id"]) - set(items["item_id"]))
    if unknown:
        raise InputRefused(f"fct_plan_inputs: item {unknown[0]!r} has stock but no row in dim_item; land erp_items with it")
    master = items.set_index("item_id")
    for column in ("weight_kg", "volume_m3", "unit_cost_usd", "unit_margin_usd", "lifecycle", "end_date"):
        rows[column] = rows["item_id"].map(master[column])
    numbers = ["weight_kg", "volume_m3", "unit_cost_usd", "unit_margin_usd"]
    rows[numbers] = rows[numbers].astype(float)
    rows["units_per_pack"] = rows["item_id"].map(master["units_per_pack"]).astype(np.int64)
    service = policy.service
    lead = master["supplier_lead_time_days"].astype(float).fillna(service.default_supplier_lead_time_days)
    review = master["review_period_days"].astype(float).fillna(service.review_period_days)
    if "next_review_days" in master:
        review = master["next_review_days"].astype(float).fillna(review)
    weeks = (lead + review).map(candidates.arrival_week).clip(lower=1)
    rows["window_weeks"] = rows["item_id"].map(weeks).astype(np.int64)
    notes = summary.set_index(["item_id", "location_id"])["note"] if len(summary) else pd.Series(dtype=object)
    index = pd.MultiIndex.from_frame(rows[["item_id", "location_id"]])
    rows["forecast_note"] = notes.reindex(index).fillna("").astype(str).to_numpy() if len(notes) else ""
    return rows


def _positions(rows: pd.DataFrame, frame: pd.DataFrame, place: str = "location_id") -> np.ndarray:
    """Row number of each line of `frame`, -1 where it has none."""
    index = pd.MultiIndex.from_frame(rows[["item_id", "location_id"]])
    return index.get_indexer(pd.MultiIndex.from_arrays([frame["item_id"], frame[place]]))


def _week_matrix(rows: pd.DataFrame, weekly: pd.DataFrame, week_count: int) -> tuple[np.ndarray, np.ndarray]:
    demand, has_forecast = np.zeros((len(rows), week_count)), np.zeros(len(rows), dtype=bool)
    if len(weekly):
        at = _positions(rows, weekly)
        week = weekly["week_index"].to_numpy(dtype=np.int64)
        kept = (at >= 0) & (week >= 0) & (week < week_count)
        demand[at[kept], week[kept]] = np.maximum(weekly["mean_units"].to_numpy(dtype=float)[kept], 0.0)
        has_forecast[at[kept]] = True
    return demand, has_forecast


def _firm_lines(firm_lines: pd.DataFrame, inbound: pd.DataFrame) -> pd.DataFrame:
    """Approved, unshipped lines; a line that the inbound mart already counts as in transit is left out."""
    if not len(firm_lines):
        return pd.DataFrame({"item_id": [], "origin": [], "destination": [], "units": [], "expected_arrival_date": []})
    known = set(inbound["reference"].dropna().astype(str)) if len(inbound) and "reference" in inbound else set()
    counted = firm_lines["line_id"].isin(known) | firm_lines["transfer_id"].isin(known)
    firm = firm_lines[firm_lines["state"].isin(FIRM_STATES) & ~counted]
    units = firm["qty_approved_units"].fillna(firm["qty_planned_units"]).astype(float)
    return firm.assign(units=units).sort_values("line_id").reset_index(drop=True)


def _inbound_matrix(rows: pd.DataFrame, inbound: pd.DataFrame, firm: pd.DataFrame, week_count: int, as_of: dt.date) -> np.ndarray:
    """Dated supply by week, `(rows, weeks)`; what is overdue is taken for the first week, what is beyond the horizon is left out."""
    arriving = np.zeros((len(rows), week_count))
    for frame, place, date, quantity in (
        (inbound, "location_id", "expected_date", "qty_units"),
        (firm, "destination", "expected_arrival_date", "units"),
    ):
        if len(frame):
            at = _positions(rows, frame, place)
            days = (pd.to_datetime(frame[date]) - pd.Timestamp(as_of + dt.timedelta(days=1))).dt.days.fillna(0)
            week = np.array([candidates.arrival_week(day) for day in days], dtype=np.int64)
            kept = (at >= 0) & (week < week_count)
            np.add.at(arriving, (at[kept], week[kept]), frame[quantity].to_numpy(dtype=float)[kept])
    return arriving


def _net_stock(rows: pd.DataFrame, firm: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Available now = on hand - reserved - blocked - firm out, never below zero; firm out is the larger of the mart's and the ledger's."""
    from_ledger = np.zeros(len(rows))
    if len(firm):
        at = _positions(rows, firm, "origin")
        np.add.at(from_ledger, at[at >= 0], firm["units"].to_numpy(dtype=float)[at >= 0])
    firm_out = np.maximum(rows["firm_out_units"].astype(float).fillna(0.0).to_numpy(), from_ledger)
    on_hand, reserved, blocked = (rows[f"{name}_units"].astype(float).fillna(0.0) for name in ("on_hand", "reserved", "blocked"))
    rows["available_units"] = (on_hand - reserved - blocked - firm_out).clip(lower=0.0)
    sendable = rows["available_units"] * min(1.0, policy.planning.donor_share_cap)
    rows["donor_cap_packs"] = np.floor(sendable / rows["units_per_pack"] + curves.SNAP).astype(np.int64)
    return rows


def _describe_rows(
    rows: pd.DataFrame, paths: curves.StockPaths, arriving: np.ndarray, demand: np.ndarray, has_forecast: np.ndarray, as_of: dt.date
) -> pd.DataFrame:
    """What the mean path says per row, and the roles that follow from it."""
    window = rows["window_weeks"].to_numpy()
    inside = np.arange(demand.shape[1])[None, :] < window[:, None]
    lost = paths.lost_units[:, 0, :]
    rows["weekly_mean_units"] = np.where(inside, demand, 0.0).sum(axis=1) / window
    rows["lost_units"] = lost.sum(axis=1)
    rows["floor_units"] = paths.floor_units[:, 0]
    first = np.where(lost > curves.SNAP, np.arange(demand.shape[1])[None, :], demand.shape[1]).min(axis=1)
    at = np.minimum(first, demand.shape[1] - 1)
    line = np.arange(len(rows))
    served = demand[line, at] - lost[line, at]
    with np.errstate(invalid="ignore", divide="ignore"):
        runs_out = at + served / demand[line, at]
    rows["runs_out_weeks"] = np.where(first < demand.shape[1], runs_out, np.nan)
    rows["next_supply_date"] = [as_of + dt.timedelta(days=1 + 7 * int(weeks)) for weeks in window]
    tripped = [any(mark in note.lower() for mark in HELD_MARKS) for note in rows["forecast_note"]]
    rows["is_held"] = np.array(tripped, dtype=bool) | ~has_forecast
    rows["is_stale"] = rows["is_stale"].fillna(True).astype(bool)
    ended = pd.to_datetime(rows["end_date"]).le(pd.Timestamp(as_of)).to_numpy()
    rows["is_closed"] = rows["lifecycle"].isin(candidates.NO_RECEIVER).to_numpy() | ended
    free = ~(rows["is_held"] | rows["is_stale"])
    rows["is_donor"] = free & (rows["donor_cap_packs"] >= 1)
    rows["is_receiver"] = free & (rows["lost_units"] > curves.SNAP) & ~rows["is_closed"]
    return rows


def _value_receivers(
    rows: pd.DataFrame, paths: curves.StockPaths, pairs: pd.DataFrame, lanes: pd.DataFrame, demand: np.ndarray, policy: Policy
) -> tuple[pd.DataFrame, dict[int, list[list[float]]]]:
    """Gain segments of each receiver that a lane can reach, for the arrival of its fastest lane; keyed by row number."""
    fastest = candidates.fastest_arrival(pairs, lanes, len(rows))
    at = np.flatnonzero(np.isfinite(fastest))
    lost, arrival = paths.lost_units[at], fastest[at]
    pack = rows["units_per_pack"].to_numpy(dtype=np.int64)[at]
    usd_per_unit = policy.planning.eta * rows["unit_margin_usd"].to_numpy(dtype=float)[at]
    top = curves.receiver_packs(lost, arrival, demand[at].max(axis=1), pack)
    weeks = np.arange(lost.shape[2])[None, None, :]
    first = np.floor(arrival + curves.SNAP)[:, None, None]
    kinks = [
        np.cumsum(np.where(weeks >= first + late, lost, 0.0), axis=2).reshape(len(at), lost.shape[1] * lost.shape[2]) for late in (0, 1)
    ]
    points = curves.choose_breakpoints(np.concatenate(kinks, axis=1), top, pack, policy.planning.max_segments)
    gain = curves.receiver_gain_between(lost, arrival, points * pack[:, None].astype(float), policy.planning.gamma)
    widths, values = curves.value_per_pack(points, usd_per_unit[:, None] * gain)
    segments = {int(row): [s for s in curves.list_segments(widths[n], values[n]) if s[1] > 0] for n, row in enumerate(at)}
    listed = pd.Series({row: sum(s[0] for s in found) for row, found in segments.items()}, dtype=float)
    rows["fastest_weeks"] = fastest
    rows["reachable_units"] = 0.0
    rows.loc[at, "reachable_units"] = np.where(weeks >= first, lost, 0.0).sum(axis=2)[:, 0]
    rows["receiver_packs"] = listed.reindex(range(len(rows)), fill_value=0.0).astype(np.int64).to_numpy()
    rows["first_gain_usd"] = [segments[n][0][1] if segments.get(n) else 0.0 for n in range(len(rows))]
    worth = {row: sum(s[0] * s[1] for s in found) for row, found in segments.items()}
    rows["full_gain_usd"] = [worth.get(n, 0.0) for n in range(len(rows))]
    return rows, segments


def _value_donors(rows: pd.DataFrame, paths: curves.StockPaths, policy: Policy) -> tuple[pd.DataFrame, dict[int, list[list[float]]]]:
    """Loss segments of each donor up to its cap on what is on hand now; keyed by row number."""
    at = np.flatnonzero(rows["is_donor"].to_numpy())
    pack = rows["units_per_pack"].to_numpy(dtype=np.int64)[at]
    usd_per_unit = policy.planning.eta * rows["unit_margin_usd"].to_numpy(dtype=float)[at]
    cap = rows["donor_cap_packs"].to_numpy()[at]
    points = curves.choose_breakpoints(paths.floor_units[at], cap, pack, policy.planning.max_segments)
    loss = curves.donor_loss(paths.floor_units[at], points * pack[:, None].astype(float))
    widths, values = curves.value_per_pack(points, -usd_per_unit[:, None] * loss)
    segments = {int(row): curves.list_segments(widths[n], values[n]) for n, row in enumerate(at)}
    rows["first_loss_usd"] = [segments[n][0][1] if segments.get(n) else 0.0 for n in range(len(rows))]
    return rows, segments


def _price_pairs(pairs: pd.DataFrame, rows: pd.DataFrame, lanes: pd.DataFrame, paths: curves.StockPaths, policy: Policy) -> pd.DataFrame:
    """Landed cost per unit by part, `max_packs` and `is_arc` of every pair."""
    giver, taker = rows.iloc[pairs["donor"]].reset_index(drop=True), rows.iloc[pairs["receiver"]].reset_index(drop=True)
    lane = lanes.iloc[pairs["lane"]].reset_index(drop=True)
    pairs["item_id"], pairs["lane_id"] = giver["item_id"], lane["lane_id"]
    pairs["pack_units"] = giver["units_per_pack"].astype(np.int64)
    full_units = (taker["receiver_packs"] * taker["units_per_pack"]).to_numpy(dtype=float)
    per_unit = np.divide(taker["full_gain_usd"], full_units, out=np.zeros(len(pairs)), where=full_units > 0)
    lost = paths.lost_units[pairs["receiver"].to_numpy()]
    base, arrival = taker["fastest_weeks"].to_numpy(), lane["arrival_weeks"].to_numpy()
    late = curves.delay_share(lost, base, arrival, full_units, policy.planning.gamma) if len(pairs) else np.zeros(0)
    pairs["freight_usd_per_unit"] = lane["cost_usd_per_unit"].astype(float)
    pairs["handling_usd_per_unit"] = policy.planning.handling_cost_usd_per_unit
    pairs["duty_usd_per_unit"] = lane["duty_share"].astype(float).fillna(0.0) * giver["unit_cost_usd"].astype(float)
    forgone = giver["unit_cost_usd"].astype(float) + taker["first_gain_usd"] / pairs["pack_units"]
    pairs["damage_usd_per_unit"] = (1.0 - lane["yield_share"]) * forgone
    pairs["delay_usd_per_unit"] = late * per_unit
    parts = ["freight", "handling", "duty", "damage", "delay"]
    pairs["unit_cost_usd"] = pairs[[f"{part}_usd_per_unit" for part in parts]].sum(axis=1).round(6)
    pairs["line_cost_usd"] = lane["line_cost_usd"].astype(float).fillna(0.0).round(6)
    pairs["max_packs"] = np.minimum(giver["donor_cap_packs"], taker["receiver_packs"]).astype(np.int64)
    pairs["first_gain_usd"], pairs["first_loss_usd"] = taker["first_gain_usd"], giver["first_loss_usd"]
    pairs["is_arc"] = candidates.keep_paying(pairs)
    return pairs


def _write_problem(
    rows: pd.DataFrame,
    pairs: pd.DataFrame,
    lanes: pd.DataFrame,
    gains: dict[int, list[list[float]]],
    losses: dict[int, list[list[float]]],
    locations: pd.DataFrame,
    firm: pd.DataFrame,
    policy: Policy,
) -> dict[str, Any]:
    arcs = pairs[pairs["is_arc"]].sort_values(["item_id", "lane_id"])
    planning = policy.planning
    shipped = rows.iloc[np.unique(arcs["donor"])].drop_duplicates("item_id").sort_values("item_id")
    money = planning.weekly_budget_usd
    return {
        "format": "evenstock-problem/1",
        "handling_units": {
            "pallet_kg": planning.pallet_kg,
            "pallet_m3": planning.pallet_m3,
            "pallets_per_truck": planning.pallets_per_truck,
        },
        "locations": _write_locations(locations, firm),
        "lanes": [_write_lane(lane) for lane in lanes.iloc[np.unique(arcs["lane"])].to_dict("records")],
        "items": [
            {"item_id": item, "pack_units": int(pack), "weight_kg": round(float(kg), 6), "volume_m3": round(float(m3), 6)}
            for item, pack, kg, m3 in shipped[["item_id", "units_per_pack", "weight_kg", "volume_m3"]].itertuples(index=False)
        ],
        "arcs": [
            {"item_id": item, "lane_id": lane, "cost_usd_per_unit": float(cost), "max_packs": int(packs)} | _line_cost(line)
            for item, lane, cost, packs, line in arcs[["item_id", "lane_id", "unit_cost_usd", "max_packs", "line_cost_usd"]].itertuples(
                index=False
            )
        ],
        "gains": _write_curves(rows, np.unique(arcs["receiver"]), gains),
        "losses": _write_curves(rows, np.unique(arcs["donor"]), losses),
        "budget_usd": None if money is None else round(float(money), 6),
    }


def _line_cost(usd: float) -> dict[str, float]:
    return {"line_cost_usd": float(usd)} if usd else {}


def _write_curves(rows: pd.DataFrame, at: np.ndarray, segments: dict[int, list[list[float]]]) -> list[dict[str, Any]]:
    named = rows.iloc[at]
    return [
        {"item_id": item, "location_id": place, "segments": segments[int(row)]}
        for row, item, place in zip(at, named["item_id"], named["location_id"], strict=True)
    ]


def _write_locations(locations: pd.DataFrame, firm: pd.DataFrame) -> list[dict[str, Any]]:
    """Dock units of the week less what firm lines still need; an unknown dock does not limit."""
    used_out = firm.groupby("origin")["units"].sum().to_dict() if len(firm) else {}
    used_in = firm.groupby("destination")["units"].sum().to_dict() if len(firm) else {}

    def left(per_day: Any, used: float) -> float:
        return UNLIMITED_UNITS if pd.isna(per_day) else max(0.0, round(7.0 * float(per_day) - used, 6))

    return [
        {
            "location_id": place["location_id"],
            "dock_out_units": left(place["dock_out_units_per_day"], used_out.get(place["location_id"], 0.0)),
            "dock_in_units": left(place["dock_in_units_per_day"], used_in.get(place["location_id"], 0.0)),
        }
        for place in locations.sort_values("location_id").to_dict("records")
    ]


def _write_lane(lane: dict[str, Any]) -> dict[str, Any]:
    written = {
        "lane_id": lane["lane_id"],
        "origin": lane["origin"],
        "destination": lane["destination"],
        "truck_cost_usd": round(float(lane["truck_cost_usd"]), 6),
        "pallet_cost_usd": round(float(lane["pallet_cost_usd"]), 6),
        "max_trucks": int(lane["max_trucks"]),
        "min_shipment_kg": round(float(lane["min_shipment_kg"]), 6),
    }
    for name in ("pallet_kg", "pallet_m3"):
        if lane[name] is not None and not math.isnan(float(lane[name])):
            written[name] = round(float(lane[name]), 6)
    if lane["pallets_per_truck"] is not None and not math.isnan(float(lane["pallets_per_truck"])):
        written["pallets_per_truck"] = int(lane["pallets_per_truck"])
    return written
