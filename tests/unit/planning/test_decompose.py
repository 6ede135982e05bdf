"""Problems too large for one model: threads change nothing, last night's prices are a start, memory that ends leaves the best so far."""

import dataclasses
import json
import threading

import numpy as np
import pytest

from pipelines.planning.bounds import arc_limits
from pipelines.planning.crew import WORTH_SHARING_ITEMS, Crew
from pipelines.planning.first_prices import PriceGame, Steps
from pipelines.planning.generate import ProblemSize, generate_problem
from pipelines.planning.last_prices import start_from
from pipelines.planning.objective import evaluate, violations
from pipelines.planning.problem import Problem
from pipelines.planning.problem_text import problem_text
from pipelines.planning.relaxation import Relaxation
from pipelines.planning.solve import SolveOptions, solve_problem

APART = SolveOptions(exact_arcs_limit=0)


def packs_of(problem, plan):
    item, lane = ({name: i for i, name in enumerate(names)} for names in (problem.item_ids, problem.lane_ids))
    arc = {pair: a for a, pair in enumerate(zip(problem.arc_item.tolist(), problem.arc_lane.tolist(), strict=True))}
    packs = np.zeros(problem.arcs, dtype=np.int64)
    for line in plan.shipments:
        packs[arc[item[line.item_id], lane[line.lane_id]]] = line.packs
    return packs


def next_night(problem, seed=1):
    """The same network a night later: a fifth of the gains worth up to a third less, and a tenth of the items gone."""
    rng = np.random.default_rng(seed)
    less = np.where(rng.random(len(problem.gain)) < 0.2, rng.uniform(0.67, 1.0, len(problem.gain)), 1.0)
    gain = dataclasses.replace(problem.gain, value_usd=problem.gain.value_usd * less[problem.gain.owner])
    gone = rng.random(len(problem.item_ids)) < 0.1
    most = np.where(gone[problem.arc_item], 0, problem.arc_max_packs)
    return dataclasses.replace(problem, gain=gain, arc_max_packs=most)


@pytest.fixture(scope="module")
def problem():
    """About 1,400 arcs."""
    return generate_problem(ProblemSize(300, 8, seed=3))


@pytest.fixture(scope="module")
def last(problem):
    return solve_problem(problem, APART)


def test_how_many_threads_there_are_changes_no_figure():
    problem = generate_problem(ProblemSize(2 * WORTH_SHARING_ITEMS, 5, seed=4))
    limits, found = arc_limits(problem), []
    for threads in (1, 3):
        game = PriceGame(Relaxation(problem, limits, threads))
        game.play(game.start(), 4, Steps())
        prices, ceiling = game.prices()
        bound, use = game.relaxation.price(prices)
        found.append((bound, use.packs.tobytes(), prices.link.tobytes(), ceiling.tobytes()))
        assert game.relaxation.crew.threads == threads
    assert len(problem.item_ids) > WORTH_SHARING_ITEMS
    assert found[0] == found[1]


def test_an_error_of_one_thread_is_raised_and_leaves_the_crew_whole():
    crew, done = Crew(2, list), []

    def solve(items, work):
        if 700 in items:
            raise MemoryError
        done.append((len(items), threading.get_ident()))

    with pytest.raises(MemoryError):
        crew.run(solve, np.arange(1000))
    done.clear()
    crew.run(solve, np.arange(2000, 3000))
    assert sum(count for count, _ in done) == 1000
    assert crew.works.qsize() == 2


def test_the_next_night_starts_from_the_prices_of_the_last_plan(problem, last):
    tonight = next_night(problem)
    cold, warm = (solve_problem(tonight, APART, last_prices=prices) for prices in (None, last.solve_info["prices"]))
    assert (cold.solve_info["started_from"], warm.solve_info["started_from"]) == ("nothing", "last plan")
    assert violations(tonight, packs_of(tonight, warm)) == []
    assert warm.gap_share <= cold.gap_share + 0.01
    kept = json.loads(json.dumps(last.to_json()))["solve_info"]["prices"]
    assert solve_problem(tonight, APART, last_prices=kept).to_json() == warm.to_json()


