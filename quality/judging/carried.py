"""Frozen stock differences of earlier dates, told again from what the lake holds now: corrections and late rows settle them or make new
ones, whatever has been judged since. What a date freezes of its own is not decided here.
"""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.lake.partitions import LakeFile, current_files, read_frame
from pipelines.flows.frozen import judged_dates, read_frozen
from pipelines.store.home import Home
from quality.reconciliation.day_book import DayBook, check_stock_replay

Entry = dict[str, Any]
Pair = tuple[str, str]
STOCK, MOVEMENTS, COUNTS = "wms_stock", "wms_movements", "wms_counts"
DAY = datetime.timedelta(days=1)


def read_carried(home: Home, as_of: datetime.date, frozen_days: int) -> dict[str, Any]:
    """The stock differences that `as_of` has to carry on, as one document: `pairs` with what each differs by since it began.

    units = on_hand(p) - on_hand(before `since`) - movements since then, of the newest stock before `as_of` (its day is p) and of all
    rows known at `as_of`. Pairs whose units are 0 are settled; a pair that was counted on a later date has begun anew.
    """
    began: dict[Pair, Entry] = {}
    for date in judged_dates(home, as_of - frozen_days * DAY, as_of - DAY):
        if began:
            began = _without_counted(home, date, began)
        differing = [entry for entry in read_frozen(home, date)["pairs"] if entry.get("difference_units")]
        began |= {(entry["location_id"], entry["item_id"]): entry for entry in differing}
    by_date: dict[str, dict[Pair, Entry]] = {}
    for pair in sorted(began):
        by_date.setdefault(began[pair]["since"], {})[pair] = began[pair]
    told = (_tell_again(home, datetime.date.fromisoformat(since), as_of, entries) for since, entries in sorted(by_date.items()))
    return {"pairs": [entry for entries in told for entry in entries]}


def _tell_again(home: Home, since: datetime.date, as_of: datetime.date, entries: Mapping[Pair, Entry]) -> list[Entry]:
    """The entries that began on one date, with the units by which their stock differs by now; as they were where no stock can tell."""
    stock = _files(home, STOCK, datetime.date.min, as_of - DAY)
    opening = [file for file in stock if file.business_date < since][-1:] or [file for file in stock if file.business_date == since]
    if not opening or stock[-1].business_date < since:
        return list(entries.values())
    moved = [_rows(file, entries) for file in _files(home, MOVEMENTS, since, as_of)]
    rows = pd.concat(moved, ignore_index=True).drop_duplicates(list(load_contract(MOVEMENTS).key), keep="last") if moved else pd.DataFrame()
    frames = {STOCK: _rows(stock[-1], entries), MOVEMENTS: rows}
    _, failing = check_stock_replay(DayBook(frames, _rows(opening[0], entries), stock[-1].business_date))
    units = {(entry.location_id, entry.item_id): entry.units for entry in failing}
    return [entries[pair] | {"difference_units": units[pair], "units": abs(units[pair])} for pair in entries if units.get(pair)]


def _without_counted(home: Home, date: datetime.date, entries: Mapping[Pair, Entry]) -> dict[Pair, Entry]:
    """The entries of item-locations that were not counted on a date."""
    counts = [read_frame(file.path) for file in _files(home, COUNTS, date, date)]
    counted = {pair for frame in counts for pair in zip(frame["location_id"], frame["item_id"], strict=True)}
    return {pair: entry for pair, entry in entries.items() if pair not in counted}


def _files(home: Home, feed: str, first: datetime.date, last: datetime.date) -> list[LakeFile]:
    return [file for file in current_files(home.lake, feed, last) if file.business_date >= first]


def _rows(file: LakeFile, pairs: Iterable[Pair]) -> pd.DataFrame:
    """The rows of a lake file about some item-locations."""
    frame = read_frame(file.path)
    wanted = pd.DataFrame(list(pairs), columns=["location_id", "item_id"])
    return frame.merge(wanted, on=["location_id", "item_id"])
