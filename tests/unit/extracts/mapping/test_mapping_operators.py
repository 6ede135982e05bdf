"""Every operator of a layout by hand: what it makes of a cell, and which cells it quarantines with the source's column and text."""

import datetime
from decimal import Decimal

import pytest

from pipelines.extracts.mapping.mapping_stages import REASONS

GERMAN = {"decimal": ",", "thousands": "."}
DAYS = {"dates": "DD.MM.YYYY"}
LANES = {"unit": {"from": "me", "factors": {"ST": 1, "KAR": 12, "MG": 0.001}}}
SIGN = {"sign": {"from": "shkzg", "minus": ["H"], "plus": ["S"]}}
MOVE = {"type": "adjust"}
NUMBERS = [
    ({}, {}, "5", 5),
    (GERMAN, {}, "1.234", 1234),
    (GERMAN, {}, "1.234.567,00", 1234567),
    (GERMAN, {}, "-1.234", -1234),
    (GERMAN, {}, "1234567", 1234567),
    ({"thousands": " "}, {}, "12 345", 12345),
    ({"thousands": "'"}, {}, "12'345.0", 12345),
    ({"thousands": "\u00a0"}, {}, "12\u00a0345", 12345),
    ({"trailing_minus": True}, {}, "12-", -12),
    ({"trailing_minus": True}, {}, "12", 12),
    ({"parentheses_minus": True}, {}, "(12)", -12),
    ({"plus_sign": True}, {}, "+12", 12),
    ({"leading_zeros": True}, {}, "-0012", -12),
    ({"bare_decimal": True}, {}, "12.", 12),
    ({"places": 3}, {}, "12.000", 12),
    ({"places": 0}, {}, "12", 12),
    ({}, {"whole": True}, "12.000", 12),
    ({"empty": ["NULL"]}, {"default": 7}, "NULL", 7),
    ({"trim": True}, {}, "\u00a0 12\t", 12),
    ({}, {"multiply": 12}, "3", 36),
    ({}, {"multiply": 0.5}, "3.0", None, "fraction_of_unit"),
    ({}, {"multiply": 0.5}, "4", 2),
    ({}, {"multiply": -1}, "4", -4),
    ({}, {"divide_by": 12}, "36", 3),
    ({}, {"divide_by": 12}, "37", None, "fraction_of_unit"),
    ({}, {"divide_by": 2, "round": "half_even"}, "5", 2),
    ({}, {"divide_by": 2, "round": "half_even"}, "7", 4),
    ({}, {"divide_by": -2, "round": "half_even"}, "7", -4),
    ({}, {"divide_by": 3, "round": "half_even"}, "-8", -3),
    ({}, {"multiply": 0.5, "round": "half_even"}, "-5", -2),
    ({}, {"multiply": 0.5, "round": "half_even"}, "-7", -4),
    ({}, {"prefix": "Stk ", "suffix": " pcs"}, "Stk 5 pcs", 5),
    ({}, {"codes": {"few": 3, "many": 30}}, "many", 30),
    ({}, {"codes": {"few": 3}, "otherwise": 1}, "?", 1),
    ({}, {"codes": {"few": 3}, "multiply": 2}, "few", 6),
    ({}, {"codes": {"few": 3}}, "many", None, "unknown_code"),
    ({}, {"whole": True}, "12.500", None, "fraction_of_unit"),
    ({}, {}, "12.000", None, "not_integer"),
    ({"places": 3}, {}, "12", None, "bad_number"),
    ({"places": 3}, {}, "12.00", None, "bad_number"),
    (GERMAN, {}, "1.23", None, "bad_number"),
    (GERMAN, {}, "12.34.567", None, "bad_number"),
    (GERMAN, {}, "1234.567", None, "bad_number"),
    (GERMAN, {}, ".234", None, "bad_number"),
    (GERMAN, {}, "0.123", None, "bad_number"),
    (GERMAN, {}, "1,234.00", None, "bad_number"),
    ({"decimal": ","}, {}, "1.234", None, "bad_number"),
    ({"decimal": ","}, {}, "1,234", None, "fraction_of_unit"),
    ({"decimal": "."}, {}, "007", None, "bad_number"),
    ({"decimal": "."}, {}, "12-", None, "bad_number"),
    ({"decimal": "."}, {}, "(12)", None, "bad_number"),
    ({"decimal": "."}, {}, "+12", None, "bad_number"),
    ({"decimal": "."}, {}, "--12", None, "bad_number"),
    ({"decimal": "."}, {}, "1e3", None, "bad_number"),
    ({"decimal": "."}, {}, " 12", None, "bad_number"),
    ({"decimal": "."}, {}, "12\n", None, "bad_number"),
    ({"decimal": "."}, {}, "\u0661\u0662", None, "bad_number"),
    ({"trailing_minus": True}, {}, "-12-", None, "bad_number"),
    ({"parentheses_minus": True}, {}, "(-12)", None, "bad_number"),
    ({"parentheses_minus": True}, {}, "(12", None, "bad_number"),
    ({"bare_decimal": True}, {}, ".", None, "bad_number"),
    ({}, {"multiply": 2}, "1" * 19, None, "number_too_long"),
    ({}, {"multiply": 2}, "0.0000000001", None, "number_too_long"),
    ({}, {"multiply": 999999999999, "round": "half_even"}, "1" * 18 + ".5", None, "not_integer"),
    ({}, {"multiply": 2}, "", None, "missing_value"),
    ({"decimal": ","}, {}, "", None, "missing_value"),
]
MONEY = [
    ({}, {}, "4.5", "4.5"),
    (GERMAN, {}, "1.234,5600", "1234.56"),
    ({"bare_decimal": True}, {}, ".5", "0.5"),
    ({"decimal": "."}, {}, "1.50000", "1.5"),
    ({}, {"multiply": 0.01}, "1234", "12.34"),
    ({}, {"divide_by": 8}, "1", "0.125"),
    ({}, {"divide_by": 3, "round": "half_even"}, "2", "0.6667"),
    ({}, {"multiply": 1.1, "round": "half_even"}, "0.00045", "0.0005"),
    ({}, {"round": "half_even"}, "0.12345", "0.1234"),
    ({}, {"round": "half_even"}, "0.12355", "0.1236"),
    ({}, {"round": "half_even"}, "0.123450001", "0.1235"),
    ({}, {"prefix": "$"}, "$4.50", "4.5"),
    ({}, {"divide_by": 3}, "2", None, "too_many_decimals"),
    ({}, {"multiply": 0.001}, "1.2345", None, "too_many_decimals"),
    ({"decimal": "."}, {}, "1.23456", None, "too_many_decimals"),
]
DATES = [
    ({"dates": "DD.MM.YYYY"}, "31.12.2025", "2025-12-31"),
    ({"dates": "YYYYMMDD"}, "20251231", "2025-12-31"),
    ({"dates": "D-MON-YY"}, "2-Jun-06", "2006-06-02"),
    ({"dates": "D MONTH YYYY"}, "2 june 2006", "2006-06-02"),
    ({"dates": "M/D/YY"}, "6/2/06", "2006-06-02"),
    ({"dates": "YYYY-MM-DD hh:mm:ss"}, "2006-06-02 23:00:00", "2006-06-02"),
    ({"dates": ["DD.MM.YYYY", "YYYYMMDD"]}, "20251231", "2025-12-31"),
    ({"dates": ["DD/MM/YYYY", "MM/DD/YYYY"]}, "31/12/2025", "2025-12-31"),
    ({"dates": ["DD/MM/YYYY", "MM/DD/YYYY"]}, "05/05/2025", "2025-05-05"),
    ({"dates": "'D'YYYYMMDD"}, "D20251231", "2025-12-31"),
    ({"dates": "YYYYMMDD", "empty": ["00000000"]}, "00000000", None),
    ({"dates": ["DD/MM/YYYY", "MM/DD/YYYY"]}, "05/06/2025", "ambiguous_date"),
    ({"dates": "DD.MM.YYYY"}, "31.02.2025", "bad_date"),
    ({"dates": "DD.MM.YYYY"}, "1.2.2025", "bad_date"),
    ({"dates": "DD.MM.YYYY"}, "31.12.25", "bad_date"),
    ({"dates": "DD.MM.YYYY"}, "31.12.2025 ", "bad_date"),
    ({"dates": "DD.MM.YYYY"}, "31x12x2025", "bad_date"),
    ({"dates": "DD.MM.YYYY"}, "2025-12-31", "bad_date"),
    ({"dates": "D-MON-YY"}, "2-Jux-06", "bad_date"),
    ({"dates": "DD.MM.YYYY"}, "31.12.1850", "out_of_range"),
    ({}, "31.12.2025", "not_date"),
]
BERLIN = {"time_zone": "Europe/Berlin", "to": "America/New_York"}
TIMES = [
    ({"times": "DD.MM.YYYY hh:mm:ss"}, "31.12.2025 07:08:09", "2025-12-31T07:08:09"),
    ({"times": "YYYY-MM-DD hh:mm:ss.ffffff"}, "2025-12-31 07:08:09.9999", "2025-12-31T07:08:09"),
    ({"times": "M/D/YYYY h:mm AM"}, "12/31/2025 12:05 am", "2025-12-31T00:05:00"),
    ({"times": "M/D/YYYY h:mm AM"}, "12/31/2025 12:05 PM", "2025-12-31T12:05:00"),
    ({"times": "M/D/YYYY h:mm AM"}, "12/31/2025 1:05 PM", "2025-12-31T13:05:00"),
    ({"times": "YYYYMMDD"}, "20251231", "2025-12-31T00:00:00"),
    ({"times": "YYYY-MM-DDThh:mm:ssOFFSET"}, "2025-12-31T07:08:09+02:00", "2025-12-31T07:08:09"),
    ({"times": "YYYY-MM-DDThh:mm:ssOFFSET", "to": "UTC"}, "2025-12-31T07:08:09+02:30", "2025-12-31T04:38:09"),
    ({"times": "YYYY-MM-DDThh:mm:ssOFFSET", "to": "Europe/Berlin"}, "2025-12-31T23:30:00Z", "2026-01-01T00:30:00"),
    ({"times": "YYYY-MM-DDThh:mm:ssOFFSET", "to": "Asia/Kolkata"}, "2025-12-31T23:30:00-0500", "2026-01-01T10:00:00"),
    ({"time_zone": "UTC", "to": "Europe/Berlin"}, "2025-07-01T12:00:00", "2025-07-01T14:00:00"),
    (
        {"time_zone": "UTC", "to": {"by": "location_id", "zones": {"CA_1": "America/Los_Angeles"}}},
        "2025-07-01T12:00:00",
        "2025-07-01T05:00:00",
    ),
    (BERLIN, "2025-10-26T01:59:59", "2025-10-25T19:59:59"),
    (BERLIN, "2025-10-26T03:00:00", "2025-10-25T22:00:00"),
    ({"time_zone": "UTC", "to": {"by": "location_id", "zones": {"TX_2": "America/Chicago"}}}, "2025-07-01T12:00:00", "unknown_zone"),
    (BERLIN, "2025-10-26T02:30:00", "ambiguous_time"),
    (BERLIN, "2025-10-26T02:00:00", "ambiguous_time"),
    (BERLIN, "2025-03-30T02:30:00", "no_such_time"),
    ({"times": "YYYY-MM-DDThh:mm:ssOFFSET", "to": "UTC"}, "2025-12-31T07:08:09+99:00", "bad_time"),
    ({"times": "DD.MM.YYYY hh:mm:ss"}, "31.12.2025 24:00:00", "bad_time"),
    ({"times": "DD.MM.YYYY hh:mm:ss"}, "31.12.2025 07:60:00", "bad_time"),
    ({"times": "DD.MM.YYYY hh:mm:ss"}, "31.12.2025", "bad_time"),
    ({"times": "M/D/YYYY h:mm AM"}, "12/31/2025 13:05 PM", "bad_time"),
    ({"times": "M/D/YYYY h:mm AM"}, "12/31/2025 0:05 PM", "bad_time"),
    ({}, "31.12.2025 07:08:09", "not_timestamp"),
]


