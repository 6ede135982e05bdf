"""From facts, forecast and what was learned to one planning case: the problem document and the context that explains it.

Values moves along projected stock and prices them on lanes. Stock is netted in item_locations.py, the document written in
case_document.py; nothing is solved here.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipelines.domain.policy import Policy
from pipelines.planning import candidates, curves
from pipelines.planning.case_document import write_problem
from pipelines.planning.case_terms import TermFacts, add_terms
from pipelines.planning.frozen import Pair
from pipelines.planning.item_locations import (
    count_weeks,
    describe_rows,
    join_rows,
    net_stock,
    pick_firm_lines,
    project_rows,
    weekly_demand,
    weekly_supply,
)
from pipelines.planning.segments import RowSegments, gain_segments, loss_segments


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
    frozen: Mapping[Pair, str] | None = None,
    facts: TermFacts | None = None,
    finance: pd.DataFrame | None = None,
) -> PlanCase:
    """Build the planning case of the evening of `as_of`; the result does not depend on the order of any frame's rows.

    `stock` fct_plan_inputs, `inbound` fct_inbound, `weekly` and `summary` of the forecast, `items`/`locations`/`lanes` the dimensions,
    `lane_parameters` what was learned per lane, `firm_lines` approved transfers that have not shipped, `facts` what optional terms of the
    policy read, `finance` dim_finance, whose penalty of a lost sale is added to the margin. Columns are those of the marts; `stock` may
    carry `next_review_days`. `frozen` maps (item, location) that failed a gate to the reason: they neither give nor take, their firm lines
    stay. Raises `InputRefused` for an item without master data.
    """
    rows = join_rows(stock, items, summary, policy, frozen or {}, finance, as_of)
    week_count = count_weeks(weekly, policy)
    demand, has_forecast = weekly_demand(rows, weekly, week_count)
    firm = pick_firm_lines(firm_lines, inbound)
    arriving = weekly_supply(rows, inbound, firm, week_count, as_of)
    rows = net_stock(rows, firm, policy).assign(window_weeks=rows["window_weeks"].clip(upper=week_count))
    paths = project_rows(rows, arriving, demand)
    rows = describe_rows(rows, paths, arriving, demand, has_forecast, as_of)
    lane_frame = candidates.prepare_lanes(lanes, lane_parameters, as_of, policy.terms.exact_weight_tariffs)
    pairs = candidates.pair_rows(rows, lane_frame)
    rows, gains = _value_receivers(rows, paths, pairs, lane_frame, demand, policy)
    rows, losses = _value_donors(rows, paths, policy)
    pairs = _price_pairs(pairs, rows, lane_frame, paths, policy)
    plain = write_problem(rows, pairs, lane_frame, gains, losses, locations, firm, policy)
    problem = add_terms(plain, rows, lane_frame, locations, facts or TermFacts(), policy, as_of)
    return PlanCase(problem, CaseContext(as_of, policy, rows, pairs, lane_frame))


def _value_receivers(
    rows: pd.DataFrame, paths: curves.StockPaths, pairs: pd.DataFrame, lanes: pd.DataFrame, demand: np.ndarray, policy: Policy
) -> tuple[pd.DataFrame, RowSegments]:
    """Gain segments of each receiver that a lane can reach, for the arrival of its fastest lane."""
    fastest = candidates.fastest_arrival(pairs, lanes, len(rows))
    at = np.flatnonzero(np.isfinite(fastest))
    lost, arrival = paths.lost_units[at], fastest[at]
    usd_per_unit = policy.planning.eta * rows["unit_value_usd"].to_numpy(dtype=float)[at]
    pack = rows["units_per_pack"].to_numpy(dtype=np.int64)[at]
    limits = policy.planning
    found = gain_segments(lost, arrival, demand[at].max(axis=1), pack, usd_per_unit, limits.gamma, limits.max_segments)
    first = np.floor(arrival + curves.SNAP)[:, None, None]
    rows["fastest_weeks"] = fastest
    rows["reachable_units"] = 0.0
    rows.loc[at, "reachable_units"] = np.where(np.arange(lost.shape[2]) >= first, lost, 0.0).sum(axis=2)[:, 0]
    gains = RowSegments.of(len(rows), at, found)
    rows["receiver_packs"] = gains.spread(found.sums(found.packs)).astype(np.int64)
    rows["first_gain_usd"] = gains.spread(found.first_usd)
    rows["full_gain_usd"] = gains.spread(found.sums(found.packs * found.usd))
    return rows, gains


def _value_donors(rows: pd.DataFrame, paths: curves.StockPaths, policy: Policy) -> tuple[pd.DataFrame, RowSegments]:
    """Loss segments of each donor up to its cap on what is on hand now."""
    at = np.flatnonzero(rows["is_donor"].to_numpy())
    pack = rows["units_per_pack"].to_numpy(dtype=np.int64)[at]
    usd_per_unit = policy.planning.eta * rows["unit_value_usd"].to_numpy(dtype=float)[at]
    cap = rows["donor_cap_packs"].to_numpy()[at]
    found = loss_segments(paths.floor_units[at], cap, pack, usd_per_unit, policy.planning.max_segments)
    losses = RowSegments.of(len(rows), at, found)
    rows["first_loss_usd"] = losses.spread(found.first_usd)
    return rows, losses


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
    pairs["freight_usd_per_unit"] = lane["cost_usd_per_unit"].astype(float) + lane["charged_usd_per_kg"] * giver["weight_kg"].astype(float)
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
