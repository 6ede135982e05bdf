"""The sender's manifest of a drop folder: read, and its names made safe. Its figures are verified in `control`, nothing is landed here."""

import datetime
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pipelines.domain.errors import InputRefused, UsageError, shown
from pipelines.domain.iso_date import read_iso_date
from pipelines.extracts.contracts.contract import EARLIEST_YEAR, LATEST_YEAR, FeedContract, load_contracts
from pipelines.extracts.landing.kept_layouts import FoundLayout, find_layout
from pipelines.extracts.layouts.layout import LAYOUT_NAME

FORMAT = "evenstock-extract/1"
MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 1024**2
MAX_DIGITS = 40
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,120}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SOURCE = re.compile(r"[A-Za-z0-9_.\-]{1,40}")


@dataclass(frozen=True)
class DropFile:
    """One file that a manifest announces, with the sender's own figures, and the files that its layout looks things up in."""

    feed: str
    path: Path
    rows: int
    bytes: int
    sha256: str
    sums: dict[str, Decimal]
    layout: FoundLayout | None = None
    companions: dict[str, Path] = field(default_factory=dict)
    companion_sha256: dict[str, str] = field(default_factory=dict)

    @property
    def control(self) -> dict[str, Any]:
        """The figures as landing keeps them."""
        sums = {name: int(value) if value == value.to_integral_value() else str(value) for name, value in self.sums.items()}
        return {"rows": self.rows, "bytes": self.bytes, "sha256": self.sha256, "sums": sums}


@dataclass(frozen=True)
class Manifest:
    """A manifest whose names are safe and known; its figures are not verified yet."""

    source_system: str
    business_date: datetime.date
    files: tuple[DropFile, ...]


def read_manifest(drop_dir: Path, layout_folders: tuple[Path, ...] = ()) -> Manifest:
    """Parse `manifest.json` of a drop folder; layouts that it names are those of `layout_folders` or shipped ones.

    Raises `InputRefused` naming file and key for anything missing, of the wrong kind, of an unknown feed or layout, announced twice,
    or a file name that leads elsewhere; and for a feed's file in the folder that the manifest does not announce.
    """
    path = Path(drop_dir) / MANIFEST_NAME
    if not path.is_file() or path.is_symlink():
        raise InputRefused(f"{path}: no manifest; a drop folder needs one, a single file can be landed by itself")
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise InputRefused(f"{path}: more than {MAX_MANIFEST_BYTES} bytes; this is no manifest")
    try:
        body = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=_whole)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise InputRefused(f"{path}: not valid JSON: {error}") from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise InputRefused(f"{path}: 'format' must be {FORMAT!r}, found {body.get('format') if isinstance(body, dict) else body!r}")
    entries = _value(body, "files", list, str(path))
    files = tuple(_drop_file(entry, Path(drop_dir), layout_folders, f"{path} files[{i}]") for i, entry in enumerate(entries))
    source_system = _value(body, "source_system", str, str(path))
    if not _SOURCE.fullmatch(source_system):
        raise InputRefused(f"{path}: source_system must be 1-40 letters, digits, '_', '.', '-', found {source_system!r}")
    business_date = parse_date(_value(body, "business_date", str, str(path)), str(path))
    if not EARLIEST_YEAR <= business_date.year <= LATEST_YEAR:
        raise InputRefused(f"{path}: business_date {business_date} is outside the years {EARLIEST_YEAR} to {LATEST_YEAR}; correct it")
    _refuse_strays(files, Path(drop_dir), path)
    return Manifest(source_system, business_date, files)


def _whole(text: str) -> int:
    digits = len(text.removeprefix("-"))
    if digits > MAX_DIGITS:
        raise ValueError(f"a number of {digits} digits")
    return int(text)


def parse_date(text: str, source: str) -> datetime.date:
    """A date written YYYY-MM-DD and no other way; `InputRefused` otherwise."""
    date = read_iso_date(text)
    if date is None:
        raise InputRefused(f"{source}: {text!r} is not a date YYYY-MM-DD")
    return date


def _drop_file(entry: Any, folder: Path, layout_folders: tuple[Path, ...], where: str) -> DropFile:
    if not isinstance(entry, dict):
        raise InputRefused(f"{where}: expected an object, found {entry!r}")
    feed, name = _value(entry, "feed", str, where), _value(entry, "file", str, where)
    contracts = load_contracts()
    if feed not in contracts:
        raise InputRefused(f"{where}: unknown feed {feed!r}; known: {', '.join(contracts)}")
    path = safe_member(folder, name, where)
    layout = _layout(entry, feed, layout_folders, where)
    companions, companion_sha256 = _companions(entry, layout, folder, where)
    rows, size, sha256 = _count(entry, "rows", where), _count(entry, "bytes", where), _sha256(entry, where)
    sums = _sums(entry.get("sums", {}), contracts[feed], layout, where)
    return DropFile(feed, path, rows, size, sha256, sums, layout, companions, companion_sha256)


