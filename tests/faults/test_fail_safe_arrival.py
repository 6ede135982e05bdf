"""Every feed in every way of going wrong: yesterday's publication stays as it is, marked stale with its age, and nothing new is planned.

What is no fault for a feed is told with its reason. Flows and gates are driven directly, the whole night through the orchestrator for
one sample.
"""

import csv
import datetime as dt
import hashlib
import io
import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagster_project.nights import Nights
from pipelines import flows
from pipelines.domain.errors import EvenstockError, GateBlocked, InputRefused
from pipelines.domain.policy import Policy
from pipelines.extracts.contracts.contract import load_contract
from pipelines.queries import read_header
from pipelines.settings import load_settings
from pipelines.store.home import Home
from pipelines.twin.extracts import write_drop
from quality.judging.night import judge_night
from quality.judging.reopening import judge_partition

POLICY = Policy()


@dataclass
class Drop:
    """A drop that can be spoilt: the clean bytes of every file of the day and of the day before, and the clean manifest."""

    folder: Path
    files: dict[str, bytes]
    yesterday: dict[str, bytes]
    manifest: dict

    def write(self, feed: str, data: bytes | None, announce: bytes | None, *, with_manifest: bool = True) -> None:
        """Lay the drop out with `data` as the feed's file and a manifest that was made for `announce`; None leaves the file out."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name, clean in self.files.items():
            (self.folder / f"{name}.csv").write_bytes(clean)
        (self.folder / f"{feed}.csv").unlink(missing_ok=True)
        if data is not None:
            (self.folder / f"{feed}.csv").write_bytes(data)
        told = {name: clean for name, clean in self.files.items() if name != feed} | ({feed: announce} if announce is not None else {})
        entries = []
        for name, promised in told.items():
            sha256, rows = hashlib.sha256(promised).hexdigest(), max(0, promised.count(b"\n") - 1)
            entries.append({"feed": name, "file": f"{name}.csv", "rows": rows, "bytes": len(promised), "sha256": sha256})
        if with_manifest:
            (self.folder / "manifest.json").write_text(json.dumps(self.manifest | {"files": entries}))
        for path in self.folder.iterdir():
            os.utime(path, (self.arrival - 3600, self.arrival - 3600))

    @property
    def arrival(self) -> float:
        """When the night looks at it: midnight after its date, in seconds since 1970."""
        return dt.datetime.fromisoformat(f"{self.folder.name}T00:00:00+00:00").timestamp() + 86_400


def clean(drop, feed):
    drop.write(feed, drop.files[feed], drop.files[feed])


def header_only(drop, feed):
    data = drop.files[feed].split(b"\n")[0] + b"\n"
    drop.write(feed, data, data)


def no_bytes(drop, feed):
    drop.write(feed, b"", b"")


def yesterdays(drop, feed):
    drop.write(feed, drop.yesterday[feed], drop.yesterday[feed])


def cut_short(drop, feed):
    drop.write(feed, drop.files[feed][: len(drop.files[feed]) * 2 // 3], drop.files[feed])


def rows_lost_on_the_way(drop, feed):
    lines = drop.files[feed].splitlines(keepends=True)
    drop.write(feed, b"".join(lines[:-1]), drop.files[feed])


def shrunken(drop, feed):
    lines = drop.files[feed].splitlines(keepends=True)
    data = b"".join(lines[: 1 + (len(lines) - 1) // 10])
    drop.write(feed, data, data)


def ill_formed(drop, feed):
    """Of three rows two have a key column that no rule lets pass, the first among them."""
    contract, rows = load_contract(feed), list(csv.DictReader(io.StringIO(drop.files[feed].decode())))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows([row | {contract.key[0]: ""} if n % 3 != 1 else row for n, row in enumerate(rows)])
    data = stream.getvalue().encode()
    drop.write(feed, data, data)


def not_sent(drop, feed):
    drop.write(feed, None, None)


def announced_and_missing(drop, feed):
    drop.write(feed, None, drop.files[feed])


def still_being_written(drop, feed):
    drop.write(feed, drop.files[feed], None, with_manifest=False)
    os.utime(drop.folder / f"{feed}.csv", (drop.arrival - 5, drop.arrival - 5))


WAYS = (
    header_only, no_bytes, yesterdays, cut_short, rows_lost_on_the_way, shrunken, ill_formed, not_sent, announced_and_missing,
    still_being_written,
)  # fmt: skip
# Where the sender's own words stand against the file, or there is no file to read, nothing may ever pass.
ALWAYS = {"no_bytes", "cut_short", "rows_lost_on_the_way", "announced_and_missing", "still_being_written"}


def is_no_fault(feed: str, way: str) -> bool:
    """Master data may be yesterday's. What a feed that comes in bursts lacks cannot be told from a quiet day, unless others miss it."""
    contract = load_contract(feed)
    if way == "yesterdays" and contract.kind == "snapshot" and contract.date_column is None:
        return True
    return way in ("not_sent", "header_only", "shrunken", "yesterdays") and contract.may_be_empty and not contract.expected_daily


