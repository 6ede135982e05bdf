"""The whole story of a plan's lines, meant to be read aloud: value by segment, cost by part, risk, what holds a line back.

Nothing is decided here; figures come from explain.py, plan_money.py and line_facts.py.
"""

import math
from typing import Any

import pandas as pd

from pipelines.planning.explain import COST_PARTS, count_text, cover_text, usd_text
from pipelines.planning.inputs import PlanCase
from pipelines.planning.line_facts import PlanView, line_facts
from pipelines.planning.plan_money import PlanLedger
from pipelines.planning.problem import Plan


def explain_lines(case: PlanCase, plan: Plan, lines: pd.DataFrame, view: PlanView | None = None) -> dict[str, str]:
    """The story of every line in `lines` by line_id: value by segment, landed cost by part, covers and risks, dates, what holds it back."""
    view = view or PlanView.of(case, plan)
    facts = line_facts(view, lines).to_dict("records")
    notes = case.context.rows["forecast_note"].tolist()
    return {line["line_id"]: _tell(view, line, fact, notes) for line, fact in zip(lines.to_dict("records"), facts, strict=True)}


def _tell(view: PlanView, line: dict[str, Any], fact: dict[str, Any], notes: list[str]) -> str:
    pair = view.pairs[line["item_id"], line["lane_id"]]
    parts = [line["reason"], "", *_explain_value(line, view.book), "", *_explain_cost(view, line, pair, fact), ""]
    parts += [f"Ships {line['ship_date']}, arrives {line['arrival_date']} ({line['mode']})."]
    before, after = (cover_text(line[f"donor_cover_{when}_days"]) for when in ("before", "after"))
    parts += [f"Donor {line['origin']}: {before} if nothing moves, {after} after; gives {line['donor_share']:.0%} of what is available."]
    before, after = (cover_text(line[f"receiver_cover_{when}_days"]) for when in ("before", "after"))
    parts += [f"Receiver {line['destination']}: {before} on its own stock if nothing moves, {after} after."]
    parts += [_risk_text(line, fact), _held_text(view, line, fact)]
    parts += [
        f"Break-even freight {usd_text(line['break_even_freight_usd'])}, planned {usd_text(line['freight_usd'])}: "
        "beyond it a new plan would leave the line out."
    ]
    parts += [_next_source(fact)]
    note = notes[pair["receiver"]]
    return "\n".join([*parts, f"Forecast: {note}"] if note else parts)


def _explain_value(line: dict[str, Any], book: PlanLedger) -> list[str]:
    taker, giver = (line["item_id"], line["destination"]), (line["item_id"], line["origin"])
    texts = [f"Value {usd_text(line['benefit_usd'])} (gain {usd_text(line['gain_usd'])}, loss {usd_text(line['loss_usd'])}); by segment:"]
    for name, place, curve, packs in (
        ("receives", taker[1], book.gains[taker], book.received[taker]),
        ("sends", giver[1], book.losses[giver], book.sent[giver]),
    ):
        left = packs
        for width, value in curve:
            taken = min(width, left)
            left -= taken
            if taken:
                texts.append(f"  {place} {name} {count_text(int(taken), 'pack')} of {int(width)} at {usd_text(value)} a pack")
    return texts


def _explain_cost(view: PlanView, line: dict[str, Any], pair: dict[str, Any], fact: dict[str, Any]) -> list[str]:
    key, units = (line["item_id"], line["lane_id"]), line["units"]
    texts = [f"Landed cost {usd_text(line['cost_usd'])}:"]
    for part, label in COST_PARTS.items():
        usd = units * pair[f"{part}_usd_per_unit"]
        texts += [f"  {label} {usd_text(usd)}"] if usd else []
    line_usd = view.book.arcs[key].get("line_cost_usd", 0.0)
    texts += [f"  line charge {usd_text(line_usd)}"] if line_usd else []
    saved, share = usd_text(fact["lane_saving_usd"]), usd_text(view.shares[key])
    return [*texts, f"  share of pallets and trucks {share}; without this line the lane would cost {saved} less"]


def _risk_text(line: dict[str, Any], fact: dict[str, Any]) -> str:
    ends = [
        f"{line[place]} {fact[f'{end}_stockout_risk_before_share']:.0%} before, {fact[f'{end}_stockout_risk_after_share']:.0%} after"
        for end, place in (("donor", "origin"), ("receiver", "destination"))
    ]
    return f"Risk of running out before the next supply: {'; '.join(ends)}. It pays with a chance of {fact['pays_chance_share']:.0%}."


HOLDS = {
    "receiver": "{destination} needs no more of it, as far as a plan looks ahead",
    "donor": "{origin} has no more to give",
    "firm": "the line is firm",
    "arc": "the line is at its limit",
    "dock_out": "the outbound dock of {origin} is full",
    "dock_in": "the inbound dock of {destination} is full",
    "trucks": "the lane has no other truck",
    "budget": "the budget is spent",
    "both_ways": "the item moves the other way there",
    "storage": "the storage of {destination} is full",
    "dock_out_of_a_day": "the outbound dock of {origin} is full that day",
    "dock_in_of_a_day": "the inbound dock of {destination} is full that day",
    "shelf_life": "{origin} has no more that is good for long enough",
    "tariff_weight": "the tariff of the lane goes no further",
}


def _held_text(view: PlanView, line: dict[str, Any], fact: dict[str, Any]) -> str:
    """Why not a pack more: the limits in the way with their prices, or what it would lose."""
    held = [HOLDS[name].format(**line) for name in fact["held_by"].split() if name in HOLDS]
    worth = fact["next_pack_usd"]
    if not held:
        return (
            f"A pack more would lose {usd_text(-worth)}."
            if worth <= 0
            else f"A pack more would earn {usd_text(worth)}; this plan does not take it."
        )
    said = f"No pack more, since {' and '.join(held)}"
    prices, places = view.prices, view.problem.location_ids
    for name, place, usd in (("dock_out", "origin", prices.dock_out_usd), ("dock_in", "destination", prices.dock_in_usd)):
        if name in fact["held_by"].split() and usd[places.index(line[place])] > 0:
            said += f"; a unit more at the dock of {line[place]} would earn {usd_text(usd[places.index(line[place])])}"
    if "budget" in fact["held_by"].split() and prices.budget_usd > 0:
        said += f"; a dollar more of budget would earn {usd_text(prices.budget_usd)}"
    return f"{said}." if math.isnan(worth) or worth <= 0 else f"{said}. It would earn {usd_text(worth)}."


def _next_source(fact: dict[str, Any]) -> str:
    if not fact["next_source_lane_id"]:
        return "No other source pays."
    extra = fact["next_source_extra_usd_per_pack"]
    word = "dearer" if extra >= 0 else "cheaper"
    lane = fact["next_source_lane_id"]
    return f"Next best source: {lane}, {usd_text(abs(extra))} a pack {word} before line charge, pallets and trucks."
