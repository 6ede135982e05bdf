"""Where a nightly run's CPU goes: imports, each stage as plain functions, and the ratio of the same night run through Dagster to them.

The worlds are generated: a small one (40 items, 4 locations, 84 days of history), where what is paid once weighs most, and a larger one
(300 items, 8 locations). Nothing is asserted.
"""

import datetime as dt
import functools
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.flows import Run

IMPORTED = ("great_expectations", "dagster_dbt", "dagster", "pandas", "dbt.cli.main", "pulp", "duckdb", "sqlalchemy")
SMALL, LARGE = (40, 4), (300, 8)
HISTORY_DAYS, DAYS_SINCE, SEED, NIGHTS = 84, 7, 0, 3
START = dt.date(2025, 1, 6)
AS_OF = START + dt.timedelta(days=HISTORY_DAYS + DAYS_SINCE)
# Done at deployment, not every night.
PARSE_DBT = "from pipelines.settings import Settings; from dagster_project.nights import Nights; Nights(Settings())"


def run() -> list[dict]:
    """Rows: step, cpu_s (this process and its children), wall_s, share of the plain night; then the ratio of Dagster to plain, and in each
    world what share of the whole Dagster night the gates are, Great Expectations' import included: the median of three pairs of nights,
    since a shared machine is now faster, now slower.
    """
    rows = [{"step": f"import {name}", **measure_process(["-c", f"import {name}"])[0]} for name in IMPORTED]
    for size in (SMALL, LARGE):
        nights, world = measure_nights(size), f"{size[0]} items x {size[1]} locations"
        stages, plain, with_dagster, _ = nights[0]
        total = sum(stage["cpu_s"] for stage in stages)
        rows += [{**stage, "step": f"{stage['step']}, {world}", "share": stage["cpu_s"] / total} for stage in stages]
        rows += [{"step": f"plain functions, {world}", **plain}, {"step": f"the same night through Dagster, {world}", **with_dagster}]
        rows += [median_share(f"ratio Dagster / plain, {world}", [(night, plain) for _, plain, night, _ in nights])]
        rows += [median_share(f"gates within the night through Dagster, {world}", [(gates, night) for *_, night, gates in nights])]
    return rows


def measure_nights(size: tuple[int, int]) -> list[tuple[list[dict], dict[str, float], dict[str, float], dict[str, float]]]:
    """Three times in turn on a fresh copy of the same home: stages of a plain night, its whole process, the Dagster process, its gates."""
    with tempfile.TemporaryDirectory(prefix="evenstock-bench-") as scratch:
        ready, home = make_world(Path(scratch) / "ready", *size), Path(scratch) / "home"
        nights = []
        for _ in range(NIGHTS):
            measured = []
            for how in ("plain", "dagster"):
                shutil.copytree(ready, home, symlinks=True)
                measured.append(measure_process(["-m", "benchmarks.nightly", how, str(AS_OF)], {"EVENSTOCK_HOME": str(home)}))
                shutil.rmtree(home)
            (plain, stages), (with_dagster, gates) = measured
            nights.append((json.loads(stages.splitlines()[-1]), plain, with_dagster, json.loads(gates.splitlines()[-1])))
        return nights


def median_share(step: str, pairs: list[tuple[dict, dict]]) -> dict:
    """CPU and wall seconds of one as a share of those of the other, the median of several pairs."""
    return {"step": step, **{kind: statistics.median(part[kind] / whole[kind] for part, whole in pairs) for kind in ("cpu_s", "wall_s")}}


def measure_process(arguments: list[str], environment: dict[str, str] | None = None) -> tuple[dict[str, float], str]:
    """CPU and wall seconds of a fresh Python process and its children, and what it printed."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, *arguments], env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, check=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": cpu, "wall_s": time.monotonic() - began}, done.stdout


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

    def timed(self, call: Callable) -> Callable:
        """A function that does the same and is a stage of its name each time."""

        @functools.wraps(call)
        def wrapped(*arguments: object, **more: object) -> object:
            with self.stage(call.__name__):
                return call(*arguments, **more)

        return wrapped


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


def dagster_night(as_of: dt.date) -> dict[str, float]:
    """The nightly job for the same date; CPU and wall seconds that its gates took of it, Great Expectations' import included."""
    from dagster_project.nights import Nights
    from pipelines import flows
    from pipelines.settings import Settings
    from quality.judging import judge, night, reopening

    stages = Stages()
    parts = [(flows, "read_gate_inputs"), (judge, "judge_feed"), (flows, "save_verdict"), (night, "judge_night")]
    for owner, name in [*parts, (reopening, "reopen_blocked")]:
        setattr(owner, name, stages.timed(getattr(owner, name)))
    Nights(Settings()).run("nightly", as_of)
    return {kind: sum(row[kind] for row in stages.rows) for kind in ("cpu_s", "wall_s")}


if __name__ == "__main__":
    how, day = sys.argv[1], dt.date.fromisoformat(sys.argv[2])
    if how == "plain":
        print(json.dumps(plain_night(day)))
    elif how == "intake":
        take_in(day)
    else:
        print(json.dumps(dagster_night(day)))
