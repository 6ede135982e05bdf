"""The auditor of transfer plans: reads raw `evenstock-problem/1` and `evenstock-plan/1` documents and trusts neither.

Written from the format's description alone. It shares no code with the formulation, the objective or the solver, and may never do so.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

OPTIMAL_GAP_SHARE = 1e-4
MONEY_TOLERANCE_SHARE = 1e-6
UNIT_TOLERANCE = 1e-6
NOISE = 1e-9
STATUSES = ("OPTIMAL", "FEASIBLE", "FALLBACK")
Pair = tuple[str, str]


@dataclass(frozen=True)
class Violation:
    """One broken clause: `subject` says where, `message` the numbers and the remedy, `excess` by how much in the clause's own unit."""

    clause: str
    subject: str
    message: str
    excess: float


@dataclass(frozen=True)
class AuditReport:
    """Verdict on one plan. `objective_usd` is recomputed from the curves; `signature` binds problem, plan and verdict."""

    ok: bool
    violations: list[Violation]
    objective_usd: float
    signature: str


@dataclass
class _Tally:
    """The problem indexed by name and what the plan's shipments add up to. Units: packs, units, kg, m3, USD."""

    problem: dict[str, Any]
    plan: dict[str, Any]
    optimal_gap_share: float
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
    out_units: Counter[str] = field(default_factory=Counter)
    in_units: Counter[str] = field(default_factory=Counter)
    lane_kg: Counter[str] = field(default_factory=Counter)
    lane_m3: Counter[str] = field(default_factory=Counter)
    charges_usd: float = 0.0
    objective_usd: float = 0.0


def audit_plan(problem_json: dict[str, Any], plan_json: dict[str, Any], optimal_gap_share: float = OPTIMAL_GAP_SHARE) -> AuditReport:
    """Check every clause of the plan's contract and recompute its objective from the curves.

    objective = gains + losses - unit cost - pallets x pallet cost - trucks x truck cost - line cost, with
    pallets = ceil(max(kg / pallet_kg, m3 / pallet_m3)) and trucks = ceil(pallets / pallets_per_truck) per lane.
    A plan may call itself OPTIMAL up to a gap of `optimal_gap_share` = (bound - objective) / max(1, |bound|).
    A document that cannot be read is a violation of clause `readable`, never an exception.

    >>> problem = {"handling_units": {"pallet_kg": 600, "pallet_m3": 1.8, "pallets_per_truck": 26}, "budget_usd": None,
    ...   "locations": [{"location_id": "A", "dock_out_units": 99, "dock_in_units": 99},
    ...                 {"location_id": "B", "dock_out_units": 99, "dock_in_units": 99}],
    ...   "lanes": [{"lane_id": "A-B", "origin": "A", "destination": "B", "truck_cost_usd": 20, "pallet_cost_usd": 0,
    ...              "max_trucks": 1, "min_shipment_kg": 0}],
    ...   "items": [{"item_id": "S", "pack_units": 1, "weight_kg": 1, "volume_m3": 0.001}],
    ...   "arcs": [{"item_id": "S", "lane_id": "A-B", "cost_usd_per_unit": 1, "max_packs": 8}],
    ...   "gains": [{"item_id": "S", "location_id": "B", "segments": [[3, 10], [5, 4]]}],
    ...   "losses": [{"item_id": "S", "location_id": "A", "segments": [[8, 0]]}]}
    >>> plan = {"status": "OPTIMAL", "objective_usd": 22, "bound_usd": 22, "bound_kind": "mip", "gap_share": 0,
    ...         "shipments": [{"item_id": "S", "lane_id": "A-B", "packs": 8}]}
    >>> audit_plan(problem, plan).ok, audit_plan(problem, plan).objective_usd
    (True, 22.0)
    """
    try:
        tally = _read(problem_json, plan_json, optimal_gap_share)
        violations = [*tally.faults, *(violation for clause in CLAUSES for violation in clause(tally))]
        objective = tally.objective_usd
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError, OverflowError) as error:
        message = f"the problem or the plan cannot be read: {type(error).__name__} {error}; compare them with docs/plan-audit.md"
        violations, objective = [Violation("readable", "document", message, 1.0)], 0.0
    return AuditReport(not violations, violations, objective, _sign(problem_json, plan_json, violations, objective))


