"""What a source's file looks like, and one door to its records whatever it looks like. Which column means what is the layout's business.

A format module turns bytes into batches of text cells with their line; nothing is judged or cast here.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipelines.domain.errors import UsageError
from pipelines.extracts.records import BLOCK_BYTES, Batch, read_batches, read_header
from pipelines.extracts.records import raw_lines as read_raw_lines

KINDS = ("csv", "fixed", "xlsx", "parquet", "jsonl")


@dataclass(frozen=True)
class FixedField:
    """A field of a fixed-width line; `start` counts from 1, both in characters."""

    name: str
    start: int
    width: int


@dataclass(frozen=True)
class FileFormat:
    """How bytes become records.

    `encoding` is any text codec; a `quote` of "" means that no quoting is used, otherwise a doubled quote escapes one. `skip_lines`
    stand before the header; without a `header` the `names` give it. `fields` is for fixed width, `sheet` for XLSX ("" = the only or
    first one), `records` for JSON lines (dotted path to the list of records in a line, "" = the line is the record). `trailer` is a
    regular expression that the last line must match, with a group `rows` that must equal the rows before it.
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
    """Open a file of any format; `source` is its name in messages. Raises `InputRefused` with place and remedy for what cannot be read."""
    source = source or Path(path).name
    if file_format != CANONICAL:
        raise UsageError(f"{source}: files of kind {file_format.kind!r} cannot be read yet; export canonical CSV")
    yield _CanonicalCsv(Path(path), source, block_bytes)


class _CanonicalCsv:
    """UTF-8, comma, RFC 4180, one header line."""

    header_line: int = 1
    notes: tuple[str, ...] = ()

    def __init__(self, path: Path, source: str, block_bytes: int) -> None:
        self.path, self.source, self.block_bytes = path, source, block_bytes
        self.header = read_header(path, source)
        self.names = self.header.names

    def batches(self, wanted: dict[str, int]) -> Iterator[Batch]:
        return read_batches(self.path, self.header, wanted, self.source, self.block_bytes)

    def raw_lines(self, lines: set[int]) -> dict[int, str]:
        return read_raw_lines(self.path, lines)
