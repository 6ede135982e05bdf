"""What starts a night by itself: a drop that is complete. Whether it is, and whether it brings anything new, the domain says."""

import datetime as dt
import json
import time
from collections.abc import Callable

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipelines import flows
from pipelines.settings import Settings

EVERY_SECONDS = 30


def landing_sensor(
    job: UnresolvedAssetJobDefinition,
    settings: Settings,
    partitions: dg.PartitionsDefinition,
    clock: Callable[[], float] = time.time,
) -> dg.SensorDefinition:
    """Start the night of a business date when its drop is complete: once per content, so that a corrected drop starts it again.

    A drop that is not complete is explained in the reason of the skipped tick. Switched off until somebody switches it on, as the
    schedule is. Its cursor remembers what it saw, so that files settle over several looks.
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
        report = flows.watch_inbox(settings.folders, memory, clock(), settings.settling)
        told = [*report.waiting, *report.remarks]
        requests = []
        for day, digest in report.ready:
            if partitions.has_partition_key(day.isoformat()):
                requests.append(_request(day, digest))
            else:
                told.append(f"{day}: no business date that can be planned yet; put the drop under its own date")
                report.memory.pop(day.isoformat())
        for text in told:
            context.log.info(text)
        cursor = json.dumps(report.memory, sort_keys=True, separators=(",", ":"))
        if requests:
            return dg.SensorResult(run_requests=requests, cursor=cursor)
        return dg.SensorResult(skip_reason="; ".join(told) or "no drop that is new", cursor=cursor)

    return landing


def _request(day: dt.date, digest: str) -> dg.RunRequest:
    return dg.RunRequest(run_key=f"{day}:{digest}", partition_key=day.isoformat(), tags={"evenstock/drop": digest})
