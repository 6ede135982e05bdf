"""The money of a plan, recomputed from the problem alone. No solver figure is used here, and none is trusted before it agrees with this."""

from dataclasses import dataclass

import numpy as np

from pipelines.planning.problem import Curves, Floats, Ints, Problem
from pipelines.planning.terms import broken_terms, churn_usd, tariff_usd

NOISE = 1e-9


@dataclass(frozen=True)
class ObjectiveBreakdown:
    """Money of one plan in USD: total = gain + loss - arc - pallet - truck - line - tariff - churn.

    `loss` is normally negative, costs are positive.
    """

    gain: float
    loss: float
    arc: float
    pallet: float
    truck: float
    line: float
    tariff: float
    churn: float
    total: float

    @property
    def spent(self) -> float:
        """What counts against the budget: arc, pallet, truck, line and tariff cost."""
        return self.arc + self.pallet + self.truck + self.line + self.tariff


def whole_above(ratio: Floats) -> Ints:
    """Smallest whole number not below each ratio, forgiving floating noise of 1e-9 relative.

    >>> whole_above(np.array([0.0, 2.0000000001, 2.001])).tolist()
    [0, 2, 3]
    """
    return np.ceil(ratio - NOISE * np.maximum(1.0, ratio)).astype(np.int64)


def curve_value(curves: Curves, packs: Ints) -> Floats:
    """Value of filling each curve with `packs`, best segment first. Packs beyond the curve are worth nothing here: they are a violation.

    >>> one = Curves(*(np.array(a) for a in ([0], [0], [0, 2], [3, 5], [10.0, 4.0], [8])))
    >>> curve_value(one, np.array([5])).tolist()
    [38.0]
    """
    before = curves.prefix_packs - curves.packs
    filled = np.clip(packs[curves.owner] - before, 0, curves.packs)
    return np.bincount(curves.owner, weights=filled * curves.value_usd, minlength=len(curves))


def curve_packs(curves: Curves, arc_curve: Ints, packs: Ints) -> Ints:
    """Packs that arcs put on each curve; arcs without a curve (-1) are left out."""
    on = arc_curve >= 0
    return np.rint(np.bincount(arc_curve[on], weights=packs[on], minlength=len(curves))).astype(np.int64)


def lane_load(problem: Problem, packs: Ints) -> tuple[Floats, Floats]:
    """Kg and m3 on each lane."""
    lanes = len(problem.lane_ids)
    kg = np.bincount(problem.arc_lane, weights=packs * problem.arc_kg_per_pack, minlength=lanes)
    m3 = np.bincount(problem.arc_lane, weights=packs * problem.arc_m3_per_pack, minlength=lanes)
    return kg, m3


def lane_pallets(problem: Problem, packs: Ints) -> Ints:
    """Pallets of each lane: ceil(max(kg / pallet_kg, m3 / pallet_m3)), at least one on a lane that carries anything."""
    kg, m3 = lane_load(problem, packs)
    pallets = whole_above(np.maximum(kg / problem.pallet_kg, m3 / problem.pallet_m3))
    used = np.bincount(problem.arc_lane, weights=packs, minlength=len(problem.lane_ids)) > 0
    return np.maximum(pallets, used.astype(np.int64))


def evaluate(problem: Problem, packs_by_arc: Ints) -> ObjectiveBreakdown:
    """Exact money of a plan given as packs per arc (in the problem's arc order): gains and losses best segment first, all charges.

    pallets = ceil(max(kg / pallet_kg, m3 / pallet_m3)); trucks = ceil(pallets / pallets_per_truck).
    """
    packs = np.asarray(packs_by_arc, dtype=np.int64)
    gain = curve_value(problem.gain, curve_packs(problem.gain, problem.arc_gain, packs)).sum()
    loss = curve_value(problem.loss, curve_packs(problem.loss, problem.arc_loss, packs)).sum()
    arc = (packs * problem.arc_cost_usd_per_pack).sum()
    pallets = lane_pallets(problem, packs)
    trucks = -(-pallets // problem.pallets_per_truck)
    pallet, truck = (pallets * problem.pallet_cost_usd).sum(), (trucks * problem.truck_cost_usd).sum()
    line = problem.arc_line_cost_usd[packs > 0].sum()
    tariff = tariff_usd(problem.terms, lane_load(problem, packs)[0], pallets > 0).sum() if problem.terms.has_bands else 0.0
    churn = churn_usd(problem.terms, packs) if problem.terms.is_on else 0.0
    total = gain + loss - arc - pallet - truck - line - tariff - churn
    return ObjectiveBreakdown(*(float(part) for part in (gain, loss, arc, pallet, truck, line, tariff, churn, total)))


def violations(problem: Problem, packs_by_arc: Ints) -> list[str]:
    """Names of the limits a plan breaks, empty when it is allowed. A guard for the solver's own output; the audit is a separate program."""
    packs = np.asarray(packs_by_arc, dtype=np.int64)
    pallets = lane_pallets(problem, packs)
    trucks = -(-pallets // problem.pallets_per_truck)
    units = packs * problem.pack_units[problem.arc_item]
    places = len(problem.location_ids)
    out = np.bincount(problem.arc_origin, weights=units, minlength=places)
    into = np.bincount(problem.arc_destination, weights=units, minlength=places)
    kg, _ = lane_load(problem, packs)
    fixed = problem.arc_fixed_packs
    sent = set((problem.arc_item * places + problem.arc_origin)[packs > 0].tolist())
    received = set((problem.arc_item * places + problem.arc_destination)[packs > 0].tolist())
    used = np.bincount(problem.arc_lane, weights=packs, minlength=len(problem.lane_ids)) > 0
    found = {
        "packs": (packs < 0).any() or (packs > problem.arc_max_packs).any(),
        "firm": (packs[fixed >= 0] != fixed[fixed >= 0]).any(),
        "no gain curve": packs[problem.arc_gain < 0].any(),
        "no loss curve": packs[problem.arc_loss < 0].any(),
        "gain curve": (curve_packs(problem.gain, problem.arc_gain, packs) > problem.gain.cap_packs).any(),
        "loss curve": (curve_packs(problem.loss, problem.arc_loss, packs) > problem.loss.cap_packs).any(),
        "trucks": (trucks > problem.max_trucks).any(),
        "dock out": (out > problem.dock_out_units * (1 + NOISE) + NOISE).any(),
        "dock in": (into > problem.dock_in_units * (1 + NOISE) + NOISE).any(),
        "minimum shipment": (used & (kg < problem.min_shipment_kg * (1 - NOISE) - NOISE)).any(),
        "sent and received": bool(sent & received),
        "budget": evaluate(problem, packs).spent > problem.budget_usd * (1 + NOISE) + NOISE,
    }
    return [name for name, broken in found.items() if broken] + broken_terms(problem, packs)
