"""Demand behind censored sales: by hand, and against a simulated truth."""

import numpy as np
import pytest

from benchmarks.forecast_accuracy import simulate_censoring
from pipelines.forecasting.exposure import SeriesGroups, borrow_rate, estimate_rate, fit_censored, impute_demand

ALONE = SeriesGroups(np.array([0]), np.array([0]))
CLASSES = {"fast": (3.0, 12.0), "mid": (0.8, 3.0), "slow": (0.1, 0.8)}


def test_ratio_of_sums_by_hand():
    groups = SeriesGroups(np.array([0, 0]), np.array([0, 1]))
    units = np.array([[10.0, 20.0]] * 10)
    exposure = np.array([[0.5, 1.0]] * 10)
    estimate = estimate_rate(units, exposure, groups)
    np.testing.assert_allclose(estimate.prior_units, [20.0, 20.0])
    np.testing.assert_allclose(estimate.daily_units, [(100 + 7 * 20) / (5 + 7), (200 + 7 * 20) / (10 + 7)])
    assert estimate.uses_prior.tolist() == [True, False]


def test_the_prior_follows_the_item_elsewhere_times_the_location_share():
    sold = np.array([100.0, 0.0, 100.0, 200.0, 10.0, 20.0])
    days = np.array([50.0, 0.0, 50.0, 50.0, 50.0, 50.0])
    groups = SeriesGroups(np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 1]))
    prior = borrow_rate(sold, days, groups)
    share = 220.0 / (50 * 3.0 + 50 * 0.3)
    analogy, peers = 2.0 * share, 220.0 / 100.0
    assert prior[1] == pytest.approx((50 * analogy + 56 * peers) / 106)


def test_no_stock_out_leaves_sales_as_they_are():
    units = np.random.default_rng(0).poisson(2.0, size=(60, 5)).astype(float)
    demand, known = impute_demand(units, np.ones(units.shape), np.full(5, 99.0))
    np.testing.assert_array_equal(demand, units)
    np.testing.assert_array_equal(known, 1.0)


def test_a_stocked_out_day_is_completed_and_a_closed_one_says_nothing():
    units = np.array([[4.0]] * 20 + [[2.0], [0.0], [np.nan]])
    exposure = np.array([[1.0]] * 20 + [[0.5], [0.0], [np.nan]])
    demand, known = impute_demand(units, exposure, np.array([4.0]))
    assert demand[20, 0] == pytest.approx(4.0)
    assert known[:, 0].tolist() == [1.0] * 21 + [0.0, 0.0]


@pytest.mark.parametrize("name", list(CLASSES))
@pytest.mark.parametrize(("cover_days", "lost_at_least", "bias_at_most"), [(12.0, 0.02, 0.01), (7.0, 0.2, 0.03)], ids=["mild", "heavy"])
def test_bias_against_the_truth(name, cover_days, lost_at_least, bias_at_most):
    low, high = CLASSES[name]
    rng = np.random.default_rng(11)
    series = 1500
    demand, sales, exposure = simulate_censoring(rng.uniform(low, high, series), cover_days, 56, rng)
    groups = SeriesGroups(np.arange(series), np.zeros(series, dtype=np.int64))
    estimate = estimate_rate(sales, exposure, groups)
    kept = estimate.in_stock_days >= 7
    truth = demand.mean(axis=0)[kept].sum()
    raw_bias = sales.mean(axis=0)[kept].sum() / truth - 1
    bias = estimate.daily_units[kept].sum() / truth - 1
    assert 1 - sales.sum() / demand.sum() >= lost_at_least
    assert abs(bias) <= bias_at_most
    assert abs(bias) < abs(raw_bias) / 4
    masked = np.where(exposure >= 1, sales, 0).sum(axis=0) / np.maximum((exposure >= 1).sum(axis=0), 1)
    assert masked[kept].sum() / truth - 1 < -2 * abs(bias)


def test_em_recovers_a_negative_binomial_from_flags_alone():
    rng = np.random.default_rng(5)
    demand = rng.negative_binomial(2.0, 2.0 / (2.0 + 4.0), size=(400, 300)).astype(float)
    stock = rng.poisson(4.0, size=demand.shape) + 1.0
    sales, flagged = np.minimum(demand, stock), demand >= stock
    mean, dispersion = fit_censored(sales, flagged)
    assert mean.mean() == pytest.approx(4.0, rel=0.02)
    assert np.median(dispersion) == pytest.approx(2.0, rel=0.1)
    assert sales.mean() < 0.8 * 4.0


def test_em_without_flags_is_the_mean():
    sales = np.random.default_rng(2).poisson(3.0, size=(50, 4)).astype(float)
    mean, _ = fit_censored(sales, np.zeros(sales.shape, dtype=bool))
    np.testing.assert_allclose(mean, sales.mean(axis=0))


def test_sales_on_a_day_of_no_exposure_are_a_flag():
    rng = np.random.default_rng(9)
    units = rng.poisson(5.0, size=(60, 1)).astype(float)
    exposure = np.ones(units.shape)
    units[::10], exposure[::10] = 3.0, 0.0
    demand, known = impute_demand(units, exposure, np.array([5.0]))
    assert np.all(demand[::10] > 3.0) and np.all(known == 1.0)
    np.testing.assert_array_equal(np.delete(demand, np.arange(0, 60, 10)), np.delete(units, np.arange(0, 60, 10)))


def test_one_series_with_nobody_to_learn_from_keeps_its_own_rate():
    estimate = estimate_rate(np.full((30, 1), 2.0), np.ones((30, 1)), ALONE)
    assert estimate.daily_units[0] == pytest.approx(2.0)
