"""`evenstock gates show` prints what gates said and what is frozen, and ends like every other command where a gate blocks."""

import json

import pytest

from cli.main import call


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path))
    return tmp_path


def put_verdict(home, feed, date="2026-01-05", passed=True, checks=()):
    folder = home / "gates" / date
    folder.mkdir(parents=True, exist_ok=True)
    body = {"format": "evenstock-gate/1", "feed": feed, "business_date": date, "passed": passed, "checks": list(checks), "rows": 96}
    (folder / f"{feed}.json").write_text(json.dumps(body | {"rows_quarantined": 0}))


def failed(name, severity, *examples):
    return {"name": name, "passed": False, "severity": severity, "observed": "1 of 9", "expected": "0", "examples": examples}


FROZEN = {
    "format": "evenstock-frozen/1", "business_date": "2026-01-05", "usd": 120.5, "rows": 1, "says": "fix this row, worth $120",
    "pairs": [{"location_id": "CA_1", "item_id": "I0", "reasons": ["stock_replay: unit mix-up: 78, expected 13"], "plan_lines": ["L1"],
               "rows": [{"feed": "wms_stock", "file": "stock.csv", "line": 7}], "kpis": [], "units": 65, "usd": 120.5}],
}  # fmt: skip


def test_verdicts_failing_examples_and_frozen_pairs_are_shown(home, capsys):
    put_verdict(home, "wms_stock", checks=[failed("stock_replay", "warn", "CA_1/I0: unit mix-up: 78, expected 13")])
    put_verdict(home, "reconciliation")
    (home / "gates" / "2026-01-05" / "frozen.json").write_text(json.dumps(FROZEN))
    assert call(["gates", "show"]) == 0
    said = capsys.readouterr().out
    assert "Gates of 2026-01-05" in said and "CA_1/I0: unit mix-up: 78, expected 13" in said
    assert "Frozen item-locations: 1; fix this row, worth $120" in said and "stock.csv line 7" in said
    assert said.index("wms_stock") < said.index("reconciliation")


def test_a_blocked_gate_ends_with_the_code_of_blocked_gates(home, capsys):
    put_verdict(home, "wms_stock", passed=False, checks=[failed("row_count", "block")])
    assert call(["gates", "show", "--as-of", "2026-01-05"]) == 4
    out, err = capsys.readouterr()
    assert "block  wms_stock row_count: 1 of 9; expected 0" in out
    assert "the gate of 2026-01-05 blocks: wms_stock" in err


def test_json_holds_everything(home, capsys):
    put_verdict(home, "wms_stock")
    assert call(["gates", "show", "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["blocked"], body["verdicts"][0]["feed"], body["frozen"]) == ([], "wms_stock", {"pairs": []})


def test_a_home_without_verdicts_and_an_unjudged_date_are_refused_with_the_remedy(home, capsys):
    assert call(["gates", "show"]) == 4
    put_verdict(home, "wms_stock")
    assert call(["gates", "show", "--as-of", "2026-01-09"]) == 2
    assert "the nearest judged date is 2026-01-05" in capsys.readouterr().err
