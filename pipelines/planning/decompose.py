"""Problems too large for one model: items priced one by one give the bound and the lanes worth using, whole plans on those lanes the plan.

The work follows from the size alone (`Effort`); the clock is a net that marks what it cut.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.planning.exact import Clock, restricted, rounded, solve_whole
from pipelines.planning.first_prices import PriceGame, Start, Steps
from pipelines.planning.improve import improved, repair
from pipelines.planning.lane_plan import best_lanes, search_lanes
from pipelines.planning.last_prices import name_prices, start_from
from pipelines.planning.objective import evaluate
from pipelines.planning.problem import Ints, Problem
from pipelines.planning.relaxation import Relaxation
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
class Asked:
    """What the caller asks for: the gap that is enough, a seed, threads (0: as many as may run), prices of the last plan by name."""

    gap_share: float
    seed: int = 0
    threads: int = 0
    last_prices: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Effort:
    """How much is done at a size: items of a sample and rounds on it, rounds on all items (and from a last plan's prices), volume passes,
    thresholds, rounds of lanes.
    """

    sample_items: int
    sample_rounds: int
    rounds: int
    warm_rounds: int
    passes: int
    thresholds: int
    searches: int

    @staticmethod
    def of(arcs: int) -> "Effort":
        """By the number of live arcs; measured in docs/solver.md."""
        if arcs <= 40_000:
            return Effort(0, 0, 100, 30, 240 if arcs <= 10_000 else 160, 4, 6)
        if arcs <= 150_000:
            return Effort(4_000, 60, 16, 10, 90, 4, 3)
        return Effort(4_000, 60, 10, 8, 20, 2, 0) if arcs <= 600_000 else Effort(4_000, 60, 5, 4, 6, 1, 0)


def decompose(problem: Problem, limits: Ints, clock: Clock, asked: Asked, tell: Tell) -> Found:
    """A plan and a bound. Deterministic unless the clock cuts it or memory ends (info says so).

    Raises `MemoryError` where memory ends before there is a bound; later the best so far is returned.
    """
    effort = Effort.of(int((limits > 0).sum()))
    relaxation = Relaxation(problem, limits, asked.threads)
    _load(relaxation, clock, tell)
    bound, start, origin = _first(relaxation, effort, asked, lambda: clock.left < 0.7 * clock.seconds)
    search = _Search(relaxation, effort, asked, clock, tell, bound, repair(problem, np.zeros(problem.arcs, dtype=np.int64)))
    stopped_by = "passes"
    try:
        search.run()
    except MemoryError:
        stopped_by = "memory"
    bound = search.bound
    share = bound.use.lane if bound.passes else start.share
    info = {"method": "decomposed", "passes": bound.passes, "started_from": origin, "prices": name_prices(problem, share, bound.prices)}
    return Found(search.packs, bound.value, info | {"stopped_by": "time" if search.is_cut else stopped_by})


@dataclass
class _Search:
    """The best plan (packs by arc) and bound so far, and what is done to better them."""

    relaxation: Relaxation
    effort: Effort
    asked: Asked
    clock: Clock
    tell: Tell
    bound: Bound
    packs: Ints
    is_cut: bool = False

    @property
    def value(self) -> float:
        """USD of the plan."""
        return evaluate(self.relaxation.problem, self.packs).total

    @property
    def is_near(self) -> bool:
        """Whether the gap is as small as was asked."""
        return _gap(self.value, self.bound.value) <= self.asked.gap_share

    def run(self) -> None:
        """A first plan, volume passes and better plans in two halves, and the models of its lanes, until the gap is small enough."""
        plan = best_lanes(self.relaxation, self.bound.prices, self.bound.use.lane, LANE_THRESHOLDS[:1], self._late(0.5))
        self._note("first plan", plan[0])
        for passes, reserves in ((self.effort.passes // 2, (0.5, 0.2, 0.1)), (-(-self.effort.passes // 2), (0.25, 0.2, 0.1))):
            if not self.is_near:
                self._improve(passes, *reserves)
        if not self.is_near:
            p, limits = self.relaxation.problem, self.relaxation.net.limit.astype(np.int64)
            packs, ended = polish(p, limits, self.bound, self.packs, self.clock, self.asked.gap_share, self.asked.seed)
            self.is_cut |= ended
            self._note("polish", packs)

    def _improve(self, passes: int, for_passes: float, for_plans: float, for_lanes: float) -> None:
        """Volume passes, then plans at their prices; each part ends when only so much of the clock is left."""
        aim, before = self.value if self.value > 0 else self.bound.value * (1 - LIKELY_GAP_SHARE), self.bound.passes
        self.bound = tighten(self.relaxation, self.bound, aim, passes, self._late(for_passes))
        self.is_cut |= self.bound.passes < before + passes
        share, thresholds = self.bound.use.lane, LANE_THRESHOLDS[: self.effort.thresholds]
        plan = best_lanes(self.relaxation, self.bound.prices, share, thresholds, self._late(for_plans))
        plan = search_lanes(self.relaxation, plan, share, self.effort.searches, self._late(for_lanes))
        self._note("prices", plan[0])

    def _late(self, share: float) -> Callable[[], bool]:
        return lambda: self.clock.left < share * self.clock.seconds

    def _note(self, stage: str, packs: Ints) -> None:
        """Keep the better plan and tell how things stand."""
        self.packs = _better(self.relaxation.problem, self.packs, packs)
        gap = _gap(self.value, self.bound.value)
        self.tell(stage, {"objective_usd": self.value, "bound_usd": self.bound.value, "gap_share": gap, "passes": self.bound.passes})


def _load(relaxation: Relaxation, clock: Clock, tell: Tell) -> None:
    """Load the compiled loops, and compile them where they never ran: by working on no item, outside the time of the search."""
    end = clock.end
    with clock.stopped():
        game = PriceGame(relaxation, relaxation.items[:0])
        game.play(game.start(), 1, Steps())
        game.prices()
        relaxation.load()
    tell("loaded", {"seconds": clock.end - end})


def _first(relaxation: Relaxation, effort: Effort, asked: Asked, stop: Callable[[], bool]) -> tuple[Bound, Start, str]:
    """First bound, its start and where that came from: the last plan's prices or rounds on a sample, then rounds on all items."""
    items, count = relaxation.items, effort.sample_items
    game = PriceGame(relaxation)
    start = start_from(relaxation.problem, asked.last_prices, game.start())
    origin, rounds = "last plan" if start else "nothing", effort.warm_rounds if start else effort.rounds
    if start is None and 0 < count < len(items):
        sample = np.sort(np.random.default_rng(asked.seed).choice(items, count, replace=False))
        small = PriceGame(relaxation, sample)
        start = small.play(small.start(), effort.sample_rounds, Steps(slow=40), stop)
    start = game.play(start or game.start(), rounds, Steps(memory=0.03 if rounds > 50 else 0.15), stop)
    return first_bound(relaxation, game, start), start, origin


def _better(problem: Problem, packs: Ints, trial: Ints) -> Ints:
    return max((packs, trial), key=lambda one: evaluate(problem, one).total)


def _gap(value: float, bound: float) -> float:
    return (bound - value) / max(1.0, abs(bound))


def polish(problem: Problem, limits: Ints, bound: Bound, packs: Ints, clock: Clock, gap_share: float, seed: int) -> tuple[Ints, bool]:
    """Models of the plan's lanes where they are small: the LP rounded, then whole packs by MIP from the plan; and if the clock ended it."""
    keep = _worth_keeping(problem, limits, bound, packs)
    if not keep.any() or (keep > 0).sum() > LARGEST_ROUNDED_ARCS or clock.left <= 0:
        return packs, clock.left <= 0
    trial = rounded(restricted(problem, keep), limits, clock)
    if trial is None:
        return packs, clock.left <= 0
    packs = _better(problem, packs, trial)
    keep = _worth_keeping(problem, limits, bound, packs)
    if (keep > 0).sum() > LARGEST_POLISH_ARCS:
        return packs, False
    m = restricted(problem, keep)
    report, found = solve_whole(m, packs, Clock(0.8 * clock.left), max(gap_share, POLISH_GAP_SHARE), POLISH_NODES, seed)
    if found is not None:
        packs = _better(problem, packs, improved(problem, limits, found))
    return packs, report.stopped_by == "time"


def _worth_keeping(problem: Problem, limits: Ints, bound: Bound, packs: Ints) -> Ints:
    """Limits of the arcs on the plan's lanes that averaged use keeps, and of those the plan uses."""
    lanes = np.bincount(problem.arc_lane, weights=packs, minlength=len(problem.lane_ids)) > 0
    return np.where(lanes[problem.arc_lane] & ((bound.use.packs >= PACKS_WORTH_KEEPING) | (packs > 0)), limits, 0)