def _sign(problem: Any, plan: Any, violations: list[Violation], objective: float) -> str:
    """sha256 over the canonical JSON of problem, plan and verdict."""
    verdict = {"ok": not violations, "violations": [asdict(v) for v in violations], "objective_usd": objective}
    text = json.dumps({"problem": problem, "plan": plan, "verdict": verdict}, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{what} must be a finite number, found {value!r}")
    return float(value)


def _read(problem: dict[str, Any], plan: dict[str, Any], optimal_gap_share: float) -> _Tally:
    tally = _Tally(problem, plan, optimal_gap_share)
    tally.lanes = _index(problem["lanes"], lambda row: row["lane_id"], "lanes")
    tally.items = _index(problem["items"], lambda row: row["item_id"], "items")
    tally.locations = _index(problem["locations"], lambda row: row["location_id"], "locations")
    tally.arcs = _index(problem["arcs"], lambda row: (row["item_id"], row["lane_id"]), "arcs")
    gains = _index(problem["gains"], lambda row: (row["item_id"], row["location_id"]), "gains")
    losses = _index(problem["losses"], lambda row: (row["item_id"], row["location_id"]), "losses")
    tally.gains = {pair: _segments(row, pair) for pair, row in gains.items()}
    tally.losses = {pair: _segments(row, pair) for pair, row in losses.items()}
    for pair, row in losses.items():
        width = sum(segment[0] for segment in tally.losses[pair])
        tally.donor_caps[pair] = width if row.get("cap_packs") is None else min(width, _number(row["cap_packs"], f"cap_packs of {pair}"))
    _read_shipments(tally)
    _add_up(tally)
    return tally


def _index(rows: list[dict[str, Any]], key: Callable[[dict[str, Any]], Any], name: str) -> dict[Any, dict[str, Any]]:
    found = {key(row): row for row in rows}
    if len(found) != len(rows):
        raise ValueError(f"{name} has two entries of one key")
    return found


def _segments(row: dict[str, Any], pair: Pair) -> list[list[float]]:
    segments = [[_number(width, f"packs of {pair}"), _number(value, f"value of {pair}")] for width, value in row["segments"]]
    values = [value for _, value in segments]
    if values != sorted(values, reverse=True) or any(width < 0 for width, _ in segments):
        raise ValueError(f"segments of {pair} must be best first and of no negative width")
    return segments


def _read_shipments(tally: _Tally) -> None:
    """Collect whole packs per listed arc; what is not whole or not listed is a fault and is left out of the sums."""
    for shipment in tally.plan["shipments"]:
        pair, packs = (shipment["item_id"], shipment["lane_id"]), shipment["packs"]
        subject = f"{pair[0]} on {pair[1]}"
        if isinstance(packs, bool) or not isinstance(packs, int | float) or packs != packs or packs < 0 or packs != int(packs):
            message = f"{packs!r} packs: ship whole packs, zero or more"
            tally.faults.append(Violation("whole_packs", subject, message, 1.0))
        elif pair not in tally.arcs:
            message = f"{packs} packs on an arc that the problem does not list: choose a listed arc"
            tally.faults.append(Violation("listed_lanes", subject, message, float(packs)))
        elif pair in tally.packs:
            tally.faults.append(Violation("listed_lanes", subject, "two shipments on one arc: state their sum once", float(packs)))
        else:
            tally.packs[pair] = int(packs)


def _add_up(tally: _Tally) -> None:
    unit_usd = line_usd = 0.0
    for (item_id, lane_id), packs in sorted(tally.packs.items()):
        item, lane, arc = tally.items[item_id], tally.lanes[lane_id], tally.arcs[item_id, lane_id]
        units = packs * _number(item["pack_units"], f"pack_units of {item_id}")
        tally.sent[item_id, lane["origin"]] += packs
        tally.received[item_id, lane["destination"]] += packs
        tally.out_units[lane["origin"]] += units
        tally.in_units[lane["destination"]] += units
        tally.lane_kg[lane_id] += units * _number(item["weight_kg"], f"weight_kg of {item_id}")
        tally.lane_m3[lane_id] += units * _number(item["volume_m3"], f"volume_m3 of {item_id}")
        unit_usd += units * _number(arc["cost_usd_per_unit"], f"cost of {item_id} on {lane_id}")
        line_usd += _number(arc.get("line_cost_usd") or 0.0, f"line_cost_usd of {item_id}") if packs else 0.0
    lane_usd = 0.0
    for lane_id in _used_lanes(tally):
        pallets, trucks_needed = _pallets_and_trucks(tally, lane_id)
        lane_usd += pallets * tally.lanes[lane_id]["pallet_cost_usd"] + trucks_needed * tally.lanes[lane_id]["truck_cost_usd"]
    tally.charges_usd = unit_usd + line_usd + lane_usd
    worth = sum(_fill(tally.gains.get(pair, []), packs) for pair, packs in sorted(tally.received.items()))
    worth += sum(_fill(tally.losses.get(pair, []), packs) for pair, packs in sorted(tally.sent.items()))
    tally.objective_usd = worth - tally.charges_usd


def _fill(segments: list[list[float]], packs: float) -> float:
    """Value in USD of the first `packs` packs of a curve, best segments first; beyond its end a pack is worth nothing."""
    worth, left = 0.0, packs
    for width, value in segments:
        worth += min(width, left) * value
        left -= min(width, left)
    return worth


def _pallets_and_trucks(tally: _Tally, lane_id: str) -> tuple[int, int]:
    """Pallets that hold both kg and m3 of the lane, and trucks that hold the pallets; a used lane needs one of each."""
    default, lane = tally.problem["handling_units"], tally.lanes[lane_id]

    def holds(name: str) -> float:
        return _number(lane[name] if lane.get(name) is not None else default[name], f"{name} of {lane_id}")

    fill = max(tally.lane_kg[lane_id] / holds("pallet_kg"), tally.lane_m3[lane_id] / holds("pallet_m3"))
    pallets = max(1, math.ceil(fill - NOISE * max(1.0, fill)))
    return pallets, max(1, math.ceil(pallets / holds("pallets_per_truck")))


def _over(clause: str, subject: str, value: float, limit: float, unit: str, remedy: str) -> Iterator[Violation]:
    if value > limit + UNIT_TOLERANCE * max(1.0, abs(limit)):
        message = f"{value:,.6g} {unit} where at most {limit:,.6g} are allowed: {remedy}"
        yield Violation(clause, subject, message, value - limit)


def _used_lanes(tally: _Tally) -> list[str]:
    return sorted({lane_id for (_, lane_id), packs in tally.packs.items() if packs})


def arc_cap(tally: _Tally) -> Iterator[Violation]:
    """No arc carries more than its `max_packs`."""
    for pair, packs in sorted(tally.packs.items()):
        limit = _number(tally.arcs[pair]["max_packs"], f"max_packs of {pair}")
        yield from _over("arc_cap", f"{pair[0]} on {pair[1]}", packs, limit, "packs", "ship fewer on this arc")


def donor_cap(tally: _Tally) -> Iterator[Violation]:
    """All lines of an item out of a location together stay within its loss curve and its cap on hand."""
    for pair, packs in sorted(tally.sent.items()):
        yield from _over("donor_cap", f"{pair[0]} at {pair[1]}", packs, tally.donor_caps.get(pair, 0.0), "packs sent", "send fewer packs")


def receiver_cap(tally: _Tally) -> Iterator[Violation]:
    """All lines of an item into a location together stay within its gain curve."""
    for pair, packs in sorted(tally.received.items()):
        limit = sum(width for width, _ in tally.gains.get(pair, []))
        yield from _over("receiver_cap", f"{pair[0]} at {pair[1]}", packs, limit, "packs received", "send fewer packs there")


def not_both_sent_and_received(tally: _Tally) -> Iterator[Violation]:
    """A location does not send and receive the same item in one plan."""
    for pair in sorted(pair for pair in tally.sent if tally.sent[pair] and tally.received[pair]):
        message = f"sends {tally.sent[pair]} and receives {tally.received[pair]} packs: drop one direction"
        excess = float(min(tally.sent[pair], tally.received[pair]))
        yield Violation("not_both_sent_and_received", f"{pair[0]} at {pair[1]}", message, excess)


def dock_out(tally: _Tally) -> Iterator[Violation]:
    """Units leaving a location fit its outbound dock."""
    for location_id, units in sorted(tally.out_units.items()):
        limit = tally.locations.get(location_id, {}).get("dock_out_units")
        if limit is not None:
            yield from _over("dock_out", location_id, units, _number(limit, "dock_out_units"), "units out", "send fewer from here")


def dock_in(tally: _Tally) -> Iterator[Violation]:
    """Units reaching a location fit its inbound dock."""
    for location_id, units in sorted(tally.in_units.items()):
        limit = tally.locations.get(location_id, {}).get("dock_in_units")
        if limit is not None:
            yield from _over("dock_in", location_id, units, _number(limit, "dock_in_units"), "units in", "send fewer to here")


def trucks(tally: _Tally) -> Iterator[Violation]:
    """Pallets cover kilograms and cubic metres, and the trucks that carry them do not exceed the lane's `max_trucks`."""
    for lane_id in _used_lanes(tally):
        needed = _pallets_and_trucks(tally, lane_id)[1]
        yield from _over("trucks", lane_id, needed, _number(tally.lanes[lane_id]["max_trucks"], "max_trucks"), "trucks", "load less here")


def minimum_shipment(tally: _Tally) -> Iterator[Violation]:
    """A lane that is used carries at least its `min_shipment_kg`."""
    for lane_id in _used_lanes(tally):
        least, kg = _number(tally.lanes[lane_id].get("min_shipment_kg") or 0.0, "min_shipment_kg"), tally.lane_kg[lane_id]
        if kg < least - UNIT_TOLERANCE * max(1.0, least):
            message = f"{kg:,.6g} kg where a used lane carries at least {least:,.6g}: load more or leave the lane empty"
            yield Violation("minimum_shipment", lane_id, message, least - kg)


def budget(tally: _Tally) -> Iterator[Violation]:
    """Unit, line, pallet and truck charges together stay within the budget."""
    limit = tally.problem.get("budget_usd")
    if limit is not None:
        yield from _over("budget", "plan", tally.charges_usd, _number(limit, "budget_usd"), "USD", "move less or raise the budget")


def firm_lines(tally: _Tally) -> Iterator[Violation]:
    """Arcs with `fixed_packs` ship exactly that."""
    for pair, arc in sorted(tally.arcs.items()):
        fixed = arc.get("fixed_packs")
        if fixed is not None and tally.packs.get(pair, 0) != fixed:
            message = f"{tally.packs.get(pair, 0)} packs where {fixed} are firm: restore the firm line"
            yield Violation("firm_lines", f"{pair[0]} on {pair[1]}", message, abs(float(fixed) - tally.packs.get(pair, 0)))


def conservation(tally: _Tally) -> Iterator[Violation]:
    """Per item, what leaves the listed locations reaches another listed location."""
    for item_id in sorted({item_id for item_id, _ in tally.packs}):
        out = sum(packs for (item, place), packs in tally.sent.items() if item == item_id and place in tally.locations)
        into = sum(packs for (item, place), packs in tally.received.items() if item == item_id and place in tally.locations)
        loops = sum(p for (item, lane), p in tally.packs.items() if item == item_id and _is_loop(tally.lanes[lane]))
        total = sum(packs for (item, _), packs in tally.packs.items() if item == item_id)
        if not out == into == total or loops:
            message = f"{total} packs planned, {out} leave and {into} reach listed locations, {loops} stay where they are: mend the lanes"
            yield Violation("conservation", item_id, message, float(total - min(out, into) + loops))


def _is_loop(lane: dict[str, Any]) -> bool:
    return lane["origin"] == lane["destination"]


def objective(tally: _Tally) -> Iterator[Violation]:
    """The stated objective equals the one recomputed from the curves."""
    stated = _number(tally.plan["objective_usd"], "objective_usd")
    if abs(stated - tally.objective_usd) > MONEY_TOLERANCE_SHARE * max(1.0, abs(tally.objective_usd)):
        message = f"the plan states {stated:,.6f} USD, its shipments are worth {tally.objective_usd:,.6f}: state what it is worth"
        yield Violation("objective", "plan", message, abs(stated - tally.objective_usd))


def bound(tally: _Tally) -> Iterator[Violation]:
    """The bound >= objective >= 0 (a plan with firm lines may be worth less than nothing), and the gap follows from both."""
    worth = tally.objective_usd
    slack = MONEY_TOLERANCE_SHARE * max(1.0, abs(worth))
    has_firm = any(arc.get("fixed_packs") for arc in tally.arcs.values())
    if worth < -slack and not has_firm:
        yield Violation("bound", "plan", f"worth {worth:,.6f} USD, less than moving nothing: publish the empty plan", -worth)
    if tally.plan.get("bound_usd") is None:
        if tally.plan.get("bound_kind") != "none":
            yield Violation("bound", "plan", "states no bound though bound_kind is not none: state the bound", 1.0)
        return
    limit = _number(tally.plan["bound_usd"], "bound_usd")
    if worth > limit + slack:
        yield Violation("bound", "plan", f"worth {worth:,.6f} USD, above its bound {limit:,.6f}: the bound is wrong", worth - limit)
    stated, gap = _number(tally.plan["gap_share"], "gap_share"), _gap_share(worth, limit)
    if abs(stated - gap) > MONEY_TOLERANCE_SHARE * max(1.0, gap):
        yield Violation("bound", "plan", f"states a gap of {stated:.8f} where bound and worth give {gap:.8f}", abs(stated - gap))


def _gap_share(worth: float, limit: float) -> float:
    return max(0.0, limit - worth) / max(1.0, abs(limit))


def status(tally: _Tally) -> Iterator[Violation]:
    """OPTIMAL is proved within tolerance, FALLBACK moves firm lines only, and nothing else but FEASIBLE may be published."""
    stated = tally.plan["status"]
    if stated not in STATUSES:
        yield Violation("status", "plan", f"status {stated!r} cannot be published: one of {', '.join(STATUSES)} can", 1.0)
    if stated == "OPTIMAL":
        limit = tally.plan.get("bound_usd")
        gap = _gap_share(tally.objective_usd, _number(limit, "bound_usd")) if limit is not None else 1.0
        if gap > tally.optimal_gap_share + NOISE:
            yield Violation("status", "plan", f"OPTIMAL with a gap of {gap:.6f}, above {tally.optimal_gap_share}: call it FEASIBLE", gap)
    moved = sum(packs for pair, packs in tally.packs.items() if not tally.arcs[pair].get("fixed_packs"))
    if stated == "FALLBACK" and moved:
        yield Violation("status", "plan", f"FALLBACK moves {moved} packs beyond firm lines: it must move nothing", float(moved))


CLAUSES: tuple[Callable[[_Tally], Iterator[Violation]], ...] = (
    arc_cap,
    donor_cap,
    receiver_cap,
    not_both_sent_and_received,
    dock_out,
    dock_in,
    trucks,
    minimum_shipment,
    budget,
    firm_lines,
    conservation,
    objective,
    bound,
    status,
)
