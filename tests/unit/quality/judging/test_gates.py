"""Every check of a gate can fail and can pass, blocks or warns as promised, and the verdict survives its own JSON."""

import datetime
import subprocess
import sys

import pandas as pd
import pytest

from pipelines.domain.errors import InputRefused
from pipelines.domain.policy import GatePolicy
from pipelines.extracts.contracts.contract import load_contract
from pipelines.flows.intake import save_verdict
from pipelines.store.home import Home
from quality.judging.gates import GateVerdict, check_row_count, run_gate

DAY = datetime.date(2026, 1, 5)
STOCK = load_contract("wms_stock")
KNOWN = {"erp_items": {"I1", "I2"}, "erp_locations": {"CA_1", "TX_2"}}


def stock_frame(**changes):
    columns = {
        "date": pd.to_datetime(["2026-01-05"] * 2), "location_id": ["CA_1", "TX_2"], "item_id": ["I1", "I2"], "lot_id": [None, "L1"],
        "on_hand": [10, 5], "reserved": [1, 0], "blocked": [0, 0], "expiry_date": pd.to_datetime([None, "2026-03-01"]),
    }  # fmt: skip
    return pd.DataFrame(columns | changes)


def gate(frame=None, contract=STOCK, **changes):
    frame = stock_frame() if frame is None else frame
    arguments = {"rows_in": len(frame), "rows_quarantined": 0, "trailing_counts": [2, 2, 2], "known_keys": KNOWN} | changes
    return run_gate(contract, frame, business_date=DAY, policy=GatePolicy(), **arguments)


def test_a_good_partition_passes_every_check():
    verdict = gate()
    assert verdict.passed
    assert verdict.failures == ()
    names = [check.name for check in verdict.checks]
    assert names[:4] == ["rows_present", "row_count", "quarantine_share", "expect_table_row_count_to_be_between"]
    assert {"keys_unique", "references_known:item_id", "fresh", "no_future_rows", "locations_reported"} < set(names)


