"""What gates compare a day with: earlier partitions that passed, marks of earlier verdicts, packs, and who the quarantine is about.

Read from lake, gates and quarantine; nothing is judged here.
"""

import datetime as dt
import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.policy import Policy
from pipelines.store.home import Home

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.extracts.lake.partitions import LakeFile

MAX_RECENT_ROWS = 200_000
QUARANTINE_ROWS = 20_000
_WORD = re.compile(r"[A-Za-z0-9_./\-]+")


@dataclass(frozen=True)
class Past:
    """The past of a feed: its newest earlier partition, recent rows of several, and by date what verdicts kept of each day."""

    before: "pd.DataFrame"
    recent: "pd.DataFrame"
    fingerprints: dict[str, str] = field(default_factory=dict)
    changed_rows: list[int] = field(default_factory=list)


def read_past(home: Home, feed: str, as_of: dt.date, policy: Policy) -> Past:
    """Earlier partitions that their gate let pass, newest first until 200,000 rows or the policy's trailing days are read.

    Of the newest, if it has more rows than that, the newest days are read. It may be older than the trailing days.
    """
    import pandas as pd

    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.lake.partitions import read_frame
    from pipelines.extracts.lake.parts import read_newest_days

    first, contract = as_of - dt.timedelta(days=policy.gate.trailing_days), load_contract(feed)
    said = _read_passed(home, feed, as_of, first)
    files = [file for file in said if file.rows]
    is_event = contract.kind == "event"
    before = read_newest_days(files[-1], contract.date_column, MAX_RECENT_ROWS) if files else pd.DataFrame()
    recent = [before] if is_event and files else []
    for file in reversed(files[:-1] if is_event else []):
        if sum(map(len, recent)) + file.rows > MAX_RECENT_ROWS:
            break
        recent.append(read_frame(file.path))
    trailing = {file: body for file, body in said.items() if file.business_date >= first}
    return Past(
        before,
        pd.concat(recent, ignore_index=True) if recent else pd.DataFrame(),
        {file.business_date.isoformat(): body.get("fingerprint", "") for file, body in trailing.items()},
        [body["changed_rows"] for body in trailing.values() if body.get("changed_rows", -1) >= 0],
    )


def _read_passed(home: Home, feed: str, as_of: dt.date, first: dt.date) -> "dict[LakeFile, dict[str, Any]]":
    """Lake files before a date that their gate let pass with the verdict, oldest first: those since `first`, or the newest with rows."""
    from pipelines.extracts.lake.partitions import current_files

    said: dict[LakeFile, dict[str, Any]] = {}
    for file in reversed(current_files(home.lake, feed, as_of - dt.timedelta(days=1))):
        if file.business_date < first and any(known.rows for known in said):
            break
        body = read_verdict(home, feed, file.business_date)
        if body and body["passed"]:
            said[file] = body
    return dict(reversed(said.items()))


def read_verdict(home: Home, name: str, date: dt.date) -> dict[str, Any] | None:
    """The verdict of a gate on a date as it was written, if there is one."""
    path = home.gates / date.isoformat() / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def read_packs(home: Home, as_of: dt.date, policy: Policy) -> "pd.DataFrame":
    """item_id, pack_units and pallet_units: what a pallet of the policy carries of an item by weight and volume, in whole packs."""
    import pandas as pd

    from pipelines.extracts.lake.partitions import current_files

    files = current_files(home.lake, "erp_items", as_of)
    if not files:
        return pd.DataFrame({"item_id": [], "pack_units": [], "pallet_units": []})
    return _packs_of(files[-1].path, policy.planning.pallet_kg, policy.planning.pallet_m3)


