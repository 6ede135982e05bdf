"""The detector by simulation: few false alarms at every rate, doublings seen as counts allow, and nothing learned from the future."""

import numpy as np
import pytest

from pipelines.forecasting.detector import find_alarms

WARM_UP_WEEKS, YEARS = 52, 1.5
# Units per week and weekly k of the negative binomial; 0 is Poisson.
RATES = {"fast": 25.0, "mid": 8.0, "slow": 1.5}


def draw(rng: np.random.Generator, mean: float, k: float, shape: tuple[int, int]) -> np.ndarray:
    return rng.poisson(mean * rng.gamma(k, 1.0 / k, shape) if k else mean, shape).astype(float)


@pytest.mark.parametrize("k", [0, 14, 4])
@pytest.mark.parametrize("name", RATES)
def test_false_alarms_are_a_tenth_per_item_and_year_at_most(name: str, k: float):
    series = 1200
    units = draw(np.random.default_rng([7, int(k), len(name)]), RATES[name], k, (WARM_UP_WEEKS + int(52 * YEARS), series))
    alarms = find_alarms(units, np.ones_like(units)).sign[WARM_UP_WEEKS:]
    rate = (alarms != 0).sum() / series / YEARS
    print(f"\n{name}, k {k}: {rate:.3f} false alarms per item-year over {series * YEARS:.0f}")
    assert rate <= 0.1 + 3 * np.sqrt(0.1 / (series * YEARS))


@pytest.mark.parametrize(("mean", "least"), [(20.0, 0.96), (4.0, 0.18)])
def test_a_doubling_is_seen_within_four_weeks(mean: float, least: float):
    rng, series = np.random.default_rng(11), 1500
    before, after = draw(rng, mean, 0, (56, series)), draw(rng, 2 * mean, 0, (4, series))
    sign = find_alarms(np.vstack([before, after]), np.ones((60, series))).sign
    assert (sign[56:] > 0).any(axis=0).mean() >= least


def test_a_week_is_judged_by_what_came_before_it():
    rng = np.random.default_rng(3)
    units, exposure = draw(rng, 6.0, 4, (80, 50)), rng.uniform(0.3, 1.0, (80, 50))
    whole = find_alarms(units, exposure)
    for cut in (20, 50, 79):
        part = find_alarms(units[:cut], exposure[:cut])
        assert (part.sign == whole.sign[:cut]).all()
        assert np.array_equal(part.baseline_units, whole.baseline_units[:cut], equal_nan=True)


def test_weeks_out_of_stock_are_no_drop_and_a_shorter_week_is_held_against_less():
    rng = np.random.default_rng(4)
    exposure = np.ones((70, 400))
    exposure[56:] = 0.2
    units = draw(rng, 12.0, 0, (70, 400)) * (exposure > 0.5)
    assert not find_alarms(units, exposure).sign[56:].any()
    half = np.ones((70, 400))
    half[56:] = 0.55
    sold = rng.poisson(12.0 * half).astype(float)
    assert (find_alarms(sold, half).sign[56:] != 0).any(axis=0).mean() < 0.05
    assert (find_alarms(sold, np.ones_like(half)).sign[56:] < 0).any(axis=0).mean() > 0.5


def test_one_week_alone_is_no_change():
    units = np.full((60, 1), 10.0)
    units[57] = 500.0
    assert find_alarms(units, np.ones((60, 1))).sign[:59].any() == 0
