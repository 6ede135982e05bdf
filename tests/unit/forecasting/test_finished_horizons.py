"""What a night says of the next weeks, and what became of it: slots, actuals, reasons, scales."""

import datetime as dt

import numpy as np
import pandas as pd

from pipelines.domain.policy import Policy
from pipelines.forecasting.backtest import trace_levels
from pipelines.forecasting.forecast import make_forecast
from pipelines.forecasting.horizons import HORIZON_DAYS, JUDGED, LEAST_IN_STOCK_SHARE, SAID, judge_horizons, naive_scale, origins_due
from pipelines.forecasting.level import RECENT_PERIODS, RecentDemand

AS_OF = dt.date(2026, 3, 29)
KEYS = pd.DataFrame({"location_id": ["A", "A", "B"], "item_id": ["p", "q", "p"]})
ITEMS = pd.DataFrame({"item_id": ["p", "q"], "category": ["c", "c"], "abc_class": ["A", "B"]})


def ago(days: int) -> dt.date:
    return AS_OF - dt.timedelta(days=days)


def said(*rows: tuple[int, str, str, int]) -> pd.DataFrame:
    """Forecasts of 10 units made some days ago for a location, an item and a horizon."""
    frame = pd.DataFrame(rows, columns=["age", "location_id", "item_id", "horizon_days"])
    units = dict.fromkeys([name for name in SAID if name.endswith("units")], 10.0)
    return frame.assign(forecast_as_of=frame.pop("age").map(ago), forecast_run_id="r", **units)


def recent(units: np.ndarray, exposure: np.ndarray | None = None) -> RecentDemand:
    return RecentDemand(KEYS, units, np.where(np.isnan(units), 0.0, 1.0) if exposure is None else exposure)


def test_no_horizon_is_judged_before_it_is_over_and_no_day_twice_at_one_horizon():
    for every in (1, 2, 3, 5, 7, 11, 20, 30):
        due = origins_due([ago(n) for n in range(1, 90, every)], AS_OF)
        days = {
            h: [day for origin, at in due if at == h for day in range((AS_OF - origin).days - h, (AS_OF - origin).days)]
            for h in HORIZON_DAYS
        }
        for horizon in HORIZON_DAYS:
            assert all(day >= 0 for day in days[horizon]), "a day of the horizon is still to come"
            newest = [(AS_OF - origin).days for origin, at in due if at == horizon]
            assert len(newest) <= 28 // horizon
            if every == 1:
                assert newest == sorted(range(horizon, 29, horizon), reverse=True), "every day of the last 28 once"
                assert len(set(days[horizon])) == len(days[horizon])


def test_actuals_are_the_days_of_the_horizon_and_nothing_else():
    units = np.arange(RECENT_PERIODS * 3, dtype=float).reshape(RECENT_PERIODS, 3)
    judged = judge_horizons(said((7, "A", "p", 7), (10, "B", "p", 7), (28, "A", "q", 28), (14, "A", "p", 7)), recent(units), AS_OF)
    assert judged["actual_units"].tolist() == [
        units[-7:, 0].sum(),
        units[-10:-3, 2].sum(),
        units[-28:, 1].sum(),
        units[-14:-7, 0].sum(),
    ]
    assert judged["null_reason"].isna().all() and list(judged.columns) == JUDGED


def test_what_cannot_be_judged_says_why():
    units = np.ones((RECENT_PERIODS, 3))
    units[-3, 0] = np.nan
    exposure = np.ones((RECENT_PERIODS, 3))
    exposure[-7:, 1] = LEAST_IN_STOCK_SHARE - 0.01
    rows = said((7, "A", "p", 7), (7, "A", "q", 7), (7, "B", "p", 7), (57, "B", "p", 28), (7, "C", "gone", 7))
    judged = judge_horizons(rows, recent(units, exposure), AS_OF)
    unknown, empty = "not all days are known", "out of stock for half of the horizon or more"
    assert judged["null_reason"].fillna("").tolist() == [unknown, empty, "", unknown, unknown]
    assert judged["actual_units"].isna().tolist() == [True, True, False, True, True]


def test_nothing_said_is_nothing_judged():
    assert judge_horizons(said(), recent(np.ones((3, 3))), AS_OF).empty
    nobody = RecentDemand(KEYS.iloc[:0], np.ones((0, 0)), np.ones((0, 0)))
    assert judge_horizons(said((7, "A", "p", 7)), nobody, AS_OF)["null_reason"].tolist() == ["not all days are known"]


def test_the_scale_is_the_change_from_one_sum_to_the_next():
    demand = np.tile(np.repeat([1.0, 3.0], 7), 8)[:, None]
    history = trace_levels(demand, np.ones_like(demand))
    assert naive_scale(history, 7).tolist() == [14.0], "weeks of 7 and 21 units take turns"
    assert naive_scale(history, 14).tolist() == [0.0]
    assert np.isnan(naive_scale(trace_levels(demand[:30], np.zeros((30, 1))), 7)).all(), "never in stock"


def forecast(demand: pd.DataFrame):
    return make_forecast(demand, ITEMS, AS_OF, Policy(), seed=0)


def demand_rows(days: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frames = [
        pd.DataFrame({"location_id": at, "item_id": of, "date": [ago(n) for n in range(days)], "qty_sold_units": rng.poisson(mean, days)})
        for (at, of), mean in zip(KEYS.itertuples(index=False), (9.0, 2.0, 0.3), strict=True)
    ]
    return pd.concat(frames, ignore_index=True).assign(in_stock_share=1.0)


def test_a_night_says_the_sum_of_its_own_path_with_an_upper_quantile_and_a_naive_rival():
    demand = demand_rows()
    made = forecast(demand)
    weekly = made.weekly.groupby(["location_id", "item_id"])["mean_units"]
    for horizon in HORIZON_DAYS:
        rows = made.horizons[made.horizons["horizon_days"] == horizon].set_index(["location_id", "item_id"])
        expected = weekly.apply(lambda path, weeks=horizon // 7: path.iloc[:weeks].sum())
        assert np.allclose(rows["forecast_units"], expected)
        assert (rows["q95_units"] >= rows["forecast_units"]).all()
        last = demand[demand["date"] > ago(7)].groupby(["location_id", "item_id"])["qty_sold_units"].sum()
        assert np.allclose(rows["naive_units"], last * horizon / 7)


def test_demand_in_stock_throughout_is_judged_by_what_was_sold():
    demand = demand_rows()
    before = make_forecast(demand[demand["date"] <= ago(28)], ITEMS, ago(28), Policy(), seed=0)
    said_then = before.horizons.assign(forecast_as_of=ago(28), forecast_run_id="r")
    judged = judge_horizons(said_then, forecast(demand).recent, AS_OF).set_index(["location_id", "item_id", "horizon_days"])
    for horizon in HORIZON_DAYS:
        within = demand[(demand["date"] > ago(28)) & (demand["date"] <= ago(28 - horizon))]
        sold = within.groupby(["location_id", "item_id"])["qty_sold_units"].sum()
        assert np.allclose(judged.xs(horizon, level="horizon_days")["actual_units"], sold)
