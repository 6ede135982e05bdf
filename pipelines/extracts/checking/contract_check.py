"""One landed file against its contract: text in, typed rows or quarantined rows with reason and place out.

Rows in = accepted + quarantined + left out + merged, always, each counted apart; only a layout leaves out or merges. Writing the
result is the lake's business.
"""

import datetime
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from pipelines.domain.errors import InputRefused, did_you_mean
from pipelines.extracts.checking import text_faults
from pipelines.extracts.checking.grouping import Grouping, refuse_unknown
from pipelines.extracts.checking.plain_cells import arrow_type
from pipelines.extracts.checking.plain_rows import PlainRows
from pipelines.extracts.checking.quarantine import note_places, quarantined_rows
from pipelines.extracts.contracts import text_rules
from pipelines.extracts.contracts.contract import FeedContract
from pipelines.extracts.layouts.layout import Layout
from pipelines.extracts.mapping.companions import find_companions, load_companions
from pipelines.extracts.mapping.row_mapping import FileMapping, bind
from pipelines.extracts.mapping.source_columns import Header
from pipelines.extracts.memory_database import open_memory
from pipelines.extracts.reading.file_format import CANONICAL, RecordSource, open_records
from pipelines.extracts.reading.records import BLOCK_BYTES, LINE_COLUMN, Batch
from pipelines.machine.reading import require_file


@dataclass(frozen=True)
class CheckedFile:
    """`accepted` is typed by the contract plus `_source_line`, by key; `quarantined` has `quarantine.QUARANTINE_SCHEMA`, by line.

    A quarantined row tells the location and item that it is about as far as they can be read in the feed's own spelling, else "".
    `left_out` rows are not of the feed by the layout's `where`, `merged` ones were added to another row by its `group`. `unread_columns`
    are names of the header that neither contract nor layout reads.
    """

    rows_in: int
    accepted: pa.Table
    quarantined: pa.Table
    warnings: tuple[str, ...] = ()
    left_out: int = 0
    merged: int = 0
    unread_columns: tuple[str, ...] = ()


def check_file(
    path: Path,
    contract: FeedContract,
    layout: Layout | None = None,
    *,
    source_name: str | None = None,
    block_bytes: int = BLOCK_BYTES,
    business_date: datetime.date | None = None,
    companions: Mapping[str, Path] | None = None,
) -> CheckedFile:
    """Split the rows of a file into accepted and quarantined; without a layout it is a canonical CSV file.

    `companions` are the files that the layout looks things up in, by name; `business_date` is the landing's, for layouts that use it.
    Raises `InputRefused` naming file, line or column and remedy if the file cannot be read as the layout has it: missing or doubled
    column, wrong encoding or delimiter, empty, or header only (unless the contract allows an empty file).
    """
    path, source = Path(path), source_name or Path(path).name
    require_file(path, source)
    file_format = layout.file if layout else CANONICAL
    with open_records(path, file_format, source, block_bytes) as records, open_memory() as connection:
        _create_tables(connection, contract)
        mapping, wanted, warnings = _bound(connection, layout, contract, records, source, business_date, companions or {})
        grouping = Grouping(contract, mapping, layout.group) if layout and layout.group and mapping else None
        if grouping:
            grouping.create(connection)
        plain = PlainRows(contract)
        rows_in = left_out = merged = 0
        for batch in records.batches(wanted):
            rows_in += batch.rows
            left_out += _take(connection, contract, batch, mapping, grouping, plain, source)
        if rows_in == 0 and not contract.may_be_empty:
            raise InputRefused(f"{source}: a header and no rows; {contract.feed} is never empty, so the extract failed at its source")
        if grouping:
            merged = _judge_sums(connection, contract, grouping, source)
        accepted = _accepted(connection, contract, plain)
        quarantined = quarantined_rows(connection, contract, records, source)
    if accepted.num_rows + quarantined.num_rows + left_out + merged != rows_in:
        sides = f"{accepted.num_rows} accepted, {quarantined.num_rows} quarantined, {left_out} left out, {merged} merged"
        raise RuntimeError(f"{source}: {rows_in} rows in, {sides}")
    return CheckedFile(rows_in, accepted, quarantined, (*records.notes, *warnings), left_out, merged, _unread(records, wanted))


def _bound(
    connection: duckdb.DuckDBPyConnection,
    layout: Layout | None,
    contract: FeedContract,
    records: RecordSource,
    source: str,
    business_date: datetime.date | None,
    companions: Mapping[str, Path],
) -> tuple[FileMapping | None, dict[str, int], tuple[str, ...]]:
    """The mapping of a layout, if it maps anything, the cells to read, and warnings."""
    header = Header(tuple(records.names), source, records.header_line)
    if layout is None or layout.is_canonical:
        return None, *resolve_header(header, contract, source)
    found = find_companions(layout, companions)
    mapping = bind(layout, contract, header, business_date, {name: companion.header for name, companion in found.items()})
    warnings = load_companions(connection, found, layout.values)
    return mapping, mapping.wanted, (*dict.fromkeys(header.warnings), *warnings)


