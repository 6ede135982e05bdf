"""A plan's packs and money added up against its case: by arc, by giver and taker, by lane. Words about them are in explain.py."""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from pipelines.planning.inputs import PlanCase
from pipelines.planning.problem import Plan
from pipelines.planning.terms import cheapest_band

Pair = tuple[str, str]


@dataclass(frozen=True)
class PlanLedger:
    """A plan's packs added up against its case: by arc, by giver and taker, money of curves and of lanes."""

    packs: dict[Pair, int]
    sent: Counter[Pair]
    received: Counter[Pair]
    gains: dict[Pair, list[list[float]]]
    losses: dict[Pair, list[list[float]]]
    lanes: dict[str, dict[str, Any]]
    items: dict[str, dict[str, Any]]
    arcs: dict[Pair, dict[str, Any]]
    loads: dict[str, list[tuple[str, int]]]


def fill_value(segments: list[list[float]], packs: float) -> float:
    """USD of the first `packs` packs of a curve, best first.

    >>> fill_value([[3, 10.0], [5, 4.0]], 5)
    38.0
    """
    worth, left = 0.0, packs
    for width, value in segments:
        worth += min(width, left) * value
        left -= min(width, left)
    return worth


def next_value(segments: list[list[float]], packs: float) -> float | None:
    """USD of the pack after the first `packs`, None where the curve ends.

    >>> next_value([[3, 10.0], [5, 4.0]], 3), next_value([[3, 10.0]], 3)
    (4.0, None)
    """
    seen = 0.0
    for width, value in segments:
        seen += width
        if packs < seen:
            return value
    return None


def add_up(case: PlanCase, plan: Plan) -> PlanLedger:
    """Index the case's document by name and sum the plan's shipments."""
    problem = case.problem
    lanes = {lane["lane_id"]: lane for lane in problem["lanes"]}
    packs = {(s.item_id, s.lane_id): int(s.packs) for s in plan.shipments if s.packs}
    sent: Counter[Pair] = Counter()
    received: Counter[Pair] = Counter()
    loads: dict[str, list[tuple[str, int]]] = {lane: [] for lane in lanes}
    for (item, lane), count in sorted(packs.items()):
        loads[lane].append((item, count))
        sent[item, lanes[lane]["origin"]] += count
        received[item, lanes[lane]["destination"]] += count
    return PlanLedger(
        packs,
        sent,
        received,
        {(row["item_id"], row["location_id"]): row["segments"] for row in problem["gains"]},
        {(row["item_id"], row["location_id"]): row["segments"] for row in problem["losses"]},
        lanes,
        {row["item_id"]: row for row in problem["items"]},
        {(row["item_id"], row["lane_id"]): row for row in problem["arcs"]},
        loads,
    )


def lane_charge(case: PlanCase, book: PlanLedger, lane_id: str, without: str | None = None) -> float:
    """USD of pallets, trucks and tariff of one lane, as planned or `without` one item's line."""
    lane, sizes = book.lanes[lane_id], case.problem["handling_units"]
    loaded = [(book.items[item], count) for item, count in book.loads[lane_id] if item != without]
    if not loaded:
        return 0.0
    fills = {
        size: sum(count * item["pack_units"] * item[name] for item, count in loaded) / lane.get(size, sizes.get(size))
        for size, name in (("pallet_kg", "weight_kg"), ("pallet_m3", "volume_m3"))
    }
    fill = max(fills.values())
    pallets = max(1, math.ceil(fill - 1e-9 * max(1.0, fill)))
    trucks = math.ceil(pallets / lane.get("pallets_per_truck", sizes["pallets_per_truck"]))
    kg = sum(count * item["pack_units"] * item["weight_kg"] for item, count in loaded)
    tariff = cheapest_band(lane["weight_bands"], kg)[2] if lane.get("weight_bands") else 0.0
    return pallets * lane["pallet_cost_usd"] + trucks * lane["truck_cost_usd"] + tariff


def curve_money(book: PlanLedger, key: Pair) -> tuple[float, float]:
    """USD of gain and of loss of one line: its part, by packs, of what its receiver takes and its donor gives."""
    item_id, lane_id = key
    lane, packs = book.lanes[lane_id], book.packs[key]
    giver, taker = (item_id, lane["origin"]), (item_id, lane["destination"])
    gain = fill_value(book.gains[taker], book.received[taker]) * packs / book.received[taker]
    return gain, fill_value(book.losses[giver], book.sent[giver]) * packs / book.sent[giver]


def share_lane_charges(case: PlanCase, book: PlanLedger) -> dict[Pair, float]:
    """Pallet and truck charges of every lane, given out in full to its lines by what each earns before them.

    Joint charges in proportion to ability to bear: a lane that pays never shows a line as a loss, so no line of a truck that pays
    looks worth dropping. Where nothing on a lane earns anything (firm lines), kg or m3 decide.
    """
    by_lane: dict[str, list[Pair]] = defaultdict(list)
    for key in sorted(book.packs):
        by_lane[key[1]].append(key)
    shares = {}
    for lane_id, keys in by_lane.items():
        earned = [max(0.0, _earned_before_lane(book, key)) for key in keys]
        weights = earned if sum(earned) > 0.0 else [_load(case, book, key) for key in keys]
        charge, total = lane_charge(case, book, lane_id), sum(weights)
        shares.update({key: charge * weight / total for key, weight in zip(keys, weights, strict=True)})
    return shares


def _earned_before_lane(book: PlanLedger, key: Pair) -> float:
    arc, units = book.arcs[key], book.packs[key] * book.items[key[0]]["pack_units"]
    return sum(curve_money(book, key)) - units * arc["cost_usd_per_unit"] - arc.get("line_cost_usd", 0.0)


def _load(case: PlanCase, book: PlanLedger, key: Pair) -> float:
    """Pallets that a line fills, by kg or m3; units where an item weighs nothing."""
    item, lane, sizes = book.items[key[0]], book.lanes[key[1]], case.problem["handling_units"]
    units = book.packs[key] * item["pack_units"]
    fills = (
        units * item[name] / lane.get(size, sizes.get(size)) for size, name in (("pallet_kg", "weight_kg"), ("pallet_m3", "volume_m3"))
    )
    return max(*fills, units * 1e-12)