def only_fault(checked):
    """column, reason and value of the one quarantined row."""
    (row,) = checked.quarantined.to_pylist()
    return row["column"], row["reason"], row["value"]


def judge(checked, column, wanted, reason, text, label=None):
    """The one row came out as `wanted`, or was quarantined under the source's column with the source's text."""
    if reason is None:
        assert checked.quarantined.to_pylist() == []
        assert checked.accepted[column].to_pylist() == [wanted]
    else:
        assert only_fault(checked) == (label or "src", reason, text)


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


@pytest.mark.parametrize(("values", "text", "wanted"), DATES)
def test_a_date(values, text, wanted, check_mapped):
    checked = check_mapped("erp_items", {"launch_date": {"from": "src"} | values, "end_date": {"value": "2099-01-01"}}, [{"src": text}])
    if wanted is None or wanted[0].isdigit():
        judge(checked, "launch_date", wanted and datetime.date.fromisoformat(wanted), None, text)
    else:
        judge(checked, "launch_date", None, wanted, text)


@pytest.mark.parametrize(("values", "text", "wanted"), TIMES)
def test_a_time(values, text, wanted, check_mapped):
    checked = check_mapped("wms_movements", {"at": {"from": "src"} | values}, [{"src": text}])
    if wanted[0].isdigit():
        judge(checked, "at", datetime.datetime.fromisoformat(wanted), None, text)
    else:
        judge(checked, "at", None, wanted, text)


