"""Landing: files copied unchanged under their sha256, with one sidecar per feed, business date and version. Nothing is parsed here
beyond the sender's control figures.
"""

import datetime
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.contracts.contract import EARLIEST_YEAR, LATEST_YEAR, load_contract
from pipelines.extracts.landing.control import verify_control
from pipelines.extracts.landing.kept_layouts import FoundLayout, keep_layout, kept_layout
from pipelines.extracts.landing.landed import LandedCompanion, LandedFile, claim_version, list_landed
from pipelines.extracts.landing.manifest import Manifest, check_companions, read_manifest
from pipelines.extracts.landing.private_copy import copy_source
from pipelines.extracts.landing.repeats import content_sha256, is_reordered
from pipelines.extracts.reading.file_format import CANONICAL, open_records
from pipelines.machine.reading import file_sha256
from pipelines.machine.temporary import temporary_beside
from pipelines.machine.writing import move_into_place

_PACKED = (".gz", ".zip")
_SUFFIXES = (".csv", ".txt", ".tsv", ".dat", ".xlsx", ".parquet", ".json", ".jsonl", ".ndjson", *_PACKED)


@dataclass(frozen=True)
class Delivery:
    """One file of a feed on its way in. `companions` are what its layout looks things up in, by the name that the layout uses."""

    feed: str
    path: Path
    layout: FoundLayout | None = None
    companions: Mapping[str, Path] = field(default_factory=dict)
    companion_sha256: Mapping[str, str] = field(default_factory=dict)
    control: Mapping[str, Any] | None = None
    source_system: str = "canonical"


@dataclass(frozen=True)
class _Staged:
    """A verified private copy of a delivery: what is checked is what is kept, whoever writes to the source."""

    delivery: Delivery
    path: Path
    sha256: str
    content: str
    bytes: int
    companions: tuple[tuple[str, Path, str], ...]


def land_on_purpose(
    landing_dir: Path, dated: Sequence[tuple[Delivery, datetime.date]], *, arrived_at: str | None = None
) -> list[LandedFile]:
    """Land files of one feed that somebody hands over on purpose, or none: every header meets the contract before the first is kept.

    Unlike a repeated delivery, this brings older contents back: if a date had them before and another version is in force, they
    become the next version. Only the contents in force are a no-op. Raises `UsageError` for two files of one date, of which the
    later would replace the earlier, and `InputRefused` for a file that cannot be read, is of another feed or not what its sender announced.
    """
    source_of = dict[datetime.date, Path]()
    for delivery, date in dated:
        check_business_date(date)
        if date in source_of:
            both = f"{source_of[date]} and {delivery.path} are both {delivery.feed} of {date}, and the later would replace the earlier"
            raise UsageError(f"{both}; put all rows of the date into one file, or land a correction by itself afterwards")
        source_of[date] = delivery.path
    with ExitStack() as stack:
        staged = [(stack.enter_context(_staged(Path(landing_dir), delivery, date)), date) for delivery, date in dated]
        for copy, date in staged:
            _check_header(copy, date)
        return [_commit(Path(landing_dir), copy, date, arrived_at, brings_back=True) for copy, date in staged]


def land_drop(landing_dir: Path, drop_dir: Path, arrived_at: str | None = None, layout_folders: tuple[Path, ...] = ()) -> list[LandedFile]:
    """Land every file of a drop folder with a manifest, or none: all its figures are verified before the first file is kept.

    A drop that landed before is a no-op, so that a night that runs again does not undo a correction landed since.
    """
    announced = read_manifest(Path(drop_dir), layout_folders)
    return land_deliveries(landing_dir, announced_deliveries(announced), announced.business_date, arrived_at)


def announced_deliveries(announced: Manifest) -> list[Delivery]:
    """The files that a manifest announces, with what it says of them."""
    return [
        Delivery(file.feed, file.path, file.layout, file.companions, file.companion_sha256, file.control, announced.source_system)
        for file in announced.files
    ]


def land_deliveries(
    landing_dir: Path, deliveries: Sequence[Delivery], business_date: datetime.date, arrived_at: str | None = None
) -> list[LandedFile]:
    """Land all files of a date, or none if one of them cannot be read or is not what its sender announced.

    Each gets the next version of its feed and date, and the newest version is in force. Contents that this feed and date already have,
    in whatever version, name, order or packing, are a no-op that returns that version: a repeated or late delivery changes nothing.
    `control` may hold `sha256`, `rows` and `sums`; a difference raises `InputRefused` with both values, a date outside 1990..2100
    `UsageError`.
    """
    check_business_date(business_date)
    for delivery in deliveries:
        load_contract(delivery.feed)
    with ExitStack() as stack:
        staged = [stack.enter_context(_staged(Path(landing_dir), delivery, business_date)) for delivery in deliveries]
        return [_commit(Path(landing_dir), copy, business_date, arrived_at) for copy in staged]


def check_business_date(date: datetime.date) -> None:
    """Raise `UsageError` for a date outside the years that any feed may name: plans would age by a slip of the pen."""
    if not EARLIEST_YEAR <= date.year <= LATEST_YEAR:
        raise UsageError(f"business date {date} is outside {EARLIEST_YEAR}-01-01 to {LATEST_YEAR}-12-31; correct the year")


