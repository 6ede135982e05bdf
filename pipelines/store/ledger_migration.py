"""Brings a ledger to the newest tables. Alembic is imported only when a step is due: it costs more than the whole check.

No command line of its own: opening a ledger migrates it.
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.store.ledger_tables import HEAD_REVISION

MIGRATIONS = Path(__file__).parent / "migrations"


def current_revision(connection: sa.Connection) -> str | None:
    """The revision of the tables in the database; None for an empty one."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def known_revisions() -> list[str]:
    """Revisions that this Evenstock can bring to the newest, oldest first."""
    return sorted(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def refuse_newer(found: str | None, what: str) -> None:
    """Raise `InputRefused` for a revision that only a newer Evenstock knows."""
    if found is not None and found not in known_revisions():
        raise InputRefused(
            f"{what} is at revision {found}, this Evenstock knows up to {HEAD_REVISION}: install the newer version that wrote it, "
            "or restore a backup that was made before"
        )


def bring_to_head(engine: sa.Engine, head: str = HEAD_REVISION) -> None:
    """Apply the missing steps up to `head` in one write transaction; several processes may open a new ledger at the same time.

    Raises `InputRefused` when the ledger was written by a newer Evenstock.
    """
    with engine.connect() as connection:
        if current_revision(connection) == head:
            return
    with engine.connect().execution_options(evenstock_write=True) as connection, connection.begin():
        found = current_revision(connection)
        if found != head:
            refuse_newer(found, "the ledger")
            _apply(connection, head)


def readable(engine: sa.Engine) -> sa.Engine:
    """The engine itself or, for a ledger of an older release, one on a copy in memory with the newest tables: looking changes nothing.

    Raises `InputRefused` for a ledger of a newer release, `UsageError` for an older one on a server.
    """
    with engine.connect() as connection:
        found = current_revision(connection)
        refuse_newer(found, "the ledger")
        if found in (None, HEAD_REVISION):
            return engine
        if engine.dialect.name != "sqlite":
            raise UsageError(f"the ledger is at revision {found} of {HEAD_REVISION}: run evenstock run once, which brings it up to date")
        copy = sa.create_engine("sqlite://", poolclass=StaticPool)
        with copy.connect() as target:
            _driver(connection).backup(_driver(target))
    bring_to_head(copy)
    return copy


def _driver(connection: sa.Connection) -> Any:
    """SQLite's own connection."""
    return connection.connection.driver_connection


def _apply(connection: sa.Connection, head: str) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(MIGRATIONS))
    context = MigrationContext.configure(connection, opts={"fn": lambda revision, _: script._upgrade_revs(head, revision)})
    with Operations.context(context):
        context.run_migrations()
