"""kill -9 of a night at named boundaries and at random instants, whole tree or parent only; then the same night again.

After the rerun marts, plan, manifest, lake, ledger, orders and pages are byte for byte those of an uninterrupted night, so stock is
exact to the unit; nobody did anything by hand. `make test` kills 12 nights, `make soak PART=kills` 150 with every boundary among them.
"""

import hashlib
import json
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.machine.boundaries import BOUNDARIES
from tests.journeys.killed_nights import Kill, NightServer, leftovers, outcome

ROOT = Path(__file__).resolve().parents[2]
KILLS, SOAK_KILLS = 12, 150
# Kills in a row before the night is let through: what one leaves the next one meets.
IN_A_ROW = 3
SOAK_SECONDS = 40 * 60
MODES = ("kill_before", "kill_halfway", "kill_after")
# Crossed outside of nights: by commands, by the first start of a home, or by the solver's own process.
ELSEWHERE = {"landing.layout", "export.file", "demo.marker", "dagster.config", "dagster.project", "solver.run", "health.rows"}
ELSEWHERE |= {"backup.file", "backup.folder", "restore.home", "rebuild.policy", "rebuild.folder"}


def kills_at_boundaries(counts: Counter, rng: random.Random, modes: tuple[str, ...] = MODES) -> list[Kill]:
    """One kill per boundary and mode, at a random one of its crossings, in the order in which a night comes by."""
    return [Kill(f"{name}:{mode}:{rng.randint(1, counts[name])}") for name in BOUNDARIES if name in counts for mode in modes]


def random_kills(number: int, seconds: float, rng: random.Random) -> list[Kill]:
    """Kills at random instants, half of them of the whole tree."""
    return [Kill(after_s=rng.uniform(0.02, 0.9) * seconds, whole_tree=n % 2 == 0) for n in range(number)]


def kill_and_rerun(server: NightServer, sending: Path, day, expected, kills: tuple[Kill, ...], folder: Path) -> list[str]:
    """Kill a night in each of these ways, one after another on one home, then let it through; the kills that did strike."""
    home = Path(shutil.copytree(sending, folder / "home", symlinks=True))
    shown = (home / "published" / "current").readlink()
    struck = []
    for kill in kills:
        while not (ended := server.night(home, day, kill)).was_killed:
            assert ended.code == 0, f"{kill}: ended with {ended.code} {ended.said}"
            if kill.after_s is None:
                break
            kill = kill.sooner()  # the night had ended: the next one is killed earlier
        struck += [str(kill)] if ended.was_killed else []
        if (home / "published" / "current").readlink() != shown:
            outcome(home)  # a reader of what is current now finds it whole
    ended = server.night(home, day)
    assert ended.code == 0, f"the rerun after {', '.join(map(str, kills))} ended with {ended.code} {ended.said}; see {server.log}"
    differing = expected.differences(outcome(home))
    assert not differing, f"after {', '.join(map(str, kills))}: {differing[:9]}"
    assert leftovers(home) == []
    shutil.rmtree(home)
    return struck


def test_a_killed_night_run_again_gives_the_same_bytes(sending, next_day, witnessed, tmp_path, soak_seed):
    expected, seconds, counts = witnessed
    rng = random.Random(soak_seed)
    named, late = kills_at_boundaries(counts, rng), len(counts) * 2
    kills = sorted(rng.sample(named[:late], 4) + rng.sample(named[late:], 5), key=named.index)
    # What follows a kill meets its boundary at the first crossing: later ones may be done already.
    rows = [(first, *(kill.at_first_crossing() for kill in more)) for first, *more in deal(kills)]
    server, struck = NightServer.start(tmp_path / "night.log"), []
    for number, row in enumerate([*rows, tuple(random_kills(IN_A_ROW, seconds, rng))]):
        (tmp_path / str(number)).mkdir()
        struck += kill_and_rerun(server, sending, next_day[0].date, expected, row, tmp_path / str(number))
    server.stop()
    print(f"\n{len(struck)} kills: {'; '.join(struck)}")
    assert [str(kill) for row in rows for kill in row if str(kill) not in struck] == []
    assert len(struck) == KILLS


