"""Parquet: typed columns to canonical text, row by row numbered from 1. Nested columns have no text and are refused when asked for."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from pipelines.domain.errors import InputRefused
from pipelines.extracts.reading.records import LINE_COLUMN, MAX_COLUMNS, MAX_FILE_BYTES, RAW_CHARS, Batch, Broken

compute: Any = pyarrow.compute  # its functions are made at import time, which no type checker sees
BATCH_ROWS = 65_536
MAX_ROWS = 100_000_000
MAX_BATCH_TEXT_BYTES = 256 * 1024**2
_PARQUET_LIMIT = 16 * 1024**2


class ParquetRecords:
    """An open Parquet file; see `RecordSource`. Raises `InputRefused` for one that is damaged or over the limits."""

    header_line: int = 1
    notes: tuple[str, ...] = ()

    def __init__(self, path: Path, source: str) -> None:
        self._path, self._source = path, source
        try:
            self._schema = pq.ParquetFile(path, **_limits()).schema_arrow
            meta = pq.read_metadata(path)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._refused(error) from error
        self.names: tuple[str, ...] = tuple(self._schema.names)
        unpacked = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        for what, found, limit in (
            ("columns", len(self.names), MAX_COLUMNS), ("rows", meta.num_rows, MAX_ROWS), ("unpacked bytes", unpacked, MAX_FILE_BYTES),
        ):  # fmt: skip
            if found > limit:
                raise InputRefused(f"{source}: {found} {what}, more than the limit of {limit}; send the feed in several business dates")

    def batches(self, wanted: dict[str, int]) -> Iterator[Batch]:
        """Records in the file's order; see `RecordSource`."""
        fields = {name: self._schema.field(position) for name, position in wanted.items()}
        for field in fields.values():
            self._check_type(field)
        first = 1
        for part in self._parts(sorted({field.name for field in fields.values()})):
            columns = {name: as_text(part[field.name], self._source) for name, field in fields.items()}
            wrong = {name: _not_finite(part[field.name]) for name, field in fields.items()}
            yield _batch(columns, wrong, first, part.num_rows)
            first += part.num_rows

    def raw_lines(self, lines: set[int]) -> dict[int, str]:
        """Rows as `name=value`; see `RecordSource`."""
        flat = [field.name for field in self._schema if _is_flat(field.type)]
        found, first = {}, 1
        for part in self._parts(flat):
            numbers = sorted(n for n in lines if first <= n < first + part.num_rows)
            rows = part.take(pa.array([number - first for number in numbers], pa.int64()))
            texts = [as_text(rows[name], self._source).to_pylist() for name in flat]
            for number, *cells in zip(numbers, *texts, strict=True):
                found[number] = ", ".join(f"{name}={cell}" for name, cell in zip(flat, cells, strict=True))[:RAW_CHARS]
            first += part.num_rows
            if len(found) == len(lines):
                break
        return found

    def _parts(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        texts = [name for name in names if pa.types.is_string(self._schema.field(name).type)]
        try:
            file = pq.ParquetFile(self._path, read_dictionary=texts, **_limits())
            for batch in file.iter_batches(BATCH_ROWS, columns=names, use_threads=False):
                batch.validate(full=True)  # a text that is not UTF-8 is no text to anybody else
                yield batch
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> InputRefused:
        return InputRefused(f"{self._source}: the Parquet file is damaged or cut short ({str(error)[:200]}); send it again")

    def _check_type(self, field: pa.Field) -> None:
        if self._schema.names.count(field.name) > 1:
            raise InputRefused(f"{self._source}: column {field.name!r} comes twice; keep one")
        if not _is_flat(field.type):
            raise InputRefused(f"{self._source}: column {field.name!r} is of type {field.type}, which is no single text; flatten it")


def _limits() -> dict[str, Any]:
    return {"thrift_string_size_limit": _PARQUET_LIMIT, "thrift_container_size_limit": _PARQUET_LIMIT, "coerce_int96_timestamp_unit": "us"}


def _is_flat(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    test = pa.types
    return any(
        is_kind(kind)
        for is_kind in (
            test.is_boolean, test.is_integer, test.is_floating, test.is_decimal, test.is_string, test.is_large_string, test.is_string_view,
            test.is_date, test.is_timestamp, test.is_time, test.is_null,
        )
    )  # fmt: skip


def _batch(columns: dict[str, pa.Array], wrong: dict[str, np.ndarray | None], first: int, rows: int) -> Batch:
    lines, good, broken = np.arange(first, first + rows), np.ones(rows, dtype=bool), []
    for name, mask in wrong.items():
        for index in np.flatnonzero(mask & good) if mask is not None else ():
            broken.append(Broken(first + int(index), "cell_error", columns[name][index].as_py(), name))
            good[index] = False
    table = pa.table(columns | {LINE_COLUMN: pa.array(lines, pa.int64())})
    return Batch(table if not broken else table.filter(pa.array(good)), sorted(broken, key=lambda b: b.line), rows)


def _not_finite(values: pa.Array) -> np.ndarray | None:
    """Which numbers are not-a-number or infinite: they are no text that a contract could judge."""
    if not pa.types.is_floating(values.type):
        return None
    return ~compute.fill_null(compute.is_finite(values), True).to_numpy(zero_copy_only=False)


def as_text(values: pa.Array, source: str) -> pa.Array:
    """Canonical text of typed values: null is empty, whole numbers have no point, dates and times are ISO, truth is true or false.

    >>> as_text(pa.array([1.0, 0.1, None, 1e21]), "x").to_pylist()
    ['1', '0.1', '', '1000000000000000000000']
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        _check_size(values, source)
        indices = compute.fill_null(values.indices, len(values.dictionary))
        return pa.concat_arrays([as_text(values.dictionary, source), pa.array([""])]).take(indices)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = _numbers(values)
    elif pa.types.is_timestamp(kind):
        values = _moments(values)
    elif pa.types.is_time(kind):
        values = _without_zeros(compute.cast(values, pa.string()))
    return compute.fill_null(compute.cast(values, pa.string()), "")


def _check_size(values: pa.DictionaryArray, source: str) -> None:
    """Refuse a batch whose texts would fill the memory: few stored bytes can stand for very many."""
    lengths = compute.cast(compute.binary_length(compute.cast(values.dictionary, pa.string())), pa.int64())
    total = compute.sum(lengths.take(values.indices)).as_py() or 0
    if total > MAX_BATCH_TEXT_BYTES:
        raise InputRefused(f"{source}: {total} bytes of text in {len(values)} rows of one column; send shorter texts")


def _numbers(values: pa.Array) -> pa.Array:
    if pa.types.is_float16(values.type):
        values = compute.cast(values, pa.float32())
    text = _without_zeros(compute.cast(values, pa.string()))
    text = compute.if_else(compute.equal(text, "-0"), "0", text)
    odd = compute.fill_null(compute.match_substring_regex(text, "[eE]"), False)
    if not compute.any(odd).as_py():
        return text
    plain = [f"{Decimal(t):f}" if is_odd and t is not None else t for t, is_odd in zip(text.to_pylist(), odd.to_pylist(), strict=True)]
    return _without_zeros(pa.array(plain, pa.string()))


def _without_zeros(text: pa.Array) -> pa.Array:
    """`1.500` to `1.5` and `1.000` to `1`; a text without a point stays."""
    has_point = compute.fill_null(compute.match_substring_regex(text, r"^[^eE]*\.[0-9]*0*$"), False)
    return compute.if_else(has_point, compute.utf8_rtrim(compute.utf8_rtrim(text, "0"), "."), text)


def _moments(values: pa.Array) -> pa.Array:
    """Local times as they are, moments of a known zone in UTC with a Z."""
    zoned = values.type.tz is not None
    text = compute.cast(compute.cast(values, pa.timestamp(values.type.unit)) if zoned else values, pa.string())
    text = _without_zeros(compute.replace_substring(text, " ", "T", max_replacements=1))
    return compute.binary_join_element_wise(text, "Z", "") if zoned else text
