"""What a partition is held against: the partition before it, recent rows, other days' fingerprints and how many units make a pack.

Aligns today's rows with what each value used to be. Which difference is a fault is judged in values.py, columns.py and repeats.py.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.extracts.contracts.contract import Column, FeedContract
from pipelines.extracts.lake.parts import first_of_newest

Floats = NDArray[np.float64]
NUMERIC = ("integer", "double", "decimal(18,4)", "decimal(18,6)")
LEVEL_ENUMS = ("type", "reference_type", "channel")
MIN_LEVEL_ROWS = 2
MAX_PAST_ROWS = 200_000


@dataclass(frozen=True)
class History:
    """What is known of a feed before its partition, as far as gates let it pass.

    `before` is the newest earlier partition, `recent` rows of the newest few with at least the numbers and what names them; both may be
    empty. `fingerprints` maps earlier dates to `GateVerdict.fingerprint`, `changed_rows` lists how many rows changed from day to day.
    `packs` has item_id, pack_units and pallet_units (not a number where unknown).
    """

    before: pd.DataFrame = field(default_factory=pd.DataFrame)
    recent: pd.DataFrame = field(default_factory=pd.DataFrame)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    changed_rows: tuple[int, ...] = ()
    packs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"item_id": [], "pack_units": [], "pallet_units": []}))


@dataclass(frozen=True)
class Scene:
    """One partition beside its history. `rows` are judged: of a first load those of its newest day, else all."""

    contract: FeedContract
    rows: pd.DataFrame
    history: History
    memo: dict[tuple[str, str], Any] = field(default_factory=dict, compare=False, repr=False)

    def now(self, column: str) -> Floats:
        """Today's values of any column as numbers that compare by equality; see `comparable`."""
        return self._comparable("now", self.rows, column)

    def was(self, column: str, at: NDArray[np.int64] | None = None) -> Floats:
        """The values of the same keys (or the rows `at`) in the partition before, as `now` has them."""
        return take(self.past(column), self.match if at is None else at)

    def past(self, column: str) -> Floats:
        """All values of a column in the partition before, as `now` has them; of events in the recent ones."""
        known = self.history.before if self.is_keyed else self.history.recent
        return self._comparable("past", known, column) if column in known else np.zeros(0)

    def words(self, column: str) -> Floats:
        """The different values that a column had in the past."""
        if ("words", column) not in self.memo:
            past = self.past(column)
            self.memo["words", column] = np.unique(past[~np.isnan(past)])
        return self.memo["words", column]

    def _comparable(self, when: str, frame: pd.DataFrame, column: str) -> Floats:
        if (when, column) not in self.memo:
            self.memo[when, column] = comparable(frame[column])
        return self.memo[when, column]

    @cached_property
    def is_keyed(self) -> bool:
        """True where a row is compared with the same key before (a snapshot), false where with its item's usual rows (events)."""
        return self.contract.kind == "snapshot"

    @cached_property
    def key(self) -> list[str]:
        """The contract's key without the business date."""
        return [name for name in self.contract.key if name != self.contract.date_column]

    @cached_property
    def is_unchanged(self) -> bool:
        """True for a snapshot that holds nothing but what the one before held, as master data do on most days."""
        before = self.history.before
        if not self.is_keyed or len(before) != len(self.rows):
            return False
        names = [column.name for column in self.contract.columns if column.name != self.contract.date_column]
        return all(name in before and _same(self.rows[name], before[name]) for name in names)

    @cached_property
    def values(self) -> list[Column]:
        """Numeric columns that are no part of a key or a line number."""
        return [
            column
            for column in self.contract.columns
            if column.type in NUMERIC and column.name not in self.contract.key and column.name != "line_no"
        ]

    @cached_property
    def match(self) -> NDArray[np.int64]:
        """For each row the position in `history.before` of the same key, -1 where it is new. Of snapshots only."""
        before = self.history.before
        if not len(before):
            return np.full(len(self.rows), -1)
        if len(before) == len(self.rows) and all(_same(self.rows[name], before[name]) for name in self.key):
            return np.arange(len(self.rows))
        index = _index(before, self.key)
        return index.get_indexer(_index(self.rows, self.key)) if index.is_unique else np.full(len(self.rows), -1)

    def before(self, column: str, at: NDArray[np.int64] | None = None) -> Floats:
        """What a numeric column was in the row of the same key (or of the rows `at`), not a number where there was none."""
        return take(numbers(self.history.before[column]) if len(self.history.before) else np.zeros(0), self.match if at is None else at)

    @cached_property
    def level_key(self) -> list[str]:
        """What rows of one usual size have in common: the item, and the kind of event."""
        names = [column.name for column in self.contract.columns if column.name in LEVEL_ENUMS]
        return ["item_id", *names] if "item_id" in self.rows else []

    @cached_property
    def level_codes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Codes of the level keys of the recent rows and of today's rows; equal codes are equal keys."""
        recent, today = self.history.recent, self.rows
        both = pd.concat([recent[self.level_key], today[self.level_key]], ignore_index=True)
        codes = both.groupby(self.level_key, dropna=False, sort=False, observed=True).ngroup().to_numpy()
        return codes[: len(recent)], codes[len(recent) :]

    def usual(self, column: str) -> Floats:
        """The median of a column's size over the recent rows of the same level key, by row; not a number below 2 rows."""
        recent = self.history.recent
        if not self.level_key or column not in recent or not len(recent):
            return np.full(len(self.rows), np.nan)
        past, now = self.level_codes
        sizes = np.abs(numbers(recent[column]))
        found = pd.Series(sizes[sizes > 0]).groupby(past[sizes > 0]).agg(["median", "size"])
        found = found.loc[found["size"] >= MIN_LEVEL_ROWS, "median"]
        return found.reindex(now).to_numpy(dtype=float)

    def base(self, column: str) -> Floats:
        """What each row's value is compared with: its key's value before, or its item's usual size."""
        return self.before(column) if self.is_keyed else self.usual(column)

    def size(self, column: str) -> Floats:
        """Today's values of a column, without their sign."""
        return np.abs(numbers(self.rows[column]))

    @cached_property
    def source_order(self) -> NDArray[np.int64]:
        """Positions of the rows in the order of the source file."""
        return np.argsort(self.rows["_source_line"].to_numpy(), kind="stable") if "_source_line" in self.rows else np.arange(len(self.rows))

    def pack_factors(self, column: str) -> Floats:
        """`pack_units` or `pallet_units` of each row's item; not a number where unknown."""
        known = self.history.packs.drop_duplicates("item_id").set_index("item_id")[column]
        return known.reindex(self.rows["item_id"]).to_numpy(dtype=float) if "item_id" in self.rows else np.full(len(self.rows), np.nan)


