"""Contracts load as typed values, refuse what they do not know, and their page in the docs is current."""

import importlib.util
from pathlib import Path

import pytest

from pipelines.domain.errors import UsageError
from pipelines.extracts.contract_page import contract_page
from pipelines.extracts.contracts.contract import CONTRACTS_DIR, load_contract, load_contracts, read_contract
from pipelines.extracts.contracts.text_rules import REASONS

ROOT = Path(__file__).parents[4]
FEEDS = {
    "erp_items", "erp_locations", "tms_lanes", "erp_sales_orders", "wms_shipments", "wms_stock", "wms_movements",
    "erp_purchase_orders", "wms_transfers", "wms_receipts", "tms_customer_lanes", "erp_events", "wms_counts", "fin_parameters",
}  # fmt: skip


def test_there_are_these_feeds_and_a_run_reads_each_of_them():
    from pipelines.flows.run import FEEDS as READ

    assert set(load_contracts()) == FEEDS == set(READ)
    assert len(READ) == len(FEEDS)


@pytest.mark.parametrize("feed", sorted(FEEDS))
def test_only_a_feed_that_need_not_come_may_be_missing_without_a_word(feed):
    from pipelines.flows.run import OPTIONAL_FEEDS

    contract = load_contract(feed)
    assert contract.may_be_empty or feed not in OPTIONAL_FEEDS
    assert not (contract.expected_daily and feed in OPTIONAL_FEEDS)


@pytest.mark.parametrize("feed", ["wms_stock", "wms_movements", "wms_transfers", "wms_receipts", "wms_counts"])
def test_every_feed_about_units_in_a_building_knows_lots(feed):
    lot = load_contract(feed).column("lot_id")
    assert (lot.nullable, lot.pattern) == (True, load_contract("wms_stock").column("lot_id").pattern)


def test_unknown_feed_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'wms_stock'"):
        load_contract("wms_stok")


def test_a_feed_name_is_no_path():
    with pytest.raises(UsageError, match="unknown feed"):
        load_contract("../contracts/wms_stock")


@pytest.mark.parametrize("feed", sorted(FEEDS))
def test_references_name_feeds_with_a_single_key(feed):
    for reference in load_contract(feed).references:
        target = load_contract(reference.feed)
        assert len(target.key) == 1
        assert target.column(target.key[0]).pattern == load_contract(feed).column(reference.column).pattern


@pytest.mark.parametrize("feed", sorted(FEEDS))
def test_names_carry_units(feed):
    for column in load_contract(feed).columns:
        if column.name.endswith("_usd"):
            assert column.type == "decimal(18,4)"
        if column.name.endswith(("_kg", "_m3")) and not column.name.startswith("rate_"):
            assert column.type == "decimal(18,6)"
        if column.name.startswith("qty_"):
            assert (column.type, column.unit) == ("integer", "units")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("key: [item_id]", "key: [item]"), "unknown column 'item'"),
        (("type: 'decimal(18,6)'", "type: float"), "unknown type 'float'"),
        (("kind: snapshot", "kind: dump"), "snapshot or event"),
        (("aliases: [sku, item]", "aliases: [sku, uom]"), "share a name"),
        (("name: uom,", "nmae: uom,"), "not a contract"),
        (("columns:", "columns: ["), "not a contract"),
        (("grain:", "grian:"), "not a contract"),
    ],
)
def test_a_wrong_declaration_is_refused(change, problem):
    text = (CONTRACTS_DIR / "erp_items.yaml").read_text()
    assert change[0] in text
    with pytest.raises(UsageError, match=problem):
        read_contract(text.replace(*change), "erp_items.yaml")


def test_the_page_in_the_docs_is_current():
    assert (ROOT / "docs/contracts.md").read_text() == contract_page(), "run python -m pipelines.extracts.contract_page docs/contracts.md"


def test_the_page_names_every_column_rule_and_reason():
    page = contract_page()
    for contract in load_contracts().values():
        names = [column.name for column in contract.columns] + [rule.name for rule in contract.rules]
        assert all(f"`{name}`" in page for name in names)
    assert all(f"`{name}`" in page for name in REASONS)


def test_contracts_lie_inside_the_packages_that_the_wheel_carries():
    import tomllib

    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    folder = Path(importlib.util.find_spec("pipelines.extracts").origin).parent / "contracts"
    assert "pipelines" in packages
    assert len(list(folder.glob("*.yaml"))) == len(FEEDS)


def test_the_store_repeats_the_contracts_exactly():
    from pipelines.store.lake_schema import FEED_SCHEMAS

    for feed, contract in load_contracts().items():
        assert [(column.name, column.sql_type) for column in contract.columns] == FEED_SCHEMAS[feed]
