"""What a feed has always done, learned from its own recent rows: how lines are numbered, how far dates lie apart, what prices are to the
list, and that an event is told on the day of its news. A row that does otherwise is named; where there was no habit nothing is judged.
What may well be new, a word or a discount never seen, is named and freezes nothing.
"""

import datetime
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from pipelines.extracts.contracts.contract import FeedContract, load_contract
from quality.habits.findings import ALWAYS_ROWS, MIN_ROWS, Finding, spread
from quality.habits.inside import find_inside
from quality.habits.invariants import find_emptiness, find_invariants
from quality.habits.spelling import find_spelling, find_undated
from quality.habits.to_master import find_against_master
from quality.verdicts import MAX_NAMED, Failing, GateCheck, examples, is_too_many

BLOCK_SHARE = 0.05
# Of rows that are new rather than wrong.
NEWS_BLOCK_SHARE = 0.5
HABIT_SHARE = 0.995
# Told when it left and again when it arrived, and never else.
TOLD_ONCE_MORE = ("wms_shipments",)
# Rows of another kind are written in another way: each kind has habits of its own.
KINDS_OF_ROWS = {"wms_movements": "type", "wms_receipts": "reference_type", "wms_transfers": "state"}
LINE_KEYS = {"erp_sales_orders": ("order_id", "line_no"), "erp_purchase_orders": ("po_id", "line_no")}
Frames = Mapping[str, pd.DataFrame]
Wrong = tuple[str, np.ndarray]


def check_habits(frames: Frames, known: Frames, business_date: datetime.date) -> tuple[list[GateCheck], list[Failing]]:
    """One check per feed with a date that has at least 20 earlier rows; the reasons name the habit that a row breaks.

    Of stock, whose figures are the replay's business, only what is filled in and how it is spelt is judged.
    """
    checks, failing = [], []
    for feed in sorted(frames):
        contract = load_contract(feed)
        past = known.get(feed)
        if not contract.date_column or past is None or len(past) < MIN_ROWS or not len(frames[feed]):
            continue
        check, wrong = _check(contract, frames[feed].reset_index(drop=True), past, frames.get("erp_items"), business_date)
        checks.append(check)
        failing += wrong
    return checks, failing


def _check(
    contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame, items: pd.DataFrame | None, day: datetime.date
) -> tuple[GateCheck, list[Failing]]:
    name = f"habits:{contract.feed}"
    why, is_wrong = [""] * len(frame), np.zeros(len(frame), dtype=bool)
    for text, rows, wrong in sorted(_find(contract, frame, past, items, day), key=lambda found: not found[2]):
        for row in np.flatnonzero(rows):
            why[row] = why[row] or text
        is_wrong |= rows & wrong
    rows = [row for row, text in enumerate(why) if text]
    key = [column for column in contract.key if column in frame]
    for row in rows:
        # What freezes nothing names its item-location here.
        why[row] += "" if is_wrong[row] else _whereabouts(frame, row)
    said = {row: f"{', '.join(str(frame[column].iloc[row]) for column in key)}: {why[row]}" for row in rows}
    count, news = int(is_wrong.sum()), len(rows) - int(is_wrong.sum())
    is_changed = news > MAX_NAMED or (news >= MIN_ROWS and news > NEWS_BLOCK_SHARE * len(frame))
    blocks = is_too_many(count, len(frame), BLOCK_SHARE) or is_changed
    observed = f"{len(rows)} of {len(frame)} rows" + (f", {news} of them perhaps new" if news else "")
    shown = tuple(sorted(said.values())[:MAX_NAMED]) if news else examples(said.values())
    check = GateCheck(name, not rows, "block" if blocks else "warn", observed, "what the feed always did", shown)
    frozen = (row for row in rows if is_wrong[row])
    return check, [entry for row in frozen for entry in _failing(contract.feed, frame, row, name, said[row])]


def _find(
    contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame, items: pd.DataFrame | None, day: datetime.date
) -> Iterator[Finding]:
    """Everything that rows do otherwise, each kind of row held against its own kind: the first transfers ever break no habit."""
    if contract.kind == "snapshot":
        yield from find_emptiness(contract, frame, past)
        yield from find_spelling(contract, frame, past)
        return
    for text, wrong in (*_numbering(contract, frame, past), *_news(contract, frame, past, day)):
        yield text, wrong, True
    yield from find_invariants(contract, frame, past)
    yield from find_inside(contract, frame, past)
    yield from find_undated(contract, frame, past)
    for rows, like in _kinds(contract, frame, past):
        if len(like) >= MIN_ROWS:
            part = frame[rows]
            for judge in (_gaps, find_spelling):
                yield from spread(rows, judge(contract, part, like))
            yield from spread(rows, find_against_master(part, like, items))


