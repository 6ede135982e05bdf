"""What a day freezes, for how long, what that touches, and when it is too much to plan the rest."""

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest

from pipelines.domain.policy import GatePolicy
from pipelines.flows.frozen import add_worth
from quality.freezing.frozen import check_frozen_share, freeze_pairs
from quality.freezing.frozen_touch import add_touched
from quality.verdicts import MAX_FAILING, Failing, GateCheck, GateVerdict, verdict

DAY = dt.date(2026, 1, 5)
STOCK = pd.DataFrame({"location_id": ["CA_1", "TX_2", "CA_1"], "item_id": ["I0", "I0", "I1"], "on_hand": 5})
REPLAY = Failing("CA_1", "I0", "stock_replay", "unit mix-up: 78, expected 13", "wms_stock", 7, 65)


def freeze(*failing, day=DAY, before=None, policy=None, **frames):
    return freeze_pairs(failing, {"wms_stock": STOCK} | frames, before or {}, day, policy or GatePolicy(), {"wms_stock": "stock.csv"})


def pairs(frozen):
    return [(entry["location_id"], entry["item_id"]) for entry in frozen["pairs"]]


def test_a_failing_pair_is_frozen_with_its_reasons_and_rows():
    (entry,) = freeze(REPLAY, Failing("CA_1", "I0", "references_known:item_id", "not in erp_items", "wms_stock", 7))["pairs"]
    assert entry["reasons"] == ["references_known: not in erp_items", "stock_replay: unit mix-up: 78, expected 13"]
    assert entry["rows"] == [{"feed": "wms_stock", "file": "stock.csv", "line": 7}]
    assert (entry["units"], entry["difference_units"], entry["since"]) == (65, 65, "2026-01-05")


def test_an_item_stands_for_its_locations_and_a_location_for_its_items():
    assert pairs(freeze(Failing("", "I0", "shifted_decimals", "x"))) == [("CA_1", "I0"), ("TX_2", "I0")]
    assert pairs(freeze(Failing("CA_1", "", "unit_mixup", "x"))) == [("CA_1", "I0"), ("CA_1", "I1")]


def test_as_many_as_fail_are_frozen_however_many_and_a_blocked_verdict_names_some():
    """3 % of a million item-locations are within what may be frozen: each of them, or the rest would be planned on known-wrong stock."""
    wrong = [replace(REPLAY, item_id=f"I{n:05}") for n in range(MAX_FAILING + 5)]
    said = {severity: verdict("wms_stock", DAY, [GateCheck("stock_replay", False, severity, "", "")], 1, 0, failing=wrong)
            for severity in ("warn", "block")}  # fmt: skip
    assert GateVerdict.from_json(said["warn"].to_json()) == said["warn"]
    assert len(freeze(*said["warn"].failing)["pairs"]) == MAX_FAILING + 5
    assert (said["block"].passed, len(said["block"].failing)) == (False, MAX_FAILING)


def test_a_rule_that_people_set_to_warn_freezes_nothing():
    assert pairs(freeze(REPLAY, policy=GatePolicy(severity=(("stock_replay", "warn"),)))) == []
    assert pairs(freeze(REPLAY, policy=GatePolicy(severity=(("stock_replay", "block"),)))) == [("CA_1", "I0")]


def later(days, *failing, before, **more):
    return freeze(*failing, day=DAY + dt.timedelta(days=days), before=before, **more)


def test_a_stock_difference_stays_until_it_is_settled_counted_or_old():
    first = freeze(REPLAY)
    second = later(1, before=first)
    assert (pairs(second), second["pairs"][0]["since"]) == ([("CA_1", "I0")], "2026-01-05")
    back = Failing("CA_1", "I0", "stock_replay", "quantity: 13, expected 78", "wms_stock", 7, -65)
    assert pairs(later(2, back, before=second)) == []
    assert (
        later(2, Failing("CA_1", "I0", "stock_replay", "quantity", "wms_stock", 7, -5), before=second)["pairs"][0]["difference_units"] == 60
    )
    assert pairs(later(2, before=second, wms_counts=pd.DataFrame({"location_id": ["CA_1"], "item_id": ["I0"]}))) == []
    assert pairs(later(6, before=second)) == [("CA_1", "I0")]
    assert pairs(later(7, before=second)) == []


def test_a_difference_that_is_settled_is_not_carried_because_something_else_is_wrong_that_day():
    back = Failing("CA_1", "I0", "stock_replay", "quantity: 13, expected 78", "wms_stock", 7, -65)
    second = later(1, back, Failing("CA_1", "I0", "orders_shipped", "x", "wms_shipments", 3), before=freeze(REPLAY))
    assert (pairs(second), second["pairs"][0]["difference_units"]) == ([("CA_1", "I0")], 0)
    assert pairs(later(2, before=second)) == []


