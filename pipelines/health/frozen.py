"""Frozen item-locations as their gate wrote them, and the rows to fix in order of worth. What is frozen is decided elsewhere."""

import datetime as dt
import math
from typing import Any

from pipelines.health.verdicts import shorten

MAX_PAIRS = 200
MAX_FIXES = 100
Row = tuple[str, str, int]
# What the gate says of item-locations whose rows are in quarantine; the quarantined row says it better.
REFUSED = "quarantine_share:"


def report_frozen(body: dict[str, Any] | None, problems: list[str]) -> dict[str, Any] | None:
    """The document's section: totals, and the pairs worth most, each with reasons, units, USD, plan lines and KPIs. None without a file."""
    if body is None:
        return None
    try:
        pairs = sorted((_pair(entry) for entry in body["pairs"]), key=lambda pair: (-pair["usd"], pair["location_id"], pair["item_id"]))
        return {
            "pairs": pairs[:MAX_PAIRS],
            "pairs_total": len(pairs),
            "rows_to_fix": int(body["rows"]),
            "units": sum(pair["units"] for pair in pairs),
            "usd": round(_figure(body["usd"]), 2),
            "says": shorten(body.get("says") or ""),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problems.append(f"frozen.json cannot be read: {type(error).__name__} {error}"[:200])
        return None


def rank_fixes(frozen: dict[str, Any] | None, places: dict[Row, dict[str, Any]], rows_quarantined: int) -> dict[str, Any]:
    """Rows to fix, the dearest first: each row with the worth of the item-locations that it frees; rows of no known worth come last.

    `places` holds quarantined rows by feed, file and line. A pair that several rows hold back counts in full for each of them: all of
    its rows must be fixed to free it. A row that a file lacks (line 0) is named by its pair.
    """
    ranked: dict[tuple[Row, str], dict[str, Any]] = {}
    for pair in (frozen or {}).get("pairs", []):
        name = f"{pair['location_id']} / {pair['item_id']}"
        for row in pair["rows"]:
            key = (row["feed"], row["file"], row["line"])
            entry = ranked.setdefault((key, "" if row["line"] else name), _fix(key, places.get(key)))
            entry["usd"] = round((entry["usd"] or 0.0) + pair["usd"], 2)
            entry["units"] += pair["units"]
            entry["frees"].append(name)
            told = [reason for reason in pair["reasons"] if key not in places or not reason.startswith(REFUSED)]
            entry["reasons"] += [reason for reason in told if reason not in entry["reasons"]]
    total = rows_quarantined + sum(key not in places for key, _ in ranked)
    for key, place in places.items():
        ranked.setdefault((key, ""), _fix(key, place))
    rows = sorted(ranked.values(), key=lambda fix: (fix["usd"] is None, -(fix["usd"] or 0.0), fix["feed"], fix["file"], fix["line"]))
    return {"rows": rows[:MAX_FIXES], "rows_total": total, "rows_that_free": sum(fix["usd"] is not None for fix in rows)}


def rows_of(frozen: dict[str, Any] | None) -> set[Row]:
    """Every row that holds back one of the pairs shown."""
    return {(row["feed"], row["file"], row["line"]) for pair in (frozen or {}).get("pairs", []) for row in pair["rows"]}


def _fix(key: Row, place: dict[str, Any] | None) -> dict[str, Any]:
    known = place or {"column": "", "reason": "", "value": ""}
    return {
        "feed": key[0],
        "file": key[1],
        "line": key[2],
        "column": known["column"],
        "value": known["value"],
        "reasons": [known["reason"]] if known["reason"] else [],
        "usd": None,
        "units": 0.0,
        "frees": [],
    }


def _pair(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "location_id": shorten(entry["location_id"]),
        "item_id": shorten(entry["item_id"]),
        "reasons": [shorten(reason) for reason in entry["reasons"]],
        "rows": [{"feed": str(row["feed"]), "file": str(row["file"]), "line": int(row["line"])} for row in entry["rows"]],
        "plan_lines": [shorten(line) for line in entry.get("plan_lines", [])],
        "kpis": [shorten(kpi) for kpi in entry.get("kpis", [])],
        "since": _day(entry.get("since")),
        "units": _figure(entry.get("units")),
        "usd": round(_figure(entry.get("usd")), 2),
    }


def _day(text: object) -> str:
    """An ISO date, or nothing where none is told."""
    return dt.date.fromisoformat(text).isoformat() if isinstance(text, str) and text else ""


def _figure(value: Any) -> float:
    """A finite figure, 0 for none; raises `ValueError` for any other."""
    number = float(value or 0)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no finite figure")
    return number
