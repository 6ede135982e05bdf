"""Each rule about values finds its fault in every feed that can have it, and says so by its own name."""

import numpy as np
import pandas as pd
import pytest

from pipelines.domain.policy import GatePolicy
from pipelines.extracts.contracts.contract import load_contract
from quality.habits.history import History
from quality.judging.gates import judge_against_past

FEEDS_OF_UNITS = {
    "wms_stock": ["on_hand", "reserved", "blocked"],
    "erp_sales_orders": ["qty_units"],
    "wms_shipments": ["qty_units"],
    "wms_movements": ["qty_units"],
    "erp_purchase_orders": ["qty_ordered", "qty_received"],
    "wms_receipts": ["qty_expected", "qty_received", "qty_damaged", "qty_short", "qty_over"],
    "wms_transfers": ["qty_requested", "qty_picked", "qty_shipped"],
}


def failed_rules(verdict):
    return {check.rule: check.severity for check in verdict.failures}


def busy_day(days, feed, rows=12):
    """A late day on which the feed has some rows."""
    return next(day for day in reversed(days.dates[10:]) if len(days.partitions[day][feed]) >= rows)


def packs_of(days, day, frame):
    return frame["item_id"].map(days.partitions[day]["erp_items"].set_index("item_id")["units_per_pack"]).astype(int)


def scaled(frame, columns, factor):
    """The quantities times a factor, or one such part of them in whole numbers, one at least."""
    changed = {}
    for name in columns:
        values = frame[name].astype(float) * factor
        changed[name] = np.where(values != 0, np.sign(values) * np.maximum(np.floor(np.abs(values)), 1), 0).astype(int)
    return frame.assign(**changed)


CUSTOMER_FEEDS = ("erp_sales_orders", "wms_shipments", "wms_movements")  # single units, of which no whole number of packs can be written


@pytest.mark.parametrize(("feed", "way"), [("wms_stock", 1), ("wms_stock", -1), *((feed, 1) for feed in CUSTOMER_FEEDS)])
def test_a_file_in_packs_or_pieces_of_its_items_is_found(clean_days, feed, way):
    day = busy_day(clean_days, feed)
    frame = clean_days.partitions[day][feed]
    packs = packs_of(clean_days, day, frame).astype(float)
    verdict = clean_days.compare(day, feed, scaled(frame, FEEDS_OF_UNITS[feed], packs if way > 0 else 1 / packs))
    assert failed_rules(verdict).get("unit_mixup") == "block", verdict.failures


@pytest.mark.parametrize("case", [6, 12, 24])
@pytest.mark.parametrize("feed", sorted(FEEDS_OF_UNITS))
def test_a_file_in_cases_that_the_item_master_does_not_know_is_found(clean_days, feed, case):
    day = busy_day(clean_days, feed)
    for way in (case, *(() if feed not in ("wms_stock", "erp_purchase_orders") else (1 / case,))):
        verdict = clean_days.compare(day, feed, scaled(clean_days.partitions[day][feed], FEEDS_OF_UNITS[feed], way))
        assert failed_rules(verdict).get("unit_mixup") == "block", (way, verdict.failures)


def test_one_location_that_counts_in_packs_is_named(clean_days):
    day = clean_days.dates[20]
    frame = clean_days.partitions[day]["wms_stock"]
    place = frame["location_id"].iloc[0]
    wrong = frame["location_id"] == place
    packs = packs_of(clean_days, day, frame).astype(float).where(wrong, 1.0)
    verdict = clean_days.compare(day, "wms_stock", scaled(frame, ["on_hand"], packs), GatePolicy(max_frozen_share=0.5))
    assert failed_rules(verdict)["unit_mixup"] == "warn"
    named = {(entry.location_id, entry.item_id) for entry in verdict.failing if entry.check == "unit_mixup"}
    assert {location for location, _ in named} == {place}
    assert len(named) >= 0.8 * (wrong & (frame["on_hand"] > 3)).sum()
    assert failed_rules(clean_days.compare(day, "wms_stock", scaled(frame, ["on_hand"], packs)))["unit_mixup"] == "block"


