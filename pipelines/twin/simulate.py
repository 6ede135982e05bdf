"""The twin itself: plays the world day by day on a demand table, keeps the stock and hands out each day's events.

Customers live in `customers.py`, supplier orders in `replenishment.py`, transfers in `transport.py`.
"""

import copy
import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.errors import UsageError
from pipelines.domain.stock import ConservationError, StockState, Units
from pipelines.twin.counting import count_stock
from pipelines.twin.customers import Served, draw_customers, serve
from pipelines.twin.demand import DemandTable
from pipelines.twin.events import Columns, DayEvents, DayRecorder
from pipelines.twin.parcels import Parcels
from pipelines.twin.replenishment import Replenishment
from pipelines.twin.transport import Departure, Transport
from pipelines.twin.world import World

SCRAP_SECOND = 7 * 3600


class Twin:
    """A world in motion. Deterministic in (world, demand, seed) and the dispatches given; two twins with one seed meet the same luck.

    Day order: 06:00 receipts, 07:00 scrap (weekly), 08:00 parcels of last night and customers until 20:00, supplier orders, 21:00
    transfers leave, 22:00 cycle counts. Stock is conserved to the unit after each of these, or `ConservationError` is raised.
    """

    def __init__(self, world: World, demand: DemandTable, seed: int) -> None:
        self.world = world
        self.demand = demand
        self.seed = seed
        self.day = 0
        shape = demand.units.shape[1:]
        self.stock = StockState(shape)
        self.replenishment = Replenishment(world, demand, seed)
        self.transport = Transport(world, seed)
        self.parcels = Parcels(world)
        self.served_units = np.zeros(demand.units.shape, dtype=np.int32)
        self.closing_units = np.zeros(demand.units.shape, dtype=np.int32)
        self.closing_transit = np.zeros((demand.days, shape[1]), dtype=np.int32)
        self._location_ids = world.locations["location_id"].to_numpy(dtype=object)
        self._item_ids = world.items["item_id"].to_numpy(dtype=object)

    @property
    def next_date(self) -> dt.date:
        """The date that `play_day` plays next."""
        return self.demand.date_of(self.day)

    @property
    def departures(self) -> list[Departure]:
        """The freight bill so far."""
        return self.transport.departures

    def warm_up(self, days: int) -> list[DayEvents]:
        """Play days without transfers."""
        return [self.play_day([]) for _ in range(days)]

    def fork(self) -> "Twin":
        """An independent twin in the same state, on the same world and demand: the shadow that a policy is compared with."""
        shared = {id(self.world): self.world, id(self.demand): self.demand}
        return copy.deepcopy(self, shared)

    def play_day(self, released: Sequence[dict[str, Any]]) -> DayEvents:
        """Play the next day with the dispatches released for it (evenstock-dispatch/1).

        Raises `UsageError` after the last day of demand.
        """
        if self.day >= self.demand.days:
            raise UsageError(f"the demand ends on {self.demand.date_of(self.demand.days - 1)}; nothing is left to play")
        recorder = DayRecorder(self.next_date, self._location_ids, self._item_ids)
        if self.day == 0:
            self._open(recorder)
        self.transport.accept(list(released), recorder)
        self.transport.receive(recorder, self.stock)
        self.replenishment.receive(recorder, self.stock)
        self.assert_conserved()
        if recorder.date.isoweekday() == self.world.parameters.scrap_weekday:
            self._scrap(recorder)
        self.parcels.ship_reserved(recorder, self.stock)
        served = self._serve_customers(recorder)
        self.assert_conserved()
        self._replenish(recorder, served)
        self.transport.ship(recorder, self.stock)
        self.assert_conserved()
        self.closing_units[self.day] = self.stock.on_hand
        self.closing_transit[self.day] = self.stock.in_transit.sum(axis=0)
        ranged = self._ranged()
        count_stock(recorder, self.stock.on_hand, ranged, self.seed, self.day, self.world.parameters.phantom_share)
        events = recorder.close(self._stock_rows(recorder.date, ranged))
        self.day += 1
        return events

    def assert_conserved(self) -> None:
        """Check that no unit appeared or vanished, and that units on the road are those of the transfer lines travelling.

        Raises `ConservationError`.
        """
        self.stock.assert_conserved()
        on_road = np.zeros(self.stock.shape, dtype=np.int64)
        for line in self.transport.travelling:
            on_road[line.destination, line.item] += line.shipped
        if not np.array_equal(on_road, self.stock.in_transit):
            raise ConservationError(f"{on_road.sum()} units on transfer lines, {self.stock.in_transit.sum()} in transit")

    def _open(self, recorder: DayRecorder) -> None:
        opening = self.replenishment.opening_stock()
        self.stock.open_with(opening)
        locations, items = np.nonzero(opening)
        recorder.move("opening", 0, locations, items, opening[locations, items])

    def _scrap(self, recorder: DayRecorder) -> None:
        gone = self.stock.scrap_blocked()
        locations, items = np.nonzero(gone)
        recorder.move("scrap", SCRAP_SECOND, locations, items, -gone[locations, items])
        self.assert_conserved()

    def _serve_customers(self, recorder: DayRecorder) -> Served:
        lines = draw_customers(self.demand.units[self.day], self.seed, self.day, self.world.parameters.web_share)
        served = serve(lines, self.stock.available())
        np.add.at(self.served_units[self.day], (lines.location, lines.item), served.units.astype(np.int32))
        self.parcels.take_orders(recorder, self.stock, lines, served)
        return served

    def _replenish(self, recorder: DayRecorder, served: Served) -> None:
        self.replenishment.observe(self.day, self.served_units[self.day].astype(np.int64), served.in_stock_share)
        outgoing, incoming = self.transport.firm_units(self.stock.shape)
        position: Units = self.stock.on_hand - self.stock.reserved - self.stock.blocked + self.stock.in_transit + incoming - outgoing
        self.replenishment.review(self.day, position, recorder)

    def _ranged(self) -> NDArray[np.bool_]:
        """Item-locations on sale or in stock, shape (L, I)."""
        return np.broadcast_to(self.replenishment.launch_day <= self.day, self.stock.shape) | (self.stock.on_hand > 0)

    def _stock_rows(self, date: dt.date, ranged: NDArray[np.bool_]) -> Columns:
        """Closing stock of the ranged item-locations, empty ones included."""
        locations, items = np.nonzero(ranged)
        empty = np.full(len(locations), None)
        return {
            "date": np.full(len(locations), date.isoformat(), dtype=object),
            "location_id": self._location_ids[locations],
            "item_id": self._item_ids[items],
            "lot_id": empty,
            "on_hand": self.stock.on_hand[locations, items],
            "reserved": self.stock.reserved[locations, items],
            "blocked": self.stock.blocked[locations, items],
            "expiry_date": empty,
        }
