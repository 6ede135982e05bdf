"""Publications: readers see one run, whole; the same run again changes nothing; what broke is repaired; time runs forward."""

import datetime
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.machine.temporary import sweep
from pipelines.store.publication import current, publish, verify

READER = """
import json, sys, duckdb
from pathlib import Path
published, stop = Path(sys.argv[1]), Path(sys.argv[2])
reads, runs = 0, set()
while not stop.exists() or reads < 20:
    folder = (published / "current").resolve(strict=True)
    run = json.loads((folder / "manifest.json").read_text())["run_id"]
    with duckdb.connect(str(folder / "evenstock.duckdb"), read_only=True) as connection:
        in_database = connection.execute("SELECT run_id, count(*) FROM kpi_summary GROUP BY run_id").fetchall()
        in_parquet = connection.execute(f"SELECT DISTINCT run_id FROM '{folder}/marts/kpi_summary.parquet'").fetchall()
    assert in_database == [(run, 50)] and in_parquet == [(run,)], (run, in_database, in_parquet)
    reads += 1
    runs.add(run)
print(json.dumps([reads, len(runs)]))
"""


def day(number: int) -> datetime.date:
    return datetime.date(2026, 3, number)


def make_store(path: Path, run_id: str, *, backwards: bool = False) -> Path:
    path.unlink(missing_ok=True)
    order = "DESC" if backwards else "ASC"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE SCHEMA lake; CREATE TABLE lake.not_published AS SELECT 1 AS a")
        rows = f"SELECT range AS position, '{run_id}' AS run_id, range / 7 AS value FROM range(50) ORDER BY range {order}"
        connection.execute(f"CREATE TABLE marts.kpi_summary AS {rows}")
        connection.execute(f"CREATE TABLE marts.dim_item AS SELECT 'i' || range AS item_id FROM range(9) ORDER BY range {order}")
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return make_store(tmp_path / "store.duckdb", "r1")


def content(folder: Path) -> dict[str, str]:
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_a_publication_holds_marts_files_and_a_manifest_that_names_them(store: Path, tmp_path: Path):
    plan = tmp_path / "somewhere.json"
    plan.write_bytes(b"{}\n")
    done = publish(tmp_path / "published", "r1", day(10), store, {"plan.json": plan, "problem.json": b"[]\n"}, {"gap_share": 0.01})
    assert current(tmp_path / "published") == done
    assert set(content(done.path)) == {
        "manifest.json",
        "run_log.json",
        "plan.json",
        "problem.json",
        "evenstock.duckdb",
        "marts/dim_item.parquet",
        "marts/kpi_summary.parquet",
    }
    assert done.manifest["marts"] == {"dim_item": {"grain": ["item_id"], "rows": 9}, "kpi_summary": {"grain": ["position"], "rows": 50}}
    outside = ("manifest.json", "run_log.json", "evenstock.duckdb")
    assert {name: entry["sha256"] for name, entry in done.manifest["files"].items()} == {
        k: v for k, v in content(done.path).items() if k not in outside
    }
    log = json.loads((done.path / "run_log.json").read_text())
    assert log["database"]["sha256"] == content(done.path)["evenstock.duckdb"]
    assert (done.run_id, done.as_of, done.manifest["gap_share"]) == ("r1", day(10), 0.01)
    with duckdb.connect(str(done.path / "evenstock.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall() == [("dim_item",), ("kpi_summary",)]


def test_parquet_json_and_manifest_are_the_same_bytes_whatever_the_order_of_rows(tmp_path: Path):
    folders = []
    for name, backwards in (("a", False), ("b", True)):
        store = make_store(tmp_path / f"{name}.duckdb", "r1", backwards=backwards)
        folders.append(content(publish(tmp_path / name, "r1", day(10), store, {"plan.json": b"{}"}, {}).path))
    for changing in ("evenstock.duckdb", "run_log.json"):
        assert all(folder.pop(changing) for folder in folders)
    assert folders[0] == folders[1]
    assert len(folders[0]) == 4


def test_the_same_run_again_is_a_no_op(store: Path, tmp_path: Path):
    done = publish(tmp_path / "published", "r1", day(10), store, {"plan.json": b"{}"}, {})
    before = {f: (f.stat().st_mtime_ns, f.stat().st_ino) for f in done.path.rglob("*")}
    store.unlink()
    again = publish(tmp_path / "published", "r1", day(10), store, {"plan.json": b"{}"}, {})
    assert again == done
    assert {f: (f.stat().st_mtime_ns, f.stat().st_ino) for f in done.path.rglob("*")} == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "manifest.json").write_bytes(b'{"files": '),
        lambda folder: (folder / "marts" / "kpi_summary.parquet").unlink(),
        lambda folder: (folder / "evenstock.duckdb").write_bytes(b"half"),
        lambda folder: (folder / "plan.json").write_bytes(b'{"forged": true}'),
        lambda folder: (folder / "stray.txt").write_bytes(b"?"),
        lambda folder: (folder / "evenstock.duckdb.wal").write_bytes(b"old"),
        lambda folder: (folder / "run_log.json").unlink(),
        lambda folder: [f.unlink() for f in folder.rglob("*") if f.is_file()],
    ],
    ids=["no manifest", "torn manifest", "lost mart", "torn database", "changed plan", "stray file", "stray wal", "no log", "empty folder"],
)
def test_a_damaged_publication_is_found_and_repaired(damage, store: Path, tmp_path: Path):
    done = publish(tmp_path / "published", "r1", day(10), store, {"plan.json": b"{}"}, {})
    whole = content(done.path)
    damage(done.path)
    assert verify(done.path)
    again = publish(tmp_path / "published", "r1", day(10), store, {"plan.json": b"{}"}, {})
    assert verify(again.path) == []
    assert {k: v for k, v in content(again.path).items() if k.endswith((".parquet", "plan.json"))} == {
        k: v for k, v in whole.items() if k.endswith((".parquet", "plan.json"))
    }
    assert current(tmp_path / "published") == again


