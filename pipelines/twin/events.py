"""What one simulated day leaves behind: rows of the feeds in canonical text, and a recorder that collects them."""

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pipelines.twin.feeds import EVENT_FEEDS, FEEDS, clock_text


@dataclass(frozen=True)
class DayEvents:
    """The day's rows per event feed and its closing `wms_stock`, in feed columns; `refused` says which dispatches were turned away."""

    date: dt.date
    frames: dict[str, pd.DataFrame]
    refused: tuple[str, ...] = ()


@dataclass
class DayRecorder:
    """Collects the rows of one day by feed."""

    date: dt.date
    location_ids: NDArray[np.object_]
    item_ids: NDArray[np.object_]
    parts: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """The date without separators, for ids."""
        return self.date.strftime("%Y%m%d")

    def at(self, seconds: ArrayLike) -> NDArray[np.str_]:
        """Timestamps of the day, from seconds after midnight."""
        return clock_text(np.datetime64(self.date), np.atleast_1d(np.asarray(seconds, dtype=np.int64)))

    def add(self, feed: str, columns: dict[str, object]) -> None:
        """Add rows; columns not given stay empty."""
        frame = pd.DataFrame(columns)
        if len(frame):
            self.parts.setdefault(feed, []).append(frame)

    def move(
        self, kind: str, seconds: ArrayLike, locations: ArrayLike, items: ArrayLike, units: ArrayLike, references: ArrayLike | None = None
    ) -> None:
        """Add stock movements of one kind, given as equally long arrays (or a scalar time); zero moves are left out."""
        units = np.atleast_1d(np.asarray(units, dtype=np.int64))
        keep = units != 0
        if not keep.any():
            return
        count = int(keep.sum())
        times = np.broadcast_to(np.asarray(seconds, dtype=np.int64), units.shape)[keep]
        self.add(
            "wms_movements",
            {
                "at": self.at(times),
                "location_id": self.location_ids[np.atleast_1d(locations)[keep]],
                "item_id": self.item_ids[np.atleast_1d(items)[keep]],
                "type": [kind] * count,
                "qty_units": units[keep],
                "reference": None if references is None else np.atleast_1d(np.asarray(references, dtype=object))[keep],
            },
        )

    def close(self, stock: pd.DataFrame) -> DayEvents:
        """Sort every feed, number the movements and hand the day over."""
        frames, tag = {"wms_stock": stock}, self.tag
        for feed in EVENT_FEEDS:
            frame = join_frames(feed, self.parts.get(feed, []))
            if feed == "wms_movements":
                by = ["at", "location_id", "item_id", "type", "reference", "qty_units"]
                frame = frame.sort_values(by, kind="stable", ignore_index=True)
                frame["event_id"] = [f"MV-{tag}-{number:06d}" for number in range(1, len(frame) + 1)]
            else:
                frame = keep_latest(feed, frame)
            frames[feed] = frame
        return DayEvents(self.date, frames, tuple(self.refused))


def join_frames(feed: str, parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Parts of one feed under each other, in the feed's columns."""
    columns = list(FEEDS[feed].columns)
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
    whole = pd.concat([part.astype(object) for part in parts], ignore_index=True)
    return whole.reindex(columns=columns)


def keep_latest(feed: str, frame: pd.DataFrame) -> pd.DataFrame:
    """One row per key, the last one given, sorted by key."""
    key = list(FEEDS[feed].key)
    return frame.drop_duplicates(key, keep="last").sort_values(key, kind="stable", ignore_index=True)
