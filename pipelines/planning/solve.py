"""Solves a planning problem and says how good the plan is: picks the method by size, recomputes the money, trusts no solver status."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.planning.bounds import arc_limits
from pipelines.planning.exact import Clock, Relaxation, relax, restricted, rounded, solve_whole
from pipelines.planning.formulation import add_rows, build, packs_need_open_lane
from pipelines.planning.improve import improved, repair, trim
from pipelines.planning.meet_terms import meet_terms
from pipelines.planning.objective import evaluate, violations
from pipelines.planning.problem import Ints, Plan, Problem, Shipment
from pipelines.planning.terms import without_terms

Progress = Callable[[str, dict[str, Any]], None]
MOST_ROUNDS = 60
# The wall limit where none is asked for: for one model three times what most take, above it ten times and more.
EXACT_LIMIT_S, LARGE_LIMIT_S, LIMIT_S_PER_ARC = 180.0, 600.0, 0.01
# A search may be told to stop earlier than this; the plan is then FEASIBLE with its gap, whatever was asked for.
OPTIMAL_GAP_SHARE = 1e-4
# A bound may lie below a plan by what adding floats in another order makes of it; by more it is wrong.
BOUND_ROUNDING_SHARE = 1e-6
START_WORTH_ARCS = 800
# Above this a model with terms takes longer than it gains, and the plan made to meet them stands.
LARGEST_TERM_SEARCH_ARCS = 20_000
TERM_SEARCH_NODES = 20


@dataclass(frozen=True)
class SolveOptions:
    """How long and how far to search.

    A plan ends when its gap is within `gap_share`, after `node_limit` nodes, or after the work that belongs to its size. `time_limit_s` is
    a safety net over everything, model building included (None: by size, far beyond what the work takes), and a plan it ends says so in
    solve_info["stopped_by"]. Above `exact_arcs_limit` arcs the problem is decomposed, its items shared among `threads` (0: as many as
    there are), which changes no figure.
    """

    time_limit_s: float | None = None
    gap_share: float = 1e-6
    node_limit: int = 200_000
    exact_arcs_limit: int = 2000
    seed: int = 0
    threads: int = 0

    def seconds(self, arcs: int) -> float:
        """The wall limit of a problem of so many arcs.

        >>> [SolveOptions().seconds(arcs) for arcs in (500, 100_000)], SolveOptions(time_limit_s=5).seconds(500)
        ([180.0, 1600.0], 5)
        """
        if self.time_limit_s is not None:
            return self.time_limit_s
        return EXACT_LIMIT_S if arcs <= self.exact_arcs_limit else LARGE_LIMIT_S + arcs * LIMIT_S_PER_ARC


@dataclass
class Outcome:
    """What a method found: packs per arc (None = nothing), an upper bound (None = unknown) and its kind, and facts for solve_info."""

    packs: Ints | None
    bound: float | None
    bound_kind: str
    info: dict[str, Any]


def solve_problem(
    problem: Problem, options: SolveOptions | None = None, progress: Progress | None = None, last_prices: Mapping[str, Any] | None = None
) -> Plan:
    """Best plan found within the options. Deterministic: equal problems and options give equal plans unless the clock stopped the search.

    `progress(stage, figures)` is called between rounds; `last_prices` is solve_info["prices"] of an earlier plan, which a decomposed
    problem starts from where its network is the same. A problem with no allowed plan gives status FAILED, not an error.
    """
    options = options or SolveOptions()
    tell = progress or (lambda stage, figures: None)
    clock = Clock(options.seconds(problem.arcs))
    limits = arc_limits(problem)
    arcs = int((limits > 0).sum())
    tell("arcs", {"given": problem.arcs, "kept": arcs})
    if not arcs:
        nothing = np.zeros(problem.arcs, dtype=np.int64)
        outcome = Outcome(nothing, evaluate(problem, nothing).total, "mip", {"method": "none", "stopped_by": "gap"})
    elif arcs > options.exact_arcs_limit:
        outcome = _decomposed(problem, limits, clock, options, tell, last_prices)
    else:
        outcome = _exact(problem, limits, clock, options, tell)
    outcome.info["arcs"] = arcs
    return _certify(problem, outcome, options)


def fallback_plan(problem: Problem, stopped_by: str) -> Plan:
    """The plan of firm lines alone, for a search that gave nothing; FAILED where not even those are allowed."""
    return _certify(problem, Outcome(None, None, "none", {"method": "none", "stopped_by": stopped_by}), SolveOptions())


def _exact(problem: Problem, limits: Ints, clock: Clock, options: SolveOptions, tell: Progress) -> Outcome:
    m = build(problem, limits)
    relaxation = relax(m, clock, MOST_ROUNDS, tell)
    info: dict[str, Any] = {"method": "exact", "rounds": relaxation.rounds, "cuts": relaxation.cuts}
    if relaxation.infeasible:
        return Outcome(None, None, "none", info | {"stopped_by": "infeasible"})
    start = _start(problem, limits, relaxation, clock)
    report, packs = solve_whole(m, start, clock, options.gap_share, options.node_limit, options.seed)
    tell("mip", {"nodes": report.nodes, "bound_usd": report.bound})
    if packs is not None and violations(problem, packs):
        packs = improved(problem, limits, packs)
    known = [plan for plan in (packs, start) if plan is not None and not violations(problem, plan)]
    best = max(known, key=lambda plan: evaluate(problem, plan).total) if known else None
    info |= {"nodes": report.nodes, "stopped_by": report.stopped_by or ("infeasible" if packs is None else "gap")}
    bounds = [(value, kind) for value, kind in ((report.bound, "mip"), (relaxation.bound, "lp")) if value is not None]
    bound, kind = min(bounds) if bounds else (_quick_bound(problem, limits), "lagrangian")
    return Outcome(best, bound, kind, info)


def _quick_bound(problem: Problem, limits: Ints) -> float:
    from pipelines.planning.volume import quick_bound

    return quick_bound(problem, limits)


def _start(problem: Problem, limits: Ints, relaxation: Relaxation, clock: Clock) -> Ints | None:
    """A plan from the lanes the LP uses most, so that a search cut short still has one; small problems do without."""
    if (limits > 0).sum() < START_WORTH_ARCS:
        return None
    keep = np.where((relaxation.used > 0.5)[problem.arc_lane] | (problem.arc_fixed_packs > 0), limits, 0)
    start = rounded(restricted(problem, keep), limits, clock) if keep.any() else None
    return None if start is None or violations(problem, start) else start


def _decomposed(
    problem: Problem, limits: Ints, clock: Clock, options: SolveOptions, tell: Progress, last_prices: Mapping[str, Any] | None
) -> Outcome:
    """Decomposition knows no terms: it solves the problem without them, whose bound holds here too, and its plan is made to meet them."""
    # Compiled loops are loaded only by problems that need them: small ones are solved sooner than they load.
    from pipelines.planning.decompose import Asked, decompose

    asked = Asked(options.gap_share, options.seed, options.threads, last_prices)
    plain = without_terms(problem)
    if plain is problem:
        found = decompose(problem, limits, clock, asked, tell)
        return Outcome(found.packs, found.bound, "lagrangian", found.info)
    found = decompose(plain, arc_limits(plain), clock, asked, tell)
    trials = [repair(problem, np.zeros(problem.arcs, dtype=np.int64)), _met(problem, limits, found.packs)]
    allowed = [trial for trial in trials if not violations(problem, trial)]
    best = max(allowed, key=lambda trial: evaluate(problem, trial).total) if allowed else None
    best = _refined(problem, limits, found.packs, best, clock, options)
    return Outcome(best, found.bound, "lagrangian", found.info | {"terms": "met after solving without them"})


def _refined(problem: Problem, limits: Ints, plain: Ints, best: Ints | None, clock: Clock, options: SolveOptions) -> Ints | None:
    """The better of a plan and of a short search, terms included, on the lanes that the plan without terms uses."""
    lanes = np.bincount(problem.arc_lane, weights=plain, minlength=len(problem.lane_ids)) > 0
    keep = np.where(lanes[problem.arc_lane] | (problem.arc_fixed_packs > 0), limits, 0)
    if not 0 < (keep > 0).sum() <= LARGEST_TERM_SEARCH_ARCS or clock.left <= 0:
        return best
    m = build(problem, keep)
    add_rows(m, packs_need_open_lane)
    start = best if best is not None and ((best > 0) <= (keep > 0)).all() else None
    _, packs = solve_whole(m, start, Clock(0.8 * clock.left), max(options.gap_share, 5e-3), TERM_SEARCH_NODES, options.seed)
    known = [trial for trial in (packs, best) if trial is not None and not violations(problem, trial)]
    return max(known, key=lambda trial: evaluate(problem, trial).total) if known else None


def _met(problem: Problem, limits: Ints, packs: Ints) -> Ints:
    """A plan of the problem without its terms, made to meet them; lanes that no longer pay are given up."""
    packs = repair(problem, meet_terms(problem, np.minimum(packs, limits)))
    better = meet_terms(problem, trim(problem, packs))
    return better if not violations(problem, better) and evaluate(problem, better).total > evaluate(problem, packs).total else packs


def _certify(problem: Problem, outcome: Outcome, options: SolveOptions) -> Plan:
    """Turn an outcome into a plan: recompute the money, check every limit, fall back to the firm lines alone, and state the gap."""
    packs, info = outcome.packs, dict(outcome.info)
    broken = ["no plan"] if packs is None else violations(problem, packs)
    fallback = bool(broken)
    if packs is None or fallback:
        info["refused"] = broken
        packs = np.maximum(problem.arc_fixed_packs, 0)
        if violations(problem, packs):
            return Plan("FAILED", 0.0, None, "none", None, [], info | {"refused": violations(problem, packs)})
    objective = evaluate(problem, packs).total
    bound, kind, gap = outcome.bound, outcome.bound_kind, None
    if bound is not None and bound < objective - BOUND_ROUNDING_SHARE * max(1.0, abs(objective)):
        # The plan stands, its money was computed anew; what claims that it cannot be is no bound.
        info["refused_bound_usd"], bound = bound, None
    if bound is not None:
        bound = max(bound, objective) + 0.0
        gap = (bound - objective) / max(1.0, abs(bound)) + 0.0
    proven = gap is not None and gap <= OPTIMAL_GAP_SHARE
    status = "FALLBACK" if fallback else "OPTIMAL" if proven else "FEASIBLE"
    shipments = [
        Shipment(problem.item_ids[problem.arc_item[a]], problem.lane_ids[problem.arc_lane[a]], int(packs[a])) for a in np.flatnonzero(packs)
    ]
    return Plan(status, objective, bound, kind if bound is not None else "none", gap, shipments, info)
