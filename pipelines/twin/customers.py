"""Customers of one day: who comes when, for what, through which channel, and whom the stock can serve."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.twin.luck import stream

Ints = NDArray[np.int64]
OPENING_SECOND = 8 * 3600
CLOSING_SECOND = 20 * 3600
WEB_CUTOFF_SECOND = 18 * 3600
NEW_LINE_SHARE = 0.6
LINES_PER_ORDER = (0.45, 0.25, 0.15, 0.1, 0.05)
TRANSIT_DAYS = ((1, 2, 3, 4, 5), (0.35, 0.42, 0.13, 0.07, 0.03))
PROMISE_DAYS = 3


@dataclass(frozen=True)
class CustomerLines:
    """The day's wanted order lines as equally long arrays, in order of arrival; `order` numbers orders from 0 within the day."""

    order: Ints
    location: Ints
    item: Ints
    units: Ints
    second: Ints
    is_web: NDArray[np.bool_]
    transit_days: Ints

    @property
    def count(self) -> int:
        """Number of lines."""
        return len(self.order)


def draw_customers(units: NDArray[np.int32], seed: int, day: int, web_share: float) -> CustomerLines:
    """Split a day's demand, shape (L, I), into order lines of one location each, 1 to 5 lines an order, between 08:00 and 20:00.

    Depends on demand, seed and day only, so every policy meets the same customers.
    """
    luck = stream(seed, "customers", day)
    location, item = np.nonzero(units)
    wanted = units[location, item].astype(np.int64)
    cell = np.repeat(np.arange(len(wanted)), wanted)
    first = np.r_[True, cell[1:] != cell[:-1]] if len(cell) else np.zeros(0, dtype=bool)
    line = np.cumsum(first | (luck.random(len(cell)) < NEW_LINE_SHARE)) - 1
    line_units = np.bincount(line, minlength=0).astype(np.int64)
    starts = np.r_[0, np.cumsum(line_units)[:-1]].astype(np.int64) if len(line_units) else np.zeros(0, dtype=np.int64)
    line_cell = cell[starts]
    location, item = location[line_cell].astype(np.int64), item[line_cell].astype(np.int64)
    count = len(line_units)
    is_web = luck.random(count) < web_share
    mixed = np.lexsort((luck.random(count), is_web, location))
    size = luck.choice(np.arange(1, 6), size=count, p=LINES_PER_ORDER)
    group = np.repeat(np.arange(count), size)[:count]
    sorted_location, sorted_web = location[mixed], is_web[mixed]
    begins = np.ones(count, dtype=bool)
    begins[1:] = (group[1:] != group[:-1]) | (sorted_location[1:] != sorted_location[:-1]) | (sorted_web[1:] != sorted_web[:-1])
    order = np.cumsum(begins) - 1
    orders = int(order[-1]) + 1 if count else 0
    second = np.sort(luck.integers(OPENING_SECOND, CLOSING_SECOND, orders))
    rank = luck.permutation(orders)
    transit = luck.choice(TRANSIT_DAYS[0], size=orders, p=TRANSIT_DAYS[1])
    order = rank[order]
    arrival = np.argsort(order, kind="stable")
    by = mixed[arrival]
    order = order[arrival]
    return CustomerLines(order, location[by], item[by], line_units[by], second[order], is_web[by], transit[order].astype(np.int64))


@dataclass(frozen=True)
class Served:
    """What each line got (units) and, per cell, the share of the twelve opening hours with stock to sell, shape (L, I)."""

    units: Ints
    in_stock_share: NDArray[np.float64]


def serve(lines: CustomerLines, available: Ints) -> Served:
    """First come, first served: line n of a cell gets `min(units_n, max(0, available - sum of units before n))`.

    `available` has shape (L, I). A cell that runs out is in stock from 08:00 until the line that took its last unit.
    """
    items = available.shape[1]
    cell = lines.location * items + lines.item
    sequence = np.lexsort((np.arange(lines.count), cell))
    sorted_cell, wanted = cell[sequence], lines.units[sequence]
    before = np.cumsum(wanted) - wanted
    starts = np.r_[True, sorted_cell[1:] != sorted_cell[:-1]] if lines.count else np.zeros(0, dtype=bool)
    base = before[starts][np.cumsum(starts) - 1] if lines.count else before
    stock = available.ravel()
    got_sorted = np.clip(stock[sorted_cell] - (before - base), 0, wanted)
    got = np.zeros(lines.count, dtype=np.int64)
    got[sequence] = got_sorted
    left = stock - np.bincount(cell, weights=got, minlength=stock.size).astype(np.int64)
    last_sale = np.full(stock.size, OPENING_SECOND, dtype=np.int64)
    sold = got > 0
    np.maximum.at(last_sale, cell[sold], lines.second[sold])
    share = np.where(left > 0, 1.0, (last_sale - OPENING_SECOND) / (CLOSING_SECOND - OPENING_SECOND))
    return Served(got, share.reshape(available.shape))
