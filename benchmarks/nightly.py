"""Where a nightly run's CPU goes: imports, each stage as plain functions, and the ratio of the same night run through Dagster to them.

The world is generated and small (40 items, 4 locations, 84 days of history). Nothing is asserted.
"""

import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMPORTED = ("great_expectations", "dagster_dbt", "dagster", "pandas", "dbt.cli.main", "pulp", "duckdb", "sqlalchemy")
ITEMS, LOCATIONS, HISTORY_DAYS, SEED = 40, 4, 84, 0
START = dt.date(2025, 1, 6)
AS_OF = START + dt.timedelta(days=HISTORY_DAYS - 1)


def run() -> list[dict]:
    """Rows: step, cpu_s (this process and its children), wall_s, share of the plain night; last the ratio of Dagster to plain, and what
    share of the whole Dagster night the gates are, Great Expectations' import included.
    """
    rows = [{"step": f"import {name}", **measure_process(["-c", f"import {name}"])} for name in IMPORTED]
    with tempfile.TemporaryDirectory(prefix="evenstock-bench-") as scratch:
        seed_home = Path(scratch) / "seed"
        make_history(seed_home)
        plain_home, dagster_home = (Path(shutil.copytree(seed_home, Path(scratch) / name)) for name in ("plain", "dagster"))
        parse_dbt(plain_home)
        stages = json.loads(run_here("plain", plain_home))
        plain = {"step": "plain functions, whole process", **measure_process(["-m", "benchmarks.nightly", "plain"], fresh(plain_home))}
        with_dagster = measure_process(["-m", "benchmarks.nightly", "dagster"], fresh(dagster_home, warm=parse_dbt))
        total = sum(stage["cpu_s"] for stage in stages)
        rows += [{**stage, "share": stage["cpu_s"] / total} for stage in stages]
        rows += [plain, {"step": "the same night through Dagster, whole process", **with_dagster}]
        ratios = {kind: with_dagster[kind] / plain[kind] for kind in ("cpu_s", "wall_s")}
        rows.append({"step": "ratio Dagster / plain", **ratios})
        gates = next(stage for stage in stages if stage["step"] == "gate")
        shares = {kind: gates[kind] / with_dagster[kind] for kind in ("cpu_s", "wall_s")}
        rows.append({"step": "gates / the night through Dagster", **shares})
    return rows


def fresh(home: Path, warm: object = None) -> dict[str, str]:
    """Environment of a run in a home whose earlier night is forgotten; dbt's parsed project stays."""
    for name in ("lake", "landing", "gates", "work", "published", "outbox", "quarantine"):
        shutil.rmtree(home / name, ignore_errors=True)
    for path in home.glob("ledger.sqlite*"):
        path.unlink()
    if callable(warm):
        warm(home)
    return {**os.environ, "EVENSTOCK_HOME": str(home)}


def run_here(how: str, home: Path) -> str:
    """Output of `python -m benchmarks.nightly how`."""
    command = [sys.executable, "-m", "benchmarks.nightly", how]
    return subprocess.run(command, env=fresh(home), capture_output=True, text=True, check=True).stdout.splitlines()[-1]


def measure_process(arguments: list[str], environment: dict[str, str] | None = None) -> dict[str, float]:
    """CPU and wall seconds of a fresh Python process and its children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": cpu, "wall_s": time.monotonic() - began}


def make_history(home: Path) -> None:
    """One drop that holds the whole history of a small generated world."""
    from pipelines.twin.demand import generate_demand
    from pipelines.twin.extracts import write_history_drop
    from pipelines.twin.simulate import Twin
    from pipelines.twin.world import build_generated_world

    demand = generate_demand(LOCATIONS, ITEMS, HISTORY_DAYS + 1, SEED, START)
    world = build_generated_world(demand, SEED)
    write_history_drop(Twin(world, demand, SEED).warm_up(HISTORY_DAYS), world, home / "inbox")


def parse_dbt(home: Path) -> None:
    """Let dbt parse its project once: done at deployment, not every night."""
    code = "from pipelines.settings import Settings; from dagster_project.nights import Nights; Nights(Settings())"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "EVENSTOCK_HOME": str(home)}, capture_output=True, check=True)


class Stages:
    """CPU and wall seconds by stage, children included."""

    def __init__(self) -> None:
        self.rows: list[dict] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        began, cpu = time.monotonic(), cpu_seconds()
        yield
        self.rows.append({"step": name, "cpu_s": cpu_seconds() - cpu, "wall_s": time.monotonic() - began})


def cpu_seconds() -> float:
    """CPU seconds of this process and of its ended children."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, kinds))


def plain_night() -> list[dict]:
    """The steps of a night called one after the other, without Dagster; imports are paid in the stage that needs them."""
    from pipelines import flows
    from pipelines.settings import Settings, load_policy

    home = Settings().folders
    run, stages = flows.Run(home, AS_OF, load_policy(home)), Stages()
    with stages.stage("ingest"):
        flows.land_inbox(run.home, AS_OF)
        results = {feed: flows.ingest_feed(run.home, feed, AS_OF) for feed in flows.FEEDS}
    with stages.stage("gate"):
        gate_feeds(run, results)
    with stages.stage("store"):
        flows.reconcile_ledger(run)
        store = flows.build_store(run)
    with stages.stage("dbt facts"):
        build_marts(run, store, "facts")
    with stages.stage("feedback"):
        flows.learn(run)
    with stages.stage("forecast"):
        flows.make_forecasts(run)
    with stages.stage("plan and audit"):
        flows.make_plan(run)
        flows.audit(run)
    with stages.stage("dbt decisions"):
        build_marts(run, store, "decisions")
    with stages.stage("publish, approve, dispatch"):
        flows.publish_run(run)
        flows.approve(run)
        flows.dispatch(run)
    return stages.rows


def gate_feeds(run: object, results: dict) -> None:
    """Every feed's gate and the checks between feeds, their verdicts kept."""
    from pipelines import flows
    from quality.judging.judge import judge_feed
    from quality.judging.night import judge_night

    for feed, result in results.items():
        said = judge_feed(flows.read_gate_inputs(run.home, feed, AS_OF, result, run.policy), AS_OF, run.policy.gate)
        flows.save_verdict(run.home, AS_OF, feed, result.lake_sha256 if result else "", said.to_json())
    judge_night(run.home, AS_OF, run.policy)


def build_marts(run: object, store: Path, tag: str) -> None:
    """What an operator would type: dbt's own command on the store."""
    from pipelines.store.warehouse import DBT_ENV

    project, target = Path(__file__).parents[1] / "dbt", run.work.folder / f"dbt-{tag}"
    environment = {**os.environ, **DBT_ENV(store), "DBT_TARGET_PATH": str(target), "DBT_LOG_PATH": str(target)}
    where = ["--project-dir", str(project), "--profiles-dir", str(project)]
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", "build", *where, "--select", f"tag:{tag}"]
    command += ["--exclude", "resource_type:unit_test", *(["tag:decisions"] if tag == "facts" else [])]
    command += ["--indirect-selection", "cautious" if tag == "facts" else "eager"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    run.work.finish(tag)


def dagster_night() -> None:
    """The nightly job for the same date."""
    from dagster_project.nights import Nights
    from pipelines.settings import Settings

    Nights(Settings()).run("nightly", AS_OF)


if __name__ == "__main__":
    if sys.argv[1] == "plain":
        print(json.dumps(plain_night()))
    else:
        dagster_night()
