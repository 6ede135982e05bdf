"""What lies in a drop folder: which file is which feed's, what nobody knows, and whether all of it has come. Nothing is landed here."""

import datetime
import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.domain.errors import InputRefused
from pipelines.extracts.arrival.drop_names import match_files
from pipelines.extracts.arrival.settling import Settling, Sighting
from pipelines.extracts.landing.handed_over import date_in_name
from pipelines.extracts.landing.kept_layouts import FoundLayout
from pipelines.extracts.landing.landing_zone import Delivery, announced_deliveries
from pipelines.extracts.landing.manifest import MANIFEST_NAME, DropFile, read_manifest
from pipelines.extracts.landing.repeats import content_sha256, has_trailer
from pipelines.machine.reading import file_sha256

SUCCESS = "_SUCCESS"
DONE = ".done"
BY_MANIFEST = "its manifest"
_UNFINISHED = re.compile(r".*\.(tmp|temp|part|partial|filepart|crdownload|writing|swp)|\..+\.[A-Za-z0-9]{6}|.*~", re.IGNORECASE)


@dataclass(frozen=True)
class Expected:
    """What a drop is held against: layouts beside the shipped ones, feeds without which there is no plan, and when a file has settled."""

    layout_folders: tuple[Path, ...] = ()
    required_feeds: tuple[str, ...] = ()
    settling: Settling = field(default_factory=Settling)


@dataclass(frozen=True)
class Drop:
    """A drop folder as it lies there. `waiting` says why it cannot land yet, `remarks` what is odd in it and lands nowhere."""

    business_date: datetime.date
    deliveries: tuple[Delivery, ...]
    completed_by: str
    waiting: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def is_announced(self) -> bool:
        """Whether a manifest announces it, against which it is held when it lands."""
        return self.completed_by == BY_MANIFEST

    @property
    def is_complete(self) -> bool:
        """Whether all of it has come and can land."""
        return not self.waiting


def look_at_drop(
    folder: Path,
    business_date: datetime.date,
    expected: Expected,
    sightings: Mapping[str, Sighting],
    now: float,
    landed_feeds: Collection[str] = (),
) -> Drop:
    """Say what lies in the folder of a business date.

    With a manifest, the drop is what it announces. Without one it is complete when a `_SUCCESS` marker, newer than every file, says
    so; or when each file has its `<file>.done`, its layout's trailer line, or has settled by `now`, and no required feed is missing
    beside the `landed_feeds`. Raises `InputRefused` for a manifest that is wrong, or about another date than the folder.
    """
    if (folder / MANIFEST_NAME).exists():
        return _look_by_manifest(folder, business_date, expected)
    matched = match_files([name for name in sorted(sightings) if _is_data(name)], expected.layout_folders)
    files = [*matched.main, *(name for names in matched.companions.values() for name in names.values())]
    covered = _covered_by_marker(files, sightings)
    waiting = [*matched.problems, *_unfinished(sightings)]
    if not matched.main:
        waiting.append(f"{folder}: no file of a known feed yet")
    for name in files:
        layout = matched.main[name].layout if name in matched.main else None
        waiting += _still_coming(folder, name, layout, sightings, expected.settling, now, covered)
    waiting += _missing_done_files(sightings)
    if SUCCESS not in sightings:
        came = {matched.main[name].feed for name in matched.main} | set(landed_feeds)
        waiting += [f"no file of {feed} has come" for feed in expected.required_feeds if feed not in came]
    deliveries = [
        Delivery(of.feed, folder / name, of.layout, {key: folder / file for key, file in matched.companions.get(name, {}).items()})
        for name, of in sorted(matched.main.items(), key=lambda item: item[1].feed)
    ]
    by = SUCCESS if SUCCESS in sightings else "its files"
    odd = [
        f"{path.name}: a link or a folder, so nobody reads it" for path in sorted(folder.iterdir()) if path.is_symlink() or path.is_dir()
    ]
    return Drop(business_date, tuple(deliveries), by, tuple(waiting), (*_remarks(sightings, files, business_date), *odd))


def identify_drop(drop: Drop) -> dict[str, tuple[str, ...]]:
    """The identity of every delivery by feed, as landing would keep it. Raises `InputRefused` for bytes that are not as announced."""
    found = {}
    for delivery in drop.deliveries:
        layout = delivery.layout.layout if delivery.layout else None
        sha256 = _hash_announced(delivery.path, (delivery.control or {}).get("sha256", ""))
        told = delivery.companion_sha256
        beside = sorted(f"{name}={_hash_announced(path, told.get(name, ''))}" for name, path in delivery.companions.items())
        reading = (layout.name, layout.digest) if layout else ("", "")
        found[delivery.feed] = (content_sha256(delivery.path, sha256, layout), *reading, *beside)
    return found


