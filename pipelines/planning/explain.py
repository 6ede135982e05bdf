"""Why a plan moves what it moves, and leaves alone what it leaves: lines in money and days, shortages with what would change them.

Money here adds up to the plan's objective. Nothing is decided here; the sentences are meant to be read aloud.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipelines.domain.errors import UsageError
from pipelines.domain.transfer import line_id_of
from pipelines.planning.inputs import PlanCase
from pipelines.planning.plan_money import Pair, PlanLedger, add_up, curve_money, lane_charge, share_lane_charges
from pipelines.planning.problem import Plan
from pipelines.planning.shortages import shortages

__all__ = ["explain_line", "explain_lines", "plan_lines", "shortages"]

LINE_COLUMNS = [
    "line_id",
    "run_id",
    "as_of",
    "item_id",
    "lane_id",
    "origin",
    "destination",
    "mode",
    "packs",
    "units",
    "ship_date",
    "arrival_date",
    "gain_usd",
    "loss_usd",
    "freight_usd",
    "handling_usd",
    "benefit_usd",
    "cost_usd",
    "net_usd",
    "donor_available_units",
    "donor_cover_before_days",
    "donor_cover_after_days",
    "receiver_cover_before_days",
    "receiver_cover_after_days",
    "donor_share",
    "break_even_freight_usd",
    "reason",
]
COUNT_COLUMNS = ["packs", "units", "donor_available_units"]
FLOAT_ENDINGS = ("_usd", "_days", "_share")
LONG_COVER_WEEKS = 52.0
COST_PARTS = {"freight": "freight", "handling": "handling", "duty": "duty", "damage": "expected damage", "delay": "delay"}


def plan_lines(case: PlanCase, plan: Plan, run_id: str) -> pd.DataFrame:
    """One row per shipment with its money, covers and reason, sorted by lane and item; `net_usd` sums to the plan's objective.

    A receiver's gain and a donor's loss are shared among their lines by packs; `benefit_usd` = gain + loss (a loss is normally negative),
    `freight_usd` is unit freight, line charge and share of pallets and trucks, `cost_usd` is freight, handling, duty, expected damage and
    delay. `break_even_freight_usd` is the freight at which the line earns nothing.
    """
    book = add_up(case, plan)
    shares = share_lane_charges(case, book)
    context = case.context
    pairs = context.pairs[context.pairs["is_arc"]].set_index(["item_id", "lane_id"])
    at = {key: n for n, key in enumerate(pairs.index)}
    records = pairs.to_dict("records")
    rows = context.rows.to_dict("records")
    lanes = context.lanes.set_index("lane_id").to_dict("index")
    lines = []
    for key in sorted(book.packs, key=lambda pair: (pair[1], pair[0])):
        pair = records[at[key]]
        line = _money_of_line(key, book, pair, shares[key])
        line |= {"line_id": line_id_of(context.as_of, *key), "run_id": run_id, "as_of": context.as_of}
        lines.append(_describe_line(line, rows[pair["donor"]], rows[pair["receiver"]], lanes[key[1]]))
    frame = pd.DataFrame(lines, columns=LINE_COLUMNS)
    return frame.astype(
        {name: "int64" for name in COUNT_COLUMNS} | {name: "float64" for name in LINE_COLUMNS if name.endswith(FLOAT_ENDINGS)}
    )


def _money_of_line(key: Pair, book: PlanLedger, pair: dict[str, Any], share_usd: float) -> dict[str, Any]:
    item_id, lane_id = key
    packs, arc = book.packs[key], book.arcs[key]
    units = packs * book.items[item_id]["pack_units"]
    gain, loss = curve_money(book, key)
    fixed = arc.get("line_cost_usd", 0.0) + share_usd
    money = {
        "gain_usd": gain,
        "loss_usd": loss,
        "freight_usd": units * pair["freight_usd_per_unit"] + fixed,
        "handling_usd": units * pair["handling_usd_per_unit"],
        "benefit_usd": gain + loss,
        "cost_usd": units * arc["cost_usd_per_unit"] + fixed,
    }
    money["net_usd"] = money["benefit_usd"] - money["cost_usd"]
    money["break_even_freight_usd"] = money["freight_usd"] + money["net_usd"]
    return {"item_id": item_id, "lane_id": lane_id, "packs": packs, "units": units} | {k: round(v, 6) + 0.0 for k, v in money.items()}


def _describe_line(line: dict[str, Any], giver: dict[str, Any], taker: dict[str, Any], lane: dict[str, Any]) -> dict[str, Any]:
    units = line["units"]
    line |= {name: lane[name] for name in ("origin", "destination", "mode", "ship_date", "arrival_date")}
    line |= {
        "donor_available_units": int(giver["available_units"]),
        "donor_cover_before_days": cover_days(giver["available_units"], giver["weekly_mean_units"]),
        "donor_cover_after_days": cover_days(giver["available_units"] - units, giver["weekly_mean_units"]),
        "receiver_cover_before_days": cover_days(taker["available_units"], taker["weekly_mean_units"]),
        "receiver_cover_after_days": cover_days(taker["available_units"] + units, taker["weekly_mean_units"]),
        "donor_share": round(units / giver["available_units"], 6),
    }
    return line | {"reason": _write_reason(line, giver, taker)}


def cover_days(units: float, weekly_mean_units: float) -> float:
    """Days that stock lasts at the mean demand of the window; not a number where nothing is asked for.

    >>> cover_days(20.0, 7.0)
    20.0
    """
    return round(7.0 * units / weekly_mean_units, 2) if weekly_mean_units > 1e-9 else float("nan")


def _write_reason(line: dict[str, Any], giver: dict[str, Any], taker: dict[str, Any]) -> str:
    pack_units = line["units"] // line["packs"]
    what = f"Move {line['units']:,} units ({_count(line['packs'], 'pack')} of {pack_units}) of {line['item_id']}"
    weeks = taker["runs_out_weeks"]
    state = "is out of stock" if weeks < 0.05 else f"runs out in {weeks:.1f} weeks"
    lost = taker["lost_units"]
    risk = f"{line['destination']} {state} and would lose {_amount(lost)} before its next supply on {taker['next_supply_date'].isoformat()}"
    gives_up = f" and gives up {_usd(-line['loss_usd'])} of its own sales" if line["loss_usd"] <= -0.005 else ""
    keeps = f"{line['origin']} {_cover_text(line['donor_cover_after_days'])}{gives_up}"
    money = f"Worth {_usd(line['benefit_usd'])}, costs {_usd(line['cost_usd'])}, nets {_usd(line['net_usd'])}."
    return f"{what} from {line['origin']} to {line['destination']}: {risk}; {keeps}. {money}"


def _cover_text(days: float) -> str:
    if math.isnan(days):
        return "expects no demand for it"
    weeks = days / 7.0
    return "keeps more than a year of cover" if weeks > LONG_COVER_WEEKS else f"keeps {weeks:.1f} weeks of cover"


def _usd(value: float) -> str:
    return f"-${-value:,.2f}" if value < -0.005 else f"${abs(value):,.2f}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _amount(units: float) -> str:
    return f"{units:,.1f} units" if units < 9.95 and abs(units - round(units)) > 0.05 else _count(round(units), "unit")


@dataclass(frozen=True)
class _Story:
    """What the stories of one plan's lines share."""

    case: PlanCase
    book: PlanLedger
    shares: dict[Pair, float]
    arcs: dict[Pair, dict[str, Any]]
    arcs_into: dict[int, list[dict[str, Any]]]


