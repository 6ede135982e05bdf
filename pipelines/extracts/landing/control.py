"""The sender's control figures held against a file: rows as they stand in the source, sums of source or of canonical columns."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute

from pipelines.domain.errors import InputRefused
from pipelines.extracts.contracts.contract import FeedContract
from pipelines.extracts.contracts.text_rules import ANY_DECIMAL
from pipelines.extracts.layouts.layout import Layout, Values
from pipelines.extracts.mapping.companions import find_companions, load_companions
from pipelines.extracts.mapping.number_text import canonical
from pipelines.extracts.mapping.row_mapping import FileMapping, bind
from pipelines.extracts.mapping.source_columns import Header
from pipelines.extracts.memory_database import open_memory
from pipelines.extracts.reading.file_format import CANONICAL, RecordSource, open_records
from pipelines.extracts.reading.records import Batch

compute: Any = pyarrow.compute  # its functions are made at import time, which no type checker sees


def verify_control(
    path: Path,
    contract: FeedContract,
    control: Mapping[str, Any],
    source: str,
    layout: Layout | None = None,
    *,
    business_date: datetime.date | None = None,
    companions: Mapping[str, Path] | None = None,
) -> None:
    """Hold `rows` and `sums` of a sender's control figures against the file; `InputRefused` names file and both values.

    A sum is of a column of the source, in its own units and notation, or else of a canonical column, in those of the contract.
    """
    names = tuple(control.get("sums", {}))
    with open_records(path, layout.file if layout else CANONICAL, source) as records:
        if layout is None or layout.is_canonical or not names:
            rows, sums = _measure_plain(records, contract, names, source)
        else:
            with open_memory() as connection:
                figures = _MappedFigures(connection, layout, contract, names, Header(tuple(records.names), source, records.header_line))
                figures.bind(business_date, companions or {})
                rows, sums = figures.measure(records)
    if "rows" in control and rows != control["rows"]:
        raise InputRefused(f"{source}: the manifest says {control['rows']} rows, the file has {rows}; ask for the file again")
    for name, announced in control.get("sums", {}).items():
        if sums[name] != Decimal(str(announced)):
            message = f"{source}: the manifest says {name} sums to {announced}, the file has {sums[name]}; ask for the file again"
            raise InputRefused(message)


def _measure_plain(records: RecordSource, contract: FeedContract, names: tuple[str, ...], source: str) -> tuple[int, dict[str, Decimal]]:
    header = [name.strip().lower() for name in records.names]
    positions = {name: _position(contract, name, header, source, records.header_line) for name in names}
    rows, sums = 0, dict.fromkeys(names, Decimal(0))
    for batch in records.batches(positions or {"": 0}):
        rows += batch.rows
        for name in names:
            sums[name] += _sum(batch.cells[name])
    return rows, sums


class _MappedFigures:
    """Sums over a file that a layout reads: source columns as they stand, canonical ones after the mapping."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, layout: Layout, contract: FeedContract, names: tuple[str, ...], header: Header
    ) -> None:
        self.connection, self.layout, self.contract, self.header = connection, layout, contract, header
        self.cells = {name: header.cell(at).name for name in names if (at := header.position((name,))) is not None}
        self.mapped = tuple(name for name in names if name not in self.cells)
        self.mapping: FileMapping | None = None

    def bind(self, business_date: datetime.date | None, companions: Mapping[str, Path]) -> None:
        """Compile the mapping if a sum is of a canonical column; raises `InputRefused` for a name that neither side has."""
        known = [column.name for column in self.contract.columns]
        for name in self.mapped:
            if name not in known:
                raise InputRefused(
                    f"{self.header.source}, line {self.header.line}: column {name!r} of the manifest's sums is neither in the file "
                    f"nor in {self.contract.feed}"
                )
        if self.mapped:
            found = find_companions(self.layout, companions)
            beside = {name: companion.header for name, companion in found.items()}
            self.mapping = bind(self.layout, self.contract, self.header, business_date, beside)
            load_companions(self.connection, found, self.layout.values)

    def measure(self, records: RecordSource) -> tuple[int, dict[str, Decimal]]:
        """Rows of the source and the sums by name."""
        rows, sums = 0, dict.fromkeys((*self.cells, *self.mapped), Decimal(0))
        for batch in records.batches(self.header.wanted or {"": 0}):
            rows += batch.rows
            for name, cells in self._columns(batch).items():
                sums[name] += _sum(cells)
        return rows, sums

    def _columns(self, batch: Batch) -> dict[str, pa.ChunkedArray]:
        self.connection.register("batch", batch.cells)
        outs = [f"{canonical(f'trim({cell})', self._values(name))} AS c{i}" for i, (name, cell) in enumerate(self.cells.items())]
        found = self.connection.execute(f"SELECT {', '.join(outs)} FROM batch").to_arrow_table() if outs else None  # noqa: S608
        columns = {name: found[f"c{i}"] for i, name in enumerate(self.cells)} if found is not None else {}
        if self.mapping:
            names = ", ".join(f'"{name}"' for name in self.mapped)
            table = self.connection.execute(f"SELECT {names} FROM ({self.mapping.select})").to_arrow_table()  # noqa: S608
            columns |= {name: table[name] for name in self.mapped}
        self.connection.unregister("batch")
        return columns

    def _values(self, name: str) -> Values:
        """How a source column writes its numbers: as the rule that reads it says, else as the layout does."""
        for rule in self.layout.columns:
            if any(name.lower() == spelling.lower() for spellings in (*rule.sources, *rule.minus) for spelling in spellings):
                return rule.values
        return self.layout.values


def _sum(cells: pa.ChunkedArray) -> Decimal:
    """Exact sum of all cells that are plain decimals; others cannot count and are quarantined later."""
    plain = cells.filter(compute.match_substring_regex(cells, f"^(?:{ANY_DECIMAL})$"))
    if not len(plain):
        return Decimal(0)
    if not compute.any(compute.match_substring(plain, ".")).as_py() and compute.max(compute.utf8_length(plain)).as_py() <= 12:
        return Decimal(compute.sum(plain.cast(pa.int64())).as_py())
    return sum(map(Decimal, plain.to_pylist()), Decimal(0))


def _position(contract: FeedContract, name: str, header: list[str], source: str, line: int) -> int:
    column = contract.column(name)
    for position, found in enumerate(header):
        if found in (column.name, *column.aliases):
            return position
    raise InputRefused(f"{source}, line {line}: column {name!r} of the manifest's sums is missing")
