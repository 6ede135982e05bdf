"""Watching the inbox: which drops are complete and new, and what the others wait for. Starting a night is the shells' business.

What was seen so far goes in and comes out as plain values, so that whoever watches can keep it anywhere.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.domain.errors import EvenstockError
from pipelines.domain.iso_date import read_iso_date
from pipelines.extracts.arrival.settling import Settling, Sighting, see_files
from pipelines.flows.arrival import look_at_drop, shorten_list
from pipelines.store.home import Home

DIGITS = 16


@dataclass
class InboxReport:
    """What one look at the inbox found.

    `ready` are dates whose drop is complete and new, with the digest of its content; `waiting` says of the others what is missing,
    `remarks` what is odd; `memory` is to be handed to the next look.
    """

    ready: list[tuple[dt.date, str]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)


def watch_inbox(home: Home, memory: Mapping[str, Any], now: float, settling: Settling) -> InboxReport:
    """Look at every drop folder once; `now` is in seconds since 1970, `memory` what the look before left.

    A content counts once: a drop that has not changed since it was ready, or that has landed and was judged, is not ready again, and
    one that was corrected is.
    """
    report = InboxReport()
    for path in sorted(home.inbox.iterdir()) if home.inbox.is_dir() else []:
        day = read_iso_date(path.name) if path.is_dir() else None
        if day is None:
            report.remarks.append(f"{path.name}: not a folder of a business date YYYY-MM-DD, so nobody reads it")
        else:
            report.memory[day.isoformat()] = _watch_drop(home, day, memory.get(day.isoformat(), {}), now, settling, report)
    return report


def _watch_drop(home: Home, day: dt.date, before: Mapping[str, Any], now: float, settling: Settling, report: InboxReport) -> dict[str, Any]:
    """Look at one drop; returns what to remember of it: the names, sizes and times it had, and the content that was ready."""
    earlier = {name: Sighting(**seen) for name, seen in before.get("files", {}).items()}
    files, digest = dict[str, Sighting](), before.get("digest", "")
    try:
        files = see_files(home.inbox_of(day), earlier, now)
        look = _signature(files)
        if digest and before.get("look") == look:
            return dict(before)
        drop = look_at_drop(home, day, files, now, settling)
        report.remarks += [f"{day}: {remark}" for remark in drop.remarks]
        if not drop.is_complete:
            report.waiting.append(f"{day}: {shorten_list(drop.waiting)}")
        else:
            found, is_known = _identify(home, day, drop)
            if not is_known and found != digest:
                report.ready.append((day, found))
            return {"look": look, "digest": found}
    except (EvenstockError, OSError) as error:  # a drop may also go, or be closed to us, between two looks at it
        report.waiting.append(f"{day}: {error}")
    return {"digest": digest, "files": {name: asdict(seen) for name, seen in files.items()}}


def _identify(home: Home, day: dt.date, drop: Any) -> tuple[str, bool]:
    """The digest of a drop's content, and whether all of it has landed and was judged before."""
    from pipelines.extracts.arrival.drop_folder import digest_drop, identify_drop
    from pipelines.extracts.landing.landed import list_landed

    identities = identify_drop(drop)
    is_judged = (home.gates / day.isoformat() / "reconciliation.json").is_file()
    is_known = is_judged and all(
        identity in [file.identity for file in list_landed(home.landing, feed, day)] for feed, identity in identities.items()
    )
    return digest_drop(drop, identities)[:DIGITS], is_known


def _signature(files: Mapping[str, Sighting]) -> str:
    seen = [[name, sighting.size, sighting.mtime_ns] for name, sighting in sorted(files.items())]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:DIGITS]
