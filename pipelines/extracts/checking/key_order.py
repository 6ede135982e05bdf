"""The order of rows by their key, nulls first: keys become whole numbers that sort alike, which is a fraction of comparing texts.

Texts that differ in more bytes than fit are left to DuckDB. What rows of one key mean is decided elsewhere.
"""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from pipelines.extracts.checking.plain_cells import Texts, as_blocks, text_blocks

compute: Any = pyarrow.compute  # its functions are made at import time, which no type checker sees
MAX_WORDS = 3
MAX_DIGITS = 18  # a number of so many fits a word
WORD_BYTES = 7  # a number of seven bytes fits a signed word, with room for null
Codes = NDArray[np.int64]


def key_order(connection: duckdb.DuckDBPyConnection, keys: pa.Table) -> pa.Array:
    """Positions of the rows in ascending order of the columns, the first one leading; rows that are equal stay in their order."""
    words: list[tuple[Codes, int]] = []
    for column in keys.columns:
        found = _words(column.combine_chunks())
        if found is None:
            return _order_by_sql(connection, keys)
        words += found
    return pa.array(_positions(_joined(words)).astype(np.int32))


def _positions(words: list[tuple[Codes, int]]) -> NDArray[np.int64]:
    """Positions in ascending order of the numbers; one number is sorted together with its position, a fifth of an indirect sort."""
    codes, size = words[0]
    rows = len(codes)
    if len(words) == 1 and size * rows < 2**62:
        return np.sort(codes * rows + np.arange(rows)) % rows if rows else np.zeros(0, np.int64)
    return np.lexsort([codes for codes, _ in reversed(words)])


def _joined(words: list[tuple[Codes, int]]) -> list[tuple[Codes, int]]:
    """Neighbouring numbers as one, as long as their ranges fit a word together."""
    joined = [words[0]]
    for codes, size in words[1:]:
        leading, room = joined[-1]
        if room * size < 2**62:
            joined[-1] = (leading * size + codes, room * size)
        else:
            joined.append((codes, size))
    return joined


def _words(values: pa.Array) -> list[tuple[Codes, int]] | None:
    """Numbers from 0 (null) in the order of the values, each with how many there may be, the most significant first."""
    if not len(values):
        return [(np.zeros(0, np.int64), 1)]
    if pa.types.is_string(values.type):
        return _text_words(values)
    if pa.types.is_date32(values.type):
        values = compute.cast(values, pa.int32())
    if pa.types.is_timestamp(values.type) or pa.types.is_integer(values.type):
        return [_from_zero(compute.cast(values, pa.int64()))]
    return None


def _from_zero(values: pa.Array) -> tuple[Codes, int]:
    bounds = compute.min_max(values)
    low, high = bounds["min"].as_py() or 0, bounds["max"].as_py() or 0
    codes = compute.fill_null(values, low - 1).to_numpy(zero_copy_only=False) - (low - 1)
    return codes, high - low + 2


def _text_words(values: pa.Array) -> list[tuple[Codes, int]] | None:
    """Texts by their bytes behind the part that all begin with, or by the numbers they end in; a shorter text comes first."""
    if found := _number(values):
        return [found]
    present = compute.is_valid(values).to_numpy(zero_copy_only=False)
    cells = Texts.of(compute.fill_null(values, "") if values.null_count else values)
    longest = int(cells.lengths.max())
    first = 0
    while first < longest and present.all() and (found := cells.at(first)).min() == found.max() and (cells.lengths > first).all():
        first += 1
    if longest - first > MAX_WORDS * WORD_BYTES:
        return None
    return [_word(cells, present, start, min(start + WORD_BYTES, longest)) for start in range(first, longest, WORD_BYTES)] or [
        (present.astype(np.int64), 2)
    ]


def _number(values: pa.StringArray) -> tuple[Codes, int] | None:
    """The number that every text has behind what all begin with, all of them of one length: digits sort like what they mean."""
    blocks = as_blocks(values)
    if blocks is None:
        return None
    differs = (place for place in range(blocks.shape[1]) if (blocks[:, place] != blocks[0, place]).any())
    digits = blocks[:, next(differs, blocks.shape[1]) :]
    if not 0 < digits.shape[1] <= MAX_DIGITS or digits.min() < ord("0") or digits.max() > ord("9"):
        return None
    return _from_zero(compute.cast(text_blocks(np.ascontiguousarray(digits)), pa.int64()))


def _word(cells: Texts, present: NDArray[np.bool_], start: int, stop: int) -> tuple[Codes, int]:
    """Some bytes of every text as one number, each place counted in the letters that it really takes."""
    codes, size = present.astype(np.int64), 2
    for place in range(start, stop):
        letters = cells.at(place)
        known = np.flatnonzero(np.bincount(letters, minlength=256))
        rank = np.zeros(256, np.int64)
        rank[known] = np.arange(len(known))
        codes, size = codes * len(known) + rank[letters], size * len(known)
    return codes, size


def _order_by_sql(connection: duckdb.DuckDBPyConnection, keys: pa.Table) -> pa.Array:
    by = ", ".join(f'"{name}" NULLS FIRST' for name in keys.column_names)
    connection.register("keys", keys.append_column("_row", pa.array(np.arange(keys.num_rows), pa.int32())))
    order = connection.execute(f"SELECT _row FROM keys ORDER BY {by}, _row").to_arrow_table()["_row"]  # noqa: S608 - from contracts
    connection.unregister("keys")
    return order.combine_chunks()
