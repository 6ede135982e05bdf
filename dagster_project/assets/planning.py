"""Forecast, plan and audit: the steps that think, between the two dbt builds."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.assets.ingest import lake_key
from dagster_project.resources import EvenstockHome
from pipelines import flows

WEEKLY, SUMMARY = lake_key("forecast_weekly"), lake_key("forecast_summary")
FINISHED, TRIGGERS = lake_key("finished_horizons"), lake_key("trigger_events")
PLAN_LINES, DISPOSITIONS = lake_key("plan_lines"), lake_key("dispositions")
LEARNED = dg.AssetKey(["feedback", "learned_parameters"])
AUDIT = "audit"
LEARN_MARTS = ("dim_lane", "dim_location", "fct_stock_daily", "fct_transfers")
FORECAST_MARTS = ("dim_item", "fct_demand_daily", "fct_events", "fct_plan_inputs", "fct_stock_daily")
PLAN_MARTS = ("dim_finance", "dim_item", "dim_lane", "dim_location", "fct_events", "fct_inbound", "fct_plan_inputs")


def planning_assets(partitions: dg.PartitionsDefinition, marts: dict[str, dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """Learned parameters, forecast and plan; `marts` maps the name of a dbt model to its asset key."""
    return [_learned_asset(partitions, marts), _forecast_assets(partitions, marts), _plan_assets(partitions, marts)]


def _learned_asset(partitions: dg.PartitionsDefinition, marts: dict[str, dg.AssetKey]) -> dg.AssetsDefinition:
    # What a date learns starts from what the date before had learned.
    before = dg.AssetDep(LEARNED, partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1))

    @dg.asset(
        key=LEARNED,
        deps=[*(marts[name] for name in LEARN_MARTS), before],
        group_name="feedback",
        partitions_def=partitions,
        kinds={"sqlite"},
    )
    def learned_parameters(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> dg.MaterializeResult:
        """Lead times, yields and exposure learned from what happened; rows of the feedback ledger, valid from tomorrow."""
        return dg.MaterializeResult(metadata=flows.learn(evenstock.run_of(context)))

    return learned_parameters


def _forecast_assets(partitions: dg.PartitionsDefinition, marts: dict[str, dg.AssetKey]) -> dg.AssetsDefinition:
    deps = [*(marts[name] for name in FORECAST_MARTS), LEARNED]
    said = {
        WEEKLY: "Mean demand by location, item and week ahead, in units.",
        SUMMARY: "Method, daily mean, spread and stock targets by location and item.",
        TRIGGERS: "Events that may start a plan, found tonight or told by an earlier night and still cooling.",
        FINISHED: "What earlier nights forecast for days that are over now, and the demand of those days.",
    }
    specs = [dg.AssetSpec(key, deps=deps, group_name="forecast", description=text, kinds={"numpy"}) for key, text in said.items()]

    @dg.multi_asset(name="forecast", specs=specs, partitions_def=partitions)
    def forecast(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> Iterator[dg.MaterializeResult]:
        """Forecast demand, not sales: days without stock count for what they could have shown."""
        figures = flows.make_forecasts(evenstock.run_of(context))
        for key in said:
            yield dg.MaterializeResult(asset_key=key, metadata=figures)

    return forecast


def _plan_assets(partitions: dg.PartitionsDefinition, marts: dict[str, dg.AssetKey]) -> dg.AssetsDefinition:
    audit_check = dg.AssetCheckSpec(AUDIT, asset=PLAN_LINES, blocking=True, description="Independent audit of the plan.")
    deps = [*(marts[name] for name in PLAN_MARTS), WEEKLY, SUMMARY]
    said = {
        PLAN_LINES: "Which units to move where, with value, cost and reason per line; audited before anything reads it.",
        DISPOSITIONS: "What can be done about each imbalance, costed side by side.",
    }
    specs = [dg.AssetSpec(key, deps=deps, group_name="planning", description=text, kinds={"highs"}) for key, text in said.items()]

    @dg.multi_asset(name="plan", specs=specs, partitions_def=partitions, check_specs=[audit_check])
    def plan(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> Iterator[dg.MaterializeResult]:
        """Plan, audit, and the options beside what the plan does."""
        run = evenstock.run_of(context)
        figures = flows.make_plan(run)
        audit = flows.audit(run)
        told = "; ".join(audit["violations"][:3]) or "the audit agrees"
        checked = dg.AssetCheckResult(asset_key=PLAN_LINES, check_name=AUDIT, passed=audit["ok"], description=told)
        yield dg.MaterializeResult(asset_key=DISPOSITIONS, metadata={"rows": figures["dispositions"]})
        yield dg.MaterializeResult(asset_key=PLAN_LINES, metadata={**figures, "signature": audit["signature"]}, check_results=[checked])

    return plan
