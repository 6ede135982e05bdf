"""One run has custody of a home: nobody writes beside it, dead runs are marked failed, and what they left is cleaned up."""

import datetime as dt
import os
import subprocess
import sys
import uuid
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.custody import PROCESS_TAG, UNNAMED_SECONDS, CleanUp, clean_up, close_dead_runs, take_custody
from pipelines.domain.errors import Busy
from pipelines.machine.processes import name_process
from pipelines.machine.temporary import temporary_beside
from pipelines.store.home import Home
from pipelines.store.lease import hold_lease
from pipelines.store.workfolder import WorkFolder

DAY = dt.date(2026, 1, 5)
STARTED, STARTING, FAILURE = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.FAILURE


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def add_run(instance: dg.DagsterInstance, process: str = "", status: dg.DagsterRunStatus = STARTED) -> dg.DagsterRun:
    """A run as Dagster's launcher leaves it: only what we add ourselves names its process."""
    tags = {"dagster/partition": "2026-01-05", **({PROCESS_TAG: process} if process else {})}
    return instance.add_run(dg.DagsterRun(job_name="nightly", run_id=str(uuid.uuid4()), status=status, tags=tags))


def dead_process() -> str:
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    name = name_process(gone.pid)
    gone.wait()
    return name


def statuses(instance: dg.DagsterInstance, *runs: dg.DagsterRun) -> list[dg.DagsterRunStatus]:
    return [instance.get_run_by_id(run.run_id).status for run in runs]


def test_dead_runs_are_marked_failed_and_living_ones_left_alone(instance):
    dead, living = add_run(instance, dead_process()), add_run(instance, name_process())
    number, started, boot = name_process().split(":")
    # The number of a dead run's process was given to another since: to this very one.
    reused = add_run(instance, f"{number}:{int(started) - 7}:{boot}", STARTING)
    assert close_dead_runs(instance) == 2
    assert statuses(instance, dead, living, reused) == [FAILURE, STARTED, FAILURE]
    assert close_dead_runs(instance) == 0


@pytest.mark.parametrize("status", [STARTED, STARTING])
def test_a_run_killed_before_it_named_its_process_is_dead_once_it_is_old(instance, status):
    run = add_run(instance, status=status)
    created = instance.get_run_record_by_id(run.run_id).create_timestamp.timestamp()
    assert close_dead_runs(instance, now=created + UNNAMED_SECONDS - 1) == 0
    assert close_dead_runs(instance, now=created + UNNAMED_SECONDS + 1) == 1
    assert statuses(instance, run) == [FAILURE]


def test_a_run_names_its_process_whoever_launched_it(home, instance):
    run = add_run(instance)
    with take_custody(home, run, instance, dg.get_dagster_logger()):
        assert instance.get_run_by_id(run.run_id).tags[PROCESS_TAG] == name_process()
        assert close_dead_runs(instance, now=1e12) == 0, "the run itself is no dead one"


def test_custody_cleans_up_after_the_dead(home, instance):
    dead = add_run(instance, dead_process())
    work = WorkFolder(home.work(DAY))
    work.begin("killed00", "r1", DAY)
    (home.root / "lake" / "wms_stock").mkdir(parents=True)
    (home.root / "inbox").mkdir()
    left = home.root / "lake" / "wms_stock" / ".2026-01-05.v0001.parquet.abc.partial"
    senders = home.root / "inbox" / ".upload.partial"
    for path in (left, senders):
        path.write_bytes(b"half")
    with temporary_beside(home.root / "health" / "page") as living:
        with take_custody(home, add_run(instance), instance, dg.get_dagster_logger()) as cleaned:
            assert cleaned == CleanUp(dead_runs=1, leftovers=1, attempts=1)
        assert living.exists(), "a living process still writes it"
    assert not left.exists() and senders.exists(), "the inbox is the senders'"
    assert not (home.root / "work" / "2026-01-05" / "killed00").exists()
    assert statuses(instance, dead) == [FAILURE]


def test_what_a_killed_rebuild_left_is_cleaned_up(home):
    (left := home.rebuilt / ".run.abc.partial").mkdir(parents=True)
    (left / "half").touch()
    assert clean_up(home, None) == CleanUp(0, 1, 0) and list(home.rebuilt.iterdir()) == []


def test_an_attempt_that_ended_by_itself_is_left_to_look_at(home, instance):
    run = add_run(instance)
    with pytest.raises(ZeroDivisionError), take_custody(home, run, instance, dg.get_dagster_logger()):
        WorkFolder(home.work(DAY)).begin(run.run_id[:8], "r1", DAY)
        raise ZeroDivisionError
    with take_custody(home, add_run(instance), instance, dg.get_dagster_logger()) as cleaned:
        assert cleaned.attempts == 0
    assert (home.work(DAY) / run.run_id[:8]).is_dir()


def test_nobody_takes_custody_from_a_living_run_and_nothing_of_it_is_touched(home, instance):
    run, other = add_run(instance), add_run(instance)
    with take_custody(home, run, instance, dg.get_dagster_logger()):
        WorkFolder(home.work(DAY)).begin(run.run_id[:8], "r1", DAY)
        holder = rf"nightly for 2026-01-05, run {run.run_id[:8]} \(process {os.getpid()}"
        with pytest.raises(Busy, match=holder), take_custody(home, other, instance, dg.get_dagster_logger()):
            pytest.fail("two runs at once")
        assert (home.work(DAY) / run.run_id[:8]).is_dir()
        assert statuses(instance, run) == [STARTED]


def test_the_lease_of_a_dead_owner_is_free_at_once_even_while_its_child_lives(home):
    """The lock must not be inherited: a child of the dead owner would hold it for ever."""
    owner = """
import subprocess, sys, time
from pathlib import Path
from pipelines.store.lease import hold_lease
with hold_lease(Path(sys.argv[1]), "owner", "now"):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    print(child.pid, flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", owner, str(home.root)], stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    try:
        process.kill()
        process.wait()
        os.kill(child, 0)
        with hold_lease(home.root, "heir", "now") as path:
            assert "heir" in path.read_text()
    finally:
        os.kill(child, 9)
        process.stdout.close()