def test_a_log_that_duckdb_would_replay_into_a_publication_is_refused_and_removed_by_the_next_making(store: Path, tmp_path: Path):
    done = publish(tmp_path / "published", "r1", day(10), store, {}, {})
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("CREATE TABLE forged AS SELECT 1 AS x")
        (done.path / "evenstock.duckdb.wal").write_bytes(Path(f"{other}.wal").read_bytes())
    with duckdb.connect(str(done.path / "evenstock.duckdb"), read_only=True) as connection:
        tables = connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
    assert ("forged",) in tables, "DuckDB replays it silently, also for readers: this is what has to be kept away from them"
    with pytest.raises(InputRefused, match=r"evenstock\.duckdb\.wal: a write-ahead log that is no part of the publication"):
        current(tmp_path / "published")
    again = publish(tmp_path / "published", "r1", day(10), store, {}, {})
    assert current(tmp_path / "published") == again and verify(again.path) == []


def test_leftovers_of_a_killed_publication_are_swept_and_the_run_is_published(store: Path, tmp_path: Path):
    draft = tmp_path / "published" / ".r1.abcdefgh.partial" / "marts"
    draft.mkdir(parents=True)
    (draft / "old.parquet").write_bytes(b"half")
    done = publish(tmp_path / "published", "r1", day(10), store, {}, {})
    assert verify(done.path) == []
    assert sweep([tmp_path / "published"]) == [draft.parent]
    assert sorted(p.name for p in (tmp_path / "published").iterdir()) == ["current", "r1"]


def test_a_run_that_was_written_but_not_yet_shown_is_shown(store: Path, tmp_path: Path):
    publish(tmp_path / "published", "r1", day(10), store, {}, {})
    (tmp_path / "published" / "current").unlink()
    assert current(tmp_path / "published") is None
    publish(tmp_path / "published", "r1", day(10), store, {}, {})
    shown = current(tmp_path / "published")
    assert shown is not None
    assert shown.run_id == "r1"


def test_current_moves_forward_only(tmp_path: Path):
    published = tmp_path / "published"
    shown = []
    for run, number in (("r10", 10), ("r12", 12), ("r11", 11), ("r12b", 12)):
        publish(published, run, day(number), make_store(tmp_path / "s.duckdb", run), {}, {})
        now = current(published)
        assert now is not None
        shown.append(now.run_id)
    assert shown == ["r10", "r12", "r12", "r12b"]
    assert (published / "r11" / "manifest.json").is_file()


def test_an_unreadable_current_does_not_block_the_next_run(store: Path, tmp_path: Path):
    first = publish(tmp_path / "published", "r1", day(10), store, {}, {})
    (first.path / "manifest.json").unlink()
    with pytest.raises(InputRefused, match=r"manifest\.json"):
        current(tmp_path / "published")
    publish(tmp_path / "published", "r2", day(11), make_store(tmp_path / "s.duckdb", "r2"), {}, {})
    shown = current(tmp_path / "published")
    assert shown is not None
    assert shown.run_id == "r2"


def test_names_that_could_leave_the_folder_are_refused(store: Path, tmp_path: Path):
    for bad in ("../r1", "a/b", ".hidden", "", "current"):
        with pytest.raises(UsageError):
            publish(tmp_path / "published", bad, day(10), store, {}, {})
        with pytest.raises(UsageError):
            publish(tmp_path / "published", "r1", day(10), store, {bad: b""}, {})
    with pytest.raises(UsageError, match="run_id"):
        publish(tmp_path / "published", "r1", day(10), store, {}, {"run_id": "other"})
    with pytest.raises(InputRefused, match=r"plan\.json"):
        publish(tmp_path / "published", "r1", day(10), store, {"plan.json": tmp_path / "missing"}, {})
    assert not (tmp_path / "published").exists()


def test_an_open_reader_keeps_its_run_while_the_next_is_published(store: Path, tmp_path: Path):
    published = tmp_path / "published"
    publish(published, "r1", day(10), store, {}, {})
    with duckdb.connect(str(published / "current" / "evenstock.duckdb"), read_only=True) as reader:
        publish(published, "r2", day(11), make_store(tmp_path / "s.duckdb", "r2"), {}, {})
        assert reader.execute("SELECT DISTINCT run_id FROM kpi_summary").fetchall() == [("r1",)]
    with duckdb.connect(str(published / "current" / "evenstock.duckdb"), read_only=True) as reader:
        assert reader.execute("SELECT DISTINCT run_id FROM kpi_summary").fetchall() == [("r2",)]


def test_readers_never_see_a_mixture(tmp_path: Path):
    published, stop = tmp_path / "published", tmp_path / "stop"
    stores = [make_store(tmp_path / f"s{k}.duckdb", f"r{k}") for k in range(8)]
    publish(published, "r0", day(1), stores[0], {}, {})
    command = [sys.executable, "-c", READER, str(published), str(stop)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    try:
        for number, made in enumerate(stores[1:], start=2):
            publish(published, made.stem.replace("s", "r"), day(number), made, {}, {})
            time.sleep(0.15)
        stop.touch()
        for reader in readers:
            out, err = reader.communicate(timeout=60)
            assert reader.returncode == 0, err
            reads, runs = json.loads(out)
            assert reads >= 20
            assert runs >= 1
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
