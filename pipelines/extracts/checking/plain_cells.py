"""The quick road of checking: rows whose cells are all plainly valid, proven by a few passes over bytes, and cast. It never decides that
a row is bad: what it cannot prove is left to the SQL of `text_rules`, whose word is the last.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from pipelines.extracts.contracts import text_rules
from pipelines.extracts.contracts.contract import EARLIEST_YEAR, FREE_TEXT_MAX_CHARS, LATEST_YEAR, Column

compute: Any = pyarrow.compute  # its functions are made at import time, which no type checker sees
Mask = NDArray[np.bool_]
_ARROW_TYPES = {
    "text": pa.string(), "integer": pa.int64(), "double": pa.float64(), "date": pa.date32(), "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(), "decimal(18,4)": pa.decimal128(18, 4), "decimal(18,6)": pa.decimal128(18, 6),
}  # fmt: skip
_CLASS = re.compile(r"\[((?:[^\]\\^]|\\[.\-/\\])+)\]\{([0-9]+),([0-9]+)\}")
_ZERO, _NINE, _MINUS, _SPACE = b"0"[0], b"9"[0], b"-"[0], b" "[0]
_DATE, _MOMENT = "dddd-dd-dd", "dddd-dd-ddTdd:dd:dd"


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type of a column after the cast."""
    return _ARROW_TYPES[column.type]


@dataclass(frozen=True)
class Texts:
    """The cells of one column: their bytes in one piece, how long each is, and the array itself."""

    array: pa.StringArray
    data: NDArray[np.uint8]
    lengths: NDArray[np.int32]

    @classmethod
    def of(cls, array: pa.StringArray) -> "Texts":
        """The cells of an array without nulls."""
        offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]
        data = np.frombuffer(array.buffers()[2] or b"", np.uint8)[int(offsets[0]) : int(offsets[-1])]
        return cls(array, data, np.diff(offsets))

    @functools.cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each cell starts in the bytes."""
        return np.cumsum(self.lengths, dtype=np.int64) - self.lengths

    @functools.cached_property
    def bounds(self) -> tuple[int, int]:
        """The lengths of the shortest and the longest cell."""
        return int(self.lengths.min()), int(self.lengths.max())

    def at(self, place: int) -> NDArray[np.uint8]:
        """The byte at a place of every cell; 0 where the cell is too short."""
        shortest, longest = self.bounds
        if place < shortest == longest:
            return self.data.reshape(-1, longest)[:, place]
        found = np.zeros(len(self.lengths), np.uint8)
        there = self.lengths > place
        found[there] = self.data[self.starts[there] + place]
        return found

    def last(self) -> NDArray[np.uint8]:
        """The last byte of every cell; 0 where it is empty."""
        found = np.zeros(len(self.lengths), np.uint8)
        there = self.lengths > 0
        found[there] = self.data[(self.starts + self.lengths)[there] - 1]
        return found

    def only(self, allowed: NDArray[np.bool_]) -> Mask:
        """Cells that hold allowed bytes only."""
        fits = allowed[self.data]
        mask = np.ones(len(self.lengths), bool)
        if not fits.all():
            mask[np.searchsorted(self.starts, np.flatnonzero(~fits), side="right") - 1] = False
        return mask


def as_blocks(texts: pa.StringArray) -> NDArray[np.uint8] | None:
    """The bytes of texts that all have one length above 0 as a matrix, (n, length); None of others, and where one is missing."""
    ends = (
        np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1] if len(texts) else np.zeros(2, np.int32)
    )
    first, last, length = int(ends[0]), int(ends[-1]), int(ends[1] - ends[0])
    if texts.null_count or length == 0 or last - first != length * len(texts) or (np.diff(ends) != length).any():
        return None
    return np.frombuffer(texts.buffers()[2], np.uint8)[first:last].reshape(-1, length)


def text_blocks(data: NDArray[np.uint8]) -> pa.StringArray:
    """Texts of one length from a matrix of their bytes, (n, length) and less than 2 GB."""
    rows, length = data.shape
    ends = np.arange(rows + 1, dtype=np.int32) * np.int32(length)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(ends), pa.py_buffer(data))


def prove(cells: pa.RecordBatch, columns: tuple[Column, ...]) -> tuple[list[pa.Array], Mask]:
    """Typed columns of the rows that are plainly valid, and which rows of `cells` those are."""
    texts = [cells.column(column.name) for column in columns]
    for is_strict in (False, True):
        mask = np.ones(cells.num_rows, bool)
        if any(array.null_count for array in texts):
            break
        for column, array in zip(columns, texts, strict=True):
            mask &= _shape(column, array, is_strict)
        kept = texts if mask.all() else [array.filter(pa.array(mask)) for array in texts]
        try:
            return _narrow(columns, [_cast(column, array) for column, array in zip(columns, kept, strict=True)], mask)
        except pa.ArrowInvalid:  # a day or time that does not exist, or, unless strict, that is not even written like one
            continue
    return [pa.array([], arrow_type(column)) for column in columns], np.zeros(cells.num_rows, bool)


def _narrow(columns: tuple[Column, ...], typed: list[pa.Array], mask: Mask) -> tuple[list[pa.Array], Mask]:
    """Without the rows that have a value out of its range."""
    within = np.ones(len(typed[0]), bool)
    for column, values in zip(columns, typed, strict=True):
        limits = _limits(column)
        if limits:
            within &= _within(values, *limits)
    if not within.all():
        typed = [values.filter(pa.array(within)) for values in typed]
        mask[np.flatnonzero(mask)[~within]] = False
    return typed, mask


def _shape(column: Column, array: pa.StringArray, is_strict: bool) -> Mask:
    """Cells whose text has the shape of the column's type, or is empty where that is allowed."""
    cells = Texts.of(array)
    empty = cells.lengths == 0
    if not len(cells.data):
        return empty if column.nullable else ~empty
    shaped = _shape_of(column, is_strict)(cells)
    return shaped | empty if column.nullable else shaped & ~empty


