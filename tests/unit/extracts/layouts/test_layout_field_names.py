"""Every source column that a shipped layout names is a field of its table: in the lists of the real data, or here with its origin."""

import csv
import gzip
import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.extracts.layouts.layout import LAYOUTS_DIR, SIGN_OF, load_layout

SCHEMAS = Path(os.environ.get("EVENSTOCK_REAL_DATA", "absent")) / "schemas"
SHIPPED = sorted(path.stem for path in LAYOUTS_DIR.glob("*.yaml"))
# Table of each layout's main file; companions go by the name of their table.
MAIN = {
    "sap_mard": "MARD", "sap_mchb": "MCHB", "sap_mara": "MARA", "sap_t001w": "T001W", "sap_mseg": "MSEG", "sap_matdoc": "MATDOC",
    "sap_lips": "LIPS", "sap_ekpo": "EKPO", "sap_vbap": "VBAP", "odoo_stock_quant": "stock.quant", "odoo_stock_move": "stock.move",
    "erpnext_bin": "Bin", "erpnext_stock_ledger_entry": "Stock Ledger Entry", "shopify_inventory": "inventory_quantity",
    "dynamics365_onhand": "InventWarehouseInventoryStatusOnHandV2Entity", "shopify_orders": "order_line",
    "shopify_inventory_graphql": "InventoryLevel", "shipbob_inventory": "InventoryLevelLocations",
    "business_central_item_ledger": "Item Ledger Entry", "scms_purchase_orders": "scms", "scms_sales_orders": "scms",
}  # fmt: skip
NAMED_HERE = {
    # tablesinsap.com, leanx.eu: key MANDT, MATNR, SPRAS
    "MAKT": {"MANDT", "MATNR", "SPRAS", "MAKTX", "MAKTG"},
    # shopify.dev/docs/api/admin-graphql/latest/objects/InventoryLevel, InventoryItem, Location, InventoryQuantity
    "InventoryLevel": {"location.id", "location.legacyResourceId", "item.sku"}
    | {f"quantities.{name}.quantity" for name in ("on_hand", "committed", "reserved", "damaged", "quality_control", "safety_stock")},
    # developer.shipbob.com/2026-01/api/inventory/get-all-inventory-levels-grouped-by-fulfillment-center
    "InventoryLevelLocations": {"parent.sku", "parent.inventory_id", "location_id", "on_hand_quantity", "committed_quantity"},
    # learn.microsoft.com, Common Data Model, InventoryAndWarehouseManagement/InventWarehouseInventoryStatusOnHandV2Entity
    "InventWarehouseInventoryStatusOnHandV2Entity": {
        "ItemNumber", "ProductName", "ProductColorId", "ProductConfigurationId", "ProductSizeId", "ProductStyleId", "ProductVersionId",
        "InventorySiteId", "InventoryWarehouseId", "InventoryStatusId", "OnHandQuantity",
        "ReservedOnHandQuantity", "AvailableOnHandQuantity",
    },
    # learn.microsoft.com, Business Central base application, table 32 "Item Ledger Entry"
    "Item Ledger Entry": {
        "Entry No.", "Item No.", "Posting Date", "Entry Type", "Source No.", "Document No.", "Document Type", "Description",
        "Location Code", "Quantity", "Remaining Quantity", "Invoiced Quantity", "Lot No.", "Serial No.", "Expiration Date",
        "Unit of Measure Code", "Qty. per Unit of Measure",
    },
    # Files that the customer makes; the layouts say with which columns.
    "PRICES": {"MATNR", "KBETR", "KPEIN", "KONWA"},
    "SITES": {
        "WERKS", "lat", "lon", "storage_capacity_m3", "dock_out_units_per_day", "dock_in_units_per_day", "storage_cost_usd_per_m3_day",
        "time_zone",
    },
    "WAREHOUSES": {"warehouse", "site"},
    "ITEMS": {"item_description", "item_id"},
}  # fmt: skip
# Fields that every record of the framework has, and fields of linked records: odoo/odoo addons/stock/models/stock_location.py (usage,
# warehouse_id), stock_picking.py (picking type: code), stock_warehouse.py (code); product.product: default_code; stock.lot: name.
ODOO_ALWAYS = {"id"}
ODOO_LINKED = {"usage", "warehouse_id", "code", "default_code", "name"}
FRAPPE_ALWAYS = {"name"}


@pytest.fixture(scope="module")
def fields() -> dict[str, set[str]]:
    """Table to its fields."""
    if not SCHEMAS.is_dir():
        pytest.skip("EVENSTOCK_REAL_DATA has no schemas/")
    found: dict[str, set[str]] = {name: set(columns) for name, columns in NAMED_HERE.items()}
    with gzip.open(SCHEMAS / "sap_tables_fields.csv.gz", "rt", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            found.setdefault(row["table"], set()).add(row["field"])
    for name in ("shopify_rest_fields.csv.gz", "shopify_graphql_fields.csv.gz"):
        with gzip.open(SCHEMAS / name, "rt", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                found.setdefault(row["table"], set()).add(row["column"])
    lists = json.loads((SCHEMAS / "erpnext_odoo_fields.json").read_text(encoding="utf-8"))
    for table in ("Bin", "Stock Ledger Entry"):
        found[table] = set(lists["erpnext"][table]) | FRAPPE_ALWAYS
    for table in ("stock.quant", "stock.move"):
        found[table] = {name.split("(")[0] for name in lists["odoo"][table]} | ODOO_ALWAYS
    import pyarrow.parquet as pq

    found["scms"] = set(pq.read_schema(SCHEMAS.parent / "scms" / "scms_delivery_history.parquet").names)
    return found


def is_field(table: str, column: str, fields: dict[str, set[str]]) -> bool:
    first, *linked = column.split("/") if table.startswith("stock.") else [column]
    return first in fields[table] and set(linked) <= ODOO_LINKED


def test_every_shipped_layout_has_a_table():
    assert sorted(MAIN) == SHIPPED


def named_columns(layout):
    """Every source column that a layout names, with its file: "" is the main file, else the name of a companion."""
    conditions = [*layout.where, *(condition for rule in layout.columns for condition in rule.when)]
    spellings = [place for condition in conditions for place in (condition.source, condition.other)]
    for rule in layout.columns:
        spellings += [*rule.sources, *rule.minus, rule.time_from, rule.multiply_by]
        spellings += [part.source for part in (rule.unit, rule.sign) if part]
        spellings += [] if isinstance(rule.divide_by, Decimal) else [rule.divide_by]
    spellings += layout.group.one_row_per if layout.group else ()
    files = {lookup.name: lookup.file for lookup in layout.lookups}
    found = {(lookup.file, name) for lookup in layout.lookups for _, there in lookup.on for name in there}
    for here in (here for lookup in layout.lookups for here, _ in lookup.on):
        spellings.append(here)
    for name in (name.removeprefix(SIGN_OF) for names in spellings for name in names):
        _, lookup, column = name.split(".", 2) if name.startswith("lookup.") else ("", "", name)
        found.add((files.get(lookup, ""), column))
    return found


@pytest.mark.parametrize("name", SHIPPED)
def test_every_named_column_is_a_field_of_its_table(name, fields):
    named = {(file or MAIN[name], column) for file, column in named_columns(load_layout(name))}
    assert named, "a layout names columns"
    assert [f"{table}.{column}" for table, column in sorted(named) if not is_field(table, column, fields)] == []


def test_the_lists_would_miss_a_misspelt_field(fields):
    assert not is_field("MARD", "LABTS", fields) and not is_field("stock.quant", "location_id/usages", fields)
