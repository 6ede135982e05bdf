"""What the last days left behind: lake sidecars and quarantined rows of the trend window, found by file name. Older files stay shut."""

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.iso_date import read_iso_date

if TYPE_CHECKING:
    import pyarrow as pa

WINDOW_DAYS = 28
EXAMPLES_PER_REASON = 3
MAX_QUARANTINE_ROWS = 200_000
BATCH_ROWS = 20_000
_LAKE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.v([0-9]{4,})-[0-9a-f]{12}\.parquet\.json")
_LANDED = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.v([0-9]{4,})\.json")


@dataclass(frozen=True)
class CheckedDay:
    """What became of the newest checked version of one feed and business date; counts are rows."""

    version: int
    rows_in: int
    rows_accepted: int
    rows_quarantined: int
    rows_left_out: int
    rows_merged: int
    warnings: tuple[str, ...]
    sha256: str
    quarantine: Path


@dataclass(frozen=True)
class LandedVersion:
    """The newest landed file of one feed and business date, and how many versions there were."""

    file: str
    version: int
    bytes: int
    source_system: str
    layout: str
    has_manifest: bool
    arrived_at: str


@dataclass
class FeedWindow:
    """One feed over the window: checked days by date, the newest landed file of the last day, and when the feed began."""

    feed: str
    days: dict[dt.date, CheckedDay]
    landed: LandedVersion | None
    newest_arrival: dt.date | None
    first_load: dt.date | None


def window_dates(as_of: dt.date, days: int = WINDOW_DAYS) -> list[dt.date]:
    """The `days` business dates that end with `as_of`, oldest first."""
    return [as_of - dt.timedelta(days=n) for n in range(days - 1, -1, -1)]


def read_feed_window(lake: Path, landing: Path, quarantine: Path, feed: str, dates: list[dt.date], problems: list[str]) -> FeedWindow:
    """One feed over `dates`. A sidecar that cannot be read becomes a line in `problems`, and its day stays empty."""
    checked, first = _newest_by_date(lake / feed, _LAKE)
    landed, _ = _newest_by_date(landing / feed, _LANDED)
    days = {}
    for date in dates:
        if date in checked:
            day = _checked_day(checked[date][1], quarantine / feed, problems)
            days |= {date: day} if day else {}
    before = [date for date in landed if date <= dates[-1]]
    newest = landed.get(dates[-1])
    return FeedWindow(
        feed,
        days,
        _landed_version(newest[1], problems) if newest else None,
        max(before, default=None),
        first if first in dates else None,
    )


def count_reasons(day: CheckedDay, problems: list[str]) -> Counter[str]:
    """Quarantined rows of one day by reason; reads one column, and only if there are rows."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if not day.rows_quarantined:
        return Counter()
    try:
        column = pq.read_table(day.quarantine, columns=["reason"], read_dictionary=["reason"])["reason"]
    except (OSError, ValueError, KeyError) as error:
        problems.append(f"quarantine {day.quarantine.name} cannot be read: {_first_line(error)}")
        return Counter()
    counts: Any = pc
    return Counter({str(entry["values"]): entry["counts"] for entry in counts.value_counts(column).to_pylist()})


def read_quarantine(day: CheckedDay, problems: list[str], wanted: Iterable[int] = ()) -> "pa.Table | None":
    """Quarantined rows of one day with reason and place, or None if there are none or they cannot be read.

    Of more than 200,000, which nobody looks at one by one, the first so many, and of those that come later the lines `wanted` and the first
    three of each reason.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not day.rows_quarantined:
        return None
    try:
        file = pq.ParquetFile(day.quarantine)
        kept: list[pa.Table] = [file.schema_arrow.empty_table()]
        rows, seen, lines = 0, Counter[str](), set(wanted)
        for batch in file.iter_batches(BATCH_ROWS):
            part = pa.Table.from_batches([batch])
            part = part if rows < MAX_QUARANTINE_ROWS else _chosen(part, seen, lines)
            kept, rows = [*kept, part], rows + part.num_rows
            seen.update(part["reason"].to_pylist() if "reason" in part.column_names else [])
        return pa.concat_tables(kept)
    except (OSError, ValueError, KeyError) as error:
        problems.append(f"quarantine {day.quarantine.name} cannot be read: {_first_line(error)}")
        return None


def _chosen(rows: "pa.Table", seen: Counter[str], wanted: set[int]) -> "pa.Table":
    """The rows of wanted lines, and the first rows of every reason that has been seen fewer than `EXAMPLES_PER_REASON` times."""
    import pyarrow as pa

    left = Counter({reason: EXAMPLES_PER_REASON - count for reason, count in seen.items()})
    at = []
    for row, (line, reason) in enumerate(zip(rows["line"].to_pylist(), rows["reason"].to_pylist(), strict=True)):
        if left.setdefault(reason, EXAMPLES_PER_REASON) > 0 or line in wanted:
            left[reason] -= 1
            at.append(row)
    return rows.take(pa.array(at, pa.int64()))


def read_json_object(path: Path, problems: list[str]) -> dict[str, Any] | None:
    """A JSON object, or None with a line in `problems` where the file holds none."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"{path.parent.name}/{path.name} cannot be read: {_first_line(error)}")
        return None
    if not isinstance(body, dict):
        problems.append(f"{path.parent.name}/{path.name} holds no JSON object")
        return None
    return body


def _newest_by_date(folder: Path, pattern: re.Pattern[str]) -> tuple[dict[dt.date, tuple[int, Path]], dt.date | None]:
    """The highest version of every date by file name alone, and the first date of all."""
    newest: dict[str, tuple[int, Path]] = {}
    for path in folder.glob("*.json"):
        match = pattern.fullmatch(path.name)
        if match:
            newest[match[1]] = max(newest.get(match[1], (0, path)), (int(match[2]), path))
    dates = {date: found for text, found in newest.items() if (date := read_iso_date(text))}
    return dates, min(dates, default=None)


def _checked_day(sidecar: Path, quarantine: Path, problems: list[str]) -> CheckedDay | None:
    body = read_json_object(sidecar, problems)
    if body is None:
        return None
    stem = sidecar.name.split("-", 3)
    try:
        return CheckedDay(
            version=int(body["version"]),
            rows_in=int(body["rows_in"]),
            rows_accepted=int(body["rows"]),
            rows_quarantined=int(body["rows_quarantined"]),
            rows_left_out=int(body.get("rows_left_out") or 0),
            rows_merged=int(body.get("rows_merged") or 0),
            warnings=tuple(map(str, body.get("warnings") or ())),
            sha256=str(body["sha256"]),
            quarantine=quarantine / f"{'-'.join(stem[:3])}.parquet",
        )
    except (KeyError, TypeError, ValueError) as error:
        problems.append(f"{sidecar.parent.name}/{sidecar.name} cannot be read: {_first_line(error)}")
        return None


def _landed_version(sidecar: Path, problems: list[str]) -> LandedVersion | None:
    body = read_json_object(sidecar, problems)
    if body is None:
        return None
    return LandedVersion(
        file=str(body.get("source_name", "")),
        version=int(body.get("version", 0)),
        bytes=int(body.get("bytes", 0)),
        source_system=str(body.get("source_system", "")),
        layout=str(body.get("layout") or ""),
        has_manifest=bool(body.get("control")),
        arrived_at=str(body.get("arrived_at") or ""),
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
