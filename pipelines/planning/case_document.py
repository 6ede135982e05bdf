"""Writes a planning case as an `evenstock-problem/1` document: names, order and rounding. Values come from inputs.py."""

import math
from typing import Any

import numpy as np
import pandas as pd

from pipelines.domain.policy import Policy
from pipelines.planning.segments import RowSegments

UNLIMITED_UNITS = 1_000_000_000.0


def write_problem(
    rows: pd.DataFrame,
    pairs: pd.DataFrame,
    lanes: pd.DataFrame,
    gains: RowSegments,
    losses: RowSegments,
    locations: pd.DataFrame,
    firm: pd.DataFrame,
    policy: Policy,
) -> dict[str, Any]:
    """The `evenstock-problem/1` document of priced pairs and curves; `gains` and `losses` hold segments of rows.

    Only items, lanes and curves with an arc are in it, all locations are; sorted by their ids, money to six decimals.
    """
    arcs = pairs[pairs["is_arc"]].sort_values(["item_id", "lane_id"])
    planning = policy.planning
    shipped = rows.iloc[np.unique(arcs["donor"])].drop_duplicates("item_id").sort_values("item_id")
    money = planning.weekly_budget_usd
    return {
        "format": "evenstock-problem/1",
        "handling_units": {name: getattr(planning, name) for name in ("pallet_kg", "pallet_m3", "pallets_per_truck")},
        "locations": _write_locations(locations, firm),
        "lanes": [_write_lane(lane) for lane in lanes.iloc[np.unique(arcs["lane"])].to_dict("records")],
        "items": [
            {"item_id": item, "pack_units": int(pack), "weight_kg": round(float(kg), 6), "volume_m3": round(float(m3), 6)}
            for item, pack, kg, m3 in shipped[["item_id", "units_per_pack", "weight_kg", "volume_m3"]].itertuples(index=False)
        ],
        "arcs": [
            {"item_id": item, "lane_id": lane, "cost_usd_per_unit": float(cost), "max_packs": int(packs)} | _line_cost(line)
            for item, lane, cost, packs, line in arcs[["item_id", "lane_id", "unit_cost_usd", "max_packs", "line_cost_usd"]].itertuples(
                index=False
            )
        ],
        "gains": _write_curves(rows, np.unique(arcs["receiver"]), gains),
        "losses": _write_curves(rows, np.unique(arcs["donor"]), losses),
        "budget_usd": None if money is None else round(float(money), 6),
    }


def _line_cost(usd: float) -> dict[str, float]:
    return {"line_cost_usd": float(usd)} if usd else {}


def _write_curves(rows: pd.DataFrame, at: np.ndarray, segments: RowSegments) -> list[dict[str, Any]]:
    named = rows.iloc[at]
    return [
        {"item_id": item, "location_id": place, "segments": segments.listed(int(row))}
        for row, item, place in zip(at, named["item_id"], named["location_id"], strict=True)
    ]


def _write_locations(locations: pd.DataFrame, firm: pd.DataFrame) -> list[dict[str, Any]]:
    """Dock units of the week less what firm lines still need; an unknown dock does not limit."""
    used_out = firm.groupby("origin")["units"].sum().to_dict() if len(firm) else {}
    used_in = firm.groupby("destination")["units"].sum().to_dict() if len(firm) else {}

    def left(per_day: Any, used: float) -> float:
        return UNLIMITED_UNITS if pd.isna(per_day) else max(0.0, round(7.0 * float(per_day) - used, 6))

    return [
        {
            "location_id": place["location_id"],
            "dock_out_units": left(place["dock_out_units_per_day"], used_out.get(place["location_id"], 0.0)),
            "dock_in_units": left(place["dock_in_units_per_day"], used_in.get(place["location_id"], 0.0)),
        }
        for place in locations.sort_values("location_id").to_dict("records")
    ]


def _write_lane(lane: dict[str, Any]) -> dict[str, Any]:
    written = {
        "lane_id": lane["lane_id"],
        "origin": lane["origin"],
        "destination": lane["destination"],
        "truck_cost_usd": round(float(lane["truck_cost_usd"]), 6),
        "pallet_cost_usd": round(float(lane["pallet_cost_usd"]), 6),
        "max_trucks": int(lane["max_trucks"]),
        "min_shipment_kg": round(float(lane["min_shipment_kg"]), 6),
    }
    for name in ("pallet_kg", "pallet_m3"):
        if lane[name] is not None and not math.isnan(float(lane[name])):
            written[name] = round(float(lane[name]), 6)
    if lane["pallets_per_truck"] is not None and not math.isnan(float(lane["pallets_per_truck"])):
        written["pallets_per_truck"] = int(lane["pallets_per_truck"])
    return written
