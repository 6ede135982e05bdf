"""Every reason for quarantine fires where it should and nowhere else; each quarantined row says where it stood and what it held."""

import pytest

from pipelines.extracts.checking import quarantine
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract, load_contracts
from pipelines.extracts.contracts.text_rules import REASONS

BAD_CELLS = [
    ("wms_stock", "location_id", "", "missing_value"),
    ("wms_stock", "on_hand", "", "missing_value"),
    ("wms_stock", "on_hand", " 5", "surrounding_whitespace"),
    ("wms_stock", "location_id", "CA_1 ", "surrounding_whitespace"),
    ("erp_items", "description", "\u00a0Lamp", "surrounding_whitespace"),
    ("erp_items", "description", "Lamp\u3000", "surrounding_whitespace"),
    ("wms_stock", "location_id", "CA_1\n", "surrounding_whitespace"),
    ("erp_items", "description", "La\tmp", "control_character"),
    ("erp_items", "description", "La\nmp", "control_character"),
    ("erp_items", "description", "La\u2028mp", "control_character"),
    ("erp_items", "description", "La\ufffdmp", "control_character"),
    ("erp_items", "description", "La\u202emp", "control_character"),
    ("erp_items", "item_id", "I\x071", "control_character"),
    ("wms_stock", "on_hand", "2.5", "not_integer"),
    ("wms_stock", "on_hand", "1.234", "not_integer"),
    ("wms_stock", "on_hand", "1,234", "not_integer"),
    ("wms_stock", "on_hand", "1e3", "not_integer"),
    ("wms_stock", "on_hand", "0x1F", "not_integer"),
    ("wms_stock", "on_hand", "1_0", "not_integer"),
    ("wms_stock", "on_hand", "+5", "not_integer"),
    ("wms_stock", "on_hand", "05", "not_integer"),
    ("wms_stock", "on_hand", "-0", "not_integer"),
    ("wms_stock", "on_hand", "5.0", "not_integer"),
    ("wms_stock", "on_hand", "\u0665", "not_integer"),
    ("wms_stock", "on_hand", "NULL", "not_integer"),
    ("wms_stock", "on_hand", "1234567890123456789", "not_integer"),
    ("wms_stock", "on_hand", "-1", "out_of_range"),
    ("wms_stock", "on_hand", "1000000001", "out_of_range"),
    ("erp_items", "unit_cost_usd", "1.23456", "too_many_decimals"),
    ("erp_items", "unit_cost_usd", "1.50000", "too_many_decimals"),
    ("erp_items", "unit_cost_usd", "1,5", "not_decimal"),
    ("erp_items", "unit_cost_usd", "1e2", "not_decimal"),
    ("erp_items", "unit_cost_usd", "$5", "not_decimal"),
    ("erp_items", "unit_cost_usd", ".5", "not_decimal"),
    ("erp_items", "unit_cost_usd", "5.", "not_decimal"),
    ("erp_items", "unit_cost_usd", "0", "out_of_range"),
    ("erp_items", "unit_price_usd", "-1", "out_of_range"),
    ("erp_items", "unit_price_usd", "123456789012345", "out_of_range"),
    ("tms_lanes", "duty_share", "nan", "not_number"),
    ("tms_lanes", "duty_share", "inf", "not_number"),
    ("tms_lanes", "duty_share", "1e999", "not_number"),
    ("tms_lanes", "duty_share", "5%", "not_number"),
    ("tms_lanes", "duty_share", "-0.1", "out_of_range"),
    ("erp_locations", "lat", "91", "out_of_range"),
    ("wms_stock", "date", "02/03/2024", "not_date"),
    ("wms_stock", "date", "2024-2-3", "not_date"),
    ("wms_stock", "date", "24-02-03", "not_date"),
    ("wms_stock", "date", "2023-02-29", "not_date"),
    ("wms_stock", "date", "2026-13-01", "not_date"),
    ("wms_stock", "date", "45292", "not_date"),
    ("wms_stock", "date", "2026-01-05T00:00:00", "not_date"),
    ("wms_stock", "date", "0024-02-03", "out_of_range"),
    ("wms_movements", "at", "2026-01-05", "not_timestamp"),
    ("wms_movements", "at", "2026-01-05 09:30:00", "not_timestamp"),
    ("wms_movements", "at", "2026-01-05T24:00:00", "not_timestamp"),
    ("wms_movements", "at", "2026-02-30T09:30:00", "not_timestamp"),
    ("wms_movements", "at", "2026-01-05T09:30:00Z", "not_timestamp"),
    ("wms_movements", "at", "2026-01-05T09:30:00.5", "not_timestamp"),
    ("tms_lanes", "allowed", "TRUE", "not_boolean"),
    ("tms_lanes", "allowed", "1", "not_boolean"),
    ("erp_items", "lifecycle", "Active", "not_in_enum"),
    ("erp_locations", "kind", "warehouse", "not_in_enum"),
    ("wms_stock", "item_id", "I 1", "bad_pattern"),
    ("wms_stock", "item_id", "x" * 61, "bad_pattern"),
    ("tms_lanes", "weekdays", "08", "bad_pattern"),
    ("erp_items", "description", "x" * 501, "too_long"),
]
BROKEN_RULES = [
    ("erp_items", {"end_date": "2019-01-01"}, "ends_after_launch"),
    ("erp_items", {"variant_of": "I1"}, "variant_of_another"),
    *(("erp_locations", {"time_zone": zone}, "known_time_zone") for zone in ("Mars/Phobos", "EST5", "PST", "america/chicago", "UTC+1")),
    ("tms_lanes", {"destination": "CA_1"}, "two_ends"),
    ("erp_sales_orders", {"promised_date": "2026-01-04"}, "promised_after_order"),
    ("wms_shipments", {"delivered_at": "2026-01-05T17:59:59"}, "delivered_after_shipping"),
    ("wms_stock", {"reserved": "9", "blocked": "2"}, "held_within_on_hand"),
    ("wms_movements", {"type": "adjust", "qty_units": "0"}, "moves_something"),
    ("wms_movements", {"qty_units": "2"}, "sign_of_type"),
    ("wms_movements", {"type": "transfer_in"}, "sign_of_type"),
    ("erp_purchase_orders", {"expected_date": "2026-01-04"}, "expected_after_order"),
    ("erp_purchase_orders", {"received_at": "2026-01-04"}, "received_after_order"),
    ("erp_purchase_orders", {"status": "received"}, "received_has_a_day"),
    ("wms_transfers", {"destination": "CA_1"}, "two_ends"),
    ("wms_transfers", {"qty_picked": "11"}, "shipped_was_picked"),
    ("wms_receipts", {"qty_short": "0"}, "receipt_identity"),
    ("erp_events", {"end_date": "2026-01-04"}, "ends_after_start"),
    ("fin_parameters", {"scope_id": "HOBBIES"}, "scope_has_a_name"),
    ("fin_parameters", {"scope": "category"}, "scope_has_a_name"),
    ("fin_parameters", {"scope": "category", "scope_id": "HOBBIES"}, "budget_is_of_the_network"),
]
BROKEN_LINES = [
    ("2026-01-05,CA_1,I2,,10", "too_few_fields"),
    ("2026-01-05,CA_1,I2,,10,0,0,,", "too_many_fields"),
    (",,,,,,", "too_few_fields"),
    ('2026-01-05,CA_1,"I2"x,,10,0,0,', "bad_quoting"),
    ('2026-01-05,CA_1,I"2,,10,0,0,', "bad_quoting"),
    ('2026-01-05,CA_1,"I2,,10,0,0,', "bad_quoting"),
    ('2026-01-05,"CA_1",I2,,10', "too_few_fields"),
    ("2026-01-05,CA_1,I\r2,,10,0,0,", "control_character"),
    ("2026-01-05,CA_1," + "x" * 70_000 + ",,10,0,0,", "line_too_long"),
]