@pytest.mark.parametrize(
    ("day", "clock", "wanted"),
    [
        ("20251231", "070809", "2025-12-31T07:08:09"),
        ("20251231", "0708", ("clock", "bad_time", "0708")),
        ("2025123", "070809", ("src", "bad_date", "2025123")),
        ("20251231", "", ("clock", "bad_time", "")),
        ("", "070809", ("clock", "bad_time", "070809")),
    ],
)
def test_date_and_time_of_day_in_two_columns(day, clock, wanted, check_mapped):
    rule = {"from": "src", "time_from": "clock", "dates": "YYYYMMDD", "times": "hhmmss"}
    checked = check_mapped("wms_movements", {"at": rule}, [{"src": day, "clock": clock}])
    if isinstance(wanted, tuple):
        column, reason, value = only_fault(checked)
        assert reason == wanted[1]
        assert wanted[0] in column.split(",")
        assert wanted[2] in value
    else:
        assert checked.accepted["at"].to_pylist() == [datetime.datetime.fromisoformat(wanted)]


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


def test_the_sum_of_empty_cells_is_nothing_on_hand(check_mapped):
    checked = check_mapped("wms_stock", {"on_hand": {"sum": ["a", "b"]}, "reserved": 0, "blocked": 0}, [{"a": "", "b": ""}])
    assert checked.accepted["on_hand"].to_pylist() == [0]


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


def test_a_floating_number_keeps_what_it_can(check_mapped):
    rule = {"lead_time_days_mean": {"from": "src", "divide_by": 24}, "lead_time_days_sd": {"from": "sd", "decimal": ","}}
    checked = check_mapped("tms_lanes", rule, [{"src": "36", "sd": "1,25"}, {"src": "1", "sd": "0,1", "mode": "air"}])
    assert checked.accepted.sort_by("_source_line")["lead_time_days_mean"].to_pylist() == pytest.approx([1.5, 1 / 24], abs=1e-15)
    assert checked.accepted.sort_by("_source_line")["lead_time_days_sd"].to_pylist() == [1.25, 0.1]


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


def test_the_business_date_of_the_landing(check_mapped):
    checked = check_mapped("wms_stock", {"date": "business_date"}, [{}], business_date=datetime.date(2026, 3, 1))
    assert checked.accepted["date"].to_pylist() == [datetime.date(2026, 3, 1)]


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
    elsewhere = {"lookup_missing", "group_differs", "partial_group"}
    assert set(REASONS) - tried == by_hand | elsewhere
