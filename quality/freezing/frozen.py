"""Which item-locations a day freezes: those that a local rule failed, with why and which rows to fix, until they are put right.

Says nothing about worth: that needs the plan, is computed by `pipelines.planning.frozen` and added by `pipelines.flows.frozen`.
"""

import datetime
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipelines.domain.policy import GatePolicy
from quality.verdicts import FEW, Failing, GateCheck, freezes_too_much

FORMAT = "evenstock-frozen/1"
REPLAY = "stock_replay"
MAX_ROWS = 20
Pair = tuple[str, str]


def freeze_pairs(
    failing: Sequence[Failing],
    frames: Mapping[str, pd.DataFrame],
    before: Mapping[str, Any],
    date: datetime.date,
    policy: GatePolicy,
    files: Mapping[str, str],
) -> dict[str, Any]:
    """The document of a day: one entry per frozen item-location, sorted, with reasons, rows to fix and units in doubt.

    An item without location stands for all its locations in today's stock, and the other way round. A rule that people set to `warn`
    freezes nothing. A stock difference stays: the entries of `before` are carried on until today's difference takes theirs back, a count
    of the pair arrives, or `frozen_days` have passed.
    """
    told = {name for name, severity in policy.severity if severity != "block"}
    named: dict[Pair, list[Failing]] = {}
    places = _Places(frames.get("wms_stock"))
    for entry in failing:
        if _rule(entry.check) not in told:
            for pair in places.named_by(entry):
                named.setdefault(pair, []).append(entry)
    entries = {pair: _entry(pair, found, date, files) for pair, found in named.items()}
    counted = _pairs_of(frames.get("wms_counts"))
    for old in before.get("pairs", ()):
        if (old["location_id"], old["item_id"]) not in counted:
            _carry(entries, old, date, policy)
    pairs = [entries[pair] for pair in sorted(entries)]
    return {"format": FORMAT, "business_date": date.isoformat(), "pairs": pairs, "usd": 0.0, "rows": _count_rows(pairs), "says": ""}


def check_frozen_share(frozen: Mapping[str, Any], pairs: int, policy: GatePolicy) -> GateCheck:
    """Frozen item-locations over all in today's stock: none is usual, up to the policy's share are told, more block."""
    count = len(frozen["pairs"])
    shown = tuple(f"{entry['location_id']}/{entry['item_id']}" for entry in frozen["pairs"][:5])
    limit = f"at most {policy.max_frozen_share:.0%}, or {FEW} if that is no more than half"
    blocks = pairs > 0 and freezes_too_much(count, pairs, policy.max_frozen_share)
    return GateCheck("frozen_share", not count, "block" if blocks else "warn", f"{count} of {pairs} location-items frozen", limit, shown)


def _rule(check: str) -> str:
    return check.split(":")[0]


class _Places:
    """The item-locations of today's stock, looked up by either half."""

    def __init__(self, stock: pd.DataFrame | None) -> None:
        self._stock = stock

    def named_by(self, entry: Failing) -> list[Pair]:
        """The pair that an entry names, or all in stock that share the half that it names."""
        if entry.location_id and entry.item_id:
            return [(entry.location_id, entry.item_id)]
        return self._by_half.get(entry.item_id or entry.location_id, {}).get("item" if entry.item_id else "location", [])

    @functools.cached_property
    def _by_half(self) -> dict[str, dict[str, list[Pair]]]:
        found: dict[str, dict[str, list[Pair]]] = {}
        for pair in sorted(_pairs_of(self._stock)):
            found.setdefault(pair[0], {}).setdefault("location", []).append(pair)
            found.setdefault(pair[1], {}).setdefault("item", []).append(pair)
        return found


def _pairs_of(frame: pd.DataFrame | None) -> set[Pair]:
    """The item-locations of a partition."""
    return set() if frame is None or not len(frame) else set(zip(frame["location_id"], frame["item_id"], strict=True))


def _entry(pair: Pair, found: Sequence[Failing], date: datetime.date, files: Mapping[str, str]) -> dict[str, Any]:
    rows = sorted({(entry.feed, files.get(entry.feed, f"{entry.feed} of {date}"), entry.line) for entry in found if entry.feed})
    difference = sum(entry.units for entry in found if entry.check == REPLAY)
    return {
        "location_id": pair[0],
        "item_id": pair[1],
        "reasons": sorted({f"{_rule(entry.check)}: {entry.reason}" for entry in found}),
        "rows": _rows_at_fault([{"feed": feed, "file": day, "line": line} for feed, day, line in rows])[:MAX_ROWS],
        "since": date.isoformat(),
        "difference_units": difference,
        "plan_lines": [],
        "kpis": [],
        "units": max((abs(entry.units) for entry in found), default=0),
        "usd": 0.0,
    }


def _carry(entries: dict[Pair, dict[str, Any]], old: Mapping[str, Any], date: datetime.date, policy: GatePolicy) -> None:
    """Keep a stock difference that nothing has put right yet, or drop one that today's movement back to the old truth settles."""
    pair = (old["location_id"], old["item_id"])
    since = datetime.date.fromisoformat(old["since"])
    if not old["difference_units"] or (date - since).days >= policy.frozen_days:
        return
    today = entries.get(pair)
    total = old["difference_units"] + (today["difference_units"] if today else 0)
    if total == 0:
        if today and all(reason.startswith(REPLAY) for reason in today["reasons"]):
            del entries[pair]
        elif today:
            today["difference_units"] = 0  # settled: what else is wrong lasts for the day
        return
    rows = _rows_at_fault([*old["rows"], *(today["rows"] if today else [])])[:MAX_ROWS]
    reasons = sorted({*old["reasons"], *(today["reasons"] if today else [])})
    entries[pair] = {
        **(today or old),
        "since": old["since"],
        "difference_units": total,
        "units": abs(total),
        "rows": rows,
        "reasons": reasons,
    }
    entries[pair] |= {"plan_lines": [], "kpis": [], "usd": 0.0}


def _rows_at_fault(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows without those that a file lacks (line 0) because one of the feed, named as well, was refused or is wrong."""
    explained = {row["feed"] for row in rows if row["line"]}
    return [row for row in rows if row["line"] or row["feed"] not in explained]


def _count_rows(pairs: Sequence[Mapping[str, Any]]) -> int:
    """Different rows to fix; one that a file lacks is another for each item-location."""
    rows = [((row["feed"], row["file"], row["line"]), entry) for entry in pairs for row in entry["rows"]]
    return len({(*row, *(() if row[2] else (entry["location_id"], entry["item_id"]))) for row, entry in rows})
