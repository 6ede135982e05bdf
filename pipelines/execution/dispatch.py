"""Turns approved lines into transfer orders and hands each to the warehouse once, as a file in the outbox.

Intent before effect: the ledger records what will be sent, then the file appears, then the lines are released. A crash in
between is healed by running again. The ledger is handed in; deciding who may ship is approval's business.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from pipelines.domain.errors import DecisionRefused
from pipelines.domain.frames import each_row
from pipelines.domain.transfer import LineState, TransferLine, TransferOrder, transfer_id_of, whole_packs
from pipelines.machine.writing import write_bytes

FORMAT = "evenstock-dispatch/1"
_FREE_PARTS = ("on_hand_units", "reserved_units", "blocked_units", "firm_out_units")


class DispatchLedger(Protocol):
    """What dispatch needs of a ledger."""

    def lines_to_dispatch(self) -> pd.DataFrame:
        """Approved lines that no dispatch has taken."""
        ...

    def committed_units(self, as_of: date) -> pd.DataFrame:
        """location_id, item_id, units already taken by dispatches of the plan of `as_of`."""
        ...

    def count_waves(self) -> dict[tuple[date, str], int]:
        """Dispatches so far by plan date and lane."""
        ...

    def open_dispatches(self) -> Sequence[Any]:
        """Recorded intents (transfer_id, as_of, body) that are not released yet."""
        ...

    def record_dispatch(
        self, *, transfer_id: str, idempotency_key: str, run_id: str, as_of: date, lane_id: str, body: str, decided_at: datetime | str
    ) -> Any:
        """Record an intent."""
        ...

    def release_dispatch(self, transfer_id: str, decided_at: datetime | str, reasons: Mapping[str, str] | None = None) -> int:
        """Release the lines of a dispatch whose file exists."""
        ...

    def cancel_undeliverable(self, reasons: Mapping[tuple[str, str], str], decided_at: datetime | str) -> int:
        """Cancel approved lines that cannot be sent."""
        ...


@dataclass(frozen=True)
class DispatchResult:
    """Transfer ids sent or healed now, lines that ship less and lines that ship nothing (line id to reason)."""

    sent: tuple[str, ...]
    healed: tuple[str, ...]
    reduced: dict[str, str]
    refused: dict[str, str]


@dataclass(frozen=True)
class Loading:
    """Orders that the donors can fill, and what had to give."""

    orders: tuple[TransferOrder, ...]
    reduced: dict[str, str]
    refused: dict[tuple[str, str], str]


def dispatch(
    ledger: DispatchLedger, outbox: Path, available: pd.DataFrame, as_of: date, decided_at: datetime | str, on: date | None = None
) -> DispatchResult:
    """Send every approved line once; running again sends nothing new and leaves every byte as it is.

    `available` is fct_plan_inputs as of `as_of`: location_id, item_id and on_hand_units, reserved_units, blocked_units,
    firm_out_units (or only available_units; lines of older plans then compete for what is left). `on` (default `as_of`) is the
    last business date that is over: a line whose ship date is over leaves the day after it.
    Files: outbox/<plan date>/<transfer_id>.json.
    """
    healed = _heal(ledger, outbox, decided_at)
    lines, moved = postpone(read_lines(ledger.lines_to_dispatch()), on or as_of)
    loading = load_orders(lines, donor_balance(available, lines, ledger.committed_units(as_of), as_of), ledger.count_waves())
    if loading.refused:
        ledger.cancel_undeliverable(loading.refused, decided_at)
    sent, missed = [], False
    for order in loading.orders:
        if _send(ledger, outbox, order, decided_at, _reasons(loading.reduced, moved)):
            sent.append(order.transfer_id)
        else:
            missed = True
    refused = {line_id: reason for (_, line_id), reason in loading.refused.items()}
    done = DispatchResult(tuple(sent), healed, loading.reduced, refused)
    return _add(done, dispatch(ledger, outbox, available, as_of, decided_at, on)) if missed else done


def _send(ledger: DispatchLedger, outbox: Path, order: TransferOrder, decided_at: datetime | str, reasons: Mapping[str, str]) -> bool:
    """Intent, file, release; False if another dispatch took a line of the order since it was planned, so that it has to be planned anew."""
    body, key = dispatch_body(order)
    run_id = order.lines[0].run_id
    own = {"transfer_id": order.transfer_id, "idempotency_key": key, "run_id": run_id}
    try:
        ledger.record_dispatch(**own, as_of=order.as_of, lane_id=order.lane_id, body=body, decided_at=decided_at)
    except DecisionRefused:
        waiting = set(ledger.lines_to_dispatch()["line_id"])
        if waiting >= {line.line_id for line in order.lines}:
            raise
        return False
    _write_once(outbox / order.as_of.isoformat() / f"{order.transfer_id}.json", body)
    ledger.release_dispatch(order.transfer_id, decided_at, reasons)
    return True


def _add(one: DispatchResult, more: DispatchResult) -> DispatchResult:
    """What two passes did together."""
    return DispatchResult(one.sent + more.sent, one.healed + more.healed, one.reduced | more.reduced, one.refused | more.refused)


def _heal(ledger: DispatchLedger, outbox: Path, decided_at: datetime | str) -> tuple[str, ...]:
    """Finish every dispatch that a crash left between its intent and its release."""
    healed = []
    for intent in ledger.open_dispatches():
        _write_once(outbox / intent.as_of.isoformat() / f"{intent.transfer_id}.json", intent.body)
        ledger.release_dispatch(intent.transfer_id, decided_at)
        healed.append(intent.transfer_id)
    return tuple(healed)


def postpone(lines: Sequence[TransferLine], on: date) -> tuple[list[TransferLine], dict[str, str]]:
    """Lines whose ship date is not after `on` leave the day after it and arrive as many days later; the reason by line id."""
    moved: dict[str, str] = {}
    dated = []
    for line in lines:
        late = on + timedelta(days=1) - line.ship_date
        if late > timedelta():
            moved[line.line_id] = f"ships {line.ship_date + late} instead of {line.ship_date}: decided after that day"
            line = replace(line, ship_date=line.ship_date + late, arrival_date=line.arrival_date + late)
        dated.append(line)
    return dated, moved


def _reasons(*parts: Mapping[str, str]) -> dict[str, str]:
    """The reasons of each line in one sentence."""
    return {
        line_id: "; ".join(part[line_id] for part in parts if line_id in part) for line_id in sorted({k for part in parts for k in part})
    }


def read_lines(frame: pd.DataFrame) -> list[TransferLine]:
    """Transfer lines from the ledger's frame of approved lines."""
    return [
        TransferLine(
            line_id=row.line_id,
            run_id=row.run_id,
            as_of=row.as_of,
            item_id=row.item_id,
            origin=row.origin,
            destination=row.destination,
            mode=row.mode,
            qty_planned_units=int(row.units),
            qty_approved_units=int(row.qty_now_units),
            units_per_pack=int(row.units_per_pack),
            ship_date=row.ship_date,
            arrival_date=row.arrival_date,
            net_usd=float(row.net_usd),
            state=LineState(row.state),
        )
        for row in each_row(frame)
    ]


