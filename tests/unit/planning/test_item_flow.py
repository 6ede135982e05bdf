"""Items solved by compiled loops against HiGHS on the same item, and against every choice of arcs."""

import itertools

import highspy
import numpy as np
import pytest

from pipelines.planning.bounds import arc_limits
from pipelines.planning.generate import ProblemSize, generate_problem
from pipelines.planning.item_flow import price_items, work_for
from pipelines.planning.network import lay_out
from pipelines.planning.variables import segment_widths


def flow_lp(problem, limits, item, cost, arcs=None):
    """Optimum of one item's transport LP by HiGHS: arcs (all of the item's by default) between gain and loss segments."""
    own = [a for a in np.flatnonzero(problem.arc_item == item) if limits[a] > 0 and (arcs is None or a in arcs)]
    if not own:
        return 0.0
    gains, losses = sorted({problem.arc_gain[a] for a in own}), sorted({problem.arc_loss[a] for a in own})
    columns, rows = [(-cost[a], limits[a]) for a in own], []
    for curves, arc_curve, used in ((problem.gain, problem.arc_gain, gains), (problem.loss, problem.arc_loss, losses)):
        widths = segment_widths(curves)
        for c in used:
            first = len(columns)
            columns += [(curves.value_usd[k], widths[k]) for k in range(curves.start[c], curves.start[c + 1])]
            rows.append(
                [(x, 1.0) for x, a in enumerate(own) if arc_curve[a] == c] + [(column, -1.0) for column in range(first, len(columns))]
            )
    h = highspy.Highs()
    h.setOptionValue("output_flag", False)
    h.setOptionValue("threads", 1)
    h.addVars(len(columns), np.zeros(len(columns)), np.array([float(width) for _, width in columns]))
    h.changeColsCost(len(columns), np.arange(len(columns), dtype=np.int32), np.array([-value for value, _ in columns]))
    for row in rows:
        h.addRow(0.0, 0.0, len(row), np.array([x for x, _ in row], dtype=np.int32), np.array([v for _, v in row]))
    h.run()
    return -h.getInfo().objective_function_value


def solve_items(problem, limits, cost, charge, nodes=100_000):
    net = lay_out(problem, limits)
    packs, worth = np.zeros(problem.arcs), np.zeros(len(problem.item_ids))
    total = price_items(net, np.arange(len(worth)), cost, charge, nodes, work_for(net), packs, worth)
    return total, packs, worth


@pytest.mark.parametrize("seed", range(5))
def test_without_charges_an_item_is_its_transport_lp_with_whole_packs(seed):
    problem = generate_problem(ProblemSize(25, 7, seed=seed))
    limits, rng = arc_limits(problem), np.random.default_rng(seed)
    cost = problem.arc_cost_usd_per_pack * rng.uniform(0, 3, problem.arcs)
    total, packs, worth = solve_items(problem, limits, cost, np.zeros(problem.arcs))
    assert (packs == np.rint(packs)).all()
    assert (packs <= limits).all()
    for item, found in enumerate(worth):
        assert found == pytest.approx(flow_lp(problem, limits, item, cost), rel=1e-9, abs=1e-9)
    assert total == pytest.approx(worth.sum())
    assert packs.sum() > 0


@pytest.mark.parametrize("seed", range(3))
def test_with_charges_an_item_is_the_best_over_all_choices_of_its_arcs(seed):
    problem = generate_problem(ProblemSize(15, 5, seed=20 + seed))
    limits, rng = arc_limits(problem), np.random.default_rng(seed)
    cost, charge = problem.arc_cost_usd_per_pack, rng.exponential(6.0, problem.arcs)
    total, packs, worth = solve_items(problem, limits, cost, charge)
    for item, found in enumerate(worth):
        own = np.flatnonzero((problem.arc_item == item) & (limits > 0))[:8]
        if ((problem.arc_item == item) & (limits > 0)).sum() > len(own):
            continue
        choices = itertools.chain.from_iterable(itertools.combinations(own, k) for k in range(len(own) + 1))
        best = max(flow_lp(problem, limits, item, cost, set(some)) - charge[list(some)].sum() for some in choices)
        assert found == pytest.approx(best, abs=1e-7)
    assert total == pytest.approx(worth.sum())
    assert 0 < (packs > 0).sum() < (limits > 0).sum()


def test_a_search_cut_short_promises_more_than_it_found_and_never_less_than_the_best():
    problem = generate_problem(ProblemSize(60, 8, seed=3))
    limits, charge = arc_limits(problem), np.full(problem.arcs, 15.0)
    total, _, worth = solve_items(problem, limits, problem.arc_cost_usd_per_pack, charge)
    short_total, _, short_worth = solve_items(problem, limits, problem.arc_cost_usd_per_pack, charge, nodes=1)
    assert (short_worth >= worth - 1e-9).all()
    assert short_worth.sum() > worth.sum() + 1
    assert short_total <= total + 1e-9
