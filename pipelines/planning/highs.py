"""HiGHS behind PuLP with one hand-off of the whole model, rows added to a living LP, and a warm start. No planning rules here.

PuLP's own class passes column by column (8-15 times slower) and ignores warm starts. Threads are global to the process in HiGHS: a second
value breaks every later solve, so there is one fixed value here.
"""

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
import pulp
from pulp import constants

from pipelines.planning.problem import Floats

THREADS = 1

# `lp: Any`: PuLP hangs the solver model and column numbers on its problems and variables without declaring them.


@dataclass(frozen=True)
class SolverReport:
    """What the solver says of one solve, in the sense of the PuLP problem (a maximisation's bound is an upper bound).

    `values` follow the problem's variable indices and are None when there is no solution; `stopped_by` is '', 'time', 'nodes' or 'error'.
    """

    status: str
    values: Floats | None
    objective: float | None
    bound: float | None
    nodes: int
    stopped_by: str


class OnePassHiGHS(pulp.HiGHS):
    """A `pulp.HiGHS` that hands the model over in one `passModel`, keeps it for added rows (LP), and takes a start (MIP)."""

    def __init__(self, start: Floats | None = None, **options: Any) -> None:
        super().__init__(msg=False, threads=THREADS, **options)
        self.start = start
        self.rows_passed = 0

    def buildSolverModel(self, lp: Any) -> None:
        """Pass columns and rows as arrays; indices of variables and constraints are their positions."""
        variables = lp.variables()
        for index, variable in enumerate(variables):
            variable.index = index
        model = highspy.HighsLp()
        model.num_col_ = len(variables)
        sign = -1.0 if lp.sense == constants.LpMaximize else 1.0
        cost = np.zeros(len(variables))
        for variable, coefficient in lp.objective.items():
            cost[variable.index] = sign * coefficient
        model.col_cost_ = cost
        model.col_lower_ = np.array([-highspy.kHighsInf if v.lowBound is None else v.lowBound for v in variables], dtype=float)
        model.col_upper_ = np.array([highspy.kHighsInf if v.upBound is None else v.upBound for v in variables], dtype=float)
        if self.mip:
            kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
            model.integrality_ = [kinds[v.cat == constants.LpInteger] for v in variables]
        lower, upper, starts, indices, values = _row_arrays(lp, 0)
        model.num_row_ = len(lower)
        model.row_lower_, model.row_upper_ = lower, upper
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = starts, indices, values
        lp.solverModel.passModel(model)
        self.rows_passed = len(lower)

    def pass_new_rows(self, lp: Any) -> None:
        """Add the constraints that came since the last hand-off; the basis stays."""
        lower, upper, starts, indices, values = _row_arrays(lp, self.rows_passed)
        if len(lower):
            lp.solverModel.addRows(len(lower), lower, upper, len(indices), starts[:-1], indices, values)
            self.rows_passed += len(lower)

    def callSolver(self, lp: Any) -> None:
        """Run, from the start values where there are any."""
        if self.start is not None:
            everywhere = np.arange(len(self.start), dtype=np.int32)
            lp.solverModel.setSolution(len(self.start), everywhere, np.asarray(self.start, dtype=float))
        lp.solverModel.run()

    def actualSolve(self, lp: Any) -> int:
        """Solve; a second call on the same problem adds its new rows and goes on from the last basis."""
        if self.rows_passed and lp.solverModel is not None:
            self.pass_new_rows(lp)
        else:
            self.createAndConfigureSolver(lp)
            self.buildSolverModel(lp)
        self.callSolver(lp)
        status, sol_status = self.findSolutionValues(lp)
        lp.assignStatus(status, sol_status)
        return status

    def findSolutionValues(self, lp: Any) -> tuple[int, int]:
        """As PuLP's, but variables only (slacks of all rows cost more than the solve), and a solution limit counts as a limit."""
        report = read_report(lp, self.mip)
        if report.values is None:
            infeasible = report.status in ("kInfeasible", "kUnboundedOrInfeasible")
            return (constants.LpStatusInfeasible if infeasible else constants.LpStatusNotSolved), constants.LpSolutionNoSolutionFound
        for variable in lp.variables():
            variable.varValue = float(report.values[variable.index])
        proven = report.status == "kOptimal"
        return constants.LpStatusOptimal, constants.LpSolutionOptimal if proven else constants.LpSolutionIntegerFeasible


def change_bounds(lp: Any, changes: list[tuple[Any, float, float]]) -> None:
    """Change bounds of variables in the living solver model as well as in PuLP; the basis stays."""
    for variable, low, high in changes:
        variable.lowBound, variable.upBound = low, high
        lp.solverModel.changeColBounds(variable.index, low, high)


def _row_arrays(lp: Any, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows = list(lp.constraints.values())[first:]
    lower = np.array([-highspy.kHighsInf if row.sense == constants.LpConstraintLE else -row.constant for row in rows], dtype=float)
    upper = np.array([highspy.kHighsInf if row.sense == constants.LpConstraintGE else -row.constant for row in rows], dtype=float)
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int32)
    indices = np.fromiter((variable.index for row in rows for variable in row), dtype=np.int32, count=int(starts[-1]))
    values = np.fromiter((coefficient for row in rows for coefficient in row.values()), dtype=float, count=int(starts[-1]))
    for index, row in enumerate(rows):
        row.index = first + index
    return lower, upper, starts, indices, values


LIMITS = {"kTimeLimit": "time", "kIterationLimit": "nodes", "kSolutionLimit": "nodes", "kInterrupt": "time"}


def read_report(lp: Any, mip: bool) -> SolverReport:
    """What HiGHS itself holds after a run: PuLP's status alone says Optimal for a plan found when time ran out."""
    model = lp.solverModel
    status = model.getModelStatus().name
    info = model.getInfo()
    sign = -1.0 if lp.sense == constants.LpMaximize else 1.0
    feasible = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    values = np.array(model.getSolution().col_value) if feasible else None
    objective = sign * info.objective_function_value if feasible else None
    bound = None
    if mip and np.isfinite(info.mip_dual_bound):
        bound = sign * info.mip_dual_bound
    elif not mip and status == "kOptimal":
        bound = objective
    stopped = "" if status in ("kOptimal", "kInfeasible", "kUnboundedOrInfeasible") else LIMITS.get(status, "error")
    return SolverReport(status, values, objective, bound, max(0, int(info.mip_node_count)) if mip else 0, stopped)
