"""The store of one run: a disposable DuckDB file whose schema `lake` dbt reads and whose schema `marts` dbt writes.

Building marts is dbt's business, publishing them is `publication`'s, and the ledger of decisions lives in another database.
"""

import datetime
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.machine.boundaries import crossing
from pipelines.machine.failures import machine_explained
from pipelines.machine.limits import lock_down_sql, process_limits
from pipelines.store.grains import MART_GRAINS
from pipelines.store.lake_schema import FEED_SCHEMAS, LINEAGE, TABLE_SCHEMAS, Columns


@dataclass(frozen=True)
class RunParameters:
    """What people decided for this run, as far as marts need it; one row of `lake.run_parameters`.

    Rates are yearly shares of inventory value, service_* are probabilities of no stock-out by ABC class.
    """

    as_of: datetime.date
    run_id: str
    window_days: int = 28
    slow_moving_days: int = 56
    capital_rate: float = 0.12
    insurance_rate: float = 0.03
    obsolescence_rate: float = 0.10
    service_a: float = 0.98
    service_b: float = 0.95
    service_c: float = 0.90
    review_period_days: int = 7
    supplier_lead_time_days: int = 21

    def __post_init__(self) -> None:
        """Refuse windows that would divide by zero or look into the future."""
        if self.window_days < 1 or self.slow_moving_days < 1:
            raise UsageError(f"window_days and slow_moving_days must be 1 or more, found {self.window_days} and {self.slow_moving_days}")


def DBT_ENV(path: Path) -> dict[str, str]:
    """Environment that dbt's profile needs to open the store at `path` (made absolute)."""
    return {
        "EVENSTOCK_STORE": str(Path(path).resolve()),
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def create_store(
    path: Path,
    lake: Mapping[str, Sequence[Path]],
    parameters: RunParameters,
    tables: Mapping[str, pd.DataFrame],
    schemas: Mapping[str, Columns] | None = None,
) -> None:
    """Build a fresh store at `path`, replacing whatever lies there, in one transaction.

    `lake` maps a feed to its current Parquet files: each feed becomes the view `lake.<feed>` with the columns and types of
    `schemas[feed]` (default: `FEED_SCHEMAS`) and the lineage columns; a feed without files becomes an empty view of the same
    columns. `tables` fills tables of the schema `lake`; known ones that are missing are created empty. A column that no file
    of a feed has yet reads as NULL.

    Raises `UsageError` for an unknown feed and `InputRefused` for a missing lake file.
    """
    known = dict(FEED_SCHEMAS) | dict(schemas or {})
    unknown = sorted(set(lake) - set(known))
    if unknown:
        raise UsageError(f"unknown feeds {', '.join(unknown)}; known feeds: {', '.join(sorted(known))}")
    files = {feed: [_existing(Path(file), feed) for file in lake.get(feed, [])] for feed in known}
    remove_store(path)
    folders = sorted({file.parent for group in files.values() for file in group})
    frames = {name: _empty(columns) for name, columns in TABLE_SCHEMAS.items()} | dict(tables)
    with crossing("work.store", Path(path)) as halfway, open_store(path, folders=folders) as connection, _transaction(connection):
        connection.execute("CREATE SCHEMA lake")
        for feed, columns in sorted(known.items()):
            _create_feed_view(connection, feed, columns, files[feed])
        _create_run_parameters(connection, parameters)
        _create_folders(connection, [Path(path).resolve().parent, *folders])
        for name, frame in sorted(frames.items()):
            _replace_table(connection, name, frame)
        halfway()


def put_tables(path: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Replace tables of the schema `lake` in one transaction; columns of known tables must be exactly the declared ones."""
    with crossing("work.tables", Path(path)) as halfway, open_store(path) as connection, _transaction(connection):
        for name, frame in sorted(tables.items()):
            _replace_table(connection, name, frame)
        halfway()


def read_mart(path: Path, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """One mart as a frame sorted by its grain; `columns` keeps only those, in that order.

    Raises `UsageError` for a mart or column that does not exist.
    """
    if name not in MART_GRAINS:
        raise UsageError(f"unknown mart {name!r}; marts: {', '.join(sorted(MART_GRAINS))}")
    with open_store(path, read_only=True) as connection:
        present = mart_columns(connection, name)
        if not present:
            raise UsageError(f"mart {name!r} has not been built in {path}")
        wanted = list(columns or present)
        missing = sorted(set(wanted) - set(present))
        if missing:
            raise UsageError(f"mart {name!r} has no columns {', '.join(missing)}; columns: {', '.join(present)}")
        order = ", ".join(quoted(column) for column in MART_GRAINS[name])
        chosen = ", ".join(quoted(column) for column in wanted)
        return connection.execute(f"SELECT {chosen} FROM marts.{quoted(name)} ORDER BY {order}").df()  # noqa: S608 - checked names


def remove_store(path: Path) -> None:
    """Delete a store, its write-ahead log first: an old log beside a new file would be replayed into it."""
    path = Path(path)
    for leftover in (path.with_name(path.name + ".wal"), path):
        leftover.unlink(missing_ok=True)


@contextmanager
def open_store(path: Path, *, read_only: bool = False, folders: Sequence[Path] = ()) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection within the process's limits that can read its own folder and `folders` only.

    Raises `MachineFailed` naming the store and the remedy where disk, temporary space or memory do not suffice.
    """
    path = Path(path).resolve()
    config = process_limits().config(Path(f"{path}.tmp"))
    with (
        machine_explained(path, duckdb.Error),
        closing(duckdb.connect(str(path), read_only=read_only, config=config)) as connection,
    ):
        for statement in lock_down_sql([path.parent, *(Path(folder).resolve() for folder in folders)]):
            connection.execute(statement)
        yield connection


def mart_columns(connection: duckdb.DuckDBPyConnection, name: str, database: str | None = None) -> list[str]:
    """Column names of a mart in their order, in the connection's own or an attached database; empty if it has not been built."""
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_catalog = coalesce(?, current_database())"
        " AND table_schema = 'marts' AND table_name = ? ORDER BY ordinal_position",
        [database, name],
    ).fetchall()
    return [row[0] for row in rows]


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Generator[None]:
    connection.execute("BEGIN TRANSACTION")
    yield
    connection.execute("COMMIT")


def _existing(file: Path, feed: str) -> Path:
    file = file.resolve()
    if not file.is_file():
        raise InputRefused(f"lake file of {feed} is missing: {file}; ingest the feed again")
    return file


def _create_feed_view(connection: duckdb.DuckDBPyConnection, feed: str, columns: Columns, files: Sequence[Path]) -> None:
    declared = [*columns, *(column for column in LINEAGE if column[0] not in dict(columns))]
    if not files:
        selected = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in declared)
        connection.execute(f"CREATE VIEW lake.{quoted(feed)} AS SELECT {selected} WHERE false")
        return
    source = f"read_parquet([{', '.join(literal(str(file)) for file in files)}], union_by_name = true)"
    found = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}  # noqa: S608 - quoted paths
    selected = ", ".join(f"CAST({quoted(name) if name in found else 'NULL'} AS {kind}) AS {quoted(name)}" for name, kind in declared)
    connection.execute(f"CREATE VIEW lake.{quoted(feed)} AS SELECT {selected} FROM {source}")  # noqa: S608 - declared names


