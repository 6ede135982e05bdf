"""The solver in its own process gives the plan it gives here, and takes nothing with it when it hangs, crashes or starves."""

import json
import time
from pathlib import Path

import pytest

from pipelines.domain.errors import InputRefused
from pipelines.flows.solving import solve_apart
from pipelines.machine.boundaries import Fault, arm
from pipelines.machine.limits import ProcessLimits, use_limits
from pipelines.planning.audit import audit_plan
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem

PROBLEM = json.loads((Path(__file__).resolve().parents[2] / "golden" / "constraints" / "problem.json").read_text())


@pytest.fixture(autouse=True)
def as_before():
    yield
    arm(None)
    use_limits(ProcessLimits())


def test_the_plan_is_the_same_as_in_this_process_and_progress_is_told():
    told = []
    plan = solve_apart(PROBLEM, SolveOptions(), lambda stage, figures: told.append(stage))
    assert plan.to_json() == solve_problem(Problem.from_json(PROBLEM), SolveOptions()).to_json()
    assert plan.status == "OPTIMAL" and told[0] == "arcs" and "mip" in told


@pytest.mark.parametrize(("mode", "stopped_by"), [("hang", "wall"), ("kill_before", "crash"), ("kill_after", "crash")])
def test_a_solver_that_hangs_or_crashes_in_native_code_leaves_the_plan_of_firm_lines(mode, stopped_by):
    use_limits(ProcessLimits(solver_grace_seconds=3))
    arm(Fault("solver.run", mode))
    begun = time.monotonic()
    plan = solve_apart(PROBLEM, SolveOptions(time_limit_s=1))
    assert (plan.status, plan.solve_info["stopped_by"]) == ("FALLBACK", stopped_by)
    assert audit_plan(PROBLEM, plan.to_json()).ok
    if mode == "hang":
        assert time.monotonic() - begun < 60, "it was killed, not waited for"


def test_a_solver_without_memory_leaves_the_plan_of_firm_lines():
    use_limits(ProcessLimits(solver_megabytes=150))
    plan = solve_apart(PROBLEM, SolveOptions())
    assert (plan.status, plan.solve_info["stopped_by"]) == ("FALLBACK", "memory")


def test_what_the_solver_refuses_is_refused_here_by_its_own_class():
    with pytest.raises(InputRefused, match=r"^problem\.json: \$\.format: expected"):
        solve_apart(PROBLEM | {"format": "something/2"}, SolveOptions(), source="problem.json")


def test_a_fault_of_ours_is_no_fallback_and_names_its_cause_first():
    with pytest.raises(RuntimeError, match=r"^the solver's process failed: TypeError: .*\n") as fault:
        solve_apart(PROBLEM, SolveOptions(gap_share=[]))
    assert "Traceback" in str(fault.value), "the story is for the log"
