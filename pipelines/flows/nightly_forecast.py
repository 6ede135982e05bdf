"""The night's step that forecasts: demand from the facts, what earlier nights said of it, and tables for dbt. No forecast is made here."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from pipelines.flows.past_forecasts import HORIZONS, TRIGGERS, read_past_forecasts, read_past_triggers
from pipelines.flows.run import Run

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.forecasting.forecast import Forecast

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
    forecast = make_forecast(demand, items, run.as_of, run.policy, run.seed, run.ledger.overrides(run.as_of))
    finished = judge_horizons(read_past_forecasts(run), forecast.recent, run.as_of)
    events = _find_triggers(run, forecast)
    tables = {"forecast_weekly": forecast.weekly, "forecast_summary": forecast.summary, "finished_horizons": finished}
    put_tables(run.work.store, {**tables, "trigger_events": events})
    run.work.write_frame(HORIZONS, forecast.horizons)
    run.work.write_frame(TRIGGERS, events)
    run.work.write_frame("forecast_weekly", forecast.weekly)
    run.work.write_frame("forecast_summary", forecast.summary)
    run.work.finish("forecast")
    stocks = forecast.crosscheck[["safety_stock_units", "textbook_safety_stock_units"]].sum().astype(float).to_dict()
    tripped = {"pairs_tripped": len(forecast.tripwire), "is_tripped_overall": forecast.is_tripped_overall}
    figures = {"pairs": len(forecast.summary), "mean_daily_units": float(forecast.summary["mean_daily_units"].sum())}
    told = {"horizons_finished": int(finished["actual_units"].notna().sum()), "triggers_open": int((events["verdict"] == "open").sum())}
    return {**figures, **stocks, **tripped, **told}


def _find_triggers(run: Run, forecast: "Forecast") -> "pd.DataFrame":
    """Tonight's events and those that earlier nights told and that still cool."""
    import numpy as np
    import pandas as pd

    from pipelines.forecasting import triggers
    from pipelines.forecasting.demand_alarms import demand_alarms
    from pipelines.store.trigger_evidence import read_trigger_evidence
    from pipelines.store.warehouse import read_mart

    before = run.as_of - dt.timedelta(days=triggers.LOOK_BACK_DAYS)
    evidence = read_trigger_evidence(run.work.store, before)
    items = read_mart(run.work.store, "dim_item", ["item_id", "category", "lifecycle", "end_date"])
    found = [
        triggers.demand_events(demand_alarms(forecast.by_week, np.datetime64(before) + 1), read_mart(run.work.store, "fct_events")),
        triggers.life_events(forecast.summary, items, run.as_of),
        triggers.terms_events(evidence["terms"]),
        triggers.band_events(evidence["stock"], forecast.summary),
        triggers.count_events(evidence["counts"]),
    ]
    return triggers.settle(pd.concat(found, ignore_index=True), read_past_triggers(run), run.as_of)


def _learned_exposure(run: Run) -> dict[str, float]:
    """Share of the selling time each location had stock, as earlier runs learned it."""
    rows = run.ledger.feedback_at(run.as_of)
    rows = rows[rows["parameter"] == "exposure_share"]
    return dict(zip(rows["scope"].str.removeprefix("location:"), rows["new_value"].astype(float), strict=True))
