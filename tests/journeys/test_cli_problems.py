"""Problem files on the command line: solved, audited, refused."""

import gzip
import importlib.util
import json
from functools import partial
from pathlib import Path

import pytest

from cli.main import call
from pipelines.machine.limits import ProcessLimits, process_limits, use_limits
from pipelines.planning.solve import SolveOptions

ROOT = Path(__file__).parents[2]
TRUTH = ROOT / "tests" / "golden" / "truths" / "T1.json"


@pytest.fixture(autouse=True)
def limits_as_before():
    yield
    use_limits(ProcessLimits())


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
def test_an_unreadable_problem_is_refused(text, tmp_path, one_line):
    (tmp_path / "p.json").write_text(text)
    assert call(["plan", "solve", "--problem", str(tmp_path / "p.json"), "--out", str(tmp_path / "x.json")]) == 3
    assert "p.json" in one_line()


def test_the_limits_of_the_environment_hold_without_a_home(tmp_path, monkeypatch, capfd):
    """150 MB are too few for a solver; and no home is looked at, not even one that would be refused."""
    monkeypatch.setenv("EVENSTOCK_SOLVER_MEGABYTES", "150")
    monkeypatch.setenv("EVENSTOCK_HOME", "/")
    assert call(["plan", "solve", "--problem", str(TRUTH), "--out", str(tmp_path / "x.json")]) == 0
    plan = json.loads((tmp_path / "x.json").read_text())
    assert (plan["status"], plan["solve_info"]["stopped_by"]) == ("FALLBACK", "memory")
    monkeypatch.setenv("EVENSTOCK_DUCKDB_MEMORY", "64MB")
    (tmp_path / "stock.csv").write_text("date\n")
    assert call(["check", str(tmp_path / "stock.csv"), "--feed", "wms_stock"]) == 3
    assert process_limits().memory == "64MB"


@pytest.mark.parametrize("words", [["plan", "solve", "--problem", "p", "--out", "q"], ["check", "x.csv", "--feed", "wms_stock"]])
def test_a_bad_limit_is_misuse_of_every_command(words, monkeypatch, one_line):
    monkeypatch.setenv("EVENSTOCK_SOLVER_GRACE_SECONDS", "abc")
    assert call(words) == 2
    assert "EVENSTOCK_SOLVER_GRACE_SECONDS: " in one_line()


def test_a_fault_of_the_solvers_process_is_one_line_with_its_cause_and_its_story_in_the_log(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("pipelines.planning.solve.SolveOptions", partial(SolveOptions, seed=[]))
    assert call(["plan", "solve", "--problem", str(TRUTH), "--out", str(tmp_path / "x.json")]) == 1
    *progress, said = capfd.readouterr().err.splitlines()
    assert all(line.startswith("[") for line in progress)
    assert "internal error: the solver's process failed: TypeError: setOptionValue()" in said
    log = Path(said.rsplit(" ", 1)[1].strip()).read_text()
    assert log.count("Traceback") >= 2 and "solver_child.py" in log


@pytest.mark.parametrize(
    ("option", "number"),
    [("--time-limit", number) for number in ("inf", "nan", "1e10", "-1", "86400.1")]
    + [("--gap", number) for number in ("nan", "inf", "2")],
)
def test_a_limit_that_no_clock_can_wait_for_is_misuse(option, number, tmp_path, one_line):
    assert call(["plan", "solve", "--problem", str(TRUTH), "--out", str(tmp_path / "x.json"), option, number]) == 2
    assert option in one_line()


@pytest.mark.parametrize("option", ["--density", "--budget", "--min-shipment-kg"])
def test_a_problem_is_not_drawn_from_what_is_no_number(option, tmp_path, one_line):
    assert call(["plan", "generate-problem", "--out", str(tmp_path / "x.json"), option, "nan"]) == 2
    assert option in one_line() and not (tmp_path / "x.json").exists()


def test_an_out_file_that_cannot_be_written_is_misuse(tmp_path, capfd):
    assert call(["plan", "solve", "--problem", str(TRUTH), "--out", str(tmp_path / "no" / "x.json")]) == 2
    assert "cannot be written" in capfd.readouterr().err
