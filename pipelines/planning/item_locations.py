"""Item-locations on the evening of a plan: what is available, what arrives when, what the mean path loses, and the roles that follow.

Reads marts and forecast as frames. The money of moves is in inputs.py.
"""

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipelines.domain.errors import InputRefused
from pipelines.domain.policy import Policy, ServicePolicy
from pipelines.domain.stock import available_units
from pipelines.domain.transfer import FIRM_STATES, states_text
from pipelines.planning import candidates, curves
from pipelines.planning.frozen import Pair, mark_frozen

PHASED_OUT = "phase_out"
LONGEST_WEEKS = 10_000
HELD_MARKS = ("transfers held back", "tripwire")  # how a forecast's note says that it loses to a four-week mean


def count_weeks(weekly: pd.DataFrame, policy: Policy) -> int:
    """Weeks to plan over: the policy's horizon, as far as the forecast reaches."""
    known = int(weekly["week_index"].max()) + 1 if len(weekly) else 1
    return max(1, min(policy.planning.horizon_weeks, known))


def join_rows(
    stock: pd.DataFrame,
    items: pd.DataFrame,
    summary: pd.DataFrame,
    policy: Policy,
    frozen: Mapping[Pair, str],
    finance: pd.DataFrame | None,
    as_of: dt.date,
) -> pd.DataFrame:
    """One row per item-location with master data, window in weeks, forecast's note and reason to freeze; sorted by item, location.

    window = days to the next review + supplier lead time in whole weeks, at least 1; of an item that is phased out, whose supplier gets
    no more orders, the weeks to its last day of sale. Raises `InputRefused` for an item without master data, unless its rows are frozen:
    those are left out.
    """
    rows = stock.sort_values(["item_id", "location_id"]).reset_index(drop=True)
    rows["frozen_reason"] = mark_frozen(rows, frozen)
    rows = rows[rows["item_id"].isin(items["item_id"]) | (rows["frozen_reason"] == "")].reset_index(drop=True)
    unknown = sorted(set(rows["item_id"]) - set(items["item_id"]))
    if unknown:
        raise InputRefused(f"fct_plan_inputs: item {unknown[0]!r} has stock but no row in dim_item; land erp_items with it")
    master = items.set_index("item_id")
    for column in ("weight_kg", "volume_m3", "unit_cost_usd", "unit_margin_usd", "lifecycle", "end_date"):
        rows[column] = rows["item_id"].map(master[column])
    for column in ("category", "shelf_life_days"):
        rows[column] = rows["item_id"].map(master[column]) if column in master else None
    numbers = ["weight_kg", "volume_m3", "unit_cost_usd", "unit_margin_usd"]
    rows[numbers] = rows[numbers].astype(float)
    rows["unit_value_usd"] = _value_units(rows, finance)
    rows["units_per_pack"] = rows["item_id"].map(master["units_per_pack"]).astype(np.int64)
    rows["sale_weeks"] = _weeks_on_sale(rows, as_of)
    rows = _set_windows(rows, master, policy.service)
    return _note_forecast(rows, summary)


def _set_windows(rows: pd.DataFrame, master: pd.DataFrame, service: ServicePolicy) -> pd.DataFrame:
    """`is_phased_out`, `lead_weeks` and `window_weeks` per row."""
    lead = master["supplier_lead_time_days"].astype(float).fillna(service.default_supplier_lead_time_days)
    review = master["review_period_days"].astype(float).fillna(service.review_period_days)
    wait = rows["item_id"].map(review)  # where no order tells when reviews are, a whole period
    if "next_review_days" in rows:
        wait = rows["next_review_days"].astype(float).fillna(wait)
    weeks = (wait + rows["item_id"].map(lead)).map(candidates.arrival_week).clip(lower=1)
    last = np.ceil(rows["sale_weeks"]).clip(lower=1)
    rows["is_phased_out"] = (rows["lifecycle"] == PHASED_OUT).to_numpy()
    rows["window_weeks"] = np.where(rows["is_phased_out"], last, np.minimum(weeks, last)).clip(max=LONGEST_WEEKS).astype(np.int64)
    rows["lead_weeks"] = rows["item_id"].map(lead).map(candidates.arrival_week).astype(np.int64)
    return rows


