"""The auditor of transfer plans: reads raw `evenstock-problem/1` and `evenstock-plan/1` documents and trusts neither.

Written from the format's description alone. It shares no code with the formulation, the objective or the solver, and may never do so.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipelines.planning.audit_reading import Unreadable, check_documents
from pipelines.planning.audit_tally import NOISE, UNIT_TOLERANCE, Tally, Violation, number, over, pallets_and_trucks, read_tally, used_lanes
from pipelines.planning.audit_terms import TERM_CLAUSES

__all__ = ["CLAUSES", "AuditReport", "Violation", "audit_plan"]

OPTIMAL_GAP_SHARE = 1e-4
MONEY_TOLERANCE_SHARE = 1e-6
STATUSES = ("OPTIMAL", "FEASIBLE", "FALLBACK")


@dataclass(frozen=True)
class AuditReport:
    """Verdict on one plan. `objective_usd` is recomputed from the curves; `signature` binds problem, plan and verdict."""

    ok: bool
    violations: list[Violation]
    objective_usd: float
    signature: str


def audit_plan(problem_json: dict[str, Any], plan_json: dict[str, Any]) -> AuditReport:
    """Check every clause of the plan's contract and recompute its objective from the curves.

    objective = gains + losses - unit cost - pallets x pallet cost - trucks x truck cost - line cost - tariffs - churn, with
    pallets = ceil(max(kg / pallet_kg, m3 / pallet_m3)) and trucks = ceil(pallets / pallets_per_truck) per lane.
    A plan may call itself OPTIMAL up to a gap of `OPTIMAL_GAP_SHARE`, (bound - objective) / max(1, |bound|).
    A document that cannot be read is a violation of clause `readable`, never an exception.

    >>> problem = {"format": "evenstock-problem/1", "budget_usd": None,
    ...   "handling_units": {"pallet_kg": 600, "pallet_m3": 1.8, "pallets_per_truck": 26},
    ...   "locations": [{"location_id": "A", "dock_out_units": 99, "dock_in_units": 99},
    ...                 {"location_id": "B", "dock_out_units": 99, "dock_in_units": 99}],
    ...   "lanes": [{"lane_id": "A-B", "origin": "A", "destination": "B", "truck_cost_usd": 20, "pallet_cost_usd": 0,
    ...              "max_trucks": 1, "min_shipment_kg": 0}],
    ...   "items": [{"item_id": "S", "pack_units": 1, "weight_kg": 1, "volume_m3": 0.001}],
    ...   "arcs": [{"item_id": "S", "lane_id": "A-B", "cost_usd_per_unit": 1, "max_packs": 8}],
    ...   "gains": [{"item_id": "S", "location_id": "B", "segments": [[3, 10], [5, 4]]}],
    ...   "losses": [{"item_id": "S", "location_id": "A", "segments": [[8, 0]]}]}
    >>> plan = {"format": "evenstock-plan/1", "status": "OPTIMAL", "objective_usd": 22, "bound_usd": 22, "bound_kind": "mip",
    ...         "gap_share": 0, "shipments": [{"item_id": "S", "lane_id": "A-B", "packs": 8}]}
    >>> audit_plan(problem, plan).ok, audit_plan(problem, plan).objective_usd
    (True, 22.0)
    """
    objective = 0.0
    try:
        check_documents(problem_json, plan_json)
        tally = read_tally(problem_json, plan_json)
        violations = [*tally.faults, *(violation for clause in CLAUSES for violation in clause(tally))]
        objective = tally.objective_usd
    except Unreadable as error:
        violations = [Violation("readable", error.subject, str(error), 1.0)]
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError, OverflowError):
        message = "the figures of problem and plan cannot be added up; compare both with docs/problem-format.md"
        violations = [Violation("readable", "document", message, 1.0)]
    violations = [replace(found, subject=_printable(found.subject), message=_printable(found.message)) for found in violations]
    return AuditReport(not violations, violations, objective, _sign(problem_json, plan_json, violations, objective))


def _printable(text: str) -> str:
    r"""The text with everything that could steer a terminal spelled out: names come from files that nobody vouches for.

    >>> _printable("S1\x1b[31m")
    'S1\\x1b[31m'
    """
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def _sign(problem: Any, plan: Any, violations: list[Violation], objective: float) -> str:
    """sha256 over the canonical JSON of problem, plan and verdict."""
    verdict = {"ok": not violations, "violations": [asdict(v) for v in violations], "objective_usd": objective}
    text = json.dumps({"problem": problem, "plan": plan, "verdict": verdict}, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def arc_cap(tally: Tally) -> Iterator[Violation]:
    """No arc carries more than its `max_packs`."""
    for pair, packs in sorted(tally.packs.items()):
        limit = number(tally.arcs[pair]["max_packs"], f"max_packs of {pair}")
        yield from over("arc_cap", f"{pair[0]} on {pair[1]}", packs, limit, "packs", "ship fewer on this arc")


def donor_cap(tally: Tally) -> Iterator[Violation]:
    """All lines of an item out of a location together stay within its loss curve and its cap on hand."""
    for pair, packs in sorted(tally.sent.items()):
        yield from over("donor_cap", f"{pair[0]} at {pair[1]}", packs, tally.donor_caps.get(pair, 0.0), "packs sent", "send fewer packs")


def receiver_cap(tally: Tally) -> Iterator[Violation]:
    """All lines of an item into a location together stay within its gain curve."""
    for pair, packs in sorted(tally.received.items()):
        limit = sum(width for width, _ in tally.gains.get(pair, []))
        yield from over("receiver_cap", f"{pair[0]} at {pair[1]}", packs, limit, "packs received", "send fewer packs there")


def not_both_sent_and_received(tally: Tally) -> Iterator[Violation]:
    """A location does not send and receive the same item in one plan."""
    for pair in sorted(pair for pair in tally.sent if tally.sent[pair] and tally.received[pair]):
        message = f"sends {tally.sent[pair]} and receives {tally.received[pair]} packs: drop one direction"
        excess = float(min(tally.sent[pair], tally.received[pair]))
        yield Violation("not_both_sent_and_received", f"{pair[0]} at {pair[1]}", message, excess)


def dock_out(tally: Tally) -> Iterator[Violation]:
    """Units leaving a location fit its outbound dock."""
    for location_id, units in sorted(tally.out_units.items()):
        limit = tally.locations.get(location_id, {}).get("dock_out_units")
        if limit is not None:
            yield from over("dock_out", location_id, units, number(limit, "dock_out_units"), "units out", "send fewer from here")


def dock_in(tally: Tally) -> Iterator[Violation]:
    """Units reaching a location fit its inbound dock."""
    for location_id, units in sorted(tally.in_units.items()):
        limit = tally.locations.get(location_id, {}).get("dock_in_units")
        if limit is not None:
            yield from over("dock_in", location_id, units, number(limit, "dock_in_units"), "units in", "send fewer to here")


def trucks(tally: Tally) -> Iterator[Violation]:
    """Pallets cover kilograms and cubic metres, and the trucks that carry them do not exceed the lane's `max_trucks`."""
    for lane_id in used_lanes(tally):
        needed = pallets_and_trucks(tally, lane_id)[1]
        yield from over("trucks", lane_id, needed, number(tally.lanes[lane_id]["max_trucks"], "max_trucks"), "trucks", "load less here")


