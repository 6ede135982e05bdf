"""The structure of a canonical CSV file: bytes to records of text cells with exact physical line numbers. No cell is judged here.

A line without quotes splits at commas and takes the vectorised road; a line with quotes must be RFC 4180 to the letter. A quoted
cell may span lines only if the whole then has the header's width; otherwise its first line alone is broken and reading goes on.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from pipelines.domain.errors import InputRefused

MAX_FILE_BYTES = 2 * 1024**3
MAX_LINE_BYTES = 64 * 1024
MAX_RECORD_LINES = 20
BLOCK_BYTES = 16 * 1024**2
LINE_COLUMN = "_line"
NEWLINE = b"\n"
_RECORD = re.compile(r'(?:"(?:[^"]|"")*"|[^",\r\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\r\n]*))*')
_FOREIGN = {b"\x1f\x8b": "gzip", b"PK": "zip or xlsx", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PAR1": "Parquet"}


@dataclass(frozen=True)
class Broken:
    """A record that has no cells to judge: its first line, why, and the offending text."""

    line: int
    reason: str
    value: str


@dataclass(frozen=True)
class Header:
    """Names as written, and the byte at which line 2 starts."""

    names: tuple[str, ...]
    body_offset: int


@dataclass
class Batch:
    """Cells of consecutive records as text plus `_line`, the broken ones, and how many records the lines hold, counted apart."""

    cells: pa.Table
    broken: list[Broken] = field(default_factory=list)
    rows: int = 0


def read_header(path: Path, source: str) -> Header:
    """The first line, without byte order mark. Raises `InputRefused` for an empty, compressed, oversized or undecodable file."""
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise InputRefused(f"{source}: {size} bytes, more than the limit of {MAX_FILE_BYTES}; send the feed in several business dates")
    with path.open("rb") as stream:
        start = stream.read(MAX_LINE_BYTES)
    for magic, kind in _FOREIGN.items():
        if start.startswith(magic):
            raise InputRefused(f"{source}: this is {kind}, not plain UTF-8 CSV; unpack or convert it first")
    mark = 3 if start.startswith(b"\xef\xbb\xbf") else 0
    end = start.find(NEWLINE)
    if not start[mark:].strip():
        raise InputRefused(f"{source}: the file is empty; expected a header line")
    if end < 0 and size > len(start):
        raise InputRefused(f"{source}, line 1: no line end within {MAX_LINE_BYTES} bytes; lines must end with LF or CRLF")
    raw = start[mark : end if end >= 0 else len(start)]
    check_encoding(raw, source, 1, mark)
    text = raw.decode().removesuffix("\r")
    if not _RECORD.fullmatch(text):
        raise InputRefused(f"{source}, line 1: the header is not well-formed CSV: {text[:200]!r}")
    return Header(tuple(next(csv.reader([text]), [])), end + 1 if end >= 0 else size)


def check_encoding(data: bytes, source: str, first_line: int, offset: int) -> None:
    """Raise `InputRefused` with byte offset and line for a NUL byte or a byte that is not UTF-8."""
    position = data.find(b"\0")
    if position >= 0:
        where = _place(data, position, first_line, offset)
        raise InputRefused(f"{source}, {where}: a NUL byte; the file is binary, UTF-16 or damaged")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        where = _place(data, error.start, first_line, offset)
        found = f"0x{data[error.start]:02x}"
        raise InputRefused(f"{source}, {where}: {found} is not UTF-8; export the file as UTF-8 (it looks like Latin-1)") from error


def _place(data: bytes, position: int, first_line: int, offset: int) -> str:
    return f"line {first_line + data.count(NEWLINE, 0, position)}, byte {offset + position}"


def read_batches(path: Path, header: Header, wanted: dict[str, int], source: str, block_bytes: int = BLOCK_BYTES) -> Iterator[Batch]:
    """Records after the header, block by block; `wanted` maps column names to header positions. The block size changes nothing else."""
    line, offset, carry, final = 2, header.body_offset, b"", False
    with path.open("rb") as stream:
        stream.seek(header.body_offset)
        while not final:
            block = stream.read(block_bytes)
            final = not block
            data = carry + block
            cut = len(data) if final else data.rfind(NEWLINE) + 1
            if len(data) - cut > BLOCK_BYTES:
                where = _place(data, cut, line, offset)
                raise InputRefused(f"{source}, {where}: no line end within {BLOCK_BYTES} bytes; lines must end with LF or CRLF")
            lines = _Lines(data[:cut], line, len(header.names), final)
            if not lines.count:
                carry = data
                continue
            check_encoding(lines.data, source, line, offset)
            batch = lines.split(wanted)
            carry = lines.rest() + data[cut:]
            line, offset = line + lines.taken, offset + len(data) - len(carry)
            yield batch


class _Lines:
    """The physical lines of one block; `taken` of them are used up, the rest waits for the next block."""

    def __init__(self, data: bytes, first_line: int, width: int, final: bool) -> None:
        if final and data and not data.endswith(NEWLINE):
            data += NEWLINE
        self.data, self.first_line, self.width, self.final = data, first_line, width, final
        codes = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(codes == 10)
        self.count = self.taken = len(ends)
        self.starts = np.concatenate([[0], ends + 1])[: len(ends)].astype(np.int64)
        returns = np.flatnonzero(codes == 13)
        self.stops = ends - np.isin(ends - 1, returns)
        self.next_starts = ends + 1
        self.quotes = self._per_line(np.flatnonzero(codes == 34))
        self.returns = self._per_line(returns)
        self.cells = self._per_line(np.flatnonzero(codes == 44)) + 1
        self.blank = self.stops <= self.starts

    def _per_line(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(positions, self.stops) - np.searchsorted(positions, self.starts)

    def split(self, wanted: dict[str, int]) -> Batch:
        long = self.stops - self.starts > MAX_LINE_BYTES
        bare = ~self.blank & ~long & (self.quotes == 0)
        quoted, broken, inner = self._quoted(np.flatnonzero(~long & (self.quotes > 0)))
        bare &= ~inner
        stray = bare & (self.returns > 0)
        good = bare & ~stray & (self.cells == self.width)
        used = np.arange(self.count) < self.taken
        good &= used
        broken += [self._broken(i, "line_too_long", "") for i in np.flatnonzero(long & used)]
        broken += [self._broken(i, "control_character", "\r") for i in np.flatnonzero(stray & used)]
        broken += [self._miscounted(i, int(self.cells[i])) for i in np.flatnonzero(bare & ~stray & ~good & used)]
        cells = pa.concat_tables([self._plain(good, wanted), _table(quoted, wanted)])
        return Batch(cells, sorted(broken, key=lambda b: b.line), int((~self.blank & ~inner & used).sum()))

    def rest(self) -> bytes:
        return self.data[self.starts[self.taken] :] if self.taken < self.count else b""

    def _text(self, first: int, last: int) -> str:
        return self.data[self.starts[first] : self.stops[last]].decode()

    def _broken(self, index: int, reason: str, value: str) -> Broken:
        return Broken(self.first_line + int(index), reason, value)

    def _miscounted(self, index: int, found: int) -> Broken:
        reason = "too_few_fields" if found < self.width else "too_many_fields"
        return self._broken(index, reason, f"{found} fields, expected {self.width}")

    def _plain(self, good: NDArray[np.bool_], wanted: dict[str, int]) -> pa.Table:
        """Unquoted records of the right width through Arrow's reader, which has nothing left to guess."""
        if not good.any():
            return _table([], wanted)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(np.int8), [0]])))
        view = memoryview(self.data)
        runs = [view[self.starts[a] : self.next_starts[b - 1]] for a, b in zip(edges[::2], edges[1::2], strict=True)]
        data = runs[0] if len(runs) == 1 else b"".join(runs)
        names = [str(i) for i in range(self.width)]
        table = pacsv.read_csv(
            pa.BufferReader(data),
            pacsv.ReadOptions(column_names=names, block_size=max(len(data) + 1, 1024), use_threads=False),
            pacsv.ParseOptions(quote_char=False, double_quote=False, escape_char=False, newlines_in_values=False),
            pacsv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                include_columns=[str(i) for i in wanted.values()],
                strings_can_be_null=False,
                null_values=[],
            ),
        ).rename_columns(list(wanted))
        lines = np.flatnonzero(good) + self.first_line
        if table.num_rows != len(lines):
            raise RuntimeError(f"{len(lines)} lines gave {table.num_rows} records")
        return table.append_column(LINE_COLUMN, pa.array(lines, pa.int64()))

    def _quoted(self, candidates: NDArray[np.int64]) -> tuple[list[tuple[int, list[str]]], list[Broken], NDArray[np.bool_]]:
        records, broken, inner, done = [], [], np.zeros(self.count, dtype=bool), -1
        for index in candidates.tolist():
            if index <= done:
                continue
            last = self._closing(index)
            if last is None:
                self.taken = index
                break
            cells = _parse(self._text(index, last)) if last >= 0 else None
            if cells is None or (last > index and len(cells) != self.width):
                broken.append(self._broken(index, "bad_quoting", self._text(index, index)[:200]))
                continue
            done = last
            inner[index + 1 : last + 1] = True
            if len(cells) == self.width:
                records.append((self.first_line + index, cells))
            else:
                broken.append(self._miscounted(index, len(cells)))
        return records, broken, inner

    def _closing(self, index: int) -> int | None:
        """The line on which the quotes opened on line `index` balance, None if the next block must tell, -1 if they never do.

        Nor do they if a whole record of its own stands in between: then the quote is a stray one and must not swallow it.
        """
        parity = 0
        for last in range(index, min(index + MAX_RECORD_LINES, self.count)):
            if last > index and not self.quotes[last] and self.cells[last] == self.width:
                return -1
            parity ^= int(self.quotes[last]) & 1
            if not parity:
                return last if self.stops[last] - self.starts[index] <= MAX_LINE_BYTES else -1
        return -1 if self.final or index + MAX_RECORD_LINES <= self.count else None


def _parse(text: str) -> list[str] | None:
    return next(csv.reader([text], strict=True)) if _RECORD.fullmatch(text) else None


def _table(records: list[tuple[int, list[str]]], wanted: dict[str, int]) -> pa.Table:
    columns = {name: pa.array([cells[i] for _, cells in records], pa.string()) for name, i in wanted.items()}
    return pa.table(columns | {LINE_COLUMN: pa.array([line for line, _ in records], pa.int64())})


def raw_lines(path: Path, lines: set[int], max_chars: int = 2000) -> dict[int, str]:
    """The text of given physical lines, cut at `max_chars`."""
    found: dict[int, str] = {}
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if number in lines:
                found[number] = line.decode("utf-8", "replace").rstrip("\r\n")[:max_chars]
                if len(found) == len(lines):
                    break
    return found