@pytest.mark.parametrize("factor", [2.0, 3.0])
@pytest.mark.parametrize("feed", ["erp_sales_orders", "wms_shipments", "wms_movements"])
def test_a_promotion_is_no_unit_mixup(clean_days, feed, factor):
    """A third of the items sell two or three times as much, in more lines and in larger ones."""
    day = busy_day(clean_days, feed)
    frame = clean_days.partitions[day][feed]
    items = sorted(frame["item_id"].unique())[::3]
    luck = np.random.default_rng(3)
    promoted = frame["item_id"].isin(items)
    size = np.where(promoted, np.abs(frame["qty_units"]) + luck.poisson(factor, len(frame)), np.abs(frame["qty_units"]))
    frame = frame.assign(qty_units=(np.sign(frame["qty_units"]) * size).astype(int))
    key = load_contract(feed).key[0]
    more = frame[promoted].assign(**{key: frame.loc[promoted, key] + "-2"})
    assert "unit_mixup" not in failed_rules(clean_days.compare(day, feed, pd.concat([frame, more], ignore_index=True)))


MASTER_NUMBERS = {
    "erp_items": ["weight_kg", "volume_m3", "unit_cost_usd", "unit_price_usd", "supplier_lead_time_days", "units_per_pack"],
    "tms_lanes": ["truck_cost_usd", "pallet_cost_usd", "cost_usd_per_unit", "lead_time_days_mean", "pallet_kg"],
    "erp_locations": ["storage_capacity_m3", "storage_cost_usd_per_m3_day", "lat"],
}


@pytest.mark.parametrize(("feed", "column"), [(feed, column) for feed, columns in MASTER_NUMBERS.items() for column in columns])
@pytest.mark.parametrize("factor", [10, 100, 1000, 0.1, 0.01])
def test_a_shifted_decimal_in_master_data_is_found_in_a_column_and_in_one_cell(clean_days, feed, column, factor):
    day = clean_days.dates[12]
    frame = clean_days.partitions[day][feed]
    frame = frame.assign(**{column: frame[column].astype(float)})
    whole = clean_days.compare(day, feed, frame.assign(**{column: frame[column] * factor}))
    assert failed_rules(whole).get("shifted_decimals") == "block"
    one = frame.copy()
    one.loc[3, column] *= factor
    verdict = clean_days.compare(day, feed, one, GatePolicy(max_frozen_share=0.5))
    assert failed_rules(verdict)["shifted_decimals"] == "warn"
    named = [entry for entry in verdict.failing if entry.check == "shifted_decimals"]
    if feed == "erp_items":
        assert [(e.location_id, e.item_id, e.line) for e in named] == [("", frame["item_id"][3], frame["_source_line"][3])]


@pytest.mark.parametrize("factor", [10, 100, 1000])
@pytest.mark.parametrize("feed", ["erp_sales_orders", "erp_purchase_orders", "wms_receipts", "wms_movements", "wms_stock", "wms_shipments"])
def test_quantities_with_their_decimals_shifted_are_found(clean_days, feed, factor):
    day = busy_day(clean_days, feed)
    verdict = clean_days.compare(day, feed, scaled(clean_days.partitions[day][feed], FEEDS_OF_UNITS[feed], factor))
    assert failed_rules(verdict).get("shifted_decimals") == "block", verdict.failures


@pytest.mark.parametrize("factor", [100, 1000, 0.01])
def test_prices_with_a_decimal_comma_are_found_in_a_file_and_in_one_line(clean_days, factor):
    day = clean_days.dates[15]
    frame = clean_days.partitions[day]["erp_sales_orders"]
    verdict = clean_days.compare(day, "erp_sales_orders", frame.assign(unit_price_usd=frame["unit_price_usd"] * factor))
    assert failed_rules(verdict).get("shifted_decimals") == "block"
    one = frame.copy()
    one.loc[2, "unit_price_usd"] *= factor
    verdict = clean_days.compare(day, "erp_sales_orders", one)
    assert failed_rules(verdict)["shifted_decimals"] == "warn"
    assert [(entry.item_id, entry.line) for entry in verdict.failing] == [(frame["item_id"][2], frame["_source_line"][2])]


