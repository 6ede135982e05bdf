"""Delimited text: header and batches of records in the declared dialect. How a line splits is the business of `csv_lines`."""

from collections.abc import Iterator

from pipelines.domain.errors import InputRefused
from pipelines.extracts.reading.csv_lines import split_block
from pipelines.extracts.reading.dialect import Dialect
from pipelines.extracts.reading.file_format import FileFormat
from pipelines.extracts.reading.plain_text import LineBlock, PlainText, line_blocks
from pipelines.extracts.reading.records import BLOCK_BYTES, MAX_COLUMNS, NEWLINE, Batch


class CsvRecords:
    """An open delimited file; see `RecordSource`."""

    notes: tuple[str, ...] = ()

    def __init__(self, text: PlainText, file_format: FileFormat, block_bytes: int = BLOCK_BYTES) -> None:
        self._text, self._block_bytes = text, block_bytes
        self._dialect = Dialect(text.delimiter, file_format.quote)
        self.header_line = text.header_line
        names = file_format.names if not file_format.header else self._dialect.parse(text.header)
        where = f"{text.source}, line {self.header_line}"
        if names is None or "\r" in text.header:
            hint = "a header over several lines takes `skip_lines:`, `header: false` and `names:` in the layout"
            raise InputRefused(f"{where}: the header is not well-formed CSV: {text.header[:200]!r}; {hint}")
        if len(names) > MAX_COLUMNS:
            raise InputRefused(f"{where}: {len(names)} columns, more than the limit of {MAX_COLUMNS}; send fewer")
        self.names: tuple[str, ...] = tuple(names)

    def batches(self, wanted: dict[str, int]) -> Iterator[Batch]:
        """Records block by block; see `RecordSource`."""
        text, carry, waiting, rows = self._text, b"", 0, 0
        blocks = line_blocks(text, self._block_bytes)
        block = next(blocks, None)
        while block is not None:
            following = next(blocks, None)
            data = carry + block.data if carry else block.data
            shape = LineBlock(data, block.first_line - waiting, block.lines + waiting)
            batch, carry = split_block(shape, len(self.names), wanted, self._dialect, final=following is None)
            waiting = carry.count(NEWLINE) if carry else 0
            rows += batch.rows
            yield batch
            block = following
        text.check_rows(rows)

    def raw_lines(self, lines: set[int]) -> dict[int, str]:
        """Physical lines as text; see `RecordSource`."""
        return self._text.raw_lines(lines)
