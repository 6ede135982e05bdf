"""Events and prices known ahead: declared, learnt from their like, and without effect where nothing is known."""

import numpy as np
import pytest

from pipelines.domain.demand import DemandRows, Frequency, KnownBeside, KnownEvent, PriceRows
from pipelines.forecasting.period_forecast import forecast_periods

FIRST = np.datetime64("2025-06-02")
DAYS, ITEMS = 140, 30


def rows_of(units):
    periods, series = units.shape
    period, place = np.nonzero(np.ones(units.shape, dtype=bool))
    ids = np.array([f"i{n:02d}" for n in range(series)], dtype=object)
    zero, every = np.zeros(series, dtype=np.int32), np.arange(series, dtype=np.int32)
    return DemandRows(Frequency.D, FIRST, periods, np.array(["A"], dtype=object), ids, zero, every, place, period, units.ravel(), None)


def events(kind, *days, scope="network", scope_id="", uplift=None):
    return tuple(KnownEvent(scope, scope_id, kind, FIRST + day, FIRST + day + 1, uplift) for day in days)


def mean_ahead(units, beside):
    return forecast_periods(rows_of(units), beside, 14, "core", 0).mean_units


def steady(rate=8.0, seed=0):
    return np.random.default_rng(seed).poisson(rate, size=(DAYS, ITEMS)).astype(float)


def test_an_uplift_is_learnt_from_past_events_of_its_kind():
    units = steady()
    past = events("fair", 20, 60, 100)
    for event in past:
        day = int((event.start - FIRST).astype(int))
        units[day : day + 2] *= 2.0
    ahead = events("fair", DAYS + 3) + events("parade", DAYS + 8)
    plain, known = mean_ahead(units, KnownBeside(events=past)), mean_ahead(units, KnownBeside(events=past + ahead))
    lift = known.sum(axis=0) / plain.sum(axis=0)
    assert lift[3:5] == pytest.approx(2.0, abs=0.2)
    assert np.delete(lift, [3, 4]) == pytest.approx(1.0, abs=0.01)
    assert plain.mean() == pytest.approx(8.0, rel=0.03), "past events do not lift the level"


def test_a_declared_uplift_is_taken_as_declared_where_it_is_declared():
    units = steady()
    event = events("promotion", DAYS + 1, scope="item", scope_id="i07", uplift=0.5)
    lift = mean_ahead(units, KnownBeside(events=event)) / mean_ahead(units, KnownBeside())
    assert lift[7, 1:3] == pytest.approx(1.5) and lift[7, 3:] == pytest.approx(1.0) and np.delete(lift, 7, axis=0) == pytest.approx(1.0)


def price_rows(changes):
    """`changes`: (day, item or None for all, price)."""
    made = [(np.datetime64(FIRST + day), n, price) for day, item, price in changes for n in (range(ITEMS) if item is None else [item])]
    days, item, price = zip(*made, strict=True)
    return PriceRows(np.full(len(made), -1), np.array(item), np.array(days, dtype="datetime64[D]"), np.array(price, dtype=float))


def test_a_price_cut_ahead_lifts_demand_as_much_as_past_ones_did():
    units = steady()
    changes = [(0, None, 10.0)]
    for day in (30, 70, 110):
        units[day : day + 7] *= (10 / 8) ** 2.0
        changes += [(day, None, 8.0), (day + 7, None, 10.0)]
    cut = [*changes, (DAYS, 3, 8.0)]
    usual, lower = (mean_ahead(units, KnownBeside(prices=price_rows(sorted(rows)))) for rows in (changes, cut))
    assert (lower[3] / usual[3])[:3] == pytest.approx((10 / 8) ** 2.0, rel=0.12)
    assert np.delete(lower / usual, 3, axis=0) == pytest.approx(1.0)


def test_prices_that_never_changed_change_nothing():
    units = steady()
    prices = price_rows([(0, None, 10.0)])
    np.testing.assert_allclose(mean_ahead(units, KnownBeside(prices=prices)), mean_ahead(units, KnownBeside()))