def minimum_shipment(tally: Tally) -> Iterator[Violation]:
    """A lane that is used carries at least its `min_shipment_kg`."""
    for lane_id in used_lanes(tally):
        least, kg = number(tally.lanes[lane_id].get("min_shipment_kg") or 0.0, "min_shipment_kg"), tally.lane_kg[lane_id]
        if kg < least - UNIT_TOLERANCE * max(1.0, least):
            message = f"{kg:,.6g} kg where a used lane carries at least {least:,.6g}: load more or leave the lane empty"
            yield Violation("minimum_shipment", lane_id, message, least - kg)


def budget(tally: Tally) -> Iterator[Violation]:
    """Unit, line, pallet, truck and tariff charges together stay within the budget."""
    limit = tally.problem.get("budget_usd")
    if limit is not None:
        yield from over("budget", "plan", tally.charges_usd, number(limit, "budget_usd"), "USD", "move less or raise the budget")


def firm_lines(tally: Tally) -> Iterator[Violation]:
    """Arcs with `fixed_packs` ship exactly that."""
    for pair, arc in sorted(tally.arcs.items()):
        fixed = arc.get("fixed_packs")
        if fixed is not None and tally.packs.get(pair, 0) != fixed:
            message = f"{tally.packs.get(pair, 0)} packs where {fixed} are firm: restore the firm line"
            yield Violation("firm_lines", f"{pair[0]} on {pair[1]}", message, abs(float(fixed) - tally.packs.get(pair, 0)))


