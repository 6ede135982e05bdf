"""What a feed has always done, learned from its own recent rows: how lines are numbered, how far dates lie apart, what prices are to the
list, and that an event is told on the day of its news. A row that does otherwise is named; where there was no habit nothing is judged.
"""

import datetime
import re
import string
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from pipelines.extracts.contract import FeedContract, load_contract
from quality.verdicts import Failing, GateCheck, Severity, examples

BLOCK_SHARE = 0.05
HABIT_SHARE = 0.995
MIN_ROWS = 20
ALWAYS_ROWS = 60
MAX_WORDS = 12
MAX_SHAPES = 6
MIN_CODE = 8
# Told when it left and again when it arrived, and never else.
TOLD_ONCE_MORE = ("wms_shipments",)
# Rows of another kind are written in another way: each kind has habits of its own.
KINDS_OF_ROWS = {"wms_movements": "type", "wms_receipts": "reference_type", "wms_transfers": "state"}
LINE_KEYS = {"erp_sales_orders": ("order_id", "line_no"), "erp_purchase_orders": ("po_id", "line_no")}
Frames = Mapping[str, pd.DataFrame]
Finding = tuple[str, np.ndarray]
_KINDS = str.maketrans(string.digits + string.ascii_uppercase + string.ascii_lowercase, "9" * 10 + "A" * 26 + "a" * 26)


def check_habits(frames: Frames, known: Frames, business_date: datetime.date) -> tuple[list[GateCheck], list[Failing]]:
    """One check per event feed that has at least 20 earlier rows; the reasons name the habit that a row breaks."""
    checks, failing = [], []
    for feed in sorted(frames):
        contract = load_contract(feed)
        past = known.get(feed)
        if contract.kind != "event" or not contract.date_column or past is None or len(past) < MIN_ROWS or not len(frames[feed]):
            continue
        check, wrong = _check(contract, frames[feed].reset_index(drop=True), past, frames.get("erp_items"), business_date)
        checks.append(check)
        failing += wrong
    return checks, failing


def _check(
    contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame, items: pd.DataFrame | None, day: datetime.date
) -> tuple[GateCheck, list[Failing]]:
    name = f"habits:{contract.feed}"
    found = [
        *_numbering(contract, frame, past),
        *_gaps(contract, frame, past),
        *_spelling(contract, frame, past),
        *_prices(frame, past, items),
        *_packs(frame, past, items),
        *_news(contract, frame, past, day),
    ]
    why = [""] * len(frame)
    for text, wrong in found:
        for row in np.flatnonzero(wrong):
            why[row] = why[row] or text
    rows = [row for row, text in enumerate(why) if text]
    key = [column for column in contract.key if column in frame]
    said = [f"{', '.join(str(frame[column].iloc[row]) for column in key)}: {why[row]}" for row in rows]
    severity: Severity = "block" if len(rows) > max(2, BLOCK_SHARE * len(frame)) else "warn"
    check = GateCheck(name, not rows, severity, f"{len(rows)} of {len(frame)} rows", "what the feed always did", examples(said))
    return check, [entry for row, text in zip(rows, said, strict=True) for entry in _failing(contract.feed, frame, row, name, text)]


def _failing(feed: str, frame: pd.DataFrame, row: int, name: str, text: str) -> Iterator[Failing]:
    line = int(frame["_source_line"].iloc[row]) if "_source_line" in frame else 0
    for place in ("location_id", "origin", "destination"):
        if place in frame:
            yield Failing(str(frame[place].iloc[row]), str(frame["item_id"].iloc[row]), name, text, feed, line)


def _numbering(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame) -> Iterator[Finding]:
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
    """Days between any two dates of a row, and units between two counts, lie within what was seen, and half as far again."""
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
        yield f"{other} is unusually far from {one}", (now < low - slack) | (now > high + slack)


def _packs(frame: pd.DataFrame, past: pd.DataFrame, items: pd.DataFrame | None) -> Iterator[Finding]:
    """What is ordered from suppliers comes in whole packs, if it always did."""
    if "qty_ordered" not in frame or items is None:
        return
    packs = items.drop_duplicates("item_id").set_index("item_id")["units_per_pack"].astype(float)
    rest = [_units(each, "qty_ordered") % each["item_id"].map(packs).to_numpy(dtype=float) for each in (past, frame)]
    seen = rest[0][np.isfinite(rest[0])]
    if len(seen) >= MIN_ROWS and not seen.any():
        yield "qty_ordered is no whole number of packs", rest[1] > 0


def _units(frame: pd.DataFrame, column: str) -> np.ndarray:
    return frame[column].to_numpy(dtype=float, na_value=np.nan)


def _days(frame: pd.DataFrame, column: str) -> np.ndarray:
    return pd.to_datetime(frame[column]).dt.normalize().to_numpy().astype("datetime64[D]").astype(float) + _not_a_time(frame[column])


def _not_a_time(values: pd.Series) -> np.ndarray:
    return np.where(values.isna().to_numpy(), np.nan, 0.0)


def _spelling(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame) -> Iterator[Finding]:
    """A text is one of the few words that a column always had, or of the few shapes of its codes; references are another check's."""
    referred = {reference.column for reference in contract.references}
    for column in contract.columns:
        if column.type != "text" or column.enum or column.name in referred:
            continue
        seen, now = past[column.name].dropna().astype(str), frame[column.name].fillna("").astype(str)
        if len(seen) >= ALWAYS_ROWS and (spell := _way_to_spell(set(seen.unique()))):
            known = {spell(word) for word in seen.unique()} | {""}
            strange = [word for word in now.unique() if spell(word) not in known]
            yield f"{column.name} is unlike any before", now.isin(strange).to_numpy(dtype=bool)


def _way_to_spell(words: set[str]) -> Callable[[str], str] | None:
    """What texts of a column have in common: being few words without digits, one exact shape of code, or a few loose ones."""
    if len(words) <= MAX_WORDS and not any(letter.isdigit() for word in words for letter in word):
        return str
    shapes = {_shape(word) for word in words}
    if len(shapes) == 1 and len(next(iter(shapes))) >= MIN_CODE:
        return _shape
    return _loose if len({_loose(word) for word in words}) <= MAX_SHAPES else None


def _shape(text: str) -> str:
    """Letters and digits by kind, one for one.

    >>> _shape("SO-2026"), _loose("SO-2026")
    ('AA-9999', 'A-9')
    """
    return text.translate(_KINDS)


def _loose(text: str) -> str:
    """The shape without lengths."""
    return re.sub(r"(.)\1+", r"\1", _shape(text))


def _prices(frame: pd.DataFrame, past: pd.DataFrame, items: pd.DataFrame | None) -> Iterator[Finding]:
    """A price is to the item's list price as it always was."""
    if "unit_price_usd" not in frame or items is None:
        return
    lists = items.drop_duplicates("item_id").set_index("item_id")["unit_price_usd"].astype(float)
    before, now = (
        each["unit_price_usd"].to_numpy(dtype=float) / each["item_id"].map(lists).to_numpy(dtype=float) for each in (past, frame)
    )
    seen = before[np.isfinite(before)]
    if len(seen) < MIN_ROWS:
        return
    low, high = float(seen.min()), float(seen.max())
    slack = (high - low) / 2
    yield "unit_price_usd is unusual against the list price", (now < low - slack - 1e-6) | (now > high + slack + 1e-6)


def _news(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame, day: datetime.date) -> Iterator[Finding]:
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
