"""Orders on paper and parcels on their way: what ERP and WMS write down of the customers served and refused."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.stock import StockState, Units
from pipelines.twin.customers import OPENING_SECOND, PROMISE_DAYS, WEB_CUTOFF_SECOND, CustomerLines, Served
from pipelines.twin.events import Column, Columns, DayRecorder
from pipelines.twin.world import World

DELIVERED_SECOND = 15 * 3600
ORDER_COLUMNS = (
    "order_id", "line_no", "item_id", "location_id", "ship_to_region", "channel", "qty_units", "unit_price_usd", "ordered_at",
    "requested_date", "promised_date", "status",
)  # fmt: skip


@dataclass
class Parcels:
    """Late web orders wait `reserved` until next morning; shipped parcels are reported again on the day they are delivered."""

    world: World
    waiting: list[Columns] = field(default_factory=list)
    travelling: dict[dt.date, list[Columns]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._price = self.world.items["unit_price_usd"].to_numpy(dtype=float)
        self._region = self.world.locations["region"].to_numpy(dtype=object)

    def take_orders(self, recorder: DayRecorder, stock: StockState, lines: CustomerLines, served: Served) -> None:
        """Write the day's order lines: walk-ins only for what they got, web orders in full; hand over or reserve the units served."""
        book = self._book(recorder, lines, served)
        late = book["is_web"] & (book["second"] >= WEB_CUTOFF_SECOND) & (book["got"] > 0)
        part = book["got"] < book["qty_units"]
        book["status"] = np.select([book["got"] == 0, late, part], ["cancelled", "open", "part_shipped"], "shipped")
        recorder.add("erp_sales_orders", {name: book[name] for name in ORDER_COLUMNS})
        now, later = _pick(book, (book["got"] > 0) & ~late), _pick(book, late)
        stock.sell(_cells(now, stock.shape))
        self._ship(recorder, now, now["second"])
        if len(later["got"]):
            stock.reserve(_cells(later, stock.shape))
            self.waiting.append(later)

    def ship_reserved(self, recorder: DayRecorder, stock: StockState) -> None:
        """Send last night's reserved web orders off at opening time, and report what was delivered today."""
        for book in self.waiting:
            stock.ship_reserved(_cells(book, stock.shape))
            done = book | {"status": np.where(book["got"] < book["qty_units"], "part_shipped", "shipped")}
            recorder.add("erp_sales_orders", {name: done[name] for name in ORDER_COLUMNS})
            self._ship(recorder, done, np.full(len(done["got"]), OPENING_SECOND))
        self.waiting = []
        for parcels in self.travelling.pop(recorder.date, []):
            count = len(parcels["shipment_id"])
            recorder.add("wms_shipments", parcels | {"delivered_at": recorder.at(np.full(count, DELIVERED_SECOND))})

    def _book(self, recorder: DayRecorder, lines: CustomerLines, served: Served) -> Columns:
        """What is written down, one entry per recorded order line."""
        kept = lines.is_web | (served.units > 0)
        order, web = lines.order[kept], lines.is_web[kept]
        location, item, got = lines.location[kept], lines.item[kept], served.units[kept]
        tag, today = recorder.tag, recorder.date.isoformat()
        due = np.where(web, (recorder.date + dt.timedelta(days=PROMISE_DAYS)).isoformat(), today)
        return {
            "location": location,
            "item": item,
            "got": got,
            "second": lines.second[kept],
            "is_web": web,
            "transit_days": lines.transit_days[kept],
            "order_id": np.array([f"SO-{tag}-{number:05d}" for number in (order + 1).tolist()], dtype=object),
            "line_no": _number_within(order),
            "item_id": recorder.item_ids[item],
            "location_id": recorder.location_ids[location],
            "ship_to_region": _only(web, self._region[location]),
            "channel": np.where(web, "web", "store"),
            "qty_units": np.where(web, lines.units[kept], got),
            "unit_price_usd": self._price[item],
            "ordered_at": recorder.at(lines.second[kept]),
            "requested_date": due,
            "promised_date": due,
        }

    def _ship(self, recorder: DayRecorder, book: Columns, seconds: NDArray[Any]) -> None:
        shipped_at = recorder.at(seconds)
        web = book["is_web"]
        names = zip(book["order_id"].tolist(), book["line_no"].tolist(), strict=True)
        parcels = {
            "shipment_id": np.array([f"SH-{order[3:]}-{line}" for order, line in names], dtype=object),
            "order_id": book["order_id"],
            "line_no": book["line_no"],
            "location_id": book["location_id"],
            "item_id": book["item_id"],
            "qty_units": book["got"],
            "shipped_at": shipped_at,
            "delivered_at": _only(~web, shipped_at),
        }
        recorder.add("wms_shipments", parcels)
        recorder.move("sale", seconds, book["location"], book["item"], -book["got"], book["order_id"])
        for days in np.unique(book["transit_days"][web]).tolist():
            chosen = _pick(parcels, web & (book["transit_days"] == days))
            self.travelling.setdefault(recorder.date + dt.timedelta(days=days), []).append(chosen)


def _only(chosen: NDArray[np.bool_], values: Column) -> Column:
    """The values where chosen, empty elsewhere."""
    column = np.full(len(values), None, dtype=object)
    column[chosen] = values[chosen]
    return column


def _pick(columns: Columns, chosen: NDArray[np.bool_]) -> Columns:
    return {name: column[chosen] for name, column in columns.items()}


def _number_within(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """1, 2, ... within each run of equal order numbers; lines come sorted by order."""
    if not len(order):
        return order
    begins = np.r_[True, order[1:] != order[:-1]]
    starts = np.flatnonzero(begins)
    return np.arange(len(order)) - starts[np.cumsum(begins) - 1] + 1


def _cells(book: Columns, shape: tuple[int, int]) -> Units:
    """Units served per location and item, shape (L, I)."""
    units = np.zeros(shape, dtype=np.int64)
    np.add.at(units, (book["location"], book["item"]), book["got"])
    return units
