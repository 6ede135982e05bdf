"""What a plan adds up to: the auditor's own reading of raw problem and plan documents, in packs, units, kg, m3 and USD.

Part of the audit: written from the format's description alone, it shares no code with the formulation, the objective or the solver.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pipelines.planning.audit_reading import is_number

UNIT_TOLERANCE = 1e-6
NOISE = 1e-9
Pair = tuple[str, str]


@dataclass(frozen=True)
class Violation:
    """One broken clause: `subject` says where, `message` the numbers and the remedy, `excess` by how much in the clause's own unit."""

    clause: str
    subject: str
    message: str
    excess: float


class Sums(dict[str, float]):
    """Sums by name; a name without any counts as zero and is not added by asking."""

    def __missing__(self, key: str) -> float:
        """Zero."""
        return 0.0


@dataclass
class Tally:
    """The problem indexed by name and what the plan's shipments add up to. Units: packs, units, kg, m3, USD."""

    problem: dict[str, Any]
    plan: dict[str, Any]
    lanes: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    locations: dict[str, dict[str, Any]] = field(default_factory=dict)
    arcs: dict[Pair, dict[str, Any]] = field(default_factory=dict)
    gains: dict[Pair, list[list[float]]] = field(default_factory=dict)
    losses: dict[Pair, list[list[float]]] = field(default_factory=dict)
    donor_caps: dict[Pair, float] = field(default_factory=dict)
    packs: dict[Pair, int] = field(default_factory=dict)
    faults: list[Violation] = field(default_factory=list)
    sent: Counter[Pair] = field(default_factory=Counter)
    received: Counter[Pair] = field(default_factory=Counter)
    out_units: Sums = field(default_factory=Sums)
    in_units: Sums = field(default_factory=Sums)
    lane_kg: Sums = field(default_factory=Sums)
    lane_m3: Sums = field(default_factory=Sums)
    lots: dict[Pair, list[list[float]]] = field(default_factory=dict)
    charges_usd: float = 0.0
    idle_churn_usd: float = 0.0
    objective_usd: float = 0.0


def over(clause: str, subject: str, value: float, limit: float, unit: str, remedy: str) -> Iterator[Violation]:
    """A violation where `value` exceeds `limit` by more than the tolerance."""
    if value > limit + UNIT_TOLERANCE * max(1.0, abs(limit)):
        message = f"{value:,.6g} {unit} where at most {limit:,.6g} are allowed: {remedy}"
        yield Violation(clause, subject, message, value - limit)


def number(value: Any, what: str) -> float:
    """A finite number, or ValueError naming `what`."""
    if not is_number(value):
        raise ValueError(f"{what} must be a finite number, found {value!r}")
    return float(value)


def read_tally(problem: dict[str, Any], plan: dict[str, Any]) -> Tally:
    """Index documents that `audit_reading` has checked, and add up the shipments."""
    tally = Tally(problem, plan)
    tally.lanes = _index(problem["lanes"], "lane_id")
    tally.items = _index(problem["items"], "item_id")
    tally.locations = _index(problem["locations"], "location_id")
    tally.arcs = _index(problem["arcs"], "item_id", "lane_id")
    losses = _index(problem["losses"], "item_id", "location_id")
    tally.gains = {pair: row["segments"] for pair, row in _index(problem["gains"], "item_id", "location_id").items()}
    tally.losses = {pair: row["segments"] for pair, row in losses.items()}
    for pair, row in losses.items():
        width = sum(segment[0] for segment in tally.losses[pair])
        if row.get("lots") is not None:
            tally.lots[pair] = row["lots"]
        tally.donor_caps[pair] = width if row.get("cap_packs") is None else min(width, number(row["cap_packs"], f"cap_packs of {pair}"))
    _read_shipments(tally)
    _add_up(tally)
    return tally


def _index(rows: list[dict[str, Any]], *key: str) -> dict[Any, dict[str, Any]]:
    return {tuple(row[name] for name in key) if len(key) > 1 else row[key[0]]: row for row in rows}


