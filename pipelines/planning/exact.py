"""Problems small enough for one model: LP rounds with lazy rows, then the MIP from a warm start. Who comes here is solve.py's choice."""

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.planning.cuts import PrefixSeparator, violated_links
from pipelines.planning.formulation import (
    Formulation,
    add_rows,
    build,
    collector_off,
    gain_prefix_needs_open_lanes,
    loss_prefix_needs_open_lanes,
    packs_need_open_lane,
)
from pipelines.planning.highs import OnePassHiGHS, SolverReport, change_bounds, read_report
from pipelines.planning.improve import improved
from pipelines.planning.objective import curve_packs, evaluate, lane_load, lane_pallets
from pipelines.planning.problem import Curves, Floats, Ints, Problem
from pipelines.planning.term_rows import term_values
from pipelines.planning.variables import Variables, segment_widths

FIRST_TOLERANCE, LAST_TOLERANCE = 0.05, 0.004
STALLED_SHARE = 1e-5
# A pallet filled to more than this is kept when pallets are rounded.
ROUND_UP_FROM = 0.4
# A constraint function for cuts, the fills that they bind, and what finds the violated ones.
Kind = tuple[Any, Variables, PrefixSeparator]


class Clock:
    """The wall limit, a safety net only: plans are meant to end by gap or node count, and say so when the clock ended them."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.end - time.monotonic())

    @contextmanager
    def stopped(self) -> Generator[None]:
        """Time spent within is not the search's, and does not count."""
        begun = time.monotonic()
        yield
        self.end += time.monotonic() - begun


@dataclass
class Relaxation:
    """The LP after its rounds: `bound` is valid for every plan (None if no LP ended), values follow the problem's arrays."""

    bound: float | None
    packs: Floats
    used: Floats
    rounds: int
    cuts: int
    stopped_by: str
    infeasible: bool = False


def take(values: Floats, variables: Variables) -> Floats:
    """Values of a list of variables, 0 where there is none."""
    return np.array([0.0 if variable is None else values[variable.index] for variable in variables])


def relax(m: Formulation, clock: Clock, max_rounds: int, progress: Callable[[str, dict[str, float]], None]) -> Relaxation:
    """Solve the LP in rounds, adding violated open-lane rows and the most violated prefix cut of each curve.

    The tolerance shrinks as rounds stall; ends when the last tolerance finds nothing or stalls, after `max_rounds`, or on the clock.
    """
    problem = m.problem
    kinds: list[Kind] = [
        (gain_prefix_needs_open_lanes, m.gain_fill, PrefixSeparator.of(problem, problem.gain, problem.arc_gain, m.limits)),
        (loss_prefix_needs_open_lanes, m.loss_fill, PrefixSeparator.of(problem, problem.loss, problem.arc_loss, m.limits)),
    ]
    solver = OnePassHiGHS(mip=False)
    result = Relaxation(None, np.zeros(problem.arcs), np.zeros(len(problem.lane_ids)), 0, 0, "")
    tolerance, linked = FIRST_TOLERANCE, np.zeros(problem.arcs, dtype=bool)
    while result.rounds < max_rounds:
        report = _solve_lp(m, solver, clock)
        if report.bound is None or report.values is None:
            result.stopped_by, result.infeasible = report.stopped_by, report.status == "kInfeasible"
            break
        fell = (np.inf if result.bound is None else result.bound) - report.bound
        result.bound, result.rounds = report.bound, result.rounds + 1
        result.packs, result.used = take(report.values, m.packs), take(report.values, m.used)
        added = _add_violated(m, result, kinds, linked, report.values, tolerance)
        progress("lp round", {"round": result.rounds, "bound_usd": report.bound, "cuts": added})
        if not added or fell < STALLED_SHARE * abs(report.bound):
            if tolerance < LAST_TOLERANCE:
                break
            tolerance /= 3
        if clock.left <= 0:
            result.stopped_by = "time"
            break
    with collector_off():
        add_rows(m, packs_need_open_lane, np.flatnonzero((m.limits > 0) & ~linked).tolist())
    return result


def _add_violated(
    m: Formulation, result: Relaxation, kinds: list[Kind], linked: NDArray[np.bool_], values: Floats, tolerance: float
) -> int:
    """Add the open-lane rows and prefix cuts that the solution breaks; marks the arcs in `linked` and returns how many rows came."""
    share = result.used[m.problem.arc_lane]
    links = violated_links(m.limits, m.problem.arc_lane, result.packs, result.used, tolerance)
    links = links[~linked[links]]
    linked[links] = True
    with collector_off():
        added = add_rows(m, packs_need_open_lane, links.tolist())
        for function, fill, separator in kinds:
            cuts = separator.violated(take(values, fill), result.packs, share, tolerance, result.rounds)
            added += add_rows(m, function, cuts)
    result.cuts += added
    return added


