"""Pooled weekday and yearly patterns."""

import numpy as np
import pytest

from pipelines.forecasting.seasonality import weekday_index, weekday_of, yearly_index

PATTERN = np.array([0.6, 0.7, 0.8, 0.9, 1.2, 1.6, 1.2])


def test_weekday_of_matches_the_calendar():
    dates = np.arange("2024-02-26", "2024-03-11", dtype="datetime64[D]")
    assert weekday_of(dates).tolist() == [date.weekday() for date in dates.astype(object)]


def test_the_pattern_is_found_where_the_evidence_is_and_shared_where_it_is_not():
    weekday = np.arange(140) % 7
    units = np.random.default_rng(0).poisson(20 * PATTERN[weekday][:, None] * np.ones(20)).astype(float)
    units[:, -1] = 0.0
    group = np.array([0] * 19 + [1])
    index = weekday_index(units, np.ones(units.shape), weekday, group)
    np.testing.assert_allclose(index[0], PATTERN / PATTERN.mean(), atol=0.03)
    np.testing.assert_allclose(index[-1], PATTERN / PATTERN.mean(), atol=0.03)
    np.testing.assert_allclose(index.mean(axis=1), 1.0)


def test_exposure_explains_a_weekday_that_is_always_half_closed():
    weekday = np.arange(70) % 7
    exposure = np.where(weekday == 6, 0.5, 1.0)[:, None] * np.ones(4)
    index = weekday_index(8.0 * exposure, exposure, weekday, np.zeros(4, dtype=int))
    np.testing.assert_allclose(index, 1.0)


def test_less_than_two_years_give_no_yearly_pattern():
    assert yearly_index(np.ones((727, 2)), np.ones((727, 2)), np.zeros(2, dtype=int)) is None


def test_the_yearly_pattern_lines_up_with_the_weeks_ahead():
    day = np.arange(3 * 364)
    season = 1.0 + 0.5 * np.sin(2 * np.pi * day / 364)
    index = yearly_index(10 * season[:, None] * np.ones(3), np.ones((len(day), 3)), np.zeros(3, dtype=int))
    ahead = 1.0 + 0.5 * np.sin(2 * np.pi * (np.arange(52) + 0.5) / 52)
    np.testing.assert_allclose(index[0], ahead, atol=0.03)
    assert index[0].mean() == pytest.approx(1.0)