def explain_line(case: PlanCase, plan: Plan, lines: pd.DataFrame, line_id: str) -> str:
    """The whole story of one line for the command line. Raises `UsageError` for a line that the plan does not have."""
    found = lines[lines["line_id"] == line_id]
    if not len(found):
        raise UsageError(f"no line {line_id} in this plan of {len(lines)} lines; list them with the plan's lines command")
    return explain_lines(case, plan, found)[line_id]


def explain_lines(case: PlanCase, plan: Plan, lines: pd.DataFrame) -> dict[str, str]:
    """The story of every line in `lines` by line_id: value by segment, landed cost by part, covers, dates, next best source."""
    book = add_up(case, plan)
    records = case.context.pairs[case.context.pairs["is_arc"]].to_dict("records")
    into: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for pair in records:
        into[pair["receiver"]].append(pair)
    arcs = {(pair["item_id"], pair["lane_id"]): pair for pair in records}
    story = _Story(case, book, share_lane_charges(case, book), arcs, into)
    return {line["line_id"]: _tell(story, line) for line in lines.to_dict("records")}


def _tell(story: _Story, line: dict[str, Any]) -> str:
    pair = story.arcs[line["item_id"], line["lane_id"]]
    parts = [line["reason"], "", *_explain_value(line, story.book), "", *_explain_cost(story, line, pair), ""]
    parts += [f"Ships {line['ship_date']}, arrives {line['arrival_date']} ({line['mode']})."]
    before, after = (_cover_text(line[f"donor_cover_{when}_days"]) for when in ("before", "after"))
    parts += [f"Donor {line['origin']}: {before} if nothing moves, {after} after; gives {line['donor_share']:.0%} of what is available."]
    before, after = (_cover_text(line[f"receiver_cover_{when}_days"]) for when in ("before", "after"))
    parts += [f"Receiver {line['destination']}: {before} if nothing moves, {after} after."]
    parts += [f"Break-even freight {_usd(line['break_even_freight_usd'])}, planned {_usd(line['freight_usd'])}."]
    parts += [_next_source(story, pair)]
    note = story.case.context.rows["forecast_note"].iloc[pair["receiver"]]
    return "\n".join([*parts, f"Forecast: {note}"] if note else parts)


