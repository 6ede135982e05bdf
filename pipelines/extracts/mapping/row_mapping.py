"""A layout applied to batches of source text in DuckDB: rows left out, rows quarantined in the source's words, canonical text for the rest.

What each operator means is in `column_rules`; whether the canonical text meets the contract is judged in `checking`.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from pipelines.domain.errors import UsageError
from pipelines.extracts.contracts.contract import Column, FeedContract
from pipelines.extracts.contracts.text_rules import quote
from pipelines.extracts.layouts.layout import ColumnRule, Condition, Layout
from pipelines.extracts.mapping.column_rules import ColumnText
from pipelines.extracts.mapping.distinct_texts import ColumnQuery, Mask, map_distinct, query
from pipelines.extracts.mapping.mapping_stages import Cell, Fault
from pipelines.extracts.mapping.source_columns import Header, Sources
from pipelines.extracts.reading.records import LINE_COLUMN

EACH_COLUMN = "_each"
KEY_FAULT = "_key_fault_"


@dataclass(frozen=True)
class Origin:
    """Where the text of a canonical column came from: the source's column names, and the cell that shows their text."""

    label: str
    shown: Cell


@dataclass(frozen=True)
class FileMapping:
    """A layout bound to one file's header. `wanted` are the cells to read; `select` turns the table `batch` of them into mapped rows.

    Where rows are added up, each has `_each`, the cells of the columns `each_label` that tell the rows apart, and `_key_fault_<n>`,
    whether the n-th column of the key could not be mapped.
    """

    wanted: dict[str, int]
    select: str
    faults: tuple[Fault, ...]
    origins: dict[str, Origin]
    each_label: str = ""
    columns: tuple[ColumnQuery, ...] = ()
    kept: ColumnQuery | None = None

    def apply_quickly(self, connection: duckdb.DuckDBPyConnection, cells: pa.Table) -> tuple[pa.Table, Mask, int] | None:
        """Mapped rows in which nothing is amiss, which rows of `cells` must be mapped by `apply`, and how many are left out; None if that
        cannot be told so.
        """
        return map_distinct(connection, cells, self.columns, self.kept) if self.kept else None

    def apply(self, connection: duckdb.DuckDBPyConnection, rows: int) -> tuple[str, int]:
        """Map the `rows` rows of `batch`: faulty ones go to `quarantined`. Returns SQL of the mapped rows and how many were left out."""
        connection.execute(f"CREATE OR REPLACE TEMP TABLE mapped AS {self.select}")
        kept, faulty = connection.execute("SELECT count(*), count(*) FILTER (_fault > 0) FROM mapped").fetchall()[0]
        if faulty:
            connection.execute(f"INSERT INTO quarantined {self._faulty()}")
        each = [EACH_COLUMN] if self.each_label else []
        columns = ", ".join(f'"{name}"' for name in (*self.origins, *each, LINE_COLUMN))
        return f"(SELECT {columns} FROM mapped WHERE _fault = 0)", rows - kept  # noqa: S608 - names of the contract

    def in_source_words(self, faults: str, values: bool = True) -> str:
        """The SELECT of line, column, reason and value in the source's words; without `values` only the column is."""
        labels = " ".join(f"WHEN {quote(name)} THEN {quote(origin.label)}" for name, origin in self.origins.items())
        shown = " ".join(f"WHEN {quote(name)} THEN m.{origin.shown.name}" for name, origin in self.origins.items())
        value = f"CASE f.col {shown} ELSE f.val END" if values else "f.val"
        return (
            f"SELECT f.line, CASE f.col {labels} ELSE f.col END, f.reason, {value} "  # noqa: S608
            f"FROM ({faults}) f(line, col, reason, val) JOIN mapped m ON m.{LINE_COLUMN} = f.line"
        )

    def _faulty(self) -> str:
        cases = [(f"WHEN {number} THEN", fault) for number, fault in enumerate(self.faults, 1)]
        label = " ".join(f"{when} {quote(fault.label)}" for when, fault in cases)
        reason = " ".join(f"{when} {quote(fault.reason)}" for when, fault in cases)
        shown = " ".join(f"{when} {fault.shown.name}" for when, fault in cases)
        return (
            f"SELECT {LINE_COLUMN}, CASE _fault {label} END, CASE _fault {reason} END, CASE _fault {shown} END FROM mapped WHERE _fault > 0"  # noqa: S608
        )


