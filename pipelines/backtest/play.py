"""Plays a contender in a world week by week and counts what that cost. Comparing and telling is done in compare.py."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipelines.backtest.policies import Contender
from pipelines.domain.policy import Policy
from pipelines.domain.transfer import line_id_of, transfer_id_of
from pipelines.twin.metrics import summarise
from pipelines.twin.simulate import Twin

DAYS_PER_WEEK = 7


@dataclass(frozen=True)
class Played:
    """What one contender did to one world: the totals of `twin.metrics.summarise` over the weeks played."""

    contender: str
    totals: dict[str, Any]


def play(start: Twin, contender: Contender, policy: Policy, weeks: int) -> Played:
    """Play `weeks` weeks from where `start` stands, deciding on the evening before each; `start` itself is not moved.

    Moves leave on the first day of their week, before supplier orders are placed, which see them. Two contenders meet the same luck.
    """
    twin = start.fork()
    first = twin.next_date
    for _ in range(weeks):
        moves = contender.decide(twin, policy)
        twin.play_day(dispatches(twin, moves))
        twin.warm_up(DAYS_PER_WEEK - 1)
    return Played(contender.name, summarise(twin, first, twin.next_date - dt.timedelta(days=1)))


def dispatches(twin: Twin, moves: pd.DataFrame) -> list[dict[str, Any]]:
    """Moves as transfer orders that leave on the twin's next day, one per lane."""
    lanes = dict(zip(twin.transport.lane_ids, twin.world.lanes.to_dict("records"), strict=True))
    orders = []
    for lane_id, lines in moves.groupby("lane_id", sort=True):
        lane = lanes[str(lane_id)]
        transfer_id = transfer_id_of(twin.next_date, str(lane_id))
        orders.append(
            {
                "format": "evenstock-dispatch/1",
                "transfer_id": transfer_id,
                "idempotency_key": transfer_id,
                "ship_date": twin.next_date.isoformat(),
                "origin": lane["origin"],
                "destination": lane["destination"],
                "mode": lane["mode"],
                "lines": [
                    {"line_id": line_id_of(twin.next_date, item, str(lane_id)), "item_id": item, "units": int(units)}
                    for item, units in zip(lines["item_id"], lines["units"], strict=True)
                ],
            }
        )
    return orders
