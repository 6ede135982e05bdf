"""Four processes do the same thing at the same time to every line: approve it, release it, receive it. Each has one effect.

200 duplicates of each kind in the suite, 1,000 in the soak. Nobody holds the lease here: the ledger alone has to stand it.
"""

import json
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipelines.store.ledger import RunRecord, open_ledger

DAY = date(2016, 4, 24)
HANDS, CI_LINES, SOAK_LINES = 4, 50, 250
LANES = 10

# A hand says that it is ready and waits for the word, so that all four start each kind of work together.
HAND = """
import random, sys
from datetime import date, timedelta
from pathlib import Path
import pandas as pd
from pipelines.domain.errors import DecisionRefused
from pipelines.execution.dispatch import dispatch
from pipelines.execution.reconcile import reconcile
from pipelines.store.ledger import open_ledger

home, lines, seed, day = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), date(2016, 4, 24)
ledger, rng = open_ledger(home), random.Random(seed)
stock = pd.DataFrame({"location_id": "A", "item_id": [f"I{i:03d}" for i in range(lines)], "available_units": 5})

def ready(said):
    print(said, flush=True)
    sys.stdin.readline()

def approve(name):
    try:
        ledger.decide(name, "approve", f"hand{seed}", "", "d1", "t")
        return 1
    except DecisionRefused:
        return 0

ready("approve")
won = sum(approve(f"L{i:03d}") for i in range(lines))
ready(won)
sent = [name for _ in range(3) for name in dispatch(ledger, home / "outbox", stock, day, "t").sent]
ready(len(sent))
at = pd.Timestamp(day) + pd.Timedelta(days=1)
found = ledger.dispatched_lines()
rows = [{"transfer_id": r.transfer_id, "line_id": r.line_id, "qty_picked": 5, "qty_shipped": 5, "state": state, "at": at}
        for r in found.itertuples() for state in ("picked", "shipped")]
good = [{"receipt_id": f"R{r.line_id}", "reference_type": "transfer", "reference_id": r.transfer_id, "line_id": r.line_id,
         "item_id": r.item_id, "qty_expected": 5, "qty_received": 4, "qty_damaged": 1, "qty_short": 0, "qty_over": 0,
         "received_at": at + pd.Timedelta(days=2)} for r in found.itertuples()]
moved = 0
for _ in range(max(1, lines // 10)):
    twice = [pd.DataFrame(rng.sample(part * 2, 2 * len(part))) for part in (rows, good)]
    moved += len(reconcile(ledger, *twice, day + timedelta(days=4), "t").moved)
ready(moved)
"""


def plan(lines: int) -> pd.DataFrame:
    modes = [f"road{i % LANES}" for i in range(lines)]
    shared = {"origin": "A", "destination": "B", "packs": 1, "units": 5, "ship_date": DAY}
    money = {"arrival_date": DAY + timedelta(days=3), "benefit_usd": 9.0, "cost_usd": 1.0, "net_usd": 8.0}
    frame = pd.DataFrame({"line_id": [f"L{i:03d}" for i in range(lines)], "item_id": [f"I{i:03d}" for i in range(lines)]})
    return frame.assign(mode=modes, lane_id=[f"A>B:{mode}" for mode in modes], **shared, **money)


def play(home: Path, lines: int) -> list[list[int]]:
    """What the hands tell after each kind of work: lines approved, transfers sent, lines moved."""
    command = [sys.executable, "-c", HAND, str(home), str(lines)]
    hands = [subprocess.Popen([*command, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for n in range(HANDS)]
    told = []
    try:
        for _ in range(4):
            told.append([hand.stdout.readline().strip() for hand in hands])
            assert all(told[-1]), f"a hand died: {told}"
            for hand in hands:
                hand.stdin.write("go\n")
                hand.stdin.flush()
        assert [hand.wait(60) for hand in hands] == [0] * HANDS
    finally:
        for hand in hands:
            hand.kill()
            hand.wait()
    return [[int(count) for count in counts] for counts in told[1:]]


def check(home: Path, lines: int) -> None:
    open_ledger(home).propose(RunRecord("r1", DAY), plan(lines), "d1", "t")
    approved, sent, moved = play(home, lines)
    ledger, everybody = open_ledger(home), {f"L{i:03d}" for i in range(lines)}
    assert sum(approved) == lines
    orders = {path.stem: json.loads(path.read_text()) for path in (home / "outbox").glob("*/*.json")}
    carried = Counter(line["line_id"] for order in orders.values() for line in order["lines"])
    assert carried == Counter(everybody), f"sent more or less than once: {[c for c in carried.items() if c[1] != 1][:5]}"
    assert set(orders) == set(ledger.dispatched_lines()["transfer_id"]) and ledger.open_dispatches() == []
    trail = ledger.decisions()
    for action in ("approve", "release", "pick", "ship", "receive"):
        done = Counter(trail.query("action == @action")["line_id"])
        assert done == Counter(everybody), (action, [c for c in done.items() if c[1] != 1][:5])
    units = {"qty_received_units": 4 * lines, "qty_damaged_units": lines, "qty_shipped_units": 5 * lines, "qty_lost_units": 0}
    outcomes = ledger.outcomes(DAY + timedelta(days=4))
    assert {name: int(outcomes[name].sum()) for name in units} == units and len(outcomes) == lines
    assert ledger.verify_chain().ok
    each = HANDS * lines
    print(f"\n{each} approvals, {each} releases and {each} receipts by {HANDS} processes, one effect each: {sent} sent, {moved} moved")


def test_200_concurrent_duplicates_have_one_effect(tmp_path: Path):
    check(tmp_path, CI_LINES)


@pytest.mark.soak
def test_1000_concurrent_duplicates_have_one_effect(tmp_path: Path):
    check(tmp_path, SOAK_LINES)
