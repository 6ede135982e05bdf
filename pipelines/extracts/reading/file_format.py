"""What a source's file looks like, and one door to its records whatever it looks like. Which column means what is the layout's business.

A format module turns bytes into batches of text cells with their line; nothing is judged or cast here.
"""

import codecs
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipelines.domain.errors import UsageError
from pipelines.extracts.reading.records import BLOCK_BYTES, Batch
from pipelines.extracts.reading.unpacking import unpack
from pipelines.machine.reading import require_file
from pipelines.machine.temporary import scratch_folder

KINDS = ("csv", "fixed", "xlsx", "parquet", "jsonl")
_FORBIDDEN_MARKS = "\0\r\n"


@dataclass(frozen=True)
class FixedField:
    """A field of a fixed-width line; `start` counts from 1, both in characters."""

    name: str
    start: int
    width: int


@dataclass(frozen=True)
class FileFormat:
    """How bytes become records. Raises `UsageError` for a combination that cannot be read.

    `encoding` is any text codec; a `quote` of "" means that no quoting is used, otherwise a doubled quote escapes one. `skip_lines`
    stand before the header; without a `header` the `names` give it. `fields` is for fixed width, which has no header line, `sheet`
    for XLSX ("" = the only or first visible one), `records` for JSON lines (dotted path to the list of records in a line, "" = the
    line is the record). `trailer` is a regular expression that the last line must match; a group `rows` in it must equal the rows
    before it; of a spreadsheet it sees the cells joined by the delimiter.
    """

    kind: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    skip_lines: int = 0
    header: bool = True
    names: tuple[str, ...] = ()
    fields: tuple[FixedField, ...] = ()
    sheet: str = ""
    records: str = ""
    trailer: str = ""

    def __post_init__(self) -> None:
        problems = [*_encoding_problems(self.encoding), *self._mark_problems(), *self._shape_problems(), *self._trailer_problems()]
        if problems:
            raise UsageError(f"file format: {'; '.join(problems)}")

    @property
    def is_utf8(self) -> bool:
        """Whether the text needs no transcoding."""
        return codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig")

    def _mark_problems(self) -> Generator[str]:
        if len(self.delimiter) != 1 or self.delimiter in _FORBIDDEN_MARKS:
            yield f"delimiter must be one character, found {self.delimiter!r}"
        if len(self.quote) > 1 or (self.quote and (self.quote in _FORBIDDEN_MARKS or not self.quote.isascii())):
            yield f"quote must be one ASCII character or empty, found {self.quote!r}"
        if self.quote and self.quote == self.delimiter:
            yield f"delimiter and quote are both {self.quote!r}"

    def _shape_problems(self) -> Generator[str]:
        if self.kind not in KINDS:
            yield f"kind is one of {', '.join(KINDS)}, found {self.kind!r}"
        if self.skip_lines < 0:
            yield f"skip_lines must not be negative, found {self.skip_lines}"
        if self.kind in ("csv", "xlsx") and not self.header and not self.names:
            yield "a file without a header line needs names"
        if self.header and self.names:
            yield "names are for a file without a header line; say header: false or leave them out"
        if self.kind == "fixed" and not self.fields:
            yield "fixed width needs fields with start and width"
        yield from (f"field {f.name!r}: start and width count from 1" for f in self.fields if f.start < 1 or f.width < 1)

    def _trailer_problems(self) -> Generator[str]:
        if not self.trailer:
            return
        if self.kind in ("parquet", "jsonl"):
            yield f"a {self.kind} file has no trailer line"
        try:
            re.compile(self.trailer)
        except re.error as error:
            yield f"trailer is not a regular expression: {error}"


def _encoding_problems(encoding: str) -> Generator[str]:
    try:
        "".encode(encoding)  # refuses codecs between bytes or between texts, such as zlib and rot13
        known = codecs.lookup(encoding).name.replace("-", "_") not in (
            "unicode_escape",
            "raw_unicode_escape",
            "idna",
            "punycode",
            "undefined",
            "utf_7",
        )
    except (LookupError, ValueError, TypeError):
        known = False
    if not known:
        yield f"unknown text encoding {encoding!r}; such as utf-8, utf-16, latin-1, cp1252"


CANONICAL = FileFormat()


class RecordSource(Protocol):
    """An open file. `names` are its columns as written, `header_line` the line they stand on, `notes` what a user should know of it."""

    names: tuple[str, ...]
    header_line: int
    notes: tuple[str, ...]

    def batches(self, wanted: dict[str, int]) -> Iterator[Batch]:
        """All records as text cells plus `_line`; `wanted` maps names of cells to positions in `names`."""
        ...

    def raw_lines(self, lines: set[int]) -> dict[int, str]:
        """The text of given lines (rows of a sheet or Parquet file) as it stands in the file, cut to a sensible length."""
        ...


@contextmanager
def open_records(
    path: Path, file_format: FileFormat = CANONICAL, source: str = "", block_bytes: int = BLOCK_BYTES
) -> Generator[RecordSource]:
    """Open a file of any format, packed with gzip or zip or not; `source` is its name in messages.

    Raises `InputRefused` with place and remedy for what cannot be read: here, or while its batches are taken.
    """
    source = source or Path(path).name
    require_file(Path(path), source)
    with scratch_folder() as folder:
        yield _open(unpack(Path(path), source, file_format.kind, folder), file_format, source, folder, block_bytes)


def _open(path: Path, file_format: FileFormat, source: str, folder: Path, block_bytes: int) -> RecordSource:
    if file_format.kind == "xlsx":
        from pipelines.extracts.reading.reading_xlsx import XlsxRecords

        return XlsxRecords(path, file_format, source)
    if file_format.kind == "parquet":
        from pipelines.extracts.reading.reading_parquet import ParquetRecords

        return ParquetRecords(path, source)
    from pipelines.extracts.reading.plain_text import plain_text

    text = plain_text(path, file_format, source, folder)
    if file_format.kind == "fixed":
        from pipelines.extracts.reading.reading_fixed import FixedRecords

        return FixedRecords(text, file_format, block_bytes)
    if file_format.kind == "jsonl":
        from pipelines.extracts.reading.reading_jsonl import JsonRecords

        return JsonRecords(text, file_format, folder, block_bytes)
    from pipelines.extracts.reading.reading_csv import CsvRecords

    return CsvRecords(text, file_format, block_bytes)