def conservation(tally: Tally) -> Iterator[Violation]:
    """Per item, what leaves the listed locations reaches another listed location."""
    total, out, into, loops = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for (item_id, lane_id), packs in tally.packs.items():
        lane = tally.lanes[lane_id]
        total[item_id] += packs
        out[item_id] += packs if lane["origin"] in tally.locations else 0
        into[item_id] += packs if lane["destination"] in tally.locations else 0
        loops[item_id] += packs if lane["origin"] == lane["destination"] else 0
    for item_id, packs in sorted(total.items()):
        if not out[item_id] == into[item_id] == packs or loops[item_id]:
            message = f"{packs} packs planned, {out[item_id]} leave and {into[item_id]} reach listed locations, {loops[item_id]} stay put"
            excess = float(packs - min(out[item_id], into[item_id]) + loops[item_id])
            yield Violation("conservation", item_id, f"{message}: mend the lanes", excess)


def objective(tally: Tally) -> Iterator[Violation]:
    """The stated objective equals the one recomputed from the curves."""
    stated = number(tally.plan["objective_usd"], "objective_usd")
    if abs(stated - tally.objective_usd) > MONEY_TOLERANCE_SHARE * max(1.0, abs(tally.objective_usd)):
        message = f"the plan states {stated:,.6f} USD, its shipments are worth {tally.objective_usd:,.6f}: state what it is worth"
        yield Violation("objective", "plan", message, abs(stated - tally.objective_usd))


def bound(tally: Tally) -> Iterator[Violation]:
    """The bound >= objective >= the worth of moving nothing (firm lines may be worth less), and the gap follows from both."""
    worth = tally.objective_usd
    slack = MONEY_TOLERANCE_SHARE * max(1.0, abs(worth))
    has_firm = any(arc.get("fixed_packs") for arc in tally.arcs.values())
    idle = -tally.idle_churn_usd
    if worth < idle - slack and not has_firm:
        message = f"worth {worth:,.6f} USD, less than {idle:,.6f} for moving nothing: publish the empty plan"
        yield Violation("bound", "plan", message, idle - worth)
    if tally.plan.get("bound_usd") is None:
        if tally.plan.get("bound_kind") != "none":
            yield Violation("bound", "plan", "states no bound though bound_kind is not none: state the bound", 1.0)
        return
    limit = number(tally.plan["bound_usd"], "bound_usd")
    if worth > limit + slack:
        yield Violation("bound", "plan", f"worth {worth:,.6f} USD, above its bound {limit:,.6f}: the bound is wrong", worth - limit)
    stated, gap = number(tally.plan["gap_share"], "gap_share"), _gap_share(worth, limit)
    if abs(stated - gap) > MONEY_TOLERANCE_SHARE * max(1.0, gap):
        yield Violation("bound", "plan", f"states a gap of {stated:.8f} where bound and worth give {gap:.8f}", abs(stated - gap))


def _gap_share(worth: float, limit: float) -> float:
    return max(0.0, limit - worth) / max(1.0, abs(limit))


def status(tally: Tally) -> Iterator[Violation]:
    """OPTIMAL is proved within tolerance, FALLBACK moves firm lines only, and nothing else but FEASIBLE may be published."""
    stated = tally.plan["status"]
    if stated not in STATUSES:
        yield Violation("status", "plan", f"status {stated!r} cannot be published: one of {', '.join(STATUSES)} can", 1.0)
    if stated == "OPTIMAL":
        limit = tally.plan.get("bound_usd")
        gap = _gap_share(tally.objective_usd, number(limit, "bound_usd")) if limit is not None else 1.0
        if gap > OPTIMAL_GAP_SHARE + NOISE:
            yield Violation("status", "plan", f"OPTIMAL with a gap of {gap:.6f}, above {OPTIMAL_GAP_SHARE}: call it FEASIBLE", gap)
    moved = sum(packs for pair, packs in tally.packs.items() if not tally.arcs[pair].get("fixed_packs"))
    if stated == "FALLBACK" and moved:
        yield Violation("status", "plan", f"FALLBACK moves {moved} packs beyond firm lines: it must move nothing", float(moved))


CLAUSES: tuple[Callable[[Tally], Iterator[Violation]], ...] = (
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
    *TERM_CLAUSES,
    objective,
    bound,
    status,
)
