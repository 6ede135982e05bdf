"""Landing: files copied unchanged under their sha256, with one sidecar per feed, business date and version. Nothing is parsed here
beyond the sender's control figures.
"""

import datetime
import hashlib
import json
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.contract import EARLIEST_YEAR, LATEST_YEAR, FeedContract, load_contract
from pipelines.extracts.durable import CHUNK_BYTES, claim_place, file_sha256, move_into_place, require_file, temporary_beside
from pipelines.extracts.manifest import MANIFEST_NAME, DropFile, parse_date, read_manifest, verify_control
from pipelines.extracts.records import MAX_FILE_BYTES, read_header

_SIDECAR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.v([0-9]{4,})\.json")
_DATE_IN_NAME = re.compile(r"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")


@dataclass(frozen=True)
class LandedFile:
    """One landed version. `control` holds the sender's rows and sums if there was a manifest, `arrived_at` is passed in by the caller."""

    feed: str
    business_date: datetime.date
    version: int
    sha256: str
    path: Path
    source_name: str
    source_system: str
    bytes: int
    control: dict[str, Any] | None
    arrived_at: str | None


def land_file(
    landing_dir: Path,
    source: Path,
    feed: str,
    business_date: datetime.date,
    *,
    source_system: str = "canonical",
    control: Mapping[str, Any] | None = None,
    arrived_at: str | None = None,
) -> LandedFile:
    """Copy one file into the landing zone and give it the next version of its feed and date.

    The newest version is in force. Bytes that this feed and date already have, in whatever version, are a no-op that returns that
    version: a repeated or late delivery changes nothing. `control` may hold `sha256`, `rows` and `sums`; a difference raises
    `InputRefused` with both values, a date outside 1990..2100 `UsageError`.
    """
    load_contract(feed)
    check_business_date(business_date)
    with _staged(Path(landing_dir) / feed, Path(source), feed, control) as (temporary, sha256):
        return _commit(Path(landing_dir), temporary, sha256, feed, business_date, Path(source).name, source_system, control, arrived_at)


def land_files(
    landing_dir: Path, dated: Sequence[tuple[Path, datetime.date]], feed: str, *, arrived_at: str | None = None
) -> list[LandedFile]:
    """Land files of one feed that somebody hands over on purpose, or none: every header meets the contract before the first is kept.

    Unlike a repeated delivery, this brings older bytes back: if a date had them before and another version is in force, they
    become the next version. Only the bytes in force are a no-op. Raises `UsageError` for two files of one date, of which the
    later would replace the earlier, and `InputRefused` for a file that cannot be read or is of another feed.
    """
    contract, landing, source_of = load_contract(feed), Path(landing_dir), dict[datetime.date, Path]()
    for source, date in dated:
        check_business_date(date)
        if date in source_of:
            both = f"{source_of[date]} and {source} are both {feed} of {date}, and the later would replace the earlier"
            raise UsageError(f"{both}; put all rows of the date into one file, or land a correction by itself afterwards")
        source_of[date] = source
    with ExitStack() as stack:
        staged = [stack.enter_context(_staged(landing / feed, Path(source), feed, None)) for source, _ in dated]
        for (source, _), (copy, _) in zip(dated, staged, strict=True):
            _check_header(copy, contract, str(source))
        return [
            _commit(landing, *copy, feed, date, Path(source).name, "canonical", None, arrived_at, brings_back=True)
            for (source, date), copy in zip(dated, staged, strict=True)
        ]


def land_drop(landing_dir: Path, drop_dir: Path, arrived_at: str | None = None) -> list[LandedFile]:
    """Land every file of a drop folder, or none: all figures of the manifest are verified before the first file is kept.

    A drop that landed before is a no-op, so that a night that runs again does not undo a correction landed since.
    """
    drop, landing = read_manifest(Path(drop_dir)), Path(landing_dir)
    with ExitStack() as stack:
        staged = [stack.enter_context(_staged(landing / file.feed, file.path, file.feed, _control(file))) for file in drop.files]
        return [
            _commit(landing, *copy, file.feed, drop.business_date, file.path.name, drop.source_system, _control(file), arrived_at)
            for file, copy in zip(drop.files, staged, strict=True)
        ]