def deal(kills: list[Kill]) -> list[tuple[Kill, ...]]:
    """Rows of kills, each from an early one to a late one, so that what one interrupts is still to be done by the next."""
    rows = len(kills) // IN_A_ROW
    return [tuple(kills[row::rows]) for row in range(rows)]


def test_a_night_crosses_every_boundary_that_is_not_crossed_elsewhere(witnessed):
    assert set(witnessed[2]) | ELSEWHERE == set(BOUNDARIES)


@pytest.mark.soak
def test_kills_at_every_boundary_and_many_instants(sending, next_day, witnessed, soak_seed):
    """Resumable: what was shown stands in a file that names the code it was shown for; the same command goes on from there."""
    expected, seconds, counts = witnessed
    rng = random.Random(1_000 + soak_seed)
    kills = kills_at_boundaries(counts, rng)
    kills += random_kills(SOAK_KILLS + 2 * IN_A_ROW - len(kills), seconds, rng)
    rows = deal(kills)
    progress = Progress.of_code(f"kills-{soak_seed}")
    todo = [number for number in range(len(rows)) if number not in progress.done]
    deadline = time.monotonic() + SOAK_SECONDS
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(workers := min(2, os.cpu_count() or 1)) as pool:
        lanes = [todo[lane::workers] for lane in range(workers)]
        jobs = [
            pool.submit(soak_lane, lane, rows, sending, next_day[0].date, expected, Path(scratch), progress, deadline) for lane in lanes
        ]
        for job in jobs:
            job.result()
    struck = [kill for kills in progress.done.values() for kill in kills]
    at = {kill.partition(":")[0] for kill in struck if ":" in kill}
    print(f"\n{len(struck)} kills at {len(at)} of {len(counts)} boundaries; {len(progress.done)} of {len(rows)} reruns the same")
    assert len(progress.done) == len(rows), "time is up; run the same command again to go on"
    assert len(struck) >= SOAK_KILLS and at == set(counts)


def soak_lane(lane, rows, sending, day, expected, scratch: Path, progress: "Progress", deadline: float) -> None:
    """Work off some of the rows with a server of one's own until the time is up."""
    server = NightServer.start(scratch / f"night-{lane[0] if lane else 0}.log")
    for number in lane:
        if time.monotonic() > deadline:
            break
        (folder := scratch / str(number)).mkdir()
        progress.add(number, kill_and_rerun(server, sending, day, expected, rows[number], folder))
    server.stop()


class Progress:
    """Rows that were shown, one JSON line each, in a file of the working tree that git ignores."""

    def __init__(self, file: Path) -> None:
        self.file, self.done = file, {}
        for line in file.read_text().splitlines() if file.exists() else []:
            row = json.loads(line)
            self.done[row["row"]] = row["kills"]

    @classmethod
    def of_code(cls, name: str) -> "Progress":
        """The progress of this very code: another state of the tree begins anew."""
        digest = hashlib.sha256()
        for package in ("pipelines", "quality", "dagster_project", "dbt", "tests/journeys"):
            for path in sorted(p for p in (ROOT / package).rglob("*") if p.suffix in (".py", ".sql", ".yml", ".yaml")):
                digest.update(path.read_bytes())
        folder = ROOT / "var" / "soak"
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder / f"{name}-{digest.hexdigest()[:12]}.jsonl")

    def add(self, row: int, kills: list[str]) -> None:
        """Keep one row, and say so."""
        self.done[row] = kills
        with self.file.open("a") as file:
            file.write(json.dumps({"row": row, "kills": kills}) + "\n")
        print(f"row {row}: {'; '.join(kills)}; {sum(map(len, self.done.values()))} kills so far", flush=True)
