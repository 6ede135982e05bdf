"""From landed bytes to gated lake partitions: one asset and one blocking check per feed, and the checks between feeds."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from dagster_project.partitions import business_date
from dagster_project.resources import EvenstockHome
from pipelines import flows
from pipelines.domain.policy import Policy
from pipelines.extracts.contracts.contract import load_contract

GATE = "gate"
LANDED = dg.AssetKey(["landing", "drop"])
RECONCILIATION = dg.AssetKey(["gate", "reconciliation"])


def lake_key(feed: str) -> dg.AssetKey:
    """Key of a feed's lake partition; the same as dagster-dbt gives to the dbt source `lake.<feed>`."""
    return dg.AssetKey(["lake", feed])


def ingest_assets(partitions: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The landing, the feeds with their gates, and the reconciliation between them."""
    return [_landing_asset(partitions), _feed_assets(partitions), _reconciliation_asset(partitions)]


def _landing_asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(key=LANDED, group_name="landing", partitions_def=partitions, kinds={"file"})
    def landed_drop(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> dg.MaterializeResult:
        """The drop folder of the date, copied unchanged under its sha256 after its manifest agreed, or once it is complete.

        Earlier dates that were corrected, or for which a feed came late, are read and judged anew, and no others.
        """
        from quality.judging.reopening import reopen_corrected

        arrived_at, as_of = dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), business_date(context)
        landed = flows.land_inbox(evenstock.folders, as_of, arrived_at, evenstock.drop_seconds)
        remarks = flows.read_arrival(evenstock.folders, as_of)
        for remark in remarks:
            context.log.warning(remark)
        reopened = reopen_corrected(evenstock.folders, as_of, evenstock.policy)
        figures = {"files": len(landed), "bytes": sum(file.bytes for file in landed), "remarks": remarks}
        return dg.MaterializeResult(metadata=figures | {"reopened": name_reopened(reopened, "read and judged anew:")})

    return landed_drop


def _feed_assets(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    specs = [
        dg.AssetSpec(
            lake_key(feed),
            deps=[LANDED],
            group_name="ingest",
            description=f"{load_contract(feed).description} Accepted rows as typed Parquet; refused rows are in quarantine.",
            kinds={"parquet"},
        )
        for feed in flows.FEEDS
    ]
    said = "Quality gate of the partition (Great Expectations)."
    gates = [dg.AssetCheckSpec(GATE, asset=lake_key(feed), blocking=True, description=said) for feed in flows.FEEDS]

    @dg.multi_asset(name="ingest_feeds", specs=specs, check_specs=gates, partitions_def=partitions)
    def ingest_feeds(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> Iterator[dg.MaterializeResult]:
        """Ingest every feed, masters first, and judge each partition; all verdicts are given before a blocking one stops the run."""
        for feed in flows.FEEDS:
            yield _ingest_one(feed, context, evenstock)

    return ingest_feeds


def _reconciliation_asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        key=RECONCILIATION,
        deps=[lake_key(feed) for feed in flows.FEEDS],
        group_name="gate",
        partitions_def=partitions,
        check_specs=[dg.AssetCheckSpec(GATE, asset=RECONCILIATION, blocking=True)],
        kinds={"gx"},
    )
    def reconciliation(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> dg.MaterializeResult:
        """Feeds against each other: stock against yesterday plus movements, ERP against WMS shipments, receipts against movements."""
        return _reconcile_feeds(context, evenstock)

    return reconciliation


def _ingest_one(feed: str, context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> dg.MaterializeResult:
    home, as_of, policy = evenstock.folders, business_date(context), evenstock.policy
    result = flows.ingest_feed(home, feed, as_of)
    inputs = flows.read_gate_inputs(home, feed, as_of, result, policy)
    verdict = _judge(inputs, as_of, policy)
    flows.save_verdict(home, as_of, feed, result.lake_sha256 if result else "", verdict.to_json())
    figures: dict[str, Any] = {"dagster/partition_row_count": len(inputs.frame), "rows_in": inputs.rows_in}
    figures["rows_quarantined"] = inputs.rows_quarantined
    return dg.MaterializeResult(asset_key=lake_key(feed), metadata=figures, check_results=[check_result(lake_key(feed), verdict.checks)])


def _judge(inputs: flows.GateInputs, as_of: dt.date, policy: Policy) -> Any:
    """The verdict of a feed's gate."""
    from quality.judging.judge import judge_feed

    return judge_feed(inputs, as_of, policy.gate)


def _reconcile_feeds(context: dg.AssetExecutionContext, evenstock: EvenstockHome) -> dg.MaterializeResult:
    from quality.judging.night import judge_night
    from quality.judging.reopening import reopen_blocked

    home, as_of, policy = evenstock.folders, business_date(context), evenstock.policy
    reopened = reopen_blocked(home, as_of, policy)
    said, frozen = judge_night(home, as_of, policy)
    result = check_result(RECONCILIATION, said.checks)
    figures = {
        "checks": len(said.checks),
        "frozen_pairs": len(frozen["pairs"]),
        "reopened": name_reopened(reopened, "judged anew with late rows of"),
    }
    return dg.MaterializeResult(asset_key=RECONCILIATION, metadata=figures, check_results=[result])


def name_reopened(reopened: Mapping[dt.date, Sequence[str]], why: str) -> list[str]:
    """Dates that late data opened again, each with its feeds."""
    return [f"{day}: {why} {', '.join(feeds)}" for day, feeds in sorted(reopened.items())]


def check_result(key: dg.AssetKey, checks: Sequence[Any]) -> dg.AssetCheckResult:
    """One Dagster check from the many of a gate: fails with what blocks, warns with what does not."""
    failed = [check for check in checks if not check.passed]
    blocking = [check for check in failed if check.severity == "block"]
    severity = dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN
    said = [f"{check.name}: found {check.observed}, expected {check.expected}" for check in (blocking or failed)]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=GATE,
        passed=not failed,
        severity=severity,
        description="; ".join(said)[:2000] or "every check passed",
        metadata={"checks": len(checks), "failed": [check.name for check in failed]},
    )
