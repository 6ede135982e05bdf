"""The command line keeps its public contract: every command, every exit code, one clear line per failure, nothing touched by looking."""

import csv
import datetime as dt
import gzip
import importlib.util
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from cli.main import call
from dagster_project.closed_loop import begin_demo
from pipelines.settings import load_settings
from pipelines.store.lease import hold_lease
from pipelines.store.publication import current

EVENSTOCK = Path(sys.executable).with_name("evenstock")
ROOT = Path(__file__).parents[2]
TRUTH = ROOT / "tests" / "golden" / "truths" / "T1.json"
COMMANDS = [
    "",
    "demo",
    "run",
    "land",
    "check",
    "plan",
    "plan solve",
    "plan audit",
    "plan pull",
    "plan show",
    "plan explain",
    "plan approve",
    "plan reject",
]


@pytest.fixture
def at_home(played_loop, monkeypatch):
    """The played loop's own home, for commands that only look."""
    monkeypatch.setenv("EVENSTOCK_HOME", str(played_loop.home))
    return played_loop.home


@pytest.fixture
def own_home(played_loop, monkeypatch, tmp_path):
    """A copy of it, for commands that decide."""
    home = Path(shutil.copytree(played_loop.home, tmp_path / "home", symlinks=True))
    monkeypatch.setenv("EVENSTOCK_HOME", str(home))
    return home


def one_line(capfd) -> str:
    """What stands on stderr, which must be one line without a traceback."""
    said = capfd.readouterr().err
    assert said.startswith("evenstock: ") and said.count("\n") == 1 and "Traceback" not in said, said
    return said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command, capfd):
    assert call([*command.split(), "--help"]) == 0
    shown = capfd.readouterr().out
    assert "Usage: evenstock" in shown
    assert command in ("", "plan") or f"Example: evenstock {command}" in " ".join(shown.split())


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


def test_an_unknown_variable_is_misuse(monkeypatch, capfd):
    monkeypatch.setenv("EVENSTOCK_SEDE", "1")
    assert call(["plan", "show"]) == 2
    assert "did you mean EVENSTOCK_SEED?" in one_line(capfd)


def test_m5_without_its_data_says_where_it_comes_from(monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("EVENSTOCK_REAL_DATA", raising=False)
    assert call(["demo", "--demand", "m5"]) == 3
    said = capfd.readouterr().err
    assert "EVENSTOCK_REAL_DATA" in said and "m5/units_daily.parquet" in said
    assert not (tmp_path / "home").exists()


def test_a_demo_never_clears_work_that_is_not_a_demo(monkeypatch, tmp_path, capfd):
    home = tmp_path / "home"
    (home / "landing" / "wms_stock").mkdir(parents=True)
    monkeypatch.setenv("EVENSTOCK_HOME", str(home))
    assert call(["demo", "--items", "2", "--days", "1"]) == 2
    assert "EVENSTOCK_HOME=" in capfd.readouterr().err
    assert (home / "landing" / "wms_stock").is_dir()


def test_show_and_pull_agree(at_home, capfd, tmp_path):
    assert call(["plan", "show", "--limit", "500"]) == 0
    shown = capfd.readouterr().out
    assert call(["plan", "pull"]) == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert rows and all(row["line_id"] in shown for row in rows)
    assert "Network, last 28 days" in shown and "otif" in shown
    for form in ("csv", "json", "parquet"):
        assert call(["plan", "pull", "--format", form, "--out", str(tmp_path / f"lines.{form}")]) == 0
    read = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}
    ids = {form: list(load(tmp_path / f"lines.{form}")["line_id"]) for form, load in read.items()}
    assert ids["csv"] == ids["json"] == ids["parquet"] == [row["line_id"] for row in rows]


def test_explain_tells_one_line(at_home, capfd):
    line = pd.read_parquet(current(at_home / "published").path / "plan_lines.parquet")["line_id"].iloc[0]
    assert call(["plan", "explain", line]) == 0
    assert len(capfd.readouterr().out.splitlines()) >= 3
    assert call(["plan", "explain", line[:-1] + ("0" if line[-1] != "0" else "1")]) == 2
    assert f"did you mean {line}?" in one_line(capfd)


def test_no_control_character_of_an_argument_reaches_the_terminal(at_home, capfd):
    assert call(["plan", "explain", "\x1b[2JL1"]) == 2
    assert "\x1b" not in one_line(capfd)


def test_a_closed_pipe_is_no_error(at_home):
    command = f"{EVENSTOCK} plan pull | head -c 20 >/dev/null; echo ${{PIPESTATUS[0]}}"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env={**os.environ})
    assert run.stdout.strip() == "0" and run.stderr == ""