def bind(
    layout: Layout,
    contract: FeedContract,
    header: Header,
    business_date: datetime.date | None = None,
    companions: Mapping[str, Header] | None = None,
) -> FileMapping:
    """Find the layout's columns in a header and compile them.

    Raises `InputRefused` with a did-you-mean for a column that the header lacks or has twice, `UsageError` if the layout is of another
    feed or needs a business date that nobody named.
    """
    if layout.feed != contract.feed:
        raise UsageError(f"layout {layout.name} is for {layout.feed}, not for {contract.feed}")
    sources = Sources(layout, header, business_date, companions or {})
    faults: list[Fault] = []
    kept = _kept(layout.where, sources, faults)
    texts = {column.name: _text(layout, column, sources) for column in contract.columns}
    chosen = [f'{text.cell.name} AS "{name}"' for name, text in texts.items()]
    faults += [fault for text in texts.values() for fault in text.faults]
    each_label = ""
    if layout.group:
        each = [sources.column(spellings, layout.values) for spellings in layout.group.one_row_per]
        each_label = ",".join(source.label for source in each)
        chosen.append(f"[{', '.join(source.text.name for source in each)}] AS {EACH_COLUMN}")
        chosen += [_any_fault(texts[name].faults, f"{KEY_FAULT}{number}") for number, name in enumerate(contract.key)]
    origins = {name: Origin(text.label, text.shown) for name, text in texts.items()}
    shown = sorted({cell.name for cell in [*(o.shown for o in origins.values()), *(f.shown for f in faults)]})
    whens = " ".join(f"WHEN {fault.holds} THEN {number}" for number, fault in enumerate(faults, 1))
    first_fault = f"CASE {whens} ELSE 0 END AS _fault" if faults else "0 AS _fault"
    select = sources.stages.select("batch", [*chosen, *shown, first_fault], kept)
    if layout.group:
        return FileMapping(header.wanted, select, tuple(faults), origins, each_label)
    queries = [_query(layout, column.name if column else "where", column, header, sources) for column in (None, *contract.columns)]
    return FileMapping(header.wanted, select, tuple(faults), origins, "", tuple(queries[1:]), queries[0])


def _query(layout: Layout, name: str, column: Column | None, header: Header, whole: Sources) -> ColumnQuery:
    """What one column, or `where` without one, makes of the cells that it names, as a query of its own."""
    own = Header(header.names, header.source, header.line)
    sources = Sources(layout, own, whole.business_date, whole.companions)
    faults: list[Fault] = []
    made = _text(layout, column, sources) if column else None
    text = made.cell.name if made else _kept(layout.where, sources, faults)
    amiss = [f"coalesce({fault.holds}, false)" for fault in (made.faults if made else faults)]
    select = sources.stages.select("tuples", [f"{text} AS t", f"({' OR '.join(amiss) or 'false'}) AS f"], "true")
    return query(name, own.wanted, select, text, amiss)


def _text(layout: Layout, column: Column, sources: Sources) -> ColumnText:
    """The text of one canonical column; empty if the layout does not have it."""
    nothing = ColumnRule(column.name, "value", layout.values)
    return ColumnText(next((rule for rule in layout.columns if rule.column == column.name), nothing), column, sources)


def _any_fault(faults: list[Fault], name: str) -> str:
    tests = " OR ".join(f"coalesce({fault.holds}, false)" for fault in faults) or "false"
    return f"({tests}) AS {name}"


def _kept(conditions: tuple[Condition, ...], sources: Sources, faults: list[Fault]) -> str:
    """SQL that is true for rows of the feed; a row whose companion is missing is kept, so that it is quarantined."""
    tests = []
    for condition in conditions:
        test, _, missing = sources.test(condition)
        faults += missing
        tests.append(" OR ".join([test, *(fault.holds for fault in missing)]))
    return " AND ".join(f"({test})" for test in tests) or "true"
