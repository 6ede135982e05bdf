"""What a run reads of the ledger depends on its date only: repeating an old day reads what it read then."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipelines.domain.errors import DecisionRefused, UsageError
from pipelines.domain.outcome import ReceiptEvent, TransferEvent, fold_outcome
from pipelines.domain.transfer import transfer_id_of
from pipelines.store.ledger import Ledger, RunRecord, open_ledger

DAY = date(2016, 4, 24)
NEXT, THIRD = DAY + timedelta(days=1), DAY + timedelta(days=2)
COLUMNS = [
    *("line_id", "run_id", "plan_as_of", "transfer_id", "item_id", "origin", "destination", "mode", "lane_id"),
    *("qty_planned_units", "qty_approved_units", "expected_ship_date", "expected_arrival_date"),
    *("net_usd", "benefit_usd", "cost_usd", "state"),
]


def plan(*names: str, day: date = DAY) -> pd.DataFrame:
    shared = {"lane_id": "A>B:road", "origin": "A", "destination": "B", "mode": "road", "packs": 1, "units": 5}
    money = {"ship_date": day, "arrival_date": day + timedelta(days=3), "benefit_usd": 9.0, "cost_usd": 1.0, "net_usd": 8.0}
    return pd.DataFrame({"line_id": list(names), "item_id": [f"I{name}" for name in names]}).assign(**shared, **money)


def send(ledger: Ledger, *names: str, transfer_id: str = "T1", run_id: str = "r1", day: date = DAY) -> None:
    lines = ",".join(f'{{"line_id":"{name}","units":5}}' for name in names)
    own = {"transfer_id": transfer_id, "idempotency_key": transfer_id, "run_id": run_id, "as_of": day, "lane_id": "A>B:road"}
    ledger.record_dispatch(**own, body=f'{{"lines":[{lines}]}}', decided_at="t")
    ledger.release_dispatch(transfer_id, "t")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = open_ledger(tmp_path)
    opened.propose(RunRecord("r1", DAY), plan("L1", "L2", "L3"), "d1", "t")
    opened.decide(["L1", "L2"], "approve", "ana", "", "d1", "t")
    send(opened, "L1")
    return opened


def seen(ledger: Ledger, as_of: date) -> dict[str, tuple[str, int]]:
    frame = ledger.transfer_lines(as_of)
    return {row.line_id: (row.state, row.qty_approved_units) for row in frame.itertuples()}


def test_the_frame_has_the_contracted_columns_also_when_empty(ledger: Ledger) -> None:
    assert list(ledger.transfer_lines(DAY).columns) == COLUMNS
    frame = ledger.transfer_lines(NEXT)
    assert list(frame.columns) == COLUMNS
    assert set(frame["plan_as_of"]) == {DAY}
    assert frame["transfer_id"].tolist() == ["T1", transfer_id_of(DAY, "A>B:road"), transfer_id_of(DAY, "A>B:road")]


def test_a_run_never_reads_its_own_plan(ledger: Ledger) -> None:
    assert seen(ledger, DAY) == {}
    assert seen(ledger, NEXT) == {"L1": ("released", 5), "L2": ("approved", 5), "L3": ("proposed", 0)}


def test_repeating_a_day_reads_what_it_read(ledger: Ledger) -> None:
    digests = {day: ledger.ledger_digest(day) for day in (DAY, NEXT)}
    frame = ledger.transfer_lines(NEXT)
    ledger.propose(RunRecord("r2", NEXT), plan("M1", day=NEXT), "d2", "t")
    ledger.decide(["M1"], "approve", "ana", "", "d2", "t")
    ledger.decide(["L2"], "cancel", "ana", "", "d2", "t")
    shipped = fold_outcome("L1", 5, [TransferEvent("L1", "shipped", pd.Timestamp(THIRD), 5, 5)], [])
    ledger.record_progress([shipped], THIRD, "t")
    assert {day: ledger.ledger_digest(day) for day in (DAY, NEXT)} == digests
    pd.testing.assert_frame_equal(frame, ledger.transfer_lines(NEXT))
    assert seen(ledger, THIRD) == {"L1": ("shipped", 5), "L2": ("cancelled", 0), "M1": ("approved", 5)}


def test_digests_ignore_wall_times(tmp_path: Path) -> None:
    digests = set()
    for name in ("morning", "evening"):
        other = open_ledger(tmp_path / name)
        other.propose(RunRecord("r1", DAY), plan("L1", "L2"), "d1", name)
        other.decide(["L1"], "approve", "ana", "", "d1", name)
        digests.add((other.ledger_digest(NEXT), other.feedback_digest(NEXT)))
    assert len(digests) == 1


def test_digests_see_a_decision(ledger: Ledger) -> None:
    before = ledger.ledger_digest(NEXT)
    ledger.decide("L3", "approve", "ana", "", "d1", "t")
    assert ledger.ledger_digest(NEXT) != before
    assert ledger.ledger_digest(DAY) == ledger.ledger_digest(DAY - timedelta(days=9))


def test_a_repeated_day_shows_each_line_once_and_the_firm_one_first(ledger: Ledger) -> None:
    ledger.propose(RunRecord("r1b", DAY), plan("L1", "L3"), "d1b", "t")
    frame = ledger.transfer_lines(NEXT)
    assert dict(zip(frame["line_id"], zip(frame["run_id"], frame["state"], strict=True), strict=True)) == {
        "L1": ("r1", "released"),
        "L2": ("r1", "approved"),
        "L3": ("r1b", "proposed"),
    }


def test_progress_walks_every_step_and_is_idempotent(ledger: Ledger) -> None:
    at = pd.Timestamp(NEXT)
    receipt = ReceiptEvent("R1", "L1", at, 5, 3, 1, 1)
    outcome = fold_outcome("L1", 5, [TransferEvent("L1", "shipped", at, 5, 5)], [receipt])
    first = ledger.record_progress([outcome], NEXT, "t")
    again = ledger.record_progress([outcome], NEXT, "t")
    assert (first.moved, first.outcomes_written, again.moved, again.outcomes_written) == (("L1",), 1, (), 0)
    assert list(ledger.decisions("L1")["action"]) == ["approve", "release", "pick", "ship", "receive"]
    stored = ledger.outcomes(NEXT).iloc[0]
    assert (stored["qty_received_units"], stored["qty_damaged_units"], stored["qty_short_units"]) == (3, 1, 1)
    assert len(ledger.outcomes(DAY)) == 0


def test_goods_shipped_after_a_cancellation_are_followed(ledger: Ledger) -> None:
    ledger.decide("L1", "cancel", "ana", "too late", "d1", "t")
    outcome = fold_outcome("L1", 5, [TransferEvent("L1", "shipped", pd.Timestamp(NEXT), 5, 5)], [])
    ledger.record_progress([outcome], NEXT, "t")
    assert seen(ledger, NEXT)["L1"] == ("shipped", 5)
    assert ledger.verify_chain().ok


def test_a_dispatch_key_answers_once(ledger: Ledger) -> None:
    own = {"run_id": "r1", "as_of": DAY, "lane_id": "A>B:road", "decided_at": "t"}
    body = '{"lines":[{"line_id":"L2","units":5}]}'
    first = ledger.record_dispatch(transfer_id="T2", idempotency_key="k2", body=body, **own)
    assert ledger.record_dispatch(transfer_id="T2", idempotency_key="k2", body=body, **own) == first
    for transfer_id, key in (("T2", "k2"), ("T2", "k3"), ("T3", "k2")):
        with pytest.raises(DecisionRefused, match="already dispatched with other contents"):
            ledger.record_dispatch(transfer_id=transfer_id, idempotency_key=key, body=body.replace("5", "4"), **own)
    with pytest.raises(DecisionRefused, match="line L3: cannot release a line that is proposed"):
        ledger.record_dispatch(transfer_id="T4", idempotency_key="k4", body=body.replace("L2", "L3"), **own)
    with pytest.raises(DecisionRefused, match="'T9' was never recorded"):
        ledger.release_dispatch("T9", "t")


def learned(value: float, as_of: date = DAY, scope: str = "lane:A>B:road", old: float | None = 4.0) -> dict[str, object]:
    own = {"parameter": "lead_time_days_mean", "scope": scope, "old_value": old, "new_value": value, "evidence_n": 3.0}
    return {**own, "rule": "r", "run_id": "r1", "as_of": as_of, "valid_from": as_of + timedelta(days=1), "detail": {"n": 3}}


def values(ledger: Ledger, as_of: date) -> dict[str, float]:
    frame = ledger.feedback_at(as_of)
    return dict(zip(frame["scope"], frame["new_value"], strict=True))


def test_learning_is_read_from_the_next_day_on(ledger: Ledger) -> None:
    assert ledger.append_feedback([learned(5.0)], DAY) == 1
    assert values(ledger, DAY) == {}
    assert values(ledger, NEXT) == {"lane:A>B:road": 5.0}
    ledger.append_feedback([learned(6.0, NEXT, old=5.0)], NEXT)
    assert (values(ledger, NEXT), values(ledger, THIRD)) == ({"lane:A>B:road": 5.0}, {"lane:A>B:road": 6.0})


def test_running_a_day_again_adds_nothing(ledger: Ledger) -> None:
    rows = pd.DataFrame([learned(5.0), learned(7.0, scope="lane:A>C:road")])
    assert ledger.append_feedback(rows, DAY) == 2
    digest = ledger.feedback_digest(NEXT)
    assert ledger.append_feedback(rows.iloc[::-1], DAY) == 0
    assert ledger.feedback_digest(NEXT) == digest


def test_a_corrected_day_replaces_and_takes_back(ledger: Ledger) -> None:
    ledger.append_feedback([learned(5.0), learned(7.0, scope="lane:A>C:road")], DAY)
    assert ledger.append_feedback([learned(4.5)], DAY) == 2
    assert values(ledger, NEXT) == {"lane:A>B:road": 4.5, "lane:A>C:road": 4.0}
    assert ledger.append_feedback([learned(4.5)], DAY) == 0
    assert ledger.append_feedback([learned(5.0), learned(7.0, scope="lane:A>C:road")], DAY) == 2
    assert values(ledger, NEXT) == {"lane:A>B:road": 5.0, "lane:A>C:road": 7.0}


def test_feedback_of_another_day_is_refused(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="is known at 2016-04-25, not at 2016-04-24"):
        ledger.append_feedback([learned(5.0, NEXT)], DAY)
