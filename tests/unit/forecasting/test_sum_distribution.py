"""The negative binomial of a sum, its quantiles and safety stock, against published figures and exact identities."""

from statistics import NormalDist

import numpy as np
import pytest

from pipelines.forecasting.distribution import (
    dispersion,
    fit_sum,
    negative_binomial_cdf,
    negative_binomial_quantile,
    textbook_safety_stock,
)
from pipelines.forecasting.spread import PastErrors

POISSON = np.array([1e6])


def one(value):
    return np.array([float(value)])


def newsvendor_cost(target, mean, holding, shortage):
    """Expected cost from the distribution function: E[(S - D)+] = sum of F(x) for x < S."""
    below = negative_binomial_cdf(np.arange(target, dtype=float), np.full(target, float(mean)), np.full(target, 1e11)).sum()
    return holding * below + shortage * (mean - target + below)


@pytest.mark.parametrize(
    ("holding", "shortage", "mean", "target", "cost"),
    [(0.18, 0.70, 50, 56, 1.797235212), (1.0, 4.0, 6, 8, 3.570106945770946)],
)
def test_poisson_newsvendor_of_stockpyl(holding, shortage, mean, target, cost):
    ratio = shortage / (shortage + holding)
    assert negative_binomial_quantile(one(ratio), one(mean), POISSON)[0] == target
    assert newsvendor_cost(target, mean, holding, shortage) == pytest.approx(cost, rel=1e-6)


@pytest.mark.parametrize(("lead_days", "published"), [(0, 56.603955927), (4, 264.766894374)])
def test_normal_newsvendor_of_stockpyl_from_the_textbook_formula(lead_days, published):
    days = lead_days + 1.0
    assert 50.0 * days + textbook_safety_stock(one(0.70 / 0.88), days, 8.0, 50.0, 0.0)[0] == pytest.approx(published, abs=1e-8)


def test_textbook_safety_stock_published():
    assert NormalDist().inv_cdf(0.95) == pytest.approx(1.644854, abs=5e-7)
    assert textbook_safety_stock(one(0.95), 4, 10, 0, 0)[0] == pytest.approx(32.897, abs=5e-4)
    assert textbook_safety_stock(one(0.95), 5, 20, 100, 1.5)[0] == pytest.approx(257.460, abs=5e-4)


@pytest.mark.parametrize("k", [0.3, 2.0, 50.0])
def test_cdf_sums_the_mass_function(k):
    from scipy.stats import nbinom

    units = np.arange(0, 40, dtype=float)
    exact = nbinom.cdf(units, k, k / (k + 7.0))
    np.testing.assert_allclose(negative_binomial_cdf(units, np.full(40, 7.0), np.full(40, k)), exact, atol=1e-12)


def test_quantile_is_the_smallest_whole_number_that_reaches():
    rng = np.random.default_rng(0)
    mean, k, share = rng.gamma(1.0, 30.0, 500), rng.gamma(1.0, 2.0, 500) + 0.01, rng.uniform(0.01, 0.999, 500)
    found = negative_binomial_quantile(share, mean, k)
    assert np.all(negative_binomial_cdf(found, mean, k) >= share)
    assert np.all(negative_binomial_cdf(found - 1, mean, k) < share)


def test_moments_give_back_the_variance():
    mean, variance = np.array([3.0, 80.0]), np.array([12.0, 400.0])
    k = dispersion(mean, variance)
    np.testing.assert_allclose(mean + mean**2 / k, variance)


def test_variable_lead_time_reaches_the_service_that_a_normal_misses():
    """d = 20, L ~ 5 days with sd 2 (NB days): the negative binomial of the sum holds 95 %, ignoring var(L) does not."""
    rng = np.random.default_rng(3)
    lead = rng.gamma(6.25, 0.8, 40_000)
    sums = rng.poisson(20.0 * lead)
    mean, spread = one(100.0), 100.0 + 20.0**2 * lead.var()
    with_lead = negative_binomial_quantile(one(0.95), mean, dispersion(mean, one(spread)))[0]
    without = negative_binomial_quantile(one(0.95), mean, POISSON)[0]
    assert (sums <= with_lead).mean() == pytest.approx(0.95, abs=0.01)
    assert (sums <= without).mean() < 0.75


def simulated_errors(k, series=300, windows=20, seed=1):
    rng = np.random.default_rng(seed)
    mean = np.sort(rng.gamma(2.0, 10.0, series)) + 1.0
    actual = rng.negative_binomial(k, k / (k + mean[:, None]), size=(series, windows)).astype(float)
    forecast = np.broadcast_to(mean[:, None], actual.shape).copy()
    errors = PastErrors(forecast, actual, np.ones(actual.shape, dtype=bool), np.full(series, float(windows)))
    return mean, errors, rng


def test_fitted_quantiles_cover_what_they_promise():
    mean, errors, rng = simulated_errors(k=4.0)
    fitted = fit_sum(mean, errors, np.zeros(300), np.ones(300))
    fresh = rng.negative_binomial(4.0, 4.0 / (4.0 + mean[:, None]), size=(300, 400))
    for share in (0.5, 0.9, 0.95):
        assert (fresh <= fitted.quantile(share)[:, None]).mean() == pytest.approx(share, abs=0.03)


def test_without_past_errors_the_sum_is_poisson_and_lead_time_widens_it():
    errors = PastErrors(np.zeros((2, 0)), np.zeros((2, 0)), np.zeros((2, 0), dtype=bool), np.zeros(2))
    mean = np.array([10.0, 10.0])
    plain = fit_sum(mean, errors, np.zeros(2), np.ones(2))
    np.testing.assert_allclose(plain.variance_units2, mean)
    np.testing.assert_allclose(plain.quantile(0.95), 15.0)
    wider = fit_sum(mean, errors, np.array([0.0, 90.0]), np.ones(2))
    assert wider.quantile(0.95)[1] > wider.quantile(0.95)[0]
    assert wider.variance_units2[1] == pytest.approx(100.0)


def test_quantiles_rise_with_their_share():
    mean, errors, _ = simulated_errors(k=1.0, series=90)
    fitted = fit_sum(mean, errors, np.zeros(90), np.ones(90))
    quantiles = np.array([fitted.quantile(share) for share in (0.5, 0.9, 0.95, 0.98)])
    assert np.all(np.diff(quantiles, axis=0) >= 0) and np.all(quantiles >= 0)


def test_a_comeback_after_a_forecast_of_nothing_does_not_explode_the_quantiles():
    forecast = np.full((1, 10), 1e-6)
    actual = np.zeros((1, 10))
    actual[0, -1] = 40.0
    errors = PastErrors(forecast, actual, np.ones((1, 10), dtype=bool), one(10.0))
    assert fit_sum(one(2.0), errors, np.zeros(1), np.ones(1)).quantile(0.98)[0] <= 80.0
