"""The demand that sales stand for: by hand, and against a simulated truth, by kind of evidence, rate class and severity."""

import numpy as np
import pytest

from benchmarks.demand_estimate import COVER_DAYS, RATES, as_told, degrade, simulate_censoring
from pipelines.forecasting.censored_counts import censored_quantile, fit_censored
from pipelines.forecasting.completion import EXPOSURE, FLAG, PRIOR, RATE, complete_demand
from pipelines.forecasting.exposure import SeriesGroups

BIAS_AT_MOST = {"hours": 0.02, "flags": 0.03}


def alone(series):
    return SeriesGroups(np.arange(series), np.zeros(series, dtype=np.int64))


def test_no_stock_out_leaves_sales_as_they_are():
    units = np.random.default_rng(0).poisson(2.0, size=(60, 5)).astype(float)
    made = complete_demand(units, np.ones(units.shape), alone(5))
    np.testing.assert_array_equal(made.demand, units)
    np.testing.assert_array_equal(made.known, 1.0)
    assert made.incomplete is None


def test_every_kind_of_evidence_has_its_method_and_closed_periods_teach_nothing():
    units = np.array([[4.0]] * 40 + [[2.0], [0.0], [6.0], [np.nan]])
    exposure = np.array([[1.0]] * 40 + [[0.5], [0.0], [0.0], [np.nan]])
    made = complete_demand(units, exposure, alone(1))
    assert made.known[:, 0].tolist() == [1.0] * 41 + [0.0, 1.0, 0.0]
    assert made.incomplete.position.tolist() == [40, 41, 42]
    assert made.incomplete.method.tolist() == [EXPOSURE, RATE, FLAG]
    assert made.demand[40, 0] == pytest.approx(4.0, rel=0.05)
    assert made.demand[41, 0] == 0.0 and made.incomplete.estimate[1] == pytest.approx(4.0, rel=0.05)
    assert made.demand[42, 0] == made.incomplete.estimate[2] > 6.0


def test_little_evidence_leans_on_the_prior_and_is_less_certain():
    units, exposure = np.full((60, 2), 4.0), np.ones((60, 2))
    units[-1], exposure[-1] = 1.0, 0.25
    units[:56, 1] = np.nan
    made = complete_demand(units, exposure, SeriesGroups(np.array([0, 0]), np.array([0, 1])))
    assert made.incomplete.method.tolist() == [EXPOSURE, PRIOR]
    assert made.incomplete.variance[1] > made.incomplete.variance[0]


@pytest.mark.parametrize("kind", ["hours", "flags"])
@pytest.mark.parametrize("name", list(RATES))
@pytest.mark.parametrize("severity", list(COVER_DAYS))
def test_bias_and_bounds_against_the_truth(name, severity, kind):
    rng = np.random.default_rng(77)
    series = 2000
    truth, sales, exposure = simulate_censoring(rng.uniform(*RATES[name], series), COVER_DAYS[severity][name], 56, rng)
    units, share = degrade(sales, exposure, kind)
    estimate, low, high = as_told(units, complete_demand(units, share, alone(series)))
    lost = 1 - sales.sum() / truth.sum()
    assert lost >= (0.2 if severity == "heavy" else 0.02)
    assert abs(estimate.sum() / truth.sum() - 1) <= BIAS_AT_MOST[kind]
    assert (low <= estimate + 1e-9).mean() > 0.99 and (low >= units).all() and (high >= low).all()
    short = share < 1
    inside = ((truth >= low) & (truth <= high))[short].mean()
    assert inside >= 0.88, inside


@pytest.mark.parametrize("kind", ["weeks, shares", "weeks, flags"])
@pytest.mark.parametrize(("name", "cover_days"), [("fast", 7.0), ("mid", 12.0), ("slow", 8.4)])
def test_weeks_are_completed_like_days(name, cover_days, kind):
    rng = np.random.default_rng(78)
    truth, sales, exposure = simulate_censoring(rng.uniform(*RATES[name], 1000), cover_days, 112, rng)
    units, share = degrade(sales, exposure, kind)
    actual = truth.reshape(16, 7, -1).sum(axis=1)
    estimate, low, high = as_told(units, complete_demand(units, share, alone(1000), period_days=7))
    assert abs(estimate.sum() / actual.sum() - 1) <= 0.02
    assert units.sum() / actual.sum() - 1 < -0.03
    assert ((actual >= low) & (actual <= high))[share < 1].mean() > 0.85


def test_ten_times_the_units_are_ten_times_the_estimate():
    rng = np.random.default_rng(3)
    _, sales, exposure = simulate_censoring(rng.uniform(0.5, 6.0, 200), 8.0, 56, rng)
    small, large = (complete_demand(sales * times, exposure, alone(200)).incomplete for times in (1.0, 10.0))
    np.testing.assert_allclose(large.estimate, 10 * small.estimate, rtol=1e-9)
    np.testing.assert_allclose(large.variance, 100 * small.variance, rtol=1e-9)


def test_a_day_that_is_busy_elsewhere_is_busy_here():
    rng = np.random.default_rng(4)
    usual = np.repeat(np.where(np.arange(60) == 50, 20.0, 5.0)[:, None], 40, axis=1)
    demand = rng.poisson(usual).astype(float)
    exposure = np.ones(demand.shape)
    exposure[50, 0], demand[50, 0] = 0.5, 10.0
    made = complete_demand(demand, exposure, SeriesGroups(np.zeros(40, dtype=np.int64), np.arange(40)))
    assert made.demand[50, 0] == pytest.approx(20.0, rel=0.1)


def test_em_recovers_a_negative_binomial_from_flags_alone():
    rng = np.random.default_rng(5)
    demand = rng.negative_binomial(2.0, 2.0 / (2.0 + 4.0), size=(400, 300)).astype(float)
    stock = rng.poisson(4.0, size=demand.shape) + 1.0
    sales, flagged = np.minimum(demand, stock), demand >= stock
    fit = fit_censored(sales, flagged)
    assert fit.mean.mean() == pytest.approx(4.0, rel=0.02)
    assert np.median(fit.shape) == pytest.approx(2.0, rel=0.1)
    assert sales.mean() < 0.8 * 4.0


def test_em_without_flags_is_the_mean():
    sales = np.random.default_rng(2).poisson(3.0, size=(50, 4)).astype(float)
    np.testing.assert_allclose(fit_censored(sales, np.zeros(sales.shape, dtype=bool)).mean, sales.mean(axis=0))


def test_bounds_of_flagged_periods_are_those_of_draws_that_reached_the_sales():
    drawn = np.random.default_rng(6).negative_binomial(2.0, 2.0 / 6.0, size=400_000)
    reached = drawn[drawn >= 5]
    for probability in (0.05, 0.5, 0.95):
        found = censored_quantile(np.array([5.0]), np.array([4.0]), np.array([2.0]), probability)[0]
        assert found == np.quantile(reached, probability, method="inverted_cdf")
