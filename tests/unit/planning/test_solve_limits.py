"""Limits of the search and the hand-over to HiGHS: what stops it, what it still returns, warm starts, rows added to a living LP."""

import importlib.util
import itertools
import json
import time
from pathlib import Path

import numpy as np
import pulp
import pytest

from pipelines.planning.bounds import arc_limits
from pipelines.planning.exact import Clock, relax, solve_whole, start_values
from pipelines.planning.formulation import add_rows, build, packs_need_open_lane
from pipelines.planning.highs import THREADS, OnePassHiGHS, read_report
from pipelines.planning.improve import fill, improved, repair, trim
from pipelines.planning.objective import evaluate, violations
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem

TRUTHS = Path(__file__).parents[2] / "golden" / "truths"


def generate(items, places, seed):
    """The benchmark's generated problem; benchmarks are not installed, so the file is loaded by its path."""
    spec = importlib.util.spec_from_file_location("solver_benchmark", Path(__file__).parents[3] / "benchmarks" / "solver.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate(items, places, seed)


@pytest.fixture(scope="module")
def middling():
    """About 650 arcs."""
    return Problem.from_json(generate(100, 6, 1))


def whole_model(problem):
    m = build(problem, arc_limits(problem))
    add_rows(m, packs_need_open_lane)
    return m


def test_without_time_there_is_a_flagged_fallback_and_still_a_bound(middling):
    plan = solve_problem(middling, SolveOptions(time_limit_s=0.0))
    best = solve_problem(middling, SolveOptions(gap_share=1e-3))
    assert plan.status == "FALLBACK"
    assert plan.shipments == []
    assert plan.solve_info["stopped_by"] == "time"
    assert plan.bound_usd >= best.objective_usd > 0


def test_the_wall_limit_holds_for_a_problem_that_needs_longer():
    problem = Problem.from_json(generate(600, 10, 2))
    assert problem.arcs > 5000
    told = {}
    begun = time.monotonic()
    plan = solve_problem(problem, SolveOptions(time_limit_s=4.0), told.__setitem__)
    assert time.monotonic() - begun - told["loaded"]["seconds"] < 4.0 * 3
    assert plan.status == "FEASIBLE"
    assert plan.objective_usd > 0
    assert plan.solve_info["stopped_by"] == "time"


def test_the_decomposition_is_close_to_the_optimum_where_that_is_known(middling):
    exact = solve_problem(middling, SolveOptions(gap_share=1e-3))
    loose = solve_problem(middling, SolveOptions(exact_arcs_limit=0))
    assert loose.bound_kind == "lagrangian"
    assert loose.bound_usd >= exact.objective_usd - 1e-6
    assert loose.objective_usd >= 0.98 * exact.objective_usd
    assert loose.gap_share <= 0.06


def test_progress_is_told_stage_by_stage(middling):
    stages = []
    solve_problem(middling, SolveOptions(gap_share=0.01), lambda stage, figures: stages.append((stage, figures)))
    assert [stage for stage, _ in stages][:2] == ["arcs", "lp round"]
    bounds = [figures["bound_usd"] for stage, figures in stages if stage == "lp round"]
    assert len(bounds) > 2
    assert all(later <= earlier + 1e-6 for earlier, later in itertools.pairwise(bounds))


def test_a_warm_start_is_really_used():
    problem = Problem.from_json(json.loads((TRUTHS / "T8.json").read_text()))
    plan = np.array([0, 6, 4])
    assert evaluate(problem, plan).total == 22
    m = whole_model(problem)
    values = start_values(m, plan)
    m.lp.solve(OnePassHiGHS(start=values, mip=True, presolve="off", mip_max_nodes=0, mip_heuristic_effort=0.0, timeLimit=0.0))
    assert read_report(m.lp, mip=True).objective == pytest.approx(22)
    m.lp.solverModel = None
    m.lp.solve(OnePassHiGHS(mip=True, presolve="off", mip_max_nodes=0, mip_heuristic_effort=0.0, timeLimit=0.0))
    cold = read_report(m.lp, mip=True).objective
    assert cold is None or cold < 22


def test_one_pass_and_column_by_column_are_the_same_model(middling):
    ours, theirs = whole_model(middling), whole_model(middling)
    ours.lp.solve(OnePassHiGHS(mip=False))
    theirs.lp.solve(pulp.HiGHS(mip=False, msg=False, threads=THREADS))
    assert read_report(ours.lp, mip=False).bound == pytest.approx(pulp.value(theirs.lp.objective), rel=1e-9)
    assert ours.lp.solverModel.getNumNz() == theirs.lp.solverModel.getNumNz()


def test_rows_added_to_a_living_lp_give_the_lp_with_all_rows(middling):
    lazy, whole = build(middling, arc_limits(middling)), whole_model(middling)
    solver = OnePassHiGHS(mip=False)
    lazy.lp.solve(solver)
    before = read_report(lazy.lp, mip=False).bound
    add_rows(lazy, packs_need_open_lane)
    lazy.lp.solve(solver)
    whole.lp.solve(OnePassHiGHS(mip=False))
    after = read_report(whole.lp, mip=False).bound
    assert after < before - 1
    assert read_report(lazy.lp, mip=False).bound == pytest.approx(after, rel=1e-8)


def test_prefix_cuts_tighten_the_lp_and_cut_no_whole_plan(middling):
    m, plain = build(middling, arc_limits(middling)), whole_model(middling)
    strong = relax(m, Clock(60), 60, lambda stage, figures: None)
    plain.lp.solve(OnePassHiGHS(mip=False))
    assert strong.bound < 0.99 * read_report(plain.lp, mip=False).bound
    _, packs = solve_whole(plain, None, Clock(60), 1e-3, 10**6, 0)
    values = start_values(m, packs)
    for name, row in m.lp.constraints.items():
        slack = sum(coefficient * values[variable.index] for variable, coefficient in row.items()) + row.constant
        assert slack <= 1e-6 if row.sense == -1 else slack >= -1e-6 if row.sense == 1 else abs(slack) <= 1e-6, name


@pytest.mark.parametrize("seed", range(4))
def test_mending_and_bettering_keep_a_plan_allowed_and_never_cost(middling, seed):
    rng = np.random.default_rng(seed)
    limits = arc_limits(middling)
    broken = rng.integers(0, limits + 1) * (rng.random(middling.arcs) < 0.3)
    allowed = repair(middling, broken)
    assert violations(middling, allowed) == []
    value = evaluate(middling, allowed).total
    for step in (trim, lambda problem, packs: fill(problem, limits, packs), lambda problem, packs: improved(problem, limits, packs)):
        better = step(middling, allowed)
        assert violations(middling, better) == []
        assert evaluate(middling, better).total >= value - 1e-9
