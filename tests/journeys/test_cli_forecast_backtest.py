"""`evenstock forecast backtest`: figures that agree with the forecast made that day, on one page that needs nothing from elsewhere."""

import datetime as dt
import json
import re

import numpy as np
import pandas as pd
import pytest

from cli.main import call

AS_OF = dt.date(2026, 3, 31)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two places x six items x 140 days with weekly waves, and groups for both."""
    where = tmp_path_factory.mktemp("backtest")
    rng = np.random.default_rng(0)
    days = [AS_OF - dt.timedelta(days=n) for n in range(140)]
    wave = np.array([1.0 + 0.5 * (day.weekday() >= 5) for day in days])
    parts = []
    for place in ("A", "B"):
        for n in range(6):
            units = rng.poisson((0.3 + n) * wave).astype(float)
            parts.append(pd.DataFrame({"location_id": place, "item_id": f"<i{n}>", "date": days, "units": units, "in_stock_share": 1.0}))
    frame = pd.concat(parts, ignore_index=True)
    frame.to_parquet(where / "demand.parquet", index=False)
    pd.DataFrame({"item_id": [f"<i{n}>" for n in range(6)], "category": list("ccdddd")}).to_parquet(where / "items.parquet", index=False)
    return where


def backtest(folder, *more):
    base = ["forecast", "backtest", "--demand", str(folder / "demand.parquet"), "--as-of", str(AS_OF), "--horizon", "14"]
    return call([*base, "--items", str(folder / "items.parquet"), "--out", str(folder / "report.html"), *more])


def test_figures_are_those_of_a_forecast_made_that_day(folder, capfd):
    assert backtest(folder, "--origins", "3", "--json", str(folder / "report.json")) == 0
    document = json.loads((folder / "report.json").read_text())
    assert [one["as_of"] for one in document["origins"]] == ["2026-02-17", "2026-03-03", "2026-03-17"]
    assert document["levels"] == 6
    last = document["origins"][-1]
    frame = pd.read_parquet(folder / "demand.parquet")
    arguments = ["--items", str(folder / "items.parquet"), "--as-of", "2026-03-17", "--horizon", "14", "--ignore-future"]
    assert call(["forecast", "--demand", str(folder / "demand.parquet"), *arguments, "--out", str(folder / "f.parquet")]) == 0
    both = pd.read_parquet(folder / "f.parquet").merge(frame, on=["location_id", "item_id", "date"])
    assert len(both) == 12 * 14
    error = (both["mean"] - both["units"]).abs().sum() / both["units"].sum()
    assert last["series"]["evenstock"]["all"]["WAPE"] == pytest.approx(error)
    assert last["periods"]["q95"] == pytest.approx((both["units"] <= both["q95"]).mean())
    assert last["wrmsse"]["evenstock"]["mean"] < last["wrmsse"]["seasonal naive"]["mean"] < last["wrmsse"]["zero"]["mean"]
    assert "mean of 3 origins" in capfd.readouterr().out


def test_bias_is_also_told_while_in_stock(folder, tmp_path):
    frame = pd.read_parquet(folder / "demand.parquet")
    busy = frame["units"] >= frame.groupby(["location_id", "item_id"])["units"].transform("median") + 1
    frame.loc[busy, "in_stock_share"] = 0.5
    frame.loc[busy, "units"] = np.floor(frame.loc[busy, "units"] / 2)
    frame.to_parquet(tmp_path / "demand.parquet", index=False)
    base = ["--demand", str(tmp_path / "demand.parquet"), "--horizon", "28"]
    outputs = ["--out", str(tmp_path / "r.html"), "--json", str(tmp_path / "r.json")]
    assert call(["forecast", "backtest", *base, "--as-of", str(AS_OF), "--origins", "1", *outputs]) == 0
    last = json.loads((tmp_path / "r.json").read_text())["origins"][-1]
    assert call(["forecast", *base, "--as-of", "2026-03-03", "--ignore-future", "--out", str(tmp_path / "f.parquet")]) == 0
    both = pd.read_parquet(tmp_path / "f.parquet").merge(frame, on=["location_id", "item_id", "date"])
    assert last["bias_while_in_stock"] == pytest.approx((both["mean"] * both["in_stock_share"]).sum() / both["units"].sum() - 1)
    assert abs(last["bias_while_in_stock"]) < 0.15 < last["series"]["evenstock"]["all"]["bias"]


def test_the_page_needs_nothing_and_escapes_what_is_foreign(folder):
    assert backtest(folder, "--origins", "2") == 0
    page = (folder / "report.html").read_text()
    assert not re.search(r"https?://|<script|<link|<img|@import|url\(", page)
    assert "&lt;i5&gt;" in page and "<i5>" not in page
    assert page.count("<polygon") == 12 and "Calibration" in page
    first = page
    assert backtest(folder, "--origins", "2") == 0 and (folder / "report.html").read_text() == first


def test_more_origins_than_history_are_refused(folder, one_line):
    assert backtest(folder, "--origins", "52") == 3
    assert "known periods, found 140" in one_line()
    assert backtest(folder, "--origins", "0") == 2
