"""Strict reading of problem and plan documents: every refusal names the JSON path and the remedy. Reading files is the shells' business."""

import difflib
import math
from typing import Any

import numpy as np

from pipelines.domain.errors import InputRefused, shown
from pipelines.planning.fields import (
    ARC,
    CURVE,
    HANDLING,
    INF,
    ITEM,
    LANE,
    LOCATION,
    LOSS,
    SILENT,
    TOP_KEYS,
    Field,
    amount,
    count,
    finite,
    text,
    whole,
)
from pipelines.planning.problem import PLAN_FORMAT, PROBLEM_FORMAT, Curves, Plan, Problem, Shipment
from pipelines.planning.terms import Terms
from pipelines.planning.terms_reading import read_locks, read_terms

STATUSES = ("OPTIMAL", "FEASIBLE", "FALLBACK", "FAILED")
BOUND_KINDS = ("mip", "lp", "lagrangian", "none")


class _Reader:
    """Walks one document and refuses with its name and path."""

    def __init__(self, source: str) -> None:
        self.source = source

    def refuse(self, path: str, problem: str) -> InputRefused:
        return InputRefused(f"{self.source}: {path}: {problem}")

    def keys(self, obj: Any, known: tuple[str, ...], path: str) -> dict[str, Any]:
        if not isinstance(obj, dict):
            raise self.refuse(path, f"expected an object, found {type(obj).__name__}; see docs/problem-format.md")
        for key in obj:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
                raise self.refuse(f"{path}.{key[:80]}", f"unknown key; {hint}")
        return obj

    def record(self, obj: Any, fields: dict[str, Field], path: str) -> dict[str, Any]:
        values = self.keys(obj, tuple(fields), path)
        return {name: self.value(values, name, field, path) for name, field in fields.items()}

    def value(self, values: dict[str, Any], name: str, field: Field, path: str) -> Any:
        if values.get(name) is None:
            if field.default is None:
                raise self.refuse(f"{path}.{name}", "is required; add the key")
            return field.default
        try:
            return field.check(values[name])
        except ValueError as error:
            raise self.refuse(f"{path}.{name}", f"{error}, found {shown(values[name])}; correct the value") from None

    def rows(self, obj: dict[str, Any], name: str, fields: dict[str, Field], key: tuple[str, ...]) -> list[dict[str, Any]]:
        """Checked records of one list with their paths, sorted by key; a key that comes twice is refused."""
        if not isinstance(obj.get(name), list):
            raise self.refuse(f"$.{name}", f"expected a list, found {type(obj.get(name)).__name__}; an empty list is allowed")
        seen: dict[tuple[str, ...], str] = {}
        records = []
        for index, entry in enumerate(obj[name]):
            path = f"$.{name}[{index}]"
            record = self.record(entry, fields, path) | {"path": path}
            identity = tuple(record[part] for part in key)
            if identity in seen:
                raise self.refuse(
                    path, f"duplicate {' and '.join(key)} {', '.join(identity)[:160]}, first at {seen[identity]}; keep one of them"
                )
            seen[identity] = path
            records.append(record)
        return sorted(records, key=lambda record: tuple(record[part] for part in key))

    def position(self, index: dict[str, int], record: dict[str, Any], name: str, what: str) -> int:
        value = record[name]
        if value in index:
            return index[value]
        near = difflib.get_close_matches(value, index, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"add it to $.{what} or correct the name"
        raise self.refuse(f"{record['path']}.{name}", f"unknown {name} {shown(value)}; {hint}")

    def segments(self, record: dict[str, Any]) -> list[tuple[int, float]]:
        path = f"{record['path']}.segments"
        if not isinstance(record["segments"], list):
            raise self.refuse(path, f"expected a list of [packs, usd per pack], found {type(record['segments']).__name__}")
        pairs: list[tuple[int, float]] = []
        for index, pair in enumerate(record["segments"]):
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise self.refuse(f"{path}[{index}]", f"expected [packs, usd per pack], found {repr(pair)[:80]}")
            try:
                packs, value = whole(pair[0]), finite(pair[1])
            except ValueError as error:
                raise self.refuse(f"{path}[{index}]", f"{error}, found {repr(pair)[:80]}; give whole packs and money per pack") from None
            if pairs and value > pairs[-1][1]:
                raise self.refuse(f"{path}[{index}]", f"value {value} is above {pairs[-1][1]} before it; sort the segments best first")
            pairs.append((packs, value))
        return pairs


def parse_problem(obj: Any, source: str) -> Problem:
    """Check a decoded `evenstock-problem/1` document and type it in canonical order.

    Raises `InputRefused` on the first thing that is wrong: format, unknown key or name, duplicate, number that is negative, not whole or
    not finite, segment values that rise, a lane from a location to itself, a firm line above its arc's limit.
    """
    reader = _Reader(source)
    top = reader.keys(obj, TOP_KEYS, "$")
    if top.get("format") != PROBLEM_FORMAT:
        raise reader.refuse("$.format", f"expected {PROBLEM_FORMAT!r}, found {shown(top.get('format'))}; convert the document")
    handling = reader.record(top.get("handling_units"), HANDLING, "$.handling_units")
    locations = reader.rows(top, "locations", LOCATION, ("location_id",))
    lanes = reader.rows(top, "lanes", LANE, ("lane_id",))
    items = reader.rows(top, "items", ITEM, ("item_id",))
    arcs = reader.rows(top, "arcs", ARC, ("item_id", "lane_id"))
    gains = reader.rows(top, "gains", CURVE, ("item_id", "location_id"))
    losses = reader.rows(top, "losses", LOSS, ("item_id", "location_id"))
    locks = read_locks(reader, top)
    budget = reader.value(top, "budget_usd", Field(amount, INF), "$")
    location_at = {record["location_id"]: i for i, record in enumerate(locations)}
    item_at = {record["item_id"]: i for i, record in enumerate(items)}
    lane_at = {record["lane_id"]: i for i, record in enumerate(lanes)}
    origin = [reader.position(location_at, lane, "origin", "locations") for lane in lanes]
    destination = [reader.position(location_at, lane, "destination", "locations") for lane in lanes]
    _refuse_impossible(reader, lanes, arcs)
    parsed: dict[str, Any] = {
        "gain": _curves(reader, gains, item_at, location_at),
        "loss": _curves(reader, losses, item_at, location_at),
        "arc_item": _ints([reader.position(item_at, arc, "item_id", "items") for arc in arcs]),
        "arc_lane": _ints([reader.position(lane_at, arc, "lane_id", "lanes") for arc in arcs]),
        "lane_origin": _ints(origin),
        "lane_destination": _ints(destination),
    }
    records = {"locations": locations, "lanes": lanes, "items": items, "arcs": arcs, "gains": gains, "losses": losses}
    terms = read_terms(reader, top, records | {"locks": locks}, {"item_id": item_at, "location_id": location_at})
    document = _canonical(handling, records, budget)
    document |= {name: value for name, value in (("locks", _clean_rows(locks)), ("owner_rights", _rights(terms))) if value is not None}
    return Problem(**parsed, **_columns(handling, records), budget_usd=budget, document=document, terms=terms)


def _rights(terms: Terms) -> list[list[str]] | None:
    return None if terms.owner_rights is None else [list(pair) for pair in sorted(terms.owner_rights)]


def _refuse_impossible(reader: _Reader, lanes: list[dict[str, Any]], arcs: list[dict[str, Any]]) -> None:
    """Raise for a lane from a location to itself and for a firm line above its arc's limit."""
    for lane in lanes:
        if lane["origin"] == lane["destination"]:
            raise reader.refuse(lane["path"], "origin and destination are the same location; remove the lane")
    for arc in arcs:
        if arc["fixed_packs"] > arc["max_packs"]:
            above = f"{arc['fixed_packs']} is above max_packs {arc['max_packs']}; raise max_packs"
            raise reader.refuse(f"{arc['path']}.fixed_packs", above)


def _ints(values: list[int]) -> Any:
    return np.array(values, dtype=np.int64)


def _columns(handling: dict[str, Any], records: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    def floats(kind: str, name: str) -> Any:
        return np.array([record[name] for record in records[kind]], dtype=np.float64)

    def ints(kind: str, name: str) -> Any:
        return _ints([record[name] for record in records[kind]])

    def sizes(name: str) -> Any:
        own = floats("lanes", name)
        return np.where(np.isinf(own), handling[name], own)

    return {
        "location_ids": tuple(record["location_id"] for record in records["locations"]),
        "dock_out_units": floats("locations", "dock_out_units"),
        "dock_in_units": floats("locations", "dock_in_units"),
        "lane_ids": tuple(record["lane_id"] for record in records["lanes"]),
        "truck_cost_usd": floats("lanes", "truck_cost_usd"),
        "pallet_cost_usd": floats("lanes", "pallet_cost_usd"),
        "max_trucks": ints("lanes", "max_trucks"),
        "min_shipment_kg": floats("lanes", "min_shipment_kg"),
        "pallet_kg": sizes("pallet_kg"),
        "pallet_m3": sizes("pallet_m3"),
        "pallets_per_truck": sizes("pallets_per_truck").astype(np.int64),
        "item_ids": tuple(record["item_id"] for record in records["items"]),
        "pack_units": ints("items", "pack_units"),
        "weight_kg": floats("items", "weight_kg"),
        "volume_m3": floats("items", "volume_m3"),
        "arc_cost_usd_per_unit": floats("arcs", "cost_usd_per_unit"),
        "arc_max_packs": ints("arcs", "max_packs"),
        "arc_line_cost_usd": floats("arcs", "line_cost_usd"),
        "arc_fixed_packs": ints("arcs", "fixed_packs"),
    }


def _curves(reader: _Reader, records: list[dict[str, Any]], item_at: dict[str, int], location_at: dict[str, int]) -> Curves:
    item, location, start, packs, value, caps = [], [], [0], [], [], []
    for record in records:
        item.append(reader.position(item_at, record, "item_id", "items"))
        location.append(reader.position(location_at, record, "location_id", "locations"))
        pairs = [pair for pair in reader.segments(record) if pair[0]]
        packs += [pair[0] for pair in pairs]
        value += [pair[1] for pair in pairs]
        start.append(len(packs))
        caps.append(int(min(sum(pair[0] for pair in pairs), record.get("cap_packs", INF))))
    return Curves(_ints(item), _ints(location), _ints(start), _ints(packs), np.array(value, dtype=np.float64), _ints(caps))


def _canonical(handling: dict[str, Any], records: dict[str, list[dict[str, Any]]], budget: float) -> dict[str, Any]:
    """The checked document, sorted; optional keys stand only where they say something."""
    lists = {name: _clean_rows(rows) or [] for name, rows in records.items()}
    return {"format": PROBLEM_FORMAT, "handling_units": handling, **lists, "budget_usd": None if math.isinf(budget) else budget}


def _clean_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Records without what says nothing; None for no record."""

    def hides(name: str, value: Any) -> bool:
        return name == "path" or (isinstance(value, float) and math.isinf(value)) or (name in SILENT and value == SILENT[name])

    return [{name: value for name, value in record.items() if not hides(name, value)} for record in rows] or None


PLAN_KEYS = ("format", "status", "objective_usd", "bound_usd", "bound_kind", "gap_share", "shipments", "solve_info", "frozen")
SHIPMENT = {"item_id": Field(text), "lane_id": Field(text), "packs": Field(count)}


def parse_plan(obj: Any, source: str) -> Plan:
    """Check a decoded `evenstock-plan/1` document and type it, shipments sorted. Raises `InputRefused` with path and remedy."""
    reader = _Reader(source)
    top = reader.keys(obj, PLAN_KEYS, "$")
    if top.get("format") != PLAN_FORMAT:
        raise reader.refuse("$.format", f"expected {PLAN_FORMAT!r}, found {shown(top.get('format'))}")
    for name, known in (("status", STATUSES), ("bound_kind", BOUND_KINDS)):
        if top.get(name) not in known:
            raise reader.refuse(f"$.{name}", f"expected one of {', '.join(known)}, found {shown(top.get(name))}")
    rows = reader.rows(top, "shipments", SHIPMENT, ("item_id", "lane_id"))
    bound = reader.value(top, "bound_usd", Field(finite, INF), "$")
    gap = reader.value(top, "gap_share", Field(finite, INF), "$")
    return Plan(
        top["status"],
        reader.value(top, "objective_usd", Field(finite), "$"),
        None if math.isinf(bound) else bound,
        top["bound_kind"],
        None if math.isinf(gap) else gap,
        [Shipment(row["item_id"], row["lane_id"], row["packs"]) for row in rows],
        dict(top.get("solve_info") or {}),
    )
