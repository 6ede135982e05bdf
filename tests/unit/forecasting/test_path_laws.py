"""Paths against the laws they follow: their sums take the laws' quantiles at every horizon; simulated truth is covered by class."""

import datetime as dt

import numpy as np
import pytest

from pipelines.domain.demand import DemandRows, Frequency, KnownBeside
from pipelines.forecasting.calibration import SHARES, make_bins, reached_shares, stated_shares
from pipelines.forecasting.period_forecast import forecast_periods
from pipelines.forecasting.sample_paths import PATHS, follow_sums

AHEAD = 4


def world(seed, series=120, weeks=60, freq=Frequency.D):
    """Units (N, periods): levels that drift by a random walk, negative binomial periods; a third slow, a third mid, a third fast."""
    rng = np.random.default_rng(seed)
    season = freq.season
    rate = np.repeat([0.15, 1.2, 6.0], series // 3) * (7 if season == 1 else 1) * rng.gamma(4.0, 0.25, series)
    walk = np.exp(rng.normal(0.0, 0.08, (series, weeks)).cumsum(axis=1))
    mean = np.repeat(rate[:, None] * walk, season, axis=1)
    return rng.poisson(mean * rng.gamma(3.0, 1.0 / 3.0, mean.shape)).astype(float)


def rows_of(units, freq, scale=1.0):
    series, periods = units.shape
    place, when = np.indices(units.shape)
    return DemandRows(
        freq,
        np.datetime64(dt.date(2025, 1, 6)),
        periods,
        np.array(["A"]),
        np.array([f"i{n:03d}" for n in range(series)]),
        np.zeros(series, dtype=np.int64),
        np.arange(series),
        place.ravel(),
        when.ravel(),
        units.ravel() * scale,
        None,
    )


def forecast(units, freq, seed=0, scale=1.0):
    return forecast_periods(rows_of(units, freq, scale), KnownBeside(), AHEAD * freq.season, "core", seed)


@pytest.mark.parametrize("freq", [Frequency.D, Frequency.W])
def test_sums_of_paths_cover_simulated_demand_at_every_horizon(freq):
    hits = {weeks: [] for weeks in (1, 2, 4)}
    singles = []
    for seed in range(6):
        units = world(seed, freq=freq)
        cut = units.shape[1] - AHEAD * freq.season
        made = forecast(units[:, :cut], freq)
        came = units[:, cut:].reshape(len(units), AHEAD, -1).sum(axis=2)
        drawn = made.paths(slice(None))
        for weeks, found in hits.items():
            found.append(came[:, :weeks].sum(axis=1) <= np.quantile(drawn[:, :, :weeks].sum(axis=2), 0.95, axis=1))
        singles.append(units[:, cut:] <= made.quantiles(slice(None))["q95"])
    for weeks, found in hits.items():
        share = np.mean(found, axis=0).reshape(3, -1).mean(axis=1)
        assert share == pytest.approx(0.955, abs=0.045), f"{weeks} weeks, slow mid fast: {share}"
    assert 0.93 <= np.mean(singles) <= 0.985


@pytest.mark.parametrize("scale", [1.0, 0.37], ids=["counts", "amounts"])
def test_running_sums_take_the_quantiles_of_their_laws(scale):
    made = forecast(world(1)[:, :-28], Frequency.D, scale=scale)
    drawn = made.paths(slice(None)).cumsum(axis=2)
    for week in (1, 2, 4):
        running = made.weekly_mean_units[:, :week].sum(axis=1, keepdims=True)
        stated = made.sums.stated(np.array([0.5, 0.9, 0.95]), week, slice(None))
        law = made._draw(made.sums, running, week, slice(None), stated)
        found = np.quantile(drawn[:, :, week - 1], [0.5, 0.9, 0.95], axis=1).T
        assert np.mean(np.abs(found - law) <= 1.0 * scale + 0.02 * law) >= 0.97
    assert np.all(drawn[:, :, 1:] >= drawn[:, :, :-1]) and np.all(drawn >= 0)
    if scale == 1.0:
        assert np.array_equal(drawn, np.floor(drawn))


def test_paths_hang_together_over_weeks_and_are_those_of_the_series_alone():
    units = world(2)[:, :-28]
    made = forecast(units, Frequency.D)
    drawn = made.paths(slice(None))
    fast = drawn[-40:]
    together = np.mean([np.corrcoef(one[:, 0], one[:, 3])[0, 1] for one in fast])
    assert 0.05 < together < 0.95
    assert np.array_equal(drawn[10:20], made.paths(slice(10, 20))) and drawn.shape == (120, PATHS, AHEAD)
    assert not np.array_equal(drawn, forecast(units, Frequency.D, seed=1).paths(slice(None)))


def test_mapping_keeps_the_order_and_never_falls():
    rng = np.random.default_rng(0)
    raw = rng.poisson(1.0, (50, PATHS, 3)).astype(float)
    wanted = np.sort(rng.poisson(np.array([1.0, 2.0, 3.0]) * 1.5, (50, PATHS, 3)), axis=1).astype(float)
    level = rng.random((50, PATHS))
    made = follow_sums(raw, level, wanted)
    assert np.all(made >= 0)
    np.testing.assert_array_equal(np.sort(made[:, :, 0], axis=1), wanted[:, :, 0])
    order = np.lexsort((level, raw[:, :, 0]), axis=1)
    assert np.all(np.diff(np.take_along_axis(made[:, :, 0], order, axis=1), axis=1) >= 0)


def test_shares_reached_turn_a_law_that_is_too_narrow_into_one_that_holds():
    rng = np.random.default_rng(0)
    came = rng.random(4000) ** 0.5
    reached = reached_shares(came, came, np.zeros(4000, dtype=int), 1, 1.0)
    wanted = np.array([0.5, 0.9, 0.95])
    np.testing.assert_allclose((came[:, None] <= stated_shares(reached, wanted)[0]).mean(axis=0), wanted, atol=0.01)
    nothing = reached_shares(came[:0], came[:0], np.zeros(0, dtype=int), 1, 1.0)
    np.testing.assert_allclose(nothing[0], SHARES)


def test_bins_pool_by_volume_and_keep_fallen_series_apart():
    units = np.linspace(1.0, 100.0, 2000)
    is_low = np.arange(2000) % 4 == 0
    bins = make_bins(units, is_low, 2000.0)
    place = bins.place(units, is_low)
    assert bins.count == 12 + 2 and set(place[is_low].tolist()) == {12, 13}
    assert np.bincount(place[~is_low]).min() >= 100
    assert make_bins(units[:5], is_low[:5], 5.0).count == 1
