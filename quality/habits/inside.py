"""Rows of a feed beside each other: lines of one document say the same of the whole, and no event is told twice under two numbers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from pipelines.extracts.contracts.contract import FeedContract
from quality.habits.findings import ALWAYS_ROWS, MIN_ROWS, Finding
from quality.habits.history import comparable

# What is said of a document as a whole, on each of its lines; goods may come and go line by line.
HEADS = {
    "erp_sales_orders": ("order_id", ("channel", "ordered_at", "ship_to_region", "ship_to_zip", "location_id")),
    "erp_purchase_orders": ("po_id", ("supplier_id", "ordered_at", "location_id")),
    "wms_transfers": ("transfer_id", ("origin", "destination", "mode")),
}
# Numbers that a system gives: two rows that differ in nothing else are one event told twice.
NUMBERS = ("event_id", "receipt_id", "shipment_id", "order_id", "po_id", "line_no", "line_id", "reference")
USUAL_TWINS = 0.002


def find_inside(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame) -> Iterator[Finding]:
    """Lines that differ from their own document, and rows that stand twice."""
    yield from _whole_documents(contract, frame, past)
    yield from _twins(contract, frame, past)


def _whole_documents(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame) -> Iterator[Finding]:
    """What was one for all lines of each earlier document is one for all lines of today's.

    At least 20 documents of two lines or more tell of it, and 60 before it freezes.
    """
    if contract.feed not in HEADS:
        return
    document, columns = HEADS[contract.feed]
    groups = _codes(past[document])
    is_newest = ~past.duplicated(list(contract.key), keep="last").to_numpy()
    of = int((np.bincount(groups[(groups >= 0) & is_newest]) >= 2).sum()) if len(groups) else 0
    if of < MIN_ROWS:
        return
    names = frame[document].dropna().unique()
    told = past[past[document].isin(names)]
    both = pd.concat([told, frame], ignore_index=True)
    is_newest = ~both.duplicated(list(contract.key), keep="last").to_numpy()
    now = np.where(is_newest, _codes(both[document]), -1)
    for column in columns:
        if _differing(groups, _codes(past[column])).any():
            continue
        differs = _differing(now, _codes(both[column]))
        wrong = (differs[now] & (now >= 0))[len(told) :] if len(differs) else np.zeros(len(frame), dtype=bool)
        yield f"{column} is not the same on all lines of its document", wrong, of >= ALWAYS_ROWS


def _codes(values: pd.Series) -> np.ndarray:
    """A number per different value, -1 for none."""
    return pd.factorize(values, use_na_sentinel=True)[0]


def _differing(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which groups have more than one value; empty cells are none."""
    known = (groups >= 0) & (values >= 0)
    if not known.any():
        return np.zeros(0, dtype=bool)
    low, high = np.full(groups.max() + 1, np.iinfo(np.int64).max), np.full(groups.max() + 1, -1)
    np.minimum.at(low, groups[known], values[known])
    np.maximum.at(high, groups[known], values[known])
    return (high >= 0) & (low < high)


def _twins(contract: FeedContract, frame: pd.DataFrame, past: pd.DataFrame) -> Iterator[Finding]:
    """Rows alike in everything but their numbers, where that was rare: a message that was sent again under a number of its own."""
    columns = [column.name for column in contract.columns if column.name not in NUMBERS]
    if len(columns) == len(contract.columns) or len(past) < 10 * MIN_ROWS:
        return
    twins = _doubled(frame, columns)
    if twins.any() and _doubled(past, [*columns, *(["_business_date"] if "_business_date" in past else [])]).mean() <= USUAL_TWINS:
        yield "it stands twice under two numbers", twins, False


def _doubled(frame: pd.DataFrame, columns: list[str]) -> np.ndarray:
    values: Any = pd.DataFrame({name: comparable(frame[name]) if not name.startswith("_") else _codes(frame[name]) for name in columns})
    return values.duplicated(keep=False).to_numpy()
