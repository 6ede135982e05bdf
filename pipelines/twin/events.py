"""What one simulated day leaves behind: rows of the feeds in canonical text, and a recorder that collects them.

Rows are columns of plain arrays until somebody asks for frames: a shadow run that only counts money never builds one.
"""

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pipelines.extracts.contracts.contract import load_contract
from pipelines.twin.feeds import JOURNAL_FEEDS, STOCK_FEED, clock_text

Column = NDArray[Any]
Columns = dict[str, Column]


@dataclass(frozen=True)
class DayEvents:
    """The day's rows per event feed and its closing `wms_stock`, in feed columns; `refused` says which dispatches were turned away."""

    date: dt.date
    tables: dict[str, Columns]
    refused: tuple[str, ...] = ()

    @cached_property
    def frames(self) -> dict[str, pd.DataFrame]:
        """The tables as frames with all columns of their feeds; no row is a frame too."""
        return {feed: frame_of(feed, columns) for feed, columns in self.tables.items()}


@dataclass
class DayRecorder:
    """Collects the rows of one day by feed."""

    date: dt.date
    location_ids: NDArray[np.object_]
    item_ids: NDArray[np.object_]
    parts: dict[str, list[Columns]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """The date without separators, for ids."""
        return self.date.strftime("%Y%m%d")

    def at(self, seconds: ArrayLike) -> NDArray[np.object_]:
        """Timestamps of the day, from seconds after midnight."""
        return clock_text(np.datetime64(self.date), np.atleast_1d(np.asarray(seconds, dtype=np.int64))).astype(object)

    def add(self, feed: str, columns: dict[str, Any]) -> None:
        """Add rows given as equally long columns; columns not given stay empty."""
        arrays = {name: np.asarray(values, dtype=object) for name, values in columns.items()}
        if len(next(iter(arrays.values()))):
            self.parts.setdefault(feed, []).append(arrays)

    def move(
        self, kind: str, seconds: ArrayLike, locations: ArrayLike, items: ArrayLike, units: ArrayLike, references: ArrayLike | None = None
    ) -> None:
        """Add stock movements of one kind, given as equally long arrays (or a scalar time); zero moves are left out."""
        moved = np.atleast_1d(np.asarray(units, dtype=np.int64))
        keep = moved != 0
        count = int(keep.sum())
        named = np.full(moved.shape, None) if references is None else np.asarray(references, dtype=object)
        self.add(
            "wms_movements",
            {
                "at": self.at(np.broadcast_to(np.asarray(seconds, dtype=np.int64), moved.shape)[keep]),
                "location_id": self.location_ids[np.asarray(locations, dtype=np.int64)[keep]],
                "item_id": self.item_ids[np.asarray(items, dtype=np.int64)[keep]],
                "type": [kind] * count,
                "qty_units": moved[keep],
                "reference": named[keep],
            },
        )

    def close(self, stock: Columns) -> DayEvents:
        """Sort every feed, number the movements and hand the day over."""
        tables, tag = {STOCK_FEED: stock}, self.tag
        for feed in JOURNAL_FEEDS:
            table = join_columns(feed, self.parts.get(feed, []))
            if feed == "wms_movements":
                by = ("at", "location_id", "item_id", "type", "reference", "qty_units")
                rows = list(zip(*(table[name].tolist() for name in by), strict=True))
                order = sorted(range(len(rows)), key=lambda i, rows=rows: tuple("" if value is None else value for value in rows[i]))
                table = {name: column[order] for name, column in table.items()}
                table["event_id"] = np.array([f"MV-{tag}-{number:06d}" for number in range(1, len(rows) + 1)], dtype=object)
            else:
                table = keep_latest(feed, table)
            tables[feed] = table
        return DayEvents(self.date, tables, tuple(self.refused))


def join_columns(feed: str, parts: list[Columns]) -> Columns:
    """Parts of one feed under each other, in the feed's columns; what a part lacks is empty."""
    lengths = [len(next(iter(part.values()))) for part in parts]
    table = {}
    for name in (column.name for column in load_contract(feed).columns):
        pieces = [part[name] if name in part else np.full(size, None) for part, size in zip(parts, lengths, strict=True)]
        table[name] = np.concatenate([np.asarray(piece, dtype=object) for piece in pieces]) if pieces else np.zeros(0, dtype=object)
    return table


def keep_latest(feed: str, table: Columns) -> Columns:
    """One row per key, the last one given, sorted by key."""
    latest = {key: row for row, key in enumerate(zip(*(table[name].tolist() for name in load_contract(feed).key), strict=True))}
    order = [row for _, row in sorted(latest.items(), key=lambda pair: tuple("" if value is None else value for value in pair[0]))]
    return {name: column[order] for name, column in table.items()}


def frame_of(feed: str, table: Columns) -> pd.DataFrame:
    """One table as a frame of plain objects, in the feed's columns."""
    return pd.DataFrame(table, columns=[column.name for column in load_contract(feed).columns], dtype=object)
