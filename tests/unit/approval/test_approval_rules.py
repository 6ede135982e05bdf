"""Exactly one rule decides each line; the policy's verdicts become decisions on proposed lines only."""

import dataclasses
import math

import pandas as pd
import pytest

from pipelines.approval.rules import LANE_WAITS, RULES, WITHIN_LIMITS, judge_line, judge_lines
from pipelines.approval.workflow import decisions_due
from pipelines.domain.policy import ApprovalPolicy, Policy

GOOD = {"line_id": "L1", "item_id": "A", "origin": "CA_1", "lane_id": "CA_1>TX_2:road", "state": "proposed"}
GOOD |= {"cost_usd": 40.0, "benefit_usd": 90.0, "donor_share": 0.25}


def plan(**changes: dict) -> pd.DataFrame:
    """Lines by id, each of an item and on a lane of its own unless it says otherwise."""
    return pd.DataFrame([GOOD | {"line_id": name, "item_id": name, "lane_id": f"CA_1>{name}:road"} | own for name, own in changes.items()])


@pytest.mark.parametrize(
    ("change", "policy", "rule"),
    [
        ({}, {}, WITHIN_LIMITS),
        ({}, {"auto_approve": False}, "policy_asks_people"),
        ({"cost_usd": 250.0, "benefit_usd": 300.0}, {}, WITHIN_LIMITS),
        ({"cost_usd": 250.01, "benefit_usd": 300.0}, {}, "line_cost"),
        ({"benefit_usd": 5000.0}, {}, WITHIN_LIMITS),
        ({"benefit_usd": 5000.01}, {}, "line_value"),
        ({"donor_share": 0.6}, {}, WITHIN_LIMITS),
        ({"donor_share": 0.61}, {}, "donor_share"),
        ({"benefit_usd": 40.0}, {}, WITHIN_LIMITS),
        ({"benefit_usd": 39.99}, {}, "benefit_cost_ratio"),
        ({"benefit_usd": 79.0}, {"min_benefit_cost_ratio": 2.0}, "benefit_cost_ratio"),
        ({"cost_usd": 0.0, "benefit_usd": 0.0}, {}, WITHIN_LIMITS),
        # What cannot be judged goes to a person.
        ({"cost_usd": math.nan}, {}, "line_cost"),
        ({"benefit_usd": None}, {}, "line_value"),
        ({"donor_share": math.nan}, {}, "donor_share"),
        # Several broken rules: the first decides, so there is exactly one.
        ({"cost_usd": 9e9, "benefit_usd": 1e9, "donor_share": 1.0}, {}, "line_cost"),
    ],
)
def test_each_threshold(change: dict, policy: dict, rule: str) -> None:
    verdict, found, sentence = judge_line({**GOOD, **change}, dataclasses.replace(ApprovalPolicy(), **policy))
    assert found == rule
    assert verdict == ("approve" if rule == WITHIN_LIMITS else "needs_person")
    assert sentence.endswith(".")


def test_sentences_carry_the_numbers() -> None:
    assert judge_line({**GOOD, "cost_usd": 1260.5}, ApprovalPolicy())[2] == "Costs 1,260.50 USD, above the limit of 250.00 USD."
    assert (
        judge_line({**GOOD, "donor_share": 0.75}, ApprovalPolicy())[2] == "The plan takes 75 % of what CA_1 has, above the limit of 60 %."
    )


def test_rules_have_distinct_names() -> None:
    assert len({rule.name for rule in RULES} | {WITHIN_LIMITS}) == len(RULES) + 1


def test_one_row_per_line_whatever_the_order() -> None:
    lines = plan(L2={"cost_usd": 10.0}, L1={"cost_usd": 300.0}, L3={"cost_usd": 20.0})
    verdicts = judge_lines(lines, ApprovalPolicy())
    assert verdicts["line_id"].tolist() == ["L1", "L2", "L3"]
    assert verdicts["verdict"].tolist() == ["needs_person", "approve", "approve"]
    pd.testing.assert_frame_equal(verdicts, judge_lines(lines.iloc[::-1], ApprovalPolicy()))


def test_a_lane_waits_as_a_whole() -> None:
    """Approving one half of a truck would pay for all of it, and may fall below the lane's minimum shipment."""
    lines = plan(L1={"lane_id": "X"}, L2={"lane_id": "X", "cost_usd": 300.0, "benefit_usd": 900.0}, L3={"lane_id": "Y"})
    verdicts = judge_lines(lines, ApprovalPolicy()).set_index("line_id")
    assert verdicts["rule"].to_dict() == {"L1": LANE_WAITS, "L2": "line_cost", "L3": WITHIN_LIMITS}
    assert verdicts["verdict"].to_dict() == {"L1": "needs_person", "L2": "needs_person", "L3": "approve"}
    said = "line L2 needs a person (line_cost: Costs 300.00 USD, above the limit of 250.00 USD.)"
    assert verdicts.loc["L1", "sentence"] == f"Waits with its lane X: {said}"


def test_a_lane_waits_on_whatever_became_of_the_line_that_asked() -> None:
    lines = plan(L1={"lane_id": "X"}, L2={"lane_id": "X", "cost_usd": 300.0, "state": "rejected"})
    due = decisions_due(lines, Policy())
    assert (due.line_ids, due.waiting["line_id"].tolist(), due.waiting["rule"].tolist()) == ((), ["L1"], [LANE_WAITS])


@pytest.mark.parametrize(
    ("shares", "rule"), [([0.2, 0.2, 0.2], WITHIN_LIMITS), ([0.3, 0.31, 0.0], "donor_share"), ([0.1, math.nan, 0.1], "donor_share")]
)
def test_a_donor_is_judged_on_all_that_the_plan_takes(shares: list[float], rule: str) -> None:
    lines = plan(**{f"L{n}": {"item_id": "A", "donor_share": share} for n, share in enumerate(shares)}, L8={"donor_share": 0.6})
    rules = judge_lines(lines, ApprovalPolicy()).set_index("line_id")["rule"].to_dict()
    assert rules == {"L0": rule, "L1": rule, "L2": rule, "L8": WITHIN_LIMITS}


def test_only_proposed_lines_are_decided() -> None:
    states = {"L1": "proposed", "L2": "approved", "L3": "rejected", "L4": "proposed"}
    lines = plan(**{name: {"state": state} for name, state in states.items()})
    lines.loc[lines["line_id"] == "L4", "cost_usd"] = 999.0
    due = decisions_due(lines, Policy())
    assert due.line_ids == ("L1",)
    assert due.actor == f"policy:{Policy().digest[:12]}"
    assert due.reasons["L1"].startswith("within_limits: Gains 90.00 USD")
    assert due.waiting["line_id"].tolist() == ["L4"]
    assert due.waiting["rule"].tolist() == ["line_cost"]


def test_nothing_proposed_means_nothing_due() -> None:
    due = decisions_due(pd.DataFrame([GOOD]).iloc[:0], Policy())
    assert (due.line_ids, len(due.waiting)) == ((), 0)
