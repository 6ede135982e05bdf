"""Runs the steps of a past run again in a home of its own, and brings back lake and publications that are gone.

What is laid out, and what it is compared with, is said in `pipelines.flows.rebuild`.
"""

import datetime as dt
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.definitions import build_defs
from dagster_project.nights import explain_failure, spare_the_screen
from dagster_project.resources import restricted_to
from pipelines.domain.errors import UsageError
from pipelines.flows import FEEDS, Run
from pipelines.flows.provenance import unpack_versions
from pipelines.flows.rebuild import Comparison, PastRun, Tell, compare, find_past_run, lay_out, restore_lake
from pipelines.machine.boundaries import crossing
from pipelines.machine.temporary import sweep_beside, temporary_folder_beside
from pipelines.machine.writing import sync
from pipelines.settings import Settings, load_policy
from pipelines.store.home import Home


@dataclass
class Restored:
    """What was brought back: dates judged anew, publications made again, and those that came out otherwise."""

    judged: list[dt.date] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    differing: list[Comparison] = field(default_factory=list)
    impossible: list[str] = field(default_factory=list)


def rebuild_run(settings: Settings, run_id: str, into: Path, tell: Tell) -> Comparison:
    """Make a past run again from landed files and the ledger; its publication goes to the new folder `into`. Live state is untouched.

    Raises `UsageError` for an unknown run or a folder that is there, `InputRefused` if what the run was made of is gone.
    """
    from pipelines.store.ledger import open_ledger

    if into.exists():
        raise UsageError(f"{into}: is there already; remove it, or give another folder with --into")
    live = settings.folders
    past = find_past_run(open_ledger(live.root, settings.ledger_url or None, read_only=True), run_id)
    with _rebuilt(settings, past, into, tell) as (folder, comparison):
        with crossing("rebuild.folder", into):
            folder.rename(into)
            sync(into.parent)
        return comparison


@contextmanager
def _rebuilt(settings: Settings, past: PastRun, beside: Path, tell: Tell) -> Generator[tuple[Path, Comparison]]:
    """The folder of a rebuilt publication and how it compares, in a home of its own that is gone afterwards."""
    from pipelines.store.ledger import open_ledger
    from pipelines.store.publication import read_run, verify

    live, beside = settings.folders, beside.parent.resolve() / beside.name
    sweep_beside(beside)
    with temporary_folder_beside(beside) as draft:
        target = Home(draft)
        lay_out(live, open_ledger(live.root, settings.ledger_url or None, read_only=True), past, target, tell)
        tell(f"making run {past.run_id} of {past.as_of} again", 0.4)
        run = _run_steps(settings, past, target)
        rebuilt = read_run(target.published, run.work.run_id)
        if rebuilt is None:
            raise UsageError(f"run {past.run_id} gave no publication; look at {live.logs}")
        tell("comparing", 0.95)
        made_of = run.work.read_json("provenance")
        published = None if verify(live.published / past.run_id) else read_run(live.published, past.run_id)
        yield rebuilt.path, compare(past, rebuilt, made_of, published)


def _run_steps(settings: Settings, past: PastRun, target: Home) -> Run:
    """Store, marts, forecast, plan and publication of the date, on what lies in `target`."""
    live, seed = settings.folders, past.made_of["seed"]
    parsed = settings.dbt_target or live.dagster / "dbt"
    own = settings.model_copy(update={"home": target.root, "dbt_target": parsed, "seed": seed, "ledger_url": ""})
    with spare_the_screen(live.logs / f"rebuild-{past.run_id}.log"), dg.DagsterInstance.ephemeral() as instance:
        job = build_defs(settings=own, is_rebuild=True).resolve_job_def("rebuild")
        day, tags = past.as_of.isoformat(), restricted_to(past.made_of.get("items", ()))
        result = job.execute_in_process(partition_key=day, tags=tags, instance=instance, raise_on_error=False)
    if not result.success or any(event.is_step_skipped for event in result.all_events):
        raise explain_failure(result, past.as_of)
    return Run(target, past.as_of, load_policy(target), seed, is_rebuild=True)


def restore_state(settings: Settings, tell: Tell) -> Restored:
    """Bring back lake, quarantine, verdicts and publications that are missing or damaged; what is intact is left alone.

    Holds the lease. Publications come back as far as the policy's retention keeps them.
    """
    from pipelines.store.lease import hold_lease
    from pipelines.store.ledger import open_ledger

    home, policy, done = settings.folders, load_policy(settings.folders), Restored()
    with hold_lease(home.root, "evenstock rebuild --all", dt.datetime.now(dt.UTC).isoformat(timespec="seconds")):
        ledger = open_ledger(home.root, settings.ledger_url or None)
        unjudged = restore_lake(home, tell)
        done.judged = _judge_again(home, policy, sorted(set(unjudged) & _read_days(ledger)))
        _restore_publications(settings, ledger, policy, done, tell)
    return done


def _read_days(ledger: Any) -> set[dt.date]:
    """Dates of which the last run read a partition: what no run has read waits for its own night."""
    import json

    bodies = [json.loads(run["provenance"]) for run in ledger.proposed_runs()[-1:] if run["provenance"]]
    return {day for body in bodies for ranges in body["partitions"].values() for day in unpack_versions(ranges)}


def _judge_again(home: Home, policy: Any, days: list[dt.date]) -> list[dt.date]:
    from quality.judging.night import judge_night
    from quality.judging.reopening import judge_partition

    for day in days:
        for feed in FEEDS:
            judge_partition(home, feed, day, policy)
        judge_night(home, day, policy)
    return days


def _restore_publications(settings: Settings, ledger: Any, policy: Any, done: Restored, tell: Tell) -> None:
    from pipelines.domain.errors import InputRefused
    from pipelines.flows.retention import kept_runs
    from pipelines.store.publication import adopt, verify

    home = settings.folders
    wanted = [run for run in kept_runs(ledger.proposed_runs(), policy.retention) if verify(home.published / run["run_id"])]
    for run in wanted:
        try:
            past = find_past_run(ledger, run["run_id"])
            with _rebuilt(settings, past, home.root / "rebuilt" / run["run_id"], tell) as (folder, comparison):
                if comparison.same:
                    adopt(home.published, folder)
                    done.published.append(run["run_id"])
                else:
                    done.differing.append(comparison)
        except InputRefused as error:
            done.impossible.append(f"run {run['run_id']} of {run['as_of']}: {error}")
