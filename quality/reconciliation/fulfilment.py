"""Order lines against their shipments and purchase order lines against their receipts: line by line, not by sums of a location-item."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from quality.reconciliation.kept_lines import LINE, ORDERS_SHIPPED, PURCHASES_RECEIVED, KeptLines
from quality.verdicts import Failing, GateCheck, Severity, examples, is_too_many

BLOCK_SHARE = 0.05
USUAL_SHARE = 0.9
Frames = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Promise:
    """Units of promised lines, when they were promised, and what the keeping feed says of them in its `kept_units`."""

    name: str
    of: KeptLines
    units: str
    at: str
    kept_units: tuple[str, ...]
    done: str


PROMISES = (
    Promise("orders_shipped", ORDERS_SHIPPED, "qty_units", "ordered_at", ("qty_units",), "shipped"),
    Promise("purchases_received", PURCHASES_RECEIVED, "qty_received", "received_at", ("qty_received",), "received"),
)


def check_fulfilment(frames: Frames, known: Frames, business_date: datetime.date) -> tuple[list[GateCheck], list[Failing]]:
    """Both promises. `known` holds the earlier rows of every document that `frames` names, and those of recent days."""
    results = [
        _check(promise, frames, known, business_date) for promise in PROMISES if promise.of.lines in frames or promise.of.kept in frames
    ]
    return [check for check, _ in results], [entry for _, failing in results for entry in failing]


def _check(promise: Promise, frames: Frames, known: Frames, day: datetime.date) -> tuple[GateCheck, list[Failing]]:
    expected = f"lines of {promise.of.lines} and {promise.of.kept} alike"
    if promise.of.lines not in known or promise.of.kept not in known:
        return GateCheck(promise.name, True, "warn", "no earlier day", expected), []
    near = _documents_near(promise, frames, known, day)
    lines = _lines(promise, _rows_of(promise.of.lines, promise.of.line_key[0], near, frames, known), day)
    kept = _kept(promise, _rows_of(promise.of.kept, promise.of.kept_key[0], near, frames, known))
    both = lines.merge(kept, on=LINE, how="outer", suffixes=("", "_kept"))
    today = both["is_today"].eq(True) | both["is_today_kept"].eq(True)
    why = _faults(promise, both)
    before = both[~today & both["state"].eq(promise.done) & both["is_recent"].eq(True)]
    if not len(before) or why[before.index].eq("").mean() < USUAL_SHARE:
        return GateCheck(promise.name, True, "warn", "the feeds tell of lines in ways that do not meet", expected), []
    wrong = both[today & why.ne("")]
    said = [f"{' '.join(map(str, row))}: {why[at]}" for at, row in zip(wrong.index, wrong[LINE].to_numpy(), strict=True)]
    failing = [
        Failing(place, item, promise.name, text, promise.of.lines, int(line) if line == line else 0)
        for text, row in zip(said, wrong.to_dict("records"), strict=True)
        for place, item in sorted({(row[f"location_id{end}"], row[f"item_id{end}"]) for end in ("", "_kept")} - {(np.nan, np.nan)}, key=str)
        for line in [row["source_line"]]
        if isinstance(place, str) and isinstance(item, str)
    ]
    of = int(today.sum())
    severity: Severity = "block" if is_too_many(len(wrong), of, BLOCK_SHARE) else "warn"
    return GateCheck(promise.name, wrong.empty, severity, f"{len(wrong)} of {of} lines differ", expected, examples(said)), failing


def _faults(promise: Promise, both: pd.DataFrame) -> pd.Series:
    """Why a line and what was kept of it do not go together; an empty text where they do."""
    units, kept = both["units"], both["kept"].fillna(0)
    meets = {
        promise.done: kept == units,
        "part_shipped": (kept > 0) & (kept < units),
        "open": kept == (units if promise.units == "qty_received" else 0),
        "cancelled": kept == (units if promise.units == "qty_received" else 0),
    }
    why = pd.Series("", index=both.index)
    for state, holds in meets.items():
        wrong = both["state"].eq(state) & ~holds
        why[wrong] = [f"{state}, {a:g} units, {b:g} in {promise.of.kept}" for a, b in zip(units[wrong], kept[wrong], strict=True)]
    for name in ("item_id", "location_id"):
        differs = both[f"{name}_kept"].notna() & both[name].notna() & (both[f"{name}_kept"] != both[name])
        told = zip(both.loc[differs, name], both.loc[differs, f"{name}_kept"], strict=True)
        why[differs] = [f"{name} {a}, {b} in {promise.of.kept}" for a, b in told]
    why[both["state"].isna()] = f"in {promise.of.kept}, unknown to {promise.of.lines}"
    return why


def _documents_near(promise: Promise, frames: Frames, known: Frames, day: datetime.date) -> pd.Series:
    """The day's documents and those of the newest day before."""
    lines = known[promise.of.lines]
    newest = lines.loc[_is_newest(lines[promise.at], day), promise.of.line_key[0]]
    pairs = ((promise.of.lines, promise.of.line_key[0]), (promise.of.kept, promise.of.kept_key[0]))
    return pd.concat([newest, *(frames[name][key] for name, key in pairs if name in frames)])


def _is_newest(moments: pd.Series, day: datetime.date) -> pd.Series:
    """Which moments are of the newest day before the business date: a mistyped year to come is no newest day. None where none is told."""
    days = pd.to_datetime(moments).dt.normalize()
    return days == days[days < pd.Timestamp(day)].max()


def _rows_of(feed: str, column: str, documents: pd.Series, frames: Frames, known: Frames) -> pd.DataFrame:
    """Earlier rows of some documents and the day's rows under each other, the day's marked; there may be none."""
    earlier = known[feed][known[feed][column].isin(documents.unique())]
    parts = [part.assign(is_today=bool(at)) for at, part in enumerate((earlier, frames.get(feed))) if part is not None and len(part)]
    return pd.concat(parts, ignore_index=True) if parts else earlier.assign(is_today=False)


def _lines(promise: Promise, rows: pd.DataFrame, day: datetime.date) -> pd.DataFrame:
    rows = rows.drop_duplicates(list(promise.of.line_key), keep="last")
    is_recent = _is_newest(rows[promise.at].where(~rows["is_today"]), day)
    document, line = promise.of.line_key
    return pd.DataFrame(
        {
            "document": rows[document].astype(str),
            "line_id": rows[line].astype(str),
            "item_id": rows["item_id"].astype(object),
            "location_id": rows["location_id"].astype(object),
            "units": rows[promise.units].astype(float),
            "state": rows["status"].astype(object),
            "is_today": rows["is_today"],
            "is_recent": is_recent,
            "source_line": rows.get("_source_line", 0),
        }
    )


def _kept(promise: Promise, rows: pd.DataFrame) -> pd.DataFrame:
    if "reference_type" in rows:
        rows = rows[rows["reference_type"] == "po"]
    rows = rows.drop_duplicates(["receipt_id" if "receipt_id" in rows else "shipment_id"], keep="last")
    document, line = promise.of.kept_key
    keyed = rows.assign(
        document=rows[document].astype(str), line_id=rows[line].astype(str), kept=rows[list(promise.kept_units)].sum(axis=1)
    )
    grouped = keyed.groupby(LINE, as_index=False)
    return grouped.agg(kept=("kept", "sum"), item_id=("item_id", "last"), location_id=("location_id", "last"), is_today=("is_today", "max"))
