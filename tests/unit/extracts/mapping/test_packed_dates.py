"""Days and times that a source keeps as one number come out as the calendar has them; a number that is no such day is quarantined."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.errors import UsageError
from pipelines.extracts.layouts import packed_dates

DAYS = [
    ("CYYDDD", "126031", "2026-01-31"), ("CYYDDD", "124366", "2024-12-31"), ("CYYDDD", "099365", "1999-12-31"),
    ("CYYDDD", "126366", None), ("CYYDDD", "126000", None), ("CYYDDD", "26031", None), ("CYYDDD", "12603A", None),
    ("YYYYDDD", "2026031", "2026-01-31"), ("YYYYDDD", "2026367", None), ("YYYYDDD", "0000001", None),
    ("YYDDD", "26031", "2026-01-31"), ("YYDDD", "25366", None),
    ("EXCEL", "46053", "2026-01-31"), ("EXCEL", "46053.999", "2026-01-31"), ("EXCEL", "4605", None), ("EXCEL", "46053,5", None),
]  # fmt: skip
MOMENTS = [
    ("EXCEL", {}, "46053.5", "2026-01-31T12:00:00"), ("EXCEL", {}, "46053.396006944", "2026-01-31T09:30:15"),
    ("EPOCH", {"to": "UTC"}, "1769860815", "2026-01-31T12:00:15"),
    ("EPOCH", {"to": "America/Chicago"}, "1769860815", "2026-01-31T06:00:15"),
    ("EPOCHMS", {"to": "UTC"}, "1769860815999", "2026-01-31T12:00:15"), ("EPOCH", {"to": "UTC"}, "1769860815999", None),
    ("EPOCH", {"to": "UTC"}, "-769860815", None), ("EPOCHMS", {"to": "UTC"}, "1769860815", None),
]  # fmt: skip
CLOCKS = [
    ("hmmss", "93015", "09:30:15"), ("hmmss", "5", "00:00:05"), ("hmmss", "0", "00:00:00"), ("hmmss", "5959", "00:59:59"),
    ("hmmss", "235959", "23:59:59"), ("hmmss", "240000", None), ("hmmss", "6000", None), ("hmmss", "1235959", None),
    ("hmm", "815", "08:15:00"), ("hmm", "5", "00:05:00"), ("hmm", "2400", None),
    ("sssss", "34215", "09:30:15"), ("sssss", "5", "00:00:05"), ("sssss", "86399", "23:59:59"), ("sssss", "86400", None),
]  # fmt: skip


@pytest.mark.parametrize(("form", "text", "wanted"), DAYS)
def test_a_day_as_a_number(form, text, wanted, check_mapped):
    checked = check_mapped("wms_stock", {"expiry_date": {"from": "src", "dates": form}}, [{"src": text}])
    assert [str(day) for day in checked.accepted["expiry_date"].to_pylist()] == ([wanted] if wanted else [])
    assert [row["reason"] for row in checked.quarantined.to_pylist()] == ([] if wanted else ["bad_date"])


@pytest.mark.parametrize(("form", "values", "text", "wanted"), MOMENTS)
def test_a_moment_as_a_number(form, values, text, wanted, check_mapped):
    checked = check_mapped("wms_movements", {"at": {"from": "src", "times": form} | values}, [{"src": text}])
    assert [at.isoformat() for at in checked.accepted["at"].to_pylist()] == ([wanted] if wanted else [])
    assert [row["reason"] for row in checked.quarantined.to_pylist()] == ([] if wanted else ["bad_time"])


@pytest.mark.parametrize(("form", "text", "wanted"), CLOCKS)
def test_a_time_of_day_as_a_number(form, text, wanted, check_mapped):
    rule = {"from": "day", "time_from": "clock", "dates": "CYYDDD", "times": form}
    checked = check_mapped("wms_movements", {"at": rule}, [{"day": "126031", "clock": text}])
    assert [at.isoformat() for at in checked.accepted["at"].to_pylist()] == ([f"2026-01-31T{wanted}"] if wanted else [])
    assert [row["reason"] for row in checked.quarantined.to_pylist()] == ([] if wanted else ["bad_time"])


def test_seconds_of_the_epoch_need_a_time_zone(check_mapped):
    with pytest.raises(UsageError, match="EPOCH counts in UTC; 'to' must say"):
        check_mapped("wms_movements", {"at": {"from": "src", "times": "EPOCH"}}, [{"src": "1769860815"}])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(packed_dates.PLAIN)), st.text("0123456789.-A ", max_size=15))
def test_no_text_at_all_is_an_error(form, text):
    """Whatever a cell holds, the SQL gives a text or NULL, and no text where the number is not written so."""
    import duckdb

    found = duckdb.execute(f"SELECT {packed_dates.plain('c', form)} FROM (SELECT $1 AS c)", [text]).fetchall()[0][0]
    assert found is None or (text.replace(".", "").isdigit() and found[0].isdigit())


@settings(max_examples=200, deadline=None)
@given(st.dates(dt.date(1990, 1, 1), dt.date(2099, 12, 31)))
def test_every_day_comes_out_as_the_calendar_has_it(day):
    import duckdb

    texts = {
        "CYYDDD": f"{(day.year - 1900) // 100}{day:%y%j}", "YYYYDDD": f"{day:%Y%j}", "EXCEL": str((day - dt.date(1899, 12, 30)).days),
        "EPOCH": str(int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp())),
    }  # fmt: skip
    for form, text in texts.items():
        found = duckdb.execute(f"SELECT {packed_dates.plain('c', form)} FROM (SELECT $1 AS c)", [text]).fetchall()[0][0]
        assert found and found[:10] == day.isoformat(), (form, text)
