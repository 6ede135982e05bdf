"""First tables of the ledger: runs, plan lines, decisions with their chain, dispatches, feedback, outcomes.

Decisions and feedback are append-only in the database itself, not only by convention.
"""

import sqlalchemy as sa
from alembic import op

from pipelines.store import ledger_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FIRST_HASH = "0" * 64
APPEND_ONLY = ("decisions", "feedback")


def upgrade() -> None:
    """Create every table, the empty chain, and the guards of the append-only tables."""
    connection = op.get_bind()
    ledger_tables.metadata.create_all(connection)
    connection.execute(sa.insert(ledger_tables.chain_heads).values(chain="decisions", rows=0, head_hash=FIRST_HASH))
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            _forbid(connection.dialect.name, table, verb)


def downgrade() -> None:
    """Remove every table."""
    ledger_tables.metadata.drop_all(op.get_bind())


def _forbid(dialect: str, table: str, verb: str) -> None:
    name = f"{table}_no_{verb.lower()}"
    if dialect == "sqlite":
        op.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
    elif dialect == "postgresql":
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
        )
        op.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}()")
