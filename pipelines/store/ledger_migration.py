"""Brings a ledger to the newest tables. Alembic is imported only when a step is due: it costs more than the whole check.

No command line of its own: opening a ledger migrates it.
"""

from pathlib import Path

import sqlalchemy as sa

from pipelines.domain.errors import InputRefused
from pipelines.store.ledger_tables import HEAD_REVISION

MIGRATIONS = Path(__file__).parent / "migrations"


def current_revision(connection: sa.Connection) -> str | None:
    """The revision of the tables in the database; None for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def bring_to_head(engine: sa.Engine) -> None:
    """Apply the missing steps in one write transaction; several processes may open a new ledger at the same time.

    Raises `InputRefused` when the ledger was written by a newer Evenstock.
    """
    with engine.connect() as connection:
        if current_revision(connection) == HEAD_REVISION:
            return
    with engine.connect().execution_options(evenstock_write=True) as connection, connection.begin():
        found = current_revision(connection)
        if found != HEAD_REVISION:
            _apply(connection, found)


def _apply(connection: sa.Connection, found: str | None) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(MIGRATIONS))
    if found is not None and found not in {step.revision for step in script.walk_revisions()}:
        raise InputRefused(f"the ledger is at revision {found}, this Evenstock knows up to {HEAD_REVISION}: install the newer version")
    context = MigrationContext.configure(connection, opts={"fn": lambda revision, _: script._upgrade_revs(HEAD_REVISION, revision)})
    with Operations.context(context):
        context.run_migrations()
