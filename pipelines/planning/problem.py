"""The planning problem and the plan as typed values, and their JSON form. Checking foreign JSON lives in parsing.py, money in objective.py.

Everything is held in canonical order (sorted by identifiers), so the order of rows in a file never changes a plan.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.planning.terms import Room, Terms, find_rooms, open_arcs

PROBLEM_FORMAT = "evenstock-problem/1"
PLAN_FORMAT = "evenstock-plan/1"

Ints = NDArray[np.int64]
# numpy declares bincount with weights as whole numbers; it returns floats. Exact types here wait for that.
Floats = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Curves:
    """Concave value curves of (item, location) pairs, sorted by item then location.

    Curve c owns the flat entries start[c]:start[c+1] of `packs` (width of a segment) and `value_usd` (money per pack, never rising);
    `cap_packs[c]` is the most packs that may move on it, never above the sum of its widths.
    """

    item: Ints
    location: Ints
    start: Ints
    packs: Ints
    value_usd: Floats
    cap_packs: Ints

    def __len__(self) -> int:
        return len(self.item)

    @cached_property
    def owner(self) -> Ints:
        """Curve of every flat segment."""
        return np.repeat(np.arange(len(self.item)), np.diff(self.start))

    @cached_property
    def prefix_packs(self) -> Ints:
        """Packs of a segment and all better ones of its curve."""
        total = np.concatenate([[0], np.cumsum(self.packs)])
        return total[1:] - total[self.start[self.owner]]

    def lookup(self, item: Ints, location: Ints, locations: int) -> Ints:
        """Index of the curve of each (item, location), -1 where there is none."""
        keys = self.item * locations + self.location
        wanted = item * locations + location
        at = np.searchsorted(keys, wanted)
        found = np.minimum(at, max(len(keys) - 1, 0))
        return np.where((at < len(keys)) & (keys[found] == wanted), found, -1) if len(keys) else np.full(len(wanted), -1)


@dataclass(frozen=True, eq=False)
class Problem:
    """One planning problem: what may move, what it earns and what it costs. Units are in the names; `inf` means no limit.

    Per location: dock limits in units. Per lane: index of origin and destination, charges, truck and pallet sizes. Per item: units in a
    pack, kg and m3 of one unit. Per arc (an item that may ride a lane): item, lane, cost per unit, packs allowed, line charge and firm
    packs (-1 = free). `gain` values packs received, `loss` packs given up (normally negative). `terms` are optional and normally off.
    """

    location_ids: tuple[str, ...]
    dock_out_units: Floats
    dock_in_units: Floats
    lane_ids: tuple[str, ...]
    lane_origin: Ints
    lane_destination: Ints
    truck_cost_usd: Floats
    pallet_cost_usd: Floats
    max_trucks: Ints
    min_shipment_kg: Floats
    pallet_kg: Floats
    pallet_m3: Floats
    pallets_per_truck: Ints
    item_ids: tuple[str, ...]
    pack_units: Ints
    weight_kg: Floats
    volume_m3: Floats
    arc_item: Ints
    arc_lane: Ints
    arc_cost_usd_per_unit: Floats
    arc_max_packs: Ints
    arc_line_cost_usd: Floats
    arc_fixed_packs: Ints
    gain: Curves
    loss: Curves
    budget_usd: float
    document: dict[str, Any] = field(repr=False)
    terms: Terms

    @staticmethod
    def from_json(obj: Any, source: str = "problem") -> "Problem":
        """Check and type a decoded `evenstock-problem/1` document; raises `InputRefused` with the JSON path and the remedy."""
        from pipelines.planning.parsing import parse_problem

        return parse_problem(obj, source)

    def to_json(self) -> dict[str, Any]:
        """The document in canonical order: the same problem always gives the same JSON."""
        return self.document

    @property
    def arcs(self) -> int:
        """Number of arcs."""
        return len(self.arc_item)

    @cached_property
    def arc_origin(self) -> Ints:
        """Location an arc leaves."""
        return self.lane_origin[self.arc_lane]

    @cached_property
    def arc_destination(self) -> Ints:
        """Location an arc reaches."""
        return self.lane_destination[self.arc_lane]

    @cached_property
    def arc_gain(self) -> Ints:
        """Gain curve an arc fills, -1 where its destination gains nothing."""
        return self.gain.lookup(self.arc_item, self.arc_destination, len(self.location_ids))

    @cached_property
    def arc_loss(self) -> Ints:
        """Loss curve an arc draws on, -1 where its origin may give nothing."""
        return self.loss.lookup(self.arc_item, self.arc_origin, len(self.location_ids))

    @cached_property
    def rooms(self) -> list[Room]:
        """Optional terms of the form "no more than", see terms.py."""
        return find_rooms(self)

    @cached_property
    def arc_is_open(self) -> NDArray[np.bool_]:
        """Arcs that locks, owners and calendars leave open."""
        return open_arcs(self)

    @cached_property
    def arc_cost_usd_per_pack(self) -> Floats:
        """Cost per unit times the units of a pack."""
        return self.arc_cost_usd_per_unit * self.pack_units[self.arc_item]

    @cached_property
    def arc_kg_per_pack(self) -> Floats:
        """Weight of one pack."""
        return self.weight_kg[self.arc_item] * self.pack_units[self.arc_item]

    @cached_property
    def arc_m3_per_pack(self) -> Floats:
        """Volume of one pack."""
        return self.volume_m3[self.arc_item] * self.pack_units[self.arc_item]


@dataclass(frozen=True, order=True)
class Shipment:
    """Whole packs of one item on one lane."""

    item_id: str
    lane_id: str
    packs: int


@dataclass(frozen=True)
class Plan:
    """A plan and how good it is known to be. Nothing in it depends on the clock, so equal problems give equal bytes.

    status: OPTIMAL (gap proven within 1e-4), FEASIBLE (bound and gap tell how far), FALLBACK (nothing but firm lines, because
    no plan was found), FAILED (not even that is allowed). bound_kind: mip, lp, lagrangian, none.
    gap_share = (bound - objective) / max(1, |bound|).
    """

    status: str
    objective_usd: float
    bound_usd: float | None
    bound_kind: str
    gap_share: float | None
    shipments: list[Shipment]
    solve_info: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The `evenstock-plan/1` document."""
        return {
            "format": PLAN_FORMAT,
            "status": self.status,
            "objective_usd": self.objective_usd,
            "bound_usd": self.bound_usd,
            "bound_kind": self.bound_kind,
            "gap_share": self.gap_share,
            "shipments": [{"item_id": s.item_id, "lane_id": s.lane_id, "packs": s.packs} for s in self.shipments],
            "solve_info": self.solve_info,
        }

    @staticmethod
    def from_json(obj: Any, source: str = "plan") -> "Plan":
        """Check and type a decoded `evenstock-plan/1` document; raises `InputRefused` with the JSON path and the remedy."""
        from pipelines.planning.parsing import parse_plan

        return parse_plan(obj, source)
