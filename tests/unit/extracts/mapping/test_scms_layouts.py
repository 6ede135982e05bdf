"""A naturally dirty delivery history through layouts: each dirty cell is read right, by an oracle or by decimal arithmetic, or quarantined
with its reason. The counts are those of docs/layout-tutorial.md.
"""

import csv
import datetime as dt
import os
import re
from collections import Counter
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.domain.policy import Policy
from pipelines.extracts.checking.contract_check import CheckedFile, check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.landing.kept_layouts import find_layout
from pipelines.extracts.layouts.layout import load_layout
from pipelines.extracts.layouts.layout_reading import read_layout
from pipelines.flows import ingest_feed, read_gate_inputs
from pipelines.store.home import Home
from quality.judging.judge import judge_feed
from tests.faults.mutations.judge import cheap_suites
from tests.landed import land_file

HISTORY = Path(os.environ.get("EVENSTOCK_REAL_DATA", "absent")) / "scms" / "scms_delivery_history.parquet"
PAGE = Path(__file__).resolve().parents[4] / "docs" / "layout-tutorial.md"
WEIGHT, FREIGHT, PACKS = "Weight (Kilograms)", "Freight Cost (USD)", "Line Item Quantity"
MONTH_FIRST = "%m/%d/%Y"

# Every line of the history with one of its days; the other columns are of no interest here.
ALL_DATES = """
layout: scms_dates
system: scms
feed: erp_purchase_orders
description: One day of every line.
file: {{format: parquet}}
columns:
  po_id: "PO / SO #"
  line_no: ID
  item_id: {{value: ITEM}}
  location_id: Project Code
  qty_ordered: Line Item Quantity
  qty_received: Line Item Quantity
  ordered_at: {{value: 2000-01-01}}
  expected_date: {{from: {column}, dates: {dates}}}
  status: {{value: open}}
"""
# What a pack of each line weighs and costs to bring: the two columns in which text stands among numbers.
BY_PACK = """
layout: scms_packs
system: scms
feed: erp_items
description: Weight or freight of a pack of every line.
file: {{format: parquet}}
columns:
  item_id: {{join: [Project Code, ID], with: "."}}
  description: {{value: a pack}}
  category: Product Group
  uom: {{value: pack}}
  units_per_pack: 1
  weight_kg: {weight}
  volume_m3: 0
  unit_cost_usd: {cost}
  unit_price_usd: 1
  lifecycle: {{value: active}}
"""


@pytest.fixture(scope="module")
def history() -> dict[int, dict]:
    """The lines of the history by their ID."""
    if not HISTORY.is_file():
        pytest.skip("EVENSTOCK_REAL_DATA has no scms/scms_delivery_history.parquet")
    return {row["ID"]: row for row in pq.read_table(HISTORY).to_pylist()}


@pytest.fixture(scope="module")
def items(history, tmp_path_factory) -> Path:
    """A code for every description: the cross-reference that a user of the history has to bring."""
    path = tmp_path_factory.mktemp("scms") / "items.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["item_description", "item_id"])
        descriptions = sorted({row["Item Description"] for row in history.values()})
        writer.writerows([text, f"SCMS-{number:03}"] for number, text in enumerate(descriptions, 1))
    return path


def reasons(checked: CheckedFile) -> dict[tuple[str, str], int]:
    """(reason, column) to rows, printed as well."""
    found = Counter((row["reason"], row["column"]) for row in checked.quarantined.to_pylist())
    for (reason, column), rows in sorted(found.items(), key=lambda item: -item[1]):
        print(f"  {rows:>6,} {reason} in {column}")
    return dict(found)


def tell(name: str, checked: CheckedFile) -> str:
    said = f"{checked.rows_in:,} rows = {checked.accepted.num_rows:,} accepted + {checked.quarantined.num_rows:,} quarantined"
    said += f" + {checked.left_out:,} left out"
    print(f"{name}: {said}")
    return said


