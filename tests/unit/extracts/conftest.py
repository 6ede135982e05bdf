"""One valid row per feed, and a writer that turns rows into canonical files."""

import csv
import io
import json
from pathlib import Path

import pytest

from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.layouts.layout import load_layout

GOOD_ROWS = {
    "erp_items": "I1,Lamp,HOBBIES,,EA,6,0.25,0.001,4.5,9.99,,active,2020-01-01,,S1,21,7",
    "erp_locations": "CA_1,Fresno,dc,us,us,US,CA,36.7,-119.7,5000,20000,20000,0.05,America/Los_Angeles",
    "tms_lanes": "CA_1,TX_2,road,ACME,1800,60,2,26,600,1.8,0.05,4.5,,,0,4,1.2,12345,0,0,true",
    "erp_sales_orders": "O1,1,I1,CA_1,CA,93650,web,2,9.99,2026-01-05T09:30:00,2026-01-07,2026-01-08,shipped",
    "wms_shipments": "SH1,O1,1,CA_1,I1,2,2026-01-05T18:00:00,",
    "wms_stock": "2026-01-05,CA_1,I1,,10,2,1,",
    "wms_movements": "E1,2026-01-05T09:30:00,CA_1,I1,,sale,-2,O1",
    "erp_purchase_orders": "P1,1,S1,I1,CA_1,24,0,2026-01-05,2026-01-26,,open",
    "wms_transfers": "T1,L1,I1,,CA_1,TX_2,road,12,12,12,shipped,2026-01-05T21:00:00",
    "wms_receipts": "R1,transfer,T1,L1,I1,TX_2,,12,10,1,1,0,2026-01-05T06:00:00",
    "tms_customer_lanes": "CA_1,WEST,2.5,6.4",
    "erp_events": "EV1,category,HOBBIES,promotion,2026-01-05,2026-01-11,0.4",
    "wms_counts": "CA_1,I1,,10,9,2026-01-05T22:00:00",
    "fin_parameters": "network,,0.12,0.03,0.1,1.5,5000",
}


@pytest.fixture
def good_row():
    """good_row(feed, **changes): the cells of a valid row by column."""

    def build(feed, **changes):
        names = [column.name for column in load_contract(feed).columns]
        return dict(zip(names, GOOD_ROWS[feed].split(","), strict=True)) | changes

    return build


@pytest.fixture
def csv_text():
    """csv_text(feed, rows): canonical text of rows given as mappings."""

    def build(feed, rows):
        names = [column.name for column in load_contract(feed).columns]
        stream = io.StringIO()
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return stream.getvalue()

    return build


@pytest.fixture
def write_feed(tmp_path, csv_text):
    """write_feed(feed, rows, name=...): a file of rows given as mappings."""

    def build(feed, rows, name=None) -> Path:
        path = tmp_path / (name or f"{feed}.csv")
        path.write_text(csv_text(feed, rows), encoding="utf-8", newline="")
        return path

    return build


@pytest.fixture
def check_mapped(tmp_path, good_row):
    """check_mapped(feed, columns, rows, values=..., delimiter=..., **keys): a good file with changed cells through a layout of its own.

    Every column of the feed that `columns` does not say otherwise about comes from the source column of its name.
    """

    def build(feed, columns, rows, *, companions=None, business_date=None, **keys):
        contract = load_contract(feed)
        unique = "item_id" if "item_id" in contract.key else contract.key[0]
        full = [good_row(feed, **{unique: f"K{number}"}) | row for number, row in enumerate(rows)]
        header = list(dict.fromkeys(name for row in full for name in row))
        own = {column.name: column.name for column in contract.columns}
        body = {"layout": "tried", "system": "test", "feed": feed, "description": "A test.", "columns": own | columns} | keys
        (tmp_path / "tried.yaml").write_text(json.dumps(body), encoding="utf-8")
        stream = io.StringIO()
        writer = csv.DictWriter(stream, header, restval="", lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(full)
        path = tmp_path / "source.csv"
        path.write_text(stream.getvalue(), encoding="utf-8", newline="")
        layout = load_layout(tmp_path / "tried.yaml")
        return check_file(path, contract, layout, companions=companions or {}, business_date=business_date)

    return build
