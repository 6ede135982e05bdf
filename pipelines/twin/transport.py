"""Transfers on the road: dispatches accepted once, picked and shipped at 21:00, received some days later with shorts and damage."""

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from pipelines.domain.network import LaneTariff
from pipelines.domain.stock import StockState, Units
from pipelines.domain.transfer import lane_id_of
from pipelines.twin.events import DayRecorder
from pipelines.twin.luck import stream
from pipelines.twin.world import World

RELEASED_SECOND = 5 * 3600 + 1800
RECEIVED_SECOND = 6 * 3600
CLOSED_SECOND = 6 * 3600 + 1800
PICKED_SECOND = 20 * 3600 + 1800
SHIPPED_SECOND = 21 * 3600


@dataclass(frozen=True)
class TransferLineState:
    """One line of a transfer order on its way; units are whole, days are calendar dates."""

    transfer_id: str
    line_id: str
    lane_id: str
    item: int
    origin: int
    destination: int
    mode: str
    requested: int
    ship_date: dt.date
    shipped: int = 0
    arrives: dt.date | None = None


@dataclass(frozen=True)
class Departure:
    """What left on one lane on one day, for the freight bill."""

    date: dt.date
    lane_id: str
    units: int
    lines: int
    cost_usd: float


@dataclass
class Transport:
    """The carrier side of the world: waiting lines, lines on the road and the bill so far."""

    world: World
    seed: int
    waiting: list[TransferLineState] = field(default_factory=list)
    travelling: list[TransferLineState] = field(default_factory=list)
    departures: list[Departure] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._location = {name: i for i, name in enumerate(self.world.locations["location_id"])}
        self._item = {name: i for i, name in enumerate(self.world.items["item_id"])}
        self._lanes = {lane_id_of(r["origin"], r["destination"], r["mode"]): r for r in self.world.lanes.to_dict("records")}
        self._truth = {row["lane_id"]: row for row in self.world.lane_truth.to_dict("records")}

    @property
    def lane_ids(self) -> list[str]:
        """Id of every lane, in the order of the world's."""
        return list(self._lanes)

    def accept(self, released: list[dict[str, Any]], day: DayRecorder) -> None:
        """Take dispatches on; the same transfer_id or idempotency key twice is executed once, an impossible one is refused whole."""
        for dispatch in sorted(released, key=lambda d: str(d.get("transfer_id"))):
            keys = {f"{name}:{dispatch[name]}" for name in ("transfer_id", "idempotency_key") if dispatch.get(name)}
            if keys & self.done:
                continue
            try:
                lines = self._read(dispatch)
            except ValueError as error:
                day.refused.append(f"transfer {dispatch.get('transfer_id')!r} refused: {error}")
                continue
            self.done |= keys
            for line in lines:
                self.waiting.append(line)
                self._report(day, line, "released", RELEASED_SECOND, picked=0)

    def ship(self, day: DayRecorder, stock: StockState) -> None:
        """Pick and load every line that is due, never more than is available; a line with nothing to pick is cancelled."""
        due = [line for line in self.waiting if self._leaves(line, day.date)]
        self.waiting = [line for line in self.waiting if not self._leaves(line, day.date)]
        left: list[TransferLineState] = []
        for line in sorted(due, key=lambda line: (line.transfer_id, line.line_id)):
            free = int(stock.available()[line.origin, line.item])
            units = min(line.requested, free)
            if units == 0:
                self._report(day, line, "cancelled", PICKED_SECOND, picked=0)
                continue
            loaded = replace(line, shipped=units, arrives=self._arrival(line, day.date))
            stock.send(line.origin, line.destination, line.item, units)
            day.move("transfer_out", SHIPPED_SECOND, [line.origin], [line.item], [-units], [line.transfer_id])
            self._report(day, replace(loaded, shipped=0), "picked", PICKED_SECOND, picked=units)
            self._report(day, loaded, "shipped", SHIPPED_SECOND, picked=units)
            left.append(loaded)
        self.travelling += left
        self._bill(day.date, left)

    def receive(self, day: DayRecorder, stock: StockState) -> None:
        """Unload what arrives today: some units short (lost), some damaged (blocked), the rest good."""
        due = [line for line in self.travelling if line.arrives == day.date]
        self.travelling = [line for line in self.travelling if line.arrives != day.date]
        for line in sorted(due, key=lambda line: (line.transfer_id, line.line_id)):
            truth = self._truth[line.lane_id]
            luck = stream(self.seed, "lane_loss", line.lane_id, self.world.items["item_id"].iloc[line.item], day.date)
            short = int(luck.binomial(line.shipped, truth["short_share"]))
            damaged = int(luck.binomial(line.shipped - short, truth["damage_share"]))
            good = line.shipped - short - damaged
            stock.receive_transfer(line.destination, line.item, good, damaged, short)
            day.move("transfer_in", RECEIVED_SECOND, [line.destination], [line.item], [good + damaged], [line.transfer_id])
            self._report(day, line, "received", RECEIVED_SECOND, picked=line.shipped)
            self._report(day, line, "closed", CLOSED_SECOND, picked=line.shipped)
            day.add("wms_receipts", self._receipt(day, line, good, damaged, short))

    def firm_units(self, shape: tuple[int, int]) -> tuple[Units, Units]:
        """Accepted units not yet shipped, by origin and by destination, each of shape (L, I)."""
        outgoing, incoming = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for line in self.waiting:
            outgoing[line.origin, line.item] += line.requested
            incoming[line.destination, line.item] += line.requested
        return outgoing, incoming

    def _read(self, dispatch: dict[str, Any]) -> list[TransferLineState]:
        if dispatch.get("format") != "evenstock-dispatch/1":
            raise ValueError(f"format {dispatch.get('format')!r} is not evenstock-dispatch/1")
        transfer_id = dispatch.get("transfer_id")
        if not isinstance(transfer_id, str) or not transfer_id:
            raise ValueError("it has no transfer_id")
        origin, destination, mode = (str(dispatch.get(name)) for name in ("origin", "destination", "mode"))
        lane_id = lane_id_of(origin, destination, mode)
        lane = self._lanes.get(lane_id)
        if lane is None or not lane["allowed"]:
            raise ValueError(f"lane {lane_id} does not exist or is not allowed")
        ship_date = dt.date.fromisoformat(str(dispatch.get("ship_date")))
        seen: set[str] = set()
        lines = []
        for line in dispatch.get("lines", []):
            line_id, item, units = str(line.get("line_id")), line.get("item_id"), line.get("units")
            if not isinstance(item, str) or item not in self._item:
                raise ValueError(f"line {line_id}: item {item!r} is unknown")
            if isinstance(units, bool) or not isinstance(units, int) or units < 1:
                raise ValueError(f"line {line_id}: {units!r} is not a whole number of units above zero")
            if line_id in seen:
                raise ValueError(f"line {line_id} appears twice")
            seen.add(line_id)
            places = self._location[origin], self._location[destination]
            lines.append(TransferLineState(transfer_id, line_id, lane_id, self._item[item], *places, mode, units, ship_date))
        if not lines:
            raise ValueError("it has no lines")
        return lines

    def _leaves(self, line: TransferLineState, today: dt.date) -> bool:
        return today >= line.ship_date and str(today.isoweekday()) in str(self._lanes[line.lane_id]["weekdays"])

    def _arrival(self, line: TransferLineState, today: dt.date) -> dt.date:
        """One draw per lane and departure day: everything on the truck arrives together."""
        truth = self._truth[line.lane_id]
        luck = stream(self.seed, "lane_lead", line.lane_id, today).standard_normal()
        days = max(1, round(truth["lead_time_days_mean"] + truth["lead_time_days_sd"] * luck))
        return today + dt.timedelta(days=days + int(self._lanes[line.lane_id]["customs_days"]))

    def _bill(self, today: dt.date, left: list[TransferLineState]) -> None:
        items = self.world.items
        for lane_id in sorted({line.lane_id for line in left}):
            loads = [line for line in left if line.lane_id == lane_id]
            weight = sum(line.shipped * float(items["weight_kg"].iloc[line.item]) for line in loads)
            volume = sum(line.shipped * float(items["volume_m3"].iloc[line.item]) for line in loads)
            value = sum(line.shipped * float(items["unit_cost_usd"].iloc[line.item]) for line in loads)
            units = sum(line.shipped for line in loads)
            cost = lane_tariff(self._lanes[lane_id]).cost_usd(units, len(loads), weight, volume, value)
            self.departures.append(Departure(today, lane_id, units, len(loads), cost))

    def _report(self, day: DayRecorder, line: TransferLineState, state: str, second: int, picked: int) -> None:
        lane = self._lanes[line.lane_id]
        row: dict[str, object] = {
            "transfer_id": [line.transfer_id],
            "line_id": [line.line_id],
            "item_id": [self.world.items["item_id"].iloc[line.item]],
            "origin": [lane["origin"]],
            "destination": [lane["destination"]],
            "mode": [line.mode],
            "qty_requested": [line.requested],
            "qty_picked": [picked],
            "qty_shipped": [line.shipped],
            "state": [state],
            "at": day.at(second),
        }
        day.add("wms_transfers", row)

    def _receipt(self, day: DayRecorder, line: TransferLineState, good: int, damaged: int, short: int) -> dict[str, object]:
        return {
            "receipt_id": [f"RT-{line.transfer_id}-{line.line_id}"],
            "reference_type": ["transfer"],
            "reference_id": [line.transfer_id],
            "line_id": [line.line_id],
            "item_id": [self.world.items["item_id"].iloc[line.item]],
            "location_id": [self._lanes[line.lane_id]["destination"]],
            "qty_expected": [line.shipped],
            "qty_received": [good],
            "qty_damaged": [damaged],
            "qty_short": [short],
            "qty_over": [0],
            "received_at": day.at(RECEIVED_SECOND),
        }


def lane_tariff(lane: dict[str, Any]) -> LaneTariff:
    """The tariff of one tms_lanes row."""
    return LaneTariff(
        truck_cost_usd=float(lane["truck_cost_usd"]),
        pallet_cost_usd=float(lane["pallet_cost_usd"]),
        pallets_per_truck=int(lane["pallets_per_truck"]),
        pallet_kg=float(lane["pallet_kg"]),
        pallet_m3=float(lane["pallet_m3"]),
        cost_usd_per_unit=float(lane["cost_usd_per_unit"]),
        line_cost_usd=float(lane["line_cost_usd"]),
        rate_usd_per_kg=_number(lane["rate_usd_per_kg"]),
        minimum_cost_usd=_number(lane["minimum_cost_usd"]),
        duty_share=float(lane["duty_share"]),
    )


def _number(value: Any) -> float:
    return 0.0 if pd.isna(value) else float(value)
