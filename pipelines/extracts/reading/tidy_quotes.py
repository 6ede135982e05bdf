"""Lines whose quotes are tidy, found and taken off in bulk: each cell is quoted as a whole or not at all, with no quote inside.

Of such a line RFC 4180 has one reading, which needs no parser. Every other line is left to one. Where all cells of a block are quoted, it
is taken whole.
"""

import numpy as np
from numpy.typing import NDArray

from pipelines.extracts.reading.dialect import Dialect

STAND_IN = b"\x1f"
_LF, _CR = 10, 13


def all_unquoted(data: bytes, dialect: Dialect) -> bytes | None:
    """A block in which every cell is quoted, without its quotes and with a unit separator between cells; None if it is not plainly so.

    If nothing but `","` and the same around a line end takes all quotes away save the first and the last, those were the edges of cells:
    what follows an opening quote holds none, so the next quote closes, and what stands behind it separates and opens.
    """
    quote = dialect.quote.encode()
    end = b"\r\n" if data.endswith(quote + b"\r\n") else b"\n"
    if len(data) < len(end) + 2 or not data.startswith(quote) or not data.endswith(quote + end) or STAND_IN in data:
        return None
    within = data[1 : -1 - len(end)]
    ends = within.count(quote + end + quote)
    bare = within.replace(quote + end + quote, b"\n").replace(quote + dialect.delimiter.encode() + quote, STAND_IN)
    return bare + b"\n" if quote not in bare and b"\r" not in bare and bare.count(b"\n") == ends else None


class TidyQuotes:
    """A block of whole lines: `tidy` says which lines have quotes and all of them tidy, `cells` how many cells each line without a quote
    inside has, and `bare` gives lines without their quotes, at whose delimiters a unit separator stands.
    """

    def __init__(self, data: bytes, starts: NDArray[np.int64], dialect: Dialect) -> None:
        self._codes, self._starts, self._sizes = np.frombuffer(data, np.uint8), starts, np.diff(np.append(starts, len(data)))
        self._quotes = self._codes == ord(dialect.quote) if dialect.quote else np.zeros(len(data), bool)
        within = self._within()
        self._ends = (self._codes == ord(dialect.delimiter)) & ~within
        self.cells = self._per_line(self._ends) + 1
        self.tidy = np.zeros(len(starts), bool)
        if STAND_IN not in data:
            self.tidy = (self._per_line(self._quotes) > 0) & (self._per_line(self._untidy(within)) == 0)

    def bare(self, lines: NDArray[np.bool_]) -> bytes:
        """The bytes of some lines, all of them tidy or without a quote."""
        found = np.where(self._ends, np.uint8(STAND_IN[0]), self._codes)
        kept = ~self._quotes if lines.all() else ~self._quotes & np.repeat(lines, self._sizes)
        return found[kept].tobytes()

    def _within(self) -> NDArray[np.bool_]:
        """Bytes inside quotes, the opening one included, by counting the quotes from the start of each line."""
        odd = np.cumsum(self._quotes, dtype=np.uint8) & 1
        before = np.zeros(len(self._starts), np.uint8)
        before[1:] = odd[self._starts[1:] - 1]
        return (odd ^ np.repeat(before, self._sizes) if before.any() else odd).astype(bool)

    def _untidy(self, within: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Quotes that do not stand at the edge of a cell, line ends inside quotes, and returns that end no line."""
        ends_line = self._codes == _LF
        returns = self._codes == _CR
        edge = self._ends | ends_line
        before, behind = np.append(True, edge[:-1]), np.append(edge[1:], True)
        if returns.any():
            ending = returns & np.append(ends_line[1:], False)
            behind |= np.append(ending[1:], False)
            returns &= ~ending
        return (self._quotes & ~np.where(within, before, behind)) | (ends_line & within) | returns

    def _per_line(self, marks: NDArray[np.bool_]) -> NDArray[np.int64]:
        places = np.flatnonzero(marks)
        return np.diff(np.append(np.searchsorted(places, self._starts), len(places)))
