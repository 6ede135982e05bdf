"""A DuckDB in memory for checking extracts: within the process's limits, and no file but its own temporary ones. No rules live here."""

from collections.abc import Generator
from contextlib import contextmanager

import duckdb

from pipelines.machine.failures import machine_explained
from pipelines.machine.limits import lock_down_sql, process_limits
from pipelines.machine.temporary import scratch_folder


@contextmanager
def open_memory() -> Generator[duckdb.DuckDBPyConnection]:
    """A locked connection; raises `MachineFailed` where memory or temporary space do not suffice."""
    with (
        scratch_folder() as folder,
        machine_explained(folder, duckdb.Error),
        duckdb.connect(":memory:", config=process_limits().config(folder)) as connection,
    ):
        for statement in lock_down_sql([]):
            connection.execute(statement)
        yield connection
