"""What became of a planned line: planned against shipped, received, damaged and lost, folded from warehouse events.

Pure functions of a set of events: duplicates, late and out-of-order reports give the same outcome. No ledger, no frames.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pipelines.domain.transfer import LineState

_LEFT_STATES = (LineState.SHIPPED, LineState.RECEIVED, LineState.CLOSED)


@dataclass(frozen=True, order=True)
class TransferEvent:
    """One row of wms_transfers: a line reached a state at a moment. Grain: line and state."""

    line_id: str
    state: str
    at: datetime
    qty_picked_units: int = 0
    qty_shipped_units: int = 0


@dataclass(frozen=True, order=True)
class ReceiptEvent:
    """One row of wms_receipts. Good units in `qty_received_units`, surplus included. Grain: receipt."""

    receipt_id: str
    line_id: str
    received_at: datetime
    qty_expected_units: int
    qty_received_units: int
    qty_damaged_units: int = 0
    qty_short_units: int = 0
    qty_over_units: int = 0

    @property
    def is_balanced(self) -> bool:
        """Receipt identity: expected = received + damaged + short - over."""
        counted = self.qty_received_units + self.qty_damaged_units + self.qty_short_units - self.qty_over_units
        return self.qty_expected_units == counted


@dataclass(frozen=True)
class LineOutcome:
    """Units of one line in every place they can be, in whole units.

    Two identities hold for any set of events:
    planned + extra = shipped + cancelled + waiting, and shipped + over = received + damaged + short + in_transit.
    """

    line_id: str
    qty_planned_units: int
    qty_picked_units: int
    qty_shipped_units: int
    qty_cancelled_units: int
    qty_waiting_units: int
    qty_extra_units: int
    qty_received_units: int
    qty_damaged_units: int
    qty_short_units: int
    qty_over_units: int
    qty_in_transit_units: int
    state: LineState | None
    shipped_at: datetime | None
    received_at: datetime | None
    notes: tuple[str, ...] = ()

    @property
    def qty_lost_units(self) -> int:
        """Units that left and are written off: short once the line is closed."""
        return self.qty_short_units if self.state is LineState.CLOSED else 0


def latest_events(events: Iterable[TransferEvent]) -> dict[str, TransferEvent]:
    """One event per state: a repeated report replaces the earlier one whatever the order of arrival."""
    kept: dict[str, TransferEvent] = {}
    for event in sorted(events):
        kept[event.state] = event
    return kept


def latest_receipts(receipts: Iterable[ReceiptEvent]) -> list[ReceiptEvent]:
    """One row per receipt id, the latest correction winning, ordered by id."""
    kept: dict[str, ReceiptEvent] = {}
    for receipt in sorted(receipts):
        kept[receipt.receipt_id] = receipt
    return list(kept.values())


def fold_outcome(line_id: str, qty_planned_units: int, events: Iterable[TransferEvent], receipts: Iterable[ReceiptEvent]) -> LineOutcome:
    """Fold all known events of one line into its outcome, order independent and idempotent.

    Shipped units come from the shipped event, failing that from the later states, failing that from the receipts (goods
    arrived, so they left). Until the line is closed, only declared shortages count as short and the rest is in transit; closing
    writes every missing unit off to zero, as warehouse practice closes orders (ordered = received + short + damaged).

    >>> at = datetime(2016, 4, 25, 6)
    >>> out = fold_outcome("L1", 10, [TransferEvent("L1", "shipped", at, 10, 10)], [ReceiptEvent("R1", "L1", at, 10, 7, 1, 2)])
    >>> out.qty_received_units, out.qty_damaged_units, out.qty_short_units, out.qty_in_transit_units, str(out.state)
    (7, 1, 2, 0, 'received')
    """
    by_state, counted = latest_events(events), latest_receipts(receipts)
    good = sum(r.qty_received_units for r in counted)
    damaged = sum(r.qty_damaged_units for r in counted)
    shipped, implied = _shipped_units(by_state, counted)
    short, over, in_transit = _split_missing(shipped, good + damaged, sum(r.qty_short_units for r in counted), LineState.CLOSED in by_state)
    state = _stage(by_state, shipped, in_transit, bool(counted))
    has_left = state in _LEFT_STATES or state is LineState.CANCELLED
    return LineOutcome(
        line_id=line_id,
        qty_planned_units=qty_planned_units,
        qty_picked_units=max((e.qty_picked_units for e in by_state.values()), default=0),
        qty_shipped_units=shipped,
        qty_cancelled_units=max(0, qty_planned_units - shipped) if has_left else 0,
        qty_waiting_units=0 if has_left else qty_planned_units,
        qty_extra_units=max(0, shipped - qty_planned_units) if has_left else 0,
        qty_received_units=good,
        qty_damaged_units=damaged,
        qty_short_units=short,
        qty_over_units=over,
        qty_in_transit_units=in_transit,
        state=state,
        shipped_at=_shipped_at(by_state),
        received_at=max((r.received_at for r in counted), default=None),
        notes=_notes(by_state, counted, shipped, implied),
    )


def _notes(by_state: dict[str, TransferEvent], receipts: list[ReceiptEvent], shipped: int, implied: bool) -> tuple[str, ...]:
    """What people should know about the reports, in alphabetical order."""
    notes = [f"receipt {r.receipt_id} does not balance" for r in receipts if not r.is_balanced]
    if implied:
        notes.append("received without a shipping report: shipped units taken from the receipts")
    if LineState.CANCELLED in by_state and shipped > 0:
        notes.append("shipped although cancelled: the goods are followed as shipped")
    return tuple(sorted(notes))


def _shipped_units(by_state: dict[str, TransferEvent], receipts: list[ReceiptEvent]) -> tuple[int, bool]:
    """Units that left, and whether they are only implied by receipts."""
    for state in _LEFT_STATES:
        if state in by_state:
            return by_state[state].qty_shipped_units, False
    if not receipts:
        return 0, False
    arrived = sum(r.qty_received_units + r.qty_damaged_units - r.qty_over_units for r in receipts)
    return max(0, arrived, *(r.qty_expected_units for r in receipts)), True


def _split_missing(shipped: int, arrived: int, declared_short: int, is_closed: bool) -> tuple[int, int, int]:
    """(short, over, in transit) units; a declared shortage never exceeds what is still missing."""
    missing = max(0, shipped - arrived)
    short = missing if is_closed else min(declared_short, missing)
    return short, max(0, arrived - shipped), missing - short


def _stage(by_state: dict[str, TransferEvent], shipped: int, in_transit: int, has_receipts: bool) -> LineState | None:
    """The furthest state the evidence proves; None without any evidence."""
    if not by_state and not has_receipts:
        return None
    if shipped == 0 and not has_receipts:
        if LineState.CANCELLED in by_state or any(s in by_state for s in _LEFT_STATES):
            return LineState.CANCELLED
        return LineState.PICKED if LineState.PICKED in by_state else LineState.RELEASED
    if LineState.CLOSED in by_state:
        return LineState.CLOSED
    if LineState.RECEIVED in by_state or (has_receipts and in_transit == 0):
        return LineState.RECEIVED
    return LineState.SHIPPED


def _shipped_at(by_state: dict[str, TransferEvent]) -> datetime | None:
    return by_state[LineState.SHIPPED].at if LineState.SHIPPED in by_state else None
