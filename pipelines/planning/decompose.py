"""Problems too large for one model: items priced one by one give the bound and the lanes worth using, whole plans on those lanes the plan.

The work follows from the size alone (`Effort`); the clock is a net that marks what it cut.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.planning.exact import Clock, restricted, rounded, solve_whole
from pipelines.planning.first_prices import PriceGame, Start, Steps
from pipelines.planning.improve import improved, repair
from pipelines.planning.lane_plan import best_lanes, search_lanes
from pipelines.planning.objective import evaluate
from pipelines.planning.problem import Floats, Ints, Problem
from pipelines.planning.relaxation import Prices, Relaxation
from pipelines.planning.volume import Bound, first_bound, tighten

LANE_THRESHOLDS = (0.5, 0.35, 0.65, 0.2)
PACKS_WORTH_KEEPING = 0.01
LARGEST_ROUNDED_ARCS = 25_000
LARGEST_POLISH_ARCS = 3_000
POLISH_NODES = 1
POLISH_GAP_SHARE = 5e-4
# Below the best bound by this much an optimum is likely while no plan is known.
LIKELY_GAP_SHARE = 0.01

Tell = Callable[[str, dict[str, Any]], None]


@dataclass
class Found:
    """The best plan so far (packs per arc), the bound, and facts for solve_info."""

    packs: Ints
    bound: float
    info: dict[str, Any]


@dataclass(frozen=True)
class Effort:
    """How much is done at a size: items of a sample and rounds on it, rounds on all items, volume passes, thresholds, rounds of lanes."""

    sample_items: int
    sample_rounds: int
    rounds: int
    passes: int
    thresholds: int
    searches: int

    @staticmethod
    def of(arcs: int) -> "Effort":
        """By the number of live arcs; measured in docs/solver.md."""
        if arcs <= 40_000:
            return Effort(0, 0, 100, 240 if arcs <= 10_000 else 160, 4, 6)
        if arcs <= 150_000:
            return Effort(4_000, 60, 16, 90, 4, 3)
        return Effort(4_000, 60, 10, 40, 2, 0) if arcs <= 600_000 else Effort(4_000, 60, 5, 3, 1, 0)


def decompose(problem: Problem, limits: Ints, clock: Clock, gap_share: float, seed: int, tell: Tell, start: Start | None = None) -> Found:
    """A plan and a bound, from `start` where last night's prices are known. Deterministic unless the clock cuts it (info says so)."""
    effort = Effort.of(int((limits > 0).sum()))
    relaxation = Relaxation(problem, limits)
    _load(relaxation, clock, tell)

    def late(share: float) -> Callable[[], bool]:
        return lambda: clock.left < share * clock.seconds

    bound, start = _first(relaxation, effort, start, seed, late(0.7))
    packs = repair(problem, np.zeros(problem.arcs, dtype=np.int64))
    plan = best_lanes(relaxation, bound.prices, bound.use.lane, LANE_THRESHOLDS[:1], late(0.5))
    packs, value = _better(problem, packs, plan[0])
    tell("first plan", _figures(value, bound.value))
    cut = False
    for passes, reserve in ((effort.passes // 2, 0.5), (effort.passes - effort.passes // 2, 0.25)):
        if _gap(value, bound.value) <= gap_share:
            break
        aim, before = value if value > 0 else bound.value * (1 - LIKELY_GAP_SHARE), bound.passes
        bound = tighten(relaxation, bound, aim, passes, late(reserve))
        cut |= bound.passes < before + passes
        plan = best_lanes(relaxation, bound.prices, bound.use.lane, LANE_THRESHOLDS[: effort.thresholds], late(0.2))
        plan = search_lanes(relaxation, plan, bound.use.lane, effort.searches, late(0.1))
        packs, value = _better(problem, packs, plan[0])
        tell("prices", _figures(value, bound.value) | {"passes": bound.passes})
    if _gap(value, bound.value) > gap_share:
        packs, ended = polish(problem, limits, bound, packs, clock, gap_share, seed)
        cut |= ended
        tell("polish", _figures(evaluate(problem, packs).total, bound.value))
    info = {"method": "decomposed", "passes": bound.passes, "prices": _remembered(bound, start)}
    return Found(packs, bound.value, info | {"stopped_by": "time" if cut else "passes"})


def _load(relaxation: Relaxation, clock: Clock, tell: Tell) -> None:
    """Load the compiled loops, and compile them where they never ran: by working on no item, outside the time of the search."""
    end = clock.end
    with clock.stopped():
        game = PriceGame(relaxation, relaxation.items[:0])
        game.play(game.start(), 1, Steps())
        game.prices()
        relaxation.load()
    tell("loaded", {"seconds": clock.end - end})


def _first(relaxation: Relaxation, effort: Effort, start: Start | None, seed: int, stop: Callable[[], bool]) -> tuple[Bound, Start]:
    """First bound: rounds on a sample where there are many items, then on all."""
    items, count = relaxation.items, effort.sample_items
    if start is None and 0 < count < len(items):
        sample = np.sort(np.random.default_rng(seed).choice(items, count, replace=False))
        small = PriceGame(relaxation, sample)
        start = small.play(small.start(), effort.sample_rounds, Steps(slow=40), stop)
    game = PriceGame(relaxation)
    start = game.play(start or game.start(), effort.rounds, Steps(memory=0.03 if effort.rounds > 50 else 0.15), stop)
    return first_bound(relaxation, game, start), start


def _better(problem: Problem, packs: Ints, trial: Ints) -> tuple[Ints, float]:
    packs = max((packs, trial), key=lambda one: evaluate(problem, one).total)
    return packs, evaluate(problem, packs).total


def _gap(value: float, bound: float) -> float:
    return (bound - value) / max(1.0, abs(bound))


def _figures(value: float, bound: float) -> dict[str, Any]:
    return {"objective_usd": value, "bound_usd": bound, "gap_share": _gap(value, bound)}


def _remembered(bound: Bound, start: Start) -> dict[str, Any]:
    """What the next night can start from: a share and two prices by lane, two by location, in the problem's order, and the budget's."""
    prices: Prices = bound.prices
    figures: dict[str, Floats] = {"share": bound.use.lane if bound.passes else start.share, "kg": prices.kg, "m3": prices.m3}
    figures |= {"dock_out": prices.dock_out, "dock_in": prices.dock_in}
    return {name: [round(float(figure), 6) for figure in values] for name, values in figures.items()} | {"budget": round(prices.budget, 9)}


def polish(problem: Problem, limits: Ints, bound: Bound, packs: Ints, clock: Clock, gap_share: float, seed: int) -> tuple[Ints, bool]:
    """Models of the plan's lanes where they are small: the LP rounded, then whole packs by MIP from the plan; and if the clock ended it."""
    keep = _worth_keeping(problem, limits, bound, packs)
    if not keep.any() or (keep > 0).sum() > LARGEST_ROUNDED_ARCS or clock.left <= 0:
        return packs, clock.left <= 0
    trial = rounded(restricted(problem, keep), limits, clock)
    if trial is None:
        return packs, clock.left <= 0
    packs = _better(problem, packs, trial)[0]
    keep = _worth_keeping(problem, limits, bound, packs)
    if (keep > 0).sum() > LARGEST_POLISH_ARCS:
        return packs, False
    m = restricted(problem, keep)
    report, found = solve_whole(m, packs, Clock(0.8 * clock.left), max(gap_share, POLISH_GAP_SHARE), POLISH_NODES, seed)
    if found is not None:
        packs = _better(problem, packs, improved(problem, limits, found))[0]
    return packs, report.stopped_by == "time"


def _worth_keeping(problem: Problem, limits: Ints, bound: Bound, packs: Ints) -> Ints:
    """Limits of the arcs on the plan's lanes that averaged use keeps, and of those the plan uses."""
    lanes = np.bincount(problem.arc_lane, weights=packs, minlength=len(problem.lane_ids)) > 0
    return np.where(lanes[problem.arc_lane] & ((bound.use.packs >= PACKS_WORTH_KEEPING) | (packs > 0)), limits, 0)
