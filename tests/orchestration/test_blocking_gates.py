"""A bad extract stops the night before anything is built, names the reason, and leaves yesterday's publication as it was."""

import csv
import datetime as dt
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from dagster_project.nights import Nights
from pipelines.domain.errors import GateBlocked, InputRefused
from pipelines.flows.intake import gated_files
from pipelines.queries import read_header
from pipelines.settings import load_settings
from tests.landed import land_file


@pytest.fixture
def home(played_loop, tmp_path) -> Path:
    return Path(shutil.copytree(played_loop.home, tmp_path / "home", symlinks=True))


def write_stock(home: Path, played_loop, change) -> dt.date:
    """A drop of the day after the loop on which nothing happened: the last day's masters and stock, its rows changed by `change`."""
    day = played_loop.last_day + dt.timedelta(days=1)
    folder = home / "inbox" / day.isoformat()
    shutil.copytree(home / "inbox" / played_loop.last_day.isoformat(), folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["business_date"] = day.isoformat()
    for entry in list(manifest["files"]):
        path = folder / entry["file"]
        if entry["feed"] == "wms_stock":
            rows = list(csv.DictReader(path.open(newline="")))
            rows = change([row | {"date": day.isoformat()} for row in rows])
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            entry["sums"], entry["rows"] = {}, len(rows)
        elif not entry["feed"].startswith(("erp_items", "erp_locations", "tms_lanes")):
            path.write_text(path.read_text().split("\n")[0] + "\n")
            entry["sums"], entry["rows"] = {}, 0
        entry["bytes"], entry["sha256"] = path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return day


def fingerprint(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("row_count", lambda rows: rows[: len(rows) // 5]),
        ("quarantine_share", lambda rows: [row | {"on_hand": "-1"} for row in rows[:6]] + rows[6:]),
        ("fresh", lambda rows: [row | {"date": "2020-01-01"} for row in rows]),
    ],
)
def test_a_broken_stock_extract_keeps_the_publication(home, played_loop, said, change):
    before = fingerprint(home / "published" / "current")
    day = write_stock(home, played_loop, change)
    with pytest.raises(GateBlocked, match=said) as error:
        Nights(load_settings(home=home), persistent=False).run("nightly", day)
    assert "wms_stock" in str(error.value)
    assert fingerprint(home / "published" / "current") == before
    assert not (home / "work" / day.isoformat()).exists(), "nothing is built behind a blocking gate"
    assert not json.loads((home / "gates" / day.isoformat() / "wms_stock.json").read_text())["passed"]
    header = read_header(load_settings(home=home).folders)
    assert header.as_of == played_loop.last_day and header.is_stale and header.age_days == 1


@pytest.mark.parametrize(
    ("judge", "change"),
    [
        ("its gate", lambda rows: rows[: len(rows) // 5]),
        ("the reconciliation between feeds", lambda rows: [row | {"on_hand": str(int(row["on_hand"]) + 5)} for row in rows]),
    ],
)
def test_a_later_day_is_not_planned_on_a_blocked_one(home, played_loop, judge, change):
    day = write_stock(home, played_loop, change)
    nights = Nights(load_settings(home=home), persistent=False)
    with pytest.raises(GateBlocked):
        nights.run("ingest_day", day)
    with pytest.raises(GateBlocked, match=f"wms_stock of {day} was blocked by {judge}"):
        gated_files(nights.settings.folders, "wms_stock", day + dt.timedelta(days=1))


def test_a_changed_byte_in_the_drop_is_refused(home, played_loop):
    day = write_stock(home, played_loop, lambda rows: rows)
    path = home / "inbox" / day.isoformat() / "wms_stock.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(InputRefused, match="sha256"):
        Nights(load_settings(home=home), persistent=False).run("nightly", day)
    assert not (home / "landing" / "wms_stock" / f"{day}.v0001.json").exists(), "a drop lands as a whole or not at all"


def test_a_date_without_a_drop_is_blocked(home):
    with pytest.raises(GateBlocked, match="nothing has landed for 2025-12-01"):
        Nights(load_settings(home=home), persistent=False).run("nightly", dt.date(2025, 12, 1))


def test_a_drop_under_another_date_is_refused(home, played_loop):
    day = write_stock(home, played_loop, lambda rows: rows)
    wrong = day + dt.timedelta(days=1)
    (home / "inbox" / day.isoformat()).rename(home / "inbox" / wrong.isoformat())
    with pytest.raises(InputRefused, match=f"its manifest is about {day}, its folder about {wrong}"):
        Nights(load_settings(home=home), persistent=False).run("ingest_day", wrong)


def test_a_mistyped_date_does_not_age_the_plan(home, played_loop):
    source = home / "inbox" / played_loop.last_day.isoformat() / "wms_stock.csv"
    land_file(home / "landing", source, "wms_stock", dt.date(2099, 1, 1))
    assert read_header(load_settings(home=home).folders).age_days == 0


def test_a_few_item_locations_in_doubt_are_frozen_and_the_rest_is_planned(home, played_loop):
    """Two pairs counted in cases of twelve: no line of theirs, the rest planned, the rows to fix told with their worth."""

    def in_cases(rows):
        doubted = [row for row in rows if int(row["on_hand"]) > 5][:2]
        return [row | {"on_hand": str(12 * int(row["on_hand"]))} if row in doubted else row for row in rows]

    day = write_stock(home, played_loop, in_cases)
    done = Nights(load_settings(home=home), persistent=False).run("nightly", day)
    frozen = json.loads((home / "gates" / day.isoformat() / "frozen.json").read_text())
    published = home / "published" / "current"
    plan, problem = (json.loads((published / name).read_text()) for name in ("plan.json", "problem.json"))
    assert done["gate/reconciliation"]["frozen_pairs"] == 2
    assert [entry["reasons"][0].split(":")[:2] for entry in frozen["pairs"]] == [["stock_replay", " unit mix-up"]] * 2
    assert {row["file"] for entry in frozen["pairs"] for row in entry["rows"]} == {"wms_stock.csv"}
    assert frozen["says"].startswith("fix these 2 rows, worth $") and all("unfreeze_usd" in entry for entry in frozen["pairs"])
    pairs = {(entry["item_id"], entry["location_id"]) for entry in frozen["pairs"]}
    assert {(entry["item_id"], entry["location_id"]) for entry in plan["frozen"]} == pairs
    lanes = {lane["lane_id"]: (lane["origin"], lane["destination"]) for lane in problem["lanes"]}
    assert not {(arc["item_id"], place) for arc in problem["arcs"] for place in lanes[arc["lane_id"]]} & pairs
    assert read_header(load_settings(home=home).folders).as_of == day