def _read_shipments(tally: Tally) -> None:
    """Collect whole packs per listed arc; what is not whole or not listed is a fault and is left out of the sums."""
    for shipment in tally.plan["shipments"]:
        pair, packs = (shipment["item_id"], shipment["lane_id"]), shipment.get("packs")
        subject = f"{pair[0]} on {pair[1]}"
        if not is_number(packs) or packs < 0 or packs != int(packs):
            message = f"{str(packs)[:80]!r} packs: ship whole packs, zero or more"
            tally.faults.append(Violation("whole_packs", subject, message, 1.0))
        elif pair not in tally.arcs:
            message = f"{packs} packs on an arc that the problem does not list: choose a listed arc"
            tally.faults.append(Violation("listed_lanes", subject, message, float(packs)))
        elif pair in tally.packs:
            tally.faults.append(Violation("listed_lanes", subject, "two shipments on one arc: state their sum once", float(packs)))
        else:
            tally.packs[pair] = int(packs)


def _add_up(tally: Tally) -> None:
    unit_usd = line_usd = 0.0
    for (item_id, lane_id), packs in sorted(tally.packs.items()):
        item, lane, arc = tally.items[item_id], tally.lanes[lane_id], tally.arcs[item_id, lane_id]
        units = packs * number(item["pack_units"], f"pack_units of {item_id}")
        tally.sent[item_id, lane["origin"]] += packs
        tally.received[item_id, lane["destination"]] += packs
        tally.out_units[lane["origin"]] += units
        tally.in_units[lane["destination"]] += units
        tally.lane_kg[lane_id] += units * number(item["weight_kg"], f"weight_kg of {item_id}")
        tally.lane_m3[lane_id] += units * number(item["volume_m3"], f"volume_m3 of {item_id}")
        unit_usd += units * number(arc["cost_usd_per_unit"], f"cost of {item_id} on {lane_id}")
        line_usd += number(arc.get("line_cost_usd") or 0.0, f"line_cost_usd of {item_id}") if packs else 0.0
    lane_usd = 0.0
    for lane_id in used_lanes(tally):
        pallets, trucks_needed = pallets_and_trucks(tally, lane_id)
        lane_usd += pallets * tally.lanes[lane_id]["pallet_cost_usd"] + trucks_needed * tally.lanes[lane_id]["truck_cost_usd"]
        lane_usd += _tariff(tally.lanes[lane_id].get("weight_bands") or (), tally.lane_kg[lane_id])
    tally.charges_usd = unit_usd + line_usd + lane_usd
    worth = sum(_fill(tally.gains.get(pair, []), packs) for pair, packs in sorted(tally.received.items()))
    worth += sum(_fill(tally.losses.get(pair, []), packs) for pair, packs in sorted(tally.sent.items()))
    churn_usd = 0.0
    for pair, arc in sorted(tally.arcs.items()):
        each, last = arc.get("churn_usd_per_pack") or 0.0, arc.get("last_packs") or 0
        churn_usd += each * abs(tally.packs.get(pair, 0) - last)
        tally.idle_churn_usd += each * last
    tally.objective_usd = worth - tally.charges_usd - churn_usd


def _tariff(bands: Iterable[list[float]], kg: float) -> float:
    """Charge of a load: of every band that reaches it, declared at its weight or at the band's start, the cheapest.

    >>> _tariff([[100, 0.5, 20], [500, 0.3, 20]], 80)
    30.0
    """
    charges, start, last = [], 0.0, 0.0
    for end, rate, minimum in bands:
        if kg <= end * (1 + NOISE) + NOISE:
            charges.append(max(minimum, rate * max(kg, start)))
        start, last = end, max(minimum, rate * max(kg, start))
    return float(min(charges) if charges else last)


def _fill(segments: list[list[float]], packs: float) -> float:
    """Value in USD of the first `packs` packs of a curve, best segments first; beyond its end a pack is worth nothing."""
    worth, left = 0.0, packs
    for width, value in segments:
        worth += min(width, left) * value
        left -= min(width, left)
    return worth


def pallets_and_trucks(tally: Tally, lane_id: str) -> tuple[int, int]:
    """Pallets that hold both kg and m3 of the lane, and trucks that hold the pallets; a used lane needs one of each."""
    default, lane = tally.problem["handling_units"], tally.lanes[lane_id]

    def holds(name: str) -> float:
        return number(lane[name] if lane.get(name) is not None else default[name], f"{name} of {lane_id}")

    fill = max(tally.lane_kg[lane_id] / holds("pallet_kg"), tally.lane_m3[lane_id] / holds("pallet_m3"))
    pallets = max(1, math.ceil(fill - NOISE * max(1.0, fill)))
    return pallets, max(1, math.ceil(pallets / holds("pallets_per_truck")))


def used_lanes(tally: Tally) -> list[str]:
    """Lanes that carry at least one pack, sorted."""
    return sorted({lane_id for (_, lane_id), packs in tally.packs.items() if packs})