def _layout(entry: Mapping[str, Any], feed: str, folders: tuple[Path, ...], where: str) -> FoundLayout | None:
    """The layout that an entry names; a manifest names it as people do, never by a path."""
    name = entry.get("layout", "")
    if name == "":
        return None
    if not isinstance(name, str) or not re.fullmatch(LAYOUT_NAME, name):
        raise InputRefused(f"{where}: 'layout' must be the name of a layout, found {shown(name)}")
    try:
        found = find_layout(name, folders)
    except UsageError as error:
        raise InputRefused(f"{where}: {error}") from error
    if found.layout.feed != feed:
        raise InputRefused(f"{where}: layout {name} is for {found.layout.feed}, not for {feed}; name the right one")
    return found


def _companions(entry: Mapping[str, Any], layout: FoundLayout | None, folder: Path, where: str) -> tuple[dict[str, Path], dict[str, str]]:
    """The companion files that an entry names, and the sha256 of those that it gives one for: exactly those its layout needs."""
    given = _value({"companions": {}} | dict(entry), "companions", dict, where)
    check_companions(layout, given, where)
    paths, digests = {}, {}
    for name, value in given.items():
        place = f"{where} companions.{name}"
        if not isinstance(value, dict):
            raise InputRefused(f"{place}: expected an object with 'file' and 'sha256', found {shown(value)}")
        paths[name], digests[name] = safe_member(folder, _value(value, "file", str, place), place), _sha256(value, place)
    return paths, digests


def check_companions(layout: FoundLayout | None, given: Iterable[str], where: str) -> None:
    """Raise `InputRefused` unless `given` are exactly the companions that the layout looks things up in."""
    needed = layout.layout.companions() if layout else ()
    names = set(given)
    reads = f"layout {layout.layout.name}" if layout else "the canonical layout"
    for name in sorted(set(needed) - names):
        raise InputRefused(f"{where}: {reads} looks things up in {name!r}, which is not beside it; send {name} with it")
    for name in sorted(names - set(needed)):
        raise InputRefused(f"{where}: {reads} knows no companion {shown(name)}; it needs {', '.join(needed) or 'none'}")


def _sha256(entry: Mapping[str, Any], where: str) -> str:
    sha256 = _value(entry, "sha256", str, where).lower()
    if not _SHA256.fullmatch(sha256):
        raise InputRefused(f"{where}: 'sha256' must be 64 hex digits, found {sha256!r}")
    return sha256


def safe_member(folder: Path, name: str, where: str) -> Path:
    """The path of a plain file of that name directly inside `folder`; `InputRefused` for paths, links and anything that is no file."""
    if not _FILE_NAME.fullmatch(name):
        raise InputRefused(f"{where}: {name!r} is not a plain file name; paths, hidden files and odd characters are refused")
    path = folder / name
    if path.is_symlink() or path.resolve().parent != folder.resolve():
        raise InputRefused(f"{where}: {name!r} is a link or lies outside the drop folder")
    if not path.is_file():
        raise InputRefused(f"{where}: {path} is announced but missing; ask for the drop again")
    return path


def _sums(values: Any, contract: FeedContract, layout: FoundLayout | None, where: str) -> dict[str, Decimal]:
    """Sums by column: of the contract or, where a layout reads the file, of the source. Which one is known when the header is."""
    if not isinstance(values, dict):
        raise InputRefused(f"{where}: 'sums' must be an object, found {values!r}")
    numeric = [c.name for c in contract.columns if c.type == "integer" or c.type.startswith("decimal")]
    sums = {}
    for name, value in values.items():
        if name not in numeric and layout is None:
            raise InputRefused(f"{where}: cannot sum {name!r} of {contract.feed}; columns with sums: {', '.join(numeric)}")
        sums[name] = _sum(value, f"{where}: sum of {name!r}")
    return sums


def _sum(value: Any, what: str) -> Decimal:
    """A sum exactly as written, as a number or in quotes."""
    text = str(value)
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    is_sane = number.is_finite() and abs(number.adjusted()) <= MAX_DIGITS and len(text) <= 2 * MAX_DIGITS
    if isinstance(value, bool) or not is_sane:
        raise InputRefused(f"{what} must be a number of at most {MAX_DIGITS} digits, found {shown(text)}")
    return number


def _refuse_strays(files: tuple[DropFile, ...], folder: Path, manifest: Path) -> None:
    for what in ("feed", "path"):
        seen = [getattr(file, what) for file in files]
        twice = sorted({str(value) for value in seen if seen.count(value) > 1})
        if twice:
            raise InputRefused(f"{manifest}: announced twice: {', '.join(twice)}")
    announced = {path.name for file in files for path in (file.path, *file.companions.values())}
    strays = [f"{feed}.csv" for feed in load_contracts() if f"{feed}.csv" not in announced and (folder / f"{feed}.csv").exists()]
    if strays:
        raise InputRefused(f"{manifest}: does not announce {', '.join(strays)}, which lies beside it; the drop is incomplete")


def _value(body: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    value = body.get(key)
    if not isinstance(value, kind):
        raise InputRefused(f"{where}: {key!r} must be {kind.__name__}, found {value!r}")
    return value


def _count(body: Mapping[str, Any], key: str, where: str) -> int:
    value = _value(body, key, int, where)
    if isinstance(value, bool) or value < 0:
        raise InputRefused(f"{where}: {key!r} must be a count, found {value!r}")
    return value
