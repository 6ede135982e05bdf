"""What reaches a terminal or a spreadsheet cannot steer either."""

import csv
import io

import pytest

from cli.screen import complain, print_table
from pipelines.domain.foreign_text import clean, safe_cell, to_csv


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "=cmd|' /C calc'!A0"])
def test_text_that_a_spreadsheet_would_run_gets_a_quote(text):
    assert safe_cell(text) == "'" + text
    assert list(csv.reader(io.StringIO(to_csv(["a"], [[text]]), newline=""))) == [["a"], ["'" + text]]


@pytest.mark.parametrize(
    ("value", "cell"), [(-3, -3), (-2.5, -2.5), ("plain", "plain"), ("a=b", "a=b"), (None, ""), (float("nan"), ""), ("", "")]
)
def test_numbers_and_plain_text_stay_as_they_are(value, cell):
    assert safe_cell(value) == cell


@pytest.mark.parametrize("steering", ["\x1b[31m", "\x07", "\r", "\n", "\x9b2J", "\u202e", "\u2028", "\x00", "\u200b"])
def test_no_steering_character_reaches_the_screen(steering, capsys):
    shown = clean(f"A{steering}B")
    assert steering not in shown and shown.startswith("A") and shown.endswith("B")
    assert shown.isprintable()
    print_table(["id"], [[f"A{steering}B"]])
    assert steering not in capsys.readouterr().out.replace("\n", "")


def test_a_table_lines_up_numbers_to_the_right(capsys):
    print_table(["item", "net USD"], [["a", "1,234.50"], ["bb", "-3.00"]])
    assert capsys.readouterr().out.splitlines() == ["  item   net USD", "  ----  --------", "  a     1,234.50", "  bb       -3.00"]


def test_csv_quotes_and_ends_lines_as_declared():
    assert to_csv(["a", "b"], [['x "y", z', 1]]) == 'a,b\n"x ""y"", z",1\n'


def test_a_complaint_stays_one_line_that_can_be_read(capsys):
    complain("bad id " + "x\ny\x1b" * 50_000 + " the remedy")
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "\x1b" not in said and len(said) < 10_000
    assert said.startswith("evenstock: bad id") and said.endswith("the remedy\n")
