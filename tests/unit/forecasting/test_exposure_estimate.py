"""Rates by exposure, by hand."""

import numpy as np
import pytest

from pipelines.forecasting.exposure import SeriesGroups, borrow_rate, estimate_rate

ALONE = SeriesGroups(np.array([0]), np.array([0]))


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


def test_one_series_with_nobody_to_learn_from_keeps_its_own_rate():
    estimate = estimate_rate(np.full((30, 1), 2.0), np.ones((30, 1)), ALONE)
    assert estimate.daily_units[0] == pytest.approx(2.0)
