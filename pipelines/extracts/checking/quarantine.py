"""What is told of quarantined rows: where they stood, why, in whose words, and which location and item they are about."""

import duckdb
import pyarrow as pa

from pipelines.extracts.contracts.contract import FeedContract
from pipelines.extracts.reading.file_format import RecordSource
from pipelines.extracts.reading.records import LINE_COLUMN

PLACE = ("location_id", "item_id")
QUARANTINE_SCHEMA = pa.schema(
    [("feed", pa.string()), ("file", pa.string()), ("line", pa.int64())]
    + [(name, pa.string()) for name in ("column", "reason", "value", "raw", *PLACE)]
)


def note_places(connection: duckdb.DuckDBPyConnection, contract: FeedContract, rows: str) -> None:
    """Remember which location and item the quarantined rows of a table are about."""
    names = [column.name for column in contract.columns]
    ids = [next((f'"{name}"' for name in spellings if name in names), "''") for spellings in (("location_id", "origin"), ("item_id",))]
    noted = f"{LINE_COLUMN} IN (SELECT line FROM quarantined EXCEPT SELECT line FROM places)"  # noqa: S608 - our own names
    connection.execute(f"INSERT INTO places SELECT {LINE_COLUMN}, {', '.join(ids)} FROM {rows} WHERE {noted}")  # noqa: S608 - from contracts


def quarantined_rows(connection: duckdb.DuckDBPyConnection, contract: FeedContract, records: RecordSource, source: str) -> pa.Table:
    """All quarantined rows by line."""
    found = connection.execute(
        """SELECT line, "column", reason, "value", coalesce(location_id, '') AS location_id, coalesce(item_id, '') AS item_id
        FROM quarantined LEFT JOIN places USING (line) ORDER BY line"""
    ).to_arrow_table()
    lines = found["line"].to_pylist()
    raw = records.raw_lines(set(lines)) if lines else {}
    table = pa.table(
        {
            "feed": pa.array([contract.feed] * len(lines), pa.string()),
            "file": pa.array([source] * len(lines), pa.string()),
            "line": found["line"],
            "column": found["column"],
            "reason": found["reason"],
            "value": found["value"],
            "raw": pa.array([raw[line] for line in lines], pa.string()),
        }
        | {name: found[name] for name in PLACE}
    )
    return table.cast(QUARANTINE_SCHEMA).combine_chunks()
