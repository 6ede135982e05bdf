"""Rows that name an item, a category or a location by a word for which of them they mean: does it exist? An unknown one changes nothing."""

import datetime
from collections.abc import Mapping

import pandas as pd

from quality.verdicts import MAX_NAMED, Failing, GateCheck, is_too_many

FEEDS = ("erp_events", "fin_parameters")
# Where the names of each scope stand.
NAMES = {"item": ("erp_items", "item_id"), "category": ("erp_items", "category"), "location": ("erp_locations", "location_id")}
BLOCK_SHARE = 0.5
Frames = Mapping[str, pd.DataFrame]


def check_scopes(frames: Frames, known: Frames, business_date: datetime.date) -> tuple[list[GateCheck], list[Failing]]:
    """One check per feed with a scope: every name is one of the day's master data, or of the last that came.

    A row about nothing that exists is named, since it would be passed over in silence; more than half of 3 or more block.
    """
    return [_check(feed, frames[feed], frames, known) for feed in FEEDS if feed in frames], []


def _check(feed: str, frame: pd.DataFrame, frames: Frames, known: Frames) -> GateCheck:
    wrong = pd.Series(False, index=frame.index)
    for scope, (master, column) in NAMES.items():
        names = frames.get(master, known.get(master))
        if names is not None:
            wrong |= (frame["scope"] == scope) & ~frame["scope_id"].isin(names[column])
    said = [f"{scope} {name}: no such {scope}" for scope, name in zip(frame.loc[wrong, "scope"], frame.loc[wrong, "scope_id"], strict=True)]
    many = is_too_many(len(said), len(frame), BLOCK_SHARE)
    observed = f"{len(said)} of {len(frame)} rows name nothing that exists"
    expected = "items, categories and locations of the master data"
    return GateCheck(f"scopes_known:{feed}", not said, "block" if many else "warn", observed, expected, tuple(sorted(said)[:MAX_NAMED]))
