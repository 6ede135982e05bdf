"""Events that may start a plan: what each type rests on, what explains it, and that nothing is told twice while it cools."""

import datetime as dt
import json

import numpy as np
import pandas as pd

from pipelines.forecasting.demand_alarms import ALARM_COLUMNS, CATEGORY, ITEM, PAIR, WeeklyDemand, demand_alarms, weekly_demand
from pipelines.forecasting.triggers import (
    COLUMNS,
    COOLDOWN_DAYS,
    band_events,
    count_events,
    demand_events,
    life_events,
    settle,
    terms_events,
    triggered_items,
)

AS_OF = dt.date(2026, 3, 29)  # a Sunday
NOTHING = pd.DataFrame(columns=COLUMNS)
NO_EVENTS = pd.DataFrame(columns=["event_id", "scope", "scope_id", "kind", "start_date", "end_date"])


def ago(days: int) -> dt.date:
    return AS_OF - dt.timedelta(days=days)


def alarm(kind: str = "demand_spike", **place: str) -> pd.DataFrame:
    row = {"type": kind, "scope": PAIR, "location_id": "A", "item_id": "p", "category": "c"} | place
    figures = {"week_start": ago(6), "units": 80.0, "expected_units": 40.0, "score": 5.5}
    return pd.DataFrame([row | figures], columns=ALARM_COLUMNS)


def declared(scope: str, scope_id: str | None, kind: str, start: int, end: int) -> pd.DataFrame:
    row = {"event_id": "e1", "scope": scope, "scope_id": scope_id, "kind": kind, "start_date": ago(start), "end_date": ago(end)}
    return pd.DataFrame([row])


def verdicts(events: pd.DataFrame) -> list[str]:
    return events["verdict"].tolist()


def test_a_declared_event_at_the_place_and_in_the_weeks_of_an_alarm_explains_it():
    for found, event, expected in (
        (alarm(), NO_EVENTS, "open"),
        (alarm(), declared("item", "p", "promotion", 10, -3), "explained"),
        (alarm(), declared("item", "q", "promotion", 10, -3), "open"),
        (alarm(), declared("category", "c", "promotion", 10, 4), "explained"),
        (alarm(), declared("location", "A", "holiday", 10, 4), "explained"),
        (alarm(), declared("network", None, "holiday", 10, 4), "explained"),
        (alarm(), declared("item", "p", "promotion", 90, 60), "open"),
        (alarm(), declared("item", "p", "promotion", -1, -9), "open"),
        (alarm(), declared("item", "p", "phase_out", 10, -3), "open"),
        (alarm("demand_drop"), declared("item", "p", "phase_out", 10, -3), "explained"),
        (alarm("demand_drop"), declared("item", "p", "promotion", 10, -3), "open"),
        (alarm(scope=ITEM, location_id="", category=""), declared("location", "", "holiday", 10, -3), "open"),
    ):
        assert verdicts(demand_events(found, event)) == [expected], event
    told = json.loads(demand_events(alarm(), NO_EVENTS)["evidence"].iloc[0])
    assert told == {"week_start": ago(6).isoformat(), "units": 80.0, "expected_units": 40.0, "score": 5.5}


def test_new_everywhere_is_a_new_item_and_new_at_a_place_a_market_entry():
    days = {("A", "old"): 300, ("B", "old"): 5, ("A", "new"): 3, ("B", "new"): 7, ("A", "grown"): 8}
    summary = pd.DataFrame([{"location_id": at, "item_id": of, "history_days": known} for (at, of), known in days.items()])
    items = pd.DataFrame({"item_id": ["old", "new", "grown"], "lifecycle": "active", "end_date": [ago(6), ago(7), None]})
    found = life_events(summary, items, AS_OF)[["type", "location_id", "item_id"]].to_numpy().tolist()
    assert found == [["new_item", "", "new"], ["market_entry", "B", "old"], ["discontinued_item", "", "old"]]
    first_week = life_events(summary.assign(history_days=3), items.assign(end_date=None), AS_OF)
    assert first_week.empty, "where everything is new, nothing is"


def test_supplier_terms_shift_by_a_fifth_and_lead_times_by_two_days():
    rows = [("a", 10, 12, 5.0, 5.9), ("b", 10, 11, 5.0, 6.0), ("c", 4, 5, 5.0, 4.0), ("d", 0, 5, 0.0, 1.0)]
    columns = ["item_id", "supplier_lead_time_days_before", "supplier_lead_time_days", "unit_cost_usd_before", "unit_cost_usd"]
    found = terms_events(pd.DataFrame(rows, columns=columns))
    assert found[["type", "item_id"]].to_numpy().tolist() == [["lead_time_shift", "a"], ["cost_shift", "b"], ["cost_shift", "c"]]
    assert json.loads(found["evidence"].iloc[0]) == {"before": 10.0, "now": 12.0}


