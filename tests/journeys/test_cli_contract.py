"""The command line keeps its public contract: every command, every exit code, one clear line per failure, nothing touched by looking."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from cli.commands_page import walk_commands
from cli.main import app, call
from pipelines.store.lease import hold_lease

EVENSTOCK = Path(sys.executable).with_name("evenstock")
ROOT = Path(__file__).parents[2]
COMMANDS = [path.removeprefix("evenstock").strip() for path, _ in walk_commands(typer.main.get_command(app), "evenstock")]
GROUPS = sorted({"", *(command.rsplit(" ", 1)[0] for command in COMMANDS if " " in command)} - set(COMMANDS))


def test_the_tree_of_commands_is_walked_whole():
    promised = {"demo", "run", "land", "check", "health", "backup", "restore", "rebuild", "prune", "forecast", "gates show", "plan reject"}
    assert promised <= set(COMMANDS) and {"", "layout", "plan"} <= set(GROUPS)


@pytest.mark.parametrize("command", COMMANDS + GROUPS)
def test_every_command_has_help_with_an_example(command, capfd):
    assert call([*command.split(), "--help"]) == 0
    shown = capfd.readouterr().out
    assert "Usage: evenstock" in shown
    assert command in GROUPS or f"Example: evenstock {command}" in " ".join(shown.split())


def test_help_is_quick_because_nothing_heavy_is_loaded():
    heavy = (
        "pandas",
        "numpy",
        "duckdb",
        "dagster",
        "dbt",
        "great_expectations",
        "pulp",
        "highspy",
        "sqlalchemy",
        "pyarrow",
        "scipy",
        "pydantic",
    )
    code = f"import sys, cli.main; cli.main.call(['--help']); print('LOADED', [m for m in {heavy!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert "LOADED []" in run.stdout, run.stdout[-300:]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("demoo", 2, "Did you mean 'demo'"),
        ("plan explian", 2, "Did you mean 'explain'"),
        ("run", 2, "--as-of"),
        ("run --as-of 31.01.2026", 2, "YYYY-MM-DD"),
        ("run --as-fo 2026-01-31", 2, "--as-of"),
        ("demo --items 0", 2, "--items"),
        ("demo --days none", 2, "--days"),
        ("check x.csv --feed wms_stok", 2, "did you mean 'wms_stock'"),
        ("check absent.csv --feed wms_stock", 3, "absent.csv: no such file"),
        ("land stock.csv --feed wms_stock", 2, "--business-date"),
        ("land absent_2026-01-31.csv --feed wms_stock", 3, "no such file"),
        ("plan pull --format xlsx", 2, "csv, json, parquet"),
        ("plan pull --format parquet", 2, "--out"),
        ("plan show", 4, "nothing is published"),
        ("plan pull", 4, "nothing is published"),
        ("plan explain L123", 4, "nothing is published"),
        ("plan approve L123 --by ana --reason ok", 4, "nothing is published"),
        ("plan solve --problem absent.json --out x.json", 3, "absent.json: no such file"),
        ("plan audit --problem absent.json --plan absent.json", 3, "no such file"),
        ("demo --demand absent.parquet", 3, "absent.parquet"),
    ],
)
def test_misuse_gives_one_line_with_the_remedy(words, code, said, capfd, monkeypatch, tmp_path):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path)
    assert call(words.split()) == code
    lines = capfd.readouterr().err.splitlines()
    assert said in lines[-1] and lines[-1].startswith("evenstock: "), lines
    assert all(line.startswith("[") for line in lines[:-1]), lines


def test_an_unknown_variable_is_misuse(monkeypatch, one_line):
    monkeypatch.setenv("EVENSTOCK_SEDE", "1")
    assert call(["plan", "show"]) == 2
    assert "did you mean EVENSTOCK_SEED?" in one_line()


def test_check_counts_and_touches_nothing(played_loop, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "home"))
    good = played_loop.home / "inbox" / str(played_loop.last_day) / "wms_stock.csv"
    assert call(["check", str(good), "--feed", "wms_stock", "--json"]) == 0
    counts = json.loads(capfd.readouterr().out)
    assert counts["accepted"] == counts["rows_in"] > 0 and counts["rows"] == []
    header, *rows = csv.reader(good.read_text().splitlines()[:4])
    rows[2][header.index("on_hand")] = "2.5"
    bad = tmp_path / "bad.csv"
    bad.write_text("".join(",".join(row) + "\n" for row in [header, *rows]))
    assert call(["check", str(bad), "--feed", "wms_stock", "--json"]) == 3
    counts = json.loads(capfd.readouterr().out)
    assert (counts["rows_in"], counts["accepted"], counts["quarantined"]) == (3, 2, 1)
    found = {name: counts["rows"][0][name] for name in ("line", "column", "reason", "value")}
    assert found == {"line": 4, "column": "on_hand", "reason": "not_integer", "value": "2.5"}
    assert call(["check", str(bad), "--feed", "wms_stock"]) == 3
    assert "1 quarantined" in capfd.readouterr().out
    assert not (tmp_path / "home").exists()


def test_land_keeps_bytes_once(played_loop, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "home"))
    file = played_loop.home / "inbox" / str(played_loop.last_day) / "wms_stock.csv"
    for _ in range(2):
        assert call(["land", str(file), "--feed", "wms_stock", "--business-date", "2026-01-31"]) == 0
        assert "version 1" in capfd.readouterr().out
    kept = list((tmp_path / "home" / "landing" / "wms_stock").glob("*.csv"))
    assert [path.read_bytes() for path in kept] == [file.read_bytes()]


def test_a_busy_home_names_its_holder(own_home, capfd):
    with hold_lease(own_home, "a long run", "2026-01-31T02:00:00"):
        env = {**os.environ}
        run = subprocess.run([EVENSTOCK, "plan", "approve", "L1", "--by", "a", "--reason", "b"], capture_output=True, text=True, env=env)
        assert run.returncode == 6
        assert "a long run" in run.stderr and "2026-01-31T02:00:00" in run.stderr and run.stderr.count("\n") == 1
        run = subprocess.run([EVENSTOCK, "run", "--as-of", "2025-04-06"], capture_output=True, text=True, env=env)
        assert run.returncode == 6, run.stderr
        assert "a long run" in run.stderr.splitlines()[-1] and "Traceback" not in run.stderr


def test_a_crash_leaves_its_story_in_a_log(own_home, one_line):
    """A file that only a fault of ours or of the disk can break is an internal error."""
    (own_home / "published" / "current" / "explanations.json").write_text("{")
    assert call(["plan", "explain", "L1"]) == 1
    said = one_line()
    log = Path(said.rsplit(" ", 1)[1].strip())
    assert log.parent == own_home / "logs" and "Traceback" in log.read_text()


def test_run_without_a_drop_is_blocked(own_home):
    before = (own_home / "published" / "current").readlink()
    run = subprocess.run([EVENSTOCK, "run", "--as-of", "2025-12-01"], capture_output=True, text=True, env={**os.environ})
    assert run.returncode == 4 and "nothing has landed for 2025-12-01" in run.stderr.splitlines()[-1]
    assert (own_home / "published" / "current").readlink() == before
