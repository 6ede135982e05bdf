"""The night's step that forecasts: demand from the facts, what earlier nights said of it, and tables for dbt. No forecast is made here."""

from typing import Any

from pipelines.flows.past_forecasts import HORIZONS, read_past_forecasts
from pipelines.flows.run import Run

ITEM_COLUMNS_OF_FORECAST = ("item_id", "category", "supplier_lead_time_days", "review_period_days", "abc_class")


def make_forecasts(run: Run) -> dict[str, Any]:
    """Forecast demand from the facts and hand it to the store; returns key figures."""
    from pipelines.forecasting.forecast import make_forecast
    from pipelines.forecasting.horizons import judge_horizons
    from pipelines.forecasting.unreported import settle_unreported
    from pipelines.store.warehouse import put_tables, read_mart

    run.work.require("facts")
    reported = read_mart(run.work.store, "fct_stock_daily", ["location_id", "item_id", "date", "is_reported"])
    demand = settle_unreported(read_mart(run.work.store, "fct_demand_daily"), reported, _learned_exposure(run))
    items = read_mart(run.work.store, "dim_item", [*ITEM_COLUMNS_OF_FORECAST])
    forecast = make_forecast(demand, items, run.as_of, run.policy, run.seed)
    finished = judge_horizons(read_past_forecasts(run), forecast.recent, run.as_of)
    tables = {"forecast_weekly": forecast.weekly, "forecast_summary": forecast.summary, "finished_horizons": finished}
    put_tables(run.work.store, tables)
    run.work.write_frame(HORIZONS, forecast.horizons)
    run.work.write_frame("forecast_weekly", forecast.weekly)
    run.work.write_frame("forecast_summary", forecast.summary)
    run.work.finish("forecast")
    stocks = forecast.crosscheck[["safety_stock_units", "textbook_safety_stock_units"]].sum().astype(float).to_dict()
    tripped = {"pairs_tripped": len(forecast.tripwire), "is_tripped_overall": forecast.is_tripped_overall}
    figures = {"pairs": len(forecast.summary), "mean_daily_units": float(forecast.summary["mean_daily_units"].sum())}
    return {**figures, **stocks, **tripped, "horizons_finished": int(finished["actual_units"].notna().sum())}


def _learned_exposure(run: Run) -> dict[str, float]:
    """Share of the selling time each location had stock, as earlier runs learned it."""
    rows = run.ledger.feedback_at(run.as_of)
    rows = rows[rows["parameter"] == "exposure_share"]
    return dict(zip(rows["scope"].str.removeprefix("location:"), rows["new_value"].astype(float), strict=True))