def donor_balance(
    available: pd.DataFrame, lines: Sequence[TransferLine], committed: pd.DataFrame, as_of: date
) -> dict[tuple[str, str], int]:
    """Units each (location, item) can still give, possibly below zero.

    free at `as_of` - sent since from the same plan + approved lines of older plans, which firm_out already nets, where
    free = on hand - reserved - blocked - firm_out. Unlike `available` it is not cut at zero: giving back what was netted from a
    number cut at zero would ship units that do not exist. A frame with only `available_units` gives nothing back.
    """
    has_parts = set(_FREE_PARTS) <= set(available.columns)
    free = available[_FREE_PARTS[0]] - available[list(_FREE_PARTS[1:])].sum(axis=1) if has_parts else available["available_units"]
    frame = available.assign(free=free).groupby(["location_id", "item_id"], as_index=False)["free"].sum()
    balance = {(row.location_id, row.item_id): int(row.free) for row in each_row(frame)}
    for row in each_row(committed):
        place = (row.location_id, row.item_id)
        balance[place] = balance.get(place, 0) - int(row.units)
    for line in lines:
        if has_parts and line.as_of < as_of:
            place = (line.origin, line.item_id)
            balance[place] = balance.get(place, 0) + line.qty_approved_units
    return balance


def load_orders(lines: Sequence[TransferLine], balance: Mapping[tuple[str, str], int], waves: Mapping[tuple[date, str], int]) -> Loading:
    """Group lines into one order per plan date and lane, most valuable lines first at a scarce donor, whole packs only.

    No donor goes below zero: a line that does not fit ships the packs that do, or nothing.
    """
    left = dict(balance)
    loaded: list[TransferLine] = []
    reduced: dict[str, str] = {}
    refused: dict[tuple[str, str], str] = {}
    for line in sorted(lines, key=lambda x: (x.as_of, -x.net_usd, x.line_id)):
        free = max(0, left.get((line.origin, line.item_id), 0))
        units = line.qty_approved_units if line.qty_approved_units <= free else whole_packs(free, line.units_per_pack)
        short = f"{line.origin} has {free} units of {line.item_id} available for {line.qty_approved_units} approved"
        if units == 0:
            refused[(line.run_id, line.line_id)] = f"not sent: {short}"
            continue
        if units < line.qty_approved_units:
            reduced[line.line_id] = f"sent {units}: {short}"
        left[(line.origin, line.item_id)] = free - units
        loaded.append(_with_units(line, units))
    return Loading(_orders(loaded, waves), reduced, refused)


