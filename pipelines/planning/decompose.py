"""Problems too large for one model: lanes priced one by one give the bound and the lanes worth using, models of those give the plan."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.planning.bounds import BOUND_SLACK
from pipelines.planning.exact import Clock, solve_whole, take
from pipelines.planning.formulation import add_rows, build, packs_need_open_lane
from pipelines.planning.highs import OnePassHiGHS, change_bounds, read_report
from pipelines.planning.improve import improved, repair
from pipelines.planning.lagrangian import Lagrangian
from pipelines.planning.objective import evaluate
from pipelines.planning.problem import Floats, Ints, Problem
from pipelines.planning.variables import Formulation
from pipelines.planning.volume import Bound, tighten

LANE_THRESHOLDS = (0.5, 0.35, 0.65, 0.2)
PACKS_WORTH_KEEPING = 0.01
LARGEST_WHOLE_LP = 20_000
LARGEST_SEARCH_ARCS = 8_000
LARGEST_POLISH_ARCS = 4_000
POLISH_NODES = 1
POLISH_RESERVE_SHARE = 0.15

Tell = Callable[[str, dict[str, Any]], None]


@dataclass
class Found:
    """The best plan so far (packs per arc), the bound, and facts for solve_info."""

    packs: Ints
    bound: float
    info: dict[str, Any]


def decompose(problem: Problem, limits: Ints, clock: Clock, gap_share: float, seed: int, tell: Tell) -> Found:
    """Bound by Lagrangian passes, plan by restricted models. The work depends on size alone; the clock is a net that marks what it cut."""
    lagrangian = Lagrangian(problem, limits)
    live = int((limits > 0).sum())
    passes = int(np.clip(6_000_000 // max(live, 1), 80, 300))
    reserve = 0.5 * clock.left
    bound = tighten(lagrangian, None, passes // 2, lambda: clock.left < reserve)
    packs = repair(problem, np.zeros(problem.arcs, dtype=np.int64))
    few = LANE_THRESHOLDS[: 1 if live > LARGEST_WHOLE_LP else None]
    packs, share = best_threshold(problem, limits, bound, packs, clock, few)
    value = evaluate(problem, packs).total
    tell("first plan", {"objective_usd": value, "bound_usd": bound.value})
    again = tighten(lagrangian, value if value > 0 else None, passes - passes // 2, lambda: clock.left < 0.8 * reserve, bound)
    cut = bound.passes + again.passes < passes
    tell("lagrangian", {"passes": bound.passes + again.passes, "bound_usd": again.value})
    packs, share = best_threshold(problem, limits, again, packs, clock, LANE_THRESHOLDS)
    tell("thresholds", {"objective_usd": evaluate(problem, packs).total, "lane_share": share})
    packs, ended = polish(problem, limits, again, share, packs, clock, gap_share, seed, tell)
    info = {"method": "decomposed", "passes": bound.passes + again.passes, "lane_share": share}
    info["stopped_by"] = "time" if cut or ended or clock.left <= 0 else "passes"
    return Found(packs, again.value + BOUND_SLACK * abs(again.value), info)


def best_threshold(
    problem: Problem, limits: Ints, bound: Bound, packs: Ints, clock: Clock, thresholds: tuple[float, ...]
) -> tuple[Ints, float]:
    """Try lanes used more than each threshold share: LP with those lanes paid, rounded down, repaired, filled, trimmed. Keeps the best."""
    best, top, chosen = evaluate(problem, packs).total, -np.inf, LANE_THRESHOLDS[0]
    seen: set[bytes] = set()
    took = 0.0
    for threshold in thresholds:
        lanes = bound.lane_share > threshold
        begun = clock.left
        # A trial is begun only if one as long as the last still fits, so that the wall limit holds.
        if lanes.tobytes() in seen or begun <= took:
            continue
        seen.add(lanes.tobytes())
        m = restricted(problem, limits, lanes, bound.packs, LARGEST_WHOLE_LP)
        trial = None if m is None else rounded(m, limits, clock)
        took = max(took, begun - clock.left)
        if trial is None:
            continue
        value = evaluate(problem, trial).total
        if value > top:
            top, chosen = value, threshold
        if value > best:
            packs, best = trial, value
    return packs, chosen


def restricted(problem: Problem, limits: Ints, lanes: np.ndarray, average: Floats, whole_up_to: int) -> Formulation | None:
    """Model of the chosen lanes; above `whole_up_to` arcs only those that averaged use keeps. Lanes are paid for, unless a budget or a
    minimum may close them.
    """
    firm = problem.arc_fixed_packs > 0
    keep = np.where(lanes[problem.arc_lane] | firm, limits, 0)
    if (keep > 0).sum() > whole_up_to:
        keep = np.where((average >= PACKS_WORTH_KEEPING) | firm, keep, 0)
    if not keep.any():
        return None
    m = build(problem, keep)
    if _may_close(problem):
        add_rows(m, packs_need_open_lane)
        return m
    for variable in m.used:
        if variable is not None:
            variable.lowBound = 1
    return m


def _may_close(problem: Problem) -> bool:
    return bool(np.isfinite(problem.budget_usd) or problem.min_shipment_kg.any())


def rounded(m: Formulation, limits: Ints, clock: Clock) -> Ints | None:
    """A whole plan from the LP of a restricted model, or None if the LP did not end."""
    m.lp.solverModel = None
    m.lp.solve(OnePassHiGHS(mip=False, timeLimit=clock.left))
    report = read_report(m.lp, mip=False)
    if report.values is None or report.bound is None:
        return None
    down = np.floor(take(report.values, m.packs) + 1e-6).astype(np.int64)
    return improved(m.problem, limits, down)


def search_lanes(problem: Problem, limits: Ints, bound: Bound, share: float, clock: Clock) -> np.ndarray:
    """One round of opening and closing lanes of doubtful use, most doubtful first: a change stays if the LP of whole lanes gains by it."""
    lanes = bound.lane_share > share
    near = (bound.lane_share > 0.05) | lanes
    m = restricted(problem, limits, near, bound.packs, 0)
    if m is None or len(m.live) > LARGEST_SEARCH_ARCS or _may_close(problem):
        return lanes
    m.lp.solverModel = None
    solver = OnePassHiGHS(mip=False)
    for lane, variable in enumerate(m.used):
        if variable is not None:
            variable.lowBound = variable.upBound = int(lanes[lane])
    m.lp.solve(solver)
    best = read_report(m.lp, mip=False).bound
    doubtful = [lane for lane in np.argsort(abs(bound.lane_share - share), kind="stable") if m.used[lane] is not None]
    for lane in doubtful:
        if best is None or clock.left <= 0 or bound.lane_share[lane] > 0.98:
            continue
        change_bounds(m.lp, [(m.used[lane], int(not lanes[lane]), int(not lanes[lane]))])
        m.lp.solve(solver)
        value = read_report(m.lp, mip=False).bound
        if value is not None and value > best + 1e-6:
            best, lanes[lane] = value, not lanes[lane]
        else:
            change_bounds(m.lp, [(m.used[lane], int(lanes[lane]), int(lanes[lane]))])
    return lanes


def polish(
    problem: Problem, limits: Ints, bound: Bound, share: float, packs: Ints, clock: Clock, gap_share: float, seed: int, tell: Tell
) -> tuple[Ints, bool]:
    """Search lanes, then whole packs on them by MIP, started from that plan; returns the better plan and whether the clock ended it."""

    def value(trial: Ints) -> float:
        return evaluate(problem, trial).total

    if clock.left < POLISH_RESERVE_SHARE * clock.seconds:
        return packs, True
    lanes = search_lanes(problem, limits, bound, share, clock)
    m = restricted(problem, limits, lanes, bound.packs, LARGEST_WHOLE_LP)
    trial = None if m is None else rounded(m, limits, clock)
    if m is None or trial is None:
        return packs, clock.left <= 0
    tell("lanes", {"objective_usd": value(trial)})
    packs = max((packs, trial), key=value)
    if len(m.live) > LARGEST_POLISH_ARCS:
        return packs, False
    start = trial if ((trial > 0) <= (m.limits > 0)).all() else None
    report, found = solve_whole(m, start, Clock(0.8 * clock.left), max(gap_share, 5e-4), POLISH_NODES, seed)
    if found is not None:
        packs = max((packs, improved(problem, limits, found)), key=value)
    tell("polish", {"objective_usd": value(packs), "nodes": report.nodes})
    return packs, report.stopped_by == "time"
