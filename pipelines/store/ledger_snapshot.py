"""Copies of a ledger: whole, as a backup takes it, and as it was when a run read it. Which files go with it is not decided here."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipelines.domain.errors import InputRefused
from pipelines.domain.transfer import LineState
from pipelines.store.ledger_chain import FIRST_HASH
from pipelines.store.ledger_migration import bring_to_head
from pipelines.store.ledger_tables import (
    chain_heads,
    decisions,
    dispatches,
    feedback,
    forecast_overrides,
    make_engine,
    plan_lines,
    runs,
    writing,
)

MARKS = ("decisions", "feedback", "proposed", "overrides")


def copy_ledger(source: Path, target: Path) -> None:
    """Copy a SQLite ledger with all that its write-ahead log holds, as of one moment, while others read and write it.

    Raises `InputRefused` for a file that is no sound database.
    """
    target.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=60)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE")
            found = new.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise InputRefused(f"{source}: not a sound ledger ({error}); restore the last backup") from error
    if found != "ok":
        raise InputRefused(f"{source}: not a sound ledger ({found}); restore the last backup")


def read_marks(connection: sa.Connection) -> dict[str, int]:
    """How far the ledger has come: the last decision, the last learned parameter, the last proposal, the last override."""
    lasts = (decisions.c.seq, feedback.c.seq, runs.c.proposed_seq, forecast_overrides.c.seq)
    return {name: connection.execute(sa.select(sa.func.max(last))).scalar() or 0 for name, last in zip(MARKS, lasts, strict=True)}


def copy_until(connection: sa.Connection, target: Path, marks: Mapping[str, int]) -> None:
    """Write a SQLite ledger of all that stood in this one at `marks`, so that a run reads what it read then.

    Outcomes are left out: no run reads them, and reports of warehouses give them again.
    """
    proposed = sa.select(runs.c.run_id).where(runs.c.proposed_seq <= marks["proposed"])
    decided = _rows(connection, sa.select(decisions).where(decisions.c.seq <= marks["decisions"]).order_by(decisions.c.seq))
    last = {(row["run_id"], row["line_id"]): row for row in decided}
    sent = {row["transfer_id"] for row in decided}
    lines = _rows(connection, sa.select(plan_lines).where(plan_lines.c.run_id.in_(proposed)))
    orders = _rows(connection, sa.select(dispatches).where(dispatches.c.run_id.in_(proposed)))
    rows = {
        runs: _rows(connection, sa.select(runs).where(runs.c.proposed_seq <= marks["proposed"])),
        plan_lines: [line | _state_after(last.get((line["run_id"], line["line_id"]))) for line in lines],
        decisions: decided,
        dispatches: [order for order in orders if order["transfer_id"] in sent],
        feedback: _rows(connection, sa.select(feedback).where(feedback.c.seq <= marks["feedback"])),
        # Marks of older releases know no overrides: there were none.
        forecast_overrides: _rows(connection, sa.select(forecast_overrides).where(forecast_overrides.c.seq <= marks.get("overrides", 0))),
    }
    engine = make_engine(sa.URL.create("sqlite", database=str(target)))
    bring_to_head(engine)
    with writing(engine) as copy:
        for table, found in rows.items():
            if found:
                copy.execute(sa.insert(table), found)
        head = decided[-1] if decided else {"seq": 0, "row_hash": FIRST_HASH}
        copy.execute(sa.update(chain_heads).values(rows=head["seq"], head_hash=head["row_hash"]))


def _state_after(decision: Mapping[str, Any] | None) -> dict[str, Any]:
    """Where a line stood after its last decision."""
    if decision is None:
        return {"state": str(LineState.PROPOSED), "qty_now_units": 0, "transfer_id": None}
    return {"state": decision["to_state"], "qty_now_units": decision["qty_units"], "transfer_id": decision["transfer_id"]}


def _rows(connection: sa.Connection, query: sa.Select) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(query)]
