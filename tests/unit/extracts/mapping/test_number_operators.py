"""Operators on numbers by hand: dialects, factors, units, signs, divisors and sums, exact or quarantined with the source's text."""

from decimal import Decimal

import pytest

from tests.unit.extracts.mapping.operator_cases import MONEY, NUMBERS, judge, only_fault

LANES = {"unit": {"from": "me", "factors": {"ST": 1, "KAR": 12, "MG": 0.001}}}
SIGN = {"sign": {"from": "shkzg", "minus": ["H"], "plus": ["S"]}}


@pytest.mark.parametrize(("values", "rule", "text", "wanted", "reason"), [(*case, None)[:5] for case in NUMBERS])
def test_a_whole_number(values, rule, text, wanted, reason, check_mapped):
    checked = check_mapped(
        "wms_movements", {"type": {"value": "adjust"}, "qty_units": {"from": "src"} | rule}, [{"src": text}], values=values
    )
    judge(checked, "qty_units", wanted, reason, text)


@pytest.mark.parametrize(("values", "rule", "text", "wanted", "reason"), [(*case, None)[:5] for case in MONEY])
def test_a_decimal(values, rule, text, wanted, reason, check_mapped):
    columns = {name: {"value": "1"} for name in ("weight_kg", "volume_m3", "unit_price_usd")}
    checked = check_mapped("erp_items", columns | {"unit_cost_usd": {"from": "src"} | rule}, [{"src": text}], values=values)
    judge(checked, "unit_cost_usd", wanted and Decimal(wanted), reason, text)


@pytest.mark.parametrize(
    ("quantity", "unit", "wanted"),
    [
        ("3", "KAR", 36),
        ("3", "ST", 3),
        ("2000", "MG", 2),
        ("0", "KAR", "moves_something"),
        ("2001", "MG", "fraction_of_unit"),
        ("3", "kar", "unknown_unit"),
        ("3", "", "unknown_unit"),
        ("3", "KAR'; DROP TABLE accepted; --", "unknown_unit"),
    ],
)
def test_a_unit_multiplies_by_its_factor(quantity, unit, wanted, check_mapped):
    checked = check_mapped(
        "wms_movements", {"type": {"value": "adjust"}, "qty_units": {"from": "src"} | LANES}, [{"src": quantity, "me": unit}]
    )
    if isinstance(wanted, int):
        assert checked.accepted["qty_units"].to_pylist() == [wanted]
    else:
        column, reason, value = only_fault(checked)
        assert reason == wanted
        if reason == "unknown_unit":
            assert (column, value) == ("me", unit)
        if reason == "fraction_of_unit":
            assert (column, value) == ("src,me", "src=2001, me=MG")


@pytest.mark.parametrize(
    ("quantity", "sign", "wanted"),
    [("3", "H", -3), ("3", "S", 3), ("3", "X", "unknown_code"), ("3", "", "unknown_code"), ("-3", "H", "sign_twice")],
)
def test_a_sign_in_a_column_of_its_own(quantity, sign, wanted, check_mapped):
    rule = {"type": {"value": "adjust"}, "qty_units": {"from": "src"} | SIGN}
    checked = check_mapped("wms_movements", rule, [{"src": quantity, "shkzg": sign}])
    if isinstance(wanted, int):
        assert checked.accepted["qty_units"].to_pylist() == [wanted]
    else:
        assert only_fault(checked)[1] == wanted


@pytest.mark.parametrize(
    ("price", "per", "wanted"),
    [
        ("12.50", "100", Decimal("0.125")),
        ("12.50", "1", Decimal("12.5")),
        ("12.50", "0", ("per", "division_by_zero", "0")),
        ("12.50", "", ("per", "missing_factor", "")),
        ("12.50", "x", ("per", "bad_number", "x")),
        ("1", "3", ("src,per", "too_many_decimals", "src=1, per=3")),
        ("", "100", ("src,per", "missing_value", "src=, per=100")),
    ],
)
def test_a_price_per_so_many(price, per, wanted, check_mapped):
    checked = check_mapped("erp_items", {"unit_cost_usd": {"from": "src", "divide_by": "per"}}, [{"src": price, "per": per}])
    if isinstance(wanted, Decimal):
        assert checked.accepted["unit_cost_usd"].to_pylist() == [wanted]
    else:
        column, reason, value = only_fault(checked)
        assert (column, reason, value) == wanted


