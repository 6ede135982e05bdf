"""Fixed-width text: fields by their place in characters. Blanks around a field are filling and no part of it.

Every line must have the width of the first one, which reaches at least to the end of the last field: a shorter or longer line has
lost or gained characters, so that no field of it can be trusted.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from pipelines.extracts.reading.file_format import FileFormat
from pipelines.extracts.reading.plain_text import PlainText, line_blocks
from pipelines.extracts.reading.records import BLOCK_BYTES, LINE_COLUMN, MAX_LINE_BYTES, Batch, Broken

compute: Any = pyarrow.compute  # its functions are made at import time, which no type checker sees


class FixedRecords:
    """An open fixed-width file; see `RecordSource`."""

    notes: tuple[str, ...] = ()

    def __init__(self, text: PlainText, file_format: FileFormat, block_bytes: int = BLOCK_BYTES) -> None:
        self._text, self._fields, self._block_bytes = text, file_format.fields, block_bytes
        self.names = tuple(field.name for field in file_format.fields)
        self.header_line = max(1, text.first_line - 1)
        self._width = max(field.start + field.width - 1 for field in file_format.fields)
        self._is_first = True

    def batches(self, wanted: dict[str, int]) -> Iterator[Batch]:
        """Records block by block; see `RecordSource`."""
        self._is_first, rows = True, 0
        for block in line_blocks(self._text, self._block_bytes):
            batch = self._split(block.data, block.first_line, wanted)
            rows += batch.rows
            yield batch
        self._text.check_rows(rows)

    def raw_lines(self, lines: set[int]) -> dict[int, str]:
        """Physical lines as text; see `RecordSource`."""
        return self._text.raw_lines(lines)

    def _split(self, data: bytes, first_line: int, wanted: dict[str, int]) -> Batch:
        codes = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(codes == 10)
        starts = np.concatenate([[0], ends[:-1] + 1])
        texts = _texts(data, starts, ends - (codes[np.maximum(ends - 1, 0)] == 13) * (ends > starts))
        lengths = compute.utf8_length(texts).to_numpy(zero_copy_only=False)
        filled = lengths > 0
        if self._is_first and filled.any():
            self._width, self._is_first = max(self._width, int(lengths[filled][0])), False
        good = filled & (lengths == self._width)
        broken = [self._broken(i, first_line, int(ends[i] - starts[i]), int(lengths[i])) for i in np.flatnonzero(filled & ~good)]
        kept = texts.filter(pa.array(good))
        cells = {name: self._cells(kept, position) for name, position in wanted.items()}
        lines = pa.array(np.flatnonzero(good) + first_line, pa.int64())
        return Batch(pa.table(cells | {LINE_COLUMN: lines}), broken, int(filled.sum()))

    def _cells(self, lines: pa.StringArray, position: int) -> pa.StringArray:
        field = self._fields[position]
        return compute.utf8_trim(compute.utf8_slice_codeunits(lines, field.start - 1, field.start - 1 + field.width), " ")

    def _broken(self, index: int, first_line: int, size: int, length: int) -> Broken:
        if size > MAX_LINE_BYTES:
            return Broken(first_line + int(index), "line_too_long", "")
        reason = "too_few_fields" if length < self._width else "too_many_fields"
        return Broken(first_line + int(index), reason, f"{length} characters, expected {self._width}")


def _texts(data: bytes, starts: np.ndarray, stops: np.ndarray) -> pa.StringArray:
    """Lines without their ends: an array over the block in which every second text is a line end, of which the others are taken."""
    offsets = np.empty(2 * len(starts) + 1, np.int32)
    offsets[0:-1:2], offsets[1::2], offsets[-1] = starts, stops, len(data)
    pieces = pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(data))
    return pieces.take(pa.array(np.arange(0, len(offsets) - 1, 2)))