def _weeks_on_sale(rows: pd.DataFrame, as_of: dt.date) -> pd.Series:
    """Weeks from the evening of `as_of` to the end of the last day of sale, per row; infinite where no end is known."""
    days = (pd.to_datetime(rows["end_date"]) - pd.Timestamp(as_of)).dt.days
    return (days.astype(float) / candidates.DAYS_PER_WEEK).fillna(np.inf).clip(lower=0.0)


def _note_forecast(rows: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """The spread of demand and the forecast's note, per row."""
    notes = summary.set_index(["item_id", "location_id"])["note"] if len(summary) else pd.Series(dtype=object)
    index = pd.MultiIndex.from_frame(rows[["item_id", "location_id"]])
    spreads = summary.set_index(["item_id", "location_id"])["dispersion_k"] if "dispersion_k" in summary else pd.Series(dtype=float)
    rows["dispersion_k"] = spreads.reindex(index).to_numpy(dtype=float) if len(spreads) else np.nan
    rows["forecast_note"] = notes.reindex(index).fillna("").astype(str).to_numpy() if len(notes) else ""
    return rows


def _value_units(rows: pd.DataFrame, finance: pd.DataFrame | None) -> pd.Series:
    """USD that a lost unit costs, per row: its margin, and finance's penalty for the location and the item's category where it sets one.

    `finance` is dim_finance: location_id, category, lost_sale_penalty_usd_per_unit.
    """
    if finance is None or not len(finance):
        return rows["unit_margin_usd"]
    penalties = finance.set_index(["location_id", "category"])["lost_sale_penalty_usd_per_unit"].astype(float)
    index = pd.MultiIndex.from_frame(rows[["location_id", "category"]])
    return rows["unit_margin_usd"] + penalties.reindex(index).fillna(0.0).to_numpy()


def _positions(rows: pd.DataFrame, frame: pd.DataFrame, place: str = "location_id") -> np.ndarray:
    """Row number of each line of `frame`, -1 where it has none."""
    index = pd.MultiIndex.from_frame(rows[["item_id", "location_id"]])
    return index.get_indexer(pd.MultiIndex.from_arrays([frame["item_id"], frame[place]]))


def weekly_demand(rows: pd.DataFrame, weekly: pd.DataFrame, week_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean demand `(rows, weeks)` in units, none after the last day of sale, and which rows have a forecast at all."""
    demand, has_forecast = np.zeros((len(rows), week_count)), np.zeros(len(rows), dtype=bool)
    if len(weekly):
        at = _positions(rows, weekly)
        week = weekly["week_index"].to_numpy(dtype=np.int64)
        kept = (at >= 0) & (week >= 0) & (week < week_count)
        demand[at[kept], week[kept]] = np.maximum(weekly["mean_units"].to_numpy(dtype=float)[kept], 0.0)
        has_forecast[at[kept]] = True
    on_sale = np.clip(rows["sale_weeks"].to_numpy(dtype=float)[:, None] - np.arange(week_count)[None, :], 0.0, 1.0)
    return demand * on_sale, has_forecast


def pick_firm_lines(firm_lines: pd.DataFrame, inbound: pd.DataFrame) -> pd.DataFrame:
    """Approved, unshipped lines by line_id; `is_inbound` marks those that the inbound mart holds already, by line or transfer."""
    if not len(firm_lines):
        return pd.DataFrame({"item_id": [], "origin": [], "destination": [], "units": [], "expected_arrival_date": [], "is_inbound": []})
    known = set(inbound["reference"].dropna().astype(str)) if len(inbound) and "reference" in inbound else set()
    firm = firm_lines[firm_lines["state"].isin(states_text(FIRM_STATES))].sort_values("line_id").reset_index(drop=True)
    units = firm["qty_approved_units"].fillna(firm["qty_planned_units"]).astype(float)
    return firm.assign(units=units, is_inbound=firm["line_id"].isin(known) | firm["transfer_id"].isin(known))


def weekly_supply(rows: pd.DataFrame, inbound: pd.DataFrame, firm: pd.DataFrame, week_count: int, as_of: dt.date) -> np.ndarray:
    """Dated supply by week, `(rows, weeks)`; what is beyond the horizon is left out.

    What is overdue by n days is believed in n days from now: the longer an order has not come, the longer it may still take.
    """
    today = pd.Timestamp(as_of)
    arriving = np.zeros((len(rows), week_count))
    for frame, place, date, quantity in (
        (inbound, "location_id", "expected_date", "qty_units"),
        (firm[~firm["is_inbound"].astype(bool)], "destination", "expected_arrival_date", "units"),
    ):
        if len(frame):
            at = _positions(rows, frame, place)
            days_ahead = (pd.to_datetime(frame[date]) - today).dt.days.fillna(1).abs().clip(lower=1)
            week = np.array([candidates.arrival_week(days - 1) for days in days_ahead], dtype=np.int64)
            kept = (at >= 0) & (week < week_count)
            np.add.at(arriving, (at[kept], week[kept]), frame[quantity].to_numpy(dtype=float)[kept])
    return arriving


def net_stock(rows: pd.DataFrame, firm: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Available now = on hand - reserved - blocked - firm out, never below zero; firm out is the larger of the mart's and the ledger's."""
    from_ledger = np.zeros(len(rows))
    if len(firm):
        at = _positions(rows, firm, "origin")
        np.add.at(from_ledger, at[at >= 0], firm["units"].to_numpy(dtype=float)[at >= 0])
    firm_out = np.maximum(rows["firm_out_units"].astype(float).fillna(0.0).to_numpy(), from_ledger)
    parts = [rows[f"{name}_units"].astype(float).fillna(0.0) for name in ("on_hand", "reserved", "blocked")]
    rows["available_units"] = available_units(*parts, firm_out).astype(float)
    sendable = rows["available_units"] * min(1.0, policy.planning.donor_share_cap)
    rows["donor_cap_packs"] = np.floor(sendable / rows["units_per_pack"] + curves.SNAP).astype(np.int64)
    return rows


def project_rows(rows: pd.DataFrame, arriving: np.ndarray, demand: np.ndarray) -> curves.StockPaths:
    """Stock on the mean path of each row within its window; `arriving` and `demand` are `(rows, weeks)` in units."""
    on_hand, window = rows["available_units"].to_numpy(dtype=float), rows["window_weeks"].to_numpy()
    return curves.project_stock(on_hand, arriving, demand[:, None, :], window)


def describe_rows(
    rows: pd.DataFrame, paths: curves.StockPaths, arriving: np.ndarray, demand: np.ndarray, has_forecast: np.ndarray, as_of: dt.date
) -> pd.DataFrame:
    """What the mean path says per row, and the roles that follow from it."""
    window = rows["window_weeks"].to_numpy()
    inside = np.arange(demand.shape[1])[None, :] < window[:, None]
    lost = paths.lost_units[:, 0, :]
    rows["weekly_mean_units"] = np.where(inside, demand, 0.0).sum(axis=1) / window
    rows["supply_units"] = np.where(inside, arriving, 0.0).sum(axis=1)
    rows["lost_units"] = lost.sum(axis=1)
    rows["floor_units"] = paths.floor_units[:, 0]
    rows["late_supply_units"], rows["expedite_saves_units"] = _late_supply(rows, lost, arriving, demand)
    weeks = np.arange(demand.shape[1])[None, :]
    ordered = np.where(weeks >= rows["lead_weeks"].to_numpy()[:, None], lost, 0.0).sum(axis=1)
    rows["reorder_saves_units"] = np.where(rows["is_phased_out"], 0.0, ordered)
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
    free = ~(rows["is_held"] | rows["is_stale"] | (rows["frozen_reason"] != ""))
    rows["is_donor"] = free & (rows["donor_cap_packs"] >= 1)
    rows["is_receiver"] = free & (rows["lost_units"] > curves.SNAP) & ~rows["is_closed"]
    return rows


def _late_supply(rows: pd.DataFrame, lost: np.ndarray, arriving: np.ndarray, demand: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Units of dated supply that come only after the first loss, and the losses that they would save if they came in its week.

    What an early arrival saves it cannot sell later: the saving is the difference of two courses of stock.
    """
    weeks = np.arange(lost.shape[1])[None, :]
    first = np.where(lost > curves.SNAP, weeks, lost.shape[1]).min(axis=1)[:, None]
    late = np.where(weeks > first, arriving, 0.0)
    sooner = arriving - late + np.where(weeks == first, late.sum(axis=1)[:, None], 0.0)
    then = project_rows(rows, sooner, demand).lost_units[:, 0, :]
    return late.sum(axis=1), (lost - then).sum(axis=1).clip(min=0.0)
