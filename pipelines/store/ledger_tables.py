"""Tables of the ledger as SQLAlchemy metadata, and opening an engine on them. What is read or written is in the modules beside.

Portable types only: the same tables serve SQLite by default and PostgreSQL by URL.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import NullPool, StaticPool

from pipelines.domain.errors import UsageError
from pipelines.machine.boundaries import crossing
from pipelines.machine.failures import machine_explained

HEAD_REVISION = "0003"

metadata = sa.MetaData()
_units = sa.BigInteger
_text = sa.String

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", _text(64), primary_key=True),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("status", _text(20), nullable=False),
    sa.Column("plan_digest", _text(64)),
    sa.Column("objective_usd", sa.Float(53)),
    sa.Column("gap_share", sa.Float(53)),
    sa.Column("detail", sa.Text, nullable=False),
    # Order in which plans were proposed; the highest is the current one. Null: recorded, but never proposed.
    sa.Column("proposed_seq", sa.Integer, unique=True),
    # What the run was made of and the digests of what it published: enough to make it again. Null for runs of older releases.
    sa.Column("provenance", sa.Text),
)

plan_lines = sa.Table(
    "plan_lines",
    metadata,
    sa.Column("run_id", _text(64), sa.ForeignKey("runs.run_id"), primary_key=True),
    sa.Column("line_id", _text(80), primary_key=True),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("item_id", _text(60), nullable=False),
    sa.Column("lane_id", _text(130), nullable=False),
    sa.Column("origin", _text(40), nullable=False),
    sa.Column("destination", _text(40), nullable=False),
    sa.Column("mode", _text(40), nullable=False),
    sa.Column("packs", _units, nullable=False),
    sa.Column("units", _units, nullable=False),
    sa.Column("ship_date", sa.Date, nullable=False),
    sa.Column("arrival_date", sa.Date, nullable=False),
    sa.Column("gain_usd", sa.Float(53)),
    sa.Column("loss_usd", sa.Float(53)),
    sa.Column("freight_usd", sa.Float(53)),
    sa.Column("handling_usd", sa.Float(53)),
    sa.Column("benefit_usd", sa.Float(53), nullable=False),
    sa.Column("cost_usd", sa.Float(53), nullable=False),
    sa.Column("net_usd", sa.Float(53), nullable=False),
    sa.Column("donor_available_units", _units),
    sa.Column("donor_cover_before_days", sa.Float(53)),
    sa.Column("donor_cover_after_days", sa.Float(53)),
    sa.Column("receiver_cover_before_days", sa.Float(53)),
    sa.Column("receiver_cover_after_days", sa.Float(53)),
    sa.Column("donor_share", sa.Float(53)),
    sa.Column("break_even_freight_usd", sa.Float(53)),
    sa.Column("reason", sa.Text),
    # Where the line stands now: a copy of its last decision, kept for speed and checked against the chain by verify_chain.
    sa.Column("state", _text(20), nullable=False),
    sa.Column("qty_now_units", _units, nullable=False),
    sa.Column("transfer_id", _text(80)),
    sa.CheckConstraint("packs >= 1 AND units >= packs", name="plan_lines_whole_packs"),
    sa.CheckConstraint("qty_now_units >= 0", name="plan_lines_units_not_negative"),
    sa.Index("plan_lines_by_line", "line_id"),
    sa.Index("plan_lines_by_state", "state"),
    sa.Index("plan_lines_by_as_of", "as_of"),
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("line_id", _text(80), nullable=False),
    sa.Column("run_id", _text(64), nullable=False),
    sa.Column("plan_digest", _text(64), nullable=False),
    sa.Column("from_state", _text(20), nullable=False),
    sa.Column("to_state", _text(20), nullable=False),
    sa.Column("action", _text(20), nullable=False),
    sa.Column("actor", _text(120), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("before", sa.Text, nullable=False),
    sa.Column("after", sa.Text, nullable=False),
    sa.Column("qty_units", _units, nullable=False),
    sa.Column("transfer_id", _text(80)),
    sa.Column("effective_from", sa.Date, nullable=False),
    sa.Column("decided_at", _text(40), nullable=False),
    sa.Column("prev_hash", _text(64), nullable=False),
    sa.Column("row_hash", _text(64), nullable=False, unique=True),
    sa.ForeignKeyConstraint(["run_id", "line_id"], ["plan_lines.run_id", "plan_lines.line_id"]),
    sa.Index("decisions_by_line", "run_id", "line_id", "seq"),
)

chain_heads = sa.Table(
    "chain_heads",
    metadata,
    sa.Column("chain", _text(40), primary_key=True),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("head_hash", _text(64), nullable=False),
)

dispatches = sa.Table(
    "dispatches",
    metadata,
    sa.Column("transfer_id", _text(80), primary_key=True),
    sa.Column("idempotency_key", _text(64), nullable=False, unique=True),
    sa.Column("run_id", _text(64), sa.ForeignKey("runs.run_id"), nullable=False),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("lane_id", _text(130), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    # 'intended' before the file exists, 'released' once it does.
    sa.Column("status", _text(20), nullable=False),
    sa.Column("decided_at", _text(40), nullable=False),
    sa.Index("dispatches_by_lane", "as_of", "lane_id"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("feedback_id", _text(64), nullable=False, unique=True),
    sa.Column("parameter", _text(60), nullable=False),
    sa.Column("scope", _text(200), nullable=False),
    sa.Column("old_value", sa.Float(53)),
    sa.Column("new_value", sa.Float(53), nullable=False),
    sa.Column("evidence_n", sa.Float(53), nullable=False),
    sa.Column("rule", _text(200), nullable=False),
    sa.Column("run_id", _text(64), nullable=False),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Index("feedback_by_scope", "parameter", "scope", "valid_from"),
)

outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("line_id", _text(80), primary_key=True),
    sa.Column("as_of", sa.Date, primary_key=True),
    sa.Column("run_id", _text(64), nullable=False),
    sa.Column("state", _text(20)),
    *(
        sa.Column(f"qty_{name}_units", _units, nullable=False)
        for name in (
            "planned",
            "picked",
            "shipped",
            "cancelled",
            "waiting",
            "extra",
            "received",
            "damaged",
            "short",
            "over",
            "in_transit",
            "lost",
        )
    ),
    sa.Column("shipped_at", _text(40)),
    sa.Column("received_at", _text(40)),
    sa.Column("notes", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["run_id", "line_id"], ["plan_lines.run_id", "plan_lines.line_id"]),
)

forecast_overrides = sa.Table(
    "forecast_overrides",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("override_id", _text(20), nullable=False, unique=True),
    sa.Column("author", _text(120), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    # An empty location: every location.
    sa.Column("location_id", _text(40), nullable=False),
    sa.Column("item_id", _text(60), nullable=False),
    sa.Column("kind", _text(20), nullable=False),
    sa.Column("value", sa.Float(53), nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date, nullable=False),
    # The first as_of whose run may read it.
    sa.Column("effective_from", sa.Date, nullable=False),
    sa.Column("decided_at", _text(40), nullable=False),
    sa.CheckConstraint("value >= 0 AND start_date <= end_date", name="forecast_overrides_sound"),
)


def make_engine(url: str | sa.URL) -> sa.Engine:
    """An engine whose SQLite connections have WAL, foreign keys and patience; connections are never kept between calls.

    Without a pool no file handle outlives a call, so a fork or a kill never leaves a half-used connection behind.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return _server_engine(url)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, poolclass=NullPool, connect_args={"timeout": 60})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def make_reading_engine(url: str | sa.URL) -> sa.Engine:
    """An engine for looking only: nothing is created, migrated or locked, so the ledger may lie on a read-only disk.

    A ledger that is not there yet, or has no tables yet, reads as an empty one.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        engine = _server_engine(url)
    elif parsed.database and Path(parsed.database).exists():
        engine = sa.create_engine(f"sqlite:///{_looking_only(Path(parsed.database))}", poolclass=NullPool, connect_args={"timeout": 60})
    else:
        return _empty_engine()
    with engine.connect() as connection:
        is_made = sa.inspect(connection).has_table(runs.name)
    return engine if is_made else _empty_engine()


def _looking_only(file: Path) -> str:
    # SQLite needs shared memory beside a ledger in WAL mode. Where it cannot make it, nobody can write either, so the file stands still.
    log = file.with_name(file.name + "-wal")
    is_still = not os.access(file.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    return f"file:{quote(str(file))}?mode=ro&uri=true{'&immutable=1' * is_still}"


def _empty_engine() -> sa.Engine:
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    return engine


def _server_engine(url: str | sa.URL) -> sa.Engine:
    try:
        return sa.create_engine(url, poolclass=NullPool)
    except (ModuleNotFoundError, ArgumentError) as error:
        raise UsageError(
            f"EVENSTOCK_LEDGER_URL: the driver for it is not installed ({error}); run pip install 'psycopg[binary]' "
            "and write postgresql+psycopg://..."
        ) from None


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("busy_timeout = 60000", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A deferred transaction that turns into a write fails at once when another writer was faster; an immediate one waits.
    is_write = connection.get_execution_options().get("evenstock_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


@contextmanager
def writing(engine: sa.Engine) -> Generator[sa.Connection]:
    """One write transaction: everything inside happens, or nothing. Writers wait for one another."""
    with (
        machine_explained(_place(engine), OperationalError),
        crossing("ledger.commit", _place(engine)) as halfway,
        engine.connect().execution_options(evenstock_write=True) as connection,
        connection.begin(),
    ):
        if engine.dialect.name != "sqlite":
            connection.execute(sa.select(chain_heads.c.rows).with_for_update())
        yield connection
        halfway()


@contextmanager
def reading(engine: sa.Engine) -> Generator[sa.Connection]:
    """One read transaction: a consistent view while the block runs."""
    with machine_explained(_place(engine), OperationalError), engine.connect() as connection, connection.begin():
        yield connection


def _place(engine: sa.Engine) -> Path:
    return Path(unquote((engine.url.database or "ledger").removeprefix("file:").partition("?")[0]))