def test_check_counts_and_touches_nothing(played_loop, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "home"))
    good = played_loop.home / "inbox" / str(played_loop.last_day) / "wms_stock.csv"
    assert call(["check", str(good), "--feed", "wms_stock", "--json"]) == 0
    counts = json.loads(capfd.readouterr().out)
    assert counts["accepted"] == counts["rows_in"] > 0 and counts["rows"] == []
    lines = good.read_text().splitlines()
    bad = tmp_path / "bad.csv"
    bad.write_text(
        "\n".join([*lines[:3], lines[3].replace(lines[3].split(",")[4], "2.5", 1) if lines[3].split(",")[4] else lines[3] + "x"]) + "\n"
    )
    assert call(["check", str(bad), "--feed", "wms_stock", "--json"]) == 3
    counts = json.loads(capfd.readouterr().out)
    assert (counts["rows_in"], counts["accepted"], counts["quarantined"]) == (3, 2, 1)
    assert {"line", "column", "reason", "value"} <= set(counts["rows"][0]) and counts["rows"][0]["line"] == 4
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


def test_solve_writes_an_audited_plan(tmp_path, capfd):
    packed = tmp_path / "t1.json.gz"
    packed.write_bytes(gzip.compress(TRUTH.read_bytes()))
    out = tmp_path / "plan.json"
    assert call(["plan", "solve", "--problem", str(packed), "--out", str(out)]) == 0
    plan = json.loads(out.read_text())
    assert (plan["format"], plan["status"], plan["objective_usd"]) == ("evenstock-plan/1", "OPTIMAL", pytest.approx(22))
    assert call(["plan", "audit", "--problem", str(packed), "--plan", str(out)]) == 0
    plan["objective_usd"] += 1
    out.write_text(json.dumps(plan))
    capfd.readouterr()
    assert call(["plan", "audit", "--problem", str(TRUTH), "--plan", str(out)]) == 5
    assert "objective" in capfd.readouterr().out


def test_solve_refuses_what_no_plan_can_meet(tmp_path, capfd):
    problem = json.loads(TRUTH.read_text())
    problem["arcs"][0]["fixed_packs"] = 1
    problem["lanes"][0]["max_trucks"] = 0
    (tmp_path / "p.json").write_text(json.dumps(problem))
    assert call(["plan", "solve", "--problem", str(tmp_path / "p.json"), "--out", str(tmp_path / "x.json")]) == 5
    assert "no plan is allowed" in capfd.readouterr().err
    assert not (tmp_path / "x.json").exists()


def test_a_fallback_plan_is_done_with_a_warning(tmp_path, capfd):
    spec = importlib.util.spec_from_file_location("solver_benchmark", ROOT / "benchmarks" / "solver.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "p.json").write_text(json.dumps(module.generate(100, 6, 1)))
    assert call(["plan", "solve", "--problem", str(tmp_path / "p.json"), "--out", str(tmp_path / "x.json"), "--time-limit", "0"]) == 0
    assert json.loads((tmp_path / "x.json").read_text())["status"] == "FALLBACK"
    assert "warning" in capfd.readouterr().err


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "evenstock-problem/2"}', "\ufeff{}", "nul\x00"])
def test_an_unreadable_problem_is_refused(text, tmp_path, capfd):
    (tmp_path / "p.json").write_text(text)
    assert call(["plan", "solve", "--problem", str(tmp_path / "p.json"), "--out", str(tmp_path / "x.json")]) == 3
    assert "p.json" in one_line(capfd)


def test_an_out_file_that_cannot_be_written_is_misuse(tmp_path, capfd):
    assert call(["plan", "solve", "--problem", str(TRUTH), "--out", str(tmp_path / "no" / "x.json")]) == 2
    assert "cannot be written" in capfd.readouterr().err


def test_a_busy_home_names_its_holder(own_home, capfd):
    with hold_lease(own_home, "a long run", "2026-01-31T02:00:00"):
        env = {**os.environ}
        run = subprocess.run([EVENSTOCK, "plan", "approve", "L1", "--by", "a", "--reason", "b"], capture_output=True, text=True, env=env)
        assert run.returncode == 6
        assert "a long run" in run.stderr and "2026-01-31T02:00:00" in run.stderr and run.stderr.count("\n") == 1
        run = subprocess.run([EVENSTOCK, "run", "--as-of", "2025-04-06"], capture_output=True, text=True, env=env)
        assert run.returncode == 6, run.stderr
        assert "a long run" in run.stderr.splitlines()[-1] and "Traceback" not in run.stderr


