"""Retention: what the policy no longer keeps goes, what plans and transfers need stays, and a kill in between leaves a home that works."""

import datetime as dt
import hashlib
import json
import os
from pathlib import Path

import pandas as pd
import pytest

from pipelines.domain.errors import InputRefused
from pipelines.domain.policy import RetentionPolicy
from pipelines.extracts.landing.landed import list_landed
from pipelines.flows.retention import GOING, Removal, find_removals, kept_runs, remove
from pipelines.queries import read_published
from pipelines.store.home import Home
from pipelines.store.publication import current, read_run
from tests.landed import land_file

LAST = dt.date(2026, 6, 30)
NOW = dt.datetime(2026, 7, 1, tzinfo=dt.UTC).timestamp()


def day(ago: int) -> dt.date:
    return LAST - dt.timedelta(days=ago)


def run(ago: int, *, is_open: bool = False) -> dict:
    return {"run_id": f"r{ago}", "as_of": day(ago), "is_open": is_open}


def write(path: Path, text: str = "x", age_days: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (NOW - age_days * 86400, NOW - age_days * 86400))
    return path


def publish(home: Home, ago: int) -> Path:
    folder = home.published / f"r{ago}"
    write(folder / "manifest.json", json.dumps({"run_id": f"r{ago}", "as_of": day(ago).isoformat(), "files": {}}))
    pd.DataFrame({"line_id": [f"L{ago}"]}).to_parquet(folder / "plan_lines.parquet")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Nothing but the newest judged date, by which the rest ages."""
    home = Home(tmp_path / "home")
    write(home.gates / LAST.isoformat() / "wms_stock.json", "{}")
    return home


def names(found: list[Removal], kind: str) -> list[str]:
    return sorted(removal.path.name for removal in found if removal.kind == kind)


def test_kept_are_the_last_run_the_one_before_open_ones_and_the_recent():
    runs = [run(300), run(200, is_open=True), run(91), run(89), run(0)]
    assert [r["run_id"] for r in kept_runs(runs, RetentionPolicy(publication_days=90))] == ["r200", "r89", "r0"]
    assert [r["run_id"] for r in kept_runs([run(300), run(200), run(0)], RetentionPolicy(publication_days=1))] == ["r200", "r0"]
    assert [r["run_id"] for r in kept_runs([run(0), run(300)], RetentionPolicy(publication_days=1))] == ["r0", "r300"], "the last stays"
    assert kept_runs([], RetentionPolicy()) == []


def test_publications_that_nobody_needs_go_and_the_current_one_never(home: Home):
    for ago in (300, 250, 200, 100, 99, 0):
        publish(home, ago)
    (home.published / "current").symlink_to("r300")
    write(home.published / f"{GOING}r400" / "manifest.json")
    runs = [run(300), run(200, is_open=True), run(100), run(99), run(0)]
    found = find_removals(home, runs, RetentionPolicy(publication_days=90), NOW)
    assert names(found, "publications") == [f"{GOING}r400", "r100", "r250"]
    assert remove(found) == sum(removal.bytes for removal in found) > 0
    assert sorted(path.name for path in home.published.iterdir()) == ["current", "r0", "r200", "r300", "r99"]
    assert find_removals(home, runs, RetentionPolicy(publication_days=90), NOW) == []


def test_work_health_and_logs_go_by_their_age(home: Home):
    for ago in (0, 7, 8, 400, 401):
        write(home.work(day(ago)) / "current.json")
        write(home.health_of(day(ago)) / "health.json")
    for age in (1, 31):
        write(home.logs / f"{age}.log", age_days=age)
        write(home.run_log / f"{age}.json", age_days=age)
    found = find_removals(home, [run(401)], RetentionPolicy(), NOW)
    assert names(found, "work folders") == sorted([day(8).isoformat(), day(400).isoformat()]), "of the last plan it stays"
    assert names(found, "health pages") == [day(401).isoformat()]
    assert names(found, "logs") == ["31.json", "31.log"]
    assert {removal.kind for removal in found} == {"work folders", "health pages", "logs"}


def land(home: Home, feed: str, ago: int, text: str) -> None:
    source = write(home.root / "sources" / f"{feed}.csv", text)
    file = land_file(home.landing, source, feed, day(ago), arrived_at="2026-01-01T00:00:00+00:00")
    stem = home.lake / feed / f"{day(ago)}.v{file.version:04d}-{file.sha256[:12]}.parquet"
    write(stem)
    write(stem.with_name(stem.name + ".json"), json.dumps({"sha256": hashlib.sha256(b"x").hexdigest()}))
    write(home.quarantine / feed / f"{day(ago)}.v0001.parquet")
    write(home.gates / day(ago).isoformat() / f"{feed}.json", "{}")
    write(home.inbox_of(day(ago)) / f"{feed}.csv", text)


@pytest.fixture
def landed(home: Home) -> Home:
    """Masters every hundred days, the same bytes each time; stock of every hundred days; and something landed late for an old date."""
    for ago in (900, 800, 700, 600, 500, 0):
        land(home, "erp_items", ago, "the same items")
        land(home, "wms_stock", ago, f"stock of {ago}")
    return home


def test_landed_files_are_kept_for_ever_unless_the_policy_says_otherwise(landed: Home):
    assert find_removals(landed, [run(0)], RetentionPolicy(), NOW) == []


def test_old_dates_go_with_all_that_was_made_of_them_but_for_the_newest_before(landed: Home):
    found = find_removals(landed, [run(0)], RetentionPolicy(landed_days=550), NOW)
    gone, stay = [day(900), day(800), day(700)], [day(600), day(500), LAST]
    assert names(found, "gates") == sorted(d.isoformat() for d in gone)
    kinds = [removal.kind for removal in found]
    assert kinds.index("landed files") < kinds.index("lake and quarantine") < kinds.index("gates")
    remove(found)
    for feed in ("erp_items", "wms_stock"):
        left = list_landed(landed.landing, feed)
        assert [file.business_date for file in left] == stay
        assert all(file.path.is_file() for file in left), "bytes that a later date shares stay"
        assert sorted({path.name[:10] for path in (landed.lake / feed).iterdir()}) == [d.isoformat() for d in stay]
        assert sorted({path.name[:10] for path in (landed.quarantine / feed).iterdir()}) == [d.isoformat() for d in stay]
    assert sorted(path.name for path in landed.inbox.iterdir()) == [d.isoformat() for d in stay], "or the sensor would start old nights"
    assert len(list((landed.landing / "wms_stock").glob("*.csv"))) == 3


def test_forecasts_stay_as_long_as_a_run_that_can_be_made_again_may_judge_them(landed: Home):
    for ago in (700, 607, 606, 1):
        write(landed.forecasts / day(ago).isoformat() / "r.parquet")
    assert names(find_removals(landed, [run(0)], RetentionPolicy(), NOW), "forecasts") == []
    found = find_removals(landed, [run(0)], RetentionPolicy(landed_days=550), NOW)
    assert names(found, "forecasts") == sorted([day(700).isoformat(), day(607).isoformat()])


def test_dates_that_open_transfers_or_the_last_plan_may_need_stay(landed: Home):
    open_since = find_removals(landed, [run(850, is_open=True), run(0)], RetentionPolicy(landed_days=550), NOW)
    assert names(open_since, "gates") == [], "the newest before the open plan's date is all there is"
    old_plan = find_removals(landed, [run(750)], RetentionPolicy(landed_days=550), NOW)
    assert names(old_plan, "gates") == [day(900).isoformat()]


def test_a_prune_that_was_killed_is_finished_by_the_next(landed: Home):
    retention = RetentionPolicy(landed_days=550, publication_days=1)
    for ago in (300, 200, 0):
        publish(landed, ago)
    whole = find_removals(landed, [run(300), run(200), run(0)], retention, NOW)
    for done in range(0, len(whole), 3):
        remove(whole[:done])
        rest = find_removals(landed, [run(300), run(200), run(0)], retention, NOW)
        assert {removal.path for removal in rest} == {removal.path for removal in whole[done:]}
        sidecars = [path for path in landed.lake.glob("*/*.parquet.json") if not path.with_suffix("").is_file()]
        unjudged = [path for path in landed.lake.glob("*/*.json") if not (landed.gates / path.name[:10]).is_dir()]
        assert sidecars == [] and unjudged == [], "no lake file counts that is not there, or that no verdict is about"


def test_a_reader_that_holds_a_publication_open_reads_on_and_one_that_comes_late_is_told(home: Home):
    for ago in (300, 200, 0):
        publish(home, ago)
    (home.published / "current").symlink_to("r300")
    held = current(home.published)
    (home.published / "current").unlink()
    (home.published / "current").symlink_to("r0")
    with (held.path / "plan_lines.parquet").open("rb") as stream:
        remove(find_removals(home, [run(300), run(200), run(0)], RetentionPolicy(publication_days=1), NOW))
        assert not held.path.exists()
        assert pd.read_parquet(stream)["line_id"].tolist() == ["L300"]
    with pytest.raises(InputRefused, match=r"publication r300 of .* was removed by evenstock prune while it was read"):
        read_published(held, "plan_lines")
    assert read_run(home.published, "r300") is None and read_published(current(home.published), "plan_lines")["line_id"].tolist() == ["L0"]
