"""What people decide has a range, and a value outside it is refused with file, key and range."""

from dataclasses import fields

import pytest

from pipelines.domain.errors import InputRefused
from pipelines.domain.policy import Policy
from pipelines.domain.policy_reading import parse_policy


@pytest.mark.parametrize(
    ("subject", "key", "value", "allowed"),
    [
        ("service", "target_a_share", 7, "above 0 and below 1"),
        ("service", "target_a_share", 1, "above 0 and below 1"),
        ("service", "target_c_share", 0, "above 0 and below 1"),
        ("service", "review_period_days", 0, "at least 1"),
        ("planning", "horizon_weeks", 0, "at least 1"),
        ("planning", "horizon_weeks", 2.5, "whole number"),
        ("planning", "gamma", 1.5, "at most 1"),
        ("planning", "eta", -0.1, "at least 0"),
        ("planning", "pallet_kg", 0, "above 0"),
        ("planning", "pallets_per_truck", 0, "at least 1"),
        ("planning", "time_limit_s", float("inf"), "finite"),
        ("planning", "time_limit_s", 86401, "at most 86400"),
        ("planning", "gamma", float("nan"), "finite"),
        ("planning", "eta", 10**400, "finite"),
        pytest.param("planning", "eta", 10**5000, "finite", id="thousands of digits"),
        ("planning", "gamma", "x" * 5000, "number"),
        ("planning", "gamma", True, "number"),
        ("planning", "gamma", [1] * 9999, "found a list"),
        ("approval", "auto_approve", 1, "true or false"),
        ("feedback", "max_step_ratio", 0.5, "at least 1"),
        ("kpi", "window_days", 0, "at least 1"),
        ("gate", "max_quarantine_share", 2, "at most 1"),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_range(subject, key, value, allowed):
    with pytest.raises(InputRefused) as refusal:
        parse_policy({subject: {key: value}}, "policy.yaml")
    said = str(refusal.value)
    assert said.startswith(f"policy.yaml.{subject}.{key}: ") and allowed in said and len(said) < 250


def test_every_default_is_within_its_range():
    policy = Policy()
    for subject in fields(policy):
        part = getattr(policy, subject.name)
        for known in fields(part):
            value = getattr(part, known.name)
            assert value is None or isinstance(value, bool | tuple) or value in known.metadata["range"], known.name


@pytest.mark.parametrize(
    ("severity", "said"),
    [
        ({"frsh": "warn"}, "policy.yaml.gate.severity: unknown name 'frsh'; did you mean 'fresh'?"),
        ({"fresh": "wran"}, "policy.yaml.gate.severity.fresh: must be one of block, warn, off, found 'wran'; did you mean 'warn'?"),
        ({"fresh": True}, "policy.yaml.gate.severity.fresh: must be one of block, warn, off, found True"),
        (["fresh"], "policy.yaml.gate.severity: expected a mapping, found a list"),
    ],
)
def test_a_misspelt_rule_or_severity_is_refused_with_what_was_meant(severity, said):
    with pytest.raises(InputRefused) as refusal:
        parse_policy({"gate": {"severity": severity}}, "policy.yaml")
    assert str(refusal.value).startswith(said)


def test_severities_are_kept_sorted_and_a_bare_off_of_yaml_is_off():
    gate = parse_policy({"gate": {"severity": {"row_count": "block", "fresh": False}}}).gate
    assert gate.severity == (("fresh", "off"), ("row_count", "block"))
    assert [gate.severity_of(rule) for rule in ("fresh", "row_count", "suite")] == ["off", "block", ""]


def test_allowed_values_are_kept():
    assert parse_policy({"planning": {"gamma": 1, "weekly_budget_usd": None, "donor_share_cap": 0}}).planning.gamma == 1.0
