"""Lifecycle of an item by date."""

import datetime as dt

import pytest

from pipelines.domain.item import lifecycle_on

DAY = dt.date(2026, 6, 1)


@pytest.mark.parametrize(
    ("launch", "end", "expected"),
    [
        (None, None, "active"),
        (dt.date(2026, 4, 7), None, "new"),  # 55 days old
        (dt.date(2026, 4, 6), None, "active"),  # 56 days old
        (dt.date(2026, 7, 1), None, "new"),  # not launched yet
        (None, dt.date(2026, 7, 27), "active"),  # 56 days to go
        (None, dt.date(2026, 7, 26), "phase_out"),
        (None, DAY, "phase_out"),
        (dt.date(2026, 5, 1), dt.date(2026, 5, 31), "discontinued"),
    ],
)
def test_lifecycle_changes_on_the_right_day(launch, end, expected):
    assert lifecycle_on(DAY, launch, end) == expected