def test_prices_come_back_by_name_whatever_the_order_and_new_places_start_afresh(problem, last):
    relaxation = Relaxation(problem, arc_limits(problem))
    first, kept = PriceGame(relaxation).start(), json.loads(json.dumps(last.solve_info["prices"]))
    lane, other = problem.lane_ids[5], problem.lane_ids[6]
    shuffled = {**kept, "lanes": dict(reversed([(name, row) for name, row in kept["lanes"].items() if name != other]))}
    start = start_from(problem, shuffled, first)
    assert [start.share[5], start.kg[5], start.m3[5]] == kept["lanes"][lane]
    assert (start.share[6], start.kg[6], start.m3[6]) == (first.share[6], first.kg[6], first.m3[6])
    assert start.dock_in.tolist() == [row[1] for row in kept["locations"].values()]
    free = dataclasses.replace(problem, dock_in_units=np.full(len(problem.location_ids), np.inf))
    assert not start_from(free, kept, first).dock_in.any(), "a price on what has no limit would make the bound infinite"


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: None,
        lambda kept: {},
        lambda kept: {**kept, "lanes": {f"{name}x": row for name, row in kept["lanes"].items()}},
        lambda kept: {**kept, "lanes": {name: row[:2] for name, row in kept["lanes"].items()}},
        lambda kept: {**kept, "locations": {name: [float("nan"), 0.0] for name in kept["locations"]}},
        lambda kept: {**kept, "locations": "all"},
    ],
)
def test_prices_of_another_network_or_that_are_no_prices_are_left_alone(problem, last, damage):
    relaxation = Relaxation(problem, arc_limits(problem))
    assert start_from(problem, damage(last.solve_info["prices"]), PriceGame(relaxation).start()) is None


@pytest.mark.parametrize(("stage", "moves"), [("first plan", True), ("prices", True), ("loaded", False)])
def test_memory_that_ends_leaves_the_best_plan_so_far_or_none(problem, stage, moves):
    def starve(told, figures):
        if told == stage:
            raise MemoryError

    if not moves:
        with pytest.raises(MemoryError):
            solve_problem(problem, APART, starve)
        return
    plan = solve_problem(problem, APART, starve)
    assert (plan.status, plan.solve_info["stopped_by"]) == ("FEASIBLE", "memory")
    assert violations(problem, packs_of(problem, plan)) == []
    assert 0 < plan.objective_usd <= plan.bound_usd


def test_a_minimum_shipment_lowers_the_bound_and_is_met(problem):
    heavy = dataclasses.replace(problem, min_shipment_kg=np.full(len(problem.lane_ids), 250.0))
    plain, held = solve_problem(problem, APART), solve_problem(heavy, APART)
    assert held.bound_usd < plain.bound_usd - 1e-3 * plain.bound_usd
    assert violations(heavy, packs_of(heavy, held)) == []
    assert held.objective_usd > 0


@pytest.mark.parametrize("limits", [{"budget_usd": 0.3}, {"min_shipment_kg": 60.0}, {"budget_usd": 0.3, "min_shipment_kg": 60.0}])
def test_budget_and_minimum_shipment_hold_on_every_path(limits):
    """Exact, cut at no node, without time, decomposed, and from the last plan's prices; of a problem read back from its text."""
    free = generate_problem(ProblemSize(40, 5, seed=11))
    free = dataclasses.replace(free, truck_cost_usd=0.1 * free.truck_cost_usd, pallet_cost_usd=0.2 * free.pallet_cost_usd)
    spent = evaluate(free, packs_of(free, solve_problem(free, SolveOptions(gap_share=1e-3)))).spent
    changed = {"min_shipment_kg": np.full(len(free.lane_ids), limits.get("min_shipment_kg", 0.0))}
    problem = dataclasses.replace(free, budget_usd=limits.get("budget_usd", np.inf) * spent, **changed)
    problem = Problem.from_json(json.loads("".join(problem_text(problem))))
    best = solve_problem(problem, SolveOptions(gap_share=1e-4))
    paths = [SolveOptions(node_limit=0), SolveOptions(time_limit_s=0.0), APART]
    plans = [best, *(solve_problem(problem, options) for options in paths)]
    plans.append(solve_problem(problem, APART, last_prices=plans[-1].solve_info["prices"]))
    for plan in plans:
        packs = packs_of(problem, plan)
        assert violations(problem, packs) == []
        assert evaluate(problem, packs).total <= best.bound_usd + 1e-6
        assert plan.bound_usd >= best.objective_usd - 1e-6
    assert best.objective_usd > 0
    assert plans[3].objective_usd >= 0.7 * best.objective_usd
    assert plans[3].bound_usd <= 1.4 * best.objective_usd
