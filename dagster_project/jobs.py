"""What can be run: a day's landing and gates, or the whole night; and when the night runs by itself."""

import datetime as dt

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dagster_project.assets.publication import OUTBOX

INGEST_GROUPS = ("landing", "ingest", "gate")
# What a publication comes from; neither landing and gates, which were before, nor what follows from it.
REBUILD_GROUPS = ("marts", "forecast", "planning", "reporting", "publication")


def ingest_day_job() -> UnresolvedAssetJobDefinition:
    """Land, ingest and gate one business date; touches neither marts nor plan."""
    return dg.define_asset_job(
        "ingest_day",
        dg.AssetSelection.groups(*INGEST_GROUPS),
        description="Land, ingest and gate one business date.",
        executor_def=dg.in_process_executor,
    )


def nightly_job() -> UnresolvedAssetJobDefinition:
    """The whole loop of one business date, from landing to dispatch."""
    return dg.define_asset_job(
        "nightly",
        dg.AssetSelection.all(),
        description="The whole loop of one business date, from landing to dispatch.",
        executor_def=dg.in_process_executor,
    )


def replan_job() -> UnresolvedAssetJobDefinition:
    """A plan restricted to some items (tag `evenstock/items`) on what has landed and passed the gates."""
    return dg.define_asset_job(
        "replan",
        dg.AssetSelection.groups(*REBUILD_GROUPS, "approval") | dg.AssetSelection.assets(OUTBOX),
        description="A plan restricted to some items, from the store to dispatch; other items' lines stay as they are.",
        executor_def=dg.in_process_executor,
    )


def rebuild_job() -> UnresolvedAssetJobDefinition:
    """A past run again, from its store to its publication."""
    return dg.define_asset_job(
        "rebuild",
        dg.AssetSelection.groups(*REBUILD_GROUPS),
        description="A past run again, from its store to its publication.",
        executor_def=dg.in_process_executor,
    )


def nightly_schedule(job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Two hours after midnight (UTC), for the business date that has just ended."""

    @dg.schedule(name="every_night", job=job, cron_schedule="0 2 * * *", execution_timezone="UTC")
    def every_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        as_of = (context.scheduled_execution_time - dt.timedelta(days=1)).date().isoformat()
        return dg.RunRequest(run_key=as_of, partition_key=as_of)

    return every_night
