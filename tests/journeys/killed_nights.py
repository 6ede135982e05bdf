"""Nights that are killed, and what is left of them: the client of `night_server`, and everything of a home that must be the same."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import sqlalchemy as sa

from pipelines.machine.processes import is_alive, name_process
from pipelines.machine.temporary import PARTIAL
from pipelines.store.ledger import open_ledger
from pipelines.store.ledger_tables import make_reading_engine, metadata
from pipelines.store.publication import current, verify

SERVER = Path(__file__).with_name("night_server.py")
# Wall times, the story of how the home was served, and what DuckDB and SQLite stamp: compared by content or not at all.
VOLATILE = ("run_log", "logs", "dagster", "work", "lease.lock", "ledger.sqlite", "demo.json", "tmp")


ARRIVED = re.compile(rb'"arrived_at": "[^"]*"|[0-9]{1,2} [A-Z][a-z]{2}, [0-9]{2}:[0-9]{2} UTC')


@dataclass
class NightServer:
    """A running `night_server`; one night at a time."""

    process: subprocess.Popen
    log: Path

    @classmethod
    def start(cls, log: Path, around: dict[str, str] | None = None) -> "NightServer":
        """Start a server, with these variables in its environment, and wait until it has imported everything."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        server = cls(subprocess.Popen([sys.executable, str(SERVER)], env={**os.environ, **(around or {})}, **pipes), log)
        assert server._hear() == ["ready"]
        return server

    def stop(self) -> None:
        """End the server; its nights have ended."""
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()

    def night(self, home: Path, day: Any, kill: "Kill | None" = None, **asked: Any) -> "Ended":
        """Run one night, killed as `kill` says; how it ended and how long it took."""
        begun, size = time.monotonic(), self.log.stat().st_size if self.log.exists() else 0
        body = {"home": str(home), "day": str(day), "log": str(self.log), **asked}
        if kill and kill.fault:
            body["fault"] = kill.fault
        self.process.stdin.write(json.dumps(body) + "\n")
        self.process.stdin.flush()
        pid = int(self._hear()[1])
        watcher = threading.Timer(kill.after_s, kill_night, (pid, kill.whole_tree)) if kill and kill.after_s is not None else None
        if watcher:
            watcher.start()
        code = int(self._hear()[2])
        if watcher:
            watcher.cancel()
            watcher.join()
        assert_no_child_lives(pid)
        said = [line[6:] for line in self.log.read_text(errors="replace")[size:].splitlines() if line.startswith("said: ")]
        return Ended(code, said[-1] if said else "", time.monotonic() - begun)

    def _hear(self) -> list[str]:
        line = self.process.stdout.readline().split()
        assert line, f"the night server died; see {self.log}"
        return line


@dataclass(frozen=True)
class Kill:
    """How a night dies: at a named boundary by its own hand, or after some seconds, with its children or alone."""

    fault: str = ""
    after_s: float | None = None
    whole_tree: bool = False

    def at_first_crossing(self) -> "Kill":
        """The same kill when its boundary is crossed for the first time."""
        return replace(self, fault=f"{self.fault.rpartition(':')[0]}:1")

    def sooner(self) -> "Kill":
        """The same kill after half the time."""
        return replace(self, after_s=self.after_s / 2)

    def __str__(self) -> str:
        return self.fault or f"after {self.after_s:.1f} s, {'the whole tree' if self.whole_tree else 'the parent only'}"


@dataclass(frozen=True)
class Ended:
    """Exit code (negative: the signal), the error that was said, and seconds."""

    code: int
    said: str
    seconds: float

    @property
    def was_killed(self) -> bool:
        """Whether it died of kill -9."""
        return self.code == -signal.SIGKILL


def kill_night(pid: int, whole_tree: bool) -> None:
    """kill -9 of a night, and of its children if asked."""
    family = [pid, *descendants(pid)] if whole_tree else [pid]
    for member in family:
        try:
            os.kill(member, signal.SIGKILL)
        except ProcessLookupError:
            continue