def test_a_position_crosses_its_band_only_from_within():
    rows = [("fell", 4, 4, 20), ("was low", 4, 4, 4), ("ordered", 30, 4, 20), ("rose", 200, 200, 60), ("was high", 200, 200, 190)]
    stock = pd.DataFrame(rows, columns=["item_id", "position_units", "on_hand_units", "on_hand_units_before"]).assign(location_id="A")
    summary = stock[["location_id", "item_id"]].assign(safety_stock_units=10.0, target_units=50.0, mean_daily_units=2.0)
    found = band_events(stock, summary)
    assert [(row.item_id, json.loads(row.evidence)["side"]) for row in found.itertuples()] == [("fell", "below"), ("rose", "above")]


def test_counts_that_are_off_by_two_units_and_five_percent():
    rows = [("a", 100, 94), ("b", 100, 96), ("c", 10, 9), ("d", 10, 12), ("e", 0, 2)]
    found = count_events(pd.DataFrame(rows, columns=["item_id", "system_units", "counted_units"]).assign(location_id="A"))
    assert found["item_id"].tolist() == ["a", "d", "e"]


def test_an_event_is_told_once_until_its_cooldown_is_over():
    night = settle(demand_events(alarm(), NO_EVENTS), NOTHING, AS_OF)
    assert verdicts(night) == ["open"] and night["cooldown_until"].tolist() == [AS_OF + dt.timedelta(days=28)]
    day, state = AS_OF, night
    for _ in range(40):
        day += dt.timedelta(days=1)
        state = settle(demand_events(alarm(), NO_EVENTS), state, day)
        assert len(state) == 1
        is_over = day > AS_OF + dt.timedelta(days=28)
        assert (state["event_id"].iloc[0] == night["event_id"].iloc[0]) == (not is_over)
        assert state["found_on"].iloc[0] == (AS_OF + dt.timedelta(days=29) if is_over else AS_OF)
        assert verdicts(state) == ["open" if day == AS_OF + dt.timedelta(days=29) else "cooling"]
    other = settle(demand_events(alarm("demand_drop"), NO_EVENTS), night, AS_OF + dt.timedelta(days=1))
    assert sorted(verdicts(other)) == ["cooling", "open"], "a drop is not the spike that cools"
    assert settle(NOTHING[["type", "scope", "location_id", "item_id", "category", "evidence", "verdict"]], NOTHING, AS_OF).empty
    assert set(COOLDOWN_DAYS) >= {"demand_spike", "band_crossed", "count_variance"}


def test_weeks_are_whole_calendar_weeks_whatever_the_day_of_the_night():
    dates = np.arange(np.datetime64("2026-01-01"), np.datetime64("2026-03-29") + 1)
    sold, keys = np.arange(len(dates), dtype=float)[:, None], pd.DataFrame({"location_id": ["A"], "item_id": ["p"], "category": ["c"]})
    whole = weekly_demand(keys, sold, np.ones_like(sold), dates)
    assert whole.starts[0] == np.datetime64("2026-01-05") and whole.starts[-1] == np.datetime64("2026-03-23")
    assert whole.units[0, 0] == sold[4:11].sum() and set(whole.exposure.ravel()) == {1.0}
    for cut in range(1, 7):
        part = weekly_demand(keys, sold[:-cut], np.ones_like(sold[:-cut]), dates[:-cut])
        assert part.starts[-1] == np.datetime64("2026-03-16") and (part.units == whole.units[:-1]).all()


def spread_out(rng: np.random.Generator, mean: float, changed: bool) -> WeeklyDemand:
    """Twelve locations that sell two items, one of which doubles everywhere in the last four weeks if `changed`."""
    places = [f"L{n:02d}" for n in range(12)]
    keys = pd.DataFrame({"location_id": np.repeat(places, 2), "item_id": ["p", "q"] * 12, "category": "c"})
    means = np.full((60, 24), mean)
    means[-4:, ::2] *= 2.0 if changed else 1.0
    starts = np.datetime64("2025-01-06") + 7 * np.arange(60)
    return WeeklyDemand(keys, starts, rng.poisson(means).astype(float), np.ones((60, 24)))


def test_slow_items_are_seen_together_where_none_is_seen_alone():
    rng, alone, together, quiet = np.random.default_rng(5), 0, 0, 0
    for _ in range(40):
        weekly = spread_out(rng, 0.8, changed=True)
        found = demand_alarms(weekly, weekly.starts[-4])
        spikes = found[(found["type"] == "demand_spike") & (found["item_id"] == "p")]
        alone += (spikes["scope"] == PAIR).any()
        together += len(spikes) > 0
        still = spread_out(rng, 0.8, changed=False)
        quiet += len(demand_alarms(still, still.starts[-4])) == 0
    assert alone <= 20 and together >= 30 and quiet >= 36, (alone, together, quiet)


def test_triggered_are_the_items_of_open_events_and_those_of_a_category_at_its_place():
    items = pd.DataFrame({"item_id": ["p", "q", "r"], "category": ["c", "c", "d"]})
    pairs = pd.DataFrame({"location_id": ["A", "B", "A"], "item_id": ["p", "q", "r"]})
    group = demand_events(alarm(scope=CATEGORY, item_id=""), NO_EVENTS)
    single = demand_events(alarm(item_id="r"), declared("item", "r", "promotion", 10, -3))
    settled = settle(pd.concat([group, single]), NOTHING, AS_OF)
    assert triggered_items(settled, items, pairs) == ["p"], "q is not at A, r is explained"
