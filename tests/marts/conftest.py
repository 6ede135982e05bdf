"""A small lake written by hand, and one real dbt build over it that the tests of this folder share."""

import datetime
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from pipelines.store.lake_schema import FEED_SCHEMAS, LINEAGE
from pipelines.store.warehouse import DBT_ENV, RunParameters, create_store, put_tables

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "dbt"
AS_OF = datetime.date(2026, 3, 10)


def day(number: int) -> datetime.date:
    return datetime.date(2026, 3, number)


def at(number: int, hour: int, minute: int = 0) -> datetime.datetime:
    return datetime.datetime(2026, 3, number, hour, minute)


def write_feed(folder: Path, feed: str, rows: list[dict], business_date: datetime.date = AS_OF, version: int = 1) -> Path:
    """Write rows (missing columns are null) as one lake file of the feed."""
    columns = [*FEED_SCHEMAS[feed], *LINEAGE]
    target = folder / feed / f"{business_date}.v{version:04d}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns)
        connection.execute(f"CREATE TABLE feed ({declared})")
        for line, row in enumerate(rows, start=2):
            filled = row | {"_business_date": business_date, "_version": version, "_source_line": line}
            unknown = set(filled) - {name for name, _ in columns}
            assert not unknown, unknown
            connection.execute(f"INSERT INTO feed VALUES ({', '.join('?' for _ in columns)})", [filled.get(name) for name, _ in columns])
        connection.execute(f"COPY feed TO '{target}' (FORMAT parquet)")
    return target


