"""Facts of the small lake that need care: rolled stock, exposure, transfers, plan inputs; and identities between marts."""

import datetime
import shutil
from pathlib import Path

import duckdb
import pytest

from pipelines.store.grains import MART_GRAINS
from pipelines.store.warehouse import read_mart


def pair(frame, location: str, item: str):
    return frame[(frame["location_id"] == location) & (frame["item_id"] == item)]


def test_stock_has_no_gaps_and_is_rolled_forward(built_store: Path):
    stock = pair(read_mart(built_store, "fct_stock_daily"), "B", "P")
    assert stock["date"].dt.day.tolist() == [5, 6, 7, 8, 9, 10]
    assert stock["on_hand_units"].tolist() == [10, 10, 6, 0, 20, 16]
    assert stock["is_reported"].tolist() == [True, True, True, True, False, True]
    assert stock["inventory_value_usd"].tolist() == [100, 100, 60, 0, 200, 160]


def test_exposure_follows_the_running_balance(built_store: Path):
    demand = read_mart(built_store, "fct_demand_daily")
    # Sold out at 14:00 on day 8: six of twelve hours. Q's last units leave at 09:00 on day 9: one hour.
    assert pair(demand, "B", "P")["in_stock_share"].tolist() == [1, 1, 1, 0.5, 1, 1]
    assert pair(demand, "B", "Q")["in_stock_share"].tolist() == pytest.approx([1, 1 / 12, 0])
    assert pair(demand, "B", "P")["qty_sold_units"].tolist() == [0, 0, 4, 6, 0, 4]
    assert pair(demand, "B", "Q")["qty_ordered_units"].tolist() == [5, 0, 0]


def test_transfers_carry_plan_and_outcome(built_store: Path):
    lines = read_mart(built_store, "fct_transfers").set_index("line_id")
    first = lines.loc["L1"]
    # Two receipts, one without a line number: 6 + 4 good, 1 damaged, 1 short, 1 over; 11 = 10 + 1 + 1 - 1 were expected.
    assert [first[f"qty_{name}"] for name in ("planned", "approved", "shipped", "received", "damaged", "short", "over")] == [
        15,
        12,
        11,
        10,
        1,
        1,
        1,
    ]
    assert first["lead_time_days"] == 3.0
    assert lines["state"].to_dict() == {"L1": "received", "L2": "shipped", "L3": "released", "L4": "approved", "L5": "rejected"}
    assert lines.loc["L2":]["lead_time_days"].isna().all()


def test_inbound_and_plan_inputs(built_store: Path):
    inbound = read_mart(built_store, "fct_inbound")
    found = {tuple(row) for row in inbound[["reference", "source", "qty_units"]].itertuples(index=False)}
    assert found == {("L2", "transfer", 6), ("L3", "transfer", 5), ("L4", "transfer", 2), ("po2/1", "po", 36), ("po3/1", "po", 7)}
    inputs = read_mart(built_store, "fct_plan_inputs").set_index(["location_id", "item_id"])
    assert inputs["available_units"].to_dict() == {("A", "P"): 88, ("A", "R"): 6, ("B", "P"): 13, ("B", "Q"): 0, ("B", "R"): 0}
    assert not inputs["is_stale"].any()
    assert inputs.loc[("B", "Q"), "days_since_last_sale"] == 1


def test_the_next_review_is_counted_from_the_newest_order(built_store: Path):
    # The policy reviews every 7 days: B|P was ordered on day 1 and B|Q on day 2, so that their next reviews are on days 15 and 16.
    inputs = read_mart(built_store, "fct_plan_inputs").set_index(["location_id", "item_id"])["next_review_days"]
    assert inputs[("B", "P")] == 5
    assert inputs[("B", "Q")] == 6
    assert inputs[("A", "P")] == 6, "a cancelled order was placed at a review too"
    assert inputs.isna().sum() == 1, "A|R was never ordered"