def faults(checked):
    return checked.quarantined.select(["line", "column", "reason"]).to_pylist()


@pytest.mark.parametrize(("feed", "column", "value", "reason"), BAD_CELLS)
def test_a_bad_cell_is_quarantined_with_its_place(feed, column, value, reason, good_row, write_feed):
    good, bad = good_row(feed), good_row(feed, **{column: value})
    checked = check_file(write_feed(feed, [good, bad]), load_contract(feed), source_name="sent.csv")
    assert (checked.rows_in, checked.accepted.num_rows) == (2, 1)
    row = checked.quarantined.to_pylist()[0]
    assert (row["feed"], row["file"], row["line"], row["column"], row["reason"]) == (feed, "sent.csv", 3, column, reason)
    assert row["value"] == value
    assert row["raw"]


@pytest.mark.parametrize(("feed", "changes", "rule"), BROKEN_RULES)
def test_a_broken_rule_between_columns_is_quarantined(feed, changes, rule, good_row, write_feed):
    checked = check_file(write_feed(feed, [good_row(feed), good_row(feed, **changes)]), load_contract(feed))
    assert [(row["line"], row["reason"]) for row in faults(checked)] == [(3, rule)]
    named = next(r for r in load_contract(feed).rules if r.name == rule).columns
    assert [part.split("=")[0] for part in checked.quarantined["value"][0].as_py().split(", ")] == list(named)


