"""The solver in a process of its own: capped in wall time and memory, killed when it hangs, and then the plan falls back.

How a problem is solved is planning's business; this only keeps a hanging or crashing solver from taking the run with it.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, Any

from pipelines.domain import errors
from pipelines.machine.boundaries import armed_environment
from pipelines.machine.limits import process_limits
from pipelines.machine.processes import child_process, end_group

if TYPE_CHECKING:
    from pipelines.planning.problem import Plan
    from pipelines.planning.solve import Progress, SolveOptions

CHILD = Path(__file__).with_name("solver_child.py")


def solve_apart(
    document: Mapping[str, Any],
    options: "SolveOptions",
    progress: "Progress | None" = None,
    source: str = "problem",
    last_prices: Mapping[str, Any] | None = None,
) -> "Plan":
    """Solve an `evenstock-problem/1` document as `solve_problem` does, in a child process.

    The child is killed some seconds after the search's own limit (`EVENSTOCK_SOLVER_GRACE_SECONDS`): the solver looks at its clock
    only now and then, and not at all while it hangs. What it took to load compiled code is given on top. A child that is killed,
    crashes or runs out of memory gives the plan of firm lines alone, with solve_info["stopped_by"] wall, crash or memory. Raises what
    the child refused, by its own class, and `RuntimeError` with the cause, then its story, for a fault of ours.
    """
    limits = process_limits()
    command = [sys.executable, "-P", str(CHILD), str(os.getpid()), str(limits.solver_megabytes)]
    asked = {"problem": document, "source": source, "options": asdict(options), "last_prices": last_prices}
    arcs = document.get("arcs")
    streams: dict[str, Any] = {"stdin": PIPE, "stdout": PIPE, "text": True, "env": {**os.environ, **armed_environment()}}
    with child_process(command, **streams) as child:
        watch = _Watch(child, options.seconds(len(arcs) if isinstance(arcs, list) else 0) + limits.solver_grace_seconds)
        try:
            last = _converse(child, asked, progress, watch)
        finally:
            watch.over.set()
    return _conclude(last, document, source, "wall" if watch.is_late else "crash")


class _Watch:
    """Ends a child that is still there after so many seconds, unless `over` is set before."""

    def __init__(self, child: Popen, seconds: float) -> None:
        self.end, self.is_late, self.over = time.monotonic() + seconds, False, threading.Event()
        threading.Thread(target=self._wait, args=(child,), daemon=True).start()

    def _wait(self, child: Popen) -> None:
        while (left := self.end - time.monotonic()) > 0:
            if self.over.wait(left):
                return
        self.is_late = True
        end_group(child)


def _converse(child: Popen, asked: dict[str, Any], progress: "Progress | None", watch: _Watch) -> dict[str, Any]:
    """Hand the problem over and listen; the last thing said, empty if the child died before it."""
    last: dict[str, Any] = {}
    assert child.stdin and child.stdout  # noqa: S101 - both are pipes
    try:
        with child.stdin:
            json.dump(asked, child.stdin)
        for line in child.stdout:
            last = json.loads(line)
            if last.get("stage") == "loaded":
                watch.end += last["figures"]["seconds"]
            if progress and "stage" in last:
                progress(last["stage"], last["figures"])
    except (BrokenPipeError, ValueError):
        return {}
    finally:
        child.stdout.close()
        child.wait()
    return last


def _conclude(last: dict[str, Any], document: Mapping[str, Any], source: str, died_of: str) -> "Plan":
    from pipelines.planning.problem import Plan, Problem
    from pipelines.planning.solve import fallback_plan

    if "plan" in last:
        return Plan.from_json(last["plan"], "plan of the solver")
    if "refused" in last:
        raise getattr(errors, last["refused"])(last["message"])
    if "broken" in last:
        raise RuntimeError(f"the solver's process failed: {last['broken']}\n{last['story']}")
    return fallback_plan(Problem.from_json(document, source), last.get("stopped_by", died_of))
