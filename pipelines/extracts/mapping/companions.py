"""Companion files of a layout, such as the headers of documents whose lines are the feed: read as text, one row per key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.contracts.text_rules import quote
from pipelines.extracts.layouts import date_text
from pipelines.extracts.layouts.layout import Layout, Lookup, Values
from pipelines.extracts.mapping.column_times import ISO_DAYS
from pipelines.extracts.mapping.mapping_stages import Cell
from pipelines.extracts.mapping.source_columns import Header, holds, trimmed
from pipelines.extracts.reading.file_format import open_records
from pipelines.extracts.reading.records import LINE_COLUMN, text_table
from pipelines.machine.reading import require_file


@dataclass
class Companion:
    """One companion file: its path and header; `header.wanted` tells which of its columns are read."""

    lookup: Lookup
    path: Path
    source: str
    header: Header
    warnings: list[str] = field(default_factory=list)


def find_companions(layout: Layout, paths: Mapping[str, Path]) -> dict[str, Companion]:
    """The companion of every lookup by its name. Raises `UsageError` if one is not at hand, `InputRefused` if unreadable."""
    missing = [name for name in layout.companions() if name not in paths]
    if missing:
        raise UsageError(f"layout {layout.name} needs the companion file {' and '.join(missing)}; land it beside the file or name it")
    found = {}
    for lookup in layout.lookups:
        path = Path(paths[lookup.file])
        source = f"{lookup.file} ({path.name})"
        require_file(path, source)
        with open_records(path, lookup.format, source) as records:
            found[lookup.name] = Companion(lookup, path, source, Header(tuple(records.names), source, records.header_line))
    return found


def load_companions(connection: duckdb.DuckDBPyConnection, companions: Mapping[str, Companion], values: Values) -> tuple[str, ...]:
    """Make a table `lookup_<n>` of each, with its keys as `k0`, `k1`, ... Raises `InputRefused` for a key that comes twice.

    Of rows that share a key's latest day and say the same of every column that the layout reads, the first stands for all.
    """
    warnings: list[str] = []
    for number, companion in enumerate(companions.values()):
        read = sorted(companion.header.wanted)
        keys = [companion.header.cell(companion.header.require(there)) for _, there in companion.lookup.on]
        kept = _kept(companion, keys, read, values)
        with open_records(companion.path, companion.lookup.format, companion.source) as records:
            batches = list(records.batches(companion.header.wanted))
        nothing = text_table([], companion.header.wanted)  # a header alone has no batch
        table = pa.concat_tables([nothing, *(batch.cells for batch in batches)])
        broken = [broken for batch in batches for broken in batch.broken]
        warnings += [f"{companion.source}, line {b.line}: {b.reason}; rows that need it are quarantined" for b in broken[:10]]
        cleaned = ", ".join(f"{_cleaned(cell.name, values)} AS k{i}" for i, cell in enumerate(keys))
        connection.register("companion", table)
        connection.execute(f"CREATE TEMP TABLE lookup_{number} AS SELECT {cleaned}, * FROM companion {kept}")  # noqa: S608 - our own names
        connection.unregister("companion")
        _refuse_doubled(connection, f"lookup_{number}", len(keys), companion)
    return tuple(warnings)


def _kept(companion: Companion, keys: list[Cell], read: list[str], values: Values) -> str:
    """The rest of a SELECT that keeps the rows that count; two of the same latest day that differ in a cell of `read` both stay, and are
    refused as doubled.
    """
    cells = [(condition, companion.header.cell(companion.header.require(condition.source))) for condition in companion.lookup.where]
    where = " AND ".join(["true", *(holds(condition, _cleaned(cell.name, values)) for condition, cell in cells)])
    if not companion.lookup.latest:
        return f"WHERE {where}"
    text = _cleaned(companion.header.cell(companion.header.require(companion.lookup.latest)).name, values)
    formats = [date_text.read_format(form) for form in values.dates or ISO_DAYS]
    days = ", ".join(date_text.day(date_text.filled(text, form), form) for form in formats)
    # What is no day wins, so that it is quarantined where it is used; no day at all is before every other.
    day = f"coalesce({days}, CASE WHEN {text} = '' THEN '' ELSE '9999' END)"
    key = ", ".join(_cleaned(cell.name, values) for cell in keys)
    same = f"row_number() OVER (PARTITION BY {', '.join([key, *read])}, {day} ORDER BY {LINE_COLUMN}) = 1"
    return f"WHERE {where} QUALIFY rank() OVER (PARTITION BY {key} ORDER BY {day} DESC) = 1 AND {same}"


def _cleaned(name: str, values: Values) -> str:
    """The key as the layout cleans the cells that are held against it."""
    cell = trimmed(name) if values.trim else name
    return f"CASE WHEN {cell} IN ({', '.join(map(quote, values.empty))}) THEN '' ELSE {cell} END" if values.empty else cell


def _refuse_doubled(connection: duckdb.DuckDBPyConnection, table: str, width: int, companion: Companion) -> None:
    names = ", ".join(f"k{i}" for i in range(width))
    twice = f"SELECT {names}, min({LINE_COLUMN}), max({LINE_COLUMN}) FROM {table} GROUP BY {names} HAVING count(*) > 1"  # noqa: S608
    found = connection.execute(f"{twice} ORDER BY min({LINE_COLUMN}) LIMIT 1").fetchall()
    if found:
        *key, first, last = found[0]
        columns = ", ".join(there[0] for _, there in companion.lookup.on)
        shown = ", ".join(map(repr, key))
        raise InputRefused(f"{companion.source}, lines {first} and {last}: {columns} {shown} comes twice; a companion has one row per key")
