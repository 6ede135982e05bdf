"""Frozen item-locations in a planning case: kept out of it as donors and receivers, and valued for what freeing them may bring.

Which item-locations are frozen, and why, is the gates' word.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pipelines.planning.inputs import PlanCase
    from pipelines.planning.problem import Plan

Pair = tuple[str, str]


def name_frozen(frozen: Iterable[Mapping[str, Any]]) -> dict[Pair, str]:
    """Why each item-location (item, location) is frozen and which rows to fix, in one line.

    >>> name_frozen([{"item_id": "A", "location_id": "CA_1", "reasons": ["stock_replay: unit mix-up"],
    ...               "rows": [{"feed": "wms_stock", "file": "stock.csv", "line": 7}]}])
    {('A', 'CA_1'): 'stock_replay: unit mix-up; fix wms_stock stock.csv line 7'}
    """
    named = {}
    for entry in frozen:
        places = [f"{row['feed']} {row['file']}" + (f" line {row['line']}" if row["line"] else "") for row in entry["rows"][:3]]
        more = f" and {len(entry['rows']) - 3} more rows" if len(entry["rows"]) > 3 else ""
        remedy = f"; fix {', '.join(places)}{more}" if places else ""
        named[entry["item_id"], entry["location_id"]] = "; ".join(entry["reasons"][:2]) + remedy
    return named


def mark_frozen(rows: pd.DataFrame, named: Mapping[Pair, str]) -> pd.Series:
    """The reason of each row that is frozen, empty text for the others."""
    pairs = zip(rows["item_id"], rows["location_id"], strict=True)
    return pd.Series([named.get(pair, "") for pair in pairs], index=rows.index, dtype=object)


def value_frozen(case: "PlanCase", plan: "Plan") -> dict[Pair, dict[str, float]]:
    """Units and USD that freeing each frozen item-location (item, location) may bring at most, were its figures right.

    With the plan as it is, each item has spare units U (what donors could give without loss of their own, less what they give) and
    open shortage S (units still lost). A frozen row short of s units and with u spare ones is worth
    eta x unit value x (min(s, U) + min(u, S)), before freight: what the plan could have brought there, and taken from there.
    """
    rows = case.context.rows
    if not (rows["frozen_reason"] != "").any():
        return {}
    moved = _moved_units(case, plan)
    keys = list(zip(rows["item_id"], rows["location_id"], strict=True))
    sent, received = (np.array([moved[way][key] for key in keys], dtype=float) for way in ("sent", "received"))
    frozen = (rows["frozen_reason"] != "").to_numpy()
    short = np.where(rows["is_closed"], 0.0, np.maximum(rows["lost_units"].to_numpy(dtype=float) - received, 0.0))
    spare = np.minimum(rows["floor_units"].to_numpy(dtype=float), rows["available_units"].to_numpy(dtype=float))
    spare = np.maximum(spare - sent, 0.0)
    item = rows["item_id"].to_numpy()
    trusted = ~frozen & ~(rows["is_stale"] | rows["is_held"]).to_numpy()
    others_spare = pd.Series(np.where(trusted, spare, 0.0)).groupby(item).transform("sum").to_numpy()
    others_short = pd.Series(np.where(trusted, short, 0.0)).groupby(item).transform("sum").to_numpy()
    units = np.minimum(short, others_spare) + np.minimum(spare, others_short)
    usd = case.context.policy.planning.eta * rows["unit_value_usd"].to_numpy(dtype=float) * units
    return {keys[n]: {"units": round(float(units[n]), 2), "usd": round(max(float(usd[n]), 0.0), 2)} for n in np.flatnonzero(frozen)}


def _moved_units(case: "PlanCase", plan: "Plan") -> dict[str, Counter[Pair]]:
    """Units that the plan sends and receives by item and location."""
    packs = {item["item_id"]: item["pack_units"] for item in case.problem["items"]}
    ends = {lane["lane_id"]: (lane["origin"], lane["destination"]) for lane in case.problem["lanes"]}
    moved: dict[str, Counter[Pair]] = {"sent": Counter(), "received": Counter()}
    for shipment in plan.shipments:
        units = shipment.packs * packs[shipment.item_id]
        moved["sent"][shipment.item_id, ends[shipment.lane_id][0]] += units
        moved["received"][shipment.item_id, ends[shipment.lane_id][1]] += units
    return moved
