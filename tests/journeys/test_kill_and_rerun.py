"""kill -9 at the boundaries of a night, then the same command again: the same marts, plan and dispatch files as without the kill."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.nights import Nights, close_dead_runs
from pipelines.settings import load_settings
from pipelines.store.ledger import open_ledger
from pipelines.store.publication import current, verify

EVENSTOCK = Path(sys.executable).with_name("evenstock")
PATIENCE_S = 240


def outcome(home: Path) -> dict[str, str]:
    publication = current(home / "published")
    assert verify(publication.path) == []
    files = [*publication.path.rglob("*.parquet"), *publication.path.glob("*.json"), *(home / "outbox").rglob("*.json")]
    found = {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.name != "run_log.json"}
    states = open_ledger(home).current_lines(publication.run_id)
    return found | {"states": states[["line_id", "state", "qty_approved_units", "transfer_id"]].to_json()}


def after_ingest(home: Path, day) -> bool:
    return (home / "gates" / str(day) / "wms_receipts.lake_sha256").exists()


def during_facts(home: Path, day) -> bool:
    return any((home / "work" / str(day)).glob("*/dbt-facts/*")) and any((home / "work" / str(day)).glob("*/store.duckdb"))


def before_dispatch(home: Path, day) -> bool:
    publication = current(home / "published")
    return publication is not None and publication.as_of == day


@pytest.mark.parametrize("boundary", [after_ingest, during_facts, before_dispatch])
def test_a_killed_night_run_again_gives_the_same_bytes(ready, next_day, uninterrupted, tmp_path, boundary: Callable[[Path, object], bool]):
    home, day = Path(shutil.copytree(ready, tmp_path / "home", symlinks=True)), next_day[0].date
    process = start(home, day)
    try:
        waiting_since = time.monotonic()
        while not boundary(home, day):
            assert process.poll() is None, "the night ended before the boundary was seen"
            assert time.monotonic() - waiting_since < PATIENCE_S
            time.sleep(0.002)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL, "the night ended before it was killed: nothing was shown"
    if boundary is before_dispatch:
        assert not list((home / "outbox" / str(day)).glob("*.json")), "the kill came after dispatch: nothing was shown"
    assert_no_child_lives(process.pid)
    Nights(load_settings(home=home), persistent=False).run("nightly", day)
    assert outcome(home) == outcome(uninterrupted)
    assert open_ledger(home).verify_chain().ok


def start(home: Path, day) -> subprocess.Popen:
    environment = {**os.environ, "EVENSTOCK_HOME": str(home)}
    command = [str(EVENSTOCK), "run", "--as-of", str(day)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_no_child_lives(parent: int) -> None:
    """The dbt child names its parent on its command line; within a moment of the parent's death it must be gone."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        alive = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if any(word.endswith(b"dbt_child.py") for word in words) and str(parent).encode() in words:
                alive.append(path.parent.name)
        if not alive:
            return
        time.sleep(0.05)
    raise AssertionError(f"dbt outlived its run: processes {alive}")


def test_a_run_left_started_is_marked_failed_by_the_next():
    """The janitor: Dagster itself would show the killed run as running for ever."""
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    with dg.DagsterInstance.ephemeral() as instance:
        for process in (gone.pid, os.getpid()):
            instance.add_run(
                dg.DagsterRun(
                    job_name="nightly", run_id=str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED, tags={"evenstock/pid": str(process)}
                )
            )
        assert close_dead_runs(instance) == 1
        left = instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        assert [run.tags["evenstock/pid"] for run in left] == [str(os.getpid())], "a living run is left alone"