def _unread(records: RecordSource, wanted: Mapping[str, int]) -> tuple[str, ...]:
    """Columns of the header whose cells nobody asks for."""
    return tuple(sorted(name.strip() for at, name in enumerate(records.names) if at not in wanted.values()))


def lake_schema(contract: FeedContract) -> pa.Schema:
    """Arrow types of the contract's columns and `_source_line`."""
    return pa.schema([(column.name, arrow_type(column)) for column in contract.columns] + [("_source_line", pa.int32())])


def resolve_header(header: Header, contract: FeedContract, source: str) -> tuple[dict[str, int], tuple[str, ...]]:
    """Position of every contract column in the header, through names and aliases in any case, and warnings about the rest.

    Raises `InputRefused` for a column that is missing (with a did-you-mean) or comes twice.
    """
    names = [name.strip().lower() for name in header.names]
    _refuse_other_delimiter(names, source)
    spellings = {spelling: column.name for column in contract.columns for spelling in (column.name, *column.aliases)}
    wanted: dict[str, int] = {}
    unknown = []
    for position, name in enumerate(names):
        column = spellings.get(name)
        if (column is not None and column in wanted) or (name and names.index(name) != position):
            raise InputRefused(f"{source}, line 1: column {column or name!r} comes twice in the header; keep one")
        if column is None:
            unknown.append(name)
        else:
            wanted[column] = position
    missing = [column.name for column in contract.columns if column.name not in wanted]
    if missing:
        raise InputRefused(f"{source}, line 1: {'; '.join(_missing(name, unknown) for name in missing)}; rename it or declare an alias")
    ordered = {column.name: wanted[column.name] for column in contract.columns}
    return ordered, tuple(f"{source}: unknown column {name!r} is ignored" for name in unknown)


def _missing(name: str, unknown: list[str]) -> str:
    hint = did_you_mean(name, unknown) if unknown else ""
    return f"column {name!r} is missing" + (hint.replace("; did you mean", ", found") if "did you mean" in hint else "")


def _refuse_other_delimiter(names: list[str], source: str) -> None:
    for delimiter, word in ((";", "semicolon"), ("\t", "tab"), ("|", "pipe")):
        if len(names) == 1 and delimiter in names[0]:
            raise InputRefused(f"{source}, line 1: fields are separated by {word}, expected comma; export with commas")


def _create_tables(connection: duckdb.DuckDBPyConnection, contract: FeedContract) -> None:
    columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in contract.columns)
    connection.execute(f"CREATE TABLE accepted ({columns}, _line BIGINT)")
    connection.execute('CREATE TABLE quarantined (line BIGINT, "column" VARCHAR, reason VARCHAR, "value" VARCHAR)')
    connection.execute("CREATE TABLE places (line BIGINT, location_id VARCHAR, item_id VARCHAR)")


def _take(
    connection: duckdb.DuckDBPyConnection,
    contract: FeedContract,
    batch: Batch,
    mapping: FileMapping | None,
    grouping: Grouping | None,
    plain: PlainRows,
    source: str,
) -> int:
    """Map and judge one batch, or keep its rows to be added up; how many rows the layout left out."""
    cells, left_out = _take_plain(connection, batch.cells, mapping, plain)
    with _registered(connection, "batch", cells):
        rows, more = mapping.apply(connection, cells.num_rows) if mapping else ("batch", 0)
        if grouping:
            grouping.collect(connection, rows)
        elif cells.num_rows:
            _judge(connection, contract, rows, mapping)
        if cells.num_rows:
            note_places(connection, contract, "mapped" if mapping else "judged")
    if batch.broken:
        if grouping:
            refuse_unknown(source, batch.broken[0].line, "", batch.broken[0].reason)
        lines = [(b.line, b.column, b.reason, b.value) for b in batch.broken]
        broken = pa.table(dict(zip(("line", "column", "reason", "value"), map(list, zip(*lines, strict=True)), strict=True)))
        with _registered(connection, "broken", broken):
            connection.execute("INSERT INTO quarantined SELECT * FROM broken")
    return left_out + more


def _take_plain(
    connection: duckdb.DuckDBPyConnection, cells: pa.Table, mapping: FileMapping | None, plain: PlainRows
) -> tuple[pa.Table, int]:
    """Keep the rows that are plainly valid; the others, and how many the layout leaves out."""
    if mapping is None:
        return plain.take(connection, cells), 0
    found = mapping.apply_quickly(connection, cells) if cells.num_rows else None
    if found is None:
        return cells, 0
    mapped, amiss, left_out = found
    doubtful = plain.take(connection, mapped)
    amiss |= np.isin(cells[LINE_COLUMN].to_numpy(), doubtful[LINE_COLUMN].to_numpy())
    return cells.filter(pa.array(amiss)), left_out