def set_scene(contract: FeedContract, frame: pd.DataFrame, history: History, business_date: datetime.date) -> Scene:
    """The rows to judge and their history; a first load that holds many days is its own history, its newest 200,000 rows by whole days."""
    date = contract.date_column
    if date is None or not len(frame):
        return Scene(contract, frame, history)
    before, recent = history.before, history.recent
    if not len(before) and not len(recent):
        days = pd.to_datetime(frame[date]).dt.normalize()
        earlier = frame[(days < pd.Timestamp(business_date)) & (days >= pd.Timestamp(_first_day(days, business_date)))]
        if not len(earlier):
            return Scene(contract, frame, history)
        before = recent = earlier
        frame = frame[days == pd.Timestamp(business_date)]
    if contract.kind == "snapshot" and len(before):
        days = pd.to_datetime(before[date]).dt.normalize()
        earlier = days[days < pd.Timestamp(business_date)]  # a row of a day to come is no newest day
        before = before[days == (earlier if len(earlier) else days).max()]
        days = pd.to_datetime(frame[date]).dt.normalize()
        frame = frame[days == pd.Timestamp(business_date)] if (days != pd.Timestamp(business_date)).any() else frame
    return Scene(contract, frame.reset_index(drop=True), replace(history, before=before.reset_index(drop=True), recent=recent))


def _first_day(days: pd.Series, business_date: datetime.date) -> datetime.date:
    """The first of the days before the business date that a first load is judged against."""
    counts = days[days < pd.Timestamp(business_date)].value_counts()
    if counts.empty:
        return business_date
    return first_of_newest({day.date(): int(rows) for day, rows in counts.items()}, MAX_PAST_ROWS)


def numbers(values: pd.Series) -> Floats:
    """A column as floats, not a number where empty."""
    return values.to_numpy(dtype=float, na_value=np.nan)


def comparable(values: pd.Series) -> Floats:
    """A column as floats that are equal where its values are: numbers as they are, times in microseconds, texts by hash; empty is none."""
    if pd.api.types.is_datetime64_any_dtype(values):
        found = values.to_numpy().astype("datetime64[us]").astype("int64").astype(float)
        found[values.isna().to_numpy()] = np.nan
        return found
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return numbers(values)
    hash_texts: Any = pd.util.hash_array
    codes, texts = pd.factorize(values, use_na_sentinel=True)
    return np.append(hash_texts(np.asarray(texts, dtype=object)).astype(float), np.nan)[codes]


def equal(one: Floats, other: Floats) -> NDArray[np.bool_]:
    """Equality of comparable values; empty ones equal nothing."""
    return np.isclose(one, other, rtol=1e-9, atol=1e-9)


def take(values: NDArray, at: NDArray[np.int64]) -> NDArray:
    """`values[at]`, not a number (or None) where `at` is -1."""
    if not len(values):
        return np.full(len(at), np.nan)
    found = values[np.maximum(at, 0)]
    missing = at < 0
    if missing.any():
        found = found.astype(float if values.dtype.kind in "fiu" else object)
        found[missing] = np.nan
    return found


def _index(frame: pd.DataFrame, key: list[str]) -> pd.Index:
    """An index of the key's values, empty ones being equal."""
    columns = [frame[name].astype(object).where(frame[name].notna(), "") if frame[name].isna().any() else frame[name] for name in key]
    return pd.Index(columns[0]) if len(key) == 1 else pd.MultiIndex.from_arrays(columns)


def _same(one: pd.Series, other: pd.Series) -> bool:
    return bool(((one.to_numpy() == other.to_numpy()) | (one.isna().to_numpy() & other.isna().to_numpy())).all())
