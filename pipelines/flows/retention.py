"""What the policy no longer keeps: found, named with its size, and removed in an order that a kill may interrupt anywhere.

What a plan under decision, an open transfer or the current publication needs is never found. The outbox and the ledger are never touched.
"""

import datetime as dt
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.domain.policy import RetentionPolicy
from pipelines.flows.past_forecasts import OLDEST_DAYS
from pipelines.flows.run import FEEDS
from pipelines.store.home import Home, newest_judged_date

KINDS = (
    *("publications", "landed files", "lake and quarantine", "gates", "forecasts"),
    *("work folders", "health pages", "logs", "rebuilt runs"),
)
# A folder on its way out: no reader finds half of it under its own name.
GOING = ".pruned-"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY_S = 86400


@dataclass(frozen=True)
class Removal:
    """Something that retention lets go: its kind, the path of a file or folder, and its size."""

    kind: str
    path: Path
    bytes: int


def kept_runs(runs: Sequence[Mapping[str, Any]], retention: RetentionPolicy) -> list[Mapping[str, Any]]:
    """Of runs in the order of their proposals those whose publication stays: the last one, the newest of an earlier date (which the
    last is compared with), those with a line that can still change state, and all of the last `publication_days`.
    """
    if not runs:
        return []
    newest = max(run["as_of"] for run in runs)
    earlier = [run for run in runs if run["as_of"] < newest]
    named = {runs[-1]["run_id"], *(run["run_id"] for run in runs[::-1] if run["as_of"] == newest)}
    named |= {max(earlier, key=lambda run: run["as_of"])["run_id"]} if earlier else set()
    oldest = newest - dt.timedelta(days=retention.publication_days)
    return [run for run in runs if run["is_open"] or run["run_id"] in named or run["as_of"] > oldest]


def find_removals(home: Home, runs: Sequence[Mapping[str, Any]], retention: RetentionPolicy, now: float) -> list[Removal]:
    """All that may go, in the order in which it has to. `runs` are the ledger's, `now` is in seconds since 1970 and ages logs alone.

    Everything else ages by the newest judged business date: a home that nobody feeds loses nothing.
    """
    newest = newest_judged_date(home)
    found = [Removal("logs", path, _size(path)) for path in _old_files(home, retention, now)]
    found += [Removal("rebuilt runs", path, _size(path)) for path in _older_than(home.rebuilt.glob("*"), retention.work_days, now)]
    if newest is None:
        return found
    stays = {run["as_of"] for run in runs[-1:]}
    work = [path for path in _dated(home.root / "work") if _date_of(path) not in stays]
    for kind, paths, days in (("work folders", work, retention.work_days), ("health pages", _dated(home.health), retention.health_days)):
        found += [Removal(kind, path, _size(path)) for path in paths if _date_of(path) < newest - dt.timedelta(days=days)]
    found += [Removal("publications", path, _size(path)) for path in _old_publications(home, runs, retention, newest)]
    if retention.landed_days is not None:
        cutoff = min([newest - dt.timedelta(days=retention.landed_days), *_needed_from(runs)])
        found += _old_partitions(home, cutoff)
        # A night that landed files still allow to make again judged forecasts older than itself.
        oldest = cutoff - dt.timedelta(days=OLDEST_DAYS)
        found += [Removal("forecasts", path, _size(path)) for path in _dated(home.forecasts) if _date_of(path) < oldest]
    return sorted(found, key=lambda removal: KINDS.index(removal.kind))


def remove(removals: Iterable[Removal], tell: Callable[[Removal], None] = lambda removal: None) -> int:
    """Remove what was found; returns the bytes freed. What is gone already is no fault."""
    freed = 0
    for removal in removals:
        tell(removal)
        if removal.path.is_dir() and not removal.path.is_symlink():
            going = removal.path if removal.path.name.startswith(GOING) else removal.path.with_name(f"{GOING}{removal.path.name}")
            if going != removal.path:
                shutil.rmtree(going, ignore_errors=True)
                removal.path.rename(going)
            shutil.rmtree(going)
        else:
            removal.path.unlink(missing_ok=True)
        freed += removal.bytes
    return freed


