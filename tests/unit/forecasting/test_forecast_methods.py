"""Forecast methods by hand: origins, launches, exposure, decay. Published figures stand in test_reference_cases."""

import numpy as np
import pytest

from pipelines.forecasting.combine import combined_level
from pipelines.forecasting.methods import croston, moving_average, smooth, tsb

SERIES = np.array([0, 0, 5, 0, 0, 0, 3, 0, 4, 0, 0, 2, 0, 0, 0, 0, 6, 0, 1, 0, 0, 0, 2, 0], dtype=float)


@pytest.mark.parametrize("method", [smooth, croston, tsb, moving_average])
def test_levels_at_origins_equal_those_of_the_truncated_panel(method):
    units = np.random.default_rng(1).poisson(1.5, size=(40, 7)).astype(float)
    traced = method(units, at=[40, 25, 8])
    for column, end in enumerate((40, 25, 8)):
        np.testing.assert_array_equal(traced[:, column], method(units[:end])[:, 0])


@pytest.mark.parametrize("method", [smooth, croston, tsb, moving_average])
def test_unknown_days_before_the_launch_change_nothing(method):
    launched = np.vstack([np.full((30, 1), np.nan), SERIES[:, None]])
    assert method(launched)[0, 0] == pytest.approx(method(SERIES[:, None])[0, 0], abs=1e-12)


@pytest.mark.parametrize("method", [smooth, croston, tsb, moving_average])
def test_a_series_never_known_has_no_level(method):
    assert np.isnan(method(np.full((10, 1), np.nan))[0, 0])


@pytest.mark.parametrize("method", [smooth, croston, tsb, moving_average])
def test_half_the_exposure_doubles_the_level(method):
    units = SERIES[:, None]
    half = method(units, np.full(units.shape, 0.5))[0, 0]
    assert half == pytest.approx(2.0 * method(units)[0, 0], rel=1e-12)


def test_tsb_decays_after_the_last_sale_and_sba_does_not():
    ended = np.concatenate([np.full(30, 4.0), np.zeros(60)])[:, None]
    decaying = tsb(ended, at=[30, 60, 90])[0]
    assert decaying[0] > 10 * decaying[1] > 100 * decaying[2] > 0
    lasting = croston(ended, debias=True, at=[30, 90])[0]
    assert lasting[0] == lasting[1] > 3


def test_moving_average_is_a_ratio_of_sums():
    units = np.array([[9.0], [3.0], [1.0]])
    exposure = np.array([[1.0], [1.0], [0.25]])
    assert moving_average(units, exposure, window_days=2)[0, 0] == pytest.approx(4.0 / 1.25)


def test_the_combination_is_bounded_by_its_methods_and_exact_on_a_constant():
    constant = np.full((80, 1), 5.0)
    assert combined_level(constant, np.ones((80, 1)))[0, 0] == pytest.approx(5.0)
    units = np.random.default_rng(4).poisson(0.7, size=(120, 50)).astype(float)
    level = combined_level(units, np.ones(units.shape))[:, 0]
    assert np.all((level >= 0) & (level <= units.max(axis=0)))


def test_an_origin_outside_the_history_is_refused():
    with pytest.raises(ValueError, match="between 1 and 24"):
        smooth(SERIES[:, None], at=[25])
