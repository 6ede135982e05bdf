"""Damaged files of every kind: read or refused in words, never a traceback, never without end; a row is counted or the file is refused."""

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.domain.errors import EvenstockError
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.drafting.layout_draft import draft_layout
from pipelines.extracts.layouts.layout_reading import read_layout

NAMES = ["date", "location_id", "item_id", "lot_id", "on_hand", "reserved", "blocked", "expiry_date"]
ROWS = [["2026-01-31", "DC1", f"I{n}", 'say "hi", you' if n % 3 else "", str(n), "0", "0", ""] for n in range(12)]
CONTRACT = load_contract("wms_stock")
LAYOUT = """
layout: fuzzed
system: test
feed: wms_stock
description: Canonical columns in another kind of file.
file: {file}
columns: {{date: date, location_id: location_id, item_id: item_id, lot_id: lot_id, on_hand: on_hand, reserved: reserved,
  blocked: blocked, expiry_date: expiry_date}}
"""


def text() -> bytes:
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in [NAMES, *ROWS]]
    return "".join(",".join(row) + "\r\n" for row in quoted).encode()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("stock.csv", text())
    return stream.getvalue()


def workbook() -> bytes:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in [NAMES, *ROWS]:
        book.worksheets[0].append(row)
    book.save(stream)
    return stream.getvalue()


def unpacked_workbook(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def parquet() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({name: [row[n] for row in ROWS] for n, name in enumerate(NAMES)}), stream)
    return stream.getvalue()


def records() -> list[dict[str, str]]:
    return [dict(zip(NAMES, row, strict=True)) for row in ROWS]


def lines() -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records()).encode()


KINDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "csv": ("{format: csv}", text),
    "utf-16": ("{format: csv, encoding: utf-16}", lambda: text().decode().encode("utf-16")),
    "csv.gz": ("{format: csv}", lambda: gzip.compress(text())),
    "zip": ("{format: csv}", zipped),
    "xlsx": ("{format: xlsx}", workbook),
    "parquet": ("{format: parquet}", parquet),
    "jsonl": ("{format: jsonl}", lines),
    "json": ("{format: jsonl, records: data.rows}", lambda: json.dumps({"data": {"rows": records()}}).encode()),
    "fixed": ("{format: fixed, fields: {" + ", ".join(f"{name}: [{1 + 14 * n}, 14]" for n, name in enumerate(NAMES)) + "}, skip_lines: 1}",
              lambda: "".join("".join(cell[:13].ljust(14) for cell in row) + "\n" for row in [NAMES, *ROWS]).encode()),
}  # fmt: skip
PIECES = [
    b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b"\r", b"\n", b",", b"{", b"}", b"[", b"]", b"\\u", b"\\ud800", b"1e999",
    b"NaN",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"PK\x03\x04", b"PAR1", b"\x1f\x8b", b"\x1f", b"-1", b"9" * 40, b"A" * 300,
]  # fmt: skip


def damaged(data: bytes, rng: random.Random) -> bytes:
    """One to four strokes: bits, pieces, holes, an end cut off, a part twice."""
    found = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place, size = rng.randrange(len(found) + 1), rng.choice([1, 2, 8, 64, 500])
        stroke = rng.randrange(6)
        if stroke == 0 and place < len(found):
            found[place] ^= 1 << rng.randrange(8)
        elif stroke == 1:
            found[place:place] = rng.choice(PIECES)
        elif stroke == 2:
            del found[place : place + size]
        elif stroke == 3:
            del found[place:]
        elif stroke == 4:
            found[place:place] = found[place : place + size]
        else:
            found[place : place + size] = rng.randbytes(min(size, 8))
    return bytes(found)


def damaged_workbook(data: bytes, rng: random.Random) -> bytes:
    """A whole zip file, one part of which is damaged, so that the XML is read."""
    parts, stream = unpacked_workbook(data), io.BytesIO()
    name = rng.choice(sorted(parts))
    parts[name] = damaged(parts[name], rng)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return stream.getvalue()


def judge(path: Path, file: str) -> str:
    """What became of a file: read, or refused in words that name it."""
    layout = read_layout(LAYOUT.format(file=file).encode(), "fuzzed.yaml")
    outcomes = []
    for attempt in (lambda: check_file(path, CONTRACT, layout), lambda: draft_layout(path, CONTRACT, "fuzzed")):
        try:
            attempt()
            outcomes.append("read")
        except EvenstockError as refused:
            assert path.name in str(refused) and len(str(refused)) < 3000
            outcomes.append("refused")
    return outcomes[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_is_read(kind, tmp_path):
    file, made = KINDS[kind]
    path = tmp_path / f"stock.{kind}"
    path.write_bytes(made())
    assert judge(path, file) == "read"


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused_in_words(kind, tmp_path, fuzz_rounds):
    file, made = KINDS[kind]
    data, outcomes = made(), {"read": 0, "refused": 0}
    for seed in range(fuzz_rounds):
        rng = random.Random(f"{kind} {seed}")
        path = tmp_path / f"stock.{kind}"
        path.write_bytes(damaged_workbook(data, rng) if kind == "xlsx" and seed % 2 else damaged(data, rng))
        try:
            outcomes[judge(path, file)] += 1
        except Exception as error:
            error.add_note(f"{kind}, seed {seed}")
            raise
    print(f"{kind}: {outcomes['read']} read, {outcomes['refused']} refused")


def test_a_workbook_whose_sheet_does_not_unpack_is_refused(tmp_path):
    data = bytearray(workbook())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        sheet = archive.getinfo("xl/worksheets/sheet1.xml")
    start = sheet.header_offset + 30 + len(sheet.filename)
    data[start : start + 40] = b"\xff" * 40
    path = tmp_path / "stock.xlsx"
    path.write_bytes(data)
    assert judge(path, "{format: xlsx}") == "refused"


@pytest.fixture
def fuzz_rounds() -> int:
    return 12
