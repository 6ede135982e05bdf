"""From the inbox to the landing zone: is the drop of a date complete, land it, and say what came late. Its rows are the gates' business."""

import datetime as dt
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import EvenstockError, GateBlocked, InputRefused, UsageError
from pipelines.domain.verdict import verdict_text
from pipelines.extracts.arrival.settling import Settling, Sighting, see_files
from pipelines.flows.run import DAILY_FEEDS, FEEDS
from pipelines.machine.writing import write_bytes
from pipelines.store.home import Home, newest_judged_date

if TYPE_CHECKING:
    from pipelines.extracts.arrival.drop_folder import Drop
    from pipelines.extracts.landing.landed import LandedFile

ARRIVAL = "arrival"
MAX_SHOWN = 5
# A night without a drop counts as missed up to this long after the newest judged date: further on it is a mistyped date.
MISSED_DAYS = 7
_NEVER_SETTLED = Settling(observations=10**9)


class _NothingLanded(GateBlocked):
    """No file has landed for the date."""


def land_inbox(home: Home, as_of: dt.date, arrived_at: str | None = None, quiet_seconds: float = 60.0) -> "list[LandedFile]":
    """Land the drop folder of a business date, if there is one; returns every landed file of the date.

    A drop with a manifest lands as announced or not at all. Any other must be complete at `arrived_at` (ISO 8601): by marker, by
    trailers, or because nothing touched its files for `quiet_seconds`; without a moment nothing settles. How it ended stays in the gates'
    folder, so that a night that nothing came for makes the plan of the day before stale. Raises `InputRefused` for what cannot be
    read or is not what was announced, `GateBlocked` for a drop that is not complete, and if nothing has landed.
    """
    from pipelines.extracts.landing.landed import list_landed
    from pipelines.extracts.landing.landing_zone import land_deliveries

    with _arrival_recorded(home, as_of) as remarks:
        folder, now = home.inbox_of(as_of), _seconds(arrived_at)
        if folder.is_dir():
            rule = Settling(1, quiet_seconds) if now is not None else _NEVER_SETTLED
            drop = look_at_drop(home, as_of, see_files(folder, {}, now or 0.0), now or 0.0, rule)
            remarks += drop.remarks
            if not (drop.is_complete or drop.is_announced):
                raise GateBlocked(f"the drop of {as_of} in {folder} is not complete: {shorten_list(drop.waiting)}")
            land_deliveries(home.landing, drop.deliveries, as_of, arrived_at)
        landed = list_landed(home.landing, business_date=as_of)
        if not landed:
            raise _NothingLanded(f"nothing has landed for {as_of}: put a drop folder at {folder} or use evenstock land")
        remarks += [f"{day}: files have landed and no night has read them; run evenstock run --as-of {day}" for day in _unread(home, as_of)]
    return landed


def look_at_drop(home: Home, as_of: dt.date, sightings: Mapping[str, Sighting], now: float, settling: Settling) -> "Drop":
    """The drop folder of a date as it lies there, for one look at its files; raises `InputRefused` for a manifest that is wrong."""
    from pipelines.extracts.arrival.drop_folder import Expected
    from pipelines.extracts.arrival.drop_folder import look_at_drop as look
    from pipelines.extracts.landing.landed import landed_versions

    came = [feed for feed in FEEDS if as_of in landed_versions(home.landing, feed)]
    folders = (home.layouts,) if home.layouts.is_dir() else ()
    try:
        return look(home.inbox_of(as_of), as_of, Expected(folders, DAILY_FEEDS, settling), sightings, now, came)
    except UsageError as error:
        raise InputRefused(f"a layout of this site cannot be used: {error}") from error


def reopened_dates(home: Home, as_of: dt.date) -> dict[dt.date, list[str]]:
    """Dates before `as_of` that a night has read and for which a feed has landed anew since: the feeds to read again, by date."""
    newer = _newer_versions(home, as_of)
    return {day: newer[day] for day in sorted(newer) if _was_read(home, day)}


