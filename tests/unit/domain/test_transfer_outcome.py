"""Outcomes folded from warehouse reports: hand-computed cases of short, over, damaged, late and cancelled."""

from datetime import datetime

import pytest

from pipelines.domain.outcome import LineOutcome, ReceiptEvent, TransferEvent, fold_outcome
from tests.outcome_identities import imbalance_units

AT = datetime(2016, 4, 25, 21)
LATER = datetime(2016, 4, 28, 6)


def shipped(units: int) -> TransferEvent:
    return TransferEvent("L1", "shipped", AT, units, units)


def state(name: str, units: int = 0) -> TransferEvent:
    return TransferEvent("L1", name, LATER, units, units)


def receipt(name: str, expected: int, good: int, damaged: int = 0, short: int = 0, over: int = 0) -> ReceiptEvent:
    return ReceiptEvent(name, "L1", LATER, expected, good, damaged, short, over)


def units_of(out: LineOutcome) -> tuple[int, ...]:
    names = ("shipped", "cancelled", "received", "damaged", "short", "over", "in_transit")
    return tuple(getattr(out, f"qty_{name}_units") for name in names)


@pytest.mark.parametrize(
    ("events", "receipts", "expected", "line_state"),
    [
        ([], [], (0, 0, 0, 0, 0, 0, 0), None),
        ([state("released")], [], (0, 0, 0, 0, 0, 0, 0), "released"),
        ([shipped(10)], [], (10, 0, 0, 0, 0, 0, 10), "shipped"),
        ([shipped(8)], [], (8, 2, 0, 0, 0, 0, 8), "shipped"),
        ([shipped(10)], [receipt("R1", 10, 10)], (10, 0, 10, 0, 0, 0, 0), "received"),
        ([shipped(10)], [receipt("R1", 10, 7, 1, 2)], (10, 0, 7, 1, 2, 0, 0), "received"),
        ([shipped(10)], [receipt("R1", 10, 12, over=2)], (10, 0, 12, 0, 0, 2, 0), "received"),
        # The rest of a short delivery turns up later: what was short is found.
        ([shipped(10)], [receipt("R1", 10, 6, 0, 4), receipt("R2", 4, 4)], (10, 0, 10, 0, 0, 0, 0), "received"),
        # A part delivery without a declared shortage stays on the road until it is closed, then it is lost.
        ([shipped(10)], [receipt("R1", 6, 6)], (10, 0, 6, 0, 0, 0, 4), "shipped"),
        ([shipped(10), state("closed", 10)], [receipt("R1", 6, 6)], (10, 0, 6, 0, 4, 0, 0), "closed"),
        ([state("cancelled")], [], (0, 10, 0, 0, 0, 0, 0), "cancelled"),
        ([shipped(0)], [], (0, 10, 0, 0, 0, 0, 0), "cancelled"),
        ([state("cancelled"), shipped(10)], [], (10, 0, 0, 0, 0, 0, 10), "shipped"),
        # Goods arrived before anybody reported them shipped.
        ([state("picked", 0)], [receipt("R1", 10, 9, 0, 1)], (10, 0, 9, 0, 1, 0, 0), "received"),
    ],
)
def test_outcome_of_ten_planned_units(events: list, receipts: list, expected: tuple, line_state: str | None) -> None:
    out = fold_outcome("L1", 10, events, receipts)
    assert units_of(out) == expected
    assert out.state == line_state
    assert imbalance_units(out) == 0


def test_lost_is_short_at_closing_only() -> None:
    open_line = fold_outcome("L1", 10, [shipped(10)], [receipt("R1", 10, 6, 0, 4)])
    closed = fold_outcome("L1", 10, [shipped(10), state("closed", 10)], [receipt("R1", 10, 6, 0, 4)])
    assert (open_line.qty_lost_units, closed.qty_lost_units) == (0, 4)


def test_more_shipped_than_planned_is_extra_not_negative() -> None:
    out = fold_outcome("L1", 10, [shipped(13)], [])
    assert (out.qty_extra_units, out.qty_cancelled_units, imbalance_units(out)) == (3, 0, 0)


def test_an_unbalanced_receipt_is_noted_and_units_still_add_up() -> None:
    out = fold_outcome("L1", 10, [shipped(10)], [receipt("R1", 10, 3)])
    assert out.notes == ("receipt R1 does not balance",)
    assert imbalance_units(out) == 0


def test_a_corrected_receipt_replaces_the_first_count() -> None:
    first = ReceiptEvent("R1", "L1", LATER, 10, 4, 0, 6)
    corrected = ReceiptEvent("R1", "L1", datetime(2016, 4, 29, 6), 10, 10)
    for receipts in ([first, corrected], [corrected, first], [corrected, first, corrected]):
        assert fold_outcome("L1", 10, [shipped(10)], receipts).qty_received_units == 10
