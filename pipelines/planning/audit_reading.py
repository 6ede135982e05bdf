"""What documents the auditor takes: keys, kinds of values and names, as docs/problem-format.md has them. Adding up is in audit_tally.

Part of the audit: written from the format's description alone, it shares no code with the solver's own reader of these documents.
"""

import difflib
import itertools
from collections.abc import Callable, Iterable
from typing import Any

LARGEST = 1e15
BOUND_KINDS = ("mip", "lp", "lagrangian", "none")
PLAN_KEYS = ("format", "status", "objective_usd", "bound_usd", "bound_kind", "gap_share", "shipments", "solve_info", "frozen")
HANDLING = {"pallet_kg": "size", "pallet_m3": "size", "pallets_per_truck": "count"}
CURVE = {"item_id": "name", "location_id": "name", "segments": "list"}
# Kind of every value; a question mark says that the key may be absent or null.
LISTS: dict[str, dict[str, str]] = {
    "locations": {
        "location_id": "name", "dock_out_units": "amount?", "dock_in_units": "amount?", "storage_m3": "amount?",
        "dock_out_units_per_day": "amount?", "dock_in_units_per_day": "amount?", "closed_days": "days?", "owner_id": "name?",
    },
    "lanes": {
        "lane_id": "name", "origin": "name", "destination": "name", "truck_cost_usd": "amount", "pallet_cost_usd": "amount",
        "max_trucks": "whole", "min_shipment_kg": "amount?", "pallet_kg": "size?", "pallet_m3": "size?", "pallets_per_truck": "count?",
        "ship_day": "whole?", "arrival_day": "whole?", "weight_bands": "bands?",
    },
    "items": {"item_id": "name", "pack_units": "count", "weight_kg": "amount", "volume_m3": "amount"},
    "arcs": {
        "item_id": "name", "lane_id": "name", "cost_usd_per_unit": "amount", "max_packs": "whole", "line_cost_usd": "amount?",
        "fixed_packs": "whole?", "min_packs": "whole?", "last_packs": "whole?", "churn_usd_per_pack": "amount?", "good_until_day": "whole?",
    },
    "gains": CURVE,
    "losses": CURVE | {"cap_packs": "whole?", "lots": "lots?"},
}  # fmt: skip
LOCK = {"item_id": "name", "location_id": "name", "way": "way?", "reason": "text?"}
IDENTITIES = {
    "locations": ("location_id",), "lanes": ("lane_id",), "items": ("item_id",), "arcs": ("item_id", "lane_id"),
    "gains": ("item_id", "location_id"), "losses": ("item_id", "location_id"), "locks": ("item_id", "location_id"),
}  # fmt: skip
HOMES = {"item_id": "items", "lane_id": "lanes", "location_id": "locations"}


class Unreadable(ValueError):
    """A document that is not what its format says: `subject` is the place in it, the text a sentence with the remedy."""

    def __init__(self, subject: str, message: str) -> None:
        super().__init__(message)
        self.subject = subject


def check_documents(problem: Any, plan: Any) -> None:
    """Raise `Unreadable` for the first thing in either document that its format does not allow.

    >>> check_documents({"format": "evenstock-problem/1", "budget_usdd": 5}, {})
    Traceback (most recent call last):
    pipelines.planning.audit_reading.Unreadable: unknown key 'budget_usdd'; did you mean 'budget_usd'?
    """
    _check_keys(problem, ("format", "handling_units", *LISTS, "budget_usd", "locks", "owner_rights"), "problem")
    _check_format(problem, "evenstock-problem/1", "problem")
    _check_value(problem, "budget_usd", "amount?", "problem")
    _check_record(problem.get("handling_units"), HANDLING, "problem handling_units")
    for name, fields in LISTS.items():
        _check_rows(problem, name, fields)
    _check_value(problem, "owner_rights", "rights?", "problem")
    if problem.get("locks") is not None:
        _check_rows(problem, "locks", LOCK)
    for name in ("arcs", "gains", "losses", *(("locks",) if problem.get("locks") else ())):
        _check_names(problem, name)
    _check_plan(plan)


def is_number(value: Any) -> bool:
    """True for a number that is neither a boolean, nor NaN, nor beyond 1e15 either way."""
    return not isinstance(value, bool) and isinstance(value, int | float) and -LARGEST <= value <= LARGEST


def _is_whole(value: Any) -> bool:
    return is_number(value) and value >= 0 and value == int(value)


