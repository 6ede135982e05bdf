"""One edited, added or removed decision row is found, wherever it is: 100 tamperings drawn by seed."""

import random
import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipelines.store.ledger import Ledger, RunRecord, open_ledger

DAY = date(2016, 4, 24)
TAMPERINGS = 100
EDITABLE = (
    *("line_id", "run_id", "plan_digest", "from_state", "to_state", "action", "actor", "reason", "before", "after"),
    *("qty_units", "transfer_id", "effective_from", "decided_at", "prev_hash", "row_hash"),
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("chain")
    ledger = open_ledger(home)
    lines = pd.DataFrame(
        {
            "line_id": [f"L{i:02d}" for i in range(24)],
            "item_id": [f"I{i:02d}" for i in range(24)],
            "lane_id": "A>B:road",
            "origin": "A",
            "destination": "B",
            "mode": "road",
            "packs": 1,
            "units": 5,
            "ship_date": DAY,
            "arrival_date": DAY + timedelta(days=3),
            "benefit_usd": 9.0,
            "cost_usd": 1.0,
            "net_usd": 8.0,
        }
    )
    ledger.propose(RunRecord("r1", DAY), lines, "d1", "t0")
    ledger.decide([f"L{i:02d}" for i in range(12)], "approve", "ana", "good", "d1", "t1")
    ledger.decide([f"L{i:02d}" for i in range(12, 16)], "reject", "ben", "bad", "d1", "t2")
    ledger.decide([f"L{i:02d}" for i in range(6)], "cancel", "ana", "no", "d1", "t3")
    assert ledger.verify_chain().ok
    assert ledger.verify_chain().rows == 22
    return home / "ledger.sqlite"


def copy_of(original: Path, folder: Path) -> sqlite3.Connection:
    source, target = sqlite3.connect(original), sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
    source.backup(target)
    source.close()
    for verb in ("update", "delete"):
        target.execute(f"DROP TRIGGER decisions_no_{verb}")
    target.execute("PRAGMA foreign_keys = OFF")
    return target


def tamper(connection: sqlite3.Connection, luck: random.Random) -> str:
    rows = connection.execute("SELECT count(*) FROM decisions").fetchone()[0]
    seq = luck.randint(1, rows)
    kind = luck.choice(["edit", "edit", "edit", "remove", "remove_last", "swap", "copy", "remove_and_renumber", "state"])
    if kind == "edit":
        column = luck.choice(EDITABLE)
        connection.execute(f"UPDATE decisions SET {column} = coalesce({column}, '') || '1' WHERE seq = ?", (seq,))
        return f"edit {column} of {seq}"
    if kind == "remove":
        connection.execute("DELETE FROM decisions WHERE seq = ?", (seq,))
    elif kind == "remove_last":
        connection.execute("DELETE FROM decisions WHERE seq = ?", (rows,))
    elif kind == "swap":
        other = seq % rows + 1
        for old, new in ((seq, -1), (other, seq), (-1, other)):
            connection.execute("UPDATE decisions SET seq = ? WHERE seq = ?", (new, old))
    elif kind == "copy":
        names = [row[1] for row in connection.execute("PRAGMA table_info(decisions)")]
        values = ", ".join({"seq": str(rows + 1), "row_hash": "'forged'"}.get(name, f'"{name}"') for name in names)
        connection.execute(f"INSERT INTO decisions SELECT {values} FROM decisions WHERE seq = ?", (seq,))
    elif kind == "remove_and_renumber":
        connection.execute("DELETE FROM decisions WHERE seq = ?", (seq,))
        connection.execute("UPDATE decisions SET seq = -seq WHERE seq > ?", (seq,))
        connection.execute("UPDATE decisions SET seq = -seq - 1 WHERE seq < 0")
    else:
        connection.execute("UPDATE plan_lines SET state = 'closed' WHERE line_id = ?", (f"L{luck.randint(0, 23):02d}",))
    return f"{kind} {seq}"


def test_every_tampering_is_found(original: Path, tmp_path: Path) -> None:
    missed = []
    for seed in range(TAMPERINGS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        connection = copy_of(original, folder)
        what = tamper(connection, random.Random(seed))
        connection.close()
        if Ledger(f"sqlite:///{folder / 'ledger.sqlite'}").verify_chain().ok:
            missed.append(what)
    assert missed == []


def test_an_untouched_copy_is_sound(original: Path, tmp_path: Path) -> None:
    copy_of(original, tmp_path).close()
    assert Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}").verify_chain().problems == ()


def test_the_finding_names_the_row(original: Path, tmp_path: Path) -> None:
    connection = copy_of(original, tmp_path)
    connection.execute("UPDATE decisions SET actor = 'mallory' WHERE seq = 7")
    connection.close()
    problems = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}").verify_chain().problems
    assert problems == ("decision 7 (line L06, approve) was changed after it was written",)


@pytest.mark.parametrize("statement", ["UPDATE decisions SET actor = 'x'", "DELETE FROM decisions"])
def test_the_database_itself_refuses_changes(original: Path, statement: str) -> None:
    connection = sqlite3.connect(original)
    with pytest.raises(sqlite3.IntegrityError, match="decisions is append-only"):
        connection.execute(statement)
    connection.close()
