"""A night is the same bytes whatever the machine's time zone, language, hash seed and threads are, and in whatever order rows come.

Three variants in the suite, twenty in the soak. Only `run_log.json` and the stamps in the DuckDB file may differ.
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

SOAK_VARIANTS = 20
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
    zone, language, threads = rng.choice(ZONES), rng.choice(LANGUAGES), rng.choice(THREADS)
    around = {"TZ": zone, "LANG": language, "LC_ALL": language, "PYTHONHASHSEED": str(rng.randrange(2**32)), "OMP_NUM_THREADS": threads}
    around |= {"EVENSTOCK_DUCKDB_THREADS": threads, "EVENSTOCK_HOME": str(home)}
    command = [sys.executable, "-m", "cli.main", "run", "--as-of", str(day)]
    done = subprocess.run(command, env={**os.environ, **around}, capture_output=True, text=True, timeout=540)
    assert done.returncode == 0, done.stderr[-2000:]
    return outcome(home), f"{zone}, {language}, {threads} threads, rows {'shuffled' if shuffled else 'as they came'}"


def check(ready: Path, day, uninterrupted: Path, folder: Path, seed: int, *, shuffled: bool) -> None:
    wanted = outcome(uninterrupted)
    found, around = run_variant(ready, day, folder, seed, shuffled=shuffled)
    assert {name for name in {*wanted, *found} if wanted.get(name) != found.get(name)} == set(), around


@pytest.mark.parametrize(("seed", "shuffled"), [(1, False), (2, True), (3, True)])
def test_a_night_is_the_same_bytes_anywhere(ready, next_day, uninterrupted, tmp_path, seed, shuffled):
    check(ready, next_day[0].date, uninterrupted, tmp_path, seed, shuffled=shuffled)


@pytest.mark.soak
def test_determinism_of_twenty_variants(ready, next_day, uninterrupted, tmp_path, soak_seed):
    for number in range(SOAK_VARIANTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        check(ready, next_day[0].date, uninterrupted, folder, 1000 + 100 * soak_seed + number, shuffled=number % 2 == 1)
        shutil.rmtree(folder)
    print(f"\n{SOAK_VARIANTS} variants of one night: the same run id, marts, plan, manifest, decisions and transfer orders")
