"""Bands of alerts as people write them: limits of a category beside the usual ones, and what is refused."""

import pytest

from pipelines.domain.errors import InputRefused
from pipelines.domain.policy import Policy
from pipelines.domain.policy_reading import parse_policy


def test_a_category_has_its_own_limits_and_the_usual_ones_besides():
    alerts = {"days_on_hand_upper": 80, "hysteresis_share": 0.05, "by_category": {"toys": {"days_on_hand_upper": 45}, "books": {}}}
    assert parse_policy({"alerts": alerts}).alerts.bands() == [
        ("", "turns_per_year", 2.0, 4.0, 0.05),
        ("", "days_on_hand", 30.0, 80.0, 0.05),
        ("books", "turns_per_year", 2.0, 4.0, 0.05),
        ("books", "days_on_hand", 30.0, 80.0, 0.05),
        ("toys", "turns_per_year", 2.0, 4.0, 0.05),
        ("toys", "days_on_hand", 30.0, 45.0, 0.05),
    ]


def test_what_was_read_can_be_written_and_read_again():
    policy = parse_policy({"alerts": {"by_category": {"toys": {"turns_per_year_upper": 9}}}})
    assert parse_policy(policy.to_values()) == policy
    assert policy.digest != Policy().digest


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        ({"by_category": ["toys"]}, "policy.alerts.by_category: expected a mapping of categories"),
        ({"by_category": {"toys": 3}}, "policy.alerts.by_category.toys: expected a category with a mapping of its limits"),
        ({"by_category": {7: {}}}, "expected a category"),
        ({"by_category": {"toys": {"days_on_hand_uper": 4}}}, "did you mean 'days_on_hand_upper'"),
        ({"by_category": {"toys": {"days_on_hand_upper": -4}}}, "policy.alerts.by_category.toys.days_on_hand_upper: must be"),
        ({"by_category": {"toys": {"days_on_hand_upper": "x"}}}, "must be a finite number"),
        ({"by_category": {"toys": {"days_on_hand_upper": 30}}}, "policy.alerts.by_category.toys: days_on_hand from 30 to 30"),
        ({"turns_per_year_lower": 5}, "policy.alerts: turns_per_year from 5 to 4 with hysteresis 0.1 leaves no room"),
    ],
)
def test_bands_that_cannot_be_are_refused_by_their_path(alerts, said):
    with pytest.raises(InputRefused) as refused:
        parse_policy({"alerts": alerts})
    assert said in str(refused.value)