@functools.lru_cache(maxsize=4)
def _packs_of(path: Path, pallet_kg: float, pallet_m3: float) -> "pd.DataFrame":
    """Packs of one lake file; lake files never change, and every feed of a night asks."""
    import numpy as np
    import pandas as pd

    from pipelines.extracts.lake.partitions import read_frame

    items = read_frame(path)
    pack = items["units_per_pack"].to_numpy(dtype=float)
    with np.errstate(divide="ignore"):
        by_weight = pallet_kg / items["weight_kg"].to_numpy(dtype=float)
        by_volume = pallet_m3 / items["volume_m3"].to_numpy(dtype=float)
    pallet = np.floor(np.minimum(by_weight, by_volume) / pack) * pack
    pallet[~np.isfinite(pallet)] = np.nan
    return pd.DataFrame({"item_id": items["item_id"], "pack_units": pack, "pallet_units": pallet})


@functools.lru_cache(maxsize=8)
def keys_of(path: Path, key: str) -> frozenset[str]:
    """The keys of one lake file of a master feed."""
    import pyarrow.parquet as pq

    return frozenset(pq.read_table(path, columns=[key])[key].to_pylist())


def read_newest(home: Home, feed: str, as_of: dt.date) -> "pd.DataFrame | None":
    """The newest partition of a feed up to a date."""
    from pipelines.extracts.lake.partitions import current_files, read_frame

    files = current_files(home.lake, feed, as_of)
    return read_frame(files[-1].path) if files else None


def read_quarantined_pairs(path: Path, home: Home, as_of: dt.date) -> list[tuple[str, str, str, str, str, int]]:
    """Who the refused rows of a file are about: (location, item, check, reason, feed, line), one id empty where the row names one only.

    What its layout made of the row comes first, then the source's text, searched for the known keys as words, up to two of each: a line
    may be two in one. A row that names neither is left out.
    """
    import pyarrow.parquet as pq

    if not path.is_file():
        return []
    known = {name: read_newest(home, feed, as_of) for name, feed in (("location_id", "erp_locations"), ("item_id", "erp_items"))}
    keys = {name: set(frame[name]) if frame is not None else set() for name, frame in known.items()}
    found = set()
    rows = (row for batch in pq.ParquetFile(path).iter_batches(QUARANTINE_ROWS) for row in batch.to_pylist())
    for row in rows:
        words = dict.fromkeys([row.get("location_id"), row.get("item_id"), *_WORD.findall(row["raw"] or "")])
        places, items = ([word for word in words if word in keys[name]] or [""] for name in ("location_id", "item_id"))
        told = f"refused for {row['column']}: {row['reason']}"
        for place, item in product(places[:2], items[:2]):
            if place or item:
                found.add((place, item, "quarantine_share", told, row["feed"], int(row["line"])))
    return sorted(found)


def read_new_columns(home: Home, feed: str, as_of: dt.date) -> tuple[str, ...]:
    """Columns of the newest file that nobody reads and that the file before, read in the same way, did not have.

    A layout's first file has what its author saw; a canonical one has nothing that goes without saying.
    """
    from pipelines.extracts.lake.partitions import current_files, read_unread_columns

    found = [read_unread_columns(file) for file in current_files(home.lake, feed, as_of)[-2:]]
    (layout, unread), before = found[-1], found[0] if len(found) > 1 else ("", None if found[-1][0] else ())
    if unread is None or before[1] is None or (len(found) > 1 and before[0] != layout):
        return ()
    return tuple(sorted(set(unread) - set(before[1])))


def read_partitions_before(home: Home, feeds: "Mapping[str, Any]", as_of: dt.date) -> "dict[str, pd.DataFrame]":
    """The partitions of the business date before, by feed."""
    from pipelines.extracts.lake.partitions import current_files, read_frame

    day = as_of - dt.timedelta(days=1)
    newest: dict[str, list[LakeFile]] = {feed: current_files(home.lake, feed, day)[-1:] for feed in feeds}
    return {feed: read_frame(files[0].path) for feed, files in newest.items() if files and files[0].business_date == day}


def name_files(home: Home, as_of: dt.date) -> dict[str, str]:
    """The name under which each feed's newest file of a date was sent."""
    from pipelines.extracts.landing.landed import list_landed

    landed = sorted(list_landed(home.landing, business_date=as_of), key=lambda file: file.version)
    return {file.feed: file.source_name for file in landed}