@contextmanager
def _staged(landing: Path, delivery: Delivery, business_date: datetime.date) -> Generator[_Staged]:
    source, control = delivery.path, delivery.control or {}
    check_companions(delivery.layout, delivery.companions, str(source))
    with ExitStack() as stack:
        temporary = stack.enter_context(temporary_beside(landing / delivery.feed / "incoming"))
        sha256, size = copy_source(source, temporary)
        _check_announced(source, sha256, size, control)
        beside = []
        for name, path in sorted(delivery.companions.items()):
            copy = stack.enter_context(temporary_beside(landing / delivery.feed / "incoming"))
            digest, length = copy_source(path, copy)
            told = delivery.companion_sha256.get(name)
            _check_announced(path, digest, length, {"sha256": told} if told else {})
            beside.append((name, copy, digest))
        layout = delivery.layout.layout if delivery.layout else None
        if control:
            places = {name: copy for name, copy, _ in beside}
            contract = load_contract(delivery.feed)
            verify_control(temporary, contract, control, str(source), layout, business_date=business_date, companions=places)
        yield _Staged(delivery, temporary, sha256, content_sha256(temporary, sha256, layout), size, tuple(beside))


def _check_header(staged: _Staged, business_date: datetime.date) -> None:
    """Raise `InputRefused` unless the header has what the contract, or the layout, asks for."""
    from pipelines.extracts.checking.contract_check import resolve_header
    from pipelines.extracts.mapping.companions import find_companions
    from pipelines.extracts.mapping.row_mapping import bind
    from pipelines.extracts.mapping.source_columns import Header

    delivery, source, contract = staged.delivery, str(staged.delivery.path), load_contract(staged.delivery.feed)
    layout = delivery.layout.layout if delivery.layout else None
    with open_records(staged.path, layout.file if layout else CANONICAL, source) as records:
        header = Header(tuple(records.names), source, records.header_line)
        if layout is None or layout.is_canonical:
            resolve_header(header, contract, source)
            return
        found = find_companions(layout, {name: copy for name, copy, _ in staged.companions})
        bind(layout, contract, header, business_date, {name: companion.header for name, companion in found.items()})


def _check_announced(source: Path, sha256: str, size: int, announced: Mapping[str, Any]) -> None:
    for what, found in (("sha256", sha256), ("bytes", size)):
        if announced.get(what, found) != found:
            raise InputRefused(f"{source}: the manifest says {what} {announced[what]}, the file has {found}; ask for the file again")


def _commit(landing: Path, staged: _Staged, business_date: datetime.date, arrived_at: str | None, brings_back: bool = False) -> LandedFile:
    """Keep the bytes, then claim a version: a kill in between leaves bytes that nobody sees and the next attempt reuses.

    With `brings_back`, contents of a version that is no longer in force get a new one.
    """
    delivery = staged.delivery
    if delivery.layout:
        keep_layout(landing, delivery.layout)
    while True:
        known = list_landed(landing, delivery.feed, business_date)
        landed = _next_version(landing, staged, known, business_date, arrived_at)
        arrived = staged.path if staged.path.is_file() else landed.path
        same = [file for file in (known[-1:] if brings_back else known) if _is_same(file, landed, arrived)]
        if same and same[-1].sha256 != landed.sha256:
            return same[-1]
        kept = same[-1] if same else landed
        _keep(staged.path, kept.path, kept.sha256)
        for (_, copy, sha256), companion in zip(staged.companions, kept.companions, strict=True):
            _keep(copy, companion.path, sha256)
        if same or claim_version(landed):
            return kept


def _next_version(
    landing: Path, staged: _Staged, known: Sequence[LandedFile], business_date: datetime.date, arrived_at: str | None
) -> LandedFile:
    delivery, folder = staged.delivery, landing / staged.delivery.feed
    layout = delivery.layout.layout if delivery.layout else None
    beside = tuple(
        LandedCompanion(name, sha256, folder / f"{sha256}{_suffix(delivery.companions[name].name)}", delivery.companions[name].name)
        for name, _, sha256 in staged.companions
    )
    return LandedFile(
        feed=delivery.feed,
        business_date=business_date,
        version=max((file.version for file in known), default=0) + 1,
        sha256=staged.sha256,
        path=folder / f"{staged.sha256}{_suffix(delivery.path.name)}",
        source_name=delivery.path.name,
        source_system=delivery.source_system,
        bytes=staged.bytes,
        control=dict(delivery.control) if delivery.control else None,
        arrived_at=arrived_at,
        layout=layout.name if layout else "",
        layout_sha256=layout.digest if layout else "",
        content_sha256=staged.content,
        companions=beside,
    )


def _is_same(known: LandedFile, landed: LandedFile, path: Path) -> bool:
    """Whether a version that is known holds what arrives: the same contents, or the same lines in another order."""
    if known.identity == landed.identity:
        return True
    same_reading = known.identity[1:] == landed.identity[1:]
    return same_reading and known.path.is_file() and is_reordered(known.path, path, kept_layout(known))


def _keep(temporary: Path, target: Path, sha256: str) -> None:
    if not target.is_file() or file_sha256(target) != sha256:
        move_into_place("landing.bytes", temporary, target)


def _suffix(name: str) -> str:
    """The ending under which bytes are kept: what the sender called them, as far as it names a format.

    >>> _suffix("wms_stock.csv"), _suffix("MARD.TXT.gz"), _suffix("stock.2026")
    ('.csv', '.txt.gz', '.dat')
    """
    ends = [suffix for suffix in PurePath(name.lower()).suffixes[-2:] if suffix in _SUFFIXES]
    if not ends or not name.lower().endswith(ends[-1]):
        return ".dat"
    return "".join(ends) if ends[-1] in _PACKED else ends[-1]
