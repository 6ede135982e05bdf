"""Pooled patterns of weekday, day of the month and year, and the days that teach none of them."""

import numpy as np
import pandas as pd
import pytest

from pipelines.forecasting.calendar_pattern import Evidence, calendar_factors, month_day_of
from pipelines.forecasting.pooling import Pools, make_pools
from pipelines.forecasting.seasonality import weekday_of, yearly_factors
from pipelines.forecasting.unusual_days import unusual_days

PATTERN = np.array([0.6, 0.7, 0.8, 0.9, 1.2, 1.6, 1.2])
START = np.datetime64("2024-01-01")


def days(count, start=START):
    return start + np.arange(count)


def pools(locations, items, categories=1):
    keys = pd.DataFrame({"location_id": np.repeat(np.arange(locations), items), "item_id": np.tile(np.arange(items), locations)})
    return make_pools(keys, keys["item_id"] % categories)


def test_weekday_of_matches_the_calendar():
    dates = np.arange("2024-02-26", "2024-03-11", dtype="datetime64[D]")
    assert weekday_of(dates).tolist() == [date.weekday() for date in dates.astype(object)]
    assert month_day_of(dates).tolist() == [date.day - 1 for date in dates.astype(object)]


def test_the_pattern_is_found_where_the_evidence_is_and_shared_where_it_is_not():
    weekday = weekday_of(days(84))
    units = np.random.default_rng(0).poisson(20 * PATTERN[weekday][:, None] * np.ones(20)).astype(float)
    units[:, -1] = 0.0
    group = np.array([0] * 19 + [1])
    own = Pools(np.arange(20), group, np.zeros(20, dtype=int), group)
    past, ahead = calendar_factors(Evidence(units, np.ones(units.shape), days(84)), own, days(14, START + 84))
    for factors in (past[:, 0], past[:, -1], ahead[:, 0], ahead[:, -1]):
        np.testing.assert_allclose(factors, (PATTERN / PATTERN.mean())[np.resize(weekday, len(factors))], atol=0.04)


def test_exposure_explains_a_weekday_that_is_always_half_closed():
    exposure = np.where(weekday_of(days(70)) == 6, 0.5, 1.0)[:, None] * np.ones(4)
    past, _ = calendar_factors(Evidence(8.0 * exposure, exposure, days(70)), pools(2, 2), days(7, START + 70))
    np.testing.assert_allclose(past, 1.0, atol=1e-6)


def payday_panel(months):
    """40 items at two places: on the first three days of the month one category sells half as much again, the other as ever."""
    dates = days(int(months * 30.4))
    of = pools(2, 40, categories=2)
    lift = np.where((month_day_of(dates) < 3)[:, None] & (of.category == 0)[None, :], 1.5, 1.0)
    units = np.random.default_rng(1).poisson(6.0 * lift).astype(float)
    return Evidence(units, np.ones(units.shape), dates), of


def test_days_of_the_month_are_learnt_where_they_matter():
    evidence, of = payday_panel(10)
    ahead = days(31, np.datetime64("2025-01-01"))
    _, factors = calendar_factors(evidence, of, ahead)
    usual = factors[5:].mean(axis=0)
    lift = factors[:3].mean(axis=0) / usual
    assert lift[of.category == 0].mean() == pytest.approx(1.5, abs=0.06)
    assert lift[of.category == 1].mean() == pytest.approx(1.0, abs=0.03)


def test_two_months_say_nothing_about_days_of_the_month():
    evidence, of = payday_panel(2)
    _, factors = calendar_factors(evidence, of, days(28, np.datetime64("2025-01-01")))
    np.testing.assert_allclose(factors[:7], factors[21:28])


def test_a_closed_holiday_is_unusual_and_a_new_habit_is_not():
    weekday = weekday_of(days(120))
    units = np.random.default_rng(2).poisson(5 * PATTERN[weekday][:, None] * np.ones(80)).astype(float)
    location = np.repeat([0, 1], 40)
    units[60, location == 0] = 0.0
    units[110:, location == 1] *= 3.0
    flags = unusual_days(units, np.ones(units.shape), location, weekday)
    assert np.flatnonzero(flags[:, 0]).tolist() == [60]
    assert not flags[110:, 1].any()


def test_a_few_slow_series_are_never_called_unusual():
    units = np.random.default_rng(3).poisson(0.3, size=(120, 10)).astype(float)
    assert not unusual_days(units, np.ones(units.shape), np.zeros(10, dtype=int), weekday_of(days(120))).any()


@pytest.mark.parametrize("per_week", [7, 1])
def test_less_than_two_years_give_no_yearly_pattern(per_week):
    units = np.ones((104 * per_week - 1, 2))
    assert yearly_factors(units, units, pools(1, 2), per_week) is None


@pytest.mark.parametrize("per_week", [7, 1])
def test_the_yearly_pattern_lines_up_with_the_weeks_ahead(per_week):
    year = 52 * per_week
    season = 1.0 + 0.5 * np.sin(2 * np.pi * np.arange(3 * year) / year)
    units = np.random.default_rng(4).poisson(10 * season[:, None] * np.ones(30)).astype(float)
    index = yearly_factors(units, np.ones(units.shape), pools(1, 30), per_week)
    ahead = 1.0 + 0.5 * np.sin(2 * np.pi * (np.arange(52) + 0.5 * (per_week > 1)) / 52)
    np.testing.assert_allclose(index.mean(axis=1), ahead / ahead.mean(), atol=0.05)
    np.testing.assert_allclose(index.mean(axis=0), 1.0, atol=0.01)


def test_years_that_do_not_agree_give_no_season():
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        units = rng.poisson(50 * np.exp(0.5 * rng.standard_normal((104, 1))) * np.ones(10)).astype(float)
        found.append(np.abs(yearly_factors(units, np.ones(units.shape), pools(1, 10), 1) - 1.0).mean())
    assert np.mean(found) < 0.05
