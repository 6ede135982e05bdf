"""The quick road of mapping: each column is computed once for each distinct combination of the cells that it is made of, by the same SQL.

It never decides that a row is bad: a row with any fault goes the whole way in `row_mapping`, whose word is the last.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.extracts.reading.records import LINE_COLUMN

Mask = NDArray[np.bool_]
MOST_COMBINATIONS = 2**62


@dataclass(frozen=True)
class ColumnQuery:
    """SQL over the table `tuples` of the cells `wanted`: `t`, a text or truth, and `f`, whether anything is amiss. `same` is the cell that
    the text is without more ado.
    """

    name: str
    wanted: tuple[str, ...]
    select: str
    same: str = ""


@dataclass
class _Batch:
    """The cells of one batch, each column with its distinct texts once they are asked for."""

    cells: pa.Table
    coded: dict[str, tuple[pa.Array, NDArray[np.int64]]] = field(default_factory=dict)

    def codes(self, name: str) -> tuple[pa.Array, NDArray[np.int64]]:
        """The distinct texts of a cell, and which of them each row has."""
        if name not in self.coded:
            encoded: Any = self.cells[name].combine_chunks().dictionary_encode()
            self.coded[name] = encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return self.coded[name]

    def combinations(self, names: tuple[str, ...]) -> tuple[dict[str, pa.Array], NDArray[np.int64]] | None:
        """The distinct combinations of some cells, and which of them each row has; None if they are beyond counting."""
        if not names:
            return {}, np.zeros(self.cells.num_rows, np.int64)
        texts, number = self.codes(names[0])
        if len(names) == 1:
            return {names[0]: texts}, number
        size = len(texts)
        for name in names[1:]:
            texts, codes = self.codes(name)
            size *= len(texts)
            if size > MOST_COMBINATIONS:
                return None
            number = number * len(texts) + codes
        _, first, inverse = np.unique(number, return_index=True, return_inverse=True)
        return {name: self.codes(name)[0].take(pa.array(self.codes(name)[1][first])) for name in names}, inverse


def map_distinct(
    connection: duckdb.DuckDBPyConnection, cells: pa.Table, columns: tuple[ColumnQuery, ...], kept: ColumnQuery
) -> tuple[pa.Table, Mask, int] | None:
    """Mapped rows in which nothing is amiss, which rows of `cells` must go the whole way, and how many are left out; None if it cannot."""
    batch = _Batch(cells)
    found = _asked(connection, batch, kept)
    if found is None:
        return None
    stays, amiss = found[0].to_numpy(zero_copy_only=False).astype(bool), found[1]
    texts: dict[str, Any] = {}
    for column in columns:
        if column.same:
            texts[column.name] = cells[column.same]
            continue
        found = _asked(connection, batch, column)
        if found is None:
            return None
        texts[column.name] = found[0]
        amiss = amiss | found[1]
    clean = stays & ~amiss
    table = pa.table(texts | {LINE_COLUMN: cells[LINE_COLUMN]})
    return table if clean.all() else table.filter(pa.array(clean)), stays & amiss, int(np.count_nonzero(~stays))


def _asked(connection: duckdb.DuckDBPyConnection, batch: _Batch, column: ColumnQuery) -> tuple[pa.Array, Mask] | None:
    """What a query says of each row."""
    combined = batch.combinations(column.wanted)
    if combined is None:
        return None
    tuples, which = combined
    count = len(next(iter(tuples.values()))) if tuples else 1
    connection.register("tuples", pa.table(tuples | {LINE_COLUMN: pa.array(range(count), pa.int64())}))
    said = connection.execute(f"SELECT t, f FROM ({column.select}) ORDER BY {LINE_COLUMN}").to_arrow_table()  # noqa: S608 - our own names
    connection.unregister("tuples")
    if said.num_rows != count:
        raise RuntimeError(f"{column.name}: {count} combinations of cells gave {said.num_rows} rows")
    answers = said["t"].combine_chunks()
    return answers.take(pa.array(which)), said["f"].to_numpy()[which]


def query(name: str, wanted: Mapping[str, int], select: str, text: str, faults: list[str]) -> ColumnQuery:
    """A query, or the cell itself where `text` is one and nothing can be amiss with it."""
    return ColumnQuery(name, tuple(wanted), select, text if text in wanted and not faults else "")
