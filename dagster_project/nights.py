"""Runs a job for one business date in this process and says how it ended in the words of the public contract.

The command line and the closed loop come in here; what a job does is in the assets.
"""

import datetime as dt
import json
import os
import sys
import time
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.custody import PROCESS_TAG
from dagster_project.definitions import build_defs
from dagster_project.event_storage import open_kept_instance
from pipelines.domain import errors
from pipelines.domain.errors import EvenstockError, GateBlocked, MachineFailed, NoValidPlan, UsageError
from pipelines.machine.failures import machine_explained, remedy_of
from pipelines.machine.processes import name_process
from pipelines.machine.writing import claim_file, write_bytes
from pipelines.settings import Settings

INSTANCE_FILE = Path(__file__).resolve().parents[1] / "deploy" / "dagster.yaml"


@dataclass
class Nights:
    """Jobs of one home, loaded once, with a persistent Dagster instance that the web server can show."""

    settings: Settings
    persistent: bool = True
    jobs: dict[str, dg.JobDefinition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        os.environ.setdefault("DO_NOT_TRACK", "1")
        with warnings.catch_warnings():
            # Dagster warns that assets of one dbt build and ours word the same backfill policy differently.
            warnings.simplefilter("ignore", UserWarning)
            defs = build_defs(settings=self.settings)
            self.jobs = {name: defs.resolve_job_def(name) for name in ("ingest_day", "nightly")}

    def run(self, job: str, as_of: dt.date) -> dict[str, Any]:
        """Run a job for a business date; returns the figures of its assets by key. Raises what stopped it as an `EvenstockError`."""
        self._check_date(job, as_of)
        with machine_explained(self.settings.home, Exception):
            return self._run(job, as_of)

    def _run(self, job: str, as_of: dt.date) -> dict[str, Any]:
        started = time.monotonic()
        log = self.settings.folders.logs / f"{as_of.isoformat()}-{job}.log"
        with spare_the_screen(log), open_instance(self.settings) if self.persistent else dg.DagsterInstance.ephemeral() as instance:
            result = self.jobs[job].execute_in_process(
                partition_key=as_of.isoformat(), instance=instance, raise_on_error=False, tags={PROCESS_TAG: name_process()}
            )
        # A step that yields less than it promised leaves the run green and what follows skipped.
        if not result.success or any(event.is_step_skipped for event in result.all_events):
            raise explain_failure(result, as_of)
        self._log(job, as_of, result.run_id, time.monotonic() - started)
        return {m.asset_key.to_user_string(): _plain(m.metadata) for m in _materializations(result)}

    def _check_date(self, job: str, as_of: dt.date) -> None:
        """Raise `UsageError` for a date before the first partition, `GateBlocked` for one after the last, of which nothing can be there."""
        dates, day = self.jobs[job].partitions_def, as_of.isoformat()
        if dates is None or dates.has_partition_key(day):
            return
        first, last = dates.get_first_partition_key(), dates.get_last_partition_key()
        if first is None or day < first:
            raise UsageError(f"{day} is before the first business date; give one from {first} to {last}, or set EVENSTOCK_START_DATE")
        raise GateBlocked(f"nothing has landed for {day}, which is after the last business date; give one from {first} to {last}")

    def _log(self, job: str, as_of: dt.date, dagster_run: str, seconds: float) -> None:
        """Wall times, kept outside every digest."""
        entry = {"job": job, "as_of": as_of.isoformat(), "dagster_run": dagster_run, "seconds": round(seconds, 2)}
        write_bytes("run_log.entry", self.settings.folders.run_log / f"{dagster_run}.json", json.dumps(entry, sort_keys=True).encode())


@contextmanager
def spare_the_screen(log: Path) -> Generator[None]:
    """Send everything that Dagster, dbt and their children print to `log` for a while, by file descriptor."""
    log.parent.mkdir(parents=True, exist_ok=True)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    kept = [os.dup(number) for number in (1, 2)]
    try:
        with log.open("ab") as file:
            for number in (1, 2):
                os.dup2(file.fileno(), number)
            yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)


@contextmanager
def open_instance(settings: Settings) -> Generator[dg.DagsterInstance]:
    """The home's own Dagster instance, configured once from deploy/dagster.yaml."""
    folder = settings.folders.dagster
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "dagster.yaml").exists():
        claim_file("dagster.config", folder / "dagster.yaml", INSTANCE_FILE.read_bytes())
    with open_kept_instance(folder) as instance:
        yield instance


def explain_failure(result: dg.ExecuteInProcessResult, as_of: dt.date) -> EvenstockError:
    """The failure of a run as the error that a user can act on: the first step's own, or the verdict of its blocking checks."""
    failed = [event for event in result.all_events if event.is_step_failure or event.is_run_failure]
    causes = [error for event in failed for error in _chain(getattr(event.event_specific_data, "error", None))]
    for error in causes:
        if error.cls_name == "DagsterExecutionInterruptedError":
            raise KeyboardInterrupt
        if error.cls_name == "DagsterAssetCheckFailedError":
            return _explain_checks(result, as_of)
        if error.cls_name and hasattr(errors, error.cls_name):
            return getattr(errors, error.cls_name)(error.message.split(": ", 1)[-1].strip())
    said = causes[-1].message.strip() if causes else "a step was skipped and none said why"
    remedy = next((found for error in causes if (found := remedy_of(error.message))), None)
    if remedy:
        return MachineFailed(f"the run of {as_of} failed: {' '.join(said.split())[:300]}; {remedy}")
    return EvenstockError(f"the run of {as_of} failed: {said}")


def _explain_checks(result: dg.ExecuteInProcessResult, as_of: dt.date) -> EvenstockError:
    failed = [e for e in result.get_asset_check_evaluations() if not e.passed and e.severity == dg.AssetCheckSeverity.ERROR]
    said = "; ".join(f"{e.asset_key.path[-1]}: {e.description}" for e in failed)
    if any(e.check_name == "audit" for e in failed):
        return NoValidPlan(f"the plan of {as_of} is not valid: {said}")
    remedy = f"correct the extract and land it again; evenstock health --as-of {as_of} shows which rows"
    return GateBlocked(f"the gate of {as_of} blocks: {said}. The publication is untouched; {remedy}")


def _chain(error: Any) -> list[Any]:
    found = []
    while error is not None:
        found.append(error)
        error = error.cause
    return found


def _materializations(result: dg.ExecuteInProcessResult) -> list[dg.AssetMaterialization]:
    return [event.materialization for event in result.all_events if event.is_step_materialization]


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: getattr(value, "value", value) for name, value in metadata.items()}