def descendants(pid: int) -> list[int]:
    """Processes below one, from /proc."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(path.read_text(errors="replace").rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
        except OSError:
            continue
    found, todo = [], [pid]
    while todo:
        todo += (children := parents.get(todo.pop(), []))
        found += children
    return found


def assert_no_child_lives(parent: int) -> None:
    """dbt and the solver name their parent on their command line; within a moment of its death they must be gone."""
    deadline = time.monotonic() + 20
    while alive := [name for name in children_of(parent) if is_alive(name)]:
        assert time.monotonic() < deadline, f"outlived their run: {alive}"
        time.sleep(0.05)


def children_of(parent: int) -> list[str]:
    """Names of processes that were started as children of `parent`, whoever their parent is now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.endswith(b"_child.py") for word in words) and str(parent).encode() in words:
            found.append(name_process(int(path.parent.name)))
    return found


@dataclass
class Outcome:
    """Everything of a home that a rerun must bring back: digests of files by path, contents of databases by table."""

    files: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)

    def differences(self, other: "Outcome") -> list[str]:
        """Names of what is not the same on both sides."""
        mine, yours = self.files | self.tables, other.files | other.tables
        return sorted(name for name in mine.keys() | yours.keys() if mine.get(name) != yours.get(name))


def outcome(home: Path) -> Outcome:
    """What a home holds. Sorted Parquet, JSON, pages and orders byte for byte; databases by ordered contents."""
    publication = current(home / "published")
    assert publication is not None and verify(publication.path) == []
    found = Outcome()
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home).as_posix()
        if path.is_file() and not path.is_symlink() and not name.startswith(VOLATILE) and not name.endswith(("/run_log.json", ".duckdb")):
            found.files[name] = digest_of(path)
    found.files["published/current"] = str((home / "published" / "current").readlink())
    found.tables = duckdb_contents(publication.path / "evenstock.duckdb") | ledger_contents(home)
    return found


def digest_of(path: Path) -> str:
    """sha256 of a file without the moment at which its drop arrived, which is not the same for two nights."""
    data = path.read_bytes()
    if "/landing/" in path.as_posix() or "/health/" in path.as_posix():
        data = ARRIVED.sub(b"then", data)
    return hashlib.sha256(data).hexdigest()


def duckdb_contents(file: Path) -> dict[str, str]:
    """Every table of a DuckDB file by its ordered contents."""
    with duckdb.connect(str(file), read_only=True) as connection:
        names = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]
        return {f"duckdb:{name}": digest_frame(connection.execute(f'SELECT * FROM "{name}" ORDER BY ALL').df()) for name in names}


def ledger_contents(home: Path) -> dict[str, str]:
    """Every table of the ledger by its ordered contents; its chain must hold."""
    assert open_ledger(home, read_only=True).verify_chain().ok
    engine = make_reading_engine(sa.URL.create("sqlite", database=str(home / "ledger.sqlite")))
    with engine.connect() as connection:
        frames = {table.name: pd.read_sql(sa.select(table), connection) for table in metadata.sorted_tables}
    # How far the ledger's lists had grown when the run that counts read them: a night that is run again finds its own rows there.
    marked = [json.loads(text) if text else {} for text in frames["runs"]["provenance"]]
    frames["runs"]["provenance"] = [json.dumps({name: known[name] for name in known if name != "marks"}) for known in marked]
    return {f"ledger:{name}": digest_frame(frame.sort_values(list(frame.columns), ignore_index=True)) for name, frame in frames.items()}


def digest_frame(frame: pd.DataFrame) -> str:
    """sha256 of a frame's values in order."""
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()


def leftovers(home: Path) -> list[str]:
    """Temporary files and folders that nobody cleaned up."""
    return sorted(path.relative_to(home).as_posix() for path in home.rglob(f".*{PARTIAL}"))