def list_landed(landing_dir: Path, feed: str | None = None, business_date: datetime.date | None = None) -> list[LandedFile]:
    """Everything that has landed, by feed, date and version."""
    folders = [Path(landing_dir) / feed] if feed else sorted(path for path in Path(landing_dir).glob("*") if path.is_dir())
    found = [_read_sidecar(path) for folder in folders for path in folder.glob("*.json") if _SIDECAR.fullmatch(path.name)]
    kept = [file for file in found if business_date is None or file.business_date == business_date]
    return sorted(kept, key=lambda file: (file.feed, file.business_date, file.version))


def check_business_date(date: datetime.date) -> None:
    """Raise `UsageError` for a date outside the years that any feed may name: plans would age by a slip of the pen."""
    if not EARLIEST_YEAR <= date.year <= LATEST_YEAR:
        raise UsageError(f"business date {date} is outside {EARLIEST_YEAR}-01-01 to {LATEST_YEAR}-12-31; correct the year")


def infer_business_date(path: Path) -> datetime.date | None:
    """The date in the manifest beside (or inside) `path`, else the only date YYYY-MM-DD in its name, else None."""
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    if (folder / MANIFEST_NAME).is_file():
        drop = read_manifest(folder)
        if path.is_dir() or path.name in {file.path.name for file in drop.files}:
            return drop.business_date
    dates = set(_DATE_IN_NAME.findall(path.name))
    try:
        return datetime.date.fromisoformat(dates.pop()) if len(dates) == 1 else None
    except ValueError:
        return None


def _control(file: DropFile) -> dict[str, Any]:
    sums = {name: int(value) if value == value.to_integral_value() else str(value) for name, value in file.sums.items()}
    return {"rows": file.rows, "bytes": file.bytes, "sha256": file.sha256, "sums": sums}


@contextmanager
def _staged(folder: Path, source: Path, feed: str, control: Mapping[str, Any] | None) -> Generator[tuple[Path, str]]:
    """A verified private copy of the source and its sha256: what is checked is what is kept, whoever writes to the source."""
    require_file(source, str(source))
    with temporary_beside(folder / "incoming") as temporary:
        sha256, size = _copy(source, temporary)
        for what, found in (("sha256", sha256), ("bytes", size)):
            announced = (control or {}).get(what, found)
            if announced != found:
                raise InputRefused(f"{source}: the manifest says {what} {announced}, the file has {found}; ask for the file again")
        if control:
            verify_control(temporary, load_contract(feed), control, str(source))
        yield temporary, sha256


def _check_header(path: Path, contract: FeedContract, source: str) -> None:
    from pipelines.extracts.checking import resolve_header

    resolve_header(read_header(path, source), contract, source)


def _copy(source: Path, target: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK_BYTES):
            size += len(chunk)
            if size > MAX_FILE_BYTES:
                raise InputRefused(f"{source}: more than the limit of {MAX_FILE_BYTES} bytes; send the feed in several business dates")
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest(), size


def _commit(
    landing: Path,
    temporary: Path,
    sha256: str,
    feed: str,
    business_date: datetime.date,
    source_name: str,
    source_system: str,
    control: Mapping[str, Any] | None,
    arrived_at: str | None,
    brings_back: bool = False,
) -> LandedFile:
    """Keep the bytes, then claim a version: a kill in between leaves bytes that nobody sees and the next attempt reuses.

    With `brings_back`, bytes of a version that is no longer in force get a new one.
    """
    target, size = landing / feed / f"{sha256}.csv", temporary.stat().st_size
    if not target.is_file() or file_sha256(target) != sha256:
        move_into_place(temporary, target)
    while True:
        known = list_landed(landing, feed, business_date)
        same = [file for file in (known[-1:] if brings_back else known) if file.sha256 == sha256]
        if same:
            return same[-1]
        version = max((file.version for file in known), default=0) + 1
        landed = LandedFile(
            feed, business_date, version, sha256, target, source_name, source_system, size, dict(control) if control else None, arrived_at
        )
        if _write_sidecar(landed):
            return landed


def _write_sidecar(landed: LandedFile) -> bool:
    target = landed.path.parent / f"{landed.business_date.isoformat()}.v{landed.version:04d}.json"
    body = asdict(landed) | {"business_date": landed.business_date.isoformat(), "path": landed.path.name}
    with temporary_beside(target) as temporary:
        temporary.write_text(json.dumps(body, sort_keys=True, indent=1) + "\n", encoding="utf-8")
        return claim_place(temporary, target)


def _read_sidecar(path: Path) -> LandedFile:
    body = json.loads(path.read_text(encoding="utf-8"))
    day = parse_date(body.pop("business_date"), str(path))
    return LandedFile(business_date=day, path=path.parent / body.pop("path"), **body)
