"""Warehouse reports folded into a real ledger: any order, repeated, partial, unknown."""

import itertools
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipelines.domain.errors import InputRefused
from pipelines.execution.dispatch import dispatch
from pipelines.execution.reconcile import reconcile
from pipelines.store.ledger import Ledger, RunRecord, open_ledger

DAY = date(2016, 4, 24)
TRANSFERS = (
    *("transfer_id", "line_id", "item_id", "lot_id", "origin", "destination", "mode"),
    *("qty_requested", "qty_picked", "qty_shipped", "state", "at"),
)
RECEIPTS = (
    *("receipt_id", "reference_type", "reference_id", "line_id", "item_id", "location_id", "lot_id"),
    *("qty_expected", "qty_received", "qty_damaged", "qty_short", "qty_over", "received_at"),
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = open_ledger(tmp_path)
    shared = {"lane_id": "A>B:road", "origin": "A", "destination": "B", "mode": "road", "packs": 1, "units": 10}
    money = {"ship_date": DAY, "arrival_date": DAY + timedelta(days=3), "benefit_usd": 9.0, "cost_usd": 1.0, "net_usd": 8.0}
    lines = pd.DataFrame({"line_id": ["L1", "L2", "L3"], "item_id": ["I1", "I2", "I3"]}).assign(**shared, **money)
    opened.propose(RunRecord("r1", DAY), lines, "d1", "t")
    opened.decide(["L1", "L2"], "approve", "ana", "", "d1", "t")
    stock = pd.DataFrame({"location_id": "A", "item_id": ["I1", "I2"], "available_units": 100})
    dispatch(opened, tmp_path / "outbox", stock, DAY, "t")
    return opened


def transfer_id(ledger: Ledger) -> str:
    return ledger.dispatched_lines()["transfer_id"].iloc[0]


def event(ledger: Ledger, line_id: str, state: str, units: int, day: int, **change: object) -> dict[str, object]:
    at = pd.Timestamp(DAY) + pd.Timedelta(days=day, hours=21)
    row = dict.fromkeys(TRANSFERS) | {"transfer_id": transfer_id(ledger), "line_id": line_id, "item_id": line_id.replace("L", "I")}
    return row | {"qty_requested": 10, "qty_picked": units, "qty_shipped": units, "state": state, "at": at} | change


def receipt(ledger: Ledger, name: str, line_id: str | None, counts: tuple[int, ...], day: int, **change: object) -> dict[str, object]:
    names = ("qty_expected", "qty_received", "qty_damaged", "qty_short", "qty_over")
    row = dict.fromkeys(RECEIPTS) | {"receipt_id": name, "reference_type": "transfer", "reference_id": transfer_id(ledger)}
    row |= {"line_id": line_id, "item_id": "I1", "received_at": pd.Timestamp(DAY) + pd.Timedelta(days=day, hours=6)}
    return row | dict(zip(names, counts, strict=True)) | change


def frames(events: list[dict], receipts: list[dict]) -> tuple[pd.DataFrame, pd.DataFrame]:
    return pd.DataFrame(events, columns=TRANSFERS), pd.DataFrame(receipts, columns=RECEIPTS)


def state_of(ledger: Ledger) -> dict[str, str]:
    lines = ledger.current_lines("r1")
    return dict(zip(lines["line_id"], lines["state"], strict=True))


def test_a_day_at_a_time(ledger: Ledger) -> None:
    events = [event(ledger, "L1", "picked", 10, 1), event(ledger, "L1", "shipped", 10, 1), event(ledger, "L1", "closed", 10, 4)]
    receipts = [receipt(ledger, "R1", "L1", (10, 8, 1, 1, 0), 4)]
    seen = []
    for days in range(5):
        as_of = DAY + timedelta(days=days)
        result = reconcile(ledger, *frames(events, receipts), as_of, "t")
        seen.append((state_of(ledger)["L1"], result.moved))
    assert seen == [("released", ()), ("shipped", ("L1",)), ("shipped", ()), ("shipped", ()), ("closed", ("L1",))]
    outcome = ledger.outcomes(DAY + timedelta(days=4)).iloc[0]
    assert (outcome["qty_received_units"], outcome["qty_damaged_units"], outcome["qty_lost_units"]) == (8, 1, 1)
    assert ledger.outcomes(DAY + timedelta(days=3)).iloc[0]["qty_in_transit_units"] == 10


def test_every_order_of_arrival_ends_the_same(ledger: Ledger, tmp_path: Path) -> None:
    late = DAY + timedelta(days=9)
    reports = [
        ("event", event(ledger, "L1", "shipped", 10, 1)),
        ("receipt", receipt(ledger, "R1", "L1", (10, 6, 0, 4, 0), 4)),
        ("receipt", receipt(ledger, "R2", "L1", (4, 3, 1, 0, 0), 6)),
        ("event", event(ledger, "L1", "cancelled", 0, 1)),
    ]
    results = set()
    for number, order in enumerate(itertools.permutations(reports)):
        home = tmp_path / f"order{number}"
        home.mkdir()
        copy_ledger(tmp_path / "ledger.sqlite", home / "ledger.sqlite")
        other = open_ledger(home)
        known: list[tuple[str, dict]] = []
        for report in order:
            known.append(report)
            for _ in range(2):
                rows = ([r for kind, r in known if kind == "event"], [r for kind, r in known if kind == "receipt"])
                reconcile(other, *frames(*rows), late, "t")
        outcome = other.outcomes(late).drop(columns="notes").iloc[0]
        results.add((state_of(other)["L1"], *outcome.astype(str)))
        assert other.verify_chain().ok
    assert len(results) == 1
    assert next(iter(results))[0] == "received"


def copy_ledger(source: Path, target: Path) -> None:
    import sqlite3

    old, new = sqlite3.connect(source), sqlite3.connect(target)
    old.backup(new)
    old.close()
    new.close()


def test_lots_of_a_line_add_up(ledger: Ledger) -> None:
    events = [event(ledger, "L1", "released", 0, 0), event(ledger, "L2", "shipped", 10, 1)]
    events += [event(ledger, "L1", "shipped", units, 1, lot_id=lot) for lot, units in (("x", 4), ("y", 5), ("y", 5))]
    reconcile(ledger, *frames(events, []), DAY + timedelta(days=1), "t")
    assert state_of(ledger) == {"L1": "shipped", "L2": "shipped", "L3": "proposed"}
    assert ledger.outcomes(DAY + timedelta(days=1)).set_index("line_id")["qty_in_transit_units"].to_dict() == {"L1": 9, "L2": 10}


@pytest.mark.parametrize("turn", [1, -1])
def test_a_lot_that_a_later_file_names_is_not_counted_twice(ledger: Ledger, turn: int) -> None:
    rows = [
        event(ledger, "L1", "shipped", 10, 1) | {"_business_date": DAY, "_version": 2},
        event(ledger, "L1", "shipped", 6, 1, lot_id="x") | {"_business_date": DAY + timedelta(days=1), "_version": 1},
        event(ledger, "L1", "shipped", 3, 1, lot_id="y") | {"_business_date": DAY + timedelta(days=1), "_version": 1},
        event(ledger, "L1", "shipped", 1, 9, lot_id="z") | {"_business_date": DAY + timedelta(days=9), "_version": 1},
    ]
    reconcile(ledger, pd.DataFrame(rows[::turn]), frames([], [])[1], DAY + timedelta(days=2), "t")
    assert ledger.outcomes(DAY + timedelta(days=2)).iloc[0]["qty_in_transit_units"] == 9


def test_strangers_are_reported_and_change_nothing(ledger: Ledger) -> None:
    before = ledger.ledger_digest(DAY + timedelta(days=1))
    events = [
        event(ledger, "L9", "shipped", 10, 1),
        event(ledger, "L3", "shipped", 10, 1),
        event(ledger, "L1", "shipped", 10, 1, transfer_id="T-other"),
    ]
    receipts = [receipt(ledger, "R1", "L8", (1, 1, 0, 0, 0), 2), receipt(ledger, "R2", None, (1, 1, 0, 0, 0), 2, item_id="I9")]
    result = reconcile(ledger, *frames(events, receipts), DAY + timedelta(days=1), "t")
    assert sorted((s.feed, s.line_id) for s in result.strangers) == [("wms_transfers", name) for name in ("L1", "L3", "L9")]
    assert result.moved == ()
    assert ledger.ledger_digest(DAY + timedelta(days=1)) == before
    later = reconcile(ledger, *frames(events, receipts), DAY + timedelta(days=2), "t")
    assert {(s.feed, s.reference) for s in later.strangers if s.feed == "wms_receipts"} == {("wms_receipts", "R1"), ("wms_receipts", "R2")}


def test_a_receipt_without_a_line_finds_the_only_line_with_its_item(ledger: Ledger) -> None:
    events = [event(ledger, "L1", "shipped", 10, 1)]
    receipts = [receipt(ledger, "R1", None, (10, 10, 0, 0, 0), 3)]
    reconcile(ledger, *frames(events, receipts), DAY + timedelta(days=3), "t")
    assert state_of(ledger)["L1"] == "received"


def test_purchase_receipts_are_nobodys_business_here(ledger: Ledger) -> None:
    receipts = [receipt(ledger, "R1", "L1", (10, 10, 0, 0, 0), 3, reference_type="po")]
    result = reconcile(ledger, *frames([], receipts), DAY + timedelta(days=3), "t")
    assert (result.moved, result.strangers) == ((), ())


def test_a_line_the_warehouse_could_not_pick_is_cancelled(ledger: Ledger) -> None:
    reconcile(ledger, *frames([event(ledger, "L1", "cancelled", 0, 1)], []), DAY + timedelta(days=1), "t")
    assert state_of(ledger) == {"L1": "cancelled", "L2": "released", "L3": "proposed"}


def test_a_frame_without_its_columns_is_refused(ledger: Ledger) -> None:
    events, receipts = frames([], [])
    with pytest.raises(InputRefused, match="wms_receipts: columns qty_short are missing"):
        reconcile(ledger, events, receipts.drop(columns="qty_short"), DAY, "t")