@pytest.mark.parametrize(("line", "reason"), BROKEN_LINES)
def test_a_broken_line_is_quarantined_and_the_next_is_not(line, reason, good_row, csv_text, tmp_path):
    path = tmp_path / "stock.csv"
    text = csv_text("wms_stock", [good_row("wms_stock")]) + line + "\n" + "2026-01-05,CA_1,I3,,1,0,0,\n"
    path.write_bytes(text.encode())
    checked = check_file(path, load_contract("wms_stock"))
    assert faults(checked) == [{"line": 3, "column": "", "reason": reason}]
    assert checked.accepted["_source_line"].to_pylist() == [2, 4]
    assert checked.quarantined["raw"][0].as_py().startswith(line[:40].split("\r")[0])


def test_identical_rows_keep_the_first_and_differing_ones_none(good_row, write_feed):
    rows = [
        good_row("wms_stock", item_id=item, on_hand=units) for item, units in [("A", "5"), ("B", "5"), ("B", "6"), ("A", "5"), ("C", "5")]
    ]
    checked = check_file(write_feed("wms_stock", rows), load_contract("wms_stock"))
    assert checked.accepted["_source_line"].to_pylist() == [2, 6]
    assert [(row["line"], row["reason"]) for row in faults(checked)] == [(line, "duplicate_key") for line in (3, 4, 5)]


def test_lots_of_one_thing_are_rows_of_their_own(good_row, write_feed):
    for feed in ("wms_stock", "wms_transfers", "wms_counts"):
        rows = [good_row(feed, lot_id=lot) for lot in ("A", "B", "", "A")]
        checked = check_file(write_feed(feed, rows), load_contract(feed))
        assert sorted(checked.accepted["lot_id"].to_pylist(), key=str) == ["A", "B", None], feed
        assert [(row["line"], row["reason"]) for row in faults(checked)] == [(5, "duplicate_key")], feed


def test_the_first_bad_column_is_the_one_named(good_row, write_feed):
    row = good_row("wms_stock", item_id="I 1", on_hand="x")
    checked = check_file(write_feed("wms_stock", [row]), load_contract("wms_stock"))
    assert faults(checked) == [{"line": 2, "column": "item_id", "reason": "bad_pattern"}]


def test_every_reason_and_rule_is_tried_here_or_with_its_file_format():
    with_formats = {"cell_error", "bad_json", "doubled_json_key"}
    tried = with_formats | {case[3] for case in BAD_CELLS} | {reason for _, reason in BROKEN_LINES} | {"duplicate_key"}
    assert tried == set(REASONS)
    assert {(feed, rule) for feed, _, rule in BROKEN_RULES} == {(f, rule.name) for f, c in load_contracts().items() for rule in c.rules}


def test_of_many_refused_rows_the_first_keep_their_text_and_all_their_place(good_row, write_feed, monkeypatch):
    """A file in which every row is bad must not take memory for a copy of itself."""
    monkeypatch.setattr(quarantine, "MAX_RAW_LINES", 3)
    monkeypatch.setattr(quarantine, "PIECE_ROWS", 2)
    rows = [good_row("wms_stock", item_id=f"I{n}", on_hand="many") for n in range(8)]
    found = check_file(write_feed("wms_stock", rows), load_contract("wms_stock"), source_name="sent.csv").quarantined
    assert [bool(raw) for raw in found["raw"].to_pylist()] == [True] * 3 + [False] * 5
    assert found["item_id"].to_pylist() == [f"I{n}" for n in range(8)] and found["line"].to_pylist() == list(range(2, 10))
    assert set(found["file"].to_pylist()) == {"sent.csv"} and found.schema == quarantine.QUARANTINE_SCHEMA
