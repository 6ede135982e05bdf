"""The trigger sensor: one restricted plan per set of open events, which leaves the lines of other items alone and can be made again."""

import datetime as dt
import json
import shutil
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from cli.main import call
from dagster_project.definitions import build_defs
from dagster_project.jobs import replan_job
from dagster_project.sensors import trigger_sensor
from pipelines.flows import Triggered, read_triggered
from pipelines.settings import load_settings
from pipelines.store.ledger import open_ledger
from pipelines.store.publication import current, read_run, verify


@pytest.fixture
def home(played_loop, tmp_path, monkeypatch) -> Path:
    """A copy of the played loop whose last publication has one open event about an item with a line that waits."""
    home = Path(shutil.copytree(played_loop.home, tmp_path / "home", symlinks=True))
    monkeypatch.setenv("EVENSTOCK_HOME", str(home))
    return home


def waiting(home: Path, run_id: str) -> pd.DataFrame:
    lines = open_ledger(home).current_lines(run_id)
    return lines[lines["state"] == "proposed"]


def tell(home: Path, item: str | None) -> None:
    """Write the published triggers: one open event about an item, or none."""
    file = current(home / "published").path / "marts" / "mart_triggers.parquet"
    events = pd.read_parquet(file).iloc[:0]
    if item:
        row = {"event_id": "e1", "type": "demand_spike", "scope": "item", "location_id": None, "item_id": item, "category": None}
        found = {"found_on": current(home / "published").as_of, "evidence": "{}", "verdict": "open"}
        events = pd.DataFrame([row | found | {"cooldown_until": found["found_on"]}])
    events.to_parquet(file, index=False)


def mean_of(publication: Path, item: str) -> np.ndarray:
    """Mean units a day of an item by location."""
    frame = pd.read_parquet(publication / "marts" / "fct_surplus_deficit.parquet")
    return frame[frame["item_id"] == item].sort_values("location_id")["mean_daily_units"].dropna().to_numpy()


def look(home: Path, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    sensor = trigger_sensor(replan_job(), load_settings(home=home))
    return sensor(dg.build_sensor_context(instance=instance, cursor=cursor))


def test_events_start_one_restricted_plan_that_leaves_other_lines_alone(home, played_loop, capfd):
    full = played_loop.nights[-1]
    before = waiting(home, full.run_id)
    assert before["item_id"].nunique() > 1, "nothing would be left alone"
    item = before["item_id"].iloc[0]
    tell(home, item)
    days = {"start_date": full.as_of, "end_date": full.as_of + dt.timedelta(days=200), "effective_from": full.as_of, "decided_at": "t"}
    said = {"author": "ana", "reason": "fair", "location_id": "", "item_id": item, "kind": "factor", "value": 3.0}
    open_ledger(home).add_override(said | days)
    with dg.DagsterInstance.ephemeral() as instance:
        looked = look(home, instance)
        (request,) = looked.run_requests
        assert request.partition_key == str(full.as_of) and request.tags["evenstock/found_by"] == full.run_id
        assert look(home, instance, looked.cursor).run_requests in (None, []), "started once"
        job = build_defs(settings=load_settings(home=home)).resolve_job_def("replan")
        done = job.execute_in_process(partition_key=request.partition_key, tags=request.tags, instance=instance, raise_on_error=False)
    assert done.success
    restricted = current(home / "published")
    assert restricted.run_id != full.run_id and restricted.manifest["items"] == [item] and verify(restricted.path) == []
    planned = pd.read_parquet(restricted.path / "plan_lines.parquet")
    assert set(planned["item_id"]) <= {item}
    means = [mean_of(read_run(home / "published", run_id).path, item) for run_id in (full.run_id, restricted.run_id)]
    assert np.allclose(means[1], 3 * means[0], atol=1e-3) and means[0].sum() > 0, "what a person overrode is planned on"
    after = waiting(home, full.run_id)
    others = before[before["item_id"] != item]
    assert sorted(after["line_id"]) == sorted(others["line_id"]), "of the full plan the item's lines expire, the others wait on"
    assert "restricted to triggered items already" in read_triggered(load_settings(home=home).folders)
    ledger = open_ledger(home)
    ledger.decide(others["line_id"].iloc[0], "reject", "ana", "not now", restricted.manifest["plan_digest"], "2025-01-01T00:00:00+00:00")
    assert ledger.verify_chain().ok
    assert call(["rebuild", "--run", restricted.run_id]) == 0
    assert f"run {restricted.run_id} came out the same" in capfd.readouterr().out
    made_of = json.loads(ledger.find_run(restricted.run_id)["provenance"])
    assert made_of["items"] == [item] and made_of["overrides"] and read_run(home / "published", full.run_id) is not None


def test_without_open_events_nothing_starts(home):
    tell(home, None)
    with dg.DagsterInstance.ephemeral() as instance:
        looked = look(home, instance)
    assert not looked.run_requests and "no open event on" in str(looked.skip_reason)


def test_other_events_of_the_same_date_start_another_plan(home, played_loop):
    items = waiting(home, played_loop.nights[-1].run_id)["item_id"].unique()
    tell(home, items[0])
    folders = load_settings(home=home).folders
    first = read_triggered(folders)
    assert isinstance(first, Triggered) and first == read_triggered(folders) and first.items == (items[0],)


def test_a_home_without_a_publication_starts_nothing(tmp_path):
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.ephemeral() as instance:
        assert "nothing is published yet" in str(look(tmp_path / "home", instance).skip_reason)