def _rows_of(length: int, *checks: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A list of lists of a length whose places each pass their check."""

    def allows(value: Any) -> bool:
        is_list = isinstance(value, list | tuple)
        return is_list and all(
            isinstance(row, list | tuple) and len(row) == length and all(check(part) for check, part in zip(checks, row, strict=True))
            for row in value
        )

    return allows


def _is_amount(value: Any) -> bool:
    return is_number(value) and value >= 0


def _is_bands(value: Any) -> bool:
    good = _rows_of(3, lambda end: is_number(end) and end > 0, _is_amount, _is_amount)(value)
    return good and len(value) > 0 and all(after[0] > before[0] for before, after in itertools.pairwise(value))


KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (lambda value: isinstance(value, str) and value != "", "a text that is not empty"),
    "list": (lambda value: isinstance(value, list), "a list"),
    "money": (is_number, "a finite number"),
    "amount": (lambda value: is_number(value) and value >= 0, "a finite number of zero or more"),
    "size": (lambda value: is_number(value) and value > 0, "a finite number above zero"),
    "whole": (_is_whole, "a whole number of zero or more"),
    "text": (lambda value: isinstance(value, str), "a text"),
    "way": (lambda value: value in ("out", "in", "both"), "out, in or both"),
    "days": (lambda value: isinstance(value, list | tuple) and all(map(_is_whole, value)), "a list of day numbers"),
    "bands": (_is_bands, "a list of [up to kg, usd per kg, minimum usd] with rising kg"),
    "lots": (_rows_of(2, _is_whole, _is_whole), "a list of [packs, last good day]"),
    "rights": (_rows_of(2, *(lambda owner: isinstance(owner, str) and owner != "",) * 2), "a list of [owner, owner]"),
    "count": (lambda value: _is_whole(value) and value >= 1, "a whole number of one or more"),
}


def _check_keys(document: Any, known: Iterable[str], subject: str) -> None:
    if not isinstance(document, dict):
        raise Unreadable(subject, f"must be an object, found {_said(document)}; compare it with docs/problem-format.md")
    for key in document:
        if key not in known:
            raise Unreadable(subject, f"unknown key {str(key)[:80]!r}; {_hint(str(key), known)}")


def _check_format(document: dict[str, Any], expected: str, subject: str) -> None:
    if document.get("format") != expected:
        raise Unreadable(
            f"{subject} format", f"must be {expected!r}, found {_said(document.get('format'))}; audit a document of this format"
        )


def _check_value(record: dict[str, Any], key: str, kind: str, subject: str) -> None:
    value, (allows, said) = record.get(key), KINDS[kind.removesuffix("?")]
    if value is None and kind.endswith("?"):
        return
    if value is None:
        raise Unreadable(f"{subject}.{key}", f"is required: give {said}")
    if not allows(value):
        raise Unreadable(f"{subject}.{key}", f"must be {said}, found {_said(value)}")


def _check_record(record: Any, fields: dict[str, str], subject: str) -> None:
    _check_keys(record, fields, subject)
    for key, kind in fields.items():
        _check_value(record, key, kind, subject)


def _check_rows(problem: dict[str, Any], name: str, fields: dict[str, str]) -> None:
    _check_value(problem, name, "list", "problem")
    seen: dict[tuple[str, ...], int] = {}
    for index, row in enumerate(problem[name]):
        subject = f"problem {name}[{index}]"
        _check_record(row, fields, subject)
        identity = tuple(row[key] for key in IDENTITIES[name])
        if identity in seen:
            raise Unreadable(subject, f"{' and '.join(identity)} come twice, first in {name}[{seen[identity]}]; keep one of them")
        seen[identity] = index
        if "segments" in fields:
            _check_segments(row["segments"], f"{subject}.segments")


def _check_segments(segments: list[Any], subject: str) -> None:
    before = LARGEST
    for index, pair in enumerate(segments):
        where = f"{subject}[{index}]"
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not _is_whole(pair[0]) or not is_number(pair[1]):
            raise Unreadable(where, f"must be [whole packs, USD per pack], found {_said(pair)}")
        if pair[1] > before:
            raise Unreadable(where, f"{pair[1]} USD per pack is above {before} before it; sort the segments best first")
        before = pair[1]


def _check_names(problem: dict[str, Any], name: str) -> None:
    """Items, lanes and places that a list refers to are listed. (Where a lane ends is the matter of `conservation`.)"""
    for key in IDENTITIES[name]:
        known = {row[key] for row in problem[HOMES[key]]}
        for index, row in enumerate(problem[name]):
            if row[key] not in known:
                raise Unreadable(f"problem {name}[{index}].{key}", f"unknown {key} {row[key][:80]!r}; {_hint(row[key], known)}")


def _check_plan(plan: Any) -> None:
    _check_keys(plan, PLAN_KEYS, "plan")
    _check_format(plan, "evenstock-plan/1", "plan")
    bound = "money?" if plan.get("bound_usd") is None else "money"
    for key, kind in (("status", "name"), ("objective_usd", "money"), ("bound_usd", bound), ("gap_share", bound), ("shipments", "list")):
        _check_value(plan, key, kind, "plan")
    allowed = BOUND_KINDS if bound == "money?" else BOUND_KINDS[:-1]
    if plan.get("bound_kind") not in allowed:
        raise Unreadable(
            "plan.bound_kind", f"must be one of {', '.join(allowed)}, found {_said(plan.get('bound_kind'))}; say how it was proved"
        )
    for index, row in enumerate(plan["shipments"]):
        _check_keys(row, ("item_id", "lane_id", "packs"), f"plan shipments[{index}]")
        for key in ("item_id", "lane_id"):
            _check_value(row, key, "name", f"plan shipments[{index}]")


def _hint(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word[:80], sorted(known), 1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known)[:12])}"


def _said(value: Any) -> str:
    """A value of a JSON document in a few words."""
    if isinstance(value, dict | list | tuple):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)[:80]