def _kinds(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame) -> Iterator[tuple[np.ndarray, pd.DataFrame]]:
    """The rows of each kind, and the earlier ones of the same kind."""
    column = KINDS_OF_ROWS.get(contract.feed)
    if column is None:
        yield np.ones(len(frame), dtype=bool), past
        return
    now, before = frame[column].astype(object).to_numpy(), past[column].astype(object).to_numpy()
    for kind in pd.unique(now):
        yield now == kind, past[before == kind]


def _whereabouts(frame: pd.DataFrame, row: int) -> str:
    names = [column for column in ("location_id", "origin", "destination", "item_id") if column in frame]
    return f" ({', '.join(str(frame[column].iloc[row]) for column in names)})"


def _failing(feed: str, frame: pd.DataFrame, row: int, name: str, text: str) -> Iterator[Failing]:
    line = int(frame["_source_line"].iloc[row]) if "_source_line" in frame else 0
    for place in ("location_id", "origin", "destination"):
        if place in frame:
            yield Failing(str(frame[place].iloc[row]), str(frame["item_id"].iloc[row]), name, text, feed, line)


def _numbering(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame) -> Iterator[Wrong]:
    """Lines of a document are numbered without gaps from one."""
    if contract.feed not in LINE_KEYS:
        return
    document, line = LINE_KEYS[contract.feed]
    if _is_gapless(past, document, line).mean() < HABIT_SHARE:
        return
    whole = pd.concat([past[[document, line]], frame[[document, line]]], ignore_index=True).drop_duplicates()
    good = _is_gapless(whole, document, line)
    yield "its document lacks a line", ~frame[document].map(good).to_numpy(dtype=bool)


def _is_gapless(frame: pd.DataFrame, document: str, line: str) -> pd.Series:
    ends = frame.groupby(document)[line].agg(["min", "max", "nunique"])
    return (ends["min"] <= 1) & (ends["max"] - ends["min"] + 1 == ends["nunique"])


def _gaps(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame) -> Iterator[Finding]:
    """Days between any two dates of a row, and units between two counts, lie within what was seen, and half as far again.

    Below 60 rows that is a guess, and freezes nothing.
    """
    dates = [column.name for column in contract.columns if column.type in ("date", "timestamp")]
    pairs = [(_days, one, other) for at, one in enumerate(dates) for other in dates[at + 1 :]]
    pairs += [(_units, "system_qty", "counted_qty")] if contract.feed == "wms_counts" else []
    for read, one, other in pairs:
        before, now = (read(each, other) - read(each, one) for each in (past, frame))
        seen = before[~np.isnan(before)]
        if len(seen) < MIN_ROWS:
            continue
        low, high = float(seen.min()), float(seen.max())
        slack = (high - low) * (0.5 if len(seen) >= 200 else 1.0)
        yield f"{other} is unusually far from {one}", (now < low - slack) | (now > high + slack), len(seen) >= ALWAYS_ROWS


def _units(frame: pd.DataFrame, column: str) -> np.ndarray:
    return frame[column].to_numpy(dtype=float, na_value=np.nan)


def _days(frame: pd.DataFrame, column: str) -> np.ndarray:
    return pd.to_datetime(frame[column]).dt.normalize().to_numpy().astype("datetime64[D]").astype(float) + _not_a_time(frame[column])


def _not_a_time(values: pd.Series) -> np.ndarray:
    return np.where(values.isna().to_numpy(), np.nan, 0.0)


def _news(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame, day: datetime.date) -> Iterator[Wrong]:
    """Nothing has happened later than the business date, and something of each row happened on it."""
    happened = [column.name for column in contract.columns if column.name.endswith("_at") or column.name == "at"]
    moments = np.column_stack([_days(frame, name) for name in happened])
    today = np.datetime64(day, "D").astype(float)
    yield "it tells of a day to come", np.asarray((moments > today).any(axis=1))
    if contract.feed not in TOLD_ONCE_MORE or "_business_date" not in past or not _told_in_time(past, happened):
        return
    yield "nothing in it happened on the business date", ~np.asarray((moments == today).any(axis=1))


def _told_in_time(past: pd.DataFrame, happened: list[str]) -> bool:
    """Whether rows used to come on the day of their news, the first load aside."""
    later = past[past["_business_date"] > past["_business_date"].min()]
    if len(later) < ALWAYS_ROWS:
        return False
    moments = np.column_stack([_days(later, name) for name in happened])
    return bool((moments == _days(later, "_business_date")[:, None]).any(axis=1).all())
