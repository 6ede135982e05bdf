"""The nouns of reading: a batch of text cells with their lines, a broken record, and the limits that every format keeps."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

MAX_FILE_BYTES = 2 * 1024**3
MAX_LINE_BYTES = 64 * 1024
MAX_RECORD_LINES = 20
MAX_COLUMNS = 2000
BLOCK_BYTES = 16 * 1024**2
RAW_CHARS = 2000
LINE_COLUMN = "_line"
NEWLINE = b"\n"


@dataclass(frozen=True)
class Broken:
    """A record that has no cells to judge: its first line, why, the offending text, and its column if one cell is to blame."""

    line: int
    reason: str
    value: str
    column: str = ""


@dataclass
class Batch:
    """Cells of consecutive records as text plus `_line`, the broken ones, and how many records the lines hold, counted apart."""

    cells: pa.Table
    broken: list[Broken] = field(default_factory=list)
    rows: int = 0


def text_table(records: Sequence[tuple[int, Sequence[str]]], wanted: dict[str, int]) -> pa.Table:
    """Records given as (line, cells) as a table of the wanted cells and their lines."""
    columns = {name: pa.array([cells[i] for _, cells in records], pa.string()) for name, i in wanted.items()}
    return pa.table(columns | {LINE_COLUMN: pa.array([line for line, _ in records], pa.int64())})
