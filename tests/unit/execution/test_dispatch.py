"""Dispatch on a real ledger and outbox: once, never below zero, healed after a crash at any boundary."""

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.domain.transfer import transfer_id_of
from pipelines.execution import dispatch as sending
from pipelines.execution.dispatch import dispatch
from pipelines.store.ledger import Ledger, RunRecord, open_ledger

DAY = date(2016, 4, 24)
NEXT = DAY + timedelta(days=1)


def plan(rows: list[tuple[str, str, str, int, float]], day: date = DAY) -> pd.DataFrame:
    """(line, item, destination, packs of 6, net value)."""
    return pd.DataFrame(
        [
            {
                "line_id": line_id,
                "item_id": item_id,
                "lane_id": f"CA_1>{destination}:road",
                "origin": "CA_1",
                "destination": destination,
                "mode": "road",
                "packs": packs,
                "units": 6 * packs,
                "ship_date": day + timedelta(days=1),
                "arrival_date": day + timedelta(days=4),
                "benefit_usd": net + 1,
                "cost_usd": 1.0,
                "net_usd": net,
            }
            for line_id, item_id, destination, packs, net in rows
        ]
    )


def stock(**units: int) -> pd.DataFrame:
    return pd.DataFrame([("CA_1", item, n) for item, n in units.items()], columns=["location_id", "item_id", "available_units"])


def approved(home: Path, rows: list[tuple[str, str, str, int, float]]) -> Ledger:
    ledger = open_ledger(home)
    ledger.propose(RunRecord("r1", DAY), plan(rows), "d1", "t")
    ledger.decide([row[0] for row in rows], "approve", "ana", "", "d1", "t")
    return ledger


def files(outbox: Path) -> dict[str, bytes]:
    return {str(path.relative_to(outbox)): path.read_bytes() for path in sorted(outbox.rglob("*")) if path.is_file()}


def states(ledger: Ledger, run_id: str = "r1") -> dict[str, tuple[str, int]]:
    lines = ledger.current_lines(run_id)
    return {row.line_id: (row.state, row.qty_approved_units) for row in lines.itertuples()}


TWO_LANES = [("L1", "A", "TX_2", 2, 50.0), ("L2", "B", "TX_2", 1, 20.0), ("L3", "A", "WI_3", 1, 30.0)]


def test_one_file_per_lane_with_the_contracted_contents(tmp_path: Path) -> None:
    ledger, outbox = approved(tmp_path, TWO_LANES), tmp_path / "outbox"
    result = dispatch(ledger, outbox, stock(A=100, B=100), DAY, "t")
    tx, wi = transfer_id_of(DAY, "CA_1>TX_2:road"), transfer_id_of(DAY, "CA_1>WI_3:road")
    assert sorted(result.sent) == sorted([tx, wi])
    assert set(files(outbox)) == {f"2016-04-24/{tx}.json", f"2016-04-24/{wi}.json"}
    body = json.loads(files(outbox)[f"2016-04-24/{tx}.json"])
    key = body.pop("idempotency_key")
    assert body == {
        "format": "evenstock-dispatch/1",
        "transfer_id": tx,
        "lane_id": "CA_1>TX_2:road",
        "origin": "CA_1",
        "destination": "TX_2",
        "mode": "road",
        "as_of": "2016-04-24",
        "ship_date": "2016-04-25",
        "expected_arrival_date": "2016-04-28",
        "lines": [{"line_id": "L1", "item_id": "A", "units": 12}, {"line_id": "L2", "item_id": "B", "units": 6}],
    }
    payload = hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    assert key == hashlib.sha256(f"{tx}|{payload}".encode()).hexdigest()
    assert states(ledger) == {"L1": ("released", 12), "L2": ("released", 6), "L3": ("released", 6)}


