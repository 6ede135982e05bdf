"""The shipped layouts make of small extracts what the tables mean; the figures in layout_cases/ were worked out by hand."""

import datetime as dt
from pathlib import Path

import pytest
import yaml

from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.layouts.layout import LAYOUTS_DIR, load_layout

CASES = Path(__file__).parent / "layout_cases"
DAY = dt.date(2026, 1, 31)
SHIPPED = sorted(path.stem for path in LAYOUTS_DIR.glob("*.yaml"))
# Their data is the real delivery history itself, in test_scms_layouts.
TRIED_ELSEWHERE = {"scms_purchase_orders", "scms_sales_orders"}


def run(name: str, case: dict, folder: Path):
    """Check a case; `filled_in` is what the site writes over a line of the shipped layout that holds it."""
    shipped = (LAYOUTS_DIR / f"{name}.yaml").read_text(encoding="utf-8")
    for there, own in case.get("filled_in", {}).items():
        assert shipped.count(there) == 1, there
        shipped = shipped.replace(there, own)
    (folder / f"{name}.yaml").write_text(shipped, encoding="utf-8")
    layout = load_layout(folder / f"{name}.yaml")
    (folder / "main").write_text(case["main"], encoding="utf-8")
    for companion, text in case.get("companions", {}).items():
        (folder / f"{companion}.txt").write_text(text, encoding="utf-8")
    companions = {companion: folder / f"{companion}.txt" for companion in case.get("companions", {})}
    return check_file(folder / "main", load_contract(layout.feed), layout, business_date=DAY, companions=companions)


def plain(value: object) -> object:
    return value if isinstance(value, int | None) else str(value)


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_rows_come_out_as_the_tables_mean_them(name, tmp_path):
    case = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    checked = run(name, case, tmp_path)
    refused = [{key: row[key] for key in ("line", "column", "reason")} for row in checked.quarantined.to_pylist()]
    assert refused == case.get("refused", [])
    rows = checked.accepted.to_pylist()
    shown = [{key: plain(row[key]) for key in wanted} for row, wanted in zip(rows, case["accepted"], strict=False)]
    assert shown == case["accepted"] and len(rows) == len(shown)
    assert (checked.left_out, checked.merged) == (case.get("left_out", 0), case.get("merged", 0))
    assert checked.rows_in == len(rows) + len(refused) + checked.left_out + checked.merged


def test_times_of_odoo_are_no_local_times_until_the_site_names_the_zones_of_its_warehouses(tmp_path):
    case = yaml.safe_load((CASES / "odoo_stock_move.yaml").read_text(encoding="utf-8"))
    del case["filled_in"]
    checked = run("odoo_stock_move", case, tmp_path)
    assert checked.accepted.num_rows == 0
    assert set(checked.quarantined["reason"].to_pylist()) == {"unknown_zone"}


def test_every_shipped_layout_has_a_case():
    assert {path.stem for path in CASES.glob("*.yaml")} | TRIED_ELSEWHERE == set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_layout_is_short_and_says_what_it_is(name):
    text = (LAYOUTS_DIR / f"{name}.yaml").read_text(encoding="utf-8")
    assert load_layout(name).description
    assert len(text.splitlines()) <= 45 and max(map(len, text.splitlines())) <= 140
