"""Names of months as people abbreviate them, wherever in a format they stand; a fourth letter moves what comes after it."""

import duckdb
import pytest

from pipelines.extracts.layouts.date_text import MONTHS, day, moment, read_format

SHORT = {name: [name[:3], *(["sept"] if name == "september" else [])] for name in MONTHS}


@pytest.mark.parametrize(("written", "shown"), [("DD-MON-YY", "07-{}-26"), ("MON D, YYYY", "{} 7, 2026"), ("DDMONYYYY", "07{}2026")])
def test_every_month_is_read_in_every_place(written, shown):
    form = read_format(written)
    for number, name in enumerate(MONTHS, 1):
        for short in SHORT[name]:
            for word in (short, short.upper(), short.capitalize()):
                found = duckdb.execute(f"SELECT {day('x', form)} FROM (SELECT ? AS x)", [shown.format(word)]).fetchall()
                assert found == [(f"2026-{number:02}-07",)], word


def test_a_time_after_september_is_read():
    sql = moment("x", read_format("DD-MON-YYYY hh:mm"))
    assert duckdb.execute(f"SELECT {sql} FROM (SELECT '07-Sept-2026 08:15' AS x)").fetchall() == [("2026-09-07T08:15:00",)]


@pytest.mark.parametrize("text", ["07-Se-26", "07-Septe-26", "07-Sxp-26", "7-Sep-26", "07-Sep-2026"])
def test_what_is_no_month_is_no_day(text):
    sql = day("x", read_format("DD-MON-YY"))
    assert duckdb.execute(f"SELECT {sql} FROM (SELECT ? AS x)", [text]).fetchall() == [(None,)]
