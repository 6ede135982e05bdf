"""What is told of quarantined rows: where they stood, why, in whose words, and which location and item they are about."""

import duckdb
import pyarrow as pa

from pipelines.extracts.contracts.contract import FeedContract
from pipelines.extracts.reading.file_format import RecordSource
from pipelines.extracts.reading.records import LINE_COLUMN

PLACE = ("location_id", "item_id")
# The text of so many quarantined lines is kept, the first ones: enough for one row in twenty of the largest files, and what memory holds.
MAX_RAW_LINES = 500_000
PIECE_ROWS = 100_000
QUARANTINE_SCHEMA = pa.schema(
    [("feed", pa.string()), ("file", pa.string()), ("line", pa.int64())]
    + [(name, pa.string()) for name in ("column", "reason", "value", "raw", *PLACE)]
)


def are_too_many(refused: int, of: int, share: float) -> bool:
    """Whether no plan is made around so many refused rows `of` a feed's own: above the share, or more than have their text kept.

    >>> are_too_many(5, 100, 0.05), are_too_many(6, 100, 0.05), are_too_many(500_001, 100_000_000, 0.05)
    (False, True, True)
    """
    return refused > 0 and (refused / of > share or refused > MAX_RAW_LINES)


def note_places(connection: duckdb.DuckDBPyConnection, contract: FeedContract, rows: str) -> None:
    """Remember which location and item the quarantined rows of a table are about."""
    names = [column.name for column in contract.columns]
    ids = [next((f'"{name}"' for name in spellings if name in names), "''") for spellings in (("location_id", "origin"), ("item_id",))]
    noted = f"{LINE_COLUMN} IN (SELECT line FROM quarantined EXCEPT SELECT line FROM places)"  # noqa: S608 - our own names
    connection.execute(f"INSERT INTO places SELECT {LINE_COLUMN}, {', '.join(ids)} FROM {rows} WHERE {noted}")  # noqa: S608 - from contracts


def quarantined_rows(connection: duckdb.DuckDBPyConnection, contract: FeedContract, records: RecordSource, source: str) -> pa.Table:
    """All quarantined rows by line; `raw` is empty behind the first `MAX_RAW_LINES`."""
    found = connection.execute(
        """SELECT line, "column", reason, "value", coalesce(location_id, '') AS location_id, coalesce(item_id, '') AS item_id
        FROM quarantined LEFT JOIN places USING (line) ORDER BY line"""
    ).to_arrow_table()
    lines = found["line"].slice(0, MAX_RAW_LINES).to_pylist()
    raw = records.raw_lines(set(lines)) if lines else {}
    texts = pa.chunked_array([pa.array([raw[line] for line in lines], pa.string()), *_repeated("", found.num_rows - len(lines)).chunks])
    table = pa.table(
        {
            "feed": _repeated(contract.feed, found.num_rows),
            "file": _repeated(source, found.num_rows),
            "line": found["line"],
            "column": found["column"],
            "reason": found["reason"],
            "value": found["value"],
            "raw": texts,
        }
        | {name: found[name] for name in PLACE}
    )
    return table.cast(QUARANTINE_SCHEMA)


def _repeated(text: str, rows: int) -> pa.ChunkedArray:
    """A column that says the same everywhere, whose pieces share their memory."""
    piece = pa.repeat(text, min(rows, PIECE_ROWS))
    return pa.chunked_array([piece.slice(0, rows - first) for first in range(0, rows, PIECE_ROWS)], pa.string())