FAILURES = {
    "no rows": ({"frame": stock_frame().head(0), "rows_in": 0}, "rows_present", "block"),
    "no accepted rows": ({"frame": stock_frame().head(0), "rows_in": 9, "rows_quarantined": 9}, "rows_present", "block"),
    "shrunken": ({"trailing_counts": [10, 10, 10]}, "row_count", "block"),
    "smaller": ({"trailing_counts": [3, 3, 4]}, "row_count", "warn"),
    "grown": ({"trailing_counts": [1, 1, 1]}, "row_count", "block"),
    "some quarantined": ({"rows_in": 100, "rows_quarantined": 5}, "quarantine_share", "warn"),
    "many quarantined": ({"rows_in": 100, "rows_quarantined": 6}, "quarantine_share", "block"),
    "many of its own quarantined": ({"rows_in": 200, "rows_left_out": 120, "rows_quarantined": 5}, "quarantine_share", "block"),
    "some of its own quarantined": ({"rows_in": 220, "rows_left_out": 120, "rows_quarantined": 5}, "quarantine_share", "warn"),
    "none of its own": ({"frame": stock_frame().head(0), "rows_in": 9, "rows_left_out": 9}, "rows_present", "block"),
    "null": ({"frame": stock_frame(location_id=["CA_1", None])}, "expect_column_values_to_not_be_null:location_id", "block"),
    "all null": ({"frame": stock_frame(on_hand=[None, None])}, "expect_column_values_to_not_be_null:on_hand", "block"),
    "negative": ({"frame": stock_frame(on_hand=[10, -1])}, "expect_column_values_to_be_between:on_hand", "block"),
    "trailing newline": ({"frame": stock_frame(item_id=["I1\n", "I2"])}, "expect_column_values_to_match_regex:item_id", "block"),
    "missing column": ({"frame": stock_frame().drop(columns="reserved")}, "columns_present", "block"),
    "doubled key": ({"frame": pd.concat([stock_frame(), stock_frame().head(1)])}, "keys_unique", "block"),
    "doubled key in suite": (
        {"frame": pd.concat([stock_frame(), stock_frame().tail(1)])},
        "expect_compound_columns_to_be_unique:date,location_id,item_id,lot_id",
        "block",
    ),
    "unknown item": ({"frame": stock_frame(item_id=["I1", "I9"])}, "references_known:item_id", "block"),
    "references not loaded": ({"known_keys": {}}, "references_known:location_id", "block"),
    "stale": ({"frame": stock_frame(date=pd.to_datetime(["2026-01-04"] * 2))}, "fresh", "block"),
    "future": ({"frame": stock_frame(date=pd.to_datetime(["2026-01-05", "2026-01-06"]))}, "no_future_rows", "block"),
    "silent location": ({"frame": stock_frame().head(1)}, "locations_reported", "warn"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_bad_partition_fails_the_check_that_is_about_it(case):
    arguments, name, severity = FAILURES[case]
    verdict = gate(**arguments)
    failed = {check.name: check for check in verdict.failures}
    assert failed[name].severity == severity
    assert verdict.passed == all(check.severity == "warn" for check in verdict.failures)
    assert verdict.failures == tuple(sorted(verdict.failures, key=lambda check: check.severity != "block"))


def test_a_partition_without_its_columns_blocks_instead_of_breaking():
    verdict = gate(stock_frame().drop(columns=["date", "item_id"]))
    assert [(check.name, check.severity, check.examples) for check in verdict.failures] == [
        ("columns_present", "block", ("date", "item_id"))
    ]


def test_few_unknown_references_or_future_rows_only_warn():
    many = pd.concat([stock_frame().head(1).assign(lot_id=f"L{n}") for n in range(98)] + [stock_frame().head(1).assign(item_id="I9")])
    verdict = gate(many, trailing_counts=[])
    assert verdict.passed
    check = next(check for check in verdict.failures if check.name == "references_known:item_id")
    assert (check.severity, check.examples) == ("warn", ("I9",))


def test_a_file_of_unknown_items_names_one_row_of_each_item_location():
    many = pd.concat([stock_frame(item_id=["I8", "I9"]).assign(lot_id=f"L{n}") for n in range(50)])
    verdict = gate(many, trailing_counts=[])
    named = [(entry.location_id, entry.item_id) for entry in verdict.failing if entry.check == "references_known:item_id"]
    assert not verdict.passed
    assert sorted(named) == sorted(set(zip(many["location_id"], many["item_id"], strict=True)))


@pytest.mark.parametrize(
    ("feed", "rows", "trailing", "passed", "severity"),
    [
        ("wms_stock", 70, [100, 100, 100], True, "warn"),
        ("wms_stock", 69, [100, 100, 100], False, "warn"),
        ("wms_stock", 131, [100, 100, 100], False, "warn"),
        ("wms_stock", 30, [100, 100, 100], False, "warn"),
        ("wms_stock", 29, [100, 100, 100], False, "block"),
        ("wms_stock", 171, [100, 100, 100], False, "block"),
        ("wms_stock", 1, [100, 100], True, "warn"),
        ("wms_stock", 100, [5, 100, 100, 100, 9000], True, "warn"),
        ("erp_sales_orders", 18, [10, 10, 10], True, "warn"),
        ("erp_sales_orders", 31, [10, 10, 10], True, "warn"),
        ("erp_sales_orders", 33, [10, 10, 10], False, "warn"),
        ("erp_sales_orders", 1, [40, 40, 40], False, "warn"),
        ("erp_sales_orders", 3, [40, 40, 40], False, "warn"),
        ("erp_sales_orders", 4, [40, 40, 40], True, "warn"),
        ("erp_sales_orders", 1, [30, 30, 30], False, "warn"),
        ("erp_sales_orders", 1, [20, 20, 20], True, "warn"),
        ("erp_sales_orders", 1, [2, *[40] * 6] * 4, True, "warn"),
        ("wms_movements", 0, [40, 40, 40], False, "warn"),
        ("wms_receipts", 1, [40, 40, 40], True, "warn"),
        ("erp_sales_orders", 250, [1000, 1000, 1000], False, "block"),
        ("erp_sales_orders", 50, [40, *[1000] * 6] * 4, True, "warn"),
        ("erp_sales_orders", 50, [*[1000] * 6, 40] * 4, False, "block"),
        ("wms_stock", 50, [40, *[1000] * 6] * 4, False, "block"),
        ("wms_receipts", 500, [10, 10, 10], False, "warn"),
        ("wms_receipts", 0, [10, 10, 10], True, "warn"),
    ],
)
def test_row_counts_against_the_trailing_median(feed, rows, trailing, passed, severity):
    check = check_row_count(load_contract(feed), rows, trailing, GatePolicy())
    assert (check.passed, check.severity) == (passed, severity)


def test_a_quiet_day_passes_only_where_the_contract_allows_it():
    receipts = load_contract("wms_receipts")
    empty = pd.DataFrame({column.name: pd.Series(dtype="str") for column in receipts.columns})
    assert gate(empty, receipts).passed
    assert not gate(empty, receipts, rows_in=3, rows_quarantined=3).passed
    assert gate(empty, receipts, rows_in=3, rows_left_out=3).passed
    assert not gate(empty, receipts, rows_in=3, rows_left_out=2, rows_quarantined=1).passed
    stock = load_contract("wms_stock")
    assert not gate(pd.DataFrame({column.name: pd.Series(dtype="str") for column in stock.columns}), stock).passed


@pytest.mark.parametrize("feed", ["erp_sales_orders", "wms_shipments", "wms_movements"])
@pytest.mark.parametrize(
    ("is_delivered", "trailing", "severity"),
    [
        (True, [40, 40, 40], "warn"),
        (True, [], "warn"),
        (False, [40, 40, 40], "block"),
        (False, [40, 0, 40, 0, 40], "block"),
        (False, [40, 0, 40, 0, 0, 0], "warn"),
        (False, [0, 0, 0], "warn"),
        (False, [0, 0], "block"),
        (False, [], "block"),
    ],
)
def test_a_header_alone_says_that_the_day_was_quiet_and_no_file_that_a_busy_feed_is_missing(feed, is_delivered, trailing, severity):
    contract = load_contract(feed)
    verdict = gate(pd.DataFrame(columns=[c.name for c in contract.columns]), contract, trailing_counts=trailing, is_delivered=is_delivered)
    assert [(check.name, check.severity) for check in verdict.failures] == [("rows_present", severity)]
    assert ("feed missing" in verdict.failures[0].observed) == (not is_delivered)
    assert verdict.passed == (severity == "warn")


def test_a_file_with_nothing_but_rows_that_its_layout_leaves_out_is_a_quiet_day():
    """A Sunday of a system that writes other events into the same file: the night goes on, and the figures say why."""
    contract = load_contract("wms_movements")
    empty = pd.DataFrame(columns=[column.name for column in contract.columns])
    verdict = gate(empty, contract, rows_in=5, rows_left_out=5, trailing_counts=[40, 40, 40])
    assert verdict.passed
    assert [(check.name, check.severity) for check in verdict.failures] == [("rows_present", "warn")]
    assert verdict.failures[0].observed == "a file whose 5 rows are all left out by the layout"


@pytest.mark.parametrize(
    ("newest", "trailing", "severity"),
    [("2026-01-04", [], "warn"), ("2025-12-29", [], "warn"), ("2025-12-28", [], "block"), ("2026-01-04", [3, 3, 3], "block")],
)
def test_a_first_load_may_end_on_quiet_days_but_an_old_file_may_not_pass_for_today(newest, trailing, severity):
    frame = pd.DataFrame({"event_id": ["E1"], "at": pd.to_datetime([newest]), "location_id": "CA_1", "item_id": "I1", "lot_id": None,
                          "type": "sale", "qty_units": -1, "reference": None})  # fmt: skip
    failed = {check.name: check.severity for check in gate(frame, load_contract("wms_movements"), trailing_counts=trailing).failures}
    assert failed == {"fresh": severity}


def test_a_feed_that_refers_to_itself_knows_its_own_rows():
    items = load_contract("erp_items")
    frame = pd.DataFrame(
        {
            "item_id": ["I1", "I2"], "description": "x", "category": "c", "variant_of": [None, "I9"], "uom": "EA", "units_per_pack": 1,
            "weight_kg": 1.0, "volume_m3": 1.0, "unit_cost_usd": 1.0, "unit_price_usd": 1.0,
            "shelf_life_days": pd.array([None, 3], "Int64"),
            "lifecycle": "active", "launch_date": pd.NaT, "end_date": pd.NaT, "supplier_id": "S", "supplier_lead_time_days": 1,
            "review_period_days": 7,
        }
    )  # fmt: skip
    failed = [check.name for check in gate(frame, items).failures]
    assert failed == ["references_known:variant_of"]
    assert gate(frame.assign(variant_of=[None, "I1"]), items).failures == ()


def test_a_verdict_survives_json_and_is_written_in_one_stroke(tmp_path):
    verdict = gate(stock_frame(item_id=["I1", "I9"]))
    assert GateVerdict.from_json(verdict.to_json()) == verdict
    save_verdict(Home(tmp_path), verdict.business_date, verdict.feed, "sha", verdict.to_json())
    folder = tmp_path / "gates" / "2026-01-05"
    assert (folder / "wms_stock.json").read_text() == verdict.to_json()
    assert {file.name for file in folder.iterdir()} == {"wms_stock.json", "wms_stock.lake_sha256"}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "evenstock-gate/9"}', '{"format": "evenstock-gate/1", "checks": []}'])
def test_anything_else_is_no_verdict(text):
    with pytest.raises(InputRefused, match="not a gate verdict"):
        GateVerdict.from_json(text)


def test_the_same_partition_gives_the_same_bytes_in_any_row_order():
    frame = stock_frame(item_id=["I8", "I9"])
    assert gate(frame).to_json() == gate(frame.iloc[::-1]).to_json()


def test_importing_quality_does_not_import_great_expectations():
    rooms = "quality, quality.judging.gates, quality.expectations.suites, quality.reconciliation.day_book"
    code = f"import sys, {rooms}; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
