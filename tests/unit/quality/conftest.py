"""Twenty-eight clean days, played and judged once for all tests of this room."""

import pytest

from pipelines.twin.demand import generate_demand
from pipelines.twin.world import build_generated_world
from tests.unit.quality.played_days import START, Days, play


@pytest.fixture(scope="session")
def clean_days() -> Days:
    """Twenty-eight days of a generated world of four locations and forty items, all judged."""
    demand = generate_demand(4, 40, 56 + 28, 0, START)
    days = play(build_generated_world(demand, 0), demand, 56, 28)
    for day in days.dates:
        for feed, frame in days.partitions[day].items():
            days.verdicts[day, feed] = days.compare(day, feed, frame)
    return days