def test_a_factor_of_the_row_before_a_divisor_and_a_sign(check_mapped):
    rule = {"from": "src", "multiply": 2, "multiply_by": "pack", "divide_by": 3} | SIGN
    rows = [{"src": "1.5", "pack": "4", "shkzg": "H"}, {"src": "1.6", "pack": "5", "shkzg": "H"}]
    checked = check_mapped("wms_movements", {"type": {"value": "adjust"}, "qty_units": rule}, rows)
    assert checked.accepted["qty_units"].to_pylist() == [-4]
    assert checked.accepted["_source_line"].to_pylist() == [2]
    assert checked.quarantined["reason"].to_pylist() == ["fraction_of_unit"]


@pytest.mark.parametrize(
    ("one", "two", "off", "wanted"),
    [
        ("5", "7", "", 12),
        ("5,0", "", "2", 3),
        ("0,5", "0,5", "", 1),
        ("0,5", "0,6", "", "fraction_of_unit"),
        ("x", "7", "", "bad_number"),
        ("5", "7", "13", "out_of_range"),
        ("9" * 19, "1", "", "number_too_long"),
    ],
)
def test_columns_are_added_up(one, two, off, wanted, check_mapped):
    rule = {"on_hand": {"sum": ["one", ["zwei", "two"]], "minus": ["off"]}, "reserved": 0, "blocked": 0}
    checked = check_mapped("wms_stock", rule, [{"one": one, "two": two, "off": off}], values={"decimal": ","})
    if isinstance(wanted, int):
        assert checked.accepted["on_hand"].to_pylist() == [wanted]
    else:
        assert only_fault(checked)[1] == wanted


EMPTY = {"a": "", "b": "", "c": ""}


@pytest.mark.parametrize(
    ("cells", "more", "wanted"),
    [
        ({}, {}, ("a,b,c", "missing_value", "a=, b=, c=")),
        ({"b": "0"}, {}, 0),
        ({"b": "4"}, {}, 4),
        ({"b": "4"}, {"multiply": 12}, 48),
        ({"c": "0"}, {}, 0),
        ({}, {"default": 0}, 0),
        ({}, {"multiply": 12}, ("a,b,c", "missing_value", "a=, b=, c=")),
        ({"b": "NULL"}, {}, ("a,b,c", "missing_value", "a=, b=NULL, c=")),
    ],
)
def test_a_sum_of_which_every_cell_is_empty_says_nothing_and_is_not_nothing_on_hand(cells, more, wanted, check_mapped):
    rule = {"on_hand": {"sum": ["a", "b"], "minus": ["c"]} | more, "reserved": 0, "blocked": 0}
    checked = check_mapped("wms_stock", rule, [EMPTY | cells], values={"empty": ["NULL"]})
    if isinstance(wanted, int):
        assert checked.accepted["on_hand"].to_pylist() == [wanted]
    else:
        assert only_fault(checked) == wanted


def test_a_floating_number_keeps_what_it_can(check_mapped):
    rule = {"lead_time_days_mean": {"from": "src", "divide_by": 24}, "lead_time_days_sd": {"from": "sd", "decimal": ","}}
    checked = check_mapped("tms_lanes", rule, [{"src": "36", "sd": "1,25"}, {"src": "1", "sd": "0,1", "mode": "air"}])
    assert checked.accepted.sort_by("_source_line")["lead_time_days_mean"].to_pylist() == pytest.approx([1.5, 1 / 24], abs=1e-15)
    assert checked.accepted.sort_by("_source_line")["lead_time_days_sd"].to_pylist() == [1.25, 0.1]
