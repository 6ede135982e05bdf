"""Late data opens its own dates again and no others: what nobody corrected keeps its bytes, its moment and its verdict."""

import csv
import datetime as dt
import hashlib
import io
import json
import shutil
from pathlib import Path

import pytest

from pipelines import flows
from pipelines.domain.errors import GateBlocked, InputRefused
from pipelines.domain.policy import Policy
from pipelines.extracts.landing.landed import list_landed
from pipelines.flows.intake import gated_files
from pipelines.store.home import Home
from pipelines.twin.demand import generate_demand
from pipelines.twin.extracts import write_drop, write_history_drop
from pipelines.twin.simulate import Twin
from pipelines.twin.world import build_generated_world
from quality.judging.night import judge_night
from quality.judging.reopening import judge_partition, reopen_blocked, reopen_corrected
from tests.faults.mutations.judge import cheap_suites
from tests.landed import land_files

POLICY = Policy()
DAYS = 4


def judge_day(home: Home, day: dt.date) -> None:
    """Land, ingest, gate and reconcile one day as a night does."""
    flows.land_inbox(home, day)
    for feed in flows.FEEDS:
        judge_partition(home, feed, day, POLICY)
    reopen_blocked(home, day, POLICY)
    judge_night(home, day, POLICY)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A home with a history that was judged, and the drops of four days that were not; the days."""
    home = Home(tmp_path_factory.mktemp("played") / "home")
    demand = generate_demand(3, 24, 14 + DAYS, 0, dt.date(2026, 1, 5))
    world = build_generated_world(demand, 0)
    twin = Twin(world, demand, 0)
    drops = [write_history_drop(twin.warm_up(14), world, home.inbox)]
    drops += [write_drop(twin.play_day([]), world, home.inbox) for _ in range(DAYS)]
    days = [dt.date.fromisoformat(drop.name) for drop in drops]
    judge_day(home, days[0])
    return home, days


@pytest.fixture
def world(played, tmp_path):
    """A copy of it to change."""
    return Home(Path(shutil.copytree(played[0].root, tmp_path / "home"))), played[1]


def rewrite(path: Path, change) -> None:
    """Change the rows of a file of a drop, and the manifest with it."""
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    changed, stream = change(rows), io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(changed)
    path.write_text(stream.getvalue())
    manifest = json.loads((path.parent / "manifest.json").read_text())
    for entry in manifest["files"]:
        if entry["file"] == path.name:
            entry |= {"rows": len(changed), "bytes": path.stat().st_size, "sums": {}}
            entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (path.parent / "manifest.json").write_text(json.dumps(manifest))


def kept(home: Home, *folders: str) -> dict[str, tuple[int, str]]:
    """Every file below the folders: when it was last written, and the sha256 of its bytes."""
    paths = [path for folder in folders for path in (home.root / folder).rglob("*") if path.is_file()]
    return {str(p.relative_to(home.root)): (p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).hexdigest()) for p in paths}


def passed(home: Home, day: dt.date, name: str = "reconciliation") -> bool:
    return json.loads((home.gates / str(day) / f"{name}.json").read_text())["passed"]


def frozen_by_replay(home: Home, day: dt.date) -> set[tuple[str, str]]:
    """The item-locations that a stock difference freezes on a date."""
    pairs = json.loads((home.gates / str(day) / "frozen.json").read_text())["pairs"]
    return {(pair["location_id"], pair["item_id"]) for pair in pairs if pair["difference_units"]}


def test_a_corrected_file_reopens_its_own_date_alone(world):
    home, days = world
    for day in days[1:4]:
        judge_day(home, day)
    wrong = days[2]
    source = home.inbox / str(wrong) / "wms_shipments.csv"
    rewrite(source, lambda rows: [rows[0] | {"qty_units": str(int(rows[0]["qty_units"]) + 1)}, *rows[1:]])
    land_files(home.landing, [(source, wrong)], "wms_shipments")
    before = kept(home, "lake", "quarantine", "gates")
    flows.land_inbox(home, days[4])
    assert flows.reopened_dates(home, days[4]) == {wrong: ["wms_shipments"]}
    reopened = reopen_corrected(home, days[4], POLICY)
    assert reopened == {wrong: ["wms_shipments"]} and flows.reopened_dates(home, days[4]) == {}
    after = kept(home, "lake", "quarantine", "gates")
    touched = {path for path in after if after[path] != before.get(path)}
    assert {Path(path).parts[:2] if path.startswith("gates") else Path(path).parts[1] for path in touched} == {
        "wms_shipments",
        ("gates", str(wrong)),
        ("gates", str(days[4])),
    }
    assert all(str(wrong) in path or str(days[4]) in path for path in touched)
    assert not set(before) - set(after), "the version before stays"
    assert gated_files(home, "wms_shipments", wrong)[-1].version == 2


def test_a_correction_settles_a_stock_difference_whatever_was_judged_since(world):
    """Movements of a day lack a row: its item-location is frozen on the days after, until the row comes."""
    home, days = world
    source, other = home.inbox / str(days[1]) / "wms_movements.csv", home.root / "other.csv"
    whole = source.read_text().splitlines(keepends=True)
    gone = next(csv.DictReader(whole))
    other.write_text("".join(whole))
    rewrite(source, lambda rows: rows[1:])
    with cheap_suites():
        for day in days[1:3]:
            judge_day(home, day)
        frozen = [frozen_by_replay(home, day) for day in days[1:3]]
        land_files(home.landing, [(other, days[1])], "wms_movements")
        assert reopen_corrected(home, days[3], POLICY) == {days[1]: ["wms_movements"]}
        judge_day(home, days[3])
    pair = {(gone["location_id"], gone["item_id"])}
    assert frozen == [pair, pair]
    assert [frozen_by_replay(home, day) for day in (days[1], days[3])] == [set(), set()]


def test_a_correction_that_cannot_be_read_stops_the_night_and_says_so(world):
    home, days = world
    judge_day(home, days[1])
    path = home.root / f"wms_stock_{days[1]}.csv"
    header = (home.inbox / str(days[1]) / "wms_stock.csv").read_text().splitlines()[0]
    path.write_text(f"{header}\n")
    land_files(home.landing, [(path, days[1])], "wms_stock")
    for _ in range(2):
        with pytest.raises(InputRefused, match="a header and no rows"):
            reopen_corrected(home, days[2], POLICY)
    with pytest.raises(GateBlocked, match=f"wms_stock of {days[1]} has not passed its gate"):
        gated_files(home, "wms_stock", days[2])
    land_files(home.landing, [(home.inbox / str(days[1]) / "wms_stock.csv", days[1])], "wms_stock")
    assert reopen_corrected(home, days[2], POLICY) == {days[1]: ["wms_stock"]}
    assert [file.version for file in gated_files(home, "wms_stock", days[2])] == [1, 3]


def test_files_of_a_date_that_no_night_has_read_are_told_and_left(world):
    home, days = world
    judge_day(home, days[1])
    source = home.inbox / str(days[1]) / "wms_stock.csv"
    mistyped = dt.date(2025, 1, 5)
    land_files(home.landing, [(source, mistyped)], "wms_stock")
    flows.land_inbox(home, days[2])
    assert flows.read_arrival(home, days[2]) == [
        f"{mistyped}: files have landed and no night has read them; run evenstock run --as-of {mistyped}"
    ]
    assert reopen_corrected(home, days[2], POLICY) == {}


def test_late_rows_let_a_blocked_date_pass_and_touch_no_partition(world):
    home, days = world
    late, came = days[1], days[2]
    taken = []

    def hold_back(rows):
        taken.extend(rows[1::2])
        return rows[::2]

    rewrite(home.inbox / str(late) / "wms_movements.csv", hold_back)
    rewrite(home.inbox / str(came) / "wms_movements.csv", lambda rows: [*taken, *rows])
    judge_day(home, late)
    assert not passed(home, late) and taken
    flows.land_inbox(home, came)
    for feed in flows.FEEDS:
        judge_partition(home, feed, came, POLICY)
    before = kept(home, "lake", "quarantine")
    rows = flows.read_late_rows(home, late, came)
    assert {feed: len(frame) for feed, frame in rows.items()} == {"wms_movements": len(taken)}
    assert reopen_blocked(home, came, POLICY) == {late: ["wms_movements"]}
    assert passed(home, late) and kept(home, "lake", "quarantine") == before
    assert reopen_blocked(home, came, POLICY) == {}, "once it has passed, it is closed"


def test_a_blocked_date_without_late_rows_stays_blocked(world):
    home, days = world
    rewrite(home.inbox / str(days[1]) / "wms_movements.csv", lambda rows: rows[::2])
    judge_day(home, days[1])
    verdict = kept(home, "gates")
    assert not passed(home, days[1]) and reopen_blocked(home, days[2], POLICY) == {}
    assert kept(home, "gates") == verdict
    assert {file.version for file in list_landed(home.landing, business_date=days[1])} == {1}