def test_direct_drops_become_purchase_orders(history, items):
    layout = load_layout("scms_purchase_orders")
    checked = check_file(HISTORY, load_contract(layout.feed), layout, companions={"ITEMS": items})
    assert tell("purchase orders", checked) == "10,324 rows = 4,587 accepted + 333 quarantined + 5,404 left out"
    assert reasons(checked) == {
        ("bad_date", "PO Sent to Vendor Date"): 328,
        ("expected_after_order", "Scheduled Delivery Date"): 4,
        ("received_after_order", "Delivered to Client Date"): 1,
    }
    assert {row["value"] for row in checked.quarantined.to_pylist() if row["reason"] == "bad_date"} == {"Date Not Captured"}
    for row in checked.accepted.to_pylist():
        line = history[row["line_no"]]
        assert line["Fulfill Via"] == "Direct Drop"
        assert row["expected_date"] == line["scheduled_delivery_date"].date() and row["received_at"] == line["delivered_date"].date()
        assert row["qty_ordered"] == row["qty_received"] == line[PACKS]
        assert row["ordered_at"] == _month_first(line["PO Sent to Vendor Date"])


@pytest.mark.parametrize(
    ("layout", "share"),
    [("scms_purchase_orders", "333 of 4920 rows (6.77%)"), ("scms_sales_orders", "1660 of 5404 rows (30.72%)")],
)
def test_a_gate_blocks_what_is_too_dirty_whatever_else_is_in_the_file(layout, share, history, items, tmp_path):
    """More than half of the lines are of the other feed, and take nothing from the share of those that were refused."""
    home, day, feed = Home(tmp_path), dt.date(2015, 9, 30), load_layout(layout).feed
    land_file(home.landing, HISTORY, feed, day, layout=find_layout(layout), companions={"ITEMS": items})
    inputs = read_gate_inputs(home, feed, day, ingest_feed(home, feed, day), Policy())
    with cheap_suites():
        said = {check.name: check for check in judge_feed(inputs, day, Policy().gate).failures}
    assert (said["quarantine_share"].severity, said["quarantine_share"].observed) == ("block", share)


def test_the_days_of_orders_are_written_month_first(history):
    """The oracle has no order days; but read day first, a quarter of the ambiguous ones would lie after the scheduled day."""
    ambiguous = [row for row in history.values() if re.fullmatch(r"[0-9]{2}/[0-9]{2}/[0-9]{4}", row["PO Sent to Vendor Date"])]
    month_first = [row for row in ambiguous if _month_first(row["PO Sent to Vendor Date"]) > row["scheduled_delivery_date"].date()]
    day_first = [
        row for row in ambiguous if dt.datetime.strptime(row["PO Sent to Vendor Date"], "%d/%m/%Y") > row["scheduled_delivery_date"]
    ]
    assert (len(ambiguous), len(month_first), len(day_first)) == (1712, 0, 428)


def test_lines_of_a_distribution_centre_become_sales_orders(history, items):
    layout = load_layout("scms_sales_orders")
    checked = check_file(HISTORY, load_contract(layout.feed), layout, companions={"ITEMS": items})
    assert tell("sales orders", checked) == "10,324 rows = 3,744 accepted + 1,660 quarantined + 4,920 left out"
    assert reasons(checked) == {("bad_time", "PQ First Sent to Client Date"): 1660}
    words = Counter(row["value"] for row in checked.quarantined.to_pylist())
    assert words == {"Pre-PQ Process": 1455, "Date Not Captured": 205}
    for row in checked.accepted.to_pylist():
        line = history[row["line_no"]]
        assert row["promised_date"] == row["requested_date"] == line["scheduled_delivery_date"].date()
        assert row["ordered_at"].date() == _month_first(line["PQ First Sent to Client Date"])
        assert (row["qty_units"], row["ship_to_region"]) == (line[PACKS], line["Country"])
        assert row["unit_price_usd"] == Decimal(repr(line["Pack Price"]))


DAY_FIRST = "DD-MON-YY"
ORDER_DAYS = "[M/D/YY, MM/DD/YYYY]"


@pytest.mark.parametrize(
    ("column", "dates", "oracle", "words"),
    [
        ("Scheduled Delivery Date", DAY_FIRST, "scheduled_delivery_date", {}),
        ("Delivered to Client Date", DAY_FIRST, "delivered_date", {}),
        ("Delivery Recorded Date", DAY_FIRST, "recorded_date", {}),
        ("PQ First Sent to Client Date", ORDER_DAYS, "", {"Pre-PQ Process": 2476, "Date Not Captured": 205}),
        ("PO Sent to Vendor Date", ORDER_DAYS, "", {"N/A - From RDC": 5404, "Date Not Captured": 328}),
    ],
)
def test_every_day_of_all_lines_is_read_right_or_quarantined(column, dates, oracle, words, history):
    layout = read_layout(ALL_DATES.format(column=column, dates=dates).encode(), "scms_dates.yaml")
    checked = check_file(HISTORY, load_contract(layout.feed), layout)
    refused = sum(words.values())
    assert tell(column, checked) == f"10,324 rows = {10324 - refused:,} accepted + {refused:,} quarantined + 0 left out"
    assert Counter(row["value"] for row in checked.quarantined.to_pylist()) == words
    for row in checked.accepted.to_pylist():
        line = history[row["line_no"]]
        assert row["expected_date"] == (line[oracle].date() if oracle else _month_first(line[column]))


