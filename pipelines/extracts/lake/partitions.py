"""The lake: accepted rows as typed Parquet, one immutable file per feed, business date and version.

A file counts once its sidecar exists. Deciding whether a partition may be used is the gate's business.
"""

import datetime
import functools
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.domain.errors import InputRefused
from pipelines.extracts.checking.contract_check import CheckedFile, check_file
from pipelines.extracts.contracts.contract import FeedContract
from pipelines.extracts.lake.kept_frames import KeptFrames
from pipelines.extracts.landing.kept_layouts import kept_layout
from pipelines.extracts.landing.landed import LandedFile
from pipelines.extracts.landing.manifest import parse_date
from pipelines.machine.reading import file_sha256
from pipelines.machine.writing import write_file, write_text

FORMAT = "evenstock-lake/1"
ROW_GROUP_ROWS = 122_880
# Threads cost more than they bring where a file has a few thousand rows.
MIN_THREADED_BYTES = 1_000_000
_FRAMES = KeptFrames()
_FRAME_TYPES = {pa.decimal128(18, 4).id: pa.float64(), pa.date32().id: pa.timestamp("us")}
_SIDECAR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.v([0-9]{4,})-[0-9a-f]{12}\.parquet\.json")


@dataclass(frozen=True)
class IngestResult:
    """What became of one landed file; rows_in = rows_accepted + rows_quarantined + rows_left_out + rows_merged.

    Only a layout leaves rows out or merges them; the rows of a canonical file are accepted or quarantined.
    """

    feed: str
    business_date: datetime.date
    version: int
    rows_in: int
    rows_accepted: int
    rows_quarantined: int
    lake_path: Path
    quarantine_path: Path
    lake_sha256: str
    warnings: tuple[str, ...] = ()
    rows_left_out: int = 0
    rows_merged: int = 0


@dataclass(frozen=True)
class LakeFile:
    """One lake file. `content_sha256` covers the contract's columns only: the same rows in another line order or version keep it."""

    path: Path
    feed: str
    business_date: datetime.date
    version: int
    rows: int
    sha256: str
    content_sha256: str = ""


def ingest(landed: LandedFile, contract: FeedContract, lake_dir: Path, quarantine_dir: Path) -> IngestResult:
    """Check one landed file by its layout and write both sides of it: quarantine first, then the lake's Parquet, its sidecar last.

    A second call with the same bytes, layout and contract reads the sidecar and does nothing. Raises `InputRefused` from `check_file`,
    and if the landed bytes are not the ones that landed.
    """
    stem = f"{landed.business_date.isoformat()}.v{landed.version:04d}"
    target = Path(lake_dir) / landed.feed / f"{stem}-{landed.sha256[:12]}.parquet"
    quarantine = Path(quarantine_dir) / landed.feed / f"{stem}.parquet"
    done = _read_done(target, quarantine, landed, contract)
    if done is not None:
        return done
    for kept in (landed, *landed.companions):
        if not kept.path.is_file() or file_sha256(kept.path) != kept.sha256:
            raise InputRefused(f"{kept.path}: landed bytes are missing or changed; land {kept.source_name} again")
    checked = check_file(
        landed.path,
        contract,
        kept_layout(landed),
        source_name=landed.source_name,
        business_date=landed.business_date,
        companions={companion.name: companion.path for companion in landed.companions},
    )
    write_file("quarantine.rows", quarantine, lambda path: _write_parquet(checked.quarantined, path))
    write_file("lake.partition", target, lambda path: _write_parquet(_with_lineage(checked.accepted, landed), path))
    body = _sidecar(checked, target, quarantine, landed, contract)
    write_text("lake.manifest", _sidecar_path(target), json.dumps(body, sort_keys=True, indent=1) + "\n")
    return _result(body, target, quarantine)


def current_files(lake_dir: Path, feed: str, as_of: datetime.date) -> list[LakeFile]:
    """The highest version of every business date up to `as_of`, by date."""
    newest: dict[datetime.date, tuple[int, Path]] = {}
    for path in (Path(lake_dir) / feed).glob("*.parquet.json"):
        if match := _SIDECAR.fullmatch(path.name):
            day, version = datetime.date.fromisoformat(match[1]), int(match[2])
            if day <= as_of and newest.get(day, (-1, path)) < (version, path):
                newest[day] = version, path
    return [_lake_file(newest[day][1]) for day in sorted(newest)]