def test_rates_come_from_finance_where_it_gives_them(built_store: Path):
    rates = read_mart(built_store, "dim_finance").set_index(["location_id", "category"])
    assert rates.loc[("B", "toys"), ["capital_rate", "insurance_rate", "obsolescence_rate"]].tolist() == [0.1, 0.05, 0.2]
    assert rates.loc[("A", "food"), ["capital_rate", "insurance_rate", "obsolescence_rate"]].tolist() == [0.1, 0.03, 0.1]
    assert set(rates["transfer_budget_usd_per_week"]) == {900}


def test_events_are_kept_and_judged_by_the_masters(built_store: Path):
    events = read_mart(built_store, "fct_events").set_index("event_id")
    assert events["is_known"].to_dict() == {"ev1": True, "ev2": False}
    assert events["end_date"].isna().to_dict() == {"ev1": False, "ev2": True}


def test_the_latest_row_of_a_key_wins(built_store: Path):
    items = read_mart(built_store, "dim_item").set_index("item_id")
    assert items.loc["P", "unit_cost_usd"] == 10
    assert items.loc["P", "category"] == "food"


def test_a_lane_that_the_newest_file_left_out_is_gone(built_store: Path):
    assert read_mart(built_store, "dim_lane")["lane_id"].tolist() == ["A>B:road", "B>A:road"]


@pytest.mark.parametrize("name", sorted(MART_GRAINS))
def test_rows_are_unique_by_grain_and_sorted_by_it(built_store: Path, name: str):
    frame = read_mart(built_store, name)
    grain = list(MART_GRAINS[name])
    assert len(frame) > 0
    assert not frame.duplicated(grain).any()
    assert frame[grain].notna().all().all()
    assert frame[grain].equals(frame[grain].sort_values(grain, ignore_index=True))


@pytest.mark.parametrize(
    ("mart", "column"),
    [
        ("kpi_turnover", "cogs_usd"),
        ("kpi_carrying_cost", "carrying_cost_usd"),
        ("kpi_in_stock_rate", "in_stock_days"),
        ("kpi_fill_rate", "units_filled"),
        ("kpi_transfer_performance", "units_planned"),
        ("kpi_slow_moving", "stock_value_usd"),
        ("kpi_excess_deficit", "excess_value_usd"),
        ("kpi_forward_cover", "available_units"),
        ("kpi_imbalance", "misplaced_value_usd"),
    ],
)
def test_every_level_adds_up_to_the_network(built_store: Path, mart: str, column: str):
    frame = read_mart(built_store, mart)
    totals = frame.groupby("level")[column].sum()
    assert totals["network"] > 0
    assert set(totals.index) == {"network", "location", "category", "item", "location_item"}
    assert totals.to_numpy() == pytest.approx(totals["network"])


def test_mean_inventory_value_is_the_stock_mart_over_the_window(built_store: Path):
    stock = read_mart(built_store, "fct_stock_daily", ["date", "inventory_value_usd"])
    window = stock[stock["date"].dt.date >= datetime.date(2026, 3, 7)]
    turnover = read_mart(built_store, "kpi_turnover").set_index("scope")
    assert turnover["mean_inventory_value_usd"]["network"] == pytest.approx(window["inventory_value_usd"].sum() / 4)


def test_orders_that_no_day_of_stock_counts_are_warned_about(built_store: Path, dbt_scratch: Path, tmp_path: Path):
    """As built, every order falls on a pair and day of the mart; were B|P not in it, its three orders would be named."""
    (compiled,) = (dbt_scratch / "target" / "compiled").rglob("orders_counted_*.sql")
    copy = shutil.copy(built_store, tmp_path / "store.duckdb")
    with duckdb.connect(copy) as connection:
        assert connection.execute(compiled.read_text()).fetchall() == []
        connection.execute("DELETE FROM marts.fct_demand_daily WHERE location_id = 'B' AND item_id = 'P'")
        assert connection.execute(compiled.read_text()).fetchall() == [("B", "P", 3, 14)]
