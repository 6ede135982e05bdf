"""What starts runs by itself: a complete drop starts a night, open triggers a plan restricted to their items. The domain judges both."""

import datetime as dt
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dagster_project.resources import restricted_to
from pipelines import flows
from pipelines.settings import Settings

EVERY_SECONDS = 30
# A night that failed for good is told of for a day; so many nights are looked at.
TOLD_SECONDS = 86_400.0
MAX_RUNS = 50
DROP, TRIGGER, STARTED = "evenstock/drop", "evenstock/trigger", "evenstock/started"
FOUND_BY = "evenstock/found_by"


def landing_sensor(
    job: UnresolvedAssetJobDefinition,
    settings: Settings,
    partitions: dg.PartitionsDefinition,
    clock: Callable[[], float] = time.time,
) -> dg.SensorDefinition:
    """Start the night of a business date when its drop is complete: once per content, so that a corrected drop starts it again.

    A drop that is not complete is explained in the reason of the skipped tick. A night that failed without a verdict that blocks is
    started again, three times at most, and the tick's log says so. Switched off until somebody switches it on. Its cursor remembers what
    it saw, so that files settle over several looks.
    """

    @dg.sensor(
        name="landing",
        job=job,
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Starts the night of a business date when its drop in the inbox is complete.",
    )
    def landing(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        memory = json.loads(context.cursor) if context.cursor else {}
        now = clock()
        report = flows.watch_inbox(settings.folders, memory, now, settings.settling)
        again, said = _retries(context.instance, settings, report.memory, now)
        told = [*report.waiting, *report.remarks, *said]
        requests = [_request(day, digest, now) for day, digest in report.ready if partitions.has_partition_key(day.isoformat())]
        for day in sorted({day for day, _ in report.ready} - {dt.date.fromisoformat(str(r.partition_key)) for r in requests}):
            told.append(f"{day}: no business date that can be planned yet; put the drop under its own date")
            report.memory.pop(day.isoformat())
        for text in told:
            context.log.info(text)
        cursor = json.dumps(report.memory, sort_keys=True, separators=(",", ":"))
        if requests or again:
            return dg.SensorResult(run_requests=[*requests, *again], cursor=cursor)
        return dg.SensorResult(skip_reason="; ".join(told) or "no drop that is new", cursor=cursor)

    return landing


def _retries(
    instance: dg.DagsterInstance, settings: Settings, memory: Mapping[str, Any], now: float
) -> tuple[list[dg.RunRequest], list[str]]:
    """Nights to start again for drops that are still the same, and what is said of those that failed in the last day."""
    requests, said = [], []
    for (day, digest), runs in sorted(_recent_attempts(instance).items()):
        started = [float(run.tags[STARTED]) for run in runs]
        is_over = all(run.status == dg.DagsterRunStatus.FAILURE for run in runs)
        seen = memory.get(day, {})
        is_same = "look" in seen and seen["digest"] == digest
        if not is_over or not is_same or now > max(started) + TOLD_SECONDS:
            continue
        retry = flows.judge_retry(settings.folders, dt.date.fromisoformat(day), started, now)
        if retry:
            said.append(retry.says)
            requests += [_request(dt.date.fromisoformat(day), digest, now, retry.attempt)] if retry.attempt else []
    return requests, said


def _recent_attempts(instance: dg.DagsterInstance) -> dict[tuple[str, str], list[dg.DagsterRun]]:
    """The newest nights that this sensor started, by date and content of their drop."""
    found: dict[tuple[str, str], list[dg.DagsterRun]] = {}
    for run in instance.get_runs(filters=dg.RunsFilter(tags={TRIGGER: "landing"}), limit=MAX_RUNS):
        found.setdefault((run.tags["dagster/partition"], run.tags[DROP]), []).append(run)
    return found


def _request(day: dt.date, digest: str, now: float, attempt: int = 1) -> dg.RunRequest:
    key = f"{day}:{digest}" + (f":{attempt}" if attempt > 1 else "")
    tags = {DROP: digest, TRIGGER: "landing", STARTED: f"{now:.0f}"}
    return dg.RunRequest(run_key=key, partition_key=day.isoformat(), tags=tags)


def trigger_sensor(job: UnresolvedAssetJobDefinition, settings: Settings) -> dg.SensorDefinition:
    """Start a plan restricted to the items of open triggers, once per date and set of events.

    Switched off until somebody switches it on. A publication that is itself restricted starts nothing.
    """

    @dg.sensor(
        name="triggers",
        job=job,
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Starts a plan restricted to the items of the current publication's open triggers.",
    )
    def triggers(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        due = flows.read_triggered(settings.folders)
        if isinstance(due, str):
            return dg.SensorResult(skip_reason=due)
        key = f"{due.as_of}:{due.digest}"
        if context.cursor == key:
            return dg.SensorResult(skip_reason=f"the plan for the triggers of {due.as_of} was started already", cursor=key)
        request = dg.RunRequest(
            run_key=key,
            partition_key=due.as_of.isoformat(),
            tags={TRIGGER: "triggers", FOUND_BY: due.run_id, **restricted_to(due.items)},
        )
        return dg.SensorResult(run_requests=[request], cursor=key)

    return triggers