def test_decisions_are_kept_once(own_home, capfd):
    """Approve goes out at once; a second word on the same line, an unknown line and an empty name are refused."""
    states = lines_by_state(own_home, capfd)
    waiting = states.get("proposed", [])
    done = states.get("released", []) + states.get("rejected", [])
    for line in waiting[:1]:
        assert call(["plan", "reject", line, "--by", "ana", "--reason", "promotion"]) == 0
        assert line in lines_by_state(own_home, capfd)["rejected"]
        done.append(line)
    for line in waiting[1:2]:
        assert call(["plan", "approve", line, "--by", "ana", "--reason", "dock is free"]) == 0
        assert line in lines_by_state(own_home, capfd).get("released", []) + lines_by_state(own_home, capfd).get("cancelled", [])
    assert done, "the loop's last plan has no line to decide on: choose another seed"
    assert call(["plan", "approve", done[0], "--by", "ana", "--reason", "again"]) == 7
    assert done[0] in one_line(capfd)
    assert call(["plan", "approve", "Lnothere", "--by", "ana", "--reason", "x"]) == 7
    assert call(["plan", "approve", done[0], "--by", " ", "--reason", "x"]) == 2


def lines_by_state(home: Path, capfd) -> dict[str, list[str]]:
    capfd.readouterr()
    assert call(["plan", "pull", "--format", "json"]) == 0
    found: dict[str, list[str]] = {}
    for line in json.loads(capfd.readouterr().out):
        found.setdefault(line["state"], []).append(line["line_id"])
    return found


def test_a_plan_too_old_for_the_newest_extract_is_not_decided_on(own_home, played_loop, capfd):
    file = own_home / "inbox" / str(played_loop.last_day) / "wms_stock.csv"
    later = played_loop.last_day + dt.timedelta(days=30)
    assert call(["land", str(file), "--feed", "wms_stock", "--business-date", str(later)]) == 0
    assert call(["plan", "show"]) == 0
    assert "older than the newest extract" not in capfd.readouterr().err, (
        "what merely landed, under a date that may be mistyped, ages nothing"
    )
    assert call(["run", "--as-of", str(later)]) == 4
    line = pd.read_parquet(current(own_home / "published").path / "plan_lines.parquet")["line_id"].iloc[0]
    capfd.readouterr()
    assert call(["plan", "reject", line, "--by", "ana", "--reason", "late"]) == 7
    one_line(capfd)
    assert call(["plan", "show"]) == 0
    assert "30 days older than the newest extract" in capfd.readouterr().err


def test_a_crash_leaves_its_story_in_a_log(own_home, capfd):
    """A file that only a fault of ours or of the disk can break is an internal error."""
    (own_home / "published" / "current" / "explanations.json").write_text("{")
    assert call(["plan", "explain", "L1"]) == 1
    said = one_line(capfd)
    log = Path(said.rsplit(" ", 1)[1].strip())
    assert log.parent == own_home / "logs" and "Traceback" in log.read_text()


def test_run_without_a_drop_is_blocked(own_home):
    before = (own_home / "published" / "current").readlink()
    run = subprocess.run([EVENSTOCK, "run", "--as-of", "2025-12-01"], capture_output=True, text=True, env={**os.environ})
    assert run.returncode == 4 and "nothing has landed for 2025-12-01" in run.stderr.splitlines()[-1]
    assert (own_home / "published" / "current").readlink() == before


def test_interrupting_a_demo_is_clean(parsed_dbt, tmp_path):
    env = {**os.environ, "EVENSTOCK_HOME": str(tmp_path / "home")}
    demo = subprocess.Popen([EVENSTOCK, "demo", "--items", "3"], env=env, stderr=subprocess.PIPE, text=True)
    started = time.monotonic()
    while not list((tmp_path / "home" / "gates").glob("*/*.json")):
        assert demo.poll() is None and time.monotonic() - started < 120
        time.sleep(0.05)
    demo.send_signal(signal.SIGINT)
    errors = demo.communicate(timeout=60)[1]
    assert demo.returncode == 130, errors
    assert "Traceback" not in errors and errors.splitlines()[-1] == "evenstock: stopped; nothing half-done is kept"


def test_a_demo_ends_with_the_plan(parsed_dbt, tmp_path):
    env = {**os.environ, "EVENSTOCK_HOME": str(tmp_path / "home")}
    demo = subprocess.run([EVENSTOCK, "demo", "--items", "4", "--days", "1"], env=env, capture_output=True, text=True)
    assert demo.returncode == 0, demo.stderr
    for said in ("Plan of ", "Network, 28 days to ", "without transfers", "Learned from what came back", "Where to look next"):
        assert said in demo.stdout
    assert "dagster" not in demo.stderr and "DEBUG" not in demo.stderr, "what libraries print is in the logs"


def test_a_second_demo_starts_from_nothing_but_the_policy(own_home, played_loop):
    home = load_settings(home=own_home).folders
    begin_demo(home, {"seed": 2})
    kept = {path.name for path in own_home.iterdir()}
    assert kept == {"policy.yaml", "demo.json", "dagster", "lease.lock"}
    assert json.loads((own_home / "demo.json").read_text()) == {"seed": 2}
