"""Suites come from contracts: every column is covered, patterns are anchored, nothing phones home."""

import re
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from pipelines.extracts.contracts.contract import load_contract, load_contracts
from quality.expectations import suites
from quality.expectations.suites import anchored, build_suite, run_suite


@pytest.mark.parametrize("feed", sorted(load_contracts()))
def test_every_required_column_and_every_limit_is_in_the_suite(feed):
    contract = load_contract(feed)
    found = [(e.configuration.type, e.configuration.kwargs) for e in build_suite(contract).expectations]
    assert found[0] == ("expect_table_row_count_to_be_between", {"min_value": 0 if contract.may_be_empty else 1})
    required = [column.name for column in contract.columns if not column.nullable]
    assert [kwargs["column"] for kind, kwargs in found[1 : len(required) + 1] if kind == "expect_column_values_to_not_be_null"] == required
    values = {(kind, kwargs.get("column")) for kind, kwargs in found}
    for column in contract.columns:
        if column.enum:
            assert ("expect_column_values_to_be_in_set", column.name) in values
        elif column.pattern:
            assert ("expect_column_values_to_match_regex", column.name) in values
        elif column.minimum is not None:
            assert ("expect_column_values_to_be_between", column.name) in values
    kind, kwargs = found[-1]
    assert "unique" in kind
    assert tuple(kwargs.get("column_list", [kwargs.get("column")])) == contract.key


def test_patterns_match_the_whole_text():
    pattern = anchored("a|bc")
    assert [bool(re.search(pattern, text)) for text in ("a", "bc", "xa", "ac", "a\n", "")] == [True, True, False, False, False, False]


def test_examples_are_few():
    contract = load_contract("wms_movements")
    rows = 50
    frame = pd.DataFrame(
        {
            "event_id": [f"E {n}" for n in range(rows)], "at": pd.Timestamp("2026-01-05"), "location_id": "CA_1", "item_id": "I1",
            "lot_id": None, "type": "sale", "qty_units": -1, "reference": None,
        }
    )  # fmt: skip
    failed = [result for result in run_suite(contract, frame) if not result.passed]
    assert [(result.name, result.observed) for result in failed] == [("expect_column_values_to_match_regex:event_id", "50 unexpected")]
    assert failed[0].examples == tuple(f"E {n}" for n in range(5))


@pytest.mark.parametrize(("bad", "failed"), [(None, []), (0, ["on_hand"]), (4, ["on_hand"])])
def test_a_partition_is_held_against_its_suite_in_pieces(monkeypatch, bad, failed):
    monkeypatch.setattr(suites, "PIECE_ROWS", 2)
    frame = pd.DataFrame(
        {
            "date": pd.Timestamp("2026-01-05"), "location_id": "CA_1", "item_id": [f"I{n}" for n in range(5)], "lot_id": None,
            "on_hand": [-1 if n == bad else n for n in range(5)], "reserved": 0, "blocked": 0, "expiry_date": pd.NaT,
        }
    )  # fmt: skip
    results = run_suite(load_contract("wms_stock"), frame)
    assert [result.name.split(":")[1] for result in results if not result.passed] == failed
    assert (results[0].name, results[0].observed) == ("expect_table_row_count_to_be_between", "5")
    if failed:
        said = [result.observed for result in results if not result.passed]
        assert said == [f"1 unexpected in rows {bad + 1} to {min(bad + 2, 5)}"]
    else:
        assert [(result.name, result.observed) for result in results] == [
            ("expect_table_row_count_to_be_between", "5"),
            ("expect_rows_to_keep_contract", "0 unexpected"),
        ]


def test_a_suite_never_reaches_for_the_network():
    code = """
import socket, sys
import pandas as pd
reached = []
socket.socket.connect = lambda self, address: reached.append(address)
socket.getaddrinfo = lambda *names, **_: reached.append(names) or []
from pipelines.extracts.contracts.contract import load_contract
from quality.expectations.suites import run_suite
contract = load_contract("wms_stock")
assert run_suite(contract, pd.DataFrame({column.name: [] for column in contract.columns}))
sys.exit(repr(reached) if reached or "posthog" in sys.modules else 0)
"""
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr


def test_rows_seen_before_give_the_same_results_and_other_rows_do_not():
    contract = load_contract("wms_stock")
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime(["2026-01-05"] * 2), "location_id": ["CA_1", "TX_2"], "item_id": ["I1", "I1"], "lot_id": None,
            "on_hand": [1, 2], "reserved": 0, "blocked": 0, "expiry_date": pd.NaT, "_source_line": [2, 3],
        }
    )  # fmt: skip
    first = run_suite(contract, frame)
    assert run_suite(contract, frame.assign(_source_line=[3, 2])) == first
    assert all(result.passed for result in first)
    assert [r.name for r in run_suite(contract, frame.assign(on_hand=[1, -2])) if not r.passed] == [
        "expect_column_values_to_be_between:on_hand"
    ]
    stricter = replace(contract, key=("item_id",), digest="other")
    assert [r.name for r in run_suite(stricter, frame) if not r.passed] == ["expect_column_values_to_be_unique:item_id"]


def test_the_library_is_loaded_without_its_pictures_and_they_can_still_be_had():
    code = """
import sys
import pandas as pd
from pipelines.extracts.contracts.contract import load_contract
from quality.expectations.suites import run_suite
contract = load_contract("wms_stock")
assert run_suite(contract, pd.DataFrame({column.name: [] for column in contract.columns}))
assert not {"altair", "scipy.stats"} & set(sys.modules), "loaded the slow way"
from great_expectations.expectations.core import expect_column_kl_divergence_to_be_less_than as drawn
assert drawn.stats.norm.cdf(0) == 0.5
"""
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
