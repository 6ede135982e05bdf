"""A ledger of the release before, with real rows, read and written by today's code; one of a release to come is refused."""

import json
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from pipelines.domain.errors import InputRefused
from pipelines.store.ledger import Ledger, RunRecord, open_ledger
from pipelines.store.ledger_chain import FIRST_HASH, canonical_json, seal
from pipelines.store.ledger_migration import MIGRATIONS, bring_to_head, current_revision, known_revisions
from pipelines.store.ledger_tables import HEAD_REVISION, make_engine

DAY = date(2016, 4, 24)
BEFORE = "0002"
LINES = ("L1", "L2", "L3")


def line_values(line_id: str) -> dict:
    place = {"item_id": f"I{line_id}", "lane_id": "A>B:road", "origin": "A", "destination": "B", "mode": "road"}
    figures = {"packs": 2, "units": 10, "benefit_usd": 9.5, "cost_usd": 1.0, "net_usd": 8.5, "donor_available_units": 40}
    return {"line_id": line_id, "ship_date": DAY, "arrival_date": DAY + timedelta(days=3)} | place | figures


def decision_values(seq: int, line_id: str, prev_hash: str) -> dict:
    row = {"seq": seq, "line_id": line_id, "run_id": "r1", "plan_digest": "d1", "from_state": "proposed", "to_state": "approved"}
    row |= {"action": "approve", "actor": "ana", "reason": "dock is free", "before": "{}", "after": "{}", "qty_units": 10}
    row |= {"transfer_id": None, "effective_from": DAY + timedelta(days=1), "decided_at": "2016-04-25T08:00:00+00:00"}
    return row | {"prev_hash": prev_hash, "row_hash": seal(row, prev_hash)}


def insert(connection: sa.Connection, table: str, values: dict) -> None:
    """By plain SQL on the tables as the release before had them: today's metadata knows columns that are not there."""
    names = ", ".join(values)
    connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(':' + name for name in values)})"), values)


@pytest.fixture
def old_ledger(tmp_path: Path) -> Path:
    """The tables of the release before, made by its own migrations, with a plan, decisions, a dispatch and feedback in them."""
    file = tmp_path / "ledger.sqlite"
    engine = make_engine(f"sqlite:///{file}")
    bring_to_head(engine, BEFORE)
    with engine.connect().execution_options(evenstock_write=True) as connection, connection.begin():
        run = {"run_id": "r1", "as_of": DAY, "status": "OPTIMAL", "plan_digest": "d1", "objective_usd": 25.5, "gap_share": 0.0}
        insert(connection, "runs", run | {"detail": "{}", "proposed_seq": 1})
        for line_id in LINES:
            state = ("approved", 10) if line_id != "L3" else ("proposed", 0)
            own = {"run_id": "r1", "as_of": DAY, "state": state[0], "qty_now_units": state[1]}
            insert(connection, "plan_lines", line_values(line_id) | own)
        prev_hash = FIRST_HASH
        for seq, line_id in enumerate(LINES[:2], start=1):
            row = decision_values(seq, line_id, prev_hash)
            insert(connection, "decisions", row)
            prev_hash = row["row_hash"]
        connection.execute(sa.text("UPDATE chain_heads SET rows = 2, head_hash = :head"), {"head": prev_hash})
        body = canonical_json({"lines": [{"line_id": "L1", "units": 10}]})
        dispatch = {"transfer_id": "T1", "idempotency_key": "k1", "run_id": "r1", "as_of": DAY, "lane_id": "A>B:road", "body": body}
        insert(connection, "dispatches", dispatch | {"status": "intended", "decided_at": "t"})
        feedback = {"seq": 1, "feedback_id": "f1", "parameter": "yield_share", "scope": "lane:A>B:road", "new_value": 0.97}
        more = {"evidence_n": 3.0, "rule": "mean", "run_id": "r1", "as_of": DAY, "valid_from": DAY + timedelta(days=1), "detail": "{}"}
        insert(connection, "feedback", feedback | more)
    return file