@functools.lru_cache(maxsize=1000)
def _shape_of(column: Column, is_strict: bool) -> Callable[[Texts], Mask]:
    if column.enum or column.type == "boolean":
        words = pa.array(column.enum or ("true", "false"))
        return lambda cells: compute.is_in(cells.array, value_set=words).to_numpy(zero_copy_only=False)
    if column.type == "text":
        return _text_shape(column)
    if column.type == "integer":
        return _is_whole
    if column.type in ("date", "timestamp"):
        pattern = _DATE if column.type == "date" else _MOMENT
        return lambda cells: _is_like(cells, pattern) if is_strict else _has_marks(cells, pattern)
    if column.type == "double":
        return _matching(text_rules.DOUBLE)
    return lambda cells: _is_decimal(cells, column.decimals or 0)


def _text_shape(column: Column) -> Callable[[Texts], Mask]:
    if not column.pattern:
        return _is_free_text
    found = _CLASS.fullmatch(column.pattern)
    if not found or not found[1].isascii():
        return _matching(column.pattern)
    letters = re.compile(f"[{found[1]}]")
    allowed = np.array([bool(letters.fullmatch(chr(code))) and code < 128 for code in range(256)])
    shortest, longest = int(found[2]), int(found[3])
    return lambda cells: cells.only(allowed) & (cells.lengths >= shortest) & (cells.lengths <= longest)


def _matching(pattern: str) -> Callable[[Texts], Mask]:
    whole = rf"\A(?:{pattern})\z"
    return lambda cells: compute.match_substring_regex(cells.array, whole).to_numpy(zero_copy_only=False)


_PRINTABLE = np.array([32 <= code < 127 for code in range(256)])
_DIGIT = np.array([_ZERO <= code <= _NINE for code in range(256)])


def _is_free_text(cells: Texts) -> Mask:
    """Printable ASCII without white space at its ends."""
    return cells.only(_PRINTABLE) & (cells.lengths <= FREE_TEXT_MAX_CHARS) & (cells.at(0) != _SPACE) & (cells.last() != _SPACE)


def _is_whole(cells: Texts) -> Mask:
    """Up to 18 digits, the first of several not 0, perhaps after a minus."""
    first = cells.at(0)
    plain = (first != _ZERO) | (cells.lengths == 1)
    digits = _DIGIT[cells.data]
    if digits.all():
        return plain & (cells.lengths <= 18)
    negative = first == _MINUS
    odd = np.flatnonzero(~digits)
    owner = np.searchsorted(cells.starts, odd, side="right") - 1
    stray = np.zeros(len(first), bool)
    stray[owner[(odd != cells.starts[owner]) | ~negative[owner]]] = True
    second = cells.at(1)
    return ~stray & (cells.lengths - negative <= 18) & np.where(negative, (second > _ZERO) & (second <= _NINE), plain)


def _is_decimal(cells: Texts, places: int) -> Mask:
    """A number of at most 18 digits, of which up to `places` stand behind a point; the first of several digits before it is not 0."""
    point, sign = _points(cells), cells.at(0) == _MINUS
    whole = np.where(point < 0, cells.lengths, point) - sign
    behind = np.where(point < 0, 1, cells.lengths - point - 1)
    first = np.where(sign, cells.at(1), cells.at(0))
    marks = (cells.lengths - whole - np.where(point < 0, 0, behind)).sum()
    fits = (whole >= 1) & (whole <= 18 - places) & (behind >= 1) & (behind <= places) & ((first != _ZERO) | (whole == 1))
    if np.count_nonzero(_DIGIT[cells.data]) == len(cells.data) - marks:
        return fits
    return fits & _matching(text_rules.ANY_DECIMAL)(cells)


