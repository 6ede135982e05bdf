"""When a line was ordered and when its goods moved, as two feeds tell it: before, at the same moment, later that day or on another.

Judged by what earlier lines of the same kind did: a shop hands over at once, a warehouse in the night, and neither ships before the order.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from quality.reconciliation.kept_lines import LINE, ORDERS_SHIPPED, PURCHASES_RECEIVED, KeptLines
from quality.verdicts import MAX_NAMED, Failing, GateCheck, is_too_many

MIN_LINES = 60
WAYS = ("on an earlier day than", "earlier that day than", "at the same moment as", "later that day than", "on a later day than")
# What cannot be unless clocks are wrong; the other ways may be new.
IMPOSSIBLE = (0, 1)
Frames = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Moments:
    """A moment of a line, and the last moment at which the feed that keeps it tells of its goods; `kind` is a word of the line."""

    name: str
    of: KeptLines
    at: str
    kind: str
    kept_at: str


MOMENTS = (
    Moments("order_moments", ORDERS_SHIPPED, "ordered_at", "channel", "shipped_at"),
    Moments("purchase_moments", PURCHASES_RECEIVED, "received_at", "status", "received_at"),
)


def check_moments(frames: Frames, known: Frames, business_date: datetime.date) -> tuple[list[GateCheck], list[Failing]]:
    """One check per pair of feeds of which one has rows today and both had some before."""
    results = [
        _check(each, frames, known)
        for each in MOMENTS
        if (each.of.lines in frames or each.of.kept in frames) and each.of.lines in known and each.of.kept in known
    ]
    return [check for check, _ in results], [entry for _, failing in results for entry in failing]


def _check(moments: Moments, frames: Frames, known: Frames) -> tuple[GateCheck, list[Failing]]:
    expected = f"{moments.at} in {moments.of.lines} to {moments.kept_at} in {moments.of.kept} as always"
    both = _lines(moments, frames, known)
    both["way"] = _ways(both["at"], both["kept_at"], is_by_day=moments.at == moments.kept_at)
    before, today = both[~both["is_today"]], both[both["is_today"]]
    counts = before.groupby(["kind", "way"]).size()
    of_kind = before.groupby("kind").size().reindex(today["kind"]).fillna(0).to_numpy()
    seen = counts.reindex(pd.MultiIndex.from_frame(today[["kind", "way"]])).fillna(0).to_numpy()
    wrong = today[(of_kind >= MIN_LINES) & (seen == 0)].sort_values(LINE)
    said = [
        f"{row.document} {row.line_id} ({row.location_id}, {row.item_id}): "
        f"{moments.kept_at} {row.kept_at} is {WAYS[int(row.way)]} {moments.at} {row.at}"
        for row in wrong.itertuples()
    ]
    failing = [
        Failing(str(row.location_id), str(row.item_id), moments.name, text, moments.of.lines, int(row.source_line))
        for row, text in zip(wrong.itertuples(), said, strict=True)
        if row.way in IMPOSSIBLE
    ]
    blocks = is_too_many(len(wrong), len(today), 0.05) if failing else len(wrong) > MAX_NAMED
    observed = f"{len(wrong)} of {len(today)} lines differ"
    return GateCheck(moments.name, wrong.empty, "block" if blocks else "warn", observed, expected, tuple(said[:MAX_NAMED])), failing


def _lines(moments: Moments, frames: Frames, known: Frames) -> pd.DataFrame:
    """Every line that both feeds tell of with its newest words, both moments, and whether one of them tells of it today."""
    lines = _newest(known[moments.of.lines], frames.get(moments.of.lines), moments.of.line_key, moments.at)
    kept = _newest(known[moments.of.kept], frames.get(moments.of.kept), moments.of.kept_key, moments.kept_at)
    line = pd.DataFrame(
        {
            "document": lines[moments.of.line_key[0]].astype(str),
            "line_id": lines[moments.of.line_key[1]].astype(str),
            "location_id": lines["location_id"],
            "item_id": lines["item_id"],
            "kind": lines[moments.kind].astype(object),
            "at": pd.to_datetime(lines[moments.at]),
            "is_today": lines["_today"],
            "source_line": lines.get("_source_line", 0),
        }
    )
    goods = pd.DataFrame(
        {
            "document": kept[moments.of.kept_key[0]].astype(str),
            "line_id": kept[moments.of.kept_key[1]].astype(str),
            "kept_at": pd.to_datetime(kept[moments.kept_at]),
            "is_today_kept": kept["_today"],
        }
    )
    both = line.merge(goods, on=LINE).dropna(subset=["at", "kept_at", "kind"])
    both["is_today"] |= both.pop("is_today_kept")
    return both


def _newest(known: pd.DataFrame, today: pd.DataFrame | None, key: tuple[str, str], at: str) -> pd.DataFrame:
    """The last row of each line, by its moment where several tell of it."""
    parts = [known.assign(_today=False), *([today.assign(_today=True)] if today is not None and len(today) else [])]
    rows = pd.concat(parts, ignore_index=True)
    return rows.drop_duplicates(list(key), keep="last")


def _ways(at: pd.Series, kept: pd.Series, *, is_by_day: bool) -> np.ndarray:
    """0 an earlier day, 1 earlier that day, 2 the same moment, 3 later that day, 4 a later day; days alone know 0, 2 and 4."""
    one, other = at.to_numpy(dtype="datetime64[us]"), kept.to_numpy(dtype="datetime64[us]")
    days = np.sign((other.astype("datetime64[D]") - one.astype("datetime64[D]")).astype(float))
    within = np.zeros(len(at)) if is_by_day else np.sign((other - one).astype(float))
    return (2 + np.where(days != 0, 2 * days, within)).astype(int)
