"""The decision variables of the formulation, by subject, and which of them an instance needs. Constraints live in formulation.py."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pulp

from pipelines.planning.problem import Curves, Ints, Problem

# A list as long as the problem's array: pulp.LpVariable, or None where no live arc needs the variable.
Variables = list[Any]
Row = tuple[str, list[tuple[pulp.LpVariable, float]], int, float]


@dataclass
class Formulation:
    """A PuLP problem with its variables by subject. Lists follow the problem's arrays; arcs with limit 0 have no variable (None)."""

    problem: Problem
    limits: Ints
    lp: pulp.LpProblem
    packs: Variables = field(default_factory=list)
    gain_fill: Variables = field(default_factory=list)
    loss_fill: Variables = field(default_factory=list)
    used: Variables = field(default_factory=list)
    trucks: Variables = field(default_factory=list)
    pallets: Variables = field(default_factory=list)
    line_open: dict[int, Any] = field(default_factory=dict)
    receives: dict[tuple[int, int], Any] = field(default_factory=dict)
    terms: Any = None

    @property
    def live(self) -> list[int]:
        """Arcs that have a variable."""
        return [a for a, variable in enumerate(self.packs) if variable is not None]

    def live_by(self, group: Ints, size: int) -> list[list[int]]:
        """Live arcs of each member of a group (lane, location, curve); members -1 are left out."""
        members: list[list[int]] = [[] for _ in range(size)]
        for a in self.live:
            if group[a] >= 0:
                members[group[a]].append(a)
        return members


def segment_widths(curves: Curves) -> Ints:
    """Width of each segment after the curve's cap: since the best segments fill first, cutting the tail is the same as capping the sum."""
    before = curves.prefix_packs - curves.packs
    return np.clip(curves.cap_packs[curves.owner] - before, 0, curves.packs)


def both_ways(m: Formulation) -> tuple[dict[tuple[int, int], list[int]], dict[tuple[int, int], list[int]]]:
    """Live arcs in and live arcs out of each (item, location) that has both."""
    into: dict[tuple[int, int], list[int]] = {}
    out: dict[tuple[int, int], list[int]] = {}
    for a in m.live:
        item = int(m.problem.arc_item[a])
        into.setdefault((item, int(m.problem.arc_destination[a])), []).append(a)
        out.setdefault((item, int(m.problem.arc_origin[a])), []).append(a)
    both = sorted(into.keys() & out.keys())
    return {key: into[key] for key in both}, {key: out[key] for key in both}


def add_variables(m: Formulation) -> None:
    """Make every decision variable that a live arc needs, with its bounds."""
    problem, limits, new = m.problem, m.limits, m.lp.add_variable
    m.packs = [new(f"packs_{a:06d}", 0, int(limits[a]), pulp.LpInteger) if limits[a] > 0 else None for a in range(problem.arcs)]
    for fill, curves, arc_curve, label in (
        (m.gain_fill, problem.gain, problem.arc_gain, "gain"),
        (m.loss_fill, problem.loss, problem.arc_loss, "loss"),
    ):
        reached = np.zeros(len(curves) + 1, dtype=bool)
        reached[arc_curve[limits > 0]] = True
        for k, width in enumerate(segment_widths(curves)):
            wanted = width > 0 and reached[curves.owner[k]]
            fill.append(new(f"{label}_{curves.owner[k]:06d}_{k:06d}", 0, int(width)) if wanted else None)
    carries = np.bincount(problem.arc_lane[limits > 0], minlength=len(problem.lane_ids)) > 0
    for lane, wanted in enumerate(carries):
        trucks = int(problem.max_trucks[lane])
        most = trucks * int(problem.pallets_per_truck[lane])
        m.used.append(new(f"used_{lane:06d}", 0, 1, pulp.LpInteger) if wanted else None)
        m.trucks.append(new(f"trucks_{lane:06d}", 0, trucks, pulp.LpInteger) if wanted else None)
        m.pallets.append(new(f"pallets_{lane:06d}", 0, most, pulp.LpInteger) if wanted else None)
    for a in m.live:
        if problem.arc_line_cost_usd[a] > 0 or (problem.terms.arc_min_packs[a] > 1 and problem.arc_fixed_packs[a] < 0):
            m.line_open[a] = new(f"line_{a:06d}", 0, 1, pulp.LpInteger)
    into, _ = both_ways(m)
    m.receives = {key: new(f"receives_{key[0]:06d}_{key[1]:06d}", 0, 1, pulp.LpInteger) for key in into}
