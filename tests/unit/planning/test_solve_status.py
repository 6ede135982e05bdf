"""What a plan may call itself does not depend on how early the search was told to stop."""

import gzip
import json
from pathlib import Path

import pytest

from pipelines.planning import solve
from pipelines.planning.audit import audit_plan
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem


@pytest.mark.parametrize(("name", "gap"), [("p14_200x5.json", 0.05), ("p10_150x5.json", 0.03)])
def test_a_search_that_stops_early_is_feasible_and_passes_the_audit(real_data, name, gap):
    document = json.loads((real_data / "proven" / name).read_text())
    plan = solve_problem(Problem.from_json(document), SolveOptions(gap_share=gap)).to_json()
    assert plan["status"] == ("OPTIMAL" if plan["gap_share"] <= 1e-4 else "FEASIBLE")
    assert plan["gap_share"] <= gap
    assert audit_plan(document, plan).ok


def test_a_large_plan_is_not_called_optimal_within_a_loose_gap(real_data):
    with gzip.open(real_data / "proven" / "large_200x10.json.gz") as file:
        document = json.load(file)
    plan = solve_problem(Problem.from_json(document), SolveOptions(gap_share=0.05)).to_json()
    assert plan["gap_share"] > 1e-4
    assert plan["status"] == "FEASIBLE"
    assert audit_plan(document, plan).ok


def test_a_bound_that_a_plan_exceeds_is_told_and_proves_nothing(monkeypatch):
    """A fault of the search may cost the proof, never hide behind it."""
    document = json.loads((Path(__file__).parents[2] / "golden" / "truths" / "T8.json").read_text())
    found = solve._exact

    def with_low_bound(*asked):
        outcome = found(*asked)
        outcome.bound -= 0.001
        return outcome

    monkeypatch.setattr(solve, "_exact", with_low_bound)
    plan = solve_problem(Problem.from_json(document))
    assert (plan.status, plan.bound_usd, plan.bound_kind, plan.gap_share) == ("FEASIBLE", None, "none", None)
    assert plan.solve_info["refused_bound_usd"] == pytest.approx(22 - 0.001)
    assert audit_plan(document, plan.to_json()).ok
