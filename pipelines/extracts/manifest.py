"""The sender's manifest of a drop folder: read, its names made safe, and its figures held against the bytes. Nothing is landed here."""

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from pipelines.domain.errors import InputRefused
from pipelines.extracts.contract import EARLIEST_YEAR, LATEST_YEAR, FeedContract, load_contracts
from pipelines.extracts.records import read_batches, read_header
from pipelines.extracts.text_rules import ANY_DECIMAL

compute: Any = pyarrow.compute  # its functions are made at import time, which no type checker sees
FORMAT = "evenstock-extract/1"
MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 1024**2
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,120}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SOURCE = re.compile(r"[A-Za-z0-9_.\-]{1,40}")


@dataclass(frozen=True)
class DropFile:
    """One file that a manifest announces, with the sender's own figures."""

    feed: str
    path: Path
    rows: int
    bytes: int
    sha256: str
    sums: dict[str, Decimal]


@dataclass(frozen=True)
class Drop:
    """A manifest whose names are safe and known; its figures are not verified yet."""

    source_system: str
    business_date: datetime.date
    files: tuple[DropFile, ...]


def read_manifest(drop_dir: Path) -> Drop:
    """Parse `manifest.json` of a drop folder.

    Raises `InputRefused` naming file and key for anything missing, of the wrong kind, of an unknown feed, announced twice, or a
    file name that leads elsewhere; and for a feed's file in the folder that the manifest does not announce.
    """
    path = Path(drop_dir) / MANIFEST_NAME
    if not path.is_file() or path.is_symlink():
        raise InputRefused(f"{path}: no manifest; a drop folder needs one, a single file can be landed by itself")
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise InputRefused(f"{path}: more than {MAX_MANIFEST_BYTES} bytes; this is no manifest")
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputRefused(f"{path}: not valid JSON: {error}") from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise InputRefused(f"{path}: 'format' must be {FORMAT!r}, found {body.get('format') if isinstance(body, dict) else body!r}")
    entries = _value(body, "files", list, str(path))
    files = tuple(_drop_file(entry, Path(drop_dir), f"{path} files[{i}]") for i, entry in enumerate(entries))
    source_system = _value(body, "source_system", str, str(path))
    if not _SOURCE.fullmatch(source_system):
        raise InputRefused(f"{path}: source_system must be 1-40 letters, digits, '_', '.', '-', found {source_system!r}")
    business_date = parse_date(_value(body, "business_date", str, str(path)), str(path))
    if not EARLIEST_YEAR <= business_date.year <= LATEST_YEAR:
        raise InputRefused(f"{path}: business_date {business_date} is outside the years {EARLIEST_YEAR} to {LATEST_YEAR}; correct it")
    _refuse_strays(files, Path(drop_dir), path)
    return Drop(source_system, business_date, files)


def parse_date(text: str, source: str) -> datetime.date:
    """A date written YYYY-MM-DD and no other way; `InputRefused` otherwise."""
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError(text)
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise InputRefused(f"{source}: {text!r} is not a date YYYY-MM-DD") from error


def verify_control(path: Path, contract: FeedContract, control: Mapping[str, Any], source: str) -> None:
    """Hold `rows` and `sums` of a sender's control figures against the file; `InputRefused` names file and both values."""
    header = read_header(path, source)
    names = [name.strip().lower() for name in header.names]
    positions = {name: _position(contract, name, names, source) for name in control.get("sums", {})} or {"": 0}
    rows, sums = 0, dict.fromkeys(positions, Decimal(0))
    for batch in read_batches(path, header, positions, source):
        rows += batch.rows
        for name in sums:
            sums[name] += _sum(batch.cells[name])
    if "rows" in control and rows != control["rows"]:
        raise InputRefused(f"{source}: the manifest says {control['rows']} rows, the file has {rows}; ask for the file again")
    for name, announced in control.get("sums", {}).items():
        if sums[name] != Decimal(str(announced)):
            message = f"{source}: the manifest says {name} sums to {announced}, the file has {sums[name]}; ask for the file again"
            raise InputRefused(message)


def _sum(cells: pa.ChunkedArray) -> Decimal:
    """Exact sum of all cells that are plain decimals; others cannot count and are quarantined later."""
    plain = cells.filter(compute.match_substring_regex(cells, f"^(?:{ANY_DECIMAL})$"))
    if not len(plain):
        return Decimal(0)
    if not compute.any(compute.match_substring(plain, ".")).as_py() and compute.max(compute.utf8_length(plain)).as_py() <= 12:
        return Decimal(compute.sum(plain.cast(pa.int64())).as_py())
    return sum(map(Decimal, plain.to_pylist()), Decimal(0))


def _position(contract: FeedContract, name: str, header: list[str], source: str) -> int:
    column = contract.column(name)
    for position, found in enumerate(header):
        if found in (column.name, *column.aliases):
            return position
    raise InputRefused(f"{source}, line 1: column {name!r} of the manifest's sums is missing")


def _drop_file(entry: Any, folder: Path, where: str) -> DropFile:
    if not isinstance(entry, dict):
        raise InputRefused(f"{where}: expected an object, found {entry!r}")
    feed, name = _value(entry, "feed", str, where), _value(entry, "file", str, where)
    contracts = load_contracts()
    if feed not in contracts:
        raise InputRefused(f"{where}: unknown feed {feed!r}; known: {', '.join(contracts)}")
    path = safe_member(folder, name, where)
    sha256 = _value(entry, "sha256", str, where).lower()
    if not _SHA256.fullmatch(sha256):
        raise InputRefused(f"{where}: 'sha256' must be 64 hex digits, found {sha256!r}")
    sums = _sums(entry.get("sums", {}), contracts[feed], where)
    return DropFile(feed, path, _count(entry, "rows", where), _count(entry, "bytes", where), sha256, sums)


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


def _sums(values: Any, contract: FeedContract, where: str) -> dict[str, Decimal]:
    if not isinstance(values, dict):
        raise InputRefused(f"{where}: 'sums' must be an object, found {values!r}")
    numeric = [c.name for c in contract.columns if c.type == "integer" or c.type.startswith("decimal")]
    sums = {}
    for name, value in values.items():
        if name not in numeric:
            raise InputRefused(f"{where}: cannot sum {name!r} of {contract.feed}; columns with sums: {', '.join(numeric)}")
        try:
            sums[name] = Decimal(str(value))
        except InvalidOperation as error:
            raise InputRefused(f"{where}: sum of {name!r} must be a number, found {value!r}") from error
        if isinstance(value, bool) or not sums[name].is_finite():
            raise InputRefused(f"{where}: sum of {name!r} must be a number, found {value!r}")
    return sums


def _refuse_strays(files: tuple[DropFile, ...], folder: Path, manifest: Path) -> None:
    for what in ("feed", "path"):
        seen = [getattr(file, what) for file in files]
        twice = sorted({str(value) for value in seen if seen.count(value) > 1})
        if twice:
            raise InputRefused(f"{manifest}: announced twice: {', '.join(twice)}")
    announced = {file.path.name for file in files}
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
