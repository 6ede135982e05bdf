"""The ERP's own replenishment: an exposure-corrected mean, order-up-to levels at periodic reviews, purchase orders and their receipts."""

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.stock import StockState, Units
from pipelines.twin.demand import LAUNCH_GRACE_DAYS, DemandTable
from pipelines.twin.events import DayRecorder
from pipelines.twin.luck import stream
from pipelines.twin.world import World, launch_days

Floats = NDArray[np.float64]
PRIOR_DAYS = 7.0
RECEIVED_SECOND = 6 * 3600


@dataclass(frozen=True)
class PurchaseLine:
    """One open purchase order line; `delivered` is what the supplier will bring on `arrives`."""

    po_id: str
    line_no: int
    supplier_id: str
    item: int
    location: int
    ordered: int
    delivered: int
    ordered_at: dt.date
    expected: dt.date
    arrives: dt.date


@dataclass
class Replenishment:
    """Forecast and supplier orders of every item-location; shapes (L, I) unless said otherwise."""

    world: World
    demand: DemandTable
    seed: int
    open_lines: list[PurchaseLine] = field(default_factory=list)

    def __post_init__(self) -> None:
        days, locations, items = self.demand.units.shape
        self._sold = np.zeros((days, locations, items), dtype=np.float32)
        self._exposure = np.zeros((days, locations, items), dtype=np.float32)
        self.launch_day = launch_days(self.world, self.demand.start)
        self._prior = self._prior_mean()
        self._lead = self.world.items["supplier_lead_time_days"].to_numpy(dtype=np.int64)
        self._review = self.world.items["review_period_days"].to_numpy(dtype=np.int64)
        bias = stream(self.seed, "level_bias").normal(0.0, self.world.parameters.level_bias_sd, (locations, items))
        self._level_factor = np.exp(bias)
        self._opening_noise = np.exp(stream(self.seed, "opening_split").normal(0.0, self.world.parameters.opening_split_noise, bias.shape))
        self._pack = self.world.items["units_per_pack"].to_numpy(dtype=np.int64)
        self._location_ids = self.world.locations["location_id"].to_numpy(dtype=object)
        self._item_ids = self.world.items["item_id"].to_numpy(dtype=object)
        self._suppliers = self.world.items["supplier_id"].to_numpy(dtype=object)

    def _prior_mean(self) -> Floats:
        """What planners believe before any sale: the true mean of an item's first four weeks on sale."""
        units = self.demand.units
        prior = np.empty(units.shape[1:])
        for item, first in enumerate(self.launch_day):
            prior[:, item] = units[first : first + LAUNCH_GRACE_DAYS, :, item].mean(axis=0)
        return np.maximum(prior, 0.02)

    def observe(self, day: int, sold: Units, in_stock_share: Floats) -> None:
        """Remember a day's sales and the share of opening hours in stock."""
        on_sale = self.launch_day <= day
        self._sold[day] = sold
        self._exposure[day] = np.where(on_sale, in_stock_share, 0.0)

    @property
    def evidence(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Units sold and share of opening hours in stock of every day observed so far, (T, L, I); a share below zero: not on sale yet."""
        on_sale = np.arange(len(self._sold))[:, None, None] >= self.launch_day
        return self._sold, np.where(on_sale, self._exposure, np.float32(-1.0))

    def days_to_review(self, day: int) -> NDArray[np.int64]:
        """Days from the evening before `day` to each item's next order to its supplier, (I,), at least 1."""
        return (self.world.review_phase_days - day) % self._review + 1

    def mean_and_variance(self, day: int) -> tuple[Floats, Floats]:
        """Daily mean `(units sold + prior) / (exposure + prior)` of the last 56 days, and a variance of at least the mean.

        The prior is the opening mean over seven days in stock. The variance is that of days fully in stock.
        """
        first = max(0, day + 1 - self.world.parameters.forecast_window_days)
        sold, exposure = self._sold[first : day + 1].astype(float), self._exposure[first : day + 1].astype(float)
        mean = (sold.sum(axis=0) + PRIOR_DAYS * self._prior) / (exposure.sum(axis=0) + PRIOR_DAYS)
        full = exposure >= 0.999
        count = np.maximum(full.sum(axis=0), 1)
        centre = (sold * full).sum(axis=0) / count
        spread = (sold**2 * full).sum(axis=0) / count - centre**2
        return mean, np.maximum(spread, mean)

    def order_up_to(self, mean: Floats, variance: Floats) -> Units:
        """`S = f (mean (lead + review) + z sqrt(variance (lead + review)))`, rounded up to units.

        After Silver, Pyke & Thomas, Inventory and Production Management in Supply Chains, 4th ed., 6.9; f is the lasting level error,
        one where the world has none.
        """
        cover = self._lead + self._review
        level = mean * cover + self.world.parameters.service_z * np.sqrt(variance * cover)
        return np.ceil(level * self._level_factor - 1e-9).astype(np.int64)

    def opening_stock(self) -> Units:
        """Order-up-to level of the network, split over the locations with log-normal noise; nothing yet for items launched later."""
        target = self.order_up_to(self._prior, self._prior)
        return np.where(self.launch_day == 0, _split(target, self._opening_noise), 0)

    def review(self, day: int, position: Units, recorder: DayRecorder) -> None:
        """Order every item whose review is due up to its level, given `position` = stock free + on the way by transfer."""
        due = ((day - self.world.review_phase_days) % self._review == 0) & (self.launch_day <= day)
        starting = (self.launch_day > 0) & (np.maximum(self.launch_day - self._lead, 0) == day)
        if not (due.any() or starting.any()):
            return
        units = np.zeros(position.shape, dtype=np.int64)
        if due.any():
            level = self.order_up_to(*self.mean_and_variance(day))
            if day < self.world.parameters.noisy_split_days:
                level = _split(level, self._opening_noise)
            gap = level - position - self.on_order()
            units = np.where(due, np.maximum(gap, 0), 0)
        if starting.any():
            noise = np.exp(stream(self.seed, "launch_split").normal(0.0, self.world.parameters.opening_split_noise, position.shape))
            units = np.where(starting, _split(self.order_up_to(self._prior, self._prior), noise), units)
        units = -(-units // self._pack) * self._pack
        self._place(day, units, starting, recorder)

    def on_order(self) -> Units:
        """Units on open purchase orders."""
        units = np.zeros(self.demand.units.shape[1:], dtype=np.int64)
        for line in self.open_lines:
            units[line.location, line.item] += line.ordered
        return units

    def receive(self, recorder: DayRecorder, stock: StockState) -> None:
        """Take delivery of what arrives today; the rest of a short line never comes."""
        due = [line for line in self.open_lines if line.arrives == recorder.date]
        self.open_lines = [line for line in self.open_lines if line.arrives != recorder.date]
        for line in due:
            stock.receive_purchase(line.location, line.item, line.delivered)
        if not due:
            return
        recorder.move(
            "po_receipt", RECEIVED_SECOND, [line.location for line in due], [line.item for line in due],
            [line.delivered for line in due], [line.po_id for line in due],
        )  # fmt: skip
        recorder.add("erp_purchase_orders", self._order_rows(due, recorder.date))
        recorder.add("wms_receipts", self._receipt_rows(due, recorder))

    def _place(self, day: int, units: Units, starting: NDArray[np.bool_], recorder: DayRecorder) -> None:
        """Write one purchase order per location and supplier; lead times and shorts are drawn per day for every cell."""
        parameters = self.world.parameters
        late = stream(self.seed, "supplier_lead", day).normal(0.0, 1.0, units.shape) * parameters.supplier_lead_sd_days
        luck = stream(self.seed, "supplier_short", day).random((2, *units.shape))
        placed: list[PurchaseLine] = []
        numbers: dict[str, int] = {}
        for location, item in np.argwhere(units > 0).tolist():
            po_id = f"PO-{recorder.tag}-{self._location_ids[location]}-{self._suppliers[item]}"
            numbers[po_id] = numbers.get(po_id, 0) + 1
            ordered = int(units[location, item])
            is_short = luck[0, location, item] < parameters.po_short_share and not starting[item]
            delivered = int(ordered * parameters.po_short_fill_max * luck[1, location, item]) if is_short else ordered
            lead = int(self._lead[item])
            real = int(self.launch_day[item]) - day if starting[item] else max(1, round(lead + late[location, item]))
            dates = recorder.date, recorder.date + dt.timedelta(days=lead), recorder.date + dt.timedelta(days=real)
            placed.append(PurchaseLine(po_id, numbers[po_id], self._suppliers[item], item, location, ordered, delivered, *dates))
        self.open_lines += placed
        recorder.add("erp_purchase_orders", self._order_rows(placed, None))

    def _order_rows(self, lines: list[PurchaseLine], received: dt.date | None) -> dict[str, object]:
        taken = [0 if received is None else line.delivered for line in lines]
        states = ["open" if received is None else ("received" if line.delivered else "cancelled") for line in lines]
        return {
            "po_id": [line.po_id for line in lines],
            "line_no": [line.line_no for line in lines],
            "supplier_id": [line.supplier_id for line in lines],
            "item_id": [self._item_ids[line.item] for line in lines],
            "location_id": [self._location_ids[line.location] for line in lines],
            "qty_ordered": [line.ordered for line in lines],
            "qty_received": taken,
            "ordered_at": [line.ordered_at.isoformat() for line in lines],
            "expected_date": [line.expected.isoformat() for line in lines],
            "received_at": [received.isoformat() if received and units else None for units in taken],
            "status": states,
        }

    def _receipt_rows(self, lines: list[PurchaseLine], recorder: DayRecorder) -> dict[str, object]:
        return {
            "receipt_id": [f"RP-{line.po_id}-{line.line_no}" for line in lines],
            "reference_type": ["po"] * len(lines),
            "reference_id": [line.po_id for line in lines],
            "line_id": [str(line.line_no) for line in lines],
            "item_id": [self._item_ids[line.item] for line in lines],
            "location_id": [self._location_ids[line.location] for line in lines],
            "qty_expected": [line.ordered for line in lines],
            "qty_received": [line.delivered for line in lines],
            "qty_damaged": [0] * len(lines),
            "qty_short": [line.ordered - line.delivered for line in lines],
            "qty_over": [0] * len(lines),
            "received_at": recorder.at([RECEIVED_SECOND] * len(lines)),
        }


def _split(target: Units, noise: Floats) -> Units:
    """Share out each item's total over the locations in proportion to target x noise, whole units, largest remainders first."""
    total = target.sum(axis=0)
    weight = target * noise
    exact = total * weight / np.maximum(weight.sum(axis=0), 1e-12)
    whole = np.floor(exact).astype(np.int64)
    rank = np.argsort(np.argsort(-(exact - whole), axis=0, kind="stable"), axis=0, kind="stable")
    return whole + (rank < (total - whole.sum(axis=0)))
