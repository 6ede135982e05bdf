"""The state of stock and the events that change it, for many item-locations at once, with conservation checked to the unit.

The definition of `available` is the dbt macro of that name; `available_units` mirrors it for the twin.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Units = NDArray[np.int64]


class ConservationError(RuntimeError):
    """Units appeared or vanished: a programming error, never a user's."""


def available_units(on_hand: ArrayLike, reserved: ArrayLike, blocked: ArrayLike, firm_out: ArrayLike) -> Units:
    """Units that may still be promised: `max(0, on_hand - reserved - blocked - firm_out)`, element by element.

    All arguments are whole units and broadcast against each other.

    >>> available_units([10, 5, 0], [2, 0, 0], [1, 0, 0], [3, 9, 0]).tolist()
    [4, 0, 0]
    """
    left = np.asarray(on_hand, dtype=np.int64) - np.asarray(reserved) - np.asarray(blocked) - np.asarray(firm_out)
    return np.maximum(left, 0).astype(np.int64)


@dataclass
class StockState:
    """Stock of L locations x I items in units, one lot each, with the running totals per item that conservation needs.

    `on_hand` includes `reserved` (promised to customers) and `blocked` (damaged); `in_transit` is counted at its destination.
    Every method takes units as arrays of shape (L, I) or as scalars with indices, and keeps the totals in step.
    """

    shape: tuple[int, int]
    on_hand: Units = field(init=False)
    reserved: Units = field(init=False)
    blocked: Units = field(init=False)
    in_transit: Units = field(init=False)
    opened: Units = field(init=False)
    purchased: Units = field(init=False)
    sold: Units = field(init=False)
    scrapped: Units = field(init=False)
    lost: Units = field(init=False)

    def __post_init__(self) -> None:
        for name in ("on_hand", "reserved", "blocked", "in_transit"):
            setattr(self, name, np.zeros(self.shape, dtype=np.int64))
        for name in ("opened", "purchased", "sold", "scrapped", "lost"):
            setattr(self, name, np.zeros(self.shape[1], dtype=np.int64))

    def available(self) -> Units:
        """Units free to sell or to send now, shape (L, I); firm transfers are not the warehouse's to know."""
        return available_units(self.on_hand, self.reserved, self.blocked, 0)

    def open_with(self, units: Units) -> None:
        """Put the opening stock on hand."""
        self.on_hand += units
        self.opened += units.sum(axis=0)

    def receive_purchase(self, location: int, item: int, units: int) -> None:
        """Put received supplier units on hand."""
        self.on_hand[location, item] += units
        self.purchased[item] += units

    def sell(self, units: Units) -> None:
        """Hand units over to customers at once."""
        self.on_hand -= units
        self.sold += units.sum(axis=0)

    def reserve(self, units: Units) -> None:
        """Promise units to customers whose parcels leave later."""
        self.reserved += units

    def ship_reserved(self, units: Units) -> None:
        """Hand reserved units over."""
        self.reserved -= units
        self.sell(units)

    def send(self, origin: int, destination: int, item: int, units: int) -> None:
        """Load a transfer: units leave the origin and are in transit to the destination."""
        self.on_hand[origin, item] -= units
        self.in_transit[destination, item] += units

    def receive_transfer(self, destination: int, item: int, good: int, damaged: int, short: int) -> None:
        """Unload a transfer: good units are free, damaged ones on hand but blocked, short ones lost on the way."""
        self.in_transit[destination, item] -= good + damaged + short
        self.on_hand[destination, item] += good + damaged
        self.blocked[destination, item] += damaged
        self.lost[item] += short

    def scrap_blocked(self) -> Units:
        """Scrap all blocked units and return them, shape (L, I)."""
        gone = self.blocked.copy()
        self.on_hand -= gone
        self.blocked -= gone
        self.scrapped += gone.sum(axis=0)
        return gone

    def assert_conserved(self) -> None:
        """Check, per item, `opened + purchased - sold - scrapped - lost = on hand + in transit` and `on_hand >= reserved + blocked >= 0`.

        Raises `ConservationError` naming the first item position where it fails.
        """
        expected = self.opened + self.purchased - self.sold - self.scrapped - self.lost
        present = self.on_hand.sum(axis=0) + self.in_transit.sum(axis=0)
        if not np.array_equal(expected, present):
            item = int(np.flatnonzero(expected != present)[0])
            raise ConservationError(f"item {item}: {expected[item]} units by the events, {present[item]} on hand and in transit")
        held = self.reserved + self.blocked
        broken = (self.reserved < 0) | (self.blocked < 0) | (self.in_transit < 0) | (self.on_hand < held)
        if broken.any():
            location, item = (int(i) for i in np.argwhere(broken)[0])
            raise ConservationError(
                f"location {location}, item {item}: on hand {self.on_hand[location, item]}, reserved {self.reserved[location, item]}, "
                f"blocked {self.blocked[location, item]}, in transit {self.in_transit[location, item]}"
            )
