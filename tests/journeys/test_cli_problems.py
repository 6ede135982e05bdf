"""Problem files on the command line: solved, audited, refused."""

import gzip
import importlib.util
import json
from pathlib import Path

import pytest

from cli.main import call

ROOT = Path(__file__).parents[2]
TRUTH = ROOT / "tests" / "golden" / "truths" / "T1.json"


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


def test_an_out_file_that_cannot_be_written_is_misuse(tmp_path, capfd):
    assert call(["plan", "solve", "--problem", str(TRUTH), "--out", str(tmp_path / "no" / "x.json")]) == 2
    assert "cannot be written" in capfd.readouterr().err
