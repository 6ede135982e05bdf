"""Many hands at once: opening a new ledger, approving, dispatching the same line from threads and processes has one effect."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipelines.domain.errors import DecisionRefused
from pipelines.store.ledger import Ledger, RunRecord, open_ledger

DAY = date(2016, 4, 24)
HANDS = 8
LINES = 25


def plan() -> pd.DataFrame:
    names = [f"L{i:02d}" for i in range(LINES)]
    shared = {"lane_id": "A>B:road", "origin": "A", "destination": "B", "mode": "road", "packs": 1, "units": 5}
    money = {"ship_date": DAY, "arrival_date": DAY + timedelta(days=3), "benefit_usd": 9.0, "cost_usd": 1.0, "net_usd": 8.0}
    return pd.DataFrame({"line_id": names, "item_id": [f"I{name}" for name in names]}).assign(**shared, **money)


def approve(ledger: Ledger, line_id: str, actor: str) -> bool:
    try:
        ledger.decide(line_id, "approve", actor, "", "d1", "t")
    except DecisionRefused:
        return False
    return True


def test_eight_threads_approve_the_same_lines_once(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.propose(RunRecord("r1", DAY), plan(), "d1", "t")
    work = [(f"L{i:02d}", f"hand{hand}") for i in range(LINES) for hand in range(HANDS)]
    with ThreadPoolExecutor(HANDS) as pool:
        won = list(pool.map(lambda job: approve(ledger, *job), work))
    assert len(work) == 200
    assert sum(won) == LINES
    assert len(ledger.decisions()) == LINES
    assert ledger.verify_chain().ok


HAND = """
import sys
from pathlib import Path
from pipelines.domain.errors import DecisionRefused
from pipelines.store.ledger import open_ledger
ledger, won = open_ledger(Path(sys.argv[1])), 0
for i in range(int(sys.argv[2])):
    try:
        ledger.decide(f"L{i:02d}", "approve", sys.argv[3], "", "d1", "t")
        won += 1
    except DecisionRefused:
        pass
print(won)
"""


def test_processes_approve_the_same_lines_once(tmp_path: Path) -> None:
    open_ledger(tmp_path).propose(RunRecord("r1", DAY), plan(), "d1", "t")
    hands = [
        subprocess.Popen([sys.executable, "-c", HAND, str(tmp_path), str(LINES), f"hand{n}"], stdout=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    won = [int(hand.communicate(timeout=120)[0]) for hand in hands]
    assert sum(won) == LINES
    assert open_ledger(tmp_path).verify_chain().rows == LINES
    assert open_ledger(tmp_path).verify_chain().ok


def test_a_new_ledger_is_opened_by_many_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(HANDS) as pool:
        ledgers = list(pool.map(lambda _: open_ledger(tmp_path), range(HANDS)))
    ledgers[0].propose(RunRecord("r1", DAY), plan(), "d1", "t")
    assert all(len(ledger.current_lines("r1")) == LINES for ledger in ledgers)


def test_the_same_run_proposed_by_many_is_proposed_once(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    with ThreadPoolExecutor(HANDS) as pool:
        list(pool.map(lambda _: ledger.propose(RunRecord("r1", DAY), plan(), "d1", "t"), range(HANDS)))
    assert len(ledger.current_lines("r1")) == LINES
    assert len(ledger.decisions()) == 0


def test_the_same_dispatch_recorded_and_released_by_many_has_one_effect(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.propose(RunRecord("r1", DAY), plan(), "d1", "t")
    ledger.decide("L00", "approve", "ana", "", "d1", "t")
    body = '{"lines":[{"line_id":"L00","units":5}]}'
    own = {"transfer_id": "T1", "idempotency_key": "k", "run_id": "r1", "as_of": DAY, "lane_id": "A>B:road"}

    def send(_: int) -> int:
        ledger.record_dispatch(**own, body=body, decided_at="t")
        return ledger.release_dispatch("T1", "t")

    with ThreadPoolExecutor(HANDS) as pool:
        released = list(pool.map(send, range(HANDS)))
    assert sorted(released) == [0] * (HANDS - 1) + [1]
    assert list(ledger.decisions()["action"]) == ["approve", "release"]


def test_a_line_is_never_on_two_dispatches_at_a_time(tmp_path: Path) -> None:
    """Two hands plan the same line into different waves of a lane: the one that comes second is refused while the first is under way."""
    ledger = open_ledger(tmp_path)
    ledger.propose(RunRecord("r1", DAY), plan(), "d1", "t")
    ledger.decide(["L00", "L01"], "approve", "ana", "", "d1", "t")
    own = {"run_id": "r1", "as_of": DAY, "lane_id": "A>B:road", "decided_at": "t"}
    one, both = (json.dumps({"lines": [{"line_id": name, "units": 5} for name in names]}) for names in (["L00"], ["L00", "L01"]))
    ledger.record_dispatch(transfer_id="T1", idempotency_key="k1", body=one, **own)
    with pytest.raises(DecisionRefused, match="line L00 is being sent with transfer T1 at this moment"):
        ledger.record_dispatch(transfer_id="T1-2", idempotency_key="k2", body=both, **own)
    assert ledger.release_dispatch("T1", "t") == 1
    with pytest.raises(DecisionRefused, match="cannot release a line that is released"):
        ledger.record_dispatch(transfer_id="T1-2", idempotency_key="k2", body=both, **own)
    assert ledger.dispatched_lines()["line_id"].tolist() == ["L00"]