def run_dbt(store: Path, scratch: Path, *arguments: str, project: Path = PROJECT) -> subprocess.CompletedProcess:
    """Call the real dbt; its own files go to `scratch`."""
    environment = os.environ | DBT_ENV(store) | {"DBT_TARGET_PATH": str(scratch / "target"), "DBT_LOG_PATH": str(scratch / "logs")}
    command = [str(Path(sys.executable).with_name("dbt")), *arguments, "--project-dir", str(project), "--profiles-dir", str(project)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def rows_of(names: str, *values: tuple) -> list[dict]:
    columns = names.split()
    return [dict(zip(columns, row, strict=True)) for row in values]


ITEMS = rows_of(
    "item_id description category units_per_pack weight_kg volume_m3 unit_cost_usd unit_price_usd lifecycle",
    ("P", "pump", "food", 1, "1.5", "0.1", "10", "15", "active"),
    ("Q", "'); drop table x; -- {{ 7 * 7 }}", "food", 6, "0.5", "0.05", "2", "4", "active"),
    ("R", "rope", "toys", 1, "0.2", "0.01", "5", "9", "discontinued"),
)
LOCATIONS = rows_of(
    "location_id name kind country storage_capacity_m3 storage_cost_usd_per_m3_day time_zone",
    ("A", "Alpha", "fc", "US", "1000", "0.5", "UTC"),
    ("B", "Beta", "store", "US", "500", "2", "UTC"),
)
LANES = rows_of(
    "origin destination mode carrier truck_cost_usd pallet_cost_usd max_trucks pallets_per_truck pallet_kg pallet_m3 cost_usd_per_unit"
    " line_cost_usd min_shipment_kg lead_time_days_mean lead_time_days_sd weekdays duty_share customs_days allowed",
    ("A", "B", "road", "acme", "100", "5", 2, 26, "600", "1.8", "0.1", "1", "0", 2.0, 0.5, "12345", 0.0, 0, True),
    ("B", "A", "road", "acme", "100", "5", 2, 26, "600", "1.8", "0.1", "1", "0", 2.0, 0.5, "12345", 0.0, 0, False),
)
# Closing stock of the days 5 to 10: on hand, reserved, blocked. B did not report on day 9 and left out Q's empty row on day 10.
STOCK = rows_of(
    "date location_id item_id lot_id on_hand reserved blocked expiry_date",
    *[(day(d), "A", "P", "L1", 60, 5, 2, day(9)) for d in range(5, 11)],
    *[(day(d), "A", "P", "L2", 40, 0, 0, day(17)) for d in range(5, 11)],
    (day(5), "B", "P", None, 10, 0, 0, None),
    (day(6), "B", "P", None, 10, 0, 0, None),
    (day(7), "B", "P", None, 6, 0, 0, None),
    (day(8), "B", "P", None, 0, 0, 0, None),
    (day(10), "B", "P", None, 16, 1, 2, None),
    (day(8), "B", "Q", None, 3, 0, 0, None),
    (day(10), "A", "R", None, 8, 0, 0, None),
)
MOVEMENTS = rows_of(
    "event_id at location_id item_id type qty_units",
    ("e1", at(7, 11), "B", "P", "sale", -3),
    ("e2", at(7, 12), "B", "P", "sale", -1),
    ("e3", at(8, 11), "B", "P", "sale", -2),
    ("e4", at(8, 14), "B", "P", "sale", -4),
    ("e5", at(9, 6), "B", "P", "po_receipt", 20),
    ("e6", at(9, 9), "B", "Q", "sale", -3),
    ("e7", at(10, 17), "B", "P", "sale", -4),
)
ORDERS = rows_of(
    "order_id line_no item_id location_id ship_to_region channel qty_units unit_price_usd ordered_at requested_date promised_date status",
    ("o1", 1, "P", "B", None, "store", 4, "15", at(7, 11), day(7), day(7), "shipped"),
    ("o2", 1, "P", "B", "WEST", "web", 6, "15", at(8, 11), day(8), day(9), "shipped"),
    ("o2", 2, "Q", "B", "WEST", "web", 5, "4", at(8, 11), day(8), day(9), "part_shipped"),
    ("o3", 1, "P", "B", "EAST", "web", 4, "15", at(10, 9), day(10), day(12), "shipped"),
    ("o4", 1, "P", "A", "EAST", "web", 9, "15", at(6, 9), day(6), day(8), "cancelled"),
)
SHIPMENTS = rows_of(
    "shipment_id order_id line_no location_id item_id qty_units shipped_at delivered_at",
    ("s1", "o1", 1, "B", "P", 3, at(7, 11), None),
    ("s2", "o1", 1, "B", "P", 1, at(7, 12), None),
    ("s3", "o2", 1, "B", "P", 2, at(8, 11), at(9, 10)),
    ("s4", "o2", 1, "B", "P", 4, at(8, 14), at(9, 10)),
    ("s5", "o2", 2, "B", "Q", 3, at(9, 9), at(9, 12)),
    ("s6", "o3", 1, "B", "P", 4, at(10, 17), None),
)
PURCHASES = rows_of(
    "po_id line_no item_id location_id qty_ordered qty_received ordered_at expected_date status",
    ("po1", 1, "P", "B", 20, 20, day(1), day(9), "received"),
    ("po2", 1, "Q", "B", 48, 12, day(2), day(14), "open"),
    ("po3", 1, "R", "B", 7, 0, day(2), day(20), "open"),
    ("po4", 1, "P", "A", 30, 0, day(2), day(20), "cancelled"),
)
TRANSFERS = rows_of(
    "transfer_id line_id item_id lot_id origin destination mode qty_requested qty_picked qty_shipped state at",
    ("T1", "L1", "P", None, "A", "B", "road", 12, 0, 0, "released", at(5, 8)),
    ("T1", "L1", "P", None, "A", "B", "road", 12, 12, 0, "picked", at(5, 12)),
    ("T1", "L1", "P", "L1", "A", "B", "road", 12, 7, 7, "shipped", at(5, 21)),
    ("T1", "L1", "P", "L2", "A", "B", "road", 12, 5, 4, "shipped", at(5, 21)),
    ("T1", "L1", "P", None, "A", "B", "road", 12, 12, 11, "received", at(8, 6)),
    ("T2", "L2", "Q", None, "A", "B", "road", 6, 6, 6, "shipped", at(9, 21)),
    ("T3", "L3", "P", None, "A", "B", "road", 5, 0, 0, "released", at(10, 8)),
)
RECEIPTS = rows_of(
    "receipt_id reference_type reference_id line_id item_id location_id qty_expected qty_received qty_damaged"
    " qty_short qty_over received_at",
    ("r1", "transfer", "T1", "L1", "P", "B", 8, 6, 1, 1, 0, at(8, 6)),
    ("r2", "transfer", "T1", None, "P", "B", 3, 4, 0, 0, 1, at(8, 7)),
    ("r3", "po", "po1", None, "P", "B", 20, 20, 0, 0, 0, at(9, 6)),
)
CUSTOMER_LANES = rows_of(
    "location_id ship_to_region transit_days cost_usd_per_order",
    ("A", "EAST", 1.5, "6"),
    ("A", "WEST", 5.0, "11"),
    ("B", "EAST", 4.0, "10"),
    ("B", "WEST", 1.0, "4.5"),
)
EVENTS = rows_of(
    "event_id scope scope_id kind start_date end_date expected_uplift_share",
    ("ev1", "item", "P", "promotion", day(9), day(15), 0.4),
    ("ev2", "category", "garden", "launch", day(20), None, None),
)
COUNTS = rows_of(
    "location_id item_id lot_id system_qty counted_qty at",
    ("A", "P", "L1", 60, 57, at(8, 22)),
    ("A", "P", "L2", 40, 40, at(8, 22)),
    ("B", "P", None, 16, 16, at(10, 22)),
)
FINANCE = rows_of(
    "scope scope_id capital_rate insurance_rate obsolescence_rate transfer_budget_usd_per_week",
    ("network", None, "0.1", None, None, "900"),
    ("category", "toys", None, None, "0.2", None),
    ("location", "B", None, "0.05", None, None),
)
LEDGER = rows_of(
    "line_id run_id plan_as_of transfer_id item_id origin destination mode lane_id qty_planned_units qty_approved_units"
    " expected_ship_date expected_arrival_date net_usd benefit_usd cost_usd state",
    ("L1", "r0", day(4), "T1", "P", "A", "B", "road", "A>B:road", 15, 12, day(5), day(7), 80.0, 100.0, 20.0, "received"),
    ("L2", "r1", day(8), "T2", "Q", "A", "B", "road", "A>B:road", 6, 6, day(9), day(11), 5.0, 9.0, 4.0, "shipped"),
    ("L3", "r2", day(9), "T3", "P", "A", "B", "road", "A>B:road", 5, 5, day(10), day(12), 15.0, 25.5, 10.5, "released"),
    ("L4", "r2", day(9), "T3", "R", "A", "B", "road", "A>B:road", 2, 2, day(10), day(12), 1.0, 2.0, 1.0, "approved"),
    ("L5", "r2", day(9), "T3", "Q", "A", "B", "road", "A>B:road", 9, 0, day(10), day(12), 1.0, 2.0, 1.0, "rejected"),
)
PARAMETERS = RunParameters(as_of=AS_OF, run_id="0123456789abcdef", window_days=4)


def forecast_summary() -> pd.DataFrame:
    rows = rows_of(
        "location_id item_id mean_daily_units reorder_point_units target_units",
        ("A", "P", 1.0, 20.0, 60.0),
        ("B", "P", 3.0, 30.5, 45.0),
        ("B", "Q", 0.5, 50.0, 60.0),
    )
    texts = {"method": "mean", "note": ""}
    numbers = "raw_mean_daily_units dispersion_k in_stock_days history_days protection_days protection_mean_units"
    numbers += " q50_units q90_units q95_units q98_units safety_stock_units"
    return pd.DataFrame([row | texts | dict.fromkeys(numbers.split(), 0.0) | {"uses_prior": False} for row in rows])


def plan_lines() -> pd.DataFrame:
    numbers = "gain_usd loss_usd freight_usd handling_usd benefit_usd cost_usd net_usd donor_cover_before_days donor_cover_after_days"
    numbers += " receiver_cover_before_days receiver_cover_after_days donor_share break_even_freight_usd"
    line = dict.fromkeys(numbers.split(), 1.25) | {"line_id": "L9", "run_id": PARAMETERS.run_id, "as_of": AS_OF, "item_id": "P"}
    line |= {"lane_id": "A>B:road", "origin": "A", "destination": "B", "mode": "road", "packs": 4, "units": 4}
    line |= {"ship_date": day(11), "arrival_date": day(13), "donor_available_units": 88, "reason": "B runs out on day 12"}
    return pd.DataFrame([line])


def alert_bands() -> pd.DataFrame:
    """The usual bands, and one for toys that every stock is above."""
    usual = [("", "turns_per_year", 2.0, 4.0), ("", "days_on_hand", 30.0, 90.0), ("toys", "days_on_hand", 0.0, 0.001)]
    return pd.DataFrame(usual, columns=["category", "kpi", "lower_limit", "upper_limit"]).assign(hysteresis_share=0.1)


def trigger_events() -> pd.DataFrame:
    event = {"event_id": "E1", "type": "demand_spike", "scope": "location_item", "location_id": "B", "item_id": "P", "category": None}
    return pd.DataFrame([event | {"found_on": day(10), "evidence": "12 a day", "verdict": "open", "cooldown_until": day(24)}])


def forecast_weekly() -> pd.DataFrame:
    return pd.DataFrame([{"location_id": "A", "item_id": "P", "week_index": 0, "week_start": day(11), "mean_units": 7.0}])


FEEDS = {
    "erp_items": ITEMS,
    "erp_locations": LOCATIONS,
    "tms_lanes": LANES,
    "wms_stock": STOCK,
    "wms_movements": MOVEMENTS,
    "erp_sales_orders": ORDERS,
    "wms_shipments": SHIPMENTS,
    "erp_purchase_orders": PURCHASES,
    "wms_transfers": TRANSFERS,
    "wms_receipts": RECEIPTS,
    "tms_customer_lanes": CUSTOMER_LANES,
    "erp_events": EVENTS,
    "wms_counts": COUNTS,
    "fin_parameters": FINANCE,
}


@pytest.fixture(scope="session")
def small_lake(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The feeds above, one lake file each; stale rows of an earlier file must lose against them."""
    folder = tmp_path_factory.mktemp("lake")
    lake = {feed: [write_feed(folder, feed, rows)] for feed, rows in FEEDS.items()}
    older = [ITEMS[0] | {"unit_cost_usd": "99", "category": "old"}]
    lake["erp_items"].append(write_feed(folder, "erp_items", older, business_date=day(1)))
    closed = [LANES[0] | {"mode": "air"}]
    lake["tms_lanes"].append(write_feed(folder, "tms_lanes", closed, business_date=day(9)))
    return lake


def build_store(lake: dict[str, list[Path]], folder: Path) -> Path:
    """Both dbt builds of a run: facts, then forecast and plan handed over, then decisions."""
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "store.duckdb"
    create_store(store, lake, PARAMETERS, {"ledger_transfer_lines": pd.DataFrame(LEDGER), "alert_bands": alert_bands()})
    for tag in ("facts", "decisions"):
        done = run_dbt(store, folder, "build", "--select", f"tag:{tag}", "--exclude-resource-type", "unit_test")
        assert done.returncode == 0, done.stdout + done.stderr
        forecast = {"forecast_summary": forecast_summary(), "forecast_weekly": forecast_weekly()}
        put_tables(store, {**forecast, "plan_lines": plan_lines(), "trigger_events": trigger_events()})
    return store


@pytest.fixture(scope="session")
def dbt_scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the shared build writes its manifest, and the store itself."""
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture(scope="session")
def built_store(small_lake: dict[str, list[Path]], dbt_scratch: Path) -> Path:
    """The small lake as a store after both builds."""
    return build_store(small_lake, dbt_scratch)


@pytest.fixture(scope="session")
def dbt_run():
    return run_dbt


@pytest.fixture(scope="session")
def store_builder():
    return build_store


@pytest.fixture(scope="session")
def lake_writer():
    return write_feed


@pytest.fixture(scope="session")
def feeds() -> dict[str, list[dict]]:
    return FEEDS


@pytest.fixture(scope="session")
def run_parameters() -> RunParameters:
    return PARAMETERS