def _solve_lp(m: Formulation, solver: OnePassHiGHS, clock: Clock) -> SolverReport:
    """Solve the LP as it stands, from the last basis, within what is left of the clock."""
    solver.timeLimit = clock.left
    if m.lp.solverModel is not None:
        m.lp.solverModel.setOptionValue("time_limit", m.lp.solverModel.getRunTime() + clock.left)
    m.lp.solve(solver)
    return read_report(m.lp, mip=False)


def start_values(m: Formulation, packs: Ints) -> Floats:
    """Every variable's value in a whole plan: fills best first, pallets and trucks as needed, lines and turns as used."""
    problem = m.problem
    variables: Variables = m.lp.variables()
    values = np.zeros(len(variables))

    def put(chosen: Variables, amounts: np.ndarray) -> None:
        for variable, amount in zip(chosen, amounts, strict=True):
            if variable is not None:
                values[variable.index] = amount

    for index, variable in enumerate(variables):
        variable.index = index
    put(m.packs, packs)
    put(m.gain_fill, _fills(problem.gain, curve_packs(problem.gain, problem.arc_gain, packs)))
    put(m.loss_fill, _fills(problem.loss, curve_packs(problem.loss, problem.arc_loss, packs)))
    pallets = lane_pallets(problem, packs)
    put(m.pallets, pallets)
    put(m.trucks, -(-pallets // problem.pallets_per_truck))
    put(m.used, pallets > 0)
    for a, variable in m.line_open.items():
        values[variable.index] = packs[a] > 0
    for variable, value in term_values(m, packs, lane_load(problem, packs)[0]).items():
        values[variable.index] = value
    for (item, location), variable in m.receives.items():
        values[variable.index] = packs[(problem.arc_item == item) & (problem.arc_destination == location)].sum() > 0
    return values


def _fills(curves: Curves, packs: Ints) -> Ints:
    before = curves.prefix_packs - curves.packs
    return np.clip(packs[curves.owner] - before, 0, segment_widths(curves))


def solve_whole(
    m: Formulation, start: Ints | None, clock: Clock, gap_share: float, node_limit: int, seed: int
) -> tuple[SolverReport, Ints | None]:
    """Solve the MIP, from a known plan where there is one; returns the solver's own report and the packs per arc, rounded."""
    values = None if start is None else start_values(m, start)
    options = {"mip_max_nodes": node_limit, "random_seed": seed, "timeLimit": clock.left, "gapRel": gap_share}
    m.lp.solverModel = None
    m.lp.solve(OnePassHiGHS(start=values, mip=True, **options))
    report = read_report(m.lp, mip=True)
    if report.values is None:
        return report, None
    return report, np.rint(take(report.values, m.packs)).astype(np.int64)


def restricted(problem: Problem, keep: Ints) -> Formulation:
    """Model of at most `keep` packs by arc; lanes that may carry any are paid for, unless a budget or a minimum may close them."""
    m = build(problem, keep)
    if np.isfinite(problem.budget_usd) or problem.min_shipment_kg.any():
        add_rows(m, packs_need_open_lane)
        return m
    for variable in m.used:
        if variable is not None:
            variable.lowBound = 1
    return m


def rounded(m: Formulation, limits: Ints, clock: Clock) -> Ints | None:
    """A whole plan from the LP of a restricted model, or None if the LP did not end. The better of two: packs rounded down at once, or
    pallets rounded first and packs then, which with whole pallets are nearly whole themselves.
    """
    m.lp.solverModel = None
    solver = OnePassHiGHS(mip=False, timeLimit=clock.left)
    packs = _rounded_packs(m, solver)
    if packs is None:
        return None
    plans = [improved(m.problem, limits, packs)]
    values = read_report(m.lp, mip=False).values
    chosen = [variable for variable in m.pallets if variable is not None]
    whole = [max(1.0, math.floor(float(values[variable.index]) + 1 - ROUND_UP_FROM)) for variable in chosen] if values is not None else []
    change_bounds(m.lp, [(variable, count, count) for variable, count in zip(chosen, whole, strict=True)])
    packs = _rounded_packs(m, solver)
    if packs is not None:
        plans.append(improved(m.problem, limits, packs))
    return max(plans, key=lambda plan: evaluate(m.problem, plan).total)


def _rounded_packs(m: Formulation, solver: OnePassHiGHS) -> Ints | None:
    m.lp.solve(solver)
    report = read_report(m.lp, mip=False)
    if report.values is None or report.bound is None:
        return None
    return np.floor(take(report.values, m.packs) + 1e-6).astype(np.int64)