def test_dispatching_again_changes_no_byte(tmp_path: Path) -> None:
    ledger, outbox = approved(tmp_path, TWO_LANES), tmp_path / "outbox"
    dispatch(ledger, outbox, stock(A=100, B=100), DAY, "t")
    before, decisions = files(outbox), len(ledger.decisions())
    again = dispatch(ledger, outbox, stock(A=100, B=100), DAY, "later")
    assert (again.sent, again.healed, again.refused) == ((), (), {})
    assert (files(outbox), len(ledger.decisions())) == (before, decisions)


def test_a_scarce_donor_serves_the_most_valuable_first_in_whole_packs(tmp_path: Path) -> None:
    rows = [("L1", "A", "TX_2", 2, 10.0), ("L2", "A", "WI_3", 2, 90.0), ("L3", "A", "NY_4", 1, 5.0)]
    ledger = approved(tmp_path, rows)
    result = dispatch(ledger, tmp_path / "outbox", stock(A=20), DAY, "t")
    assert states(ledger) == {"L1": ("released", 6), "L2": ("released", 12), "L3": ("cancelled", 0)}
    assert result.reduced == {"L1": "sent 6: CA_1 has 8 units of A available for 12 approved"}
    assert result.refused == {"L3": "not sent: CA_1 has 2 units of A available for 6 approved"}
    assert ledger.decisions("L3").iloc[-1]["reason"] == result.refused["L3"]
    assert ledger.decisions("L1").iloc[-1]["reason"] == result.reduced["L1"]


@pytest.mark.parametrize("units", [0, 5, -7])
def test_nothing_available_sends_nothing(tmp_path: Path, units: int) -> None:
    ledger = approved(tmp_path, [("L1", "A", "TX_2", 2, 10.0)])
    result = dispatch(ledger, tmp_path / "outbox", stock(A=units), DAY, "t")
    assert (list(result.refused), files(tmp_path / "outbox")) == (["L1"], {})


def test_an_item_the_donor_does_not_stock_sends_nothing(tmp_path: Path) -> None:
    ledger = approved(tmp_path, [("L1", "A", "TX_2", 2, 10.0)])
    assert list(dispatch(ledger, tmp_path / "outbox", stock(B=50), DAY, "t").refused) == ["L1"]


def test_lines_approved_later_travel_in_a_second_wave_against_what_is_left(tmp_path: Path) -> None:
    ledger, outbox = open_ledger(tmp_path), tmp_path / "outbox"
    ledger.propose(RunRecord("r1", DAY), plan([("L1", "A", "TX_2", 2, 50.0), ("L2", "A", "TX_2", 2, 20.0)]), "d1", "t")
    ledger.decide("L1", "approve", "ana", "", "d1", "t")
    first = dispatch(ledger, outbox, stock(A=18), DAY, "t")
    before = files(outbox)
    ledger.decide("L2", "approve", "ana", "", "d1", "t")
    second = dispatch(ledger, outbox, stock(A=18), DAY, "t")
    assert second.sent == (f"{first.sent[0]}-2",)
    assert states(ledger)["L2"] == ("released", 6)
    assert {name: data for name, data in files(outbox).items() if name in before} == before


def test_lines_of_an_older_plan_use_the_units_already_kept_for_them(tmp_path: Path) -> None:
    ledger = approved(tmp_path, [("L1", "A", "TX_2", 2, 10.0)])
    ledger.propose(RunRecord("r2", NEXT), plan([], NEXT).reindex(columns=plan(TWO_LANES).columns), "d2", "t")
    # Availability of the next day is net of the 12 firm units: none is left for anybody else, but these are theirs.
    result = dispatch(ledger, tmp_path / "outbox", inputs(on_hand=12, firm_out=12), NEXT, "t")
    assert (len(result.sent), states(ledger)["L1"]) == (1, ("released", 12))


