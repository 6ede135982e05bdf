"""Clean days raise no alarm about values: 300 partitions of a generated world, 260 of real demand, busy and quiet days among them."""

import numpy as np
import pandas as pd

from pipelines.extracts.contracts.contract import load_contract
from pipelines.twin.demand import read_m5_demand
from pipelines.twin.world import build_m5_world
from tests.unit.quality.played_days import Days, play

RULES = ("unit_mixup", "shifted_decimals", "swapped_columns", "shifted_rows", "repeated_rows")


def false_alarms(days: Days) -> tuple[int, list[str]]:
    """Partitions with rows, and what was said against any of them."""
    said = [
        f"{date} {feed} {check.name} {check.observed} {check.examples}"
        for (date, feed), verdict in days.verdicts.items()
        for check in verdict.failures
        if check.rule in RULES
    ]
    return sum(bool(len(frame)) for day in days.partitions.values() for frame in day.values()), said


def test_a_generated_world_raises_no_alarm(clean_days):
    partitions, said = false_alarms(clean_days)
    print(f"generated world: {len(said)} false alarms in {partitions} clean partitions ({len(said) / partitions:.2%})")
    assert partitions >= 200 and said == []


def test_real_demand_raises_no_alarm(real_data):
    demand = read_m5_demand(real_data, 60, 28, 56, 0)
    days = play(build_m5_world(demand, real_data, seed=0), demand, 56, 28)
    for day in days.dates:
        for feed, frame in days.partitions[day].items():
            days.verdicts[day, feed] = days.compare(day, feed, frame)
    partitions, said = false_alarms(days)
    print(f"M5 world: {len(said)} false alarms in {partitions} clean partitions ({len(said) / partitions:.2%})")
    assert partitions >= 200 and said == []


def test_a_day_on_which_nothing_moved_blocks_nothing(clean_days):
    day, before = clean_days.dates[20], clean_days.dates[19]
    stock = clean_days.partitions[before]["wms_stock"].assign(date=pd.Timestamp(day))
    assert clean_days.compare(day, "wms_stock", stock).passed
    masters = {feed: clean_days.compare(day, feed, clean_days.partitions[before][feed]) for feed in ("erp_items", "tms_lanes")}
    assert all(verdict.failures == () for verdict in masters.values())


def test_a_day_of_three_times_the_customers_raises_no_alarm(clean_days):
    day = clean_days.dates[20]
    for feed in ("erp_sales_orders", "wms_shipments", "wms_movements"):
        frame = clean_days.partitions[day][feed]
        key = load_contract(feed).key[0]
        luck = np.random.default_rng(1)
        clocks = {c.name: frame[c.name] + pd.Timedelta(seconds=1) for c in load_contract(feed).columns if c.type == "timestamp"}
        more = [frame.sample(frac=1.0, random_state=luck).assign(**{key: frame[key] + f"-{n}"}, **clocks) for n in range(2)]
        assert clean_days.compare(day, feed, pd.concat([frame, *more], ignore_index=True)).failures == ()
