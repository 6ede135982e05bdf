"""What must hold of a forecast whatever the demand: order, scale, exposure, sanity, the future unseen."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.policy import Policy
from pipelines.forecasting.forecast import make_forecast

AS_OF = dt.date(2026, 3, 31)
ITEMS = pd.DataFrame(
    {
        "item_id": ["i0", "i1", "i2"],
        "category": ["p", "q", "q"],
        "supplier_lead_time_days": [7, 14, None],
        "review_period_days": [7, None, 14],
        "abc_class": ["A", "B", None],
    }
)


def world(seed, days, rate, stock_outs):
    """Random demand rows of three items at three places, launched at different times, with stock-outs and missing days."""
    rng = np.random.default_rng(seed)
    parts = []
    for place in ("P", "Q", "R"):
        for item in ITEMS["item_id"]:
            length = int(rng.integers(1, days + 1))
            exposure = np.where(rng.random(length) < stock_outs, rng.choice([0.0, 0.25, 0.5, 1.0], length), 1.0)
            sold = np.floor(rng.negative_binomial(1.0, 1.0 / (1.0 + rate), length) * exposure)
            dates = [AS_OF - dt.timedelta(days=n) for n in range(length)]
            frame = {"location_id": place, "item_id": item, "date": dates, "qty_sold_units": sold, "in_stock_share": exposure}
            parts.append(pd.DataFrame(frame)[rng.random(length) < 0.95])
    return pd.concat(parts, ignore_index=True)


WORLDS = st.builds(
    world, st.integers(0, 10**6), st.sampled_from([5, 30, 90, 200]), st.sampled_from([0.2, 2.0, 30.0]), st.sampled_from([0.0, 0.4])
)


def forecast(demand):
    return make_forecast(demand, ITEMS, AS_OF, Policy(), seed=0)


@settings(max_examples=25, deadline=None)
@given(WORLDS)
def test_never_negative_never_null_quantiles_in_order(demand):
    made = forecast(demand)
    for frame in (made.weekly, made.summary, made.backtest, made.crosscheck):
        assert not frame.isna().any().any()
        numbers = frame.select_dtypes("number").to_numpy(dtype=float)
        assert np.isfinite(numbers).all()
    assert (made.summary.select_dtypes("number").to_numpy() >= 0).all() and (made.weekly["mean_units"] >= 0).all()
    quantiles = made.summary[["q50_units", "q90_units", "q95_units", "q98_units"]].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    largest = demand["qty_sold_units"].max()
    assert (made.summary["q98_units"] <= 10 * (largest + 1) * made.summary["protection_days"]).all()
    assert (made.summary["target_units"] >= made.summary["protection_mean_units"]).all()


@settings(max_examples=15, deadline=None)
@given(WORLDS, st.integers(0, 1000))
def test_the_order_of_rows_plays_no_part(demand, seed):
    shuffled = demand.sample(frac=1.0, random_state=seed)
    first, second = forecast(demand), make_forecast(shuffled, ITEMS.iloc[::-1], AS_OF, Policy(), seed=0)
    for name in ("weekly", "summary", "backtest", "crosscheck"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name), check_exact=True)


@settings(max_examples=15, deadline=None)
@given(WORLDS)
def test_ten_times_the_units_are_ten_times_the_mean(demand):
    larger = demand.assign(qty_sold_units=demand["qty_sold_units"] * 10)
    closed = (demand["in_stock_share"] == 0) & (demand["qty_sold_units"] > 0)
    assert not closed.any()
    first, second = forecast(demand), forecast(larger)
    np.testing.assert_allclose(second.weekly["mean_units"], 10 * first.weekly["mean_units"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(second.summary["protection_mean_units"], 10 * first.summary["protection_mean_units"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_more_exposure_with_the_same_sales_lowers_the_estimate(seed):
    rng = np.random.default_rng(seed)
    dates = [AS_OF - dt.timedelta(days=n) for n in range(120)]
    sold = rng.poisson(3.0, 120) + 1.0
    low = rng.choice([0.4, 0.7, 1.0], 120)
    means = []
    for exposure in (low, np.minimum(low + 0.2, 1.0), np.ones(120)):
        frame = {"location_id": "P", "item_id": "i0", "date": dates, "qty_sold_units": sold, "in_stock_share": exposure}
        means.append(forecast(pd.DataFrame(frame)).summary["mean_daily_units"].iloc[0])
    assert means[0] > means[1] > means[2]


@settings(max_examples=10, deadline=None)
@given(WORLDS)
def test_rows_after_as_of_are_not_seen(demand):
    later = demand.assign(date=[day + dt.timedelta(days=400) for day in demand["date"]], qty_sold_units=999.0)
    first, second = forecast(demand), forecast(pd.concat([demand, later]))
    pd.testing.assert_frame_equal(first.summary, second.summary, check_exact=True)
