"""A night is the same bytes whatever the machine's time zone, language, hash seed and threads are, and in whatever order rows come.

Twenty-one nights in the suite, from four servers that differ in hash seed, zone and language and from a process of its own; twenty such
processes in the soak. Only `run_log.json` and the stamps in the DuckDB file may differ.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.store.contents import digest_publication
from pipelines.store.ledger import open_ledger
from pipelines.store.publication import current
from tests.journeys.killed_nights import NightServer

SOAK_VARIANTS = 20
SERVERS, NIGHTS_EACH = 4, 5
ZONES = ("Pacific/Kiritimati", "America/St_Johns", "Asia/Kathmandu", "Etc/GMT+12", "Europe/Berlin")
LANGUAGES = ("C", "C.UTF-8", "POSIX", "tr_TR.UTF-8", "de_DE.UTF-8")
THREADS = ("1", "2", "5")


def outcome(home: Path) -> dict[str, str]:
    """What the night of a home published, proposed and sent, by digest."""
    publication, ledger = current(home / "published"), open_ledger(home, read_only=True)
    orders = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (home / "outbox").rglob("*.json")}
    made_of = json.loads(ledger.find_run(publication.run_id)["provenance"])
    return (
        digest_publication(publication) | orders | {"run": publication.run_id, "chain": ledger.verify_chain().head_hash} | made_of["files"]
    )


def shuffle_rows(drop: Path, rng: random.Random) -> int:
    """Bring the rows of every file of a drop into another order and let its manifest say so; returns the files that changed."""
    manifest, changed = json.loads((drop / "manifest.json").read_text()), 0
    for entry in manifest["files"]:
        file = drop / entry["file"]
        head, *rows = before = file.read_bytes().splitlines(keepends=True)
        rng.shuffle(rows)
        changed += [head, *rows] != before
        file.write_bytes(b"".join([head, *rows]))
        entry["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (drop / "manifest.json").write_text(json.dumps(manifest))
    return changed


def run_variant(ready: Path, day, folder: Path, seed: int, *, shuffled: bool) -> tuple[dict[str, str], str]:
    """The outcome of the night in a process of its own, with its surroundings drawn by the seed; and what they were."""
    rng = random.Random(seed)
    home = Path(shutil.copytree(ready, folder / "home", symlinks=True))
    if shuffled:
        assert shuffle_rows(home / "inbox" / str(day), rng) > 3
    around, threads = draw_surroundings(rng), rng.choice(THREADS)
    around |= {"OMP_NUM_THREADS": threads, "EVENSTOCK_DUCKDB_THREADS": threads, "EVENSTOCK_HOME": str(home)}
    command = [sys.executable, "-m", "cli.main", "run", "--as-of", str(day)]
    done = subprocess.run(command, env={**os.environ, **around}, capture_output=True, text=True, timeout=540)
    assert done.returncode == 0, done.stderr[-2000:]
    return outcome(home), f"{around}, {threads} threads, rows {'shuffled' if shuffled else 'as they came'}"


def check(ready: Path, day, uninterrupted: Path, folder: Path, seed: int, *, shuffled: bool) -> None:
    wanted = outcome(uninterrupted)
    found, around = run_variant(ready, day, folder, seed, shuffled=shuffled)
    assert {name for name in {*wanted, *found} if wanted.get(name) != found.get(name)} == set(), around


def draw_surroundings(rng: random.Random) -> dict[str, str]:
    """Time zone, language and hash seed of a process."""
    zone, language = rng.choice(ZONES), rng.choice(LANGUAGES)
    return {"TZ": zone, "LANG": language, "LC_ALL": language, "PYTHONHASHSEED": str(rng.randrange(2**32))}


@pytest.mark.parametrize("number", range(SERVERS))
def test_five_nights_of_a_server_are_the_same_bytes_anywhere(ready, next_day, uninterrupted, tmp_path, number):
    rng, wanted, day = random.Random(number), outcome(uninterrupted), next_day[0].date
    around = draw_surroundings(rng)
    server = NightServer.start(tmp_path / "night.log", around)
    for night in range(NIGHTS_EACH):
        home = Path(shutil.copytree(ready, tmp_path / str(night), symlinks=True))
        if night:
            assert shuffle_rows(home / "inbox" / str(day), rng) > 3
        threads = rng.choice(THREADS)
        ended = server.night(home, day, around={"EVENSTOCK_DUCKDB_THREADS": threads, "OMP_NUM_THREADS": threads})
        assert ended.code == 0, ended.said
        found = outcome(home)
        assert {name for name in {*wanted, *found} if wanted.get(name) != found.get(name)} == set(), (around, threads, night)
        shutil.rmtree(home)
    server.stop()


def test_a_night_of_its_own_process_is_the_same_bytes(ready, next_day, uninterrupted, tmp_path):
    check(ready, next_day[0].date, uninterrupted, tmp_path, 2, shuffled=True)


@pytest.mark.soak
def test_determinism_of_twenty_variants(ready, next_day, uninterrupted, tmp_path, soak_seed):
    for number in range(SOAK_VARIANTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        check(ready, next_day[0].date, uninterrupted, folder, 1000 + 100 * soak_seed + number, shuffled=number % 2 == 1)
        shutil.rmtree(folder)
    print(f"\n{SOAK_VARIANTS} variants of one night: the same run id, marts, plan, manifest, decisions and transfer orders")
