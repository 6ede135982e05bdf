"""Operators on dates and times by hand: declared formats, time of day in a column of its own, time zones and their gaps."""

import datetime

import pytest

from tests.unit.extracts.mapping.operator_cases import DATES, TIMES, judge, only_fault


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


def test_the_business_date_of_the_landing(check_mapped):
    checked = check_mapped("wms_stock", {"date": "business_date"}, [{}], business_date=datetime.date(2026, 3, 1))
    assert checked.accepted["date"].to_pylist() == [datetime.date(2026, 3, 1)]
