"""`evenstock health` says in one sentence whether to trust the plan, hands out the document, and writes the page anew."""

import json

import pytest

from cli.main import call


@pytest.fixture
def at_home(hand_made, monkeypatch):
    monkeypatch.setenv("EVENSTOCK_HOME", str(hand_made.home.root))
    return hand_made


def test_the_newest_judged_date_is_told_with_what_to_fix_first(at_home, capsys):
    assert call(["health"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("There is none: the last plan stays in force. 1 check stopped the data of Tuesday 10 March 2026")
    assert said.splitlines()[-1] == str(at_home.home.health_of(at_home.as_of) / "health.html")
    first = next(line for line in said.splitlines() if "350.00" in line)
    assert "stock <b>& co</b>.csv:3" in first and "on_hand" in first


def test_json_is_the_document_itself(at_home, capsys):
    assert call(["health", "--as-of", "2026-03-10", "--json"]) == 0
    said = capsys.readouterr().out
    assert said == (at_home.home.health_of(at_home.as_of) / "health.json").read_text()
    assert json.loads(said)["format"] == "evenstock-health/1"


def test_steering_text_of_a_source_reaches_no_terminal(at_home, capsys):
    at_home.land("wms_stock", at_home.as_of, version=2, source_name="a\x1b[2Jb\u202e.csv")
    at_home.check("wms_stock", at_home.as_of, 1, ("not\x1b[31m_date",), version=2)
    assert call(["health"]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said and "\u202e" not in said


@pytest.mark.parametrize(
    ("words", "said"), [(["--as-of", "2026-03-01"], "nothing is known of 2026-03-01"), ([], "no run has left anything")]
)
def test_where_nothing_is_known_the_remedy_is_named(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "home"))
    assert call(["health", *words]) == 4
    complaint = capsys.readouterr().err
    assert said in complaint and "evenstock run --as-of" in complaint and complaint.count("\n") == 1


def test_help_shows_an_example(capsys):
    assert call(["health", "--help"]) == 0
    assert "Example: evenstock health" in " ".join(capsys.readouterr().out.split())