def revision_of(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def check_rows(ledger: Ledger) -> None:
    assert ledger.verify_chain().ok and ledger.verify_chain().rows == 2
    lines = ledger.current_lines("r1").set_index("line_id")
    assert lines["state"].to_dict() == {"L1": "approved", "L2": "approved", "L3": "proposed"}
    assert lines.loc["L1", "ship_date"] == DAY and lines["net_usd"].sum() == 25.5
    assert ledger.current_run()["plan_digest"] == "d1" and ledger.find_run("r1")["provenance"] is None
    assert [d.transfer_id for d in ledger.open_dispatches()] == ["T1"]
    assert ledger.feedback_at(DAY + timedelta(days=1))["new_value"].tolist() == [0.97]
    seen = ledger.transfer_lines(DAY + timedelta(days=1)).set_index("line_id")
    assert seen["qty_approved_units"].to_dict() == {"L1": 10, "L2": 10, "L3": 0}


def test_the_release_before_is_one_step_back_and_the_steps_have_no_gap():
    script = ScriptDirectory(str(MIGRATIONS))
    assert [step.revision for step in reversed(list(script.walk_revisions()))] == known_revisions()
    assert known_revisions()[-2:] == [BEFORE, HEAD_REVISION] and script.get_heads() == [HEAD_REVISION]


def test_an_older_ledger_is_upgraded_with_its_rows_and_written_on(old_ledger: Path):
    assert revision_of(old_ledger) == BEFORE
    ledger = open_ledger(old_ledger.parent)
    assert revision_of(old_ledger) == HEAD_REVISION
    check_rows(ledger)
    ledger.decide("L3", "approve", "ben", "needed", "d1", "2016-04-25T09:00:00+00:00")
    lines = pd.DataFrame([line_values("L9") | {"item_id": "I9"}])
    ledger.propose(RunRecord("r2", DAY + timedelta(days=7), provenance={"seed": 0}), lines, "d2", "t")
    assert ledger.verify_chain().ok and json.loads(ledger.find_run("r2")["provenance"]) == {"seed": 0}
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), make_engine(f"sqlite:///{old_ledger}").begin() as connection:
        connection.execute(sa.text("UPDATE decisions SET actor = 'eve'"))


def test_looking_at_an_older_ledger_changes_nothing_and_works_on_a_read_only_disk(old_ledger: Path):
    with closing(sqlite3.connect(old_ledger)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = old_ledger.read_bytes()
    check_rows(open_ledger(old_ledger.parent, read_only=True))
    old_ledger.parent.chmod(0o555)
    try:
        check_rows(open_ledger(old_ledger.parent, read_only=True))
    finally:
        old_ledger.parent.chmod(0o755)
    assert old_ledger.read_bytes() == before and revision_of(old_ledger) == BEFORE


@pytest.mark.parametrize("read_only", [False, True])
def test_a_ledger_of_a_newer_release_is_refused_with_the_remedy(old_ledger: Path, read_only: bool):
    with closing(sqlite3.connect(old_ledger)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    before = old_ledger.stat().st_mtime_ns
    with pytest.raises(InputRefused, match=r"revision 0999, this Evenstock knows up to 0003: install the newer version"):
        open_ledger(old_ledger.parent, read_only=read_only)
    assert revision_of(old_ledger) == "0999" and before == old_ledger.stat().st_mtime_ns


def test_the_last_step_can_be_taken_back_without_losing_rows(old_ledger: Path):
    engine = make_engine(f"sqlite:///{old_ledger}")
    bring_to_head(engine)
    script = ScriptDirectory(str(MIGRATIONS))
    with engine.connect().execution_options(evenstock_write=True) as connection, connection.begin():
        context = MigrationContext.configure(connection, opts={"fn": lambda revision, _: script._downgrade_revs(BEFORE, revision)})
        with Operations.context(context):
            context.run_migrations()
        assert current_revision(connection) == BEFORE
    check_rows(open_ledger(old_ledger.parent))
