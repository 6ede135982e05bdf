"""Where a nightly run's CPU goes: imports, each stage as plain functions, and the ratio of the same night run through Dagster to them.

The worlds are generated: a small one (40 items, 4 locations, 84 days of history), where what is paid once weighs most, and for the
gates a larger one (300 items, 8 locations). Nothing is asserted.
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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.flows import Run

IMPORTED = ("great_expectations", "dagster_dbt", "dagster", "pandas", "dbt.cli.main", "pulp", "duckdb", "sqlalchemy")
SMALL, LARGE = (40, 4), (300, 8)
HISTORY_DAYS, DAYS_SINCE, SEED = 84, 7, 0
START = dt.date(2025, 1, 6)
AS_OF = START + dt.timedelta(days=HISTORY_DAYS + DAYS_SINCE)
# Done at deployment, not every night.
PARSE_DBT = "from pipelines.settings import Settings; from dagster_project.nights import Nights; Nights(Settings())"


def run() -> list[dict]:
    """Rows: step, cpu_s (this process and its children), wall_s, share of the plain night; then the ratio of Dagster to plain, and in each
    world what share of the whole Dagster night the gates are, Great Expectations' import included.
    """
    rows = [{"step": f"import {name}", **measure_process(["-c", f"import {name}"])} for name in IMPORTED]
    stages, plain, with_dagster = measure_nights(SMALL)
    total = sum(stage["cpu_s"] for stage in stages)
    rows += [{**stage, "share": stage["cpu_s"] / total} for stage in stages]
    rows += [{"step": "plain functions, whole process", **plain}, {"step": "the same night through Dagster, whole process", **with_dagster}]
    rows += [share_of("ratio Dagster / plain", with_dagster, plain)]
    rows += [share_of(f"gates / the night through Dagster, {name_world(SMALL)}", gates_of(stages), with_dagster)]
    stages, _, with_dagster = measure_nights(LARGE)
    return [*rows, share_of(f"gates / the night through Dagster, {name_world(LARGE)}", gates_of(stages), with_dagster)]


def measure_nights(size: tuple[int, int]) -> tuple[list[dict], dict[str, float], dict[str, float]]:
    """Stages of a plain night, the plain process and the Dagster process, each on a copy of the same home."""
    with tempfile.TemporaryDirectory(prefix="evenstock-bench-") as scratch:
        homes = [Path(scratch) / name for name in ("stages", "plain", "dagster")]
        ready = make_world(Path(scratch) / "ready", *size)
        environments = [{**os.environ, "EVENSTOCK_HOME": str(shutil.copytree(ready, home, symlinks=True))} for home in homes]
        arguments = ["-m", "benchmarks.nightly"]
        stages = subprocess.run(
            [sys.executable, *arguments, "plain", str(AS_OF)], env=environments[0], capture_output=True, text=True, check=True
        )
        plain = measure_process([*arguments, "plain", str(AS_OF)], environments[1])
        with_dagster = measure_process([*arguments, "dagster", str(AS_OF)], environments[2])
        return json.loads(stages.stdout.splitlines()[-1]), plain, with_dagster


def gates_of(stages: list[dict]) -> dict:
    """The row of the gates."""
    return next(stage for stage in stages if stage["step"] == "gate")


def name_world(size: tuple[int, int]) -> str:
    """Its size in words."""
    return f"{size[0]} items x {size[1]} locations"


def share_of(step: str, part: dict, whole: dict) -> dict:
    """CPU and wall seconds of one as a share of those of the other."""
    return {"step": step, **{kind: part[kind] / whole[kind] for kind in ("cpu_s", "wall_s")}}


def measure_process(arguments: list[str], environment: dict[str, str] | None = None) -> dict[str, float]:
    """CPU and wall seconds of a fresh Python process and its children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": cpu, "wall_s": time.monotonic() - began}


def make_world(home: Path, items: int, locations: int) -> Path:
    """The home of a generated world before the night of `AS_OF`: a first night took its history in, days since then are landed and
    gated, the next day is dropped, dbt has parsed.
    """
    from pipelines.twin.demand import generate_demand
    from pipelines.twin.extracts import write_drop, write_history_drop
    from pipelines.twin.simulate import Twin
    from pipelines.twin.world import build_generated_world

    demand = generate_demand(locations, items, HISTORY_DAYS + DAYS_SINCE + 1, SEED, START)
    world = build_generated_world(demand, SEED)
    twin = Twin(world, demand, SEED)

    def call(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], env={**os.environ, "EVENSTOCK_HOME": str(home)}, capture_output=True, check=True)

    write_history_drop(twin.warm_up(HISTORY_DAYS), world, home / "inbox")
    call("-m", "benchmarks.nightly", "plain", str(twin.next_date - dt.timedelta(days=1)))
    for _ in range(DAYS_SINCE):
        played = twin.play_day([])
        write_drop(played, world, home / "inbox")
        call("-m", "benchmarks.nightly", "intake", str(played.date))
    call("-c", PARSE_DBT)
    write_drop(twin.play_day([]), world, home / "inbox")
    return home


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


def plain_night(as_of: dt.date) -> list[dict]:
    """The steps of a night called one after the other, without Dagster; imports are paid in the stage that needs them."""
    from pipelines import flows

    run, stages = take_in(as_of)
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


def take_in(as_of: dt.date) -> "tuple[Run, Stages]":
    """What was dropped is landed, ingested and gated."""
    from pipelines import flows
    from pipelines.settings import Settings, load_policy

    home = Settings().folders
    run, stages = flows.Run(home, as_of, load_policy(home)), Stages()
    with stages.stage("ingest"):
        flows.land_inbox(run.home, as_of)
        results = {feed: flows.ingest_feed(run.home, feed, as_of) for feed in flows.FEEDS}
    with stages.stage("gate"):
        gate_feeds(run, results, as_of)
    return run, stages


def gate_feeds(run: "Run", results: dict, as_of: dt.date) -> None:
    """Every feed's gate and the checks between feeds, their verdicts kept."""
    from pipelines import flows
    from quality.judging.judge import judge_feed
    from quality.judging.night import judge_night

    for feed, result in results.items():
        said = judge_feed(flows.read_gate_inputs(run.home, feed, as_of, result, run.policy), as_of, run.policy.gate)
        flows.save_verdict(run.home, as_of, feed, result.lake_sha256 if result else "", said.to_json())
    judge_night(run.home, as_of, run.policy)


def build_marts(run: "Run", store: Path, tag: str) -> None:
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


def dagster_night(as_of: dt.date) -> None:
    """The nightly job for the same date."""
    from dagster_project.nights import Nights
    from pipelines.settings import Settings

    Nights(Settings()).run("nightly", as_of)


if __name__ == "__main__":
    how, day = sys.argv[1], dt.date.fromisoformat(sys.argv[2])
    if how == "plain":
        print(json.dumps(plain_night(day)))
    elif how == "intake":
        take_in(day)
    else:
        dagster_night(day)
