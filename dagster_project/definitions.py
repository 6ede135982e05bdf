"""Everything Dagster loads, built from settings alone so that a test may build its own."""

from typing import Any

import dagster as dg

from dagster_project.assets.ingest import RECONCILIATION, ingest_assets, lake_key
from dagster_project.assets.marts import mart_assets, store_assets
from dagster_project.assets.planning import planning_assets
from dagster_project.assets.publication import PUBLICATION, publication_assets
from dagster_project.data_health import health_asset
from dagster_project.dbt_bridge import DbtProjectFiles
from dagster_project.jobs import ingest_day_job, nightly_job, nightly_schedule, rebuild_job, replan_job
from dagster_project.partitions import business_dates
from dagster_project.resources import EvenstockHome
from dagster_project.sensors import landing_sensor, trigger_sensor
from pipelines import flows
from pipelines.settings import Settings, load_settings


def build_defs(settings: Settings | None = None, is_rebuild: bool = False, **overrides: Any) -> dg.Definitions:
    """The definitions for `settings`, or for the environment's with `overrides` (fields of `Settings`) on top.

    With `is_rebuild` the home is one that a past run was laid out in, and the job `rebuild` makes that run again.
    """
    settings = settings or load_settings(**overrides)
    project = DbtProjectFiles(settings.dbt_target or settings.folders.dagster / "dbt")
    partitions = business_dates(settings.start_date)
    marts = project.mart_keys()
    assets = [*ingest_assets(partitions), *store_assets(partitions), *mart_assets(partitions, project)]
    assets += [*planning_assets(partitions, marts), *publication_assets(partitions, marts)]
    health = health_asset(partitions, [*(lake_key(feed) for feed in flows.FEEDS), RECONCILIATION, PUBLICATION])
    nightly, replan = nightly_job(), replan_job()
    return dg.Definitions(
        assets=[*assets, health],
        jobs=[ingest_day_job(), nightly, replan, *([rebuild_job()] if is_rebuild else [])],
        schedules=[nightly_schedule(nightly)],
        sensors=[landing_sensor(nightly, settings, partitions), trigger_sensor(replan, settings)],
        resources={"evenstock": EvenstockHome.from_settings(settings, is_rebuild)},
        executor=dg.in_process_executor,
    )
