"""JSON lines: one object a line, flattened to dotted names, numbers exactly as written. A short JSON document is read as well.

Nothing is inferred: every value becomes text. What is no object, has a key twice, or holds NaN is a broken record.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.domain.errors import InputRefused
from pipelines.extracts.reading.file_format import FileFormat
from pipelines.extracts.reading.plain_text import LineBlock, PlainText, line_blocks
from pipelines.extracts.reading.records import BLOCK_BYTES, LINE_COLUMN, MAX_COLUMNS, MAX_LINE_BYTES, RAW_CHARS, Batch, Broken

MAX_EXPONENT = 40
MAX_PARENT_DEPTH = 10
_BROKEN = pa.schema([("line", pa.int64()), ("reason", pa.string()), ("value", pa.string()), ("column", pa.string())])


class _BadRecord(Exception):
    """Why a text is no record."""

    def __init__(self, reason: str, says: str) -> None:
        super().__init__(reason, says)
        self.reason, self.says = reason, says


class JsonRecords:
    """An open file of JSON lines; see `RecordSource`. Parsed once, block by block, into Arrow files in `folder`.

    Where `records` leads to lists, or the file is one document, the line of a record is its number in the file, from 1.
    """

    header_line: int = 1
    notes: tuple[str, ...] = ()

    def __init__(self, text: PlainText, file_format: FileFormat, folder: Path, block_bytes: int = BLOCK_BYTES) -> None:
        self._text, self._keys, self._folder = text, tuple(filter(None, file_format.records.split("."))), folder
        document = self._read_document()
        self._numbered, self._count = bool(self._keys) or document is not None, 0
        self._rows: list[int] = []
        names: dict[str, None] = {}
        for values in [[(1, document)]] if document is not None else map(self._read_block, line_blocks(text, block_bytes)):
            records, broken = self._flat(values)
            for _, record in records:
                names.update(dict.fromkeys(record))
            if len(names) > MAX_COLUMNS:
                raise InputRefused(f"{text.source}: more than {MAX_COLUMNS} different names; send fewer")
            self._spool(records, broken)
        self.names: tuple[str, ...] = tuple(names)

    def batches(self, wanted: dict[str, int]) -> Iterator[Batch]:
        """Records block by block; see `RecordSource`. A name that a record lacks is empty in it."""
        for part, rows in enumerate(self._rows):
            stored, broken = (self._load(kind, part) for kind in ("cells", "broken"))
            empty = pa.array([""] * stored.num_rows, pa.string())
            cells = {}
            for name, position in wanted.items():
                key = self.names[position]
                cells[name] = stored[key].fill_null("") if key in stored.column_names else empty
            yield Batch(pa.table(cells | {LINE_COLUMN: stored[LINE_COLUMN]}), [Broken(**row) for row in broken.to_pylist()], rows)

    def raw_lines(self, lines: set[int]) -> dict[int, str]:
        """Physical lines, or records as `name=value` where they are numbered; see `RecordSource`."""
        if not self._numbered:
            return self._text.raw_lines(lines)
        found: dict[int, str] = {}
        for part in range(len(self._rows)):
            stored = self._load("cells", part)
            for index, line in enumerate(stored[LINE_COLUMN].to_pylist()):
                if line in lines:
                    row = stored.slice(index, 1).to_pylist()[0]
                    found[line] = ", ".join(f"{n}={v}" for n, v in row.items() if n != LINE_COLUMN and v is not None)[:RAW_CHARS]
            found |= {row["line"]: row["value"] for row in self._load("broken", part).to_pylist() if row["line"] in lines}
        return found

    def _read_document(self) -> Any:
        """The whole file as one value, if it is a short JSON list or, with `records`, an object over several lines; else None."""
        if self._text.end - self._text.start > BLOCK_BYTES:
            return None
        data = b"".join(block.data for block in line_blocks(self._text, BLOCK_BYTES)).strip()
        is_object = data.startswith(b"{") and self._keys and isinstance(_read(data.split(b"\n")[0]), _BadRecord)
        value = _read(data) if data.startswith(b"[") or is_object else None
        return None if isinstance(value, _BadRecord) else value

    def _read_block(self, block: LineBlock) -> list[tuple[int, Any]]:
        """Values by line; what is no JSON, or too long, is a `_BadRecord`."""
        values = []
        for line, raw in enumerate(block.data.split(b"\n")[:-1], start=block.first_line):
            if raw.strip():
                is_long = len(raw) > MAX_LINE_BYTES and not self._keys
                values.append((line, _BadRecord("line_too_long", "") if is_long else _read(raw)))
        return values

    def _flat(self, values: list[tuple[int, Any]]) -> tuple[list[tuple[int, dict[str, str]]], list[Broken]]:
        """Flat records by line or number, and the broken ones."""
        records, broken = [], []
        for line, value in values:
            for record in self._listed(value) if self._numbered else [value]:
                self._count += 1
                place = self._count if self._numbered else line
                try:
                    records.append((place, flatten(record)))
                except _BadRecord as bad:
                    broken.append(Broken(place, bad.reason, bad.says))
        return records, broken

    def _listed(self, value: Any) -> list[Any]:
        """The records that `records` leads to; every list on the way is walked through."""
        return [value] if isinstance(value, _BadRecord) else list(_walk(value, self._keys, {}))

    def _spool(self, records: list[tuple[int, dict[str, str]]], broken: list[Broken]) -> None:
        names = dict.fromkeys(name for _, record in records for name in record)
        cells = {name: pa.array([record.get(name) for _, record in records], pa.string()) for name in names}
        lines = pa.array([line for line, _ in records], pa.int64())
        faults = pa.Table.from_pylist([asdict(fault) for fault in broken], schema=_BROKEN)
        for kind, table in (("cells", pa.table(cells | {LINE_COLUMN: lines})), ("broken", faults)):
            with pa.ipc.new_file(self._folder / f"{kind}-{len(self._rows)}.arrow", table.schema) as writer:
                writer.write_table(table)
        self._rows.append(len(records) + len(broken))

    def _load(self, kind: str, part: int) -> pa.Table:
        with pa.memory_map(str(self._folder / f"{kind}-{part}.arrow")) as stream:
            return pa.ipc.open_file(stream).read_all()


def _walk(value: Any, keys: tuple[str, ...], around: dict[str, Any]) -> Iterator[Any]:
    """Records below `keys`. What the object around a record holds besides lists goes with it as `parent.<name>`, of the one around that
    as `parent.parent.<name>`; an object has at most one such field of its own.
    """
    if not keys and not isinstance(value, list):
        yield _BadRecord("bad_json", "no list where the records should be")
    elif isinstance(value, list):
        for item in value:
            if keys:
                yield from _walk(item, keys, around)
            else:
                yield {"parent": around, **item} if around and isinstance(item, dict) else item
    elif not isinstance(value, dict) or keys[0] not in value:
        yield _BadRecord("bad_json", f"no {keys[0]!r} in it")
    else:
        plain = _without_lists({name: field for name, field in value.items() if name != keys[0]})
        yield from _walk(value[keys[0]], keys[1:], plain | ({"parent": around} if around else {}))


def _without_lists(value: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """An object with what it holds of plain fields and of objects, to a depth that a table could have."""
    kinds = (list, dict) if depth == MAX_PARENT_DEPTH else (list,)
    kept = {name: field for name, field in value.items() if not isinstance(field, kinds)}
    return {name: _without_lists(field, depth + 1) if isinstance(field, dict) else field for name, field in kept.items()}


def flatten(value: Any) -> dict[str, str]:
    """Dotted names to text; a list of objects with a `name` goes by that name, any other list stays JSON text.

    >>> flatten({"id": "7", "at": {"place": "A"}, "quantities": [{"name": "available", "quantity": "5"}]})
    {'id': '7', 'at.place': 'A', 'quantities.available.name': 'available', 'quantities.available.quantity': '5'}
    """
    if isinstance(value, _BadRecord):
        raise value
    if not isinstance(value, dict):
        raise _BadRecord("bad_json", "not an object")
    found: dict[str, str] = {}
    try:
        _flatten(value, "", found)
    except RecursionError:
        raise _BadRecord("bad_json", "nested too deeply") from None
    return found


def _flatten(value: dict[str, Any], prefix: str, found: dict[str, str]) -> None:
    for key, inner in value.items():
        name = f"{prefix}{key}"
        if isinstance(inner, list) and inner and all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in inner):
            for item in inner:
                _flatten(item, f"{name}.{item['name']}.", found)
        elif isinstance(inner, dict):
            _flatten(inner, f"{name}.", found)
        elif name in found or name == LINE_COLUMN:
            raise _BadRecord("doubled_json_key", name)
        else:
            found[name] = _text(inner)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or value == []:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value).lower()


def _read(data: bytes) -> Any:
    """The value of a JSON text, numbers as text; a `_BadRecord` if it is none."""
    try:
        value = _DECODER.decode(data.decode())
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
        return value
    except _BadRecord as bad:
        return bad
    except json.JSONDecodeError as error:
        return _BadRecord("bad_json", f"{error.msg} at character {error.pos + 1}")
    except UnicodeEncodeError:
        return _BadRecord("bad_json", "half a character")
    except RecursionError:
        return _BadRecord("bad_json", "nested too deeply")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _BadRecord("doubled_json_key", next(name for name in names if names.count(name) > 1))
    return found


def _whole(text: str) -> str:
    return "0" if text == "-0" else text


def _decimal(text: str) -> str:
    """A number with point or exponent: as written, but whole numbers without a point and small exponents written out."""
    if "e" in text or "E" in text:
        try:
            number = Decimal(text)
        except InvalidOperation:
            return text
        text = f"{number:f}" if abs(number.adjusted()) <= MAX_EXPONENT and len(text) <= 2 * MAX_EXPONENT else text
    whole, point, places = text.partition(".")
    return _whole(whole) if point and not places.strip("0") else text


def _constant(text: str) -> str:
    raise _BadRecord("bad_json", f"{text} is no JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_float=_decimal, parse_constant=_constant)
