"""Prices of a plan by names of lanes and locations: kept in the plan, and a start for the next night where the network still matches.

Any prices give a valid bound, so a start decides only how soon it is tight. Items and arcs leave no prices: they follow from these.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipelines.planning.first_prices import Start
from pipelines.planning.problem import Floats, Problem
from pipelines.planning.relaxation import Prices

# A network is the same if at least this share of its lanes and of its locations has prices.
MATCHING_SHARE = 0.8


def name_prices(problem: Problem, share: Floats, prices: Prices) -> dict[str, Any]:
    """By lane [share open, kg, m3], by location [dock out, dock in], and the budget's, rounded: what `start_from` reads back."""
    lanes = zip(problem.lane_ids, share.tolist(), prices.kg.tolist(), prices.m3.tolist(), strict=True)
    places = zip(problem.location_ids, prices.dock_out.tolist(), prices.dock_in.tolist(), strict=True)
    return {
        "lanes": {name: [round(figure, 6) for figure in figures] for name, *figures in lanes},
        "locations": {name: [round(figure, 6) for figure in figures] for name, *figures in places},
        "budget": round(prices.budget, 9),
    }


def start_from(problem: Problem, kept: Mapping[str, Any] | None, first: Start) -> Start | None:
    """A start from the prices of an earlier plan, with those of `first` where a lane or location is new; None where too many are, or
    where what was kept is not what `name_prices` writes. Prices of what has no limit now are dropped.
    """
    kept = kept if isinstance(kept, Mapping) else {}
    lanes, known_lanes = _figures(kept.get("lanes"), problem.lane_ids, 3)
    places, known_places = _figures(kept.get("locations"), problem.location_ids, 2)
    if min(known_lanes.mean(), known_places.mean()) < MATCHING_SHARE:
        return None
    budget = kept.get("budget")
    has_budget = np.isfinite(problem.budget_usd) and isinstance(budget, int | float) and budget >= 0
    docks = np.where(known_places[:, None], np.maximum(places, 0.0), np.column_stack([first.dock_out, first.dock_in]))
    docks *= np.isfinite(np.column_stack([problem.dock_out_units, problem.dock_in_units]))
    share, kg, m3 = np.where(known_lanes[:, None], lanes, np.column_stack([first.share, first.kg, first.m3])).T
    kg = np.where(problem.min_shipment_kg > 0, kg, np.maximum(kg, 0.0))
    return Start(np.clip(share, 0.0, 1.0), docks[:, 0], docks[:, 1], kg, np.maximum(m3, 0.0), float(budget) if has_budget else 0.0)


def _figures(kept: Any, names: Sequence[str], count: int) -> tuple[Floats, np.ndarray]:
    """`count` figures by name, zeros where they are not known, and where they are."""
    kept = kept if isinstance(kept, Mapping) else {}
    rows = [kept.get(name) for name in names]
    known = np.array([_are_figures(row, count) for row in rows], dtype=bool)
    return np.array([row if fine else [0.0] * count for row, fine in zip(rows, known, strict=True)], dtype=float), known


def _are_figures(row: Any, count: int) -> bool:
    return isinstance(row, list) and len(row) == count and all(isinstance(one, int | float) and math.isfinite(one) for one in row)
