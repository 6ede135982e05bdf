"""The end of a night: publish, approve by policy, dispatch. The outbox is a sink; what comes of it is tomorrow's extract."""

import dagster as dg

from dagster_project.assets.planning import PLAN_LINES
from dagster_project.resources import EvenstockHome
from pipelines import flows

PUBLICATION = dg.AssetKey(["published", "current"])
APPROVALS = dg.AssetKey(["ledger", "approvals"])
OUTBOX = dg.AssetKey(["outbox", "transfer_orders"])


def publication_assets(partitions: dg.PartitionsDefinition, marts: dict[str, dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """Publication after every mart, then approval, then dispatch."""

    @dg.asset(
        key=PUBLICATION,
        deps=[PLAN_LINES, *marts.values()],
        group_name="publication",
        partitions_def=partitions,
        kinds={"parquet", "duckdb"},
    )
    def publication(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> dg.MaterializeResult:
        """Marts, plan and manifest under one run id; readers see the whole of it or the one before."""
        done = flows.publish_run(evenstock.run_of(context))
        return dg.MaterializeResult(metadata={"run_id": done.run_id, "path": dg.MetadataValue.path(str(done.path))})

    @dg.asset(key=APPROVALS, deps=[PUBLICATION], group_name="approval", partitions_def=partitions, kinds={"sqlite"})
    def approvals(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> dg.MaterializeResult:
        """Lines within the policy's limits are approved; the others wait for a person."""
        return dg.MaterializeResult(metadata=flows.approve(evenstock.run_of(context)))

    @dg.asset(key=OUTBOX, deps=[APPROVALS], group_name="execution", partitions_def=partitions, kinds={"json"})
    def transfer_orders(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> dg.MaterializeResult:
        """One transfer order per lane and plan, sent once: intent in the ledger, file in the outbox, then release."""
        sent = flows.dispatch(evenstock.run_of(context))
        return dg.MaterializeResult(metadata={**sent, "reduced": len(sent["reduced"]), "refused": len(sent["refused"])})

    return [publication, approvals, transfer_orders]
