"""A bound at any prices is never below a plan that is allowed: problems, prices and plans at random. `make soak PART=bounds` runs 2,000."""

import dataclasses

import numpy as np
import pytest

from pipelines.planning.bounds import arc_limits
from pipelines.planning.first_prices import PriceGame, Steps
from pipelines.planning.generate import ProblemSize, generate_problem
from pipelines.planning.improve import improved
from pipelines.planning.objective import evaluate, violations
from pipelines.planning.relaxation import Prices, Relaxation


def random_problem(rng, seed):
    """Small, with any mixture of budget, minimum shipments, line charges, firm lines, few trucks and free docks."""
    size = ProblemSize(int(rng.integers(3, 25)), int(rng.integers(2, 7)), float(rng.uniform(0.4, 1.0)), seed)
    problem = generate_problem(size)
    cheap = rng.choice([0.02, 0.1, 1.0])
    firm = np.where(rng.random(problem.arcs) < rng.choice([0.0, 0.05]), np.minimum(problem.arc_max_packs, 2), -1)
    return dataclasses.replace(
        problem,
        truck_cost_usd=problem.truck_cost_usd * cheap,
        pallet_cost_usd=problem.pallet_cost_usd * cheap,
        max_trucks=rng.integers(1, 4, len(problem.lane_ids)),
        pallets_per_truck=np.full(len(problem.lane_ids), int(rng.choice([1, 3, 26]))),
        pallet_kg=np.full(len(problem.lane_ids), float(rng.choice([20.0, 600.0]))),
        min_shipment_kg=np.full(len(problem.lane_ids), float(rng.choice([0.0, 10.0, 50.0]))),
        dock_out_units=problem.dock_out_units if rng.random() < 0.7 else np.full(size.locations, np.inf),
        arc_line_cost_usd=np.full(problem.arcs, float(rng.choice([0.0, 2.0]))),
        arc_fixed_packs=firm,
        budget_usd=float(rng.choice([np.inf, 200.0])),
    )


def random_prices(rng, problem):
    """Anything of zero or more, from nothing to far too much; kg may be paid for; prices where there is no limit stay zero."""

    def some(size, scale):
        return rng.exponential(scale, size) * (rng.random(size) < rng.random()) * rng.choice([0.0, 0.1, 1.0, 10.0])

    places, lanes = len(problem.location_ids), len(problem.lane_ids)
    budget = float(some(1, 0.5)[0]) if np.isfinite(problem.budget_usd) else 0.0
    out = some(places, 2.0) * np.isfinite(problem.dock_out_units)
    kg = some(lanes, 30.0) - some(lanes, 300.0) * rng.choice([0.0, 0.0, 1.0])
    return Prices(out, some(places, 2.0), kg, some(lanes, 30.0), budget, some(problem.arcs, 20.0))


def check_bounds(seed, count):
    """The number of (bound, plan) pairs held against each other; fails at the first bound below a plan."""
    held, moving = 0, 0
    for k in range(count):
        rng = np.random.default_rng([seed, k])
        problem = random_problem(rng, k)
        limits = arc_limits(problem)
        relaxation, game = Relaxation(problem, limits), None
        bounds = [relaxation.price(random_prices(rng, problem), int(rng.choice([1, 20, 5000])))[0] for _ in range(4)]
        if k % 5 == 0:
            game = PriceGame(relaxation)
            game.play(game.start(), 5, Steps())
            prices, ceiling = game.prices()
            bounds.append(relaxation.price(prices, 20, ceiling)[0])
        firm = np.maximum(problem.arc_fixed_packs, 0)
        drawn = [rng.integers(0, limits + 1) * (rng.random(problem.arcs) < share) for share in (0.2, 1.0)]
        for plan in (firm, *(improved(problem, limits, one) for one in drawn)):
            if not violations(problem, plan):
                held += len(bounds)
                moving += plan.sum() > 0
                assert min(bounds) >= evaluate(problem, plan).total, (seed, k)
    assert moving > count / 4
    return held


def test_bounds_hold_at_any_prices():
    assert check_bounds(0, 150) > 600


@pytest.mark.soak
def test_bounds_hold_at_any_prices_on_2000_problems(soak_seed):
    print(f"{check_bounds(soak_seed, 2_000)} bounds at or above plans of 2,000 problems")