SWAPS = [
    ("erp_items", "unit_cost_usd", "unit_price_usd"), ("erp_items", "weight_kg", "volume_m3"),
    ("erp_items", "supplier_lead_time_days", "review_period_days"), ("erp_items", "category", "supplier_id"),
    ("erp_locations", "lat", "lon"), ("tms_lanes", "truck_cost_usd", "pallet_cost_usd"),
    ("tms_lanes", "lead_time_days_mean", "lead_time_days_sd"),
    ("erp_sales_orders", "order_id", "item_id"), ("erp_sales_orders", "location_id", "item_id"),
    ("erp_purchase_orders", "qty_ordered", "qty_received"), ("erp_purchase_orders", "ordered_at", "expected_date"),
    ("wms_transfers", "qty_requested", "qty_picked"), ("wms_transfers", "origin", "destination"),
    ("wms_receipts", "qty_expected", "qty_damaged"), ("wms_shipments", "shipped_at", "delivered_at"),
]  # fmt: skip


@pytest.mark.parametrize(("feed", "a", "b"), SWAPS)
def test_two_columns_that_changed_places_are_found(clean_days, feed, a, b):
    rows = 5 if feed in ("erp_locations", "wms_transfers") else 12
    days = clean_days
    day = busy_day(days, feed, min(rows, 4))
    frame = days.partitions[day][feed]
    verdict = days.compare(day, feed, frame.assign(**{a: frame[b], b: frame[a]}))
    assert failed_rules(verdict).get("swapped_columns") == "block", verdict.failures


def test_lanes_whose_ends_changed_places_are_found_where_the_two_ways_differ(clean_days):
    day, feed = clean_days.dates[9], "tms_lanes"
    lanes = clean_days.partitions[day][feed].copy()
    lanes["truck_cost_usd"] += np.arange(len(lanes))
    turned = lanes.rename(columns={"origin": "destination", "destination": "origin"})
    checks, _, _ = judge_against_past(load_contract(feed), turned, day, GatePolicy(), History(before=lanes))
    assert {check.name for check in checks if not check.passed} >= {"swapped_columns"}


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize(
    ("feed", "column"),
    [("wms_stock", "on_hand"), ("erp_items", "unit_cost_usd"), ("erp_items", "description"), ("tms_lanes", "truck_cost_usd"),
     ("erp_items", "supplier_lead_time_days"), ("erp_sales_orders", "unit_price_usd")],
)  # fmt: skip
def test_a_column_that_slipped_by_a_row_is_found(clean_days, feed, column, step):
    day = busy_day(clean_days, feed)
    frame = clean_days.partitions[day][feed].sort_values("_source_line", ignore_index=True)
    verdict = clean_days.compare(day, feed, frame.assign(**{column: np.roll(frame[column].to_numpy(), step)}))
    assert failed_rules(verdict).get("shifted_rows") == "block", verdict.failures


@pytest.mark.parametrize("back", [1, 3])
@pytest.mark.parametrize("feed", ["wms_stock", "erp_sales_orders", "wms_shipments", "wms_movements"])
def test_an_earlier_file_under_todays_date_is_found(clean_days, feed, back):
    contract = load_contract(feed)
    day = clean_days.dates[20]
    old = clean_days.partitions[clean_days.dates[20 - back]][feed]
    stamps = {c.name: old[c.name] + pd.Timedelta(days=back) for c in contract.columns if c.type in ("date", "timestamp")}
    ids = {} if contract.kind == "snapshot" else {contract.key[0]: old[contract.key[0]] + "-again"}
    verdict = clean_days.compare(day, feed, old.assign(**stamps, **ids))
    expected = "warn" if contract.kind == "snapshot" else "block"  # stock is judged against movements, which block
    assert failed_rules(verdict).get("repeated_rows") == expected, verdict.failures
