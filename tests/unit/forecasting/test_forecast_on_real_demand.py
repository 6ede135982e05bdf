"""Real demand: the forecast beats what it must beat on items and weeks that chose nothing. Also: the page lists the columns."""

import datetime as dt
from pathlib import Path

import pandas as pd

from benchmarks.forecast_accuracy import REPORTED_DAYS_BACK, REPORTED_PART, accuracy_rows, load_sample
from pipelines.domain.policy import Policy
from pipelines.forecasting.forecast import make_forecast

ROOT = Path(__file__).resolve().parents[3]


def test_reported_half_of_m5_beats_seasonal_naive_and_the_four_week_mean(real_data):
    demand = load_sample(real_data, REPORTED_PART)
    value = {(row["case"], row["measure"]): row["value"] for row in accuracy_rows(demand, REPORTED_DAYS_BACK)}
    assert value["evenstock", "RMSSE"] <= 0.78 * value["seasonal naive", "RMSSE"]
    for measure in ("RMSSE", "WAPE daily", "WAPE 28-day sum"):
        assert value["evenstock", measure] < value["moving average 28", measure]


def test_the_page_explains_every_column():
    day = dt.date(2026, 1, 5)
    demand = pd.DataFrame({"location_id": ["A"], "item_id": ["x"], "date": [day], "qty_sold_units": [1.0], "in_stock_share": [1.0]})
    terms = {"item_id": ["x"], "category": ["c"], "supplier_lead_time_days": [7], "review_period_days": [7], "abc_class": ["A"]}
    made = make_forecast(demand, pd.DataFrame(terms), day, Policy(), seed=0)
    page = (ROOT / "docs" / "forecasting.md").read_text(encoding="utf-8")
    named = {*made.weekly.columns, *made.summary.columns, *made.backtest.columns}
    assert [column for column in sorted(named) if f"`{column}`" not in page] == []
