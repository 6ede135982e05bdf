"""Ten readers read the publication without a pause while runs are published: 500 reads each against 20 publications, 10,000 against 200
in the soak. Parquet, plan, manifest and, in every fourth read (every second in the soak), the DuckDB file carry one run id; nothing fails.
"""

import datetime as dt
import json
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from pipelines.store.publication import publish

# Opening a DuckDB file costs forty times what all else does.
READERS, CI, SOAK = 10, (500, 20, 4), (10_000, 200, 2)
FIRST = dt.date(2026, 1, 1)
PATIENCE_S = 2400

# A reader reads on until the last publication is there. Every read takes the publication as a planner's page does: the link once, then
# everything behind it. A byte in a file tells how far it is.
READER = """
import json, os, sys
import duckdb
import pyarrow.parquet as pq
from pathlib import Path
from pipelines.store.publication import current
published, progress = Path(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
reads, every, stop = int(sys.argv[3]), int(sys.argv[4]), published.parent / "stop"
errors, mixed, runs = [], [], set()
number = 0
while number < reads or not stop.exists():
    try:
        publication = current(published)
        plan = json.loads((publication.path / "plan.json").read_bytes())["run_id"]
        manifest = json.loads((publication.path / "manifest.json").read_bytes())["run_id"]
        with pq.ParquetFile(publication.path / "marts" / "kpi_summary.parquet") as file:
            parquet = file.read(columns=["run_id"])["run_id"].unique().to_pylist()
        database = [(plan, 20)]
        if number % every == 0:
            with duckdb.connect(str(publication.path / "evenstock.duckdb"), read_only=True, config={"threads": 1}) as connection:
                database = connection.execute("SELECT run_id, count(*) FROM kpi_summary GROUP BY run_id").fetchall()
        if not (parquet == [publication.run_id] == [plan] == [manifest] and database == [(publication.run_id, 20)]):
            mixed.append([publication.run_id, plan, manifest, parquet, database])
        runs.add(publication.run_id)
    except Exception as error:
        errors.append(repr(error))
    os.write(progress, b".")
    number += 1
print(json.dumps({"errors": errors[:5], "mixed": mixed[:5], "runs": len(runs)}))
"""


def make_store(path: Path, run_id: str) -> Path:
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA marts")
        rows = f"SELECT range AS position, '{run_id}' AS run_id, range / 7 AS value FROM range(20)"
        connection.execute(f"CREATE TABLE marts.kpi_summary AS {rows}")
    return path


def publish_run(folder: Path, number: int) -> None:
    run_id = f"run{number:04d}"
    store = make_store(folder / "store.duckdb", run_id)
    plan = json.dumps({"run_id": run_id}).encode()
    publish(folder / "published", run_id, FIRST + dt.timedelta(days=number), store, {"plan.json": plan}, {"status": "OPTIMAL"})


def reads_so_far(progress: list[Path]) -> int:
    return sum(file.stat().st_size for file in progress if file.exists())


def storm(folder: Path, reads: int, publications: int, every: int) -> int:
    """Publish evenly over the readers' time, the same run again among it; returns how many runs a reader saw, added up."""
    publish_run(folder, 0)
    progress = [folder / f"reader{n}" for n in range(READERS)]
    commands = [[sys.executable, "-c", READER, str(folder / "published"), str(file), str(reads), str(every)] for file in progress]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for command in commands]
    until = time.monotonic() + PATIENCE_S
    try:
        for number in range(1, publications + 1):
            while reads_so_far(progress) < READERS * reads * number // (publications + 2):
                assert time.monotonic() < until and all(reader.poll() in (None, 0) for reader in readers), "a reader died"
                time.sleep(0.005)
            publish_run(folder, number)
            if number % 5 == 0:
                publish_run(folder, number)
        (folder / "stop").touch()
        told = [reader.communicate(timeout=PATIENCE_S) for reader in readers]
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
    assert all(reader.returncode == 0 for reader in readers), [err[-500:] for _, err in told]
    found = [json.loads(out) for out, _ in told]
    assert [one["errors"] for one in found] == [[]] * READERS
    assert [one["mixed"] for one in found] == [[]] * READERS
    assert all(file.stat().st_size >= reads for file in progress)
    return sum(one["runs"] for one in found)


def check_storm(folder: Path, reads: int, publications: int, every: int) -> None:
    seen = storm(folder, reads, publications, every)
    assert seen > READERS * publications // 4, "the readers hardly met a publication"
    assert len(list((folder / "published").iterdir())) == publications + 2
    met = f"{seen / READERS:.1f} runs seen by each"
    print(f"\n{READERS} readers x {reads} reads against {publications} publications: 0 errors, 0 mixtures, {met}")


def test_reader_storm_of_500_reads_against_20_publications(tmp_path: Path):
    check_storm(tmp_path, *CI)


@pytest.mark.soak
def test_reader_storm_of_10000_reads_against_200_publications(tmp_path: Path):
    check_storm(tmp_path, *SOAK)