def read_unread_columns(file: LakeFile) -> tuple[str, tuple[str, ...] | None]:
    """The layout of a lake file's source ("" for canonical), and the columns of its header that nobody read; None of an older sidecar."""
    body = json.loads(_sidecar_path(file.path).read_text(encoding="utf-8"))
    unread = body.get("unread_columns")
    return body.get("layout", ""), None if unread is None else tuple(unread)


def lake_versions(lake_dir: Path, feed: str) -> dict[datetime.date, int]:
    """The highest version of every business date, told from names alone."""
    newest: dict[datetime.date, int] = {}
    for path in (Path(lake_dir) / feed).glob("*.parquet.json"):
        if match := _SIDECAR.fullmatch(path.name):
            day = datetime.date.fromisoformat(match[1])
            newest[day] = max(int(match[2]), newest.get(day, 0))
    return newest


def lake_digest(files: Iterable[LakeFile]) -> str:
    """sha256 over feed, date and content of files in any order; neither version nor line order of the source changes it."""
    lines = sorted(f"{file.feed}|{file.business_date.isoformat()}|{file.content_sha256 or file.sha256}" for file in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_partition(lake_dir: Path, feed: str, business_date: datetime.date) -> pd.DataFrame:
    """The current rows of one business date, sorted by key, with lineage columns.

    Text is `str`, decimals and doubles float64, integers int64 (Int64 if a value is missing), dates and times datetime64[us],
    booleans bool. Raises `InputRefused` if nothing is there.
    """
    files = [file for file in current_files(lake_dir, feed, business_date) if file.business_date == business_date]
    if not files:
        raise InputRefused(f"{feed}: nothing in the lake for {business_date.isoformat()}; ingest its extract first")
    return read_frame(files[0].path)


def read_frame(path: Path) -> pd.DataFrame:
    """One lake file as a frame, with the types of `read_partition`; small ones are read once per process, since they never change."""
    return _FRAMES.read(path, lambda path: to_frame(_read_table(path)))


def _read_table(path: Path) -> pa.Table:
    return pq.ParquetFile(path).read(use_threads=path.stat().st_size >= MIN_THREADED_BYTES)


def to_frame(table: pa.Table) -> pd.DataFrame:
    """An accepted table as a frame, with the types of `read_partition`."""
    fields, nullable = [], []
    for field in table.schema:
        if pa.types.is_integer(field.type) and table[field.name].null_count:
            nullable.append(field.name)
        fields.append(field.with_type(_FRAME_TYPES.get(field.type.id, field.type)))
    frame = table.cast(pa.schema(fields)).to_pandas()
    for name in nullable:
        frame[name] = table[name].to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return frame


def row_counts(lake_dir: Path, feed: str, before: datetime.date, days: int) -> dict[datetime.date, int]:
    """Rows of the current files of the `days` business dates before `before`, by date; days without a file are absent."""
    first = before - datetime.timedelta(days=days)
    last = before - datetime.timedelta(days=1)
    return {file.business_date: file.rows for file in current_files(lake_dir, feed, last) if file.business_date >= first}


def _with_lineage(accepted: pa.Table, landed: LandedFile) -> pa.Table:
    rows = accepted.num_rows
    lineage = {
        "_business_date": pa.repeat(pa.scalar(landed.business_date, pa.date32()), rows),
        "_version": pa.repeat(pa.scalar(landed.version, pa.int32()), rows),
        "_source_line": accepted["_source_line"],
    }
    table = accepted.drop_columns(["_source_line"])
    for name, values in lineage.items():
        table = table.append_column(name, values)
    return table


def _write_parquet(table: pa.Table, path: Path) -> None:
    """Row groups are written from contiguous pieces, so that the bytes follow the rows and not how they are held in memory."""
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for first in range(0, max(table.num_rows, 1), ROW_GROUP_ROWS):
            writer.write_table(table.slice(first, ROW_GROUP_ROWS).combine_chunks(), row_group_size=ROW_GROUP_ROWS)


def _content_sha256(path: Path, contract: FeedContract) -> str:
    """sha256 over the stored bytes of the contract's columns, read from a finished Parquet file; lineage columns stay out."""
    meta = pq.read_metadata(path)
    names = {column.name for column in contract.columns}
    digest = hashlib.sha256(str(meta.num_rows).encode())
    with path.open("rb") as stream:
        for group in range(meta.num_row_groups):
            for index in range(meta.num_columns):
                chunk = meta.row_group(group).column(index)
                if chunk.path_in_schema in names:
                    stream.seek(chunk.dictionary_page_offset or chunk.data_page_offset)
                    digest.update(f"|{chunk.path_in_schema}|{chunk.physical_type}|".encode())
                    digest.update(stream.read(chunk.total_compressed_size))
    return digest.hexdigest()


def _sidecar_path(target: Path) -> Path:
    return target.with_name(target.name + ".json")


def _sidecar(checked: CheckedFile, target: Path, quarantine: Path, landed: LandedFile, contract: FeedContract) -> dict[str, Any]:
    body = {
        "format": FORMAT,
        "feed": landed.feed,
        "business_date": landed.business_date.isoformat(),
        "version": landed.version,
        "rows": checked.accepted.num_rows,
        "rows_in": checked.rows_in,
        "rows_quarantined": checked.quarantined.num_rows,
        "sha256": file_sha256(target),
        "content_sha256": _content_sha256(target, contract),
        "quarantine_sha256": file_sha256(quarantine),
        "contract_sha256": contract.digest,
        "warnings": list(checked.warnings),
        "unread_columns": list(checked.unread_columns),
    } | _source(landed)
    if landed.layout:
        body |= {"layout": landed.layout, "rows_left_out": checked.left_out, "rows_merged": checked.merged}
    return body


def _source(landed: LandedFile) -> dict[str, Any]:
    """What a lake file was made of, as its sidecar says it; a canonical file's says no more than it ever did."""
    if not landed.layout:
        return {"source_sha256": landed.sha256}
    beside = {companion.name: companion.sha256 for companion in landed.companions}
    return {"source_sha256": landed.sha256, "layout_sha256": landed.layout_sha256, "companions_sha256": beside}


def _read_done(target: Path, quarantine: Path, landed: LandedFile, contract: FeedContract) -> IngestResult | None:
    """The result of an earlier ingest of the same bytes under the same contract, if both of its files are still what it wrote."""
    if not (_sidecar_path(target).is_file() and target.is_file() and quarantine.is_file()):
        return None
    body = json.loads(_sidecar_path(target).read_text(encoding="utf-8"))
    source = {name: body[name] for name in ("source_sha256", "layout_sha256", "companions_sha256") if name in body}
    same = source == _source(landed) and body["contract_sha256"] == contract.digest
    intact = file_sha256(target) == body["sha256"] and file_sha256(quarantine) == body["quarantine_sha256"]
    return _result(body, target, quarantine) if same and intact else None


def _result(body: dict[str, Any], target: Path, quarantine: Path) -> IngestResult:
    return IngestResult(
        body["feed"],
        parse_date(body["business_date"], str(target)),
        body["version"],
        body["rows_in"],
        body["rows"],
        body["rows_quarantined"],
        target,
        quarantine,
        body["sha256"],
        tuple(body["warnings"]),
        body.get("rows_left_out", 0),
        body.get("rows_merged", 0),
    )


def _lake_file(sidecar: Path) -> LakeFile:
    """What a sidecar says of its file. A night asks for each of a year's sidecars many times: one that did not change is not read again."""
    path = sidecar.with_name(sidecar.name.removesuffix(".json"))
    if not path.is_file():
        raise InputRefused(f"{path}: listed in the lake but missing; ingest {path.parent.name} of {sidecar.name[:10]} again")
    stat = sidecar.stat()
    return _read_sidecar(sidecar, (stat.st_ino, stat.st_size, stat.st_mtime_ns))


@functools.lru_cache(maxsize=50_000)
def _read_sidecar(sidecar: Path, _identity: tuple[int, int, int]) -> LakeFile:
    body = json.loads(sidecar.read_text(encoding="utf-8"))
    day = parse_date(body["business_date"], str(sidecar))
    path = sidecar.with_name(sidecar.name.removesuffix(".json"))
    return LakeFile(path, body["feed"], day, body["version"], body["rows"], body["sha256"], body["content_sha256"])
