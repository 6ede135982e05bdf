"""Operators of a layout by hand on texts, words and rows: what they make of a cell, and what is quarantined under the source's column."""

import pytest

from pipelines.extracts.mapping.mapping_stages import REASONS
from tests.unit.extracts.mapping.operator_cases import DATES, MONEY, NUMBERS, TIMES, only_fault


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        (("49", "2026", "1"), "49-2026-1"),
        (("49", "", "1"), ("b", "missing_part", "")),
        (("", "", ""), ("a,b,c", "missing_value", "a=, b=, c=")),
    ],
)
def test_joined_columns(parts, wanted, check_mapped):
    checked = check_mapped("wms_movements", {"event_id": {"join": ["a", "b", "c"], "with": "-"}}, [dict(zip("abc", parts, strict=True))])
    if isinstance(wanted, str):
        assert checked.accepted["event_id"].to_pylist() == [wanted]
    else:
        assert only_fault(checked) == wanted


def test_the_first_column_that_is_not_empty_counts(check_mapped):
    rows = [{"a": "A", "b": "B"}, {"a": "", "b": "B"}, {"a": "-", "b": "B"}, {"a": "", "b": ""}]
    checked = check_mapped("wms_movements", {"reference": {"first": ["a", "b"]}}, rows, values={"empty": ["-"]})
    assert checked.accepted["reference"].to_pylist() == ["A", "B", "B", None]


@pytest.mark.parametrize(("text", "wanted"), [("000123", "123"), ("000", "0"), ("00A1", "00A1"), ("0", "0"), ("1.0", "1.0")])
def test_leading_zeros_go_from_digits_only(text, wanted, check_mapped):
    checked = check_mapped("wms_movements", {"lot_id": {"from": "src", "strip_zeros": True}}, [{"src": text}])
    assert checked.accepted["lot_id"].to_pylist() == [wanted]


@pytest.mark.parametrize(
    ("text", "wanted"), [("X", True), ("1", True), ("", "missing_value"), ("N", False), ("n", "unknown_code"), ("true", "unknown_code")]
)
def test_words_of_yes_and_no(text, wanted, check_mapped):
    values = {"booleans": {"true": ["X", 1], "false": ["N", 0]}}
    checked = check_mapped("tms_lanes", {"allowed": {"from": "src"} | values}, [{"src": text}])
    if isinstance(wanted, bool):
        assert checked.accepted["allowed"].to_pylist() == [wanted]
    else:
        assert only_fault(checked) == ("src", wanted, text)


@pytest.mark.parametrize(("text", "wanted"), [("101", "po_receipt"), ("702", "adjust"), ("", "missing_value")])
def test_codes_with_a_rest(text, wanted, check_mapped):
    rule = {"from": "src", "codes": {"101": "po_receipt"}, "otherwise": "adjust"}
    checked = check_mapped("wms_movements", {"type": rule, "qty_units": {"value": 5}}, [{"src": text}])
    assert (checked.accepted["type"].to_pylist() or [only_fault(checked)[1]]) == [wanted]


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        ([{"column": "code", "in": ["301", 302]}], [2, 3]),
        ([{"column": "code", "not_in": ["301"]}], [3, 4, 5]),
        ([{"column": "code", "empty": True}], [5]),
        ([{"column": "code", "empty": False}], [2, 3, 4]),
        ([{"column": "code", "matches": "30[0-9]"}], [2, 3]),
        ([{"column": "code", "matches": "30"}], []),
        ([{"column": "code", "empty": False}, {"column": "mark", "empty": True}], [2, 4]),
    ],
)
def test_rows_of_another_kind_are_left_out_and_counted(conditions, kept, check_mapped):
    rows = [{"code": "301"}, {"code": " 302 ", "mark": "X"}, {"code": "411"}, {"code": "-"}]
    checked = check_mapped("wms_movements", {}, rows, where=conditions, values={"trim": True, "empty": ["-"]})
    assert checked.accepted["_source_line"].to_pylist() == kept
    assert (checked.rows_in, checked.left_out, checked.quarantined.num_rows) == (4, 4 - len(kept), 0)


def test_a_row_left_out_is_not_judged(check_mapped):
    rows = [{"qty_units": "x", "code": "no"}, {"code": "yes"}]
    checked = check_mapped("wms_movements", {}, rows, where=[{"column": "code", "in": ["yes"]}])
    assert (checked.left_out, checked.accepted.num_rows, checked.quarantined.num_rows) == (1, 1, 0)


def test_the_first_fault_in_the_order_of_the_contract_is_named(check_mapped):
    checked = check_mapped(
        "wms_stock", {"on_hand": {"from": "a", "whole": True}, "blocked": {"from": "b", "whole": True}}, [{"a": "x", "b": "y"}]
    )
    assert only_fault(checked) == ("a", "bad_number", "x")


def test_a_broken_rule_names_the_source_column(check_mapped):
    checked = check_mapped(
        "wms_stock", {"on_hand": "Bestand", "reserved": {"value": 9}, "blocked": {"from": "Sperr"}}, [{"Bestand": "5", "Sperr": "0"}]
    )
    assert only_fault(checked) == ("reserved", "held_within_on_hand", "reserved=9, blocked=0, on_hand=5")


def test_every_reason_is_tried_here_or_with_groups_and_lookups():
    tried = {case[4] for case in NUMBERS + MONEY if len(case) > 4} | {case[2] for case in DATES + TIMES}
    by_hand = {"missing_factor", "division_by_zero", "unknown_unit", "sign_twice", "missing_part"}
    elsewhere = {"lookup_missing", "group_differs", "partial_group", "no_such_part", "ambiguous_text"}
    assert set(REASONS) - tried == by_hand | elsewhere
