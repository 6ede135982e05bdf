"""What comes round: item-locations that were counted every so many days are counted again when their day has come, and not before."""

import datetime
from collections.abc import Mapping

import numpy as np
import pandas as pd

from quality.verdicts import MAX_NAMED, Failing, GateCheck

FEED, PAIR = "wms_counts", ["location_id", "item_id"]
# So many counts of 3 days or more, each as long after the one before, make a cycle.
MIN_COUNTS, MIN_DAYS = 20, 3
Frames = Mapping[str, pd.DataFrame]


def check_cycle(frames: Frames, known: Frames, business_date: datetime.date) -> tuple[list[GateCheck], list[Failing]]:
    """Counts that are due and missing, or out of turn, where every earlier count of a pair came the same number of days after its last.

    Both are named and freeze nothing: people may count what they like.
    """
    before = known.get(FEED)
    if FEED not in frames or before is None:
        return [], []
    name, expected = "counts_due", "every item-location counted when its day has come"
    past = before[PAIR].assign(day=before["at"].dt.normalize()).drop_duplicates().sort_values("day", kind="stable")
    days = _cycle_days(past)
    if not days:
        return [GateCheck(name, True, "warn", "counts do not come round", expected)], []
    today = pd.Timestamp(business_date)
    counted = frames[FEED].loc[frames[FEED]["at"].dt.normalize() == today, PAIR].drop_duplicates()
    last = past.drop_duplicates(PAIR, keep="last").set_index(PAIR)["day"]
    due = last.index[last == today - pd.Timedelta(days=days)]
    now = pd.MultiIndex.from_frame(counted)
    missing, early = due.difference(now), now.intersection(last.index).difference(due)
    said = [f"{place}, {item}: not counted, last on {last[place, item]:%Y-%m-%d}" for place, item in missing]
    said += [f"{place}, {item}: counted out of turn, last on {last[place, item]:%Y-%m-%d}" for place, item in early]
    observed = f"{len(missing)} of {len(due)} counts missing, {len(early)} out of turn"
    severity = "block" if len(said) > MAX_NAMED else "warn"
    return [GateCheck(name, not said, severity, observed, f"{expected}, every {days} days", tuple(said[:MAX_NAMED]))], []


def _cycle_days(past: pd.DataFrame) -> int:
    """How many days lie between any two counts of a pair; 0 where they differ or too few are known."""
    gaps = past.groupby(PAIR)["day"].diff().dt.days
    seen = past.loc[gaps.notna(), "day"]
    steps = np.unique(gaps.dropna().to_numpy())
    return int(steps[0]) if len(steps) == 1 and len(seen) >= MIN_COUNTS and seen.nunique() >= MIN_DAYS else 0
