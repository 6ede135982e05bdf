"""Demand as rows of whole periods, days or weeks, and what is known beside them. Reading files and forecasting are done elsewhere."""

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np


class Frequency(StrEnum):
    """How long a period is: a day, or seven days named by the first."""

    D = "D"
    W = "W"

    @property
    def days(self) -> int:
        """Days of one period."""
        return 7 if self is Frequency.W else 1

    @property
    def season(self) -> int:
        """Periods after which the pattern of the week comes again: 7 days; a week has no pattern inside."""
        return 1 if self is Frequency.W else 7

    @property
    def year(self) -> int:
        """Periods of 52 weeks."""
        return 52 if self is Frequency.W else 364

    def count_known(self, first: np.datetime64, as_of: dt.date) -> int:
        """Periods from `first` (the first day of the first one) whose last day is `as_of` or earlier.

        >>> Frequency.W.count_known(np.datetime64("2026-01-05"), dt.date(2026, 1, 17)), Frequency.D.count_known(
        ...     np.datetime64("2026-01-05"), dt.date(2026, 1, 5))
        (1, 1)
        """
        return max(int((np.datetime64(as_of, "D") + 1 - first).astype(int)) // self.days, 0)


@dataclass(frozen=True)
class DemandRows:
    """Known demand: row r is series `series[r]` in period `period[r]`, counted from `first`; N series, T = `periods` known periods.

    `location_ids`, `item_ids`: distinct, sorted, text or integers. `series_location`, `series_item` (N,): their positions; series are
    sorted by location, then item. `in_stock_share` (R,) in [0, 1], NaN where nothing is said, or None.
    """

    freq: Frequency
    first: np.datetime64
    periods: int
    location_ids: np.ndarray
    item_ids: np.ndarray
    series_location: np.ndarray
    series_item: np.ndarray
    series: np.ndarray
    period: np.ndarray
    units: np.ndarray
    in_stock_share: np.ndarray | None

    @property
    def next_period(self) -> np.datetime64:
        """First day of the first period that is not known."""
        return self.first + np.timedelta64(self.periods * self.freq.days, "D")


@dataclass(frozen=True)
class PriceRows:
    """Prices in force from a day on: positions of location (-1: everywhere) and item in `DemandRows`, day, price > 0, sorted by day."""

    location: np.ndarray
    item: np.ndarray
    day: np.ndarray
    price: np.ndarray


@dataclass(frozen=True)
class KnownEvent:
    """What moves demand from `start` to `end` and is known ahead; scope network, location, category or item; uplift None where unknown."""

    scope: str
    scope_id: str
    kind: str
    start: np.datetime64
    end: np.datetime64
    uplift_share: float | None = None


@dataclass(frozen=True)
class KnownBeside:
    """What is known beside demand: groups that items and locations belong to, prices, events. All may be absent.

    `item_groups` maps a name (category) to one text per item of `DemandRows`; `location_groups` (region) likewise.
    """

    item_groups: dict[str, np.ndarray] = field(default_factory=dict)
    location_groups: dict[str, np.ndarray] = field(default_factory=dict)
    prices: PriceRows | None = None
    events: tuple[KnownEvent, ...] = ()
