"""Every run leaves data health behind: planned or only landed, blocked or refused, and never changes how the run ended."""

import datetime as dt
import shutil
from pathlib import Path

import dagster as dg
import pytest

from dagster_project import data_health
from dagster_project.nights import Nights, open_instance
from pipelines.domain.errors import GateBlocked
from pipelines.health import read_health
from pipelines.settings import load_settings
from pipelines.store.home import Home
from tests.landed import land_file

DAY = dt.timedelta(days=1)


@pytest.fixture
def home(played_loop, tmp_path) -> Path:
    return Path(shutil.copytree(played_loop.home, tmp_path / "home", symlinks=True))


def land_stock_alone(home: Path, last: dt.date) -> dt.date:
    """The stock of the day after the last one, without the masters and events that belong to it."""
    day, source = last + DAY, home / "inbox" / str(last) / "wms_stock.csv"
    file = home / f"stock_{day}.csv"
    file.write_text(source.read_text().replace(str(last), str(day)))
    land_file(home / "landing", file, "wms_stock", day)
    return day


def test_every_run_of_a_loop_leaves_its_page(played_loop):
    home, planned = Home(played_loop.home), {night.as_of for night in played_loop.nights}
    days = [played_loop.first_day + n * DAY for n in range((played_loop.last_day - played_loop.first_day).days + 1)]
    for day in days:
        body = read_health(home, day)
        assert body["headline"]["state"] == ("fresh" if day in planned else "stale"), day
        assert body["run"] == {"job": "nightly" if day in planned else "ingest_day", "stopped_by": []}
        parts = ("accepted", "quarantined", "left_out", "merged")
        assert body["totals"]["rows_in"] == sum(body["totals"][f"rows_{name}"] for name in parts) > 0
        assert body["problems"] == [] and (home.health_of(day) / "health.html").is_file()


def test_a_blocked_run_leaves_its_page_and_links_it(home, played_loop):
    day = land_stock_alone(home, played_loop.last_day)
    settings = load_settings(home=home)
    with pytest.raises(GateBlocked, match="feed missing"):
        Nights(settings).run("nightly", day)
    body = read_health(settings.folders, day)
    assert body["headline"]["state"] == "blocked" and body["publication"]["age_days"] == 1
    assert [stop["step"] for stop in body["run"]["stopped_by"]] == ["gate"] * len(body["run"]["stopped_by"]) != []
    with open_instance(settings) as instance:
        event = instance.get_latest_materialization_event(data_health.HEALTH).asset_materialization
    assert event.partition == str(day)
    assert event.metadata["state"].value == "blocked"
    assert event.metadata["page"].value == (settings.folders.health_of(day) / "health.html").as_uri()


def test_a_refused_landing_says_why_in_the_users_words(home, played_loop):
    day = played_loop.last_day + DAY
    drop = home / "inbox" / str(day)
    shutil.copytree(home / "inbox" / str(played_loop.last_day), drop)
    with pytest.raises(Exception, match="its manifest is about"):
        Nights(load_settings(home=home), persistent=False).run("nightly", day)
    body = read_health(Home(home), day)
    assert body["headline"]["state"] == "blocked"
    assert body["headline"]["why"] == [stop["says"] for stop in body["run"]["stopped_by"]]
    assert "its manifest is about" in body["headline"]["why"][0] and "Traceback" not in body["headline"]["why"][0]


def test_a_selection_of_assets_leaves_its_page_too(home, played_loop):
    day = land_stock_alone(home, played_loop.last_day)
    nights = Nights(load_settings(home=home), persistent=False)
    with dg.DagsterInstance.ephemeral() as instance:
        job = nights.jobs["ingest_day"]
        chosen = [dg.AssetKey(["landing", "drop"])]
        assert job.execute_in_process(partition_key=str(day), instance=instance, asset_selection=chosen).success
    assert read_health(Home(home), day)["headline"]["state"] == "stale"


def test_health_that_cannot_be_written_changes_nothing_about_the_run(home, played_loop, monkeypatch, capsys):
    def fail(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data_health, "write_health", fail)
    nights = Nights(load_settings(home=home), persistent=False)
    nights.run("ingest_day", played_loop.last_day)
    said = capsys.readouterr().err
    assert f"data health of {played_loop.last_day} could not be written" in said and "No space left on device" in said
