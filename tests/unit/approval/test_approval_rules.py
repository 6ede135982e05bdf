"""Exactly one rule decides each line; the policy's verdicts become decisions on proposed lines only."""

import dataclasses
import math

import pandas as pd
import pytest

from pipelines.approval.rules import RULES, WITHIN_LIMITS, judge_line, judge_lines
from pipelines.approval.workflow import decisions_due
from pipelines.domain.policy import ApprovalPolicy, Policy

GOOD = {"line_id": "L1", "origin": "CA_1", "cost_usd": 40.0, "benefit_usd": 90.0, "donor_share": 0.25, "state": "proposed"}


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
    assert judge_line({**GOOD, "donor_share": 0.75}, ApprovalPolicy())[2] == "Takes 75 % of what CA_1 has, above the limit of 60 %."


def test_rules_have_distinct_names() -> None:
    assert len({rule.name for rule in RULES} | {WITHIN_LIMITS}) == len(RULES) + 1


def test_one_row_per_line_whatever_the_order() -> None:
    lines = pd.DataFrame([{**GOOD, "line_id": name, "cost_usd": cost} for name, cost in (("L2", 10.0), ("L1", 300.0), ("L3", 20.0))])
    verdicts = judge_lines(lines, ApprovalPolicy())
    assert verdicts["line_id"].tolist() == ["L1", "L2", "L3"]
    assert verdicts["verdict"].tolist() == ["needs_person", "approve", "approve"]
    pd.testing.assert_frame_equal(verdicts, judge_lines(lines.iloc[::-1], ApprovalPolicy()))


def test_only_proposed_lines_are_decided() -> None:
    states = {"L1": "proposed", "L2": "approved", "L3": "rejected", "L4": "proposed"}
    lines = pd.DataFrame([{**GOOD, "line_id": name, "state": state} for name, state in states.items()])
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
