"""The frames of `make_forecast`: what planning and the decision marts rely on."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from pipelines.domain.policy import Policy
from pipelines.forecasting.forecast import make_forecast
from pipelines.forecasting.panel import build_panel

AS_OF = dt.date(2026, 6, 30)
SUMMARY = [
    "location_id",
    "item_id",
    "method",
    "mean_daily_units",
    "raw_mean_daily_units",
    "dispersion_k",
    "in_stock_days",
    "history_days",
    "protection_days",
    "protection_mean_units",
    "q50_units",
    "q90_units",
    "q95_units",
    "q98_units",
    "safety_stock_units",
    "reorder_point_units",
    "target_units",
    "uses_prior",
    "note",
]


def rows(location, item, units, exposure=1.0, end=AS_OF):
    dates = [end - dt.timedelta(days=len(units) - 1 - n) for n in range(len(units))]
    share = np.broadcast_to(exposure, len(units))
    sold = np.asarray(units, dtype=float)
    return pd.DataFrame(
        {
            "location_id": location,
            "item_id": item,
            "date": dates,
            "qty_ordered_units": sold,
            "qty_sold_units": sold,
            "in_stock_share": share,
        }
    )


def items(*names, **terms):
    defaults = {"category": "c", "supplier_lead_time_days": 7, "review_period_days": 7, "abc_class": "A"}
    return pd.DataFrame({"item_id": list(names)}).assign(**{**defaults, **terms})


def forecast(demand, terms):
    return make_forecast(demand, terms, AS_OF, Policy(), seed=1)


def test_a_constant_series_is_forecast_as_it_is():
    made = forecast(rows("A", "x", [6.0] * 140), items("x"))
    row = made.summary.iloc[0]
    assert row["mean_daily_units"] == pytest.approx(6.0)
    assert (row["protection_days"], row["history_days"], row["in_stock_days"]) == (14, 140, 56)
    assert row["protection_mean_units"] == pytest.approx(84.0)
    assert row["reorder_point_units"] == pytest.approx(42.0 + row["safety_stock_units"])
    assert row["target_units"] == pytest.approx(84.0 + row["safety_stock_units"])
    np.testing.assert_allclose(made.weekly["mean_units"], 42.0)
    assert made.weekly["week_start"].tolist() == [AS_OF + dt.timedelta(days=1 + 7 * h) for h in range(12)]
    assert made.tripwire.empty and not made.is_tripped_overall


def test_columns_are_those_of_the_contract():
    made = forecast(rows("A", "x", [1.0, 0.0, 2.0] * 30), items("x"))
    assert list(made.summary.columns) == SUMMARY
    assert list(made.weekly.columns) == ["location_id", "item_id", "week_index", "week_start", "mean_units"]


@pytest.mark.parametrize("days", [1, 3, 6, 8, 27, 29, 40])
def test_short_histories_give_finite_answers(days):
    demand = pd.concat([rows("A", "x", [2.0] * days), rows("B", "x", [0.0] * days), rows("B", "y", [1.0] * days, exposure=0.0)])
    made = forecast(demand, items("x", "y"))
    numbers = made.summary.select_dtypes("number").to_numpy()
    assert np.isfinite(numbers).all() and (numbers >= 0).all()
    assert made.weekly["mean_units"].notna().all()


def test_no_demand_at_all_gives_empty_frames():
    made = forecast(rows("A", "x", [1.0]).iloc[:0], items("x"))
    assert made.summary.empty and list(made.summary.columns) == SUMMARY and made.weekly.empty and made.tripwire.empty


def test_a_new_location_leans_on_the_item_elsewhere_and_says_so():
    demand = pd.concat([*(rows(place, "x", [8.0] * 140) for place in "ABC"), rows("D", "x", [0.0] * 3), rows("D", "y", [5.0] * 140)])
    row = forecast(demand, items("x", "y")).summary.set_index(["location_id", "item_id"]).loc[("D", "x")]
    assert row["uses_prior"] and "only 3 of the last 56 days in stock" in row["note"]
    assert 3.0 < row["mean_daily_units"] < 8.0
    assert row["q95_units"] > 1.5 * row["protection_mean_units"]


def test_own_history_before_a_long_stock_out_counts_more_than_analogies():
    demand = pd.concat([rows("A", "x", [10.0] * 100 + [0.0] * 60, exposure=[1.0] * 100 + [0.0] * 60), rows("B", "x", [1.0] * 160)])
    row = forecast(demand, items("x")).summary.iloc[0]
    assert row["uses_prior"]
    assert row["mean_daily_units"] == pytest.approx(10.0, rel=0.02)
    assert row["raw_mean_daily_units"] == 0.0


def test_stock_outs_raise_the_estimate_above_raw_sales():
    units, exposure = [4.0, 4.0, 2.0, 0.0] * 40, [1.0, 1.0, 0.5, 0.0] * 40
    row = forecast(rows("A", "x", units, exposure), items("x")).summary.iloc[0]
    assert row["raw_mean_daily_units"] == pytest.approx(2.5)
    assert row["mean_daily_units"] == pytest.approx(4.0, rel=0.02)


def test_a_drop_that_the_forecast_follows_too_slowly_trips_the_wire():
    rng = np.random.default_rng(6)
    falling = np.concatenate([np.full(60, 40.0), 40.0 * 0.97 ** np.arange(100)])
    demand = pd.concat([rows("A", "x", rng.poisson(falling)), *(rows("B", f"s{n}", rng.poisson(30.0, 160)) for n in range(20))])
    made = forecast(demand, items("x", *(f"s{n}" for n in range(20))))
    checked = made.backtest.set_index(["location_id", "item_id"])
    assert checked.loc[("A", "x"), "forecast_mae_units"] > checked.loc[("A", "x"), "four_week_mean_mae_units"]
    assert ("A", "x") in set(made.tripwire.itertuples(index=False, name=None))
    assert len(made.tripwire) <= 3 and not made.is_tripped_overall
    note = made.summary.set_index(["location_id", "item_id"]).loc[("A", "x"), "note"]
    assert note == "forecast lost to a four-week mean: transfers held back"


def test_missing_terms_fall_back_to_the_policy():
    terms = items("x", supplier_lead_time_days=None, review_period_days=None, abc_class=None, category=None)
    row = forecast(rows("A", "x", [3.0] * 120), terms).summary.iloc[0]
    service = Policy().service
    assert row["protection_days"] == service.default_supplier_lead_time_days + service.review_period_days


def test_service_class_orders_safety_stock_and_lead_time_variation_adds_to_it():
    demand = pd.concat([rows("A", name, np.random.default_rng(2).poisson(3.0, 168)) for name in ("a", "b", "c", "v")])
    terms = items("a", "b", "c", "v", abc_class=["A", "B", "C", "A"], supplier_lead_time_days_sd=[0, 0, 0, 4.0])
    stock = forecast(demand, terms).summary.set_index("item_id")["safety_stock_units"]
    assert stock["v"] > stock["a"] > stock["b"] > stock["c"] > 0


def test_the_textbook_stands_beside():
    made = forecast(rows("A", "x", np.random.default_rng(8).poisson(20.0, 168)), items("x"))
    cross = made.crosscheck.iloc[0]
    assert cross["textbook_safety_stock_units"] == pytest.approx(cross["safety_stock_units"], rel=0.25)


def test_panel_refuses_what_is_not_demand():
    good = rows("A", "x", [1.0, 2.0])
    with pytest.raises(ValueError, match="two rows"):
        build_panel(pd.concat([good, good]), AS_OF)
    with pytest.raises(ValueError, match="negative"):
        build_panel(rows("A", "x", [1.0, -2.0]), AS_OF)
    with pytest.raises(ValueError, match="in_stock_share"):
        build_panel(good.drop(columns="in_stock_share"), AS_OF)


def test_panel_knows_unknown_from_zero():
    panel = build_panel(pd.concat([rows("B", "x", [0.0, 3.0]), rows("A", "y", [5.0])]), AS_OF)
    assert panel.keys.to_numpy().tolist() == [["A", "y"], ["B", "x"]]
    np.testing.assert_array_equal(panel.units, [[np.nan, 5.0], [0.0, 3.0]])
    assert panel.dates[-1] == np.datetime64(AS_OF)
    assert build_panel(rows("B", "x", [7.0, 3.0]), AS_OF, history_days=1).units.tolist() == [[3.0]]
    assert build_panel(rows("B", "x", [7.0, 3.0]), AS_OF - dt.timedelta(days=1)).units.tolist() == [[7.0]]
