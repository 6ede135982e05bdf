"""Certified gap, time and memory at every size, five seeds each, beside bare HiGHS and CBC on the same instance in the same run.

Each solve is a process of its own, so that its peak memory is its own. Rows are kept as they come and not measured again by the same code,
so a run that was stopped goes on. EVENSTOCK_BENCH_ARCS=N leaves out sizes of more than N arcs, EVENSTOCK_BENCH_SEEDS=n takes the first n
seeds.
"""

import hashlib
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pipelines.planning.bounds import arc_limits
from pipelines.planning.exact import Clock, solve_whole
from pipelines.planning.formulation import add_rows, build, packs_need_open_lane
from pipelines.planning.generate import ProblemSize, generate_problem
from pipelines.planning.objective import evaluate
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem

# (items, locations, density): about 1k, 6k, 20k, 95k, 380k and 1.7 M arcs.
SIZES = ((200, 10, 0.8), (1_000, 10, 0.8), (2_000, 12, 0.8), (10_000, 20, 0.45), (40_000, 20, 0.45), (100_000, 20, 0.65))
ARCS = (1_300, 6_500, 22_000, 97_000, 390_000, 2_000_000)
SEEDS = 5
# A machine busy with other work must not stop what the work limit stops.
LONGEST_S = 7200.0
BARE_LIMIT_S = 30.0
# Above this a model of all arcs takes minutes and gigabytes to build before any solver sees it.
LARGEST_BARE_ARCS = 25_000
SOLVERS = ("evenstock", "highs", "cbc")
RESULTS = Path(__file__).parent / "results" / "sizes.json"


def run() -> list[dict[str, Any]]:
    """One row per size and seed: our plan, bound, gap, seconds and memory, then what HiGHS and CBC alone reach in 30 s."""
    most = int(os.environ.get("EVENSTOCK_BENCH_ARCS", max(ARCS)))
    seeds = int(os.environ.get("EVENSTOCK_BENCH_SEEDS", SEEDS))
    code = solver_code()
    rows = [row for row in _kept() if row["code"] == code]
    for size, arcs in zip(SIZES, ARCS, strict=True):
        for seed in range(seeds if arcs <= most else 0):
            if any((row["items"], row["locations"], row["seed"]) == (*size[:2], seed) for row in rows):
                continue
            row = {"items": size[0], "locations": size[1], "seed": seed, "code": code} | measure("evenstock", size, seed)
            for solver in SOLVERS[1:] if arcs <= LARGEST_BARE_ARCS else ():
                bare = measure(solver, size, seed)
                row |= {f"{solver}_usd": bare["objective_usd"], f"{solver}_gap": bare["gap_share"]}
            rows = sorted([*rows, row], key=lambda one: (one["items"], one["locations"], one["seed"]))
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(rows, indent=1))
    return rows


def _kept() -> list[dict[str, Any]]:
    return json.loads(RESULTS.read_text()) if RESULTS.is_file() else []


def solver_code() -> str:
    """What identifies the code that a plan depends on: a digest of every module of the planning room that solving imports."""
    importlib.import_module("pipelines.planning.decompose")
    files = {str(module.__file__) for name, module in sys.modules.items() if name.startswith("pipelines.planning.")}
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in sorted(files))).hexdigest()[:12]


def measure(solver: str, size: tuple[int, int, float], seed: int) -> dict[str, Any]:
    """Figures of one solve in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.solver_sizes", solver, *map(str, size), str(seed)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def _solve(solver: str, problem: Problem) -> dict[str, Any]:
    if solver == "evenstock":
        plan = solve_problem(problem, SolveOptions(time_limit_s=LONGEST_S))
        figures = {"status": plan.status, "stopped_by": plan.solve_info["stopped_by"], "objective_usd": plan.objective_usd}
        return figures | {"bound_usd": plan.bound_usd, "gap_share": plan.gap_share}
    m = build(problem, arc_limits(problem))
    add_rows(m, packs_need_open_lane)
    if solver == "cbc":
        return _by_cbc(problem, m)
    report, packs = solve_whole(m, None, Clock(BARE_LIMIT_S), 1e-6, 10**6, 0)
    value = 0.0 if packs is None else evaluate(problem, packs).total
    return {"status": report.status, "objective_usd": value, "gap_share": None if report.bound is None else 1 - value / report.bound}


def _by_cbc(problem: Problem, m: Any) -> dict[str, Any]:
    import numpy as np
    import pulp

    m.lp.solve(pulp.PULP_CBC_CMD(msg=False, threads=1, timeLimit=BARE_LIMIT_S))
    packs = np.array([0 if v is None else round(v.varValue or 0) for v in m.packs])
    # Without an integer plan CBC leaves fractions behind: only what its status vouches for counts.
    value = evaluate(problem, packs).total if m.lp.sol_status in (1, 2) else 0.0
    return {"status": pulp.LpStatus[m.lp.status], "objective_usd": value, "gap_share": None}


def main() -> None:
    """Solve one instance and print its figures as JSON: solver, items, locations, density, seed."""
    solver, items, locations, density, seed = sys.argv[1:]
    problem = generate_problem(ProblemSize(int(items), int(locations), float(density), int(seed)))
    begun, cpu = time.perf_counter(), time.process_time()
    figures = _solve(solver, problem)
    figures |= {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"arcs": problem.arcs} | figures | {"peak_mb": peak}))


if __name__ == "__main__":
    main()
