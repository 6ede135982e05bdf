"""Accepted rows on their way to the lake: typed batches gathered, put into the order of the key, rows of one key found.

A row on the quick road is proven valid cell by cell and keeps every rule between columns. What remains is judged by SQL elsewhere.
"""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from pipelines.extracts.checking.key_order import key_order
from pipelines.extracts.checking.plain_cells import arrow_type, as_blocks, prove, text_blocks
from pipelines.extracts.contracts.contract import FeedContract
from pipelines.extracts.reading.records import LINE_COLUMN

compute: Any = pyarrow.compute  # its functions are made at import time, which no type checker sees
Mask = NDArray[np.bool_]


class PlainRows:
    """Typed rows of one file, by the contract's columns and `_line`."""

    def __init__(self, contract: FeedContract) -> None:
        self._contract = contract
        self._schema = pa.schema([(column.name, arrow_type(column)) for column in contract.columns] + [(LINE_COLUMN, pa.int64())])
        self._keeps = " AND ".join(["true", *(f"coalesce({rule.holds}, true)" for rule in contract.rules)])
        self._batches: list[pa.RecordBatch] = []

    def take(self, connection: duckdb.DuckDBPyConnection, cells: pa.Table) -> pa.Table:
        """Keep the rows of a batch that are plainly valid; returns the others, for SQL to judge."""
        doubtful, proven = [], []
        for piece in cells.to_batches():
            typed, mask = prove(piece, self._contract.columns)
            lines = piece.column(LINE_COLUMN)
            if not mask.all():
                doubtful.append(piece.filter(pa.array(~mask)))
                lines = lines.filter(pa.array(mask))
            proven.append(pa.record_batch([*typed, lines], schema=self._schema))
        broken = self._lines_that_break_a_rule(connection, proven)
        if broken:
            wrong = pa.array(broken, pa.int64())
            doubtful.append(cells.filter(compute.is_in(cells[LINE_COLUMN], value_set=wrong)).combine_chunks())
            proven = [batch.filter(compute.invert(compute.is_in(batch.column(LINE_COLUMN), value_set=wrong))) for batch in proven]
        self._batches += [batch for batch in proven if batch.num_rows]
        tables = [part if isinstance(part, pa.Table) else pa.Table.from_batches([part]) for part in doubtful]
        return pa.concat_tables(tables) if tables else cells.slice(0, 0)

    def _lines_that_break_a_rule(self, connection: duckdb.DuckDBPyConnection, proven: list[pa.RecordBatch]) -> list[int]:
        if not self._contract.rules or not proven:
            return []
        connection.register("plain", pa.Table.from_batches(proven, self._schema))
        found = connection.execute(f"SELECT {LINE_COLUMN} FROM plain WHERE NOT ({self._keeps})").fetchall()  # noqa: S608 - from contracts
        connection.unregister("plain")
        return [line for (line,) in found]

    def add(self, judged: pa.Table) -> None:
        """Take rows in that SQL accepted."""
        self._batches += judged.cast(self._schema).to_batches()

    def in_order(self, connection: duckdb.DuckDBPyConnection) -> tuple[pa.Table, Mask]:
        """All rows by key and line, and which of them share their key with another; nulls in a key are equal and come first."""
        batches, self._batches = self._batches, []
        table = pa.Table.from_batches(batches, self._schema)
        keys = table.select(self._contract.key)
        if _is_ascending(keys):
            return table, np.zeros(table.num_rows, bool)
        by_line = _is_ascending(table.select([LINE_COLUMN]))  # then equal keys stay in the order of lines by themselves
        order = key_order(connection, keys if by_line else table.select([*self._contract.key, LINE_COLUMN]))
        columns = {name: table.column(name) for name in table.column_names}
        del batches, table, keys
        table = pa.table({name: take(columns.pop(name).combine_chunks(), order) for name in list(columns)})  # one column twice at a time
        keys = table.select(self._contract.key)
        same = ~_compare(keys.slice(0, max(0, keys.num_rows - 1)), keys.slice(1))
        return table, np.append(same, False) | np.insert(same, 0, False)


def take(values: pa.Array, order: pa.Array) -> pa.Array:
    """The values at the positions of `order`. Texts of one length are moved as blocks of bytes, a third cheaper than one by one."""
    blocks = as_blocks(values) if pa.types.is_string(values.type) else None
    if blocks is None or blocks.shape[1] * len(order) >= 2**31:
        return values.take(order)
    length = blocks.shape[1]
    return text_blocks(np.take(blocks.reshape(-1).view(f"V{length}"), order.to_numpy()).view(np.uint8).reshape(-1, length))


def _is_ascending(keys: pa.Table) -> bool:
    """Whether every row is greater than the one before."""
    batches = [batch for batch in keys.to_batches() if batch.num_rows]
    if not all(_compare(batch.slice(0, batch.num_rows - 1), batch.slice(1)).all() for batch in batches):
        return False
    if len(batches) < 2:
        return True
    last = pa.Table.from_batches([batch.slice(batch.num_rows - 1) for batch in batches[:-1]]).combine_chunks()
    first = pa.Table.from_batches([batch.slice(0, 1) for batch in batches[1:]]).combine_chunks()
    return bool(_compare(last, first).all())


def _compare(one: pa.Table | pa.RecordBatch, other: pa.Table | pa.RecordBatch) -> Mask:
    """Rows of `one` that are less than those of `other`, column by column, a null being less than any value."""
    less, equal = np.zeros(one.num_rows, bool), np.ones(one.num_rows, bool)
    for a, b in zip(one.columns, other.columns, strict=True):
        is_less, is_equal = compute.less(a, b), compute.equal(a, b)
        if a.null_count or b.null_count:
            no_a, no_b = compute.is_null(a), compute.is_null(b)
            is_less = compute.or_(compute.fill_null(is_less, False), compute.and_(no_a, compute.invert(no_b)))
            is_equal = compute.or_(compute.fill_null(is_equal, False), compute.and_(no_a, no_b))
        less |= equal & _to_numpy(is_less)
        equal &= _to_numpy(is_equal)
        if not equal.any():
            break
    return less


def _to_numpy(values: pa.Array | pa.ChunkedArray) -> Mask:
    return values.to_numpy() if isinstance(values, pa.ChunkedArray) else values.to_numpy(zero_copy_only=False)
