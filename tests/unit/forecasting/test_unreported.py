"""A location that sent nothing says nothing: no zero demand is learned from its silence."""

import datetime as dt

import pandas as pd
import pytest

from pipelines.domain.policy import Policy
from pipelines.forecasting.forecast import make_forecast
from pipelines.forecasting.unreported import settle_unreported

FIRST = dt.date(2026, 1, 5)


def frames(silent_days):
    days = [FIRST + dt.timedelta(days=n) for n in range(56)]
    demand = pd.DataFrame(
        {
            "location_id": "A",
            "item_id": "x",
            "date": pd.to_datetime(days),
            "qty_ordered_units": 0,
            "qty_sold_units": [0 if n in silent_days else 4 for n in range(56)],
            "in_stock_share": 1.0,
        }
    )
    reported = [n not in silent_days for n in range(56)]
    return demand, demand[["location_id", "item_id", "date"]].assign(is_reported=reported)


def test_silent_days_are_dropped_and_reported_ones_kept():
    demand, stock = frames({3, 4, 50})
    settled = settle_unreported(demand, stock, {"A": 0.5})
    assert len(settled) == 53
    assert settled["qty_sold_units"].tolist() == [4] * 53
    assert (settled["in_stock_share"] == 1.0).all()


def test_the_learned_share_stands_in_where_something_was_sold():
    demand, stock = frames(set())
    stock.loc[10, "is_reported"] = False
    settled = settle_unreported(demand, stock, {"A": 0.25})
    assert len(settled) == 56
    assert settled["in_stock_share"].tolist() == [1.0] * 10 + [0.25] + [1.0] * 45
    assert settle_unreported(demand, stock, {})["in_stock_share"].tolist() == [1.0] * 56


def test_nothing_changes_where_every_day_was_reported():
    demand, stock = frames(set())
    pd.testing.assert_frame_equal(settle_unreported(demand, stock, {"A": 0.1}), demand)


def test_silence_does_not_pull_the_forecast_down():
    demand, stock = frames(set(range(42, 56)))
    items = pd.DataFrame(
        {"item_id": ["x"], "category": ["c"], "supplier_lead_time_days": [14], "review_period_days": [7], "abc_class": ["A"]}
    )
    as_of = FIRST + dt.timedelta(days=55)
    naive = make_forecast(demand, items, as_of, Policy(), 0).summary["mean_daily_units"].iloc[0]
    settled = make_forecast(settle_unreported(demand, stock, {}), items, as_of, Policy(), 0).summary["mean_daily_units"].iloc[0]
    assert settled == pytest.approx(4.0, rel=0.02)
    assert naive < 3.2
