"""Units that are on hand and not free: blocked ones change by damage and scrap alone, reserved ones are those of open order lines.

Judged only where the day before kept the rule for every item-location: not every warehouse works that way.
"""

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from quality.verdicts import Failing, GateCheck, Severity, examples, is_too_many

PAIR = ["location_id", "item_id"]
BLOCK_SHARE = 0.05
Frames = Mapping[str, pd.DataFrame]


def check_held(frames: Frames, known: Frames, business_date: datetime.date) -> tuple[list[GateCheck], list[Failing]]:
    """Both rules of the day's stock. `known` holds the stock of the two days before, and recent orders, receipts and movements."""
    stock, before = frames.get("wms_stock"), known.get("wms_stock")
    if stock is None or before is None or not len(before):
        return [], []
    dates = pd.to_datetime(before["date"])
    days = sorted(dates[dates < pd.Timestamp(business_date)].unique())[-2:]
    if len(days) < 2:
        return [], []
    past = [before[dates == day] for day in days]
    both = {feed: _joined(known.get(feed), frames.get(feed)) for feed in ("wms_receipts", "wms_movements", "erp_sales_orders")}
    lost = _blocked_faults(past[0], past[1], known.get("wms_receipts"), known.get("wms_movements"), days[1])
    held = _reserved_faults(past[1], known.get("erp_sales_orders"))
    results = []
    if not len(lost):
        wrong = _blocked_faults(past[1], stock, both["wms_receipts"], both["wms_movements"], np.datetime64(business_date))
        results.append(_report("blocked_explained", stock, wrong, "blocked = blocked before + damaged - scrapped"))
    if not len(held):
        results.append(
            _report("reserved_explained", stock, _reserved_faults(stock, both["erp_sales_orders"]), "reserved = open order lines")
        )
    return [check for check, _ in results], [entry for _, failing in results for entry in failing]


def _joined(known: pd.DataFrame | None, today: pd.DataFrame | None) -> pd.DataFrame | None:
    parts = [part for part in (known, today) if part is not None and len(part)]
    return pd.concat(parts, ignore_index=True) if parts else None


def _blocked_faults(
    before: pd.DataFrame, stock: pd.DataFrame, receipts: pd.DataFrame | None, movements: pd.DataFrame | None, day: Any
) -> pd.DataFrame:
    """Item-locations whose blocked units changed by something else than the day's damage and scrap: said and expected."""
    told = before.groupby(PAIR)["blocked"].sum().astype(float)
    for frame, at, column, kind in ((receipts, "received_at", "qty_damaged", ""), (movements, "at", "qty_units", "scrap")):
        if frame is not None and len(frame):
            rows = frame[pd.to_datetime(frame[at]).dt.normalize() == day]
            rows = rows[rows["type"] == kind] if kind else rows
            told = told.add(rows.groupby(PAIR)[column].sum().astype(float), fill_value=0)
    return _different(stock.groupby(PAIR)["blocked"].sum(), told)


def _reserved_faults(stock: pd.DataFrame, orders: pd.DataFrame | None) -> pd.DataFrame:
    """Item-locations whose reserved units are not those of open order lines: said and expected.

    Where all that is there is reserved, an order may wait for more.
    """
    sums = stock.groupby(PAIR)[["on_hand", "reserved", "blocked"]].sum()
    said, free = sums["reserved"], sums["on_hand"] - sums["reserved"] - sums["blocked"]
    if orders is None:
        return _different(said, said[:0])
    latest = orders.drop_duplicates(["order_id", "line_no"], keep="last")
    wrong = _different(said, latest[latest["status"] == "open"].groupby(PAIR)["qty_units"].sum())
    waits = (wrong["said"] < wrong["told"]) & (free.reindex(wrong.index) <= 0).to_numpy(dtype=bool)
    return wrong[~waits]


def _different(said: pd.Series, told: pd.Series) -> pd.DataFrame:
    both = pd.concat({"said": said, "told": told}, axis=1).fillna(0).astype(float)
    return both[both["said"] != both["told"]]


def _report(name: str, stock: pd.DataFrame, wrong: pd.DataFrame, expected: str) -> tuple[GateCheck, list[Failing]]:
    pairs = max(1, len(stock.drop_duplicates(PAIR)))
    severity: Severity = "block" if is_too_many(len(wrong), pairs, BLOCK_SHARE) else "warn"
    rows = list(zip(wrong.index, wrong.to_numpy(dtype=float), strict=True))
    said = [f"{place}/{item}: {a:g}, expected {b:g}" for (place, item), (a, b) in rows]
    units = np.subtract(wrong["said"], wrong["told"]).astype(int) if len(wrong) else []
    failing = [
        Failing(str(place), str(item), name, text, "wms_stock", 0, int(count))
        for ((place, item), _), text, count in zip(rows, said, units, strict=True)
    ]
    return GateCheck(name, wrong.empty, severity, f"{len(wrong)} of {pairs} item-locations", expected, examples(said)), failing
