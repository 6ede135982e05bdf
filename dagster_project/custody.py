"""Custody of a home: one run holds the lease, says who it is, cleans up after the dead, and leaves data health behind when it lets go.

Every run takes it, from the command line or from Dagster's own launcher. What dies with the run is in `pipelines.machine.processes`.
"""

import datetime as dt
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg

from dagster_project.data_health import PARTITION_TAG, record_health
from pipelines.machine.processes import is_alive, name_process
from pipelines.machine.temporary import sweep
from pipelines.store.home import Home
from pipelines.store.lease import hold_lease
from pipelines.store.workfolder import drop_dead_attempts, end_attempt

PROCESS_TAG = "evenstock/process"
# A run that Dagster launched names its process when it opens the home, a moment after it started.
UNNAMED_SECONDS = 120
UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


@dataclass(frozen=True)
class CleanUp:
    """What dead processes had left: runs now marked failed, temporary files and folders of attempts removed."""

    dead_runs: int
    leftovers: int
    attempts: int

    def __str__(self) -> str:
        return f"{self.dead_runs} dead runs marked failed, {self.leftovers} left-over files and {self.attempts} dead attempts removed"


@contextmanager
def take_custody(home: Home, run: dg.DagsterRun | None, instance: dg.DagsterInstance | None, log: Any) -> Generator[CleanUp]:
    """Hold the home's lease for as long as the run executes; raises `Busy` naming the holder if a living process has it.

    A dead holder's lease is free at once, since the kernel frees it; what else the dead left is cleaned up here. However the run ends
    short of a kill, its data health is written before the lease is given back.
    """
    if run is not None and instance is not None:
        instance.add_run_tags(run.run_id, {PROCESS_TAG: name_process()})
    what = f"{run.job_name} for {run.tags.get(PARTITION_TAG, 'no date')}, run {run.run_id[:8]}" if run else "a run"
    with hold_lease(home.root, what, dt.datetime.now(dt.UTC).isoformat(timespec="seconds")):
        cleaned = clean_up(home, instance)
        if cleaned != CleanUp(0, 0, 0):
            log.info(f"after an earlier crash: {cleaned}")
        try:
            yield cleaned
        finally:
            record_health(home, run, instance, log)
            end_attempt(home, run.run_id[:8] if run else "")


def clean_up(home: Home, instance: dg.DagsterInstance | None) -> CleanUp:
    """Clean up after processes that died; called by whoever holds the lease, so that no other attempt can be alive."""
    dead = close_dead_runs(instance) if instance else 0
    return CleanUp(dead, len(sweep(home.own_folders)), len(drop_dead_attempts(home)))


def close_dead_runs(instance: dg.DagsterInstance, now: float | None = None) -> int:
    """Mark runs failed that Dagster shows as running though their process is gone; returns how many.

    A run tells its process in a tag. One without, launched by Dagster and killed before it opened the home, is dead when it is older
    than any start takes. `now` is in seconds since 1970, the clock's if not given.
    """
    dead, moment = 0, time.time() if now is None else now
    for record in instance.get_run_records(filters=dg.RunsFilter(statuses=UNFINISHED)):
        process = record.dagster_run.tags.get(PROCESS_TAG)
        age = moment - (record.start_time or record.create_timestamp.timestamp())
        if not is_alive(process) if process else age > UNNAMED_SECONDS:
            instance.report_run_failed(record.dagster_run, "The process of this run is gone; the next run starts afresh.")
            dead += 1
    return dead


def main() -> None:
    """Mark dead runs of the instance at DAGSTER_HOME failed; `make dev` calls it, since a dead run would hold up Dagster's queue."""
    with dg.DagsterInstance.get() as instance:
        close_dead_runs(instance)


if __name__ == "__main__":
    main()