def test_other_reasons_last_for_the_day():
    assert pairs(later(1, before=freeze(Failing("CA_1", "I0", "orders_shipped", "x", "wms_shipments", 3)))) == []


@pytest.mark.parametrize(
    ("count", "of", "severity"),
    [(5, 100, "warn"), (6, 100, "block"), (2, 19, "warn"), (3, 19, "block"), (2, 4, "warn"), (2, 3, "block"), (1, 1, "block")],
)
def test_more_frozen_pairs_than_the_policy_allows_block_and_two_of_a_small_world_do_not(count, of, severity):
    frozen = freeze(*(replace(REPLAY, item_id=f"I{n}") for n in range(count)))
    check = check_frozen_share(frozen, of, GatePolicy())
    assert (check.passed, check.severity) == (False, severity)
    assert check_frozen_share(freeze(), of, GatePolicy()).passed


def test_a_row_that_a_file_lacks_counts_once_for_each_pair_unless_a_refused_row_explains_it():
    lacking = replace(REPLAY, line=0)
    refused = Failing("CA_1", "I0", "quarantine_share", "refused for on_hand: not_integer", "wms_stock", 7)
    frozen = freeze(lacking, refused, replace(lacking, item_id="I1"), replace(lacking, location_id="TX_2"))
    assert [[row["line"] for row in entry["rows"]] for entry in frozen["pairs"]] == [[7], [0], [0]]
    assert add_touched(frozen, LINES)["says"].startswith("fix these 3 rows")


LINES = pd.DataFrame(
    {"line_id": ["L1", "L2", "L3"], "origin": ["CA_1", "TX_2", "TX_2"], "destination": ["TX_2", "CA_1", "WI_3"], "item_id": "I0",
     "units": [6, 12, 6], "net_usd": [10.0, 5.5, 99.0]}
)  # fmt: skip


ITEMS = pd.DataFrame({"item_id": ["I0", "I1"], "unit_cost_usd": [4.0, 9.0]})


def test_plan_lines_kpis_and_worth_of_a_frozen_pair_are_told_the_most_valuable_first():
    frozen = add_touched(freeze(REPLAY, Failing("TX_2", "I1", "habits:erp_sales_orders", "x", "erp_sales_orders", 2)), LINES, ITEMS)
    assert pairs(frozen) == [("CA_1", "I0"), ("TX_2", "I1")]
    first = frozen["pairs"][0]
    assert (first["plan_lines"], first["units"], first["plan_usd"], first["usd"]) == (["L1", "L2"], 18, 15.5, 15.5)
    assert [entry["doubt_usd"] for entry in frozen["pairs"]] == [260.0, 0.0]
    assert "imbalance" in first["kpis"] and "otif" not in first["kpis"] and "otif" in frozen["pairs"][1]["kpis"]
    assert (frozen["usd"], frozen["rows"], frozen["says"]) == (15.5, 2, "fix these 2 rows, worth $16")
    valued = add_worth(frozen, {("I1", "TX_2"): {"units": 4.0, "usd": 40.0}, ("I0", "CA_1"): {"units": 1.0, "usd": 1.0}})
    assert [entry["usd"] for entry in valued["pairs"]] == [40.0, 15.5]
    assert (valued["usd"], valued["says"]) == (55.5, "fix these 2 rows, worth $56")
    assert add_worth(valued, {("I1", "TX_2"): {"units": 4.0, "usd": 40.0}, ("I0", "CA_1"): {"units": 1.0, "usd": 1.0}}) == valued


def test_severities_of_the_policy_overrule_those_of_the_checks():
    checks = [
        GateCheck("row_count", False, "block", "", ""),
        GateCheck("fresh", False, "warn", "", ""),
        GateCheck("suite", True, "block", "", ""),
    ]

    def judge(**severity):
        said = verdict("wms_stock", DAY, checks, 1, 0, GatePolicy(severity=tuple(sorted(severity.items()))), failing=[REPLAY])
        return said.passed, [(check.name, check.severity) for check in said.failures]

    assert judge() == (False, [("row_count", "block"), ("fresh", "warn")])
    assert judge(row_count="warn") == (True, [("row_count", "warn"), ("fresh", "warn")])
    assert judge(row_count="off") == (True, [("fresh", "warn")])
    assert judge(row_count="off", fresh="block") == (False, [("fresh", "block")])