def dispatch_body(order: TransferOrder) -> tuple[str, str]:
    """The exact text of the dispatch file and its idempotency key, sha256 of transfer id and payload."""
    payload: dict[str, Any] = {
        "format": FORMAT,
        "transfer_id": order.transfer_id,
        "lane_id": order.lane_id,
        "origin": order.origin,
        "destination": order.destination,
        "mode": order.mode,
        "as_of": order.as_of.isoformat(),
        "ship_date": order.ship_date.isoformat(),
        "expected_arrival_date": order.expected_arrival_date.isoformat(),
        "lines": [{"line_id": x.line_id, "item_id": x.item_id, "units": x.qty_approved_units} for x in order.lines],
    }
    payload_digest = hashlib.sha256(json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    key = hashlib.sha256(f"{order.transfer_id}|{payload_digest}".encode()).hexdigest()
    return json.dumps({**payload, "idempotency_key": key}, sort_keys=True, indent=1) + "\n", key


def _orders(lines: Sequence[TransferLine], waves: Mapping[tuple[date, str], int]) -> tuple[TransferOrder, ...]:
    seen = dict(waves)
    orders = []
    by_order = sorted(lines, key=lambda x: (x.as_of, x.lane_id, x.run_id, x.line_id))
    for (as_of, lane_id, _run), group in groupby(by_order, key=lambda x: (x.as_of, x.lane_id, x.run_id)):
        members = tuple(group)
        seen[(as_of, lane_id)] = wave = seen.get((as_of, lane_id), 0) + 1
        first = members[0]
        ship, arrival = max(x.ship_date for x in members), max(x.arrival_date for x in members)
        transfer_id = transfer_id_of(as_of, lane_id, wave)
        orders.append(TransferOrder(transfer_id, as_of, first.origin, first.destination, first.mode, ship, arrival, members))
    return tuple(orders)


def _with_units(line: TransferLine, units: int) -> TransferLine:
    return replace(line, qty_approved_units=units)


def _write_once(path: Path, body: str) -> None:
    """Write the file whole or not at all; one that is there with these bytes is left untouched."""
    data = body.encode()
    if path.exists() and path.read_bytes() == data:
        return
    write_bytes("outbox.order", path, data)
