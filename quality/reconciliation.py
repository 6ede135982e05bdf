"""Reconciliation between feeds: do ERP and WMS tell the same story of one day? Each function returns one check; nothing is repaired.

Frames are partitions as `pipelines.extracts.lake.read_partition` gives them; rows of other days in them are left aside.
"""

import datetime
from collections.abc import Mapping

import pandas as pd

from quality.gates import MAX_EXAMPLES, GateCheck, Severity

PAIR = ["location_id", "item_id"]
STOCK_BLOCK_SHARE = 0.005
SHIPMENT_BLOCK_SHARE = 0.05


def reconcile_day(frames: Mapping[str, pd.DataFrame], previous_stock: pd.DataFrame | None, business_date: datetime.date) -> list[GateCheck]:
    """All reconciliations of one day whose feeds are in `frames` (by feed name); receipts and shipments may be missing as quiet."""
    movements = frames.get("wms_movements", pd.DataFrame())
    checks = []
    if "wms_stock" in frames:
        checks.append(check_stock_replay(previous_stock, movements, frames["wms_stock"], business_date))
    if "wms_shipments" in frames or not movements.empty:
        checks.append(check_shipments(frames.get("wms_shipments", pd.DataFrame()), movements, business_date))
    checks.append(check_receipts(frames.get("wms_receipts", pd.DataFrame()), movements, business_date))
    return checks


def check_stock_replay(
    previous_stock: pd.DataFrame | None, movements: pd.DataFrame, stock: pd.DataFrame, business_date: datetime.date
) -> GateCheck:
    """on_hand(d) = on_hand(p) + sum of movements after p up to d, per location and item, p the newest earlier day in `previous_stock`.

    `previous_stock` may be the same frame as `stock` when an initial load holds history. More than 0.5 % wrong pairs block. Without an
    earlier snapshot there is nothing to compare and the check passes.
    """
    if previous_stock is None or (pd.to_datetime(previous_stock["date"]) >= pd.Timestamp(business_date)).all():
        return GateCheck("stock_replay", True, "warn", "no earlier snapshot", "on_hand = previous on_hand + movements")
    days = pd.to_datetime(previous_stock["date"])
    earlier = days[days < pd.Timestamp(business_date)].max()
    opening = previous_stock[days == earlier].groupby(PAIR)["on_hand"].sum()
    closing = stock[pd.to_datetime(stock["date"]) == pd.Timestamp(business_date)].groupby(PAIR)["on_hand"].sum()
    change = _units(movements, "at", "qty_units", earlier.date() + datetime.timedelta(days=1), business_date)
    expected = opening.add(change, fill_value=0)
    return _compare("stock_replay", closing, expected, "on_hand = previous on_hand + movements", STOCK_BLOCK_SHARE)


def check_shipments(shipments: pd.DataFrame, movements: pd.DataFrame, business_date: datetime.date) -> GateCheck:
    """Units shipped on customer orders = units that left as sales, per location and item. More than 5 % wrong pairs block."""
    shipped = _units(shipments, "shipped_at", "qty_units", business_date, business_date)
    sales = movements[movements["type"] == "sale"] if len(movements) else movements
    sold = -_units(sales, "at", "qty_units", business_date, business_date)
    return _compare("shipments_match_sales", shipped, sold, "units shipped = units of sale movements", SHIPMENT_BLOCK_SHARE)


def check_receipts(receipts: pd.DataFrame, movements: pd.DataFrame, business_date: datetime.date) -> GateCheck:
    """Good and damaged units received = units that came in by transfer or purchase order, per location and item. Warns only: few rows."""
    came = receipts.assign(qty_units=receipts["qty_received"] + receipts["qty_damaged"]) if len(receipts) else receipts
    arrived = movements[movements["type"].isin(["transfer_in", "po_receipt"])] if len(movements) else movements
    received, booked = (
        _units(came, "received_at", "qty_units", business_date, business_date),
        _units(arrived, "at", "qty_units", business_date, business_date),
    )
    return _compare("receipts_match_movements", received, booked, "units received = units of inbound movements", None)


def _units(frame: pd.DataFrame, at: str, qty: str, first: datetime.date, last: datetime.date) -> pd.Series:
    """Sum of `qty` by location and item over the days first..last."""
    if frame.empty:
        return pd.Series([], index=pd.MultiIndex.from_arrays([[], []], names=PAIR), dtype="int64", name=qty)
    days = pd.to_datetime(frame[at]).dt.normalize()
    return frame[(days >= pd.Timestamp(first)) & (days <= pd.Timestamp(last))].groupby(PAIR)[qty].sum()


def _compare(name: str, observed: pd.Series, expected: pd.Series, identity: str, block_share: float | None) -> GateCheck:
    """Pairs in which the two sums differ; a pair that one side lacks counts as 0 there."""
    both = pd.concat({"observed": observed, "expected": expected}, axis=1).fillna(0).sort_index()
    wrong = both[both["observed"] != both["expected"]]
    share = len(wrong) / len(both) if len(both) else 0.0
    severity: Severity = "block" if block_share is not None and share > block_share else "warn"
    shown = [f"{pair[0]}/{pair[1]}: {row.observed:g}, expected {row.expected:g}" for pair, row in wrong.head(MAX_EXAMPLES).iterrows()]
    return GateCheck(
        name, wrong.empty, severity, f"{len(wrong)} of {len(both)} location-items differ ({share:.2%})", identity, tuple(shown)
    )