def read_arrival(home: Home, as_of: dt.date) -> list[str]:
    """What was odd about the arrival of a date; empty if nothing was, or nothing arrived."""
    file = home.gates / as_of.isoformat() / f"{ARRIVAL}.json"
    checks = json.loads(file.read_text(encoding="utf-8"))["checks"] if file.is_file() else []
    return [example for check in checks if check["severity"] == "warn" for example in check["examples"]]


def shorten_list(texts: "tuple[str, ...] | list[str]") -> str:
    """Some texts in one, the rest counted.

    >>> shorten_list([f"file {n}" for n in range(7)])
    'file 0; file 1; file 2; file 3; file 4; and 2 more'
    """
    more = [f"and {len(texts) - MAX_SHOWN} more"] if len(texts) > MAX_SHOWN else []
    return "; ".join([*texts[:MAX_SHOWN], *more])


@contextmanager
def _arrival_recorded(home: Home, as_of: dt.date) -> Generator[list[str]]:
    """Keep how the arrival of a date ended, as a verdict; the list that it gives takes remarks."""
    remarks: list[str] = []
    try:
        yield remarks
    except EvenstockError as error:
        newest = newest_judged_date(home)
        is_near = newest is not None and newest < as_of <= newest + dt.timedelta(days=MISSED_DAYS)
        if is_near or not isinstance(error, _NothingLanded):
            _save_arrival(home, as_of, remarks, str(error))
        if isinstance(error, _NothingLanded):
            raise GateBlocked(str(error)) from None
        raise
    _save_arrival(home, as_of, remarks, "")


def _save_arrival(home: Home, as_of: dt.date, remarks: list[str], refused: str) -> Path:
    observed = f"{len(remarks)} files or dates" if remarks else "none"
    checks = [
        _check("complete", "block", refused or "complete", "a drop that is complete and as announced", (), passed=not refused),
        _check("nothing_unread", "warn", observed, "no file that nobody reads", remarks[:MAX_SHOWN], passed=not remarks),
    ]
    folder = home.gates / as_of.isoformat()
    return write_bytes("gates.verdict", folder / f"{ARRIVAL}.json", verdict_text(ARRIVAL, as_of, checks, passed=not refused).encode())


def refused_verdict(feed: str, as_of: dt.date, said: str) -> str:
    """The verdict on a feed whose file cannot be read, which no gate will see."""
    return verdict_text(feed, as_of, [_check("readable", "block", said, "a file that can be read", (), passed=False)], passed=False)


def _check(name: str, severity: str, observed: str, expected: str, examples: Any, *, passed: bool) -> dict[str, Any]:
    return {
        "name": name, "passed": passed, "severity": severity, "observed": observed, "expected": expected, "examples": list(examples),
    }  # fmt: skip


def _newer_versions(home: Home, before: dt.date) -> dict[dt.date, list[str]]:
    """Feeds by date whose landed version in force is not in the lake yet."""
    from pipelines.extracts.lake.partitions import lake_versions
    from pipelines.extracts.landing.landed import landed_versions

    found: dict[dt.date, list[str]] = {}
    for feed in FEEDS:
        read = lake_versions(home.lake, feed)
        for day, version in landed_versions(home.landing, feed).items():
            if day < before and version > read.get(day, 0):
                found.setdefault(day, []).append(feed)
    return found


def _unread(home: Home, as_of: dt.date) -> list[dt.date]:
    return [day for day in sorted(_newer_versions(home, as_of)) if not _was_read(home, day)]


def _was_read(home: Home, day: dt.date) -> bool:
    return any((home.gates / day.isoformat() / f"{feed}.json").is_file() for feed in FEEDS)


def _seconds(moment: str | None) -> float | None:
    return dt.datetime.fromisoformat(moment).timestamp() if moment else None
