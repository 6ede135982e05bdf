"""What frozen item-locations touch: lines of the published plan, KPIs, units and money. Judges nothing."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipelines.flows.frozen import summarise

# KPIs of the network that a fault in a feed moves; a fault in master data moves them all.
KPIS_OF_FEEDS = {
    "wms_stock": ("inventory_turnover", "days_on_hand", "forward_cover", "in_stock_rate", "mean_inventory_value", "carrying_cost",
                  "excess_units", "excess_value", "deficit_units", "imbalance", "slow_moving", "storage_utilisation"),
    "wms_movements": ("inventory_turnover", "days_on_hand", "in_stock_rate", "slow_moving"),
    "wms_shipments": ("inventory_turnover", "otif", "line_fill_rate", "unit_fill_rate"),
    "erp_sales_orders": ("otif", "line_fill_rate", "unit_fill_rate", "forward_cover"),
    "erp_purchase_orders": ("forward_cover", "deficit_units"),
    "wms_receipts": ("transfer_yield", "transfer_lead_time"),
    "wms_transfers": ("transfer_yield", "transfer_lead_time", "transfer_churn"),
}  # fmt: skip
ALL_KPIS = tuple(sorted({kpi for kpis in KPIS_OF_FEEDS.values() for kpi in kpis}))


def add_touched(frozen: Mapping[str, Any], lines: pd.DataFrame, items: pd.DataFrame | None = None) -> dict[str, Any]:
    """The document with, per item-location, the plan lines that leave or reach it, their units and net USD, and the KPIs it moves.

    `doubt_usd` is the stock difference at unit cost: what the KPIs of inventory value may be wrong by.
    """
    costs = {} if items is None else dict(zip(items["item_id"], items["unit_cost_usd"].astype(float), strict=True))
    pairs = []
    for entry in frozen["pairs"]:
        place, item = entry["location_id"], entry["item_id"]
        ends = (lines["origin"] == place) | (lines["destination"] == place) if len(lines) else pd.Series(dtype=bool)
        touched = lines[ends & (lines["item_id"] == item)] if len(lines) else lines
        feeds = {row["feed"] for row in entry["rows"]}
        kpis = sorted({kpi for feed in feeds for kpi in KPIS_OF_FEEDS.get(feed, ALL_KPIS)})
        more: dict[str, Any] = {"plan_lines": sorted(touched["line_id"]) if len(touched) else [], "kpis": kpis}
        more["doubt_usd"] = round(abs(entry["difference_units"]) * costs.get(item, 0.0), 2)
        if len(touched):
            net = round(float(touched["net_usd"].sum()), 2)
            more |= {"units": int(touched["units"].sum()), "plan_usd": net, "usd": net}
        pairs.append(entry | more)
    return summarise({**frozen, "pairs": pairs})
