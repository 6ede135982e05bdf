"""Nights in order, nights again, and a night whose plan the audit refuses: what is published never goes back and never holds a bad plan."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from dagster_project.nights import Nights
from pipelines.domain.errors import NoValidPlan
from pipelines.flows import night
from pipelines.settings import load_settings
from pipelines.store.ledger import open_ledger
from pipelines.store.publication import current


def test_nights_follow_one_another_and_an_older_one_again_takes_nothing_back(played_loop, tmp_path):
    logs = sorted((played_loop.home / "run_log").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    ran = [entry["as_of"] for entry in (json.loads(path.read_text()) for path in logs) if entry.get("job") == "nightly"]
    assert ran == sorted(set(ran)) == [night.as_of.isoformat() for night in played_loop.nights] and len(ran) >= 2
    home = Path(shutil.copytree(played_loop.home, tmp_path / "home", symlinks=True))
    published, sent = current(home / "published"), sorted(p.name for p in (home / "outbox").rglob("*.json"))
    feedback = open_ledger(home).feedback_at(played_loop.last_day)
    older = played_loop.nights[-2]
    Nights(load_settings(home=home), persistent=False).run("nightly", older.as_of)
    now = current(home / "published")
    assert (now.run_id, now.as_of) == (published.run_id, played_loop.last_day), "the newer publication stays in force"
    assert (home / "published" / older.run_id).is_dir(), "the older night reads what it read then: the same run id"
    assert sorted(p.name for p in (home / "outbox").rglob("*.json")) == sent, "nothing is sent twice"
    assert open_ledger(home).feedback_at(played_loop.last_day).equals(feedback)


def test_a_plan_that_the_audit_refuses_is_not_published(played_loop, tmp_path, monkeypatch):
    """The solver lies about its objective; the night must end with 5 and the publication as it was."""
    home = Path(shutil.copytree(played_loop.home, tmp_path / "home", symlinks=True))
    before = current(home / "published")
    shutil.rmtree(before.path)
    honest = night.solve_apart

    def boast(*arguments, **options):
        plan = honest(*arguments, **options)
        return dataclasses.replace(plan, objective_usd=plan.objective_usd + 10.0, bound_usd=(plan.bound_usd or 0.0) + 10.0)

    monkeypatch.setattr(night, "solve_apart", boast)
    with pytest.raises(NoValidPlan, match="objective"):
        Nights(load_settings(home=home), persistent=False).run("nightly", played_loop.last_day)
    assert not before.path.exists(), "the refused plan did not take the publication's place"
