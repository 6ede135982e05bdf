"""Why a plan moves what it moves: its lines in money and days, with a sentence each. The whole story of a line is in stories.py.

Money here adds up to the plan's objective. Nothing is decided here; the sentences are meant to be read aloud.
"""

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from pipelines.domain.transfer import line_id_of
from pipelines.planning.inputs import PlanCase
from pipelines.planning.line_facts import PlanView
from pipelines.planning.marginals import substitute_usd
from pipelines.planning.plan_money import Pair, PlanLedger, curve_money
from pipelines.planning.problem import Plan

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


def plan_lines(case: PlanCase, plan: Plan, run_id: str, view: PlanView | None = None) -> pd.DataFrame:
    """One row per shipment with its money, covers and reason, sorted by lane and item; `net_usd` sums to the plan's objective.

    A receiver's gain and a donor's loss are shared among their lines by packs; `benefit_usd` = gain + loss (a loss is normally negative),
    `freight_usd` is unit freight, line charge and share of pallets and trucks, `cost_usd` is freight, handling, duty, expected damage and
    delay. `break_even_freight_usd` is the freight at which a new plan would give the line up at the latest: freight + what the plan loses
    without the line - what another arc wins back. `view` spares laying the plan out again.
    """
    view = view or PlanView.of(case, plan)
    book, shares, pairs, context = view.book, view.shares, view.pairs, case.context
    rows = rows_of(context.rows, pairs.values())
    lanes = context.lanes.set_index("lane_id").to_dict("index")
    keys = sorted(book.packs, key=lambda pair: (pair[1], pair[0]))
    arcs = view.arcs_of([item for item, _ in keys], [lane for _, lane in keys])
    kept = (view.margins.removal_usd - substitute_usd(view.margins))[arcs]
    lines = []
    for key, worth in zip(keys, kept.tolist(), strict=True):
        pair = pairs[key]
        line = _money_of_line(key, book, pair, shares[key])
        line["break_even_freight_usd"] = round(line["freight_usd"] + worth, 6) + 0.0
        line |= {"line_id": line_id_of(context.as_of, *key), "run_id": run_id, "as_of": context.as_of}
        lines.append(_describe_line(line, rows[pair["donor"]], rows[pair["receiver"]], lanes[key[1]]))
    frame = pd.DataFrame(lines, columns=LINE_COLUMNS)
    return frame.astype(
        {name: "int64" for name in COUNT_COLUMNS} | {name: "float64" for name in LINE_COLUMNS if name.endswith(FLOAT_ENDINGS)}
    )


def rows_of(rows: pd.DataFrame, pairs: Iterable[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """The item-locations at both ends of pairs, by row number."""
    wanted = sorted({pair[end] for pair in pairs for end in ("donor", "receiver")})
    return dict(zip(wanted, rows.iloc[wanted].to_dict("records"), strict=True))


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
    what = f"Move {line['units']:,} units ({count_text(line['packs'], 'pack')} of {pack_units}) of {line['item_id']}"
    weeks = taker["runs_out_weeks"]
    due = taker["supply_units"] - taker["late_supply_units"]
    counted = f" with {_amount(due)} due by then" if due >= 0.5 else ""
    state = "is out of stock" if weeks < 0.05 else f"runs out in {weeks:.1f} weeks{counted}"
    lost = taker["lost_units"]
    risk = f"{line['destination']} {state} and would lose {_amount(lost)} {_until(taker)}"
    gives_up = f" and gives up {usd_text(-line['loss_usd'])} of its own sales" if line["loss_usd"] <= -0.005 else ""
    keeps = f"{line['origin']} {cover_text(line['donor_cover_after_days'])}{gives_up}"
    money = f"Worth {usd_text(line['benefit_usd'])}, costs {usd_text(line['cost_usd'])}, nets {usd_text(line['net_usd'])}."
    return f"{what} from {line['origin']} to {line['destination']}: {risk}; {keeps}. {money}"


def _until(row: dict[str, Any]) -> str:
    """In words, what ends the window of an item-location."""
    if not pd.isna(row["end_date"]) and (ends := pd.Timestamp(row["end_date"]).date()) < row["next_supply_date"]:
        return f"before its last day of sale on {ends.isoformat()}"
    if row["is_phased_out"]:
        return f"within {row['window_weeks']} weeks, as it is phased out and gets no new supply"
    return f"before its next supply on {row['next_supply_date'].isoformat()}"


def cover_text(days: float) -> str:
    """What a cover in days means to a location."""
    if math.isnan(days):
        return "expects no demand for it"
    weeks = days / 7.0
    return "keeps more than a year of cover" if weeks > LONG_COVER_WEEKS else f"keeps {weeks:.1f} weeks of cover"


def usd_text(value: float) -> str:
    """Money in words of a planner: cents, the sign before the dollar."""
    return f"-${-value:,.2f}" if value < -0.005 else f"${abs(value):,.2f}"


def count_text(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _amount(units: float) -> str:
    return f"{units:,.1f} units" if units < 9.95 and abs(units - round(units)) > 0.05 else count_text(round(units), "unit")
