"""The global LightGBM: the same figures on any number of threads, and what the combined level cannot see."""

import numpy as np
import pytest

from pipelines.domain.demand import DemandRows, Frequency, KnownBeside
from pipelines.forecasting import boosting
from pipelines.forecasting.period_forecast import forecast_periods

ITEMS, DAYS = 60, 240
FIRST = np.datetime64("2025-03-03")


def rows_of(units, periods=DAYS):
    period, series = np.nonzero(np.ones((periods, ITEMS), dtype=bool))
    ids = np.array([f"i{n:02d}" for n in range(ITEMS)], dtype=object)
    zero, every = np.zeros(ITEMS, dtype=np.int32), np.arange(ITEMS, dtype=np.int32)
    place = np.array(["A"], dtype=object)
    return DemandRows(Frequency.D, FIRST, periods, place, ids, zero, every, series, period, units[period, series], None)


def ahead(rows, method, threads=1):
    return forecast_periods(rows, KnownBeside(), 14, method, 0, threads).mean_units


@pytest.fixture(scope="module")
def alternating():
    """Demand of every item swings week by week, out of step: the mean of the past says nothing of next week, the last week does."""
    rng = np.random.default_rng(0)
    week = np.arange(DAYS + 14)[:, None] // 7
    rate = np.where((week + np.arange(ITEMS)[None, :]) % 2 == 0, 8.0, 2.0)
    return rng.poisson(rate).astype(float)


def test_threads_change_nothing(alternating, monkeypatch):
    monkeypatch.setattr(boosting, "ROWS", 60_000)
    one, two = (ahead(rows_of(alternating), "ml", threads) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one >= 0).all() and np.isfinite(one).all()


def test_trees_learn_what_the_level_cannot_see(alternating, monkeypatch):
    monkeypatch.setattr(boosting, "ROWS", 60_000)
    came = alternating[DAYS - 6 : DAYS + 8].T[:, :14]
    errors = {}
    for method in ("core", "ml"):
        errors[method] = np.abs(ahead(rows_of(alternating, DAYS - 6), method) - came).mean()
    assert errors["ml"] < 0.9 * errors["core"]


def test_a_panel_too_short_to_learn_from_stays_with_the_core(alternating):
    short = rows_of(alternating, 20)
    np.testing.assert_allclose(ahead(short, "ml"), ahead(short, "core"))