@pytest.fixture(scope="module")
def ready(played_loop, tmp_path_factory):
    """The loop's home with the day after dropped, landed and judged clean: (home, day, drop)."""
    home = Home(Path(shutil.copytree(played_loop.home, tmp_path_factory.mktemp("fail_safe") / "home", symlinks=True)))
    twin = played_loop.twin.fork()
    orders = [json.loads(path.read_text()) for path in sorted((home.outbox / str(played_loop.last_day)).glob("*.json"))]
    played = twin.play_day(orders)
    folder = write_drop(played, twin.world, home.inbox)
    files, yesterday = ({p.stem: p.read_bytes() for p in at.glob("*.csv")} for at in (folder, home.inbox_of(played_loop.last_day)))
    first = home.inbox_of(played_loop.nights[0].as_of)
    for path in first.glob("*.csv"):
        for held in (files, yesterday):
            held.setdefault(path.stem, path.read_bytes())
    drop = Drop(folder, files, yesterday, json.loads((folder / "manifest.json").read_text()))
    drop.write("wms_stock", files["wms_stock"], files["wms_stock"])
    return home, played.date, drop


def take_in(home: Home, day: dt.date, drop: Drop) -> None:
    """Every feed of the clean drop in the lake."""
    forget(home, day)
    clean(drop, "wms_stock")
    flows.land_inbox(home, day)
    for feed in flows.FEEDS:
        flows.ingest_feed(home, feed, day)


def end_of_night(home: Home, day: dt.date, feed: str) -> str:
    """What stops the night of a day whose other feeds are clean: the error, the failed checks, or nothing."""
    try:
        flows.land_inbox(home, day, f"{day + dt.timedelta(days=1)}T00:00:00+00:00")
        passes = judge_partition(home, feed, day, POLICY)
        said, _ = judge_night(home, day, POLICY)
    except EvenstockError as error:
        assert isinstance(error, InputRefused | GateBlocked), error
        return str(error)
    if passes and said.passed:
        return ""
    verdicts = [json.loads((home.gates / str(day) / f"{name}.json").read_text()) for name in (feed, "reconciliation")]
    return "; ".join(check["name"] for verdict in verdicts for check in verdict["checks"] if not check["passed"])


def remarks(home: Home, day: dt.date, feed: str) -> set[str]:
    """Failed checks, those that only warn included, and frozen item-locations."""
    verdicts = [json.loads((home.gates / str(day) / f"{name}.json").read_text()) for name in (feed, "reconciliation")]
    pairs = json.loads((home.gates / str(day) / "frozen.json").read_text())["pairs"]
    failed = {check["name"] for verdict in verdicts for check in verdict["checks"] if not check["passed"]}
    return failed | {f"{pair['location_id']}/{pair['item_id']}" for pair in pairs}


def forget(home: Home, day: dt.date, feed: str = "*") -> None:
    """As if the night of the day had never been tried and the feed, or every one, had never come."""
    for folder in (home.landing, home.lake, home.quarantine):
        for path in folder.glob(f"{feed}/{day}*"):
            path.unlink()
    shutil.rmtree(home.gates / str(day), ignore_errors=True)


def fingerprint(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_every_feed_in_every_way_keeps_the_publication_and_marks_it_stale(ready, played_loop):
    home, day, drop = ready
    before, counts, age = fingerprint(home.published), Counter[str](), (day - played_loop.last_day).days
    take_in(home, day, drop)
    for feed in (feed for feed in flows.FEEDS if drop.files.get(feed, b"").count(b"\n") > 1):
        forget(home, day, feed)
        clean(drop, feed)
        assert end_of_night(home, day, feed) == "", f"{feed}: the clean drop passes, so what stops the others is the fault"
        usual = remarks(home, day, feed)
        for way in WAYS:
            forget(home, day, feed)
            way(drop, feed)
            case = (feed, way.__name__, end_of_night(home, day, feed))
            header = read_header(home)
            assert fingerprint(home.published) == before and not home.work(day).exists(), case
            assert (header.as_of, header.age_days, header.is_stale) == (played_loop.last_day, age, True), case
            if case[2]:
                counts["stopped"] += 1
            else:
                assert way.__name__ not in ALWAYS and is_no_fault(feed, way.__name__), case
                counts["told" if remarks(home, day, feed) - usual else "as on a quiet day"] += 1
        forget(home, day, feed)
        clean(drop, feed)
        end_of_night(home, day, feed)
    said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    print(f"\n{counts.total()} feeds and ways: {said}; the publication stayed, {age} day old, through all of them")
    assert counts["stopped"] > 0.8 * counts.total()


def test_a_day_without_a_drop_makes_the_plan_stale_and_a_mistyped_one_does_not(ready, played_loop):
    home, day, drop = ready
    forget(home, day)
    shutil.rmtree(drop.folder)
    for wrong in (dt.date(2035, 1, 1), played_loop.last_day - dt.timedelta(days=300)):
        with pytest.raises(GateBlocked, match="nothing has landed"):
            flows.land_inbox(home, wrong)
        assert not read_header(home).is_stale
    for age in (1, 2):
        with pytest.raises(GateBlocked, match="nothing has landed"):
            flows.land_inbox(home, played_loop.last_day + dt.timedelta(days=age))
        assert read_header(home).age_days == age
    shutil.rmtree(home.gates / str(played_loop.last_day + dt.timedelta(days=2)))


def test_one_of_them_through_the_whole_night(ready, tmp_path):
    home, day, drop = ready
    forget(home, day)
    no_bytes(drop, "erp_items")
    before = fingerprint(home.published)
    with pytest.raises(InputRefused, match=r"erp_items\.csv"):
        Nights(load_settings(home=home.root), persistent=False).run("nightly", day)
    header = read_header(home)
    assert (fingerprint(home.published), header.age_days, header.is_stale) == (before, 1, True)
    assert not home.work(day).exists()
