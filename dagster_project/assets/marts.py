"""The store of the run and the dbt models in it: facts before the forecast, decisions after the plan."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from dagster_project.assets.ingest import lake_key
from dagster_project.assets.planning import LEARNED
from dagster_project.backfill import refuse_out_of_order
from dagster_project.dbt_bridge import DbtProjectFiles, MartTranslator, build_models, excluded
from dagster_project.resources import EvenstockHome
from pipelines import flows

LEDGER_STATES = dg.AssetKey(["ledger", "transfer_states"])
RUN_PARAMETERS = lake_key("run_parameters")
LEDGER_LINES, ALERT_BANDS = lake_key("ledger_transfer_lines"), lake_key("alert_bands")


def store_assets(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """What warehouses report, brought into the ledger, and the run's fresh DuckDB file."""

    @dg.asset(key=LEDGER_STATES, deps=[["gate", "reconciliation"]], group_name="execution", partitions_def=partitions, kinds={"sqlite"})
    def transfer_states(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> dg.MaterializeResult:
        """Where every dispatched line stands, as far as reports known at the date prove."""
        refuse_out_of_order(context.run, context.instance, LEARNED)
        done = flows.reconcile_ledger(evenstock.run_of(context))
        for stranger in done["strangers"]:
            context.log.warning(f"report of a line nobody dispatched: {stranger}")
        return dg.MaterializeResult(metadata={**done, "strangers": len(done["strangers"])})

    @dg.multi_asset(
        name="create_store",
        specs=[
            dg.AssetSpec(
                key,
                deps=[LEDGER_STATES, *(lake_key(feed) for feed in flows.FEEDS)],
                group_name="marts",
                description=description,
                kinds={"duckdb"},
            )
            for key, description in (
                (RUN_PARAMETERS, "What people decided for this run; its run id names every input."),
                (LEDGER_LINES, "Lines of earlier plans in the state known at the date."),
                (ALERT_BANDS, "Bands of turnover and days on hand, as the policy sets them."),
            )
        ],
        partitions_def=partitions,
    )
    def create_store(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> Iterator[dg.MaterializeResult]:
        """A fresh store in a folder of this attempt alone."""
        run = evenstock.run_of(context)
        flows.build_store(run)
        for key in (RUN_PARAMETERS, LEDGER_LINES, ALERT_BANDS):
            yield dg.MaterializeResult(asset_key=key, metadata={"run_id": run.work.run_id})

    return [transfer_states, create_store]


def mart_assets(partitions: dg.PartitionsDefinition, project: DbtProjectFiles) -> list[dg.AssetsDefinition]:
    """The two dbt builds of a night."""
    return [_dbt_build("facts", partitions, project), _dbt_build("decisions", partitions, project)]


def _dbt_build(tag: str, partitions: dg.PartitionsDefinition, project: DbtProjectFiles) -> dg.AssetsDefinition:
    @dbt_assets(
        manifest=project.manifest,
        select=f"tag:{tag}",
        exclude=excluded(tag),
        name=f"dbt_{tag}",
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        dagster_dbt_translator=MartTranslator(),
    )
    def build(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> Iterator[Any]:
        run = evenstock.run_of(context)
        run.work.require("store" if tag == "facts" else "audit")
        target = run.work.folder / f"dbt-{tag}"
        yield from _with_row_counts(build_models(context, project, tag, target, evenstock.store_environment(run.work.store)), run)
        run.work.finish(tag)

    return build


def _with_row_counts(events: Iterator[Any], run: flows.Run) -> Iterator[Any]:
    """The events of a dbt build with row counts; they wait until dbt has closed the store, which has one writer."""
    from pipelines.store.mart_counts import count_marts

    done = list(events)
    counts = count_marts(run.work.store)
    for event in done:
        key = getattr(event, "asset_key", None)
        name = key.path[-1] if key else getattr(event, "output_name", "")
        if isinstance(event, dg.Output) and name in counts:
            event = event.with_metadata({**event.metadata, "dagster/partition_row_count": counts[name]})
        yield event
