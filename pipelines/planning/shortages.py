"""Shortages that a plan leaves alone: the proved reason, and what would change it. Moved units are explained in explain.py."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipelines.planning.inputs import PlanCase
from pipelines.planning.line_facts import PlanView
from pipelines.planning.plan_money import PlanLedger, lane_charge, next_value
from pipelines.planning.problem import Plan

SHORTAGE_COLUMNS = ["location_id", "item_id", "short_units", "reason_code", "reason", "value_usd"]
SHORT_FROM_UNITS = 0.5
ROW_COLUMNS = [
    *("item_id", "location_id", "units_per_pack", "lost_units", "floor_units", "unit_value_usd", "forecast_note", "frozen_reason"),
    *("is_stale", "is_held", "is_donor", "fastest_weeks", "receiver_packs", "reachable_units"),
]
PAIR_COLUMNS = [
    *("item_id", "lane_id", "receiver", "is_arc", "pack_units", "unit_cost_usd", "line_cost_usd", "first_gain_usd", "first_loss_usd"),
]


@dataclass(frozen=True)
class _Scene:
    """What the judgement of one shortage looks at. Rows are records by number, of items short somewhere; `short` are those to judge."""

    book: PlanLedger
    view: PlanView
    rows: dict[int, dict[str, Any]]
    short: list[int]
    by_item: dict[str, list[dict[str, Any]]]
    pairs_into: dict[int, list[dict[str, Any]]]
    out_units: Counter[str]
    in_units: Counter[str]
    docks: dict[str, dict[str, Any]]
    budget_left_usd: float | None


def shortages(case: PlanCase, plan: Plan, view: PlanView | None = None) -> pd.DataFrame:
    """Item-locations that still lose half a unit or more in their window under the plan, each with one reason code and sentence.

    Codes: frozen, stale_data, held_by_tripwire, no_surplus, below_cost, lane_closed, dock_full, storage_full, shelf_life, locked, budget,
    not_chosen. `short_units` is demand
    expected to be lost before the next supply less what the plan brings; `value_usd` what losing it costs. Sorted by value, highest first.
    """
    scene = _set_scene(case, view or PlanView.of(case, plan))
    found = []
    for position in scene.short:
        row = scene.rows[position]
        short = row["lost_units"] - scene.book.received[row["item_id"], row["location_id"]] * row["units_per_pack"]
        code, reason = _judge(scene, position, row)
        value = round(short * float(row["unit_value_usd"]), 6)
        found.append([row["location_id"], row["item_id"], round(short, 2), code, reason, value])
    frame = pd.DataFrame(found, columns=SHORTAGE_COLUMNS)
    return frame.sort_values(["value_usd", "item_id", "location_id"], ascending=[False, True, True]).reset_index(drop=True)


def _set_scene(case: PlanCase, view: PlanView) -> _Scene:
    book, frame = view.book, case.context.rows
    received = np.array([book.received[key] for key in zip(frame["item_id"], frame["location_id"], strict=True)], dtype=float)
    left = frame["lost_units"].to_numpy(dtype=float) - received * frame["units_per_pack"].to_numpy(dtype=float)
    short = np.flatnonzero((left >= SHORT_FROM_UNITS) & ~frame["is_closed"].to_numpy(dtype=bool))
    items = set(frame["item_id"].to_numpy()[short])
    wanted = np.flatnonzero(frame["item_id"].isin(items).to_numpy())
    rows = dict(zip(wanted.tolist(), frame.iloc[wanted][ROW_COLUMNS].to_dict("records"), strict=True))
    by_item: dict[str, list[dict[str, Any]]] = {}
    for row in rows.values():
        by_item.setdefault(row["item_id"], []).append(row)
    into: dict[int, list[dict[str, Any]]] = {}
    pairs = case.context.pairs
    for pair in pairs[pairs["receiver"].isin(short)][PAIR_COLUMNS].to_dict("records"):
        into.setdefault(pair["receiver"], []).append(pair)
    out_units: Counter[str] = Counter()
    in_units: Counter[str] = Counter()
    spent = 0.0
    for (item, lane), packs in book.packs.items():
        units = packs * book.items[item]["pack_units"]
        out_units[book.lanes[lane]["origin"]] += units
        in_units[book.lanes[lane]["destination"]] += units
        spent += units * book.arcs[item, lane]["cost_usd_per_unit"] + book.arcs[item, lane].get("line_cost_usd", 0.0)
    spent += sum(lane_charge(case, book, lane) for lane in sorted(book.lanes))
    budget = case.problem["budget_usd"]
    docks = {place["location_id"]: place for place in case.problem["locations"]}
    left_usd = None if budget is None else budget - spent
    return _Scene(book, view, rows, short.tolist(), by_item, into, out_units, in_units, docks, left_usd)


def _judge(scene: _Scene, position: int, row: dict[str, Any]) -> tuple[str, str]:
    place = row["location_id"]
    if row["frozen_reason"]:
        return "frozen", f"frozen: {row['frozen_reason']}. Once it is put right, the next plan may serve {place}."
    if row["is_stale"]:
        return "stale_data", f"The stock record of {place} is stale, so nothing is planned on it; a fresh count would open it."
    if row["is_held"]:
        why = row["forecast_note"] or "there is no forecast for it"
        return (
            "held_by_tripwire",
            f"Transfers are held back because of the forecast ({why}); a forecast that beats a four-week mean frees them.",
        )
    others = [other for other in scene.by_item[row["item_id"]] if other is not row and other["floor_units"] >= other["units_per_pack"]]
    if not any(other["is_donor"] for other in others):
        return _no_surplus(others)
    pairs = scene.pairs_into.get(position, [])
    if not pairs:
        holders = ", ".join(sorted(other["location_id"] for other in others if other["is_donor"]))
        return "lane_closed", f"{holders} could spare some, but no open lane leads from there to {place}; opening one would allow it."
    return _judge_pairs(scene, row, pairs)


def _no_surplus(others: list[dict[str, Any]]) -> tuple[str, str]:
    blocked = sorted(other["location_id"] for other in others)
    if blocked:
        names = ", ".join(blocked)
        return (
            "no_surplus",
            f"Only {names} could spare a pack, and its stock or forecast is not trusted now; a fresh count or forecast would.",
        )
    return "no_surplus", "No other location can spare a whole pack before its own next supply; only new supply would change that."


def _judge_pairs(scene: _Scene, row: dict[str, Any], pairs: list[dict[str, Any]]) -> tuple[str, str]:
    taker = (row["item_id"], row["location_id"])
    beyond = "A transfer brings at most three weeks of demand; what lies beyond is left to the plans of the coming weeks."
    late = (
        f"What is still short would be lost before a transfer could arrive in {row['fastest_weeks']:.1f} weeks; a faster lane would help."
    )
    if not row["receiver_packs"]:
        return "below_cost", late
    if not any(pair["is_arc"] for pair in pairs):
        best = max(pairs, key=lambda pair: (_first_margin(pair), pair["lane_id"]))
        return "below_cost", _below_cost(best, _first_margin(best), best["first_gain_usd"])
    gain = next_value(scene.book.gains[taker], scene.book.received[taker])
    if gain is None:
        capped = row["receiver_packs"] * row["units_per_pack"] < row["reachable_units"] - SHORT_FROM_UNITS
        return ("not_chosen", beyond) if capped else ("below_cost", late)
    margins = [(_margin(scene, pair, gain), pair) for pair in pairs if pair["is_arc"]]
    open_margins = [(margin, pair) for margin, pair in margins if margin is not None]
    if open_margins:
        best_margin, best = max(open_margins, key=lambda entry: (entry[0], entry[1]["lane_id"]))
        if best_margin > 0:
            return _blocked_by(scene, row, [entry for entry in open_margins if entry[0] > 0], best_margin)
        if gain + best["first_loss_usd"] - best["pack_units"] * best["unit_cost_usd"] <= 0:
            return "below_cost", _below_cost(best, best_margin, gain)
    return "not_chosen", "What could be spared goes to places where it is worth more; more surplus would be needed to serve both."


def _first_margin(pair: dict[str, Any]) -> float:
    return pair["first_gain_usd"] + pair["first_loss_usd"] - pair["pack_units"] * pair["unit_cost_usd"] - pair["line_cost_usd"]


def _margin(scene: _Scene, pair: dict[str, Any], gain: float) -> float | None:
    """USD of one more pack on this arc, before pallets and trucks; None where the donor has no more to give."""
    key = (pair["item_id"], pair["lane_id"])
    giver = (pair["item_id"], scene.book.lanes[pair["lane_id"]]["origin"])
    loss = next_value(scene.book.losses[giver], scene.book.sent[giver])
    if loss is None:
        return None
    opening = 0.0 if key in scene.book.packs else pair["line_cost_usd"]
    return gain + loss - pair["pack_units"] * pair["unit_cost_usd"] - opening


def _below_cost(pair: dict[str, Any], margin: float, gain: float) -> str:
    short = max(-margin, 0.0)
    return (
        f"The best move, a pack of {pair['pack_units']} on {pair['lane_id']}, would earn ${gain:,.2f} and cost ${gain + short:,.2f} "
        f"in freight, charges and sales given up: ${short:,.2f} short of paying. Cheaper freight by that much would change it."
    )


def _blocked_by(scene: _Scene, row: dict[str, Any], margins: list[tuple[float, dict[str, Any]]], best: float) -> tuple[str, str]:
    """Which limit keeps packs that would pay from moving; without one it is the joint optimum of lane charges."""
    place, pack = row["location_id"], row["units_per_pack"]
    if scene.docks[place]["dock_in_units"] - scene.in_units[place] < pack:
        limit = scene.docks[place]["dock_in_units"]
        return "dock_full", f"The inbound dock of {place} is full at {limit:,.0f} units; another pack there would earn ${best:,.2f}."
    origins = sorted({scene.book.lanes[pair["lane_id"]]["origin"] for _, pair in margins})
    if all(scene.docks[origin]["dock_out_units"] - scene.out_units[origin] < pack for origin in origins):
        names = ", ".join(origins)
        return "dock_full", f"The outbound dock of {names} is full; another pack from there would earn ${best:,.2f}."
    held = _held_by_term(scene, place, [pair for _, pair in margins], best)
    if held:
        return held
    cheapest = min(pair["pack_units"] * pair["unit_cost_usd"] for _, pair in margins)
    if scene.budget_left_usd is not None and scene.budget_left_usd < cheapest:
        return "budget", f"Only ${scene.budget_left_usd:,.2f} of the budget is left; another pack would earn ${best:,.2f}."
    used = any(scene.book.loads[pair["lane_id"]] for _, pair in margins)
    lane = "the truck or pallet it would add" if used else "a lane's truck and pallets alone"
    return "not_chosen", f"Another pack would earn ${best:,.2f} before {lane}, which is not enough; more goods on the lane would change it."


def _held_by_term(scene: _Scene, place: str, pairs: list[dict[str, Any]], best: float) -> tuple[str, str] | None:
    """The optional term that forbids another pack on every arc that would pay, None where no single one does."""
    arcs = scene.view.arcs_of([pair["item_id"] for pair in pairs], [pair["lane_id"] for pair in pairs])
    blockers = scene.view.margins.blockers

    def holds(name: str) -> bool:
        return name in blockers and bool(blockers[name][arcs].all())

    if holds("closed"):
        why = "A lock, an owner's right or a closed day keeps the goods where they are"
        return "locked", f"{why}; another pack to {place} would earn ${best:,.2f} without it."
    if holds("shelf_life"):
        return "shelf_life", f"What could be spared is not good for long enough at {place}; fresher stock would earn ${best:,.2f} a pack."
    if holds("storage"):
        return "storage_full", f"The storage of {place} is full; room for another pack there would earn ${best:,.2f}."
    if holds("dock_out_of_a_day") or holds("dock_in_of_a_day"):
        return "dock_full", f"A dock on the way to {place} is full on that day; another pack would earn ${best:,.2f} on another day."
    return None
