"""The process that the solver runs in, within limits of its own and dead with the run. Started by `solving`, never imported.

Reads one JSON document from stdin, tells its progress and at last the plan, or what went wrong, as lines of JSON on stdout.
"""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from pipelines.domain.errors import EvenstockError, MachineFailed
from pipelines.machine.boundaries import arm_from_environment, crossing
from pipelines.machine.processes import die_with_parent, limit_address_space
from pipelines.planning.problem import Plan, Problem
from pipelines.planning.solve import SolveOptions, solve_problem


def main(parent: int, megabytes: int) -> None:
    """Solve what stands on stdin, as a child of process `parent`, in no more than so much address space (0 = no limit)."""
    die_with_parent(parent)
    arm_from_environment(os.environ)
    asked = json.load(sys.stdin)
    limit_address_space(megabytes)
    try:
        plan = _solve(asked)
    except (MemoryError, MachineFailed):
        _say({"stopped_by": "memory"})
    except EvenstockError as error:
        _say({"refused": type(error).__name__, "message": str(error)})
    except Exception as error:
        _say({"broken": f"{type(error).__name__}: {error}", "story": traceback.format_exc()})
    else:
        _say({"plan": plan.to_json()})


def _solve(asked: dict[str, Any]) -> Plan:
    problem = Problem.from_json(asked["problem"], asked["source"])
    with crossing("solver.run", Path(asked["source"])):
        options, last_prices = SolveOptions(**asked["options"]), asked["last_prices"]
        return solve_problem(problem, options, lambda stage, figures: _say({"stage": stage, "figures": figures}), last_prices)


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line, default=float), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
