"""The same extract again, renamed, re-ordered, packed or written otherwise, changes nothing: 200 cases, 1,000 in the soak."""

import csv
import datetime as dt
import gzip
import hashlib
import io
import json
import random
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from pipelines import flows
from pipelines.extracts.lake.corrections import find_corrections, record_partitions
from pipelines.extracts.lake.partitions import current_files, lake_digest
from pipelines.extracts.landing.landed import list_landed
from pipelines.extracts.landing.landing_zone import land_drop
from pipelines.store.home import Home
from pipelines.twin.demand import generate_demand
from pipelines.twin.extracts import write_drop, write_history_drop
from pipelines.twin.simulate import Twin
from pipelines.twin.world import build_generated_world
from tests.landed import land_file, land_files

CI_CASES, SOAK_CASES = 200, 1000
HISTORY_DAYS, DAYS = 14, 3


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    """A small world of which every day has landed and lies in the lake."""
    home = Home(tmp_path_factory.mktemp("arrival"))
    demand = generate_demand(3, 16, HISTORY_DAYS + DAYS, 0, dt.date(2026, 1, 5))
    world = build_generated_world(demand, 0)
    twin = Twin(world, demand, 0)
    drops = [write_history_drop(twin.warm_up(HISTORY_DAYS), world, home.inbox)]
    drops += [write_drop(twin.play_day([]), world, home.inbox) for _ in range(DAYS)]
    for drop in drops:
        day = dt.date.fromisoformat(drop.name)
        flows.land_inbox(home, day)
        for feed in flows.FEEDS:
            flows.ingest_feed(home, feed, day)
    return home


def reordered(data: bytes, rng: random.Random) -> bytes:
    head, *rows = data.splitlines(keepends=True)
    rng.shuffle(rows)
    return b"".join([head, *rows])


def zipped(data: bytes, rng: random.Random) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        archive.writestr(f"part{rng.randrange(100)}.csv", data)
    return stream.getvalue()


def quoted(data: bytes, rng: random.Random) -> bytes:
    rows, stream = list(csv.reader(io.StringIO(data.decode()))), io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode()


def columns_moved(data: bytes, rng: random.Random) -> bytes:
    rows, stream = list(csv.reader(io.StringIO(data.decode()))), io.StringIO()
    order = rng.sample(range(len(rows[0])), len(rows[0]))
    csv.writer(stream, lineterminator="\n").writerows([[row[i] for i in order] for row in rows])
    return stream.getvalue().encode()


# Bytes, contents or lines are those of a version that is known: not even a version is added.
NO_OPS = {
    "as it is": lambda data, rng: data,
    "re-ordered": reordered,
    "gzip": lambda data, rng: gzip.compress(data, rng.randrange(1, 10), mtime=rng.randrange(10**6)),
    "zip": zipped,
    "re-ordered and gzip": lambda data, rng: gzip.compress(reordered(data, rng)),
    "re-ordered and zip": lambda data, rng: zipped(reordered(data, rng), rng),
}
# The same rows in another spelling of CSV: a version is added, and nothing that anybody reads changes.
SAME_ROWS = {
    "line ends": lambda data, rng: data.replace(b"\n", b"\r\n"),
    "byte order mark": lambda data, rng: b"\xef\xbb\xbf" + data,
    "quoted": quoted,
    "columns moved": columns_moved,
    "quoted and re-ordered": lambda data, rng: reordered(quoted(data, rng), rng),
}


def announced(folder: Path, path: Path, feed: str, day: dt.date, rows: int) -> Path:
    data = path.read_bytes()
    entry = {"feed": feed, "file": path.name, "rows": rows, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest = {"format": "evenstock-extract/1", "source_system": "again", "business_date": str(day), "files": [entry]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def deliver(home: Home, door: str, path: Path, feed: str, day: dt.date, rows: int) -> None:
    """Through the door: as a file, handed over on purpose, or as a drop with a manifest."""
    if door == "file":
        land_file(home.landing, path, feed, day, arrived_at="2026-02-01T00:00:00+00:00")
    elif door == "on purpose":
        land_files(home.landing, [(path, day)], feed)
    else:
        land_drop(home.landing, announced(path.parent, path, feed, day, rows))
    flows.ingest_feed(home, feed, day)


def digests(home: Home, as_of: dt.date) -> dict[str, str]:
    return {feed: lake_digest(current_files(home.lake, feed, as_of)) for feed in flows.FEEDS}


def state(home: Home) -> dict[str, int]:
    """Every file below landing, lake and quarantine with the moment it was last written."""
    folders = (home.landing, home.lake, home.quarantine)
    return {str(path): path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


def run_cases(home: Home, tmp_path: Path, cases: int, first_seed: int) -> Counter:
    landed = [file for file in list_landed(home.landing) if file.version == 1]
    originals = [file for file in landed if file.path.read_bytes().count(b"\n") > 2]
    as_of = max(file.business_date for file in landed)
    before, known = digests(home, as_of), {f: record_partitions(current_files(home.lake, f, as_of)) for f in flows.FEEDS}
    counts: Counter = Counter()
    for seed in range(first_seed, first_seed + cases):
        rng = random.Random(seed)
        file, name = rng.choice(originals), rng.choice([*NO_OPS, *NO_OPS, *SAME_ROWS])
        data = (NO_OPS | SAME_ROWS)[name](file.path.read_bytes(), rng)
        folder = tmp_path / str(seed)
        folder.mkdir()
        path = folder / rng.choice([file.source_name, f"again{seed}.csv", f"{file.feed}_{file.business_date}.txt", f"x{seed}.dat"])
        path.write_bytes(data)
        was = state(home)
        door = rng.choice(["file", "drop"] if name in NO_OPS else ["file", "on purpose", "drop"])
        deliver(home, door, path, file.feed, file.business_date, file.control["rows"])
        now = state(home)
        where = (seed, name, door, file.feed, file.business_date)
        assert digests(home, as_of) == before, where
        assert find_corrections(known, home.landing, home.lake, as_of) == [], where
        touched = [path for path, moment in was.items() if now.get(path) != moment]
        assert touched == [], where
        assert name in SAME_ROWS or now == was, where
        counts[name] += 1
    return counts


def test_two_hundred_repeats_change_nothing(home, tmp_path):
    counts = run_cases(home, tmp_path, CI_CASES, 0)
    print(f"\n{counts.total()} repeated extracts, nothing changed: {', '.join(f'{n} {name}' for name, n in sorted(counts.items()))}")


@pytest.mark.soak
def test_a_thousand_repeats_change_nothing(home, tmp_path, soak_seed):
    counts = run_cases(home, tmp_path, SOAK_CASES, 10_000 + soak_seed)
    print(f"\n{counts.total()} repeated extracts, nothing changed: {', '.join(f'{n} {name}' for name, n in sorted(counts.items()))}")
