"""What rows are to their item in the master: prices to the list, orders to packs, to the usual supplier and to his lead time."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from quality.habits.findings import ALWAYS_ROWS, MIN_ROWS, Finding

# A price this many times the usual ones is no discount.
NO_DISCOUNT = 2.0


def find_against_master(frame: pd.DataFrame, past: pd.DataFrame, items: pd.DataFrame | None) -> Iterator[Finding]:
    """Rows that are otherwise to their item than at least 20 earlier ones were; nothing without a master."""
    if items is not None:
        master = items.drop_duplicates("item_id").set_index("item_id")
        for judge in (_prices, _packs, _supplier, _lead_time):
            yield from judge(frame, past, master)


def _prices(frame: pd.DataFrame, past: pd.DataFrame, master: pd.DataFrame) -> Iterator[Finding]:
    """A price is to the item's list price as it always was; a discount deeper than any before may be new, half or double is not."""
    if "unit_price_usd" not in frame:
        return
    lists = master["unit_price_usd"].astype(float)
    before, now = (each["unit_price_usd"].to_numpy(dtype=float) / _of_item(each, lists) for each in (past, frame))
    seen = before[np.isfinite(before)]
    if len(seen) < MIN_ROWS:
        return
    low, high = float(seen.min()), float(seen.max())
    slack = (high - low) / 2
    unusual = (now < low - slack - 1e-6) | (now > high + slack + 1e-6)
    far = (now < low / NO_DISCOUNT) | (now > high * NO_DISCOUNT)
    yield "unit_price_usd is unusual against the list price", unusual & far, True
    yield "unit_price_usd is new against the list price", unusual & ~far, False


def _packs(frame: pd.DataFrame, past: pd.DataFrame, master: pd.DataFrame) -> Iterator[Finding]:
    """What is ordered from suppliers comes in whole packs, if it always did."""
    if "qty_ordered" not in frame:
        return
    packs = master["units_per_pack"].astype(float)
    rest = [each["qty_ordered"].to_numpy(dtype=float, na_value=np.nan) % _of_item(each, packs) for each in (past, frame)]
    seen = rest[0][np.isfinite(rest[0])]
    if len(seen) >= MIN_ROWS and not seen.any():
        yield "qty_ordered is no whole number of packs", rest[1] > 0, True


def _supplier(frame: pd.DataFrame, past: pd.DataFrame, master: pd.DataFrame) -> Iterator[Finding]:
    """An item is ordered from its usual supplier, if it always was; another one may be new."""
    if "supplier_id" not in frame:
        return
    usual = [each["item_id"].map(master["supplier_id"]).astype(object) for each in (past, frame)]
    if len(past) >= MIN_ROWS and (past["supplier_id"].astype(object) == usual[0]).all():
        yield "supplier_id is not the item's usual one", (frame["supplier_id"].astype(object) != usual[1]).to_numpy(dtype=bool), False


def _lead_time(frame: pd.DataFrame, past: pd.DataFrame, master: pd.DataFrame) -> Iterator[Finding]:
    """Goods are expected as long after their order as the master's lead time says, give or take what was usual."""
    if not {"ordered_at", "expected_date"} <= set(frame):
        return
    before, now = (
        (each["expected_date"] - each["ordered_at"]).dt.days.to_numpy(dtype=float)
        - _of_item(each, master["supplier_lead_time_days"].astype(float))
        for each in (past, frame)
    )
    seen = before[np.isfinite(before)]
    if len(seen) >= MIN_ROWS:
        low, high = float(seen.min()), float(seen.max())
        slack = (high - low) / 2
        wrong = (now < low - slack) | (now > high + slack)
        yield "expected_date is unusually far from the item's lead time", wrong, low == high and len(seen) >= ALWAYS_ROWS


def _of_item(frame: pd.DataFrame, figures: pd.Series) -> np.ndarray:
    """A figure of each row's item; not a number where the master lacks it."""
    return frame["item_id"].map(figures).to_numpy(dtype=float)
