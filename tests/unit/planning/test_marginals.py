"""Money at the margin of a plan against the money of the changed plan itself, and of the plan solved anew."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pipelines.planning.marginals import Margins, limit_prices, substitute_usd
from pipelines.planning.objective import evaluate, violations
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem
from tests.properties.drawn_problems import add_terms, draw_problem
from tests.unit.planning.base_case import BASE

EXACT = SolveOptions(gap_share=1e-9)


def packs_of(problem, plan):
    at = {(problem.item_ids[i], problem.lane_ids[j]): n for n, (i, j) in enumerate(zip(problem.arc_item, problem.arc_lane, strict=True))}
    packs = np.zeros(problem.arcs, dtype=np.int64)
    for shipment in plan.shipments:
        packs[at[shipment.item_id, shipment.lane_id]] = shipment.packs
    return packs


def cases(seeds, terms=True):
    for seed in seeds:
        document = add_terms(draw_problem(seed), seed) if terms and seed % 2 else draw_problem(seed)
        problem = Problem.from_json(document)
        if problem.arcs:
            yield seed, problem, packs_of(problem, solve_problem(problem, EXACT))


def test_one_pack_more_and_one_line_less_are_worth_what_the_changed_plan_is():
    checked = blocked = 0
    for seed, problem, packs in cases(range(40)):
        margins, worth = Margins(problem, packs), evaluate(problem, packs).total
        broken = set(violations(problem, packs))
        for a in range(problem.arcs):
            more = packs.copy()
            more[a] += 1
            if np.isfinite(margins.next_pack_usd[a]):
                assert margins.next_pack_usd[a] == pytest.approx(evaluate(problem, more).total - worth, abs=1e-6), (seed, a)
                new = set(violations(problem, more)) - broken - {"minimum shipment", "minimum line"}
                assert bool(new) == bool(margins.blocked_by[a]), (seed, a, new)
                checked, blocked = checked + 1, blocked + bool(new)
            if packs[a] and not margins.strands_lane[a]:
                less = np.where(np.arange(problem.arcs) == a, 0, packs)
                assert margins.removal_usd[a] == pytest.approx(worth - evaluate(problem, less).total, abs=1e-6), (seed, a)
    assert checked > 300
    assert blocked > 50


def test_a_new_plan_without_a_line_loses_at_most_what_the_line_is_said_to_be_worth():
    """Break-even: the plan gives a line up when its freight rises by what the best plan without it is worth less."""
    lines = tight = 0
    for seed, problem, packs in cases(range(30), terms=False):
        margins, worth = Margins(problem, packs), evaluate(problem, packs).total
        estimate = margins.removal_usd - substitute_usd(margins)
        for a in np.flatnonzero(packs):
            most = np.where(np.arange(problem.arcs) == a, 0, problem.arc_max_packs)
            without = solve_problem(replace(problem, arc_max_packs=most), EXACT).objective_usd
            assert estimate[a] >= worth - without - 1e-5, (seed, a)
            lines, tight = lines + 1, tight + (estimate[a] <= worth - without + 0.05 * max(1.0, worth - without))
    assert lines >= 40
    assert tight / lines > 0.3, (tight, lines)


@pytest.mark.parametrize("name", ["dock_out_units", "dock_in_units"])
def test_a_full_dock_has_the_price_of_the_pack_that_waits_for_it(name):
    """A > B: 4 units of room, the fifth earns 10 - 1 (its pallet is paid). Solved anew with room for five, the plan is worth that more."""
    document = json.loads(json.dumps(BASE))
    document["locations"][0 if name == "dock_out_units" else 1][name] = 4
    problem = Problem.from_json(document)
    plan = solve_problem(problem, EXACT)
    prices = limit_prices(Margins(problem, packs_of(problem, plan)))
    found = prices.dock_out_usd[0] if name == "dock_out_units" else prices.dock_in_usd[1]
    wider = solve_problem(replace(problem, **{name: getattr(problem, name) + 1}), EXACT)
    assert found == pytest.approx(9.0)
    assert found == pytest.approx(wider.objective_usd - plan.objective_usd)
    assert prices.budget_usd == 0.0


def test_a_spent_budget_has_a_price_per_usd():
    problem = Problem.from_json(BASE | {"budget_usd": 12})
    plan = solve_problem(problem, EXACT)
    assert limit_prices(Margins(problem, packs_of(problem, plan))).budget_usd == pytest.approx(3.0)
    assert solve_problem(replace(problem, budget_usd=13.0), EXACT).objective_usd - plan.objective_usd == pytest.approx(3.0)
    free = Problem.from_json(BASE)
    prices = limit_prices(Margins(free, packs_of(free, solve_problem(free, EXACT))))
    assert prices.budget_usd == 0.0
    assert not prices.dock_out_usd.any()
    assert not prices.dock_in_usd.any()


def test_prices_are_never_above_what_a_pack_more_room_earns():
    """On random instances: a plan solved anew with one pack more room at a dock is worth at least the price of that pack more."""
    priced = 0
    for seed, problem, packs in cases(range(0, 120, 2), terms=False):
        margins, worth = Margins(problem, packs), evaluate(problem, packs).total
        prices = limit_prices(margins)
        for n in np.flatnonzero(prices.dock_in_usd):
            pack = max(problem.pack_units)
            wider = problem.dock_in_units.copy()
            wider[n] += pack
            again = solve_problem(replace(problem, dock_in_units=wider), EXACT).objective_usd
            least = min(problem.pack_units) * prices.dock_in_usd[n]
            assert again >= worth + least - 1e-6, (seed, n)
            priced += 1
        if priced > 8:
            break
    assert priced >= 1
