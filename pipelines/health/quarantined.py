"""Quarantined rows as the document shows them: counts by feed and reason over the window, first examples, the rows of the day as CSV."""

import datetime as dt
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from pipelines.domain.foreign_text import to_csv
from pipelines.health.advice import reason_meanings, reason_remedy
from pipelines.health.verdicts import shorten
from pipelines.health.window import EXAMPLES_PER_REASON, FeedWindow, count_reasons, read_quarantine

if TYPE_CHECKING:
    import pyarrow as pa

MAX_REASONS = 100
MAX_CSV_ROWS = 50_000
MAX_PLACES = 500
Row = tuple[str, str, int]
CSV_COLUMNS = ("feed", "file", "line", "column", "reason", "value", "raw")


def report_quarantine(
    windows: list[FeedWindow], dates: list[dt.date], problems: list[str], wanted: AbstractSet[Row] = frozenset()
) -> tuple[dict[str, Any], "list[pa.Table]"]:
    """The document's section, and the tables of the last day, by feed, for the CSV and for the `wanted` rows, which they have for sure."""
    counts = {(window.feed, date): count_reasons(day, problems) for window in windows for date, day in window.days.items()}
    lines = {window.feed: [line for feed, _, line in wanted if feed == window.feed] for window in windows}
    tables = {window.feed: table for window in windows if (table := _table(window, dates[-1], problems, lines[window.feed])) is not None}
    pairs = sorted({(feed, reason) for (feed, _), found in counts.items() for reason in found})
    meanings = reason_meanings()
    reasons: list[dict[str, Any]] = []
    for feed, reason in pairs:
        trend = [counts[feed, date][reason] if (feed, date) in counts else 0 for date in dates]
        examples = _examples(tables[feed], reason) if trend[-1] and feed in tables else []
        reasons.append(
            {
                "feed": feed,
                "reason": reason,
                "means": meanings.get(reason, reason.replace("_", " ")),
                "remedy": reason_remedy(reason),
                "rows": trend[-1],
                "rows_in_window": sum(trend),
                "trend": trend,
                "examples": examples,
            }
        )
    reasons.sort(key=lambda entry: (-entry["rows"], -entry["rows_in_window"], entry["feed"], entry["reason"]))
    trend = [sum(window.days[date].rows_quarantined for window in windows if date in window.days) for date in dates]
    body = {"rows": trend[-1], "rows_in_window": sum(trend), "trend": trend, "reasons": reasons[:MAX_REASONS]}
    return body, [tables[feed] for feed in sorted(tables)]


def quarantine_csv(tables: "list[pa.Table]") -> tuple[str, int]:
    """CSV text of quarantined rows up to `MAX_CSV_ROWS`, with cells that no spreadsheet runs, and how many rows it holds."""
    rows: list[list[Any]] = []
    for table in tables:
        part = table.select(list(CSV_COLUMNS)).slice(0, MAX_CSV_ROWS - len(rows))
        rows += [list(row.values()) for row in part.to_pylist()]
    return to_csv(CSV_COLUMNS, rows), len(rows)


def find_places(tables: "list[pa.Table]", wanted: set[Row]) -> dict[Row, dict[str, Any]]:
    """Quarantined rows of the day by feed, file and line, for the list of rows to fix: those wanted, and the first of every feed."""
    import pyarrow as pa
    import pyarrow.compute as pc

    compute: Any = pc
    lines = pa.array(sorted({line for _, _, line in wanted}), pa.int64())
    places: dict[Row, dict[str, Any]] = {}
    for table in tables:
        known = table.filter(compute.is_in(table["line"], value_set=lines)) if len(lines) else table.slice(0, 0)
        for row in [*table.slice(0, MAX_PLACES).to_pylist(), *known.to_pylist()]:
            key = (str(row["feed"]), str(row["file"]), int(row["line"]))
            if key in wanted or len(places) < MAX_PLACES:
                places[key] = {"column": row["column"] or "", "reason": row["reason"] or "", "value": shorten(row["value"] or "")}
    return places


def _table(window: FeedWindow, date: dt.date, problems: list[str], lines: list[int]) -> "pa.Table | None":
    table = read_quarantine(window.days[date], problems, lines) if date in window.days else None
    if table is not None and not set(CSV_COLUMNS) <= set(table.column_names):
        problems.append(f"quarantine of {window.feed} has other columns than {', '.join(CSV_COLUMNS)}")
        return None
    return table


def _examples(table: "pa.Table", reason: str) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    compute: Any = pc
    found = table.filter(compute.equal(table["reason"], reason)).slice(0, EXAMPLES_PER_REASON)
    return [
        {
            "file": shorten(row["file"] or ""),
            "line": row["line"],
            "column": shorten(row["column"] or ""),
            "value": shorten(row["value"] or ""),
            "raw": shorten(row["raw"] or ""),
        }
        for row in found.to_pylist()
    ]
