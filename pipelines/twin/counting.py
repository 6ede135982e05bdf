"""Cycle counts: every item-location is counted once in four weeks, after the day's work. The stock itself stays as it is."""

import numpy as np
from numpy.typing import NDArray

from pipelines.domain.stock import Units
from pipelines.twin.events import DayRecorder
from pipelines.twin.luck import stream

COUNTED_SECOND = 22 * 3600
CYCLE_DAYS = 28


def count_stock(recorder: DayRecorder, on_hand: Units, ranged: NDArray[np.bool_], seed: int, day: int, phantom_share: float) -> None:
    """Write the counts of a day: what the system has on hand and what is found, for the pairs whose turn it is.

    `on_hand` and `ranged` have shape (L, I). A `phantom_share` of the counts finds one to three units fewer than the system has, never
    fewer than none, from a stream of its own; otherwise what is found is what is there.
    """
    turn = np.arange(on_hand.size).reshape(on_hand.shape) % CYCLE_DAYS == day % CYCLE_DAYS
    locations, items = np.nonzero(turn & ranged)
    system = on_hand[locations, items]
    found = system.copy()
    if phantom_share > 0:
        luck = stream(seed, "cycle_count", day)
        missing = np.where(luck.random(len(system)) < phantom_share, luck.integers(1, 4, len(system)), 0)
        found = np.maximum(system - missing, 0)
    recorder.add(
        "wms_counts",
        {
            "location_id": recorder.location_ids[locations],
            "item_id": recorder.item_ids[items],
            "system_qty": system,
            "counted_qty": found,
            "at": recorder.at(np.full(len(system), COUNTED_SECOND)),
        },
    )