def test_a_month_of_four_letters_is_read(history):
    assert sum("Sept" in row["Scheduled Delivery Date"] for row in history.values()) == 884


def test_an_insurance_is_read_to_the_cent_or_missing(history):
    other = {"weight": "0", "cost": "{from: Line Item Insurance (USD), multiply: 1, round: half_even}"}
    layout = read_layout(BY_PACK.format(**other).encode(), "scms_packs.yaml")
    checked = check_file(HISTORY, load_contract(layout.feed), layout)
    tell("Line Item Insurance (USD)", checked)
    found = reasons(checked)
    assert found.pop(("missing_value", "Line Item Insurance (USD)")) == 287
    assert set(found) <= {("out_of_range", "Line Item Insurance (USD)")}
    accepted = {int(row["item_id"].rpartition(".")[2]): row["unit_cost_usd"] for row in checked.accepted.to_pylist()}
    for key, line in history.items():
        if line["Line Item Insurance (USD)"] is not None:
            exact = Decimal(repr(line["Line Item Insurance (USD)"])).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)
            assert accepted[key] == exact if key in accepted else exact < Decimal("0.0001")


@pytest.mark.parametrize(
    ("column", "target", "words"),
    [
        (WEIGHT, "weight_kg", {"Weight Captured Separately": 1507, "See DN or ASN": 2445}),
        (FREIGHT, "unit_cost_usd", {"Freight Included in Commodity Cost": 1442, "Invoiced Separately": 239, "See DN or ASN": 2445}),
    ],
)
def test_text_among_numbers_is_quarantined_and_numbers_are_exact(column, target, words, history):
    by_pack = f"{{from: {column}, divide_by: {PACKS}, round: half_even}}"
    other = {"weight": "0", "cost": "1"} | {"weight" if target == "weight_kg" else "cost": by_pack}
    layout = read_layout(BY_PACK.format(**other).encode(), "scms_packs.yaml")
    checked = check_file(HISTORY, load_contract(layout.feed), layout)
    tell(column, checked)
    found = reasons(checked)
    text = [row["value"] for row in checked.quarantined.to_pylist() if row["reason"] == "bad_number"]
    seen = Counter("See DN or ASN" if re.match(r"See (DN|ASN)-", value) else value for value in text)
    assert seen == words
    label = f"{column},{PACKS}"
    assert set(found) - {(("bad_number"), column), ("out_of_range", label)} == set(), found
    places = Decimal("0.000001") if target == "weight_kg" else Decimal("0.0001")
    accepted = {int(row["item_id"].rpartition(".")[2]): row[target] for row in checked.accepted.to_pylist()}
    numbers = {key: line for key, line in history.items() if re.fullmatch(r"[0-9]+(\.[0-9]+)?", line[column])}
    assert len(numbers) + len(text) == len(history)
    for key, line in numbers.items():
        exact = (Decimal(line[column]) / line[PACKS]).quantize(places, ROUND_HALF_EVEN)
        assert accepted[key] == exact if key in accepted else exact < places


def test_the_page_shows_these_counts():
    said = PAGE.read_text(encoding="utf-8")
    figures = ["4,587 accepted", "333 quarantined", "5,404 left out", "3,744 accepted", "1,660 quarantined", "3,952", "4,126", "10,324"]
    figures += ["2,476", "7,643 accepted", "2,681 quarantined", "4,592 accepted", "5,732 quarantined", "287", "884"]
    assert [figure for figure in figures if figure not in said] == []


def _month_first(text: str) -> dt.date:
    return dt.datetime.strptime(text, MONTH_FIRST if re.fullmatch(r".*/[0-9]{4}", text) else "%m/%d/%y").date()
