"""The instances with proven optima and the large ones with best known plans, read in place from the real data."""

import csv
import gzip
import json

import pytest

from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem

PROVEN = (
    "00_40x4",
    "02_60x4",
    "04_80x5",
    "06_100x5",
    "08_120x6",
    "10_150x5",
    "12_150x6",
    "14_200x5",
    "16_250x5",
    "18_300x5",
    "20_120x8",
    "24_400x5",
)


@pytest.mark.parametrize("name", PROVEN)
def test_a_proven_optimum_is_reached_and_proven(real_data, name):
    name = f"p{name}.json"
    with (real_data / "proven" / "answers.csv").open() as lines:
        known = {row["file"]: float(row["optimum_usd"]) for row in csv.DictReader(lines)}
    plan = solve_problem(Problem.from_json(json.loads((real_data / "proven" / name).read_text()), name), SolveOptions(gap_share=1e-6))
    assert plan.status == "OPTIMAL"
    assert plan.objective_usd == pytest.approx(known[name], rel=1e-5, abs=1e-3)
    assert plan.bound_usd >= known[name] - 1e-3


@pytest.mark.parametrize(("name", "best_known_plan", "gap"), [("large_200x10.json.gz", 8081, 1e-3), ("large_1000x10.json.gz", 79699, 0.03)])
def test_a_large_problem_gets_a_good_plan_with_a_valid_bound(real_data, name, best_known_plan, gap):
    problem = Problem.from_json(json.loads(gzip.decompress((real_data / "proven" / name).read_bytes())), name)
    plan = solve_problem(problem, SolveOptions(gap_share=1e-3))
    assert plan.status in ("OPTIMAL", "FEASIBLE")
    assert plan.gap_share <= gap
    # The plans named in large.csv are real, so a bound below one of them (rounded to a dollar there) is a wrong bound.
    assert plan.bound_usd >= best_known_plan - 1
    assert plan.objective_usd >= 0.99 * best_known_plan
