"""Clean data block nothing and freeze nothing: worlds from their first load on, with first transfers, quiet and busy days and new items.

Every day goes through landing, checks, gates and the judgement between feeds. Great Expectations is left out: it repeats on typed rows
what the contract checked on text.
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from pipelines import flows
from pipelines.domain.policy import Policy
from pipelines.domain.transfer import line_id_of, transfer_id_of
from pipelines.store.home import Home
from pipelines.twin.demand import DemandTable, generate_demand, read_m5_demand
from pipelines.twin.extracts import write_drop, write_history_drop
from pipelines.twin.simulate import Twin
from pipelines.twin.world import World, build_generated_world, build_m5_world
from quality.judging.judge import judge_feed
from quality.judging.night import judge_night
from tests.faults.mutations.judge import cheap_suites
from tests.faults.mutations.night import quick_reading

START = dt.date(2025, 1, 6)


@dataclass(frozen=True)
class Plan:
    """A world to play: `first_transfer` is the day from which lanes are used, `per_day` how many transfers leave on a day then."""

    seed: int
    locations: int
    items: int
    warm_up: int
    days: int
    first_transfer: int = 2
    per_day: int = 2
    is_eventful: bool = False


@dataclass
class Alarms:
    """What was said against clean days."""

    partitions: int
    said: list[tuple[str, str]]
    frozen: list[str]

    @property
    def blocks(self) -> list[str]:
        return [text for severity, text in self.said if severity == "block"]

    def table(self) -> str:
        warns = Counter(text.split()[2] for severity, text in self.said if severity == "warn")
        count = sum(warns.values())
        share = f"{count / self.partitions:.1%} of {self.partitions} partitions"
        return f"{len(self.blocks)} false blocks, {len(self.frozen)} false freezes, {count} warnings ({share}): {dict(warns)}"


def eventful(demand: DemandTable, warm_up: int) -> DemandTable:
    """A day of a tenth of the customers, a day of three times as many on which an item is first sold, and no customers on Sundays."""
    units = demand.units.copy()
    units[: warm_up + 1, :, 0] = 0
    units[warm_up + 1 :, :, 0] += 1
    units[warm_up] //= 10
    units[warm_up + 1] *= 3
    units[[day for day in range(demand.days) if demand.date_of(day).weekday() == 6]] = 0
    return replace(demand, units=units)


def dispatches(twin: Twin, plan: Plan, number: int) -> list[dict[str, Any]]:
    """Transfer orders over random lanes of what the origin has most of; odd seeds have transfers numbered by another system."""
    luck, today = np.random.default_rng((plan.seed, number)), twin.next_date
    lanes, items = twin.world.lanes.to_dict("records"), list(twin.world.items["item_id"])
    orders = []
    for at in luck.choice(len(lanes), plan.per_day if number >= plan.first_transfer else 0, replace=False):
        lane, own = lanes[at], plan.seed % 2 == 0
        origin = list(twin.world.locations["location_id"]).index(lane["origin"])
        rich = np.argsort(-twin.stock.on_hand[origin], kind="stable")[: luck.integers(1, 5)]
        name = transfer_id_of(today, str(at)) if own else f"TO-{today}-{at:04d}"
        lines = [
            {"line_id": line_id_of(today, items[of], str(at)) if own else f"{name}-{of}", "item_id": items[of], "units": 2} for of in rich
        ]
        ends = {key: lane[key] for key in ("origin", "destination", "mode")}
        orders.append(
            {
                **{"format": "evenstock-dispatch/1", "transfer_id": name, "idempotency_key": name},
                **{"ship_date": today.isoformat(), **ends, "lines": lines},
            }
        )
    return orders


def play(home: Home, world: World, demand: DemandTable, plan: Plan) -> Alarms:
    """Land and judge the first load and every day after it."""
    twin, policy, alarms = Twin(world, demand, plan.seed), Policy(), Alarms(0, [], [])
    with quick_reading(), cheap_suites():
        drop = write_history_drop(twin.warm_up(plan.warm_up), world, home.inbox)
        for number in range(plan.days + 1):
            if number:
                drop = write_drop(twin.play_day(dispatches(twin, plan, number)), world, home.inbox)
            judge(home, dt.date.fromisoformat(drop.name), policy, alarms)
    return alarms


def judge(home: Home, day: dt.date, policy: Policy, alarms: Alarms) -> None:
    flows.land_inbox(home, day)
    verdicts = []
    for feed in flows.FEEDS:
        result = flows.ingest_feed(home, feed, day)
        verdicts.append(judge_feed(flows.read_gate_inputs(home, feed, day, result, policy), day, policy.gate))
        flows.save_verdict(home, day, feed, result.lake_sha256 if result else "", verdicts[-1].to_json())
        alarms.partitions += bool(verdicts[-1].rows)
    said, frozen = judge_night(home, day, policy)
    for verdict in (*verdicts, said):
        texts = ((c.severity, f"{day} {verdict.feed} {c.name} {c.observed} {c.examples[:3]}") for c in verdict.failures)
        alarms.said += texts
    alarms.frozen += [f"{day} {pair['location_id']} {pair['item_id']} {pair['reasons']}" for pair in frozen["pairs"]]


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Plan(1, 4, 24, warm_up=42, days=3, per_day=3), id="first-transfers"),
        pytest.param(Plan(2, 3, 10, warm_up=45, days=4, first_transfer=1, is_eventful=True), id="quiet-and-busy-days"),
    ],
)
def test_a_clean_world_is_neither_blocked_nor_frozen(plan, tmp_path):
    demand = generate_demand(plan.locations, plan.items, plan.warm_up + plan.days, plan.seed, START)
    demand = eventful(demand, plan.warm_up) if plan.is_eventful else demand
    alarms = play(Home(tmp_path), build_generated_world(demand, plan.seed), demand, plan)
    print("\n" + alarms.table())
    assert alarms.blocks == [] and alarms.frozen == []


def test_real_demand_is_neither_blocked_nor_frozen(real_data, tmp_path):
    plan = Plan(0, 10, 20, warm_up=42, days=2, first_transfer=1)
    demand = read_m5_demand(real_data, plan.items, plan.days, plan.warm_up, plan.seed)
    alarms = play(Home(tmp_path), build_m5_world(demand, real_data, seed=plan.seed), demand, plan)
    print("\n" + alarms.table())
    assert alarms.blocks == [] and alarms.frozen == []