def _old_publications(home: Home, runs: Sequence[Mapping[str, Any]], retention: RetentionPolicy, newest: dt.date) -> list[Path]:
    """Publications whose run is not kept; of runs that the ledger does not know, those that are old enough."""
    known, kept = {run["run_id"] for run in runs}, {run["run_id"] for run in kept_runs(runs, retention)}
    oldest = newest - dt.timedelta(days=retention.publication_days)
    link = home.published / "current"
    current = link.resolve().name if link.is_symlink() else ""
    found = sorted(home.published.glob(f"{GOING}*"))
    for path in sorted(home.published.glob("[!.]*")):
        if path.is_dir() and not path.is_symlink() and path.name != current and path.name not in kept:
            as_of = _as_of(path)
            if path.name in known or (as_of is not None and as_of < oldest):
                found.append(path)
    return found


def _as_of(folder: Path) -> dt.date | None:
    try:
        return dt.date.fromisoformat(json.loads((folder / "manifest.json").read_bytes())["as_of"])
    except (OSError, ValueError, KeyError):
        return None


def _needed_from(runs: Sequence[Mapping[str, Any]]) -> list[dt.date]:
    """Dates from which on reports are needed: those of plans with a line that can still change state, and of the last plan."""
    return [run["as_of"] for run in (*runs[-1:], *(run for run in runs if run["is_open"]))]


def _old_partitions(home: Home, cutoff: dt.date) -> list[Removal]:
    """Everything made of what landed for dates before `cutoff`; of each feed the newest partition before it stays.

    Landed files go before lake files, or the next night would read them anew; verdicts go last, or lake files would stand unjudged.
    """
    found, staying = [], set[dt.date]()
    for feed in FEEDS:
        going, kept = _old_of_feed(home, feed, cutoff)
        found += going
        staying |= kept
    old = [path for path in _dated(home.gates) if _date_of(path) < cutoff and _date_of(path) not in staying]
    names = {path.name for path in old}
    drops = [path for path in _dated(home.inbox) if path.name in names]
    return found + [Removal("gates", path, _size(path)) for path in old] + [Removal("landed files", path, _size(path)) for path in drops]


def _old_of_feed(home: Home, feed: str, cutoff: dt.date) -> tuple[list[Removal], set[dt.date]]:
    """What may go of a feed, and the dates that stay. Bytes that a sidecar of another date names stay with it."""
    from pipelines.extracts.landing.landed import list_landed

    landed = list_landed(home.landing, feed)
    folders = home.lake / feed, home.quarantine / feed
    days = {file.business_date for file in landed} | {_date_of(path) for folder in folders for path in _dated(folder)}
    old = set(sorted(day for day in days if day < cutoff)[:-1])
    named: dict[bool, set[Path]] = {True: set(), False: set()}
    for file in landed:
        named[file.business_date in old] |= {file.path, *(companion.path for companion in file.companions)}
    # Sidecars last: they name the bytes that go, also to a prune that finishes what a killed one began.
    gone = [*sorted(path for path in named[True] - named[False] if path.is_file()), *_of_days(home.landing / feed, old)]
    made = [path for folder in folders for path in _of_days(folder, old)]
    # A lake file counts while it has its sidecar, so that goes first.
    made.sort(key=lambda path: not path.name.endswith(".json"))
    removals = [Removal("landed files", path, _size(path)) for path in gone]
    return removals + [Removal("lake and quarantine", path, _size(path)) for path in made], days - old


def _of_days(folder: Path, days: set[dt.date]) -> list[Path]:
    return [path for path in _dated(folder) if _date_of(path) in days]


def _old_files(home: Home, retention: RetentionPolicy, now: float) -> list[Path]:
    files = [path for folder in (home.logs, home.run_log) for path in sorted(folder.glob("*")) if path.is_file()]
    return list(_older_than(files, retention.log_days, now))


def _older_than(paths: Iterable[Path], days: int, now: float) -> Iterator[Path]:
    return (path for path in sorted(paths) if now - path.stat().st_mtime > days * _DAY_S)


def _dated(folder: Path) -> list[Path]:
    """Files and folders whose name begins with a date, in order."""
    return sorted(path for path in folder.glob("[0-9]*") if _DATE.match(path.name))


def _date_of(path: Path) -> dt.date:
    return dt.date.fromisoformat(path.name[:10])


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir())