@pytest.mark.parametrize(("on_hand", "sent"), [(12, 12), (11, 6), (6, 6), (5, 0), (0, 0)])
def test_lines_of_an_older_plan_never_ship_what_has_gone_since(tmp_path: Path, on_hand: int, sent: int) -> None:
    ledger = approved(tmp_path, [("L1", "A", "TX_2", 2, 10.0)])
    ledger.propose(RunRecord("r2", NEXT), plan([], NEXT).reindex(columns=plan(TWO_LANES).columns), "d2", "t")
    dispatch(ledger, tmp_path / "outbox", inputs(on_hand=on_hand, firm_out=12), NEXT, "t")
    assert states(ledger)["L1"] == (("released", sent) if sent else ("cancelled", 0))


def inputs(on_hand: int, firm_out: int) -> pd.DataFrame:
    row = {"location_id": "CA_1", "item_id": "A", "on_hand_units": on_hand, "reserved_units": 0, "blocked_units": 0}
    return pd.DataFrame([row | {"firm_out_units": firm_out, "available_units": max(0, on_hand - firm_out)}])


class Crash(RuntimeError):
    """Stands for a kill at a write boundary."""


def crash_on(method: str, count: int, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    target: Any = sending if method == "_write_once" else ledger
    real, calls = getattr(target, method), {"n": 0}

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        calls["n"] += 1
        if calls["n"] == count and not after:
            raise Crash
        result = real(*args, **kwargs)
        if calls["n"] == count:
            raise Crash
        return result

    monkeypatch.setattr(target, method, wrapper)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("method", "count"),
    [*((m, n) for m in ("record_dispatch", "_write_once", "release_dispatch") for n in (1, 2)), ("cancel_undeliverable", 1)],
)
def test_a_crash_at_any_boundary_is_healed_by_running_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, count: int, after: bool
) -> None:
    rows = [*TWO_LANES, ("L4", "C", "TX_2", 1, 1.0)]
    available = stock(A=19, B=100)
    whole = approved(tmp_path / "whole", rows)
    dispatch(whole, tmp_path / "whole" / "outbox", available, DAY, "t")
    broken = approved(tmp_path / "broken", rows)
    with monkeypatch.context() as patch:
        crash_on(method, count, broken, patch, after=after)
        with pytest.raises(Crash):
            dispatch(broken, tmp_path / "broken" / "outbox", available, DAY, "t")
    reopened = open_ledger(tmp_path / "broken")
    dispatch(reopened, tmp_path / "broken" / "outbox", available, DAY, "t")
    assert files(tmp_path / "broken" / "outbox") == files(tmp_path / "whole" / "outbox")
    assert states(reopened) == states(whole)
    assert reopened.ledger_digest(NEXT) == whole.ledger_digest(NEXT)
    assert reopened.verify_chain().ok


class Overtaken:
    """The real ledger, but another hand dispatches everything just after this one has read which lines wait."""

    def __init__(self, ledger: Ledger, overtake: Any) -> None:
        self._ledger, self._overtake = ledger, overtake

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def committed_units(self, as_of: date) -> pd.DataFrame:
        overtake, self._overtake = self._overtake, lambda: None
        overtake()
        return self._ledger.committed_units(as_of)


def test_a_hand_that_another_overtakes_sends_what_is_left_and_nothing_twice(tmp_path: Path) -> None:
    ledger = approved(tmp_path, [("L1", "I1", "TX_1", 2, 9.0), ("L2", "I2", "TX_2", 1, 5.0)])
    available = stock(I1=100, I2=100)

    def overtake() -> None:
        dispatch(ledger, tmp_path / "outbox", available, DAY, "t")

    done = dispatch(Overtaken(ledger, overtake), tmp_path / "outbox", available, DAY, "t")
    assert (done.sent, done.refused) == ((), {})
    orders = [json.loads(body) for body in files(tmp_path / "outbox").values()]
    assert sorted(line["line_id"] for order in orders for line in order["lines"]) == ["L1", "L2"]
    assert ledger.decisions()["action"].tolist().count("release") == 2 and ledger.open_dispatches() == []
