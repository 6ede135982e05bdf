"""The twin's pen: writes days of events as drop folders of canonical CSV files with a manifest, each folder in one stroke."""

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipelines.domain.errors import InputRefused
from pipelines.domain.item import lifecycle_on
from pipelines.extracts.contracts.contract import Column, load_contract
from pipelines.twin.events import DayEvents, frame_of, join_columns, keep_latest
from pipelines.twin.feeds import FEEDS, JOURNAL_FEEDS, STOCK_FEED, decimal_text
from pipelines.twin.masters import are_sent_on, optional_masters
from pipelines.twin.world import World

FORMAT = "evenstock-extract/1"


def write_drop(day_events: DayEvents, world: World, inbox_dir: Path) -> Path:
    """Write one day to `inbox_dir/<date>/` and return the folder.

    An event feed of which nothing happened has a file with a header alone, and 0 rows in the manifest: the day was quiet. Masters that
    need not come are sent on Mondays. The same day with the same bytes again is a no-op; other bytes under that date raise
    `InputRefused`.
    """
    frames = _snapshots(world, day_events.date) | day_events.frames
    if are_sent_on(day_events.date):
        frames |= vars(optional_masters(world, day_events.date))
    return _write(frames, day_events.date, Path(inbox_dir))


def write_history_drop(days: Sequence[DayEvents], world: World, inbox_dir: Path) -> Path:
    """Write many days as one initial load under the last day's date: all events in their latest state and every day's closing stock."""
    if not days:
        raise InputRefused("the history is empty; warm the twin up for at least one day")
    frames = dict(vars(optional_masters(world, days[-1].date)))
    for feed in (*JOURNAL_FEEDS, STOCK_FEED):
        frames[feed] = frame_of(feed, keep_latest(feed, join_columns(feed, [day.tables[feed] for day in days])))
    return _write(_snapshots(world, days[-1].date) | frames, days[-1].date, Path(inbox_dir))


def _snapshots(world: World, date: dt.date) -> dict[str, pd.DataFrame]:
    """The master data feeds as of a date."""
    items = world.items.copy()
    ends = [end if isinstance(end, dt.date) else None for end in items["end_date"]]
    launches = [launch if isinstance(launch, dt.date) else None for launch in items["launch_date"]]
    items["lifecycle"] = [lifecycle_on(date, launch, end) for launch, end in zip(launches, ends, strict=True)]
    return {
        "erp_items": items.sort_values("item_id", ignore_index=True),
        "erp_locations": world.locations.sort_values("location_id", ignore_index=True),
        "tms_lanes": world.lanes.sort_values(["origin", "destination", "mode"], ignore_index=True),
    }


def _write(frames: dict[str, pd.DataFrame], date: dt.date, inbox: Path) -> Path:
    inbox.mkdir(parents=True, exist_ok=True)
    target, partial = inbox / date.isoformat(), inbox / f".{date.isoformat()}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    sent = [feed for feed in FEEDS if feed in frames and (len(frames[feed]) or load_contract(feed).may_be_empty)]
    entries = [_write_feed(partial, feed, frames[feed]) for feed in sent]
    manifest = {"format": FORMAT, "source_system": "twin", "business_date": date.isoformat(), "files": entries}
    text = json.dumps(manifest, indent=1) + "\n"
    (partial / "manifest.json").write_text(text, encoding="utf-8")
    if target.exists():
        known = target / "manifest.json"
        same = known.is_file() and known.read_text(encoding="utf-8") == text
        shutil.rmtree(partial)
        if not same:
            raise InputRefused(f"{target}: there already, with other content; use another inbox or remove the folder")
        return target
    partial.rename(target)
    return target


def _write_feed(folder: Path, feed: str, frame: pd.DataFrame) -> dict[str, object]:
    contract = load_contract(feed)
    texts = pd.DataFrame({column.name: _texts(frame[column.name], column) for column in contract.columns})
    data = texts.to_csv(index=False, lineterminator="\n", na_rep="").encode("utf-8")
    name, control = f"{feed}.csv", contract.control_sum_column
    (folder / name).write_bytes(data)
    sums = {control: int(frame[control].astype("int64").sum())} if control else {}
    return {"feed": feed, "file": name, "rows": len(frame), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "sums": sums}


def _texts(values: pd.Series, column: Column) -> pd.Series:
    """Canonical text where the plain value would not do: decimals without exponent, lower-case booleans."""
    places = column.decimals
    if places is not None:
        return values.map(lambda value: None if pd.isna(value) else decimal_text(float(value), places)).astype(object)
    if column.type == "boolean":
        return values.map(lambda value: "true" if value else "false")
    return values