def digest_drop(drop: Drop, identities: Mapping[str, tuple[str, ...]]) -> str:
    """sha256 over what a drop would land and what its sender promised of it; neither names nor packing change it."""
    promised = {d.feed: {name: (d.control or {}).get(name) for name in ("rows", "sums")} for d in drop.deliveries}
    known = {feed: [*identity, promised[feed]] for feed, identity in identities.items()}
    return hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()


def _hash_announced(path: Path, announced: str) -> str:
    sha256 = file_sha256(path)
    if announced not in ("", sha256):
        raise InputRefused(f"{path.name}: its bytes are not those that the manifest announces")
    return sha256


def _look_by_manifest(folder: Path, business_date: datetime.date, expected: Expected) -> Drop:
    announced = read_manifest(folder, expected.layout_folders)
    if announced.business_date != business_date:
        message = f"{folder}: its manifest is about {announced.business_date}, its folder about {business_date}"
        raise InputRefused(f"{message}; put the drop under its own date")
    deliveries = tuple(announced_deliveries(announced))
    waiting = [text for file in announced.files if (text := _short_file(file))]
    if not announced.files:
        waiting.append(f"{folder / MANIFEST_NAME}: announces no file")
    used = {path.name for delivery in deliveries for path in (delivery.path, *delivery.companions.values())}
    strays = [path.name for path in sorted(folder.iterdir()) if path.name not in {*used, MANIFEST_NAME, SUCCESS}]
    remarks = tuple(f"{name}: not announced by the manifest, so nobody reads it" for name in strays if not name.endswith(DONE))
    return Drop(business_date, deliveries, BY_MANIFEST, tuple(waiting), remarks)


def _short_file(file: DropFile) -> str:
    size = file.path.stat().st_size
    return f"{file.path.name}: {size} of the {file.bytes} bytes that the manifest announces have come" if size < file.bytes else ""


def _is_data(name: str) -> bool:
    return name != SUCCESS and not name.endswith(DONE) and not _UNFINISHED.fullmatch(name)


def _covered_by_marker(files: Sequence[str], sightings: Mapping[str, Sighting]) -> set[str]:
    """Files that a marker vouches for: it is not older than they are, or they were changed after it."""
    covered = set()
    for name in files:
        markers = [sightings[marker] for marker in (SUCCESS, f"{name}{DONE}") if marker in sightings]
        if any(marker.mtime_ns >= sightings[name].mtime_ns for marker in markers):
            covered.add(name)
    return covered


def _still_coming(
    folder: Path,
    name: str,
    layout: FoundLayout | None,
    sightings: Mapping[str, Sighting],
    settling: Settling,
    now: float,
    covered: Collection[str],
) -> list[str]:
    """Why one file may not be whole yet; empty if it is. A trailer line that is due must be there, whatever a marker says."""
    form = layout.layout.file if layout else None
    if layout and form and form.trailer and form.kind != "xlsx":
        late = f"{name}: the trailer line that layout {layout.layout.name} asks for has not come"
        return [] if has_trailer(folder / name, form) else [late]
    if name in covered:
        return []
    seen = sightings[name]
    if seen.is_settled(settling, now):
        return []
    return [
        f"{name}: seen unchanged {seen.times} of {settling.observations} times, and whole {settling.seconds:g} s after it last changed, "
        f"or with an empty {SUCCESS} beside it"
    ]


def _unfinished(sightings: Mapping[str, Sighting]) -> list[str]:
    return [f"{name}: still being written, by its name" for name in sightings if _UNFINISHED.fullmatch(name)]


def _missing_done_files(sightings: Mapping[str, Sighting]) -> list[str]:
    named = [name.removesuffix(DONE) for name in sightings if name.endswith(DONE)]
    return [f"{name}{DONE} is there, {name} is not" for name in named if name not in sightings]


def _remarks(sightings: Mapping[str, Sighting], files: Sequence[str], business_date: datetime.date) -> tuple[str, ...]:
    told = []
    for name in sightings:
        dated = date_in_name(name)
        if name in files and dated not in (None, business_date):
            told.append(f"{name}: its name says {dated}, it lies under {business_date}")
        if name not in files and _is_data(name):
            told.append(f"{name}: no feed or layout knows this name, so nobody reads it")
    return tuple(told)