def _explain_value(line: dict[str, Any], book: PlanLedger) -> list[str]:
    taker, giver = (line["item_id"], line["destination"]), (line["item_id"], line["origin"])
    texts = [f"Value {_usd(line['benefit_usd'])} (gain {_usd(line['gain_usd'])}, loss {_usd(line['loss_usd'])}); by segment:"]
    for name, place, curve, packs in (
        ("receives", taker[1], book.gains[taker], book.received[taker]),
        ("sends", giver[1], book.losses[giver], book.sent[giver]),
    ):
        left = packs
        for width, value in curve:
            taken = min(width, left)
            left -= taken
            if taken:
                texts.append(f"  {place} {name} {_count(int(taken), 'pack')} of {int(width)} at {_usd(value)} a pack")
    return texts


def _explain_cost(story: _Story, line: dict[str, Any], pair: dict[str, Any]) -> list[str]:
    key, units = (line["item_id"], line["lane_id"]), line["units"]
    texts = [f"Landed cost {_usd(line['cost_usd'])}:"]
    for part, label in COST_PARTS.items():
        usd = units * pair[f"{part}_usd_per_unit"]
        texts += [f"  {label} {_usd(usd)}"] if usd else []
    line_usd = story.book.arcs[key].get("line_cost_usd", 0.0)
    texts += [f"  line charge {_usd(line_usd)}"] if line_usd else []
    saved = lane_charge(story.case, story.book, key[1]) - lane_charge(story.case, story.book, key[1], without=key[0])
    share = _usd(story.shares[key])
    return [*texts, f"  share of pallets and trucks {share}; without this line the lane would cost {_usd(saved)} less"]


def _next_source(story: _Story, pair: dict[str, Any]) -> str:
    def first_cost(arc: dict[str, Any]) -> float:
        return arc["pack_units"] * arc["unit_cost_usd"] - arc["first_loss_usd"]

    others = [arc for arc in story.arcs_into[pair["receiver"]] if arc["lane_id"] != pair["lane_id"]]
    if not others:
        return "No other source pays."
    best = min(others, key=lambda arc: (first_cost(arc), arc["lane_id"]))
    extra = first_cost(best) - first_cost(pair)
    word = "dearer" if extra >= 0 else "cheaper"
    return f"Next best source: {best['lane_id']}, {_usd(abs(extra))} a pack {word} before line charge, pallets and trucks."