def _create_run_parameters(connection: duckdb.DuckDBPyConnection, parameters: RunParameters) -> None:
    kinds = {datetime.date: "DATE", str: "VARCHAR", int: "BIGINT", float: "DOUBLE"}
    values = asdict(parameters)
    annotations = {name: kinds[RunParameters.__annotations__[name]] for name in values}
    connection.execute(f"CREATE TABLE lake.run_parameters ({', '.join(f'{name} {kind} NOT NULL' for name, kind in annotations.items())})")
    connection.execute(f"INSERT INTO lake.run_parameters VALUES ({', '.join('?' for _ in values)})", list(values.values()))  # noqa: S608


def _create_folders(connection: duckdb.DuckDBPyConnection, folders: Sequence[Path]) -> None:
    # dbt opens the store without knowing where the lake is; its on-run-start hook locks itself to these.
    connection.execute("CREATE TABLE lake.folders (folder VARCHAR NOT NULL)")
    for folder in sorted(set(folders)):
        connection.execute("INSERT INTO lake.folders VALUES (?)", [f"{folder}/"])


def _empty(columns: Columns) -> pd.DataFrame:
    return pd.DataFrame({name: [] for name, _ in columns})


def _replace_table(connection: duckdb.DuckDBPyConnection, name: str, frame: pd.DataFrame) -> None:
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    connection.register("_frame", rows)
    declared = TABLE_SCHEMAS.get(name)
    if declared is None:
        selected = "*"
    else:
        differing = sorted(set(frame.columns) ^ {column for column, _ in declared})
        if differing:
            raise ValueError(f"table lake.{name}: columns differ from the declared ones in {', '.join(differing)}")
        selected = ", ".join(f"CAST({quoted(column)} AS {kind}) AS {quoted(column)}" for column, kind in declared)
    connection.execute(f"CREATE OR REPLACE TABLE lake.{quoted(name)} AS SELECT {selected} FROM _frame ORDER BY ALL")  # noqa: S608
    connection.unregister("_frame")
