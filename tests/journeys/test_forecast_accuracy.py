"""What nights forecast is kept as it was published, and judged by a later night when its horizon is over."""

import datetime as dt
import json

import numpy as np
import pandas as pd

from pipelines.flows.past_forecasts import KEPT, forecast_file
from pipelines.machine.reading import file_sha256
from pipelines.store.home import Home
from pipelines.store.ledger import open_ledger
from pipelines.store.publication import read_run

PAIR = ["location_id", "item_id"]


def test_a_night_judges_what_the_night_a_week_before_said(played_loop):
    home, first, last = Home(played_loop.home), played_loop.nights[0], played_loop.nights[-1]
    assert last.as_of - first.as_of == dt.timedelta(days=7)
    kept = forecast_file(home, first.as_of, first.run_id)
    made_of = json.loads(open_ledger(home.root).find_run(last.run_id)["provenance"])
    assert made_of["forecasts"] == {str(first.as_of): f"{first.run_id}:{file_sha256(kept)}"}
    marts = read_run(home.published, last.run_id).path / "marts"
    accuracy = pd.read_parquet(marts / "mart_forecast_accuracy.parquet")
    assert set(accuracy.loc[accuracy["horizon_days"] > 7, "null_reason"]) == {"no forecast is as old as the horizon"}
    week = accuracy[accuracy["horizon_days"] == 7].set_index(PAIR)
    judged = week[week["windows"] > 0]
    assert len(judged) > 0.5 * len(week) and set(judged["last_forecast_as_of"]) == {first.as_of}
    said = pd.read_parquet(kept).query("horizon_days == 7").set_index(PAIR).loc[judged.index]
    assert np.allclose(judged["forecast_units"], said["forecast_units"], atol=1e-4)
    assert np.allclose(judged["error_units"], said["forecast_units"] - judged["actual_units"], atol=1e-3)
    sold = pd.read_parquet(marts / "fct_demand_daily.parquet")
    sold = sold[pd.to_datetime(sold["date"]).dt.date > first.as_of]
    of_pair = sold.groupby(PAIR).agg(units=("qty_sold_units", "sum"), share=("in_stock_share", "min"), days=("date", "size"))
    in_stock = of_pair[(of_pair["share"] == 1) & (of_pair["days"] == 7)].index.intersection(judged.index)
    assert len(in_stock) > 10 and np.allclose(judged.loc[in_stock, "actual_units"], of_pair.loc[in_stock, "units"], atol=1e-4)


def test_every_run_that_was_published_keeps_what_it_said_and_no_other(played_loop):
    home = Home(played_loop.home)
    kept = [forecast_file(home, night.as_of, night.run_id, part) for night in played_loop.nights for part in KEPT]
    assert sorted(home.forecasts.glob("*/*")) == sorted(kept)
