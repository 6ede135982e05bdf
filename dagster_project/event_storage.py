"""Dagster's own SQLite files, written by one process over a few kept connections. What an asset does or says lives elsewhere.

The storages that Dagster ships open, compile and close anew for every event: a third of a small night. The files stay Dagster's, so its
web server reads them with the storages that it ships.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import dagster as dg
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

KEPT_RUNS = 2


class KeptEngines:
    """One engine per SQLite file, with one open connection each: the index for good, and the `KEPT_RUNS` newest runs."""

    def __init__(self) -> None:
        self._engines: dict[str, Engine] = {}

    def open(self, url: str, is_kept: bool) -> Engine:
        """The engine of `url`; the oldest that is not `is_kept` closes when there are more than `KEPT_RUNS` of them."""
        if url not in self._engines:
            engine = create_engine(url, pool_size=1, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
            event.listen(engine, "connect", _write_without_waiting)
            self._engines[url] = engine
            if not is_kept:
                self._close_oldest(url)
        return self._engines[url]

    def _close_oldest(self, newest: str) -> None:
        runs = [url for url in self._engines if not url.endswith(f"/{INDEX_SHARD_NAME}.db") and url != newest]
        for url in runs[: max(0, len(runs) + 1 - KEPT_RUNS)]:
            self._engines.pop(url).dispose()

    def names(self) -> list[str]:
        """The files held open, without folder and ending, in the order in which they were opened."""
        return [Path(url).stem for url in self._engines]

    def close(self) -> None:
        """Close every connection; the next use opens anew."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()


class KeptEventStorage(SqliteEventLogStorage):
    """Dagster's event log with kept connections; same files, same tables."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._kept = KeptEngines()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Made by Dagster from the configuration of an instance."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Generator[Connection]:
        with self._db_lock:
            engine = self._kept.open(self.conn_string_for_shard(shard), is_kept=shard == INDEX_SHARD_NAME)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def open_files(self) -> list[str]:
        """Names of the files that are held open: the index, then run ids, oldest first."""
        return self._kept.names()

    def wipe(self) -> None:
        """Remove every event; the connections go first, since they hold the files."""
        self._kept.close()
        super().wipe()

    def dispose(self) -> None:
        """Close with the instance."""
        self._kept.close()
        super().dispose()


class KeptRunStorage(SqliteRunStorage):
    """Dagster's table of runs with a kept connection; same file, same tables."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._kept = KeptEngines()
        super().__init__(conn_string, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        """Made by Dagster from the configuration of an instance."""
        return cls.from_local(inst_data=inst_data, **config_value)

    @contextmanager
    def connect(self) -> Generator[Connection]:
        """A transaction on the kept connection."""
        with self._kept.open(self._conn_string, is_kept=True).begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close with the instance."""
        self._kept.close()
        super().dispose()


def open_kept_instance(folder: Path) -> dg.DagsterInstance:
    """The instance of `folder/dagster.yaml`: unless that names storages of its own, events and runs go through kept connections."""
    configured = yaml.safe_load((folder / "dagster.yaml").read_text(encoding="utf-8")) or {}
    if any(name.endswith("storage") for name in configured):
        return dg.DagsterInstance.from_config(str(folder))
    history = folder / "history"
    overrides = {
        "event_log_storage": {"module": __name__, "class": "KeptEventStorage", "config": {"base_dir": str(history / "runs")}},
        "run_storage": {"module": __name__, "class": "KeptRunStorage", "config": {"base_dir": str(history)}},
    }
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=overrides))


def _write_without_waiting(connection: Any, _record: Any) -> None:
    """In WAL mode a commit need not wait for the disk: a power cut may lose Dagster's last events, never a table."""
    connection.execute("PRAGMA synchronous=NORMAL")
