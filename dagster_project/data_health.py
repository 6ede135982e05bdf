"""Data health of a run: written when the run lets go of its home, however it ended, and linked in the asset graph."""

import datetime as dt
import traceback
from collections.abc import Iterator
from typing import Any

import dagster as dg

from pipelines.domain import errors
from pipelines.domain.errors import InputRefused
from pipelines.domain.policy import Policy
from pipelines.health import HealthFiles, RunEnd, write_health
from pipelines.settings import load_policy
from pipelines.store.home import Home

HEALTH = dg.AssetKey(["health", "page"])
PARTITION_TAG = "dagster/partition"


def health_asset(partitions: dg.TimeWindowPartitionsDefinition, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    """The page as the graph shows it: no step makes it, since a step behind a blocked gate would never run."""
    return dg.AssetSpec(
        HEALTH,
        deps=deps,
        group_name="health",
        description="Data health of the business date: page and JSON, written at the end of every run, blocked or not.",
        partitions_def=partitions,
        kinds={"html"},
    )


def record_health(home: Home, run: dg.DagsterRun | None, instance: dg.DagsterInstance | None, log: Any) -> HealthFiles | None:
    """Write the health of a run's business date and report it as an asset event; None for a run without a date.

    A failure to write is logged as an error and changes nothing about how the run ended.
    """
    day = run.tags.get(PARTITION_TAG) if run else None
    if run is None or instance is None or day is None:
        return None
    try:
        files = write_health(home, dt.date.fromisoformat(day), _policy(home), explain_end(run, instance))
        instance.report_runless_asset_event(dg.AssetMaterialization(HEALTH, partition=day, metadata=_metadata(files)))
    except Exception:
        log.error(f"data health of {day} could not be written; evenstock health --as-of {day} tries again\n{traceback.format_exc()}")
        return None
    log.info(f"data health: {files.page}")
    return files


def explain_end(run: dg.DagsterRun, instance: dg.DagsterInstance) -> RunEnd:
    """Where and why a run stopped, from its own events: failed blocking checks first, then steps that failed for another reason."""
    checks = [
        (data.check_name, f"{data.asset_key.path[-1]}: {data.description or data.check_name}") for data in _failed_checks(run, instance)
    ]
    steps = [(step, _say(error)) for step, error in _failed_steps(run, instance) if not _is_check(error)]
    return RunEnd(run.job_name, tuple(checks + steps))


def _failed_checks(run: dg.DagsterRun, instance: dg.DagsterInstance) -> Iterator[dg.AssetCheckEvaluation]:
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        data: Any = entry.get_dagster_event().event_specific_data
        if not data.passed and data.severity == dg.AssetCheckSeverity.ERROR:
            yield data


def _failed_steps(run: dg.DagsterRun, instance: dg.DagsterInstance) -> Iterator[tuple[str, list[Any]]]:
    """Step and chain of errors, the outermost first."""
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = entry.get_dagster_event()
        error, chain = event.step_failure_data.error, []
        while error is not None:
            chain.append(error)
            error = error.cause
        yield event.step_key or "", chain


def _is_check(chain: list[Any]) -> bool:
    return any(error.cls_name == "DagsterAssetCheckFailedError" for error in chain)


def _say(chain: list[Any]) -> str:
    """The words for a user where one of the errors has them; else that something failed inside, with its last word."""
    for error in chain:
        if error.cls_name and hasattr(errors, error.cls_name):
            return error.message.split(": ", 1)[-1].strip()
    last = chain[-1].message.strip().splitlines() if chain else []
    return f"internal error: {last[0] if last else 'a step failed and none said why'}"


def _policy(home: Home) -> Policy:
    """The home's policy, or the defaults while its file cannot be read: the run's own failure says so."""
    try:
        return load_policy(home)
    except InputRefused:
        return Policy()


def _metadata(files: HealthFiles) -> dict[str, Any]:
    body = files.body
    figures = {f"{name}_checks": body["gates"][name] for name in ("blocked", "warned")}
    return {
        "page": dg.MetadataValue.url(files.page.as_uri()),
        "document": dg.MetadataValue.path(str(files.document)),
        "state": body["headline"]["state"],
        "says": body["headline"]["says"],
        "rows_quarantined": body["totals"]["rows_quarantined"],
        **figures,
    }
