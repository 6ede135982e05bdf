"""Measures by hand, and quantiles of one period against the distribution function itself."""

import numpy as np
import pytest
from scipy import stats

from pipelines.forecasting.marginals import amount_draws, count_draws, count_quantiles
from pipelines.forecasting.scoring import Truth, product_levels, series_measures, squared_scale, sum_measures, weighted_rmsse

PAST = np.array([[0.0, 2.0], [1.0, 2.0], [3.0, 5.0], [3.0, 1.0]])


def truth(actual, past=PAST, weight=(3.0, 1.0), levels=None, rate=(5.0, 0.5)):
    levels = levels if levels is not None else product_levels({"location": np.array(["A", "A"])}, {"item": np.array(["x", "y"])})
    return Truth(past, np.array(actual, dtype=float), np.array(weight), levels, np.array(rate), np.array([True, True]))


def test_the_scale_begins_at_the_first_sale():
    np.testing.assert_allclose(squared_scale(PAST), [(4 + 0) / 2, (0 + 9 + 16) / 3])
    assert np.isnan(squared_scale(np.zeros((4, 1)))[0])


def test_weighted_error_by_hand():
    found = weighted_rmsse(truth([[3.0, 2.0], [5.0, 2.0]]), np.array([[4.0, 2.0], [4.0, 3.0]]))
    total = np.sqrt(((1 + 0) ** 2 + (-1 + 1) ** 2) / 2 / ((1 + 25 + 16) / 3))
    item = 0.75 * np.sqrt((1 + 1) / 2 / 2.0) + 0.25 * np.sqrt((0 + 1) / 2 / (25 / 3))
    assert found["network x all items"] == pytest.approx(total) and found["location x item"] == pytest.approx(item)
    assert found["mean"] == pytest.approx((2 * total + 2 * item) / 4)


def test_two_groupings_of_each_kind_make_twelve_levels():
    keys = np.array(["a", "b"])
    levels = product_levels({"state": keys, "store": keys}, {"category": keys, "department": keys, "item": keys})
    assert len(levels) == 12 and levels[0].name == "network x all items" and levels[-1].name == "store x item"


def test_periods_whose_demand_is_not_known_are_not_scored():
    found = series_measures(truth([[3.0, np.nan], [5.0, np.nan]]), np.array([[4.0, 99.0], [4.0, 99.0]]))
    assert found["all"] == {"series": 1, "RMSSE": pytest.approx(np.sqrt(1 / 2)), "WAPE": pytest.approx(2 / 8), "bias": 0.0}
    assert found["fast"]["series"] == 1 and found["slow"]["series"] == 0


def test_sums_that_are_right_cover_and_cost_less():
    rng = np.random.default_rng(0)
    past, actual = rng.poisson(4.0, (60, 400)).astype(float), rng.poisson(4.0, (7, 400)).astype(float)
    one = Truth(past, actual, np.ones(400), [], np.full(400, 4.0), np.ones(400, dtype=bool))
    mean = np.full((7, 400), 4.0)
    right = sum_measures(one, rng.poisson(28.0, (400, 500)), 7, (0.5, 0.9), mean)["fast"]
    narrow = sum_measures(one, np.full((400, 500), 28), 7, (0.5, 0.9), mean)["fast"]
    assert right["coverage forecast 0.9"] == pytest.approx(0.9, abs=0.05) and right["series"] == 400
    assert right["pinball forecast"] < narrow["pinball forecast"]


def test_counts_are_quantiles_of_their_distribution():
    rng = np.random.default_rng(1)
    mean, k, luck = rng.gamma(1.0, 8.0, 3000), rng.gamma(1.0, 2.0, 3000) + 0.02, rng.random(3000)
    mean[:50], mean[50:60] = rng.uniform(100, 5000, 50), 0.0
    expected = np.where(mean > 0, stats.nbinom.ppf(luck, k, k / (k + np.maximum(mean, 1e-9))), 0.0)
    np.testing.assert_array_equal(count_draws(mean, k, luck), expected)
    np.testing.assert_array_equal(count_quantiles(mean, k, [0.05, 0.95])[1], count_draws(mean, k, np.full(3000, 0.95)))


def test_amounts_are_quantiles_of_their_distribution():
    drawn = amount_draws(np.array([2.0, 0.0, 3.0]), np.array([4.0, 1.0, 0.0]), np.array([0.95, 0.95, 0.95]))
    np.testing.assert_allclose(drawn, [stats.gamma.ppf(0.95, 1.0, scale=2.0), 0.0, 3.0])
