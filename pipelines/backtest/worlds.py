"""The yardstick worlds: where they come from and how many samples there are. What happens in them is the twin's business."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import InputRefused, UsageError, shown
from pipelines.twin.demand import generate_demand, read_m5_demand
from pipelines.twin.m5 import ORIGINS
from pipelines.twin.simulate import Twin
from pipelines.twin.world import M5_VARIANTS, build_generated_world, build_m5_world

DAYS_PER_WEEK = 7
WARM_UP_WEEKS = 12
GENERATED = "generated"
GENERATED_LOCATIONS = 6
GENERATED_START = dt.date(2025, 1, 6)
WORLDS = (*M5_VARIANTS, GENERATED)


@dataclass(frozen=True)
class Yardstick:
    """One sample of one world: items, and weeks to play after twelve weeks of warm-up without transfers."""

    world: str
    sample: int
    items: int
    weeks: int


def start(yardstick: Yardstick, real_data: Path | None) -> Twin:
    """The world after its warm-up, when the first plan is due. Raises `UsageError` and `InputRefused`.

    A wrong split of opening stock must stand when planning begins and not have been traded away by twelve weeks of orders, so levels
    carry it until then.
    """
    if yardstick.world not in WORLDS:
        raise UsageError(f"--world: {shown(yardstick.world)} is not one of {', '.join(WORLDS)}")
    days, warm_up = yardstick.weeks * DAYS_PER_WEEK, WARM_UP_WEEKS * DAYS_PER_WEEK
    if yardstick.world == GENERATED:
        demand = generate_demand(GENERATED_LOCATIONS, yardstick.items, warm_up + days, yardstick.sample, GENERATED_START)
        twin = Twin(build_generated_world(demand, yardstick.sample), demand, yardstick.sample)
    else:
        if real_data is None:
            wanted = ", ".join(f"{name} made from {origin}" for name, origin in ORIGINS.items())
            raise InputRefused(f"worlds A, B, C need real demand: set EVENSTOCK_REAL_DATA to a folder that holds {wanted}")
        demand = read_m5_demand(real_data, yardstick.items, days, warm_up, yardstick.sample)
        world = build_m5_world(demand, real_data, yardstick.world, yardstick.sample).with_parameters(noisy_split_days=warm_up)
        twin = Twin(world, demand, yardstick.sample)
    twin.warm_up(warm_up)
    return twin
