"""Lines of a delimited file to records of text cells, strictly: RFC 4180 to the letter, in the declared delimiter and quote.

A line without quotes, or with tidy ones, splits at delimiters and takes the vectorised road; a block without any quote takes it whole. A
quoted cell may span lines only if the whole then has the header's width; otherwise its first line alone is broken and reading goes on.
"""

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from pipelines.extracts.reading.dialect import Dialect
from pipelines.extracts.reading.plain_text import LineBlock
from pipelines.extracts.reading.records import LINE_COLUMN, MAX_LINE_BYTES, MAX_RECORD_LINES, NEWLINE, Batch, Broken, text_table
from pipelines.extracts.reading.tidy_quotes import STAND_IN, TidyQuotes, all_unquoted

PIECE_BYTES = 1024**2  # fits the cache, so that what is parsed is looked at while it is there
_MARK = b"\xef\xbb\xbf"


def split_block(block: LineBlock, width: int, wanted: dict[str, int], dialect: Dialect, final: bool) -> tuple[Batch, bytes]:
    """Records of whole lines, and the lines at the end that only the next block can tell the meaning of (none if `final`)."""
    batch = _quick(block, width, wanted, dialect)
    if batch is not None:
        return batch, b""
    lines = _Lines(block.data, block.first_line, width, dialect, final)
    return lines.split(wanted), lines.rest()


def _quick(block: LineBlock, width: int, wanted: dict[str, int], dialect: Dialect) -> Batch | None:
    """A block in which nothing is odd: all cells are quoted or none, no stray return, no blank or overlong line, and Arrow finds the width
    everywhere.
    """
    data = block.data
    if _has_long_line(data):
        return None
    if dialect.quote and dialect.quote.encode() in data:
        bare = all_unquoted(data, dialect)
        if bare is None:
            return None
        data, dialect = bare, Dialect(STAND_IN.decode(), "")
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return None
    try:
        table = read_bare(data, width, wanted, dialect)
    except pa.ArrowInvalid:
        return None
    if table.num_rows != block.lines:  # Arrow passes over blank lines
        return None
    lines = pa.array(np.arange(block.first_line, block.first_line + block.lines), pa.int64())
    return Batch(table.append_column(LINE_COLUMN, pa.chunked_array(_in_pieces(lines, table))), [], block.lines)


def _has_long_line(data: bytes) -> bool:
    end = 0
    while end < len(data):
        following = data.rfind(NEWLINE, end, end + MAX_LINE_BYTES + 1) + 1
        if not following:
            return True
        end = following
    return False


def _in_pieces(lines: pa.Array, table: pa.Table) -> list[pa.Array]:
    """An array cut like the chunks of a table."""
    pieces, done = [], 0
    for chunk in table.column(0).chunks:
        pieces.append(lines.slice(done, len(chunk)))
        done += len(chunk)
    return pieces


def read_bare(data: bytes | memoryview, width: int, wanted: dict[str, int], dialect: Dialect) -> pa.Table:
    """Unquoted records through Arrow's reader, which has nothing left to guess. Raises `ArrowInvalid` for another width."""
    if bytes(data[:3]) == _MARK:
        data = _MARK + bytes(data)  # Arrow takes one mark off, wherever the block stands in the file
    names = [str(i) for i in range(width)]
    return pacsv.read_csv(
        pa.BufferReader(data),
        pacsv.ReadOptions(column_names=names, block_size=PIECE_BYTES, use_threads=True),
        pacsv.ParseOptions(delimiter=dialect.delimiter, quote_char=False, double_quote=False, escape_char=False, newlines_in_values=False),
        pacsv.ConvertOptions(
            check_utf8=False,
            column_types={name: pa.string() for name in names},
            include_columns=[str(i) for i in wanted.values()],
            strings_can_be_null=False,
            null_values=[],
        ),
    ).rename_columns(list(wanted))


class _Lines:
    """The physical lines of one block; `taken` of them are used up, the rest waits for the next block."""

    def __init__(self, data: bytes, first_line: int, width: int, dialect: Dialect, final: bool) -> None:
        self.data, self.first_line, self.width, self.dialect, self.final = data, first_line, width, dialect, final
        codes = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(codes == 10)
        self.count = self.taken = len(ends)
        self.starts = np.concatenate([[0], ends + 1])[: len(ends)].astype(np.int64)
        returns = np.flatnonzero(codes == 13)
        self.stops = ends - np.isin(ends - 1, returns)
        self.next_starts = ends + 1
        quotes = np.flatnonzero(codes == ord(dialect.quote)) if dialect.quote else np.empty(0, np.int64)
        self.quotes = self._per_line(quotes)
        self.returns = self._per_line(returns)
        self.tidied = TidyQuotes(data, self.starts, dialect)
        self.tidy = self.tidied.tidy if width > 1 else np.zeros(len(ends), bool)  # an empty cell alone would leave a blank line
        self.cells = self.tidied.cells
        self.blank = self.stops <= self.starts

    def _per_line(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(positions, self.stops) - np.searchsorted(positions, self.starts)

    def split(self, wanted: dict[str, int]) -> Batch:
        long = self.stops - self.starts > MAX_LINE_BYTES
        bare = ~self.blank & ~long & ((self.quotes == 0) | self.tidy)
        quoted, broken, inner = self._quoted(np.flatnonzero(~long & (self.quotes > 0) & ~self.tidy))
        bare &= ~inner
        stray = bare & (self.returns > 0)
        good = bare & ~stray & (self.cells == self.width)
        used = np.arange(self.count) < self.taken
        good &= used
        broken += [self._broken(i, "line_too_long", "") for i in np.flatnonzero(long & used)]
        broken += [self._broken(i, "control_character", "\r") for i in np.flatnonzero(stray & used)]
        broken += [self._miscounted(i, int(self.cells[i])) for i in np.flatnonzero(bare & ~stray & ~good & used)]
        cells = pa.concat_tables([self._plain(good, wanted), text_table(quoted, wanted)])
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
        if not good.any():
            return text_table([], wanted)
        table = self._unquoted(good, wanted) if (good & self.tidy).any() else self._runs(good, wanted)
        lines = np.flatnonzero(good) + self.first_line
        if table.num_rows != len(lines):
            raise RuntimeError(f"{len(lines)} lines gave {table.num_rows} records")
        return table.append_column(LINE_COLUMN, pa.array(lines, pa.int64()))

    def _unquoted(self, good: NDArray[np.bool_], wanted: dict[str, int]) -> pa.Table:
        return read_bare(self.tidied.bare(good), self.width, wanted, Dialect(STAND_IN.decode(), ""))

    def _runs(self, good: NDArray[np.bool_], wanted: dict[str, int]) -> pa.Table:
        """Lines without a quote, as they stand."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(np.int8), [0]])))
        view = memoryview(self.data)
        runs = [view[self.starts[a] : self.next_starts[b - 1]] for a, b in zip(edges[::2], edges[1::2], strict=True)]
        return read_bare(runs[0] if len(runs) == 1 else b"".join(runs), self.width, wanted, self.dialect)

    def _quoted(self, candidates: NDArray[np.int64]) -> tuple[list[tuple[int, list[str]]], list[Broken], NDArray[np.bool_]]:
        records, broken, inner, done = [], [], np.zeros(self.count, dtype=bool), -1
        for index in candidates.tolist():
            if index <= done:
                continue
            last = self._closing(index)
            if last is None:
                self.taken = index
                break
            cells = self.dialect.parse(self._text(index, last)) if last >= 0 else None
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
