"""backup, restore, rebuild and prune on the command line: what they say, and the codes they end with."""

import json
import os
import time
from pathlib import Path

import pytest

from cli.main import call
from pipelines.store.backup import hold_retention
from pipelines.store.home import Home
from pipelines.store.lease import hold_lease
from pipelines.store.ledger import open_ledger

POLICY = "retention: {publication_days: 10, log_days: 5}\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Home:
    """A home without a plan: a ledger, a policy, old logs, and publications of runs that the ledger does not know."""
    home = Home(tmp_path / "home")
    monkeypatch.setenv("EVENSTOCK_HOME", str(home.root))
    open_ledger(home.root)
    home.policy_file.write_text(POLICY)
    for name in ("2026-01-01", "2026-02-01"):
        folder = home.published / f"run-{name}"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(json.dumps({"run_id": folder.name, "as_of": name, "files": {}}))
        (home.gates / name).mkdir(parents=True)
        (home.gates / name / "wms_stock.json").write_text("{}")
    home.logs.mkdir()
    for name, age in (("old.log", 6), ("new.log", 1)):
        (home.logs / name).write_text("x" * 100)
        os.utime(home.logs / name, (time.time() - age * 86400,) * 2)
    return home


def test_prune_says_what_it_would_free_and_then_frees_it(home: Home, capsys):
    assert call(["prune", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "publications" in said and "logs" in said and "would free" in said and "in 2 files and folders" in said
    assert (home.published / "run-2026-01-01").is_dir() and (home.logs / "old.log").is_file()
    assert call(["prune"]) == 0
    assert "freed" in capsys.readouterr().out
    assert [path.name for path in home.published.iterdir()] == ["run-2026-02-01"]
    assert [path.name for path in home.logs.iterdir()] == ["new.log"]
    assert call(["prune"]) == 0
    assert capsys.readouterr().out == "freed 0 bytes in 0 files and folders\n"


def test_prune_gives_way_to_a_run_and_to_a_backup(home: Home, capsys):
    with hold_lease(home.root, "the night of 2026-02-01", "now"):
        assert call(["prune"]) == 6
        assert call(["prune", "--dry-run"]) == 0, "looking disturbs nobody"
    with hold_retention(home, "evenstock backup", "now"):
        assert call(["prune"]) == 6
    said = capsys.readouterr().err
    assert "the night of 2026-02-01" in said and "evenstock backup" in said
    assert (home.logs / "old.log").is_file()


def test_backup_goes_beside_the_home_and_comes_back(home: Home, tmp_path: Path, capsys, monkeypatch):
    assert call(["backup", "--dry-run"]) == 0
    assert not (tmp_path / "home-backups").exists()
    assert call(["backup"]) == 3, "publications without their files are damaged, and said to be"
    assert "the backup was made without 2 damaged: published/run-2026-01-01: damaged" in capsys.readouterr().err
    (folder,) = (tmp_path / "home-backups").iterdir()
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "other"))
    assert call(["restore", str(folder), "--dry-run"]) == 0
    assert not (tmp_path / "other").exists()
    assert call(["restore", str(tmp_path / "home-backups")]) == 0
    said = capsys.readouterr().out
    assert "nothing is published in it" in said and "is kept in" not in said
    assert (tmp_path / "other" / "policy.yaml").read_text() == POLICY
    assert call(["restore", str(tmp_path / "nowhere")]) == 3
    with hold_lease(home.root, "the night", "now"):
        monkeypatch.setenv("EVENSTOCK_HOME", str(home.root))
        assert call(["backup", str(tmp_path / "b"), "--wait", "0"]) == 6


@pytest.mark.parametrize("words", [["rebuild"], ["rebuild", "--run", "x", "--all"], ["rebuild", "--run", "nobody"], ["prune", "--force"]])
def test_wrong_calls_are_usage_errors(home: Home, words: list[str], capsys):
    assert call(words) == 2
    assert capsys.readouterr().err.startswith("evenstock: ") or words[0] == "rebuild"


def test_a_rebuild_of_everything_says_what_it_would_do(home: Home, capsys):
    assert call(["rebuild", "--all", "--dry-run"]) == 0
    assert capsys.readouterr().out == "would read what is missing of the lake, and make 0 publications again\n"


@pytest.mark.parametrize("command", ["backup", "restore", "rebuild", "prune"])
def test_help_is_there(command: str, capsys):
    assert call([command, "--help"]) == 0
    assert "--dry-run" in capsys.readouterr().out
