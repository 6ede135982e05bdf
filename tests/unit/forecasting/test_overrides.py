"""Overrides of people over the statistical path: where, when, by how much, and which of two holds."""

import datetime as dt

import numpy as np
import pandas as pd

from pipelines.domain.policy import Policy
from pipelines.forecasting.forecast import make_forecast
from pipelines.forecasting.overrides import FACTOR, UNITS, apply_overrides

AS_OF = dt.date(2026, 3, 29)
DAYS = np.arange(np.datetime64("2026-03-30"), np.datetime64("2026-04-13"))
KEYS = pd.DataFrame({"location_id": ["A", "A", "B"], "item_id": ["p", "q", "p"]})
PATH = np.array([np.tile([1.0, 1, 1, 1, 1, 2, 0], 2), np.full(14, 3.0), np.zeros(14)])


def override(item: str = "p", location: str = "", kind: str = FACTOR, value: float = 2.0, first: int = 1, last: int = 7) -> dict:
    start, end = AS_OF + dt.timedelta(days=first), AS_OF + dt.timedelta(days=last)
    return {"location_id": location, "item_id": item, "kind": kind, "value": value, "start_date": start, "end_date": end}


def laid(*rows: dict) -> np.ndarray:
    return apply_overrides(PATH, KEYS, DAYS, pd.DataFrame(rows))


def test_a_factor_holds_at_its_places_and_days_alone():
    everywhere, here = laid(override()), laid(override(location="A", first=8, last=8))
    assert (everywhere[0] == np.concatenate([2 * PATH[0, :7], PATH[0, 7:]])).all() and (everywhere[1:] == PATH[1:]).all()
    assert here[0, 7] == 2.0 and (np.delete(here, 7, axis=1) == np.delete(PATH, 7, axis=1)).all()
    assert (laid(override(first=-9, last=0)) == PATH).all() and (laid(override(item="x")) == PATH).all()


def test_units_a_week_keep_the_pattern_and_are_even_where_there_is_none():
    found = laid(override(location="A", kind=UNITS, value=14.0), override(location="B", kind=UNITS, value=7.0, first=1, last=14))
    assert np.allclose(found[0, :7], 2 * PATH[0, :7]) and (found[0, 7:] == PATH[0, 7:]).all()
    assert np.allclose(found[2], 1.0)
    part = laid(override(location="A", kind=UNITS, value=7.0, first=1, last=3))
    assert np.isclose(part[0, :3].sum(), 3.0), "three days of seven a week"


def test_the_later_of_two_holds_and_they_do_not_multiply():
    assert (laid(override(value=3.0), override(value=2.0))[0, :7] == 2 * PATH[0, :7]).all()


def test_path_stock_targets_and_what_is_kept_follow_an_override():
    days = 100
    rows = pd.DataFrame(
        {"location_id": "A", "item_id": "p", "date": [AS_OF - dt.timedelta(days=n) for n in range(days)], "in_stock_share": 1.0}
    )
    rows["qty_sold_units"] = np.random.default_rng(1).poisson(5.0, days)
    items = pd.DataFrame({"item_id": ["p"], "category": ["c"], "abc_class": ["A"]})
    plain = make_forecast(rows, items, AS_OF, Policy(), 0)
    doubled = make_forecast(rows, items, AS_OF, Policy(), 0, pd.DataFrame([override(last=600)]))
    assert np.allclose(doubled.weekly["mean_units"], 2 * plain.weekly["mean_units"])
    assert (doubled.summary["reorder_point_units"] > plain.summary["reorder_point_units"]).all()
    assert np.allclose(doubled.horizons["forecast_units"], 2 * doubled.horizons["statistical_units"])
    assert np.allclose(doubled.horizons["statistical_units"], plain.horizons["forecast_units"])
    assert (plain.horizons["statistical_units"] == plain.horizons["forecast_units"]).all()
