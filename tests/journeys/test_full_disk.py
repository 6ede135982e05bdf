"""A full or read-only disk, too little memory, files that may not grow: the old publication stays, and a rerun brings the new.

Faults strike at named boundaries; a real small disk, a real read-only one and real limits of the process strike where they will.
`make test` takes some boundaries, `make soak PART=full_disk` every one in every mode, and many sizes of disks.
"""

import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.machine.boundaries import BOUNDARIES
from pipelines.store.publication import current, verify
from tests.journeys.killed_nights import Ended, Kill, NightServer, leftovers, outcome

MODES = ("disk_full", "read_only", "short_write")
FEW = 6
# A page that cannot be written never changes how a night ended.
FORGIVEN = "health."
REMEDIES = ("free some space", "make it writable", "give it more", "look at the disk")
MB = 1024**2


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NightServer]:
    started = NightServer.start(tmp_path / "night.log")
    yield started
    started.stop()


def assert_told_and_whole(home: Path, ended: Ended, what: str) -> None:
    """The night says in a user's words what failed and what to do; readers find a whole publication; no temporary file is left."""
    assert ended.code == 1 and any(remedy in ended.said for remedy in REMEDIES), f"{what}: {ended.code} {ended.said}"
    assert verify(current(home / "published").path) == []
    assert leftovers(home) == []


def assert_rerun_is_the_same(server: NightServer, home: Path, day, expected) -> None:
    ended = server.night(home, day)
    assert ended.code == 0, f"the rerun ended with {ended.code} {ended.said}; see {server.log}"
    assert expected.differences(outcome(home)) == []


def strike(server: NightServer, sending: Path, day, expected, faults: list[str], folder: Path) -> int:
    """Let one fault after another strike nights of one home, then let one through; how many struck."""
    home, struck = Path(shutil.copytree(sending, folder / "home", symlinks=True)), 0
    shown = (home / "published" / "current").readlink()
    for fault in faults:
        ended = server.night(home, day, Kill(fault))
        if ended.code == 0:
            assert verify(current(home / "published").path) == []
            struck += fault.startswith(FORGIVEN)
            continue
        assert_told_and_whole(home, ended, fault)
        struck += 1
        if list(BOUNDARIES).index(fault.partition(":")[0]) <= list(BOUNDARIES).index("publication.folder") and "ledger" not in fault:
            assert (home / "published" / "current").readlink() == shown, f"{fault}: a night that failed moved what readers see"
    assert_rerun_is_the_same(server, home, day, expected)
    shutil.rmtree(home)
    return struck


def test_a_disk_that_fails_at_a_boundary_leaves_the_old_publication(sending, next_day, witnessed, server, tmp_path, soak_seed):
    expected, _, counts = witnessed
    rng = random.Random(soak_seed)
    names = [name for name in BOUNDARIES if name in counts]
    chosen = sorted(rng.sample(names, FEW), key=names.index)
    faults = [f"{name}:{MODES[n % 3]}:{rng.randint(1, counts[name])}" for n, name in enumerate(chosen)]
    struck = strike(server, sending, next_day[0].date, expected, faults, tmp_path)
    print(f"\n{struck} faults: {'; '.join(faults)}")
    assert struck >= FEW - 2


@pytest.mark.soak
@pytest.mark.parametrize("mode", MODES)
def test_full_disk_at_every_boundary(sending, next_day, witnessed, server, tmp_path, soak_seed, mode):
    expected, _, counts = witnessed
    rng = random.Random(soak_seed)
    faults = [f"{name}:{mode}:{rng.randint(1, counts[name])}" for name in BOUNDARIES if name in counts]
    struck = strike(server, sending, next_day[0].date, expected, faults, tmp_path)
    print(f"\n{struck} of {len(faults)} boundaries, {mode}")
    assert struck >= len(faults) - 6, "a fault at work that an earlier night of the same home had done strikes nothing"


@contextmanager
def small_disk(folder: Path, megabytes: float) -> Iterator[Path]:
    """A disk of its own in memory; skips where mounting is not allowed."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={int(megabytes * 1024)}k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)


def used_megabytes(folder: Path) -> float:
    """Space that a copy takes: whole pages per file, and one per folder."""
    return sum((path.lstat().st_size + 4095) // 4096 * 4096 + 1024 for path in folder.rglob("*")) / MB + 1


def fill_up(sending: Path, day, expected, server: NightServer, tmp_path: Path, spare_megabytes: float) -> bool:
    """A night on a disk with little room, then the same night with enough; whether the disk was too small."""
    with small_disk(tmp_path / f"disk-{spare_megabytes:.2f}", used_megabytes(sending) + spare_megabytes) as disk:
        home = Path(shutil.copytree(sending, disk / "home", symlinks=True))
        ended = server.night(home, day)
        if ended.code:
            assert_told_and_whole(home, ended, f"{spare_megabytes:.2f} MB left")
        remount(disk, "size=2g")
        assert_rerun_is_the_same(server, home, day, expected)
        return ended.code != 0


def test_a_real_disk_that_fills_up_leaves_the_old_publication(sending, next_day, witnessed, server, tmp_path):
    assert fill_up(sending, next_day[0].date, witnessed[0], server, tmp_path, 2.0), "the disk was big enough: nothing was shown"


@pytest.mark.soak
def test_full_disk_of_many_sizes(sending, next_day, witnessed, server, tmp_path, soak_seed):
    rng = random.Random(soak_seed)
    sizes = [rng.uniform(0.05, 14) for _ in range(16)]
    full = [fill_up(sending, next_day[0].date, witnessed[0], server, tmp_path, size) for size in sizes]
    print(f"\n{sum(full)} of {len(full)} disks were too small")
    assert sum(full) >= 8


def test_a_home_on_a_read_only_disk_is_refused_with_the_remedy(sending, next_day, server, tmp_path):
    with small_disk(tmp_path / "disk", used_megabytes(sending) + 64) as disk:
        home = Path(shutil.copytree(sending, disk / "home", symlinks=True))
        remount(disk, "ro")
        ended = server.night(home, next_day[0].date)
        assert_told_and_whole(home, ended, "read-only")
        assert "make it writable" in ended.said
        remount(disk, "rw")


LIMITS = {
    "files of at most 300 kB": {"limits": {"RLIMIT_FSIZE": 300_000}},
    "DuckDB with 6 MB": {"settings": {"duckdb_memory": "6MB", "duckdb_temp": "1MB"}},
    "no more memory": {"limits": {"RLIMIT_AS": 150 * MB}},
}


@pytest.mark.parametrize("limit", LIMITS)
def test_limits_of_the_process_leave_the_old_publication(sending, next_day, witnessed, server, tmp_path, limit):
    home = Path(shutil.copytree(sending, tmp_path / "home", symlinks=True))
    shown = (home / "published" / "current").readlink()
    ended = server.night(home, next_day[0].date, **LIMITS[limit])
    assert ended.code != 0, f"{limit} was enough: nothing was shown"
    if limit != "no more memory":  # where memory ends in native code nobody can say much
        assert_told_and_whole(home, ended, limit)
    assert (home / "published" / "current").readlink() == shown and verify(current(home / "published").path) == []
    assert_rerun_is_the_same(server, home, next_day[0].date, witnessed[0])
