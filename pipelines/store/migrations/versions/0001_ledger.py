"""First tables of the ledger: runs, plan lines, decisions with their chain, dispatches, feedback, outcomes.

Frozen: later changes of the tables are steps of their own. Decisions and feedback are append-only in the database itself.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FIRST_HASH = "0" * 64
APPEND_ONLY = ("decisions", "feedback")
TABLES = ("chain_heads", "feedback", "runs", "dispatches", "plan_lines", "decisions", "outcomes")


def upgrade() -> None:
    """Create every table, the empty chain, and the guards of the append-only tables."""
    _create_chain_heads()
    _create_feedback()
    _create_runs()
    _create_dispatches()
    _create_plan_lines()
    _create_decisions()
    _create_outcomes()
    connection = op.get_bind()
    heads = sa.table("chain_heads", sa.column("chain"), sa.column("rows"), sa.column("head_hash"))
    connection.execute(sa.insert(heads).values(chain="decisions", rows=0, head_hash=FIRST_HASH))
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            _forbid(connection.dialect.name, table, verb)


def downgrade() -> None:
    """Remove every table."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _forbid(dialect: str, table: str, verb: str) -> None:
    name = f"{table}_no_{verb.lower()}"
    if dialect == "sqlite":
        op.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
    elif dialect == "postgresql":
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
        )
        op.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}()")


def _create_chain_heads() -> None:
    op.create_table(
        "chain_heads",
        sa.Column("chain", sa.String(length=40), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("head_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("chain"),
    )


def _create_feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("feedback_id", sa.String(length=64), nullable=False),
        sa.Column("parameter", sa.String(length=60), nullable=False),
        sa.Column("scope", sa.String(length=200), nullable=False),
        sa.Column("old_value", sa.Float(precision=53), nullable=True),
        sa.Column("new_value", sa.Float(precision=53), nullable=False),
        sa.Column("evidence_n", sa.Float(precision=53), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("feedback_id"),
    )
    op.create_index("feedback_by_scope", "feedback", ["parameter", "scope", "valid_from"], unique=False)


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("plan_digest", sa.String(length=64), nullable=True),
        sa.Column("objective_usd", sa.Float(precision=53), nullable=True),
        sa.Column("gap_share", sa.Float(precision=53), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("proposed_seq", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("run_id"),
        sa.UniqueConstraint("proposed_seq"),
    )


def _create_dispatches() -> None:
    op.create_table(
        "dispatches",
        sa.Column("transfer_id", sa.String(length=80), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("lane_id", sa.String(length=130), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("decided_at", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("transfer_id"),
        sa.UniqueConstraint("idempotency_key"),
    )
    op.create_index("dispatches_by_lane", "dispatches", ["as_of", "lane_id"], unique=False)


def _create_plan_lines() -> None:
    op.create_table(
        "plan_lines",
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("line_id", sa.String(length=80), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("item_id", sa.String(length=60), nullable=False),
        sa.Column("lane_id", sa.String(length=130), nullable=False),
        sa.Column("origin", sa.String(length=40), nullable=False),
        sa.Column("destination", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("packs", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("ship_date", sa.Date(), nullable=False),
        sa.Column("arrival_date", sa.Date(), nullable=False),
        sa.Column("gain_usd", sa.Float(precision=53), nullable=True),
        sa.Column("loss_usd", sa.Float(precision=53), nullable=True),
        sa.Column("freight_usd", sa.Float(precision=53), nullable=True),
        sa.Column("handling_usd", sa.Float(precision=53), nullable=True),
        sa.Column("benefit_usd", sa.Float(precision=53), nullable=False),
        sa.Column("cost_usd", sa.Float(precision=53), nullable=False),
        sa.Column("net_usd", sa.Float(precision=53), nullable=False),
        sa.Column("donor_available_units", sa.BigInteger(), nullable=True),
        sa.Column("donor_cover_before_days", sa.Float(precision=53), nullable=True),
        sa.Column("donor_cover_after_days", sa.Float(precision=53), nullable=True),
        sa.Column("receiver_cover_before_days", sa.Float(precision=53), nullable=True),
        sa.Column("receiver_cover_after_days", sa.Float(precision=53), nullable=True),
        sa.Column("donor_share", sa.Float(precision=53), nullable=True),
        sa.Column("break_even_freight_usd", sa.Float(precision=53), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("qty_now_units", sa.BigInteger(), nullable=False),
        sa.Column("transfer_id", sa.String(length=80), nullable=True),
        sa.CheckConstraint("packs >= 1 AND units >= packs", name="plan_lines_whole_packs"),
        sa.CheckConstraint("qty_now_units >= 0", name="plan_lines_units_not_negative"),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.run_id"],
        ),
        sa.PrimaryKeyConstraint("run_id", "line_id"),
    )
    op.create_index("plan_lines_by_as_of", "plan_lines", ["as_of"], unique=False)
    op.create_index("plan_lines_by_line", "plan_lines", ["line_id"], unique=False)
    op.create_index("plan_lines_by_state", "plan_lines", ["state"], unique=False)


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_id", sa.String(length=80), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("plan_digest", sa.String(length=64), nullable=False),
        sa.Column("from_state", sa.String(length=20), nullable=False),
        sa.Column("to_state", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("qty_units", sa.BigInteger(), nullable=False),
        sa.Column("transfer_id", sa.String(length=80), nullable=True),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("decided_at", sa.String(length=40), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("row_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id", "line_id"],
            ["plan_lines.run_id", "plan_lines.line_id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("row_hash"),
    )
    op.create_index("decisions_by_line", "decisions", ["run_id", "line_id", "seq"], unique=False)


def _create_outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("line_id", sa.String(length=80), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=True),
        sa.Column("qty_planned_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_picked_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_shipped_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_cancelled_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_waiting_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_extra_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_received_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_damaged_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_short_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_over_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_in_transit_units", sa.BigInteger(), nullable=False),
        sa.Column("qty_lost_units", sa.BigInteger(), nullable=False),
        sa.Column("shipped_at", sa.String(length=40), nullable=True),
        sa.Column("received_at", sa.String(length=40), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id", "line_id"],
            ["plan_lines.run_id", "plan_lines.line_id"],
        ),
        sa.PrimaryKeyConstraint("line_id", "as_of"),
    )
