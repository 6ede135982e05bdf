"""A Parquet file of a person's own, read by declared columns; what is wrong is told by column and first rows. No meaning is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.domain.errors import InputRefused, shown
from pipelines.machine.reading import require_file

SHOWN_ROWS = 3
KINDS = {"id": "text or whole numbers", "text": "text", "date": "a date, or a timestamp at midnight", "number": "numbers"}


@dataclass(frozen=True)
class Column:
    """A declared column: kind `id`, `text`, `date` or `number`; optional ones may be absent, nullable ones empty."""

    name: str
    kind: str
    is_optional: bool = False
    is_nullable: bool = False


class TypedTable:
    """The declared columns of one Parquet file, of the declared kinds and without forbidden nulls. Raises `InputRefused`."""

    def __init__(self, path: Path, columns: Sequence[Column], more: str = "") -> None:
        """Read `path`; with `more` = `text`, every further column of text or whole numbers is read as well (`further`)."""
        self.path = path
        schema = self._open(path)
        found = schema.names
        doubled = sorted({name for name in found if found.count(name) > 1})
        if doubled:
            raise InputRefused(f"{path}: column {shown(doubled[0])} comes twice; keep one")
        missing = [column.name for column in columns if not column.is_optional and column.name not in found]
        if missing:
            raise InputRefused(f"{path}: column {', '.join(missing)} is missing; found {', '.join(map(shown, found[:12])) or 'none'}")
        declared = [column for column in columns if column.name in found]
        for column in declared:
            if not _is_kind(schema.field(column.name).type, column.kind):
                raise InputRefused(
                    f"{path}: column {column.name} holds {schema.field(column.name).type}, not {KINDS[column.kind]}; write it as such"
                )
        names = {column.name for column in columns}
        self.further = [n for n in found if more and n not in names and _is_kind(schema.field(n).type, "id")]
        self.table = self._read([column.name for column in declared] + self.further)
        self.ids = [column.name for column in declared if column.kind in ("id", "date")]
        if not self.table.num_rows:
            raise InputRefused(f"{path}: no rows; every column is empty")
        for column in declared:
            if not column.is_nullable and self.table[column.name].null_count:
                self.refuse(column.name, self.table[column.name].is_null().to_numpy(), "is empty", "fill it in or leave the rows out")

    def _open(self, path: Path) -> pa.Schema:
        require_file(path, str(path))
        try:
            self._file = pq.ParquetFile(path)
            schema = self._file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise InputRefused(f"{path}: not readable as Parquet ({shown(str(error), 120)}); write it as Parquet") from None
        texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
        self._file = pq.ParquetFile(path, read_dictionary=texts)
        return schema

    def _read(self, names: list[str]) -> pa.Table:
        try:
            return self._file.read(columns=names, use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise InputRefused(f"{self.path}: not readable as Parquet ({shown(str(error), 120)}); write it again") from None

    def __contains__(self, name: str) -> bool:
        return name in self.table.column_names

    def __len__(self) -> int:
        return self.table.num_rows

    def codes(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Distinct values in order (text by code points, or integers) and each row's position among them; null is -1."""
        column = self.table[name]
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        combined = column.unify_dictionaries().combine_chunks()
        combined = combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined
        words = combined.dictionary
        words = words.cast(pa.string() if _is_text(words.type) else pa.int64())
        values = words.to_numpy(zero_copy_only=False)
        position = combined.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        used = np.bincount(position[position >= 0], minlength=len(values)) > 0
        ordered, rank = np.unique(values[used], return_inverse=True)
        place = np.full(len(values) + 1, -1, dtype=np.int32)
        place[:-1][used] = rank
        return ordered, place[position]

    def days(self, name: str) -> np.ndarray:
        """Dates as datetime64[D]; a timestamp that is not midnight is refused. Null is NaT."""
        column = self.table[name]
        if pa.types.is_timestamp(column.type):
            moment = column.cast(pa.timestamp("us")).to_numpy()
            day = moment.astype("datetime64[D]")
            self.refuse(name, ~np.isnat(moment) & (moment != day), "is not midnight", "write days, not moments")
            return day
        return column.cast(pa.date32()).to_numpy().astype("datetime64[D]")

    def numbers(self, name: str) -> np.ndarray:
        """Numbers as float64; null is NaN."""
        column = self.table[name]
        if pa.types.is_float64(column.type) and not column.null_count:
            return column.to_numpy()
        return np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), dtype=float)

    def refuse(self, name: str, is_bad: np.ndarray, says: str, remedy: str) -> None:
        """Raise `InputRefused` with the column, the count and the first rows where `is_bad` (R,) holds anywhere; else do nothing."""
        rows = np.flatnonzero(is_bad)
        if not len(rows):
            return
        first = "; ".join(self._row_text(int(row), name) for row in rows[:SHOWN_ROWS])
        more = f" and {len(rows) - SHOWN_ROWS} more" if len(rows) > SHOWN_ROWS else ""
        raise InputRefused(f"{self.path}: column {name} {says} in {len(rows)} of {len(self)} rows: {first}{more}; {remedy}")

    def _row_text(self, row: int, name: str) -> str:
        key = ", ".join(str(self.table[column][row].as_py())[:40] for column in self.ids if column != name)
        return f"row {row + 1} ({key}): {shown(_plain(self.table[name][row].as_py()), 40)}"


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_kind(kind: pa.DataType, wanted: str) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if wanted == "date":
        return pa.types.is_date(inner) or pa.types.is_timestamp(inner)
    if wanted == "number":
        return pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_decimal(inner)
    return _is_text(inner) or (wanted == "id" and pa.types.is_integer(inner))
