"""Reading the optional terms of a problem document: locks and owner rights by name, the rest into arrays. Their meaning is in terms.py."""

from typing import Any

import numpy as np

from pipelines.domain.errors import shown
from pipelines.planning.fields import LOCK, Field, rights
from pipelines.planning.terms import Terms


def read_terms(reader: Any, top: dict[str, Any], records: dict[str, list[dict[str, Any]]], index: dict[str, dict[str, int]]) -> Terms:
    """The terms of checked records; raises `InputRefused` for unknown names in locks and owner rights.

    `records` holds locations, lanes, arcs and losses in canonical order, `index` positions by item_id and location_id.
    """

    def column(kind: str, name: str, of: type) -> Any:
        return np.array([record[name] for record in records[kind]], dtype=of)

    def listed(kind: str, name: str) -> tuple[Any, ...]:
        return tuple(record[name] for record in records[kind])

    locks: set[tuple[int, int, str]] = set()
    for lock in records["locks"]:
        item = reader.position(index["item_id"], lock, "item_id", "items")
        location = reader.position(index["location_id"], lock, "location_id", "locations")
        locks |= {(item, location, way) for way in (("out", "in") if lock["way"] == "both" else (lock["way"],))}
    return Terms(
        column("locations", "storage_m3", float),
        column("locations", "dock_out_units_per_day", float),
        column("locations", "dock_in_units_per_day", float),
        listed("locations", "closed_days"),
        listed("locations", "owner_id"),
        column("lanes", "ship_day", np.int64),
        column("lanes", "arrival_day", np.int64),
        listed("lanes", "weight_bands"),
        column("arcs", "min_packs", np.int64),
        column("arcs", "last_packs", np.int64),
        column("arcs", "churn_usd_per_pack", float),
        column("arcs", "good_until_day", np.int64),
        listed("losses", "lots"),
        _read_rights(reader, top, set(listed("locations", "owner_id"))),
        frozenset(locks),
    )


def read_locks(reader: Any, top: dict[str, Any]) -> list[dict[str, Any]]:
    """Checked locks, sorted; none where the document has no such key."""
    return reader.rows(top, "locks", LOCK, ("item_id", "location_id")) if top.get("locks") is not None else []


def _read_rights(reader: Any, top: dict[str, Any], owners: set[str]) -> frozenset[tuple[str, str]] | None:
    if top.get("owner_rights") is None:
        return None
    pairs = reader.value(top, "owner_rights", Field(rights), "$")
    for pair in pairs:
        for owner in pair:
            if owner not in owners:
                raise reader.refuse("$.owner_rights", f"unknown owner {shown(owner)}; use an owner_id of $.locations")
    return frozenset(pairs)
