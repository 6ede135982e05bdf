"""Orders on paper and parcels on their way: what ERP and WMS write down of the customers served and refused."""

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipelines.domain.stock import StockState
from pipelines.twin.customers import OPENING_SECOND, PROMISE_DAYS, WEB_CUTOFF_SECOND, CustomerLines, Served
from pipelines.twin.events import DayRecorder
from pipelines.twin.world import World

DELIVERED_SECOND = 15 * 3600


@dataclass
class Parcels:
    """Late web orders wait `reserved` until next morning; shipped parcels are reported again on the day they are delivered."""

    world: World
    waiting: list[pd.DataFrame] = field(default_factory=list)
    travelling: dict[dt.date, list[pd.DataFrame]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._price = self.world.items["unit_price_usd"].to_numpy(dtype=float)
        self._region = self.world.locations["region"].to_numpy(dtype=object)

    def take_orders(self, recorder: DayRecorder, stock: StockState, lines: CustomerLines, served: Served) -> None:
        """Write the day's order lines: walk-ins only for what they got, web orders in full; hand over or reserve the units served."""
        book = self._book(recorder, lines, served)
        late = book["is_web"] & (book["second"] >= WEB_CUTOFF_SECOND) & (book["got"] > 0)
        status = np.select([book["got"] == 0, late, book["got"] < book["qty_units"]], ["cancelled", "open", "part_shipped"], "shipped")
        book["status"] = status
        recorder.add("erp_sales_orders", _columns(book, ORDER_COLUMNS))
        now, later = book[(book["got"] > 0) & ~late], book[late]
        stock.sell(_cells(now, stock.shape))
        self._ship(recorder, now, now["second"].to_numpy())
        if len(later):
            stock.reserve(_cells(later, stock.shape))
            self.waiting.append(later.reset_index(drop=True))

    def ship_reserved(self, recorder: DayRecorder, stock: StockState) -> None:
        """Send last night's reserved web orders off at opening time, and report what was delivered today."""
        for book in self.waiting:
            stock.ship_reserved(_cells(book, stock.shape))
            done = book.assign(status=np.where(book["got"] < book["qty_units"], "part_shipped", "shipped"))
            recorder.add("erp_sales_orders", _columns(done, ORDER_COLUMNS))
            self._ship(recorder, done, np.full(len(done), OPENING_SECOND))
        self.waiting = []
        for parcels in self.travelling.pop(recorder.date, []):
            delivered = parcels.assign(delivered_at=recorder.at(np.full(len(parcels), DELIVERED_SECOND)))
            recorder.add("wms_shipments", _columns(delivered, SHIPMENT_COLUMNS))

    def _book(self, recorder: DayRecorder, lines: CustomerLines, served: Served) -> pd.DataFrame:
        book = pd.DataFrame(
            {
                "order": lines.order, "location": lines.location, "item": lines.item, "wanted": lines.units, "got": served.units,
                "second": lines.second, "is_web": lines.is_web, "transit_days": lines.transit_days,
            }
        )  # fmt: skip
        book = book[book["is_web"] | (book["got"] > 0)].reset_index(drop=True)
        web = book["is_web"].to_numpy()
        tag = recorder.tag
        today, promised = recorder.date.isoformat(), (recorder.date + dt.timedelta(days=PROMISE_DAYS)).isoformat()
        book["order_id"] = [f"SO-{tag}-{number:05d}" for number in (book["order"] + 1).tolist()]
        book["line_no"] = book.groupby("order").cumcount() + 1
        book["item_id"] = recorder.item_ids[book["item"]]
        book["location_id"] = recorder.location_ids[book["location"]]
        book["ship_to_region"] = np.where(web, self._region[book["location"]], None)
        book["channel"] = np.where(web, "web", "store")
        book["qty_units"] = np.where(web, book["wanted"], book["got"])
        book["unit_price_usd"] = self._price[book["item"]]
        book["ordered_at"] = recorder.at(book["second"])
        book["requested_date"] = np.where(web, promised, today)
        book["promised_date"] = np.where(web, promised, today)
        return book

    def _ship(self, recorder: DayRecorder, book: pd.DataFrame, seconds: np.ndarray) -> None:
        if not len(book):
            return
        shipped_at = recorder.at(seconds)
        parcels = pd.DataFrame(
            {
                "shipment_id": [f"SH-{order[3:]}-{line}" for order, line in zip(book["order_id"], book["line_no"], strict=True)],
                "order_id": book["order_id"].to_numpy(), "line_no": book["line_no"].to_numpy(),
                "location_id": book["location_id"].to_numpy(), "item_id": book["item_id"].to_numpy(),
                "qty_units": book["got"].to_numpy(), "shipped_at": shipped_at,
                "delivered_at": pd.Series(shipped_at, dtype=object).mask(book["is_web"].to_numpy(), None),
            }
        )  # fmt: skip
        recorder.add("wms_shipments", _columns(parcels, SHIPMENT_COLUMNS))
        recorder.move("sale", seconds, book["location"], book["item"], -book["got"].to_numpy(), book["order_id"])
        web = book["is_web"].to_numpy()
        for days in np.unique(book["transit_days"].to_numpy()[web]):
            chosen = web & (book["transit_days"].to_numpy() == days)
            self.travelling.setdefault(recorder.date + dt.timedelta(days=int(days)), []).append(parcels[chosen])


ORDER_COLUMNS = (
    "order_id", "line_no", "item_id", "location_id", "ship_to_region", "channel", "qty_units", "unit_price_usd", "ordered_at",
    "requested_date", "promised_date", "status",
)  # fmt: skip
SHIPMENT_COLUMNS = ("shipment_id", "order_id", "line_no", "location_id", "item_id", "qty_units", "shipped_at", "delivered_at")


def _columns(frame: pd.DataFrame, names: tuple[str, ...]) -> dict[str, object]:
    return {name: frame[name].to_numpy() for name in names}


def _cells(book: pd.DataFrame, shape: tuple[int, int]) -> np.ndarray:
    """Units served per location and item, shape (L, I)."""
    units = np.zeros(shape, dtype=np.int64)
    np.add.at(units, (book["location"].to_numpy(), book["item"].to_numpy()), book["got"].to_numpy())
    return units
