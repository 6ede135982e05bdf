"""The drill: a home is backed up, spoilt with old logs beside its databases, brought back, and plans on as if nothing had been."""

import datetime as dt
import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from cli.main import call
from dagster_project.nights import Nights
from pipelines.domain.errors import InputRefused
from pipelines.settings import load_settings
from pipelines.store.contents import digest_publication
from pipelines.store.ledger import open_ledger
from pipelines.store.publication import current, verify


def digests(home: Path, *folders: str) -> dict[str, str]:
    files = [path for folder in folders for path in sorted((home / folder).rglob("*")) if path.is_file()]
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.name != "run_log.json"}


def truth(home: Path) -> dict:
    """What a restored home must have in common with the one that was backed up."""
    ledger = open_ledger(home, read_only=True)
    publication = current(home / "published")
    assert verify(publication.path) == []
    return {
        "files": digests(home, "landing", "forecasts", "lake", "quarantine", "gates", "outbox", "published"),
        "chain": ledger.verify_chain(),
        "states": ledger.current_lines(publication.run_id).to_json(),
        "marks": ledger.marks(),
        "published": digest_publication(publication),
        "policy": (home / "policy.yaml").read_text(),
    }


def spoil(home: Path, tmp_path: Path) -> sqlite3.Connection:
    """Decide on in the ledger without a checkpoint, and leave another log beside the published database; the connection stays open."""
    keeper = sqlite3.connect(home / "ledger.sqlite")
    keeper.execute("SELECT count(*) FROM runs").fetchone()
    run, ledger = current(home / "published").run_id, open_ledger(home)
    waiting = ledger.current_lines(run).query("state == 'proposed'")["line_id"].tolist()
    assert waiting, "no line waits for a person: nothing would be shown"
    ledger.decide(waiting[0], "reject", "eve", "after the backup", current(home / "published").manifest["plan_digest"], "t")
    assert (home / "ledger.sqlite-wal").stat().st_size > 0
    other = tmp_path / "other.duckdb"
    with closing(duckdb.connect(str(other))) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("CREATE TABLE forged AS SELECT 1 AS x")
        shutil.copy(f"{other}.wal", home / "published" / run / "evenstock.duckdb.wal")
    (home / "lake" / "wms_stock").rename(tmp_path / "stock_is_gone")
    return keeper


def test_the_drill(ready, next_day, uninterrupted, tmp_path, monkeypatch, capfd):
    home, backups = Path(shutil.copytree(ready, tmp_path / "home", symlinks=True)), tmp_path / "backups"
    monkeypatch.setenv("EVENSTOCK_HOME", str(home))
    before = truth(home)
    assert call(["backup", str(backups)]) == 0
    keeper = spoil(home, tmp_path)
    assert open_ledger(home, read_only=True).marks() != before["marks"]
    with pytest.raises(InputRefused, match=r"evenstock\.duckdb\.wal: a write-ahead log that is no part of the publication"):
        current(home / "published")

    assert call(["restore", str(backups)]) == 2
    assert "give --force, which keeps all of it aside" in capfd.readouterr().err
    assert call(["restore", str(backups), "--dry-run"]) == 0
    assert call(["restore", str(backups), "--force"]) == 0
    assert [path for path in home.rglob("*") if path.name.endswith((".wal", "-wal", "-shm"))] == []
    assert truth(home) == before
    (aside,) = tmp_path.glob("home.before-restore-*")
    kept = open_ledger(aside).decisions()
    assert kept["reason"].tolist()[-1] == "after the backup", "the home before is kept whole"
    keeper.close()

    shutil.copytree(ready / "inbox" / str(next_day[0].date), home / "inbox" / str(next_day[0].date))
    Nights(load_settings(home=home), persistent=False).run("nightly", next_day[0].date)
    found, wanted = planned(home), planned(uninterrupted)
    assert {name for name in wanted["files"].keys() | found["files"] if wanted["files"].get(name) != found["files"].get(name)} == set()
    assert found == wanted


def planned(home: Path) -> dict:
    """The truth without what landed, whose sidecars say when, and without the bytes of DuckDB files, which DuckDB stamps."""
    found = truth(home)
    kept = {name: digest for name, digest in found["files"].items() if not name.startswith("landing") and not name.endswith(".duckdb")}
    return found | {"files": kept}


@pytest.fixture
def backed_up(played_loop, tmp_path, monkeypatch) -> Path:
    """A backup of a copy of the played loop, since a backup leaves its lock in the home; the environment's home is an empty one."""
    monkeypatch.setenv("EVENSTOCK_HOME", str(shutil.copytree(played_loop.home, tmp_path / "played", symlinks=True)))
    assert call(["backup", str(tmp_path / "backups")]) == 0
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "home"))
    return next((tmp_path / "backups").iterdir())


def add(name: str):
    return lambda state: (state / name).write_bytes(b"stale")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (add("ledger.sqlite-wal"), "holds files that are not of it: ledger.sqlite-wal; remove them"),
        (add("published/evenstock.duckdb.wal"), "published/evenstock.duckdb.wal; remove them"),
        (lambda state: (state / "policy.yaml").unlink(), "lacks policy.yaml; it was not copied whole"),
        (lambda state: (state / "policy.yaml").write_text("planning: {gamma: 0.1}\n"), "policy.yaml: not the file that was backed up"),
        (lambda state: shutil.rmtree(state / "published"), "was not copied whole"),
    ],
    ids=["ledger log", "database log", "missing file", "changed file", "missing folder"],
)
def test_a_damaged_backup_is_refused_before_anything_is_touched(backed_up, tmp_path, capfd, damage, said):
    damage(backed_up / "home")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert call(["restore", str(backed_up)]) == 3
    assert said in capfd.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_left_over_log_in_an_empty_home_stops_a_restore(backed_up, tmp_path, capfd):
    home = tmp_path / "home"
    home.mkdir()
    (home / "ledger.sqlite-wal").write_bytes(b"stale")
    assert call(["restore", str(backed_up)]) == 2
    assert f"{home} holds ledger.sqlite-wal: give --force" in capfd.readouterr().err
    assert call(["restore", str(backed_up), "--force"]) == 0
    assert not (home / "ledger.sqlite-wal").exists() and open_ledger(home).verify_chain().ok
    assert json.loads((backed_up / "backup.json").read_text())["current"] == current(home / "published").run_id
    assert dt.date.fromisoformat(max(path.name for path in (home / "gates").iterdir())) == current(home / "published").as_of