def _judge_sums(connection: duckdb.DuckDBPyConnection, contract: FeedContract, grouping: Grouping, source: str) -> int:
    """Judge the added-up rows like rows of a file; how many rows are merged into others."""
    with _registered(connection, "sums", grouping.add_up(connection, source)):
        _judge(connection, contract, "sums", None)
    merged = grouping.count_merged(connection)
    note_places(connection, contract, "parts")
    return merged


def _judge(connection: duckdb.DuckDBPyConnection, contract: FeedContract, rows: str, mapping: FileMapping | None) -> None:
    """Check rows as text, cast what passes, check the rules between columns, and put each row on one side."""
    valid = " AND ".join(text_rules.is_valid(column) for column in contract.columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE judged AS SELECT *, {valid} AS _valid FROM {rows}")  # noqa: S608 - from contracts
    casts = ", ".join(f'{text_rules.typed(column)} AS "{column.name}"' for column in contract.columns)
    keep = " AND ".join(["true", *(f"coalesce({rule.holds}, true)" for rule in contract.rules)])
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE cast_rows AS SELECT *, {keep} AS _keep "  # noqa: S608
        f"FROM (SELECT {casts}, {LINE_COLUMN} FROM judged WHERE _valid)"
    )
    if _any(connection, "judged WHERE NOT _valid"):
        faults = text_faults.first_faults(contract.columns)
        connection.execute(f"INSERT INTO quarantined {mapping.in_source_words(faults) if mapping else faults}")
    if _any(connection, "cast_rows WHERE NOT _keep"):
        faults = text_faults.broken_rules(contract)
        connection.execute(f"INSERT INTO quarantined {mapping.in_source_words(faults, values=False) if mapping else faults}")
    connection.execute("INSERT INTO accepted SELECT * EXCLUDE (_keep) FROM cast_rows WHERE _keep")


@contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> Generator[None]:
    connection.register(name, table)
    try:
        yield
    finally:
        connection.unregister(name)


def _any(connection: duckdb.DuckDBPyConnection, rows: str) -> bool:
    return bool(connection.execute(f"SELECT 1 FROM {rows} LIMIT 1").fetchall())  # noqa: S608 - callers' own literals


def _quarantine_duplicates(connection: duckdb.DuckDBPyConnection, contract: FeedContract) -> None:
    """Of rows that share a key keep the first if all are identical, else none. Nulls in a key are equal to each other."""
    key = ", ".join(f'"{name}"' for name in contract.key)
    row = ", ".join(f'a."{column.name}"' for column in contract.columns)
    same = " AND ".join(f'a."{name}" IS NOT DISTINCT FROM k."{name}"' for name in contract.key)
    own_key = ", ".join(f'a."{name}"' for name in contract.key)
    connection.execute(f"CREATE TEMP TABLE doubled AS SELECT {key} FROM accepted GROUP BY {key} HAVING count(*) > 1")  # noqa: S608
    if not _any(connection, "doubled"):
        return
    connection.execute(
        f"CREATE TEMP TABLE kinds AS SELECT {own_key}, min({LINE_COLUMN}) AS _first, count(DISTINCT ROW({row})) AS _kinds "  # noqa: S608
        f"FROM accepted a JOIN doubled k ON {same} GROUP BY {own_key}"
    )
    shown = " || ', ' || ".join(f"coalesce(CAST(a.\"{name}\" AS VARCHAR), '')" for name in contract.key)
    connection.execute(
        f"INSERT INTO quarantined SELECT a.{LINE_COLUMN}, {text_rules.quote(','.join(contract.key))}, 'duplicate_key', {shown} "  # noqa: S608
        f"FROM accepted a JOIN kinds k ON {same} WHERE k._kinds > 1 OR a.{LINE_COLUMN} > k._first"
    )
    note_places(connection, contract, "accepted")
    connection.execute(f"DELETE FROM accepted WHERE {LINE_COLUMN} IN (SELECT line FROM quarantined WHERE reason = 'duplicate_key')")  # noqa: S608


def _accepted(connection: duckdb.DuckDBPyConnection, contract: FeedContract, plain: PlainRows) -> pa.Table:
    """All accepted rows by key; of rows that share one, those that `_quarantine_duplicates` leaves."""
    plain.add(connection.execute("SELECT * FROM accepted").to_arrow_table())
    table, doubled = plain.in_order(connection)
    if doubled.any():
        connection.execute("DELETE FROM accepted")
        with _registered(connection, "doubled_rows", table.filter(pa.array(doubled))):
            connection.execute("INSERT INTO accepted SELECT * FROM doubled_rows")
        _quarantine_duplicates(connection, contract)
        kept = connection.execute("SELECT * FROM accepted").fetchnumpy()[LINE_COLUMN]
        table = table.filter(pa.array(~doubled | np.isin(table[LINE_COLUMN].to_numpy(), kept)))
    return table.rename_columns(lake_schema(contract).names).cast(lake_schema(contract))