def _points(cells: Texts) -> NDArray[np.int64]:
    """Where the last decimal point of each cell stands, -1 without one."""
    places = np.flatnonzero(cells.data == ord("."))
    found = np.full(len(cells.lengths), -1)
    owner = np.searchsorted(cells.starts, places, side="right") - 1
    found[owner] = places - cells.starts[owner]
    return found


def _decimals(cells: Texts, places: int, kind: pa.DataType) -> pa.Array:
    """Texts of the shape of `_is_decimal`, or empty for null, as exact numbers of at most 18 digits."""
    point = _points(cells)
    behind = np.where(point < 0, 0, cells.lengths - point - 1)
    empty = cells.lengths == 0
    digits = cells.data[cells.data != ord(".")]
    offsets = np.concatenate([[0], np.cumsum(cells.lengths - (point >= 0))]).astype(np.int32)
    whole = pa.StringArray.from_buffers(len(point), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(digits)))
    if empty.any():
        whole = compute.if_else(pa.array(empty), "0", whole)
    numbers = compute.cast(whole, pa.int64()).to_numpy() * 10 ** (places - behind)
    halves = np.stack([numbers, numbers >> 63], axis=1)
    values = pa.Array.from_buffers(kind, len(point), [None, pa.py_buffer(halves)])
    return compute.if_else(pa.array(empty), pa.scalar(None, kind), values) if empty.any() else values


def _has_marks(cells: Texts, pattern: str) -> Mask:
    """Cells of the pattern's length with its T: the cast reads no other text of that length."""
    fits = cells.lengths == len(pattern)
    return fits & (cells.at(10) == ord("T")) if "T" in pattern else fits


def _is_like(cells: Texts, pattern: str) -> Mask:
    """Cells of the pattern's length with a digit for every d and all else as it stands."""
    fits = cells.lengths == len(pattern)
    table = cells.data if fits.all() else cells.data[np.repeat(fits, cells.lengths)]
    table = table.reshape(-1, len(pattern))
    good = np.ones(len(table), bool)
    for place, letter in enumerate(pattern):
        good &= _DIGIT[table[:, place]] if letter == "d" else table[:, place] == ord(letter)
    fits[np.flatnonzero(fits)[~good]] = False
    return fits


def _cast(column: Column, array: pa.StringArray) -> pa.Array:
    if column.type == "boolean":
        return compute.if_else(compute.equal(array, ""), None, compute.equal(array, "true"))
    if column.decimals is not None:
        return _decimals(Texts.of(array), column.decimals, arrow_type(column))
    if column.nullable:
        array = compute.if_else(compute.equal(array, ""), pa.scalar(None, pa.string()), array)
    return array if column.type == "text" else compute.cast(array, arrow_type(column))


@functools.lru_cache(maxsize=1000)
def _limits(column: Column) -> tuple[pa.Scalar | None, pa.Scalar | None] | None:
    if column.type in ("date", "timestamp"):
        first, last = f"{EARLIEST_YEAR}-01-01", f"{LATEST_YEAR}-12-31"
        clock = ("", "") if column.type == "date" else ("T00:00:00", "T23:59:59")
        return pa.scalar(first + clock[0]).cast(arrow_type(column)), pa.scalar(last + clock[1]).cast(arrow_type(column))
    if column.minimum is None and column.maximum is None:
        return None
    return _limit(column, column.minimum), _limit(column, column.maximum)


def _limit(column: Column, limit: Decimal | None) -> pa.Scalar | None:
    return None if limit is None else pa.scalar(limit).cast(arrow_type(column))


def _within(values: pa.Array, smallest: pa.Scalar | None, largest: pa.Scalar | None) -> Mask:
    """Values between the limits, or null; infinite and undefined numbers are not."""
    found = compute.min_max(values)
    low, high = found["min"], found["max"]
    above = smallest is None or not low.is_valid or compute.greater_equal(low, smallest).as_py()
    below = largest is None or not high.is_valid or compute.less_equal(high, largest).as_py()
    if above and below and not pa.types.is_floating(values.type):
        return np.ones(len(values), bool)
    held = compute.is_valid(values)
    if smallest is not None:
        held = compute.and_(held, compute.greater_equal(values, smallest))
    if largest is not None:
        held = compute.and_(held, compute.less_equal(values, largest))
    if pa.types.is_floating(values.type):
        held = compute.and_(held, compute.is_finite(values))
    return compute.or_(compute.is_null(values), compute.fill_null(held, False)).to_numpy(zero_copy_only=False)
