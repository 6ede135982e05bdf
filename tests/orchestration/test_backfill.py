"""A backfill by partition comes out as its nights run one by one, feedback and transfers included: four of them, in the soak seven."""

import datetime as dt
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.assets.planning import LEARNED
from dagster_project.backfill import BACKFILL_TAG, PARTITION_TAG, refuse_out_of_order
from dagster_project.closed_loop import Outbox
from dagster_project.nights import Nights
from pipelines.domain.errors import Busy, UsageError
from pipelines.settings import load_settings
from pipelines.store.contents import digest_publication
from pipelines.store.ledger import open_ledger
from pipelines.store.publication import current, read_run
from pipelines.twin.demand import generate_demand
from pipelines.twin.extracts import write_drop, write_history_drop
from pipelines.twin.simulate import Twin
from pipelines.twin.world import build_generated_world

DAYS, SOAK_DAYS, HISTORY_DAYS = 4, 7, 42
POLICY = "planning: {gamma: 1.0, eta: 1.0}\napproval: {max_line_cost_usd: 1000.0}\n"
# Dagster's own queue takes one run at a time (deploy/dagster.yaml); this launcher does so without a daemon.
INSTANCE = """
telemetry: {enabled: false}
run_launcher: {module: dagster._core.launcher.sync_in_memory_run_launcher, class: SyncInMemoryRunLauncher}
run_coordinator: {module: dagster._core.run_coordinator.default_run_coordinator, class: DefaultRunCoordinator}
"""


@pytest.fixture(scope="module", params=[DAYS, pytest.param(SOAK_DAYS, marks=pytest.mark.soak)])
def one_by_one(request, parsed_dbt, tmp_path_factory) -> tuple[Path, Path, list[dt.date]]:
    """A home before the first of these nights, the same home after them, and their dates; a tiny world that executes its orders."""
    home = tmp_path_factory.mktemp("nights") / "home"
    home.mkdir()
    (home / "policy.yaml").write_text(POLICY)
    demand = generate_demand(3, 8, HISTORY_DAYS + request.param, 3, dt.date(2025, 1, 6))
    world = build_generated_world(demand, 3)
    twin, jobs = Twin(world, demand, 3), Nights(load_settings(home=home), persistent=False)
    write_history_drop(twin.warm_up(HISTORY_DAYS), world, home / "inbox")
    jobs.run("nightly", twin.next_date - dt.timedelta(days=1))
    before = Path(shutil.copytree(home, home.parent / "before", symlinks=True))
    outbox, days = Outbox(home / "outbox"), []
    for _ in range(request.param):
        played = twin.play_day(outbox.take_new())
        write_drop(played, world, home / "inbox")
        jobs.run("nightly", played.date)
        days.append(played.date)
    return before, home, days


def outcome(home: Path) -> dict:
    """Everything that a night leaves: publications, decisions, learned parameters, outcomes, transfer orders."""
    ledger = open_ledger(home, read_only=True)
    runs = ledger.proposed_runs()
    after = runs[-1]["as_of"] + dt.timedelta(days=1)
    return {
        "runs": [(run["run_id"], run["as_of"], run["plan_digest"], run["provenance"]) for run in runs],
        "published": {run["run_id"]: digest_publication(read_run(home / "published", run["run_id"])) for run in runs},
        "current": current(home / "published").run_id,
        "chain": ledger.verify_chain(),
        "learned": ledger.feedback_at(after).to_json(),
        "outcomes": ledger.outcomes(after).to_json(),
        "orders": {str(path.relative_to(home)): path.read_bytes() for path in (home / "outbox").glob("*/*.json")},
    }


def test_days_by_partition_are_nights(one_by_one, tmp_path):
    before, nights, days = one_by_one
    home = Path(shutil.copytree(before, tmp_path / "home", symlinks=True))
    for day in days:
        shutil.copytree(nights / "inbox" / str(day), home / "inbox" / str(day))
    instance = tmp_path / "dagster"
    instance.mkdir()
    (instance / "dagster.yaml").write_text(INSTANCE)
    command = [sys.executable, "-m", "dagster", "job", "backfill", "-m", "dagster_project.repository", "-j", "nightly"]
    command += ["--partitions", ",".join(map(str, days)), "--noprompt"]
    done = subprocess.run(
        command, env={**os.environ, "EVENSTOCK_HOME": str(home), "DAGSTER_HOME": str(instance)}, capture_output=True, text=True, timeout=540
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found, wanted = outcome(home), outcome(nights)
    assert len(wanted["runs"]) == len(days) + 1 and len(wanted["orders"]) > 1 and wanted["chain"].ok
    ledger = open_ledger(nights, read_only=True)
    assert len({ledger.feedback_digest(day) for day in days}) > 1, "nothing was learned on the way: nothing would be shown"
    assert {name for name in wanted if found[name] != wanted[name]} == set()


def night(day: str, status: dg.DagsterRunStatus, **more) -> dg.DagsterRun:
    tags = {BACKFILL_TAG: "b1", PARTITION_TAG: day}
    return dg.DagsterRun(job_name="nightly", run_id=str(uuid.uuid4()), status=status, tags=tags, **more)


def test_a_night_of_a_backfill_waits_for_the_one_before_and_is_whole():
    started, done = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS
    with dg.DagsterInstance.ephemeral() as instance:
        first, second, third = night("2026-01-05", done), night("2026-01-06", started), night("2026-01-07", started)
        for run in (first, second, third):
            instance.add_run(run)
        refuse_out_of_order(second, instance, LEARNED)
        with pytest.raises(Busy, match="the night of 2026-01-07 follows that of 2026-01-06, which has not ended"):
            refuse_out_of_order(third, instance, LEARNED)
        part = night("2026-01-06", started, asset_selection=frozenset({dg.AssetKey(["lake", "run_parameters"])}))
        with pytest.raises(UsageError, match="launch it on the job nightly instead"):
            refuse_out_of_order(part, instance, LEARNED)
        alone = dg.DagsterRun(job_name="nightly", run_id="x", tags={PARTITION_TAG: "2026-01-07"}, asset_selection=part.asset_selection)
        refuse_out_of_order(alone, instance, LEARNED)
