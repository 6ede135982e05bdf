"""What a plan may call itself does not depend on how early the search was told to stop."""

import gzip
import json

import pytest

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
