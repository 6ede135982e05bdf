"""One writer per home: beside a living run nobody runs, lands or decides, whoever launched what; a dead one is in nobody's way."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import dagster as dg
import pytest

from cli.main import call
from dagster_project.custody import PROCESS_TAG
from dagster_project.nights import Nights, open_instance
from pipelines.machine.processes import is_alive
from pipelines.settings import load_settings
from pipelines.store.lease import hold_lease
from tests.journeys.killed_nights import Kill, NightServer

UNFINISHED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]


@pytest.fixture
def home(ready, tmp_path, monkeypatch) -> Path:
    copied = Path(shutil.copytree(ready, tmp_path / "home", symlinks=True))
    monkeypatch.setenv("EVENSTOCK_HOME", str(copied))
    return copied


def runs(home: Path, **filters) -> list[dg.DagsterRun]:
    with open_instance(load_settings(home=home)) as instance:
        return list(instance.get_runs(filters=dg.RunsFilter(**filters)))


def launch_from_dagster(home: Path, day, **environment: str) -> subprocess.CompletedProcess:
    """A run that Dagster starts by itself: nothing of ours has tagged it before its process runs."""
    job = ["-m", "dagster", "job", "execute", "-m", "dagster_project.repository", "-j", "ingest_day"]
    env = {**os.environ, "DAGSTER_HOME": str(home / "dagster"), "EVENSTOCK_HOME": str(home), **environment}
    return subprocess.run([sys.executable, *job, "--tags", f'{{"dagster/partition": "{day}"}}'], env=env, capture_output=True, text=True)


@pytest.fixture
def hanging(home, next_day, tmp_path):
    """A run of the home that holds the lease and hangs in native code at its first write; its process."""
    server = NightServer.start(tmp_path / "night.log")
    ended: list = []

    def hang() -> None:
        ended.append(server.night(home, next_day[0].date, Kill("landing.copy:hang"), job="ingest_day"))

    thread = threading.Thread(target=hang)
    thread.start()
    deadline = time.monotonic() + 300
    while not (process := holder(home)):
        assert time.monotonic() < deadline and thread.is_alive()
        time.sleep(0.1)
    yield process
    if is_alive(process):
        os.kill(int(process.split(":")[0]), 9)
    thread.join()
    server.stop()
    assert ended[0].was_killed


def holder(home: Path) -> str:
    """Name of the process that has custody of a home, as its run tells it."""
    if not (home / "lease.lock").exists() or not (home / "lease.lock").read_text():
        return ""
    found = [run.tags.get(PROCESS_TAG, "") for run in runs(home, statuses=UNFINISHED)]
    return next((name for name in found if is_alive(name)), "")


def test_beside_a_living_run_nobody_writes_and_after_its_death_everybody_may(home, next_day, hanging, capfd):
    day, pid = next_day[0].date, hanging.split(":")[0]
    file = home / "inbox" / str(day) / "wms_stock.csv"
    decide = ["plan", "reject", "L1", "--by", "a", "--reason", "b"]
    for command in (["run", "--as-of", str(day)], decide, ["land", str(file), "--feed", "wms_stock", "--business-date", str(day)]):
        assert call(command) == 6, command
        said = capfd.readouterr().err.splitlines()[-1]
        assert f"is in use by ingest_day for {day}" in said and f"process {pid} on" in said
    launched = launch_from_dagster(home, day)
    assert launched.returncode != 0 and f"process {pid} on" in launched.stdout + launched.stderr
    assert is_alive(hanging), "asking did it no harm"
    assert [run.tags[PROCESS_TAG] for run in runs(home, statuses=UNFINISHED)] == [hanging]

    os.kill(int(pid), 9)
    with_fault = {"EVENSTOCK_FAULT": "landing.version:kill_before", "EVENSTOCK_TESTING": "1"}
    assert launch_from_dagster(home, day, **with_fault).returncode != 0
    dead = runs(home, statuses=UNFINISHED)
    assert len(dead) == 1 and not is_alive(dead[0].tags[PROCESS_TAG]), "Dagster cannot know that the run it launched is dead"
    Nights(load_settings(home=home)).run("ingest_day", day)
    assert runs(home, statuses=UNFINISHED) == []
    assert runs(home, run_ids=[dead[0].run_id])[0].status == dg.DagsterRunStatus.FAILURE
    with hold_lease(home, "anyone", "now"):
        pass
