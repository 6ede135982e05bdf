"""Searches the multipliers of the Lagrangian bound. Any of them gives a valid bound, so this decides only how tight it gets.

The volume method of Barahona and Anbil, Mathematical Programming 87 (2000) 385-399: steps along an averaged subgradient, whose average of
priced solutions also tells which lanes are worth using.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipelines.planning.bounds import BOUND_SLACK
from pipelines.planning.lagrangian import Lagrangian, LanePass, Multipliers
from pipelines.planning.problem import Floats, Ints, Problem
from pipelines.planning.variables import segment_widths


@dataclass
class Bound:
    """The best bound found, its multipliers, and averaged use: share of passes a lane is open, packs per arc (all arcs)."""

    value: float
    multipliers: Multipliers
    lane_share: Floats
    packs: Floats
    passes: int
    average: LanePass


def quick_bound(problem: Problem, limits: Ints) -> float:
    """A valid if loose bound from one round of pricing, for a search that ended before it had any."""
    _, priced = _best_start(Lagrangian(problem, limits))
    return priced.bound + BOUND_SLACK * abs(priced.bound)


def tighten(lagrangian: Lagrangian, target: float | None, passes: int, stop: Callable[[], bool], last: Bound | None = None) -> Bound:
    """Lower the bound by `passes` volume steps towards `target` (the value of a real plan, or an estimate below the optimum)."""
    p = lagrangian.problem
    if last:
        center, best, average = last.multipliers, last.value, last.average
    else:
        center, average = _best_start(lagrangian)
        best = average.bound
    factor, fails, wins, count = 1.0, 0, 0, 0
    scales = _scales(lagrangian)
    while count < passes and not stop():
        aim = _aim(best, target)
        trial = _step(center, average, scales, factor * (best - aim), p)
        found = lagrangian.price(trial)
        count += 1
        average = _mix(average, found, 0.1 if count < 60 and not last else 0.06)
        if found.bound < best - 1e-9 * abs(best):
            center, best, fails, wins = trial, found.bound, 0, wins + 1
            if wins >= 2:
                factor, wins = min(2.0, factor * 1.2), 0
        else:
            fails, wins = fails + 1, 0
            if fails >= 4:
                factor, fails = max(1e-3, factor * 0.75), 0
    packs = np.zeros(p.arcs)
    packs[lagrangian.live] = average.packs
    return Bound(best, center, average.lane, packs, count, average)


def _best_start(lagrangian: Lagrangian) -> tuple[Multipliers, LanePass]:
    """The lowest bound over a few scalings of the first multipliers: a good start saves scores of passes."""
    rent = lagrangian.first_multipliers()
    trials = [
        replace(rent, gain=rent.gain * a, loss=rent.loss * b) for a, b in ((0.6, 0.5), (1.0, 0.5), (1.0, 1.0), (1.4, 0.5), (1.4, 0.2))
    ]
    found = [lagrangian.price(trial) for trial in trials]
    best = int(np.argmin([one.bound for one in found]))
    return trials[best], found[best]


def _aim(best: float, target: float | None) -> float:
    """What a step heads for: the known value, else 5 % below; never closer than 0.2 %, so that steps do not vanish."""
    near = best - 0.002 * abs(best)
    return min(near, best - 0.05 * abs(best) if target is None else target)


def _scales(lagrangian: Lagrangian) -> tuple[Floats, Floats]:
    start = lagrangian.first_multipliers()
    return np.maximum(start.gain, 1e-3), np.maximum(start.loss, 1e-3)


def _step(center: Multipliers, use: LanePass, scales: tuple[Floats, Floats], gap: float, p: Problem) -> Multipliers:
    def relative(used: Floats, room: Floats) -> Floats:
        return np.where(np.isfinite(room) & (room > 0), used / np.where(np.isfinite(room) & (room > 0), room, 1.0) - 1.0, 0.0)

    widths = (segment_widths(p.gain).astype(float), segment_widths(p.loss).astype(float))
    g_gain, g_loss = relative(use.gain, widths[0]), relative(use.loss, widths[1])
    t_gain = np.maximum(center.gain, scales[0]) * widths[0]
    t_loss = np.maximum(center.loss, scales[1]) * widths[1]
    g_out, g_in = relative(use.dock_out, p.dock_out_units), relative(use.dock_in, p.dock_in_units)
    dock = float((t_gain.sum() + t_loss.sum()) / max(1, 20 * len(p.location_ids)))
    g_budget = use.spent / p.budget_usd - 1.0 if np.isfinite(p.budget_usd) and p.budget_usd > 0 else 0.0
    # A multiplier at zero with room to spare does not move, so it must not shorten the step of the others.
    for g, value in ((g_gain, center.gain), (g_loss, center.loss), (g_out, center.dock_out), (g_in, center.dock_in)):
        g[(g < 0) & (value <= 0)] = 0.0
    norm = (t_gain * g_gain**2).sum() + (t_loss * g_loss**2).sum() + dock * ((g_out**2).sum() + (g_in**2).sum()) + dock * g_budget**2
    s = gap / max(norm, 1e-12)

    def moved(value: Floats, g: Floats, t: Floats, room: Floats) -> Floats:
        usable = np.where(np.isfinite(room) & (room > 0), room, 1.0)
        return np.maximum(0.0, value + s * t * g / usable)

    return Multipliers(
        moved(center.gain, g_gain, t_gain, widths[0]),
        moved(center.loss, g_loss, t_loss, widths[1]),
        moved(center.dock_out, g_out, np.full(len(g_out), dock), p.dock_out_units),
        moved(center.dock_in, g_in, np.full(len(g_in), dock), p.dock_in_units),
        max(0.0, center.budget + s * dock * g_budget / p.budget_usd) if g_budget else center.budget,
        np.clip(center.theta + 0.02 * np.sign(use.tilt), 0.0, 1.0),
    )


def _mix(old: LanePass, new: LanePass, share: float) -> LanePass:
    def blend(name: str) -> Floats:
        return (1 - share) * getattr(old, name) + share * getattr(new, name)

    names = ("bound", "gain", "loss", "dock_out", "dock_in", "spent", "tilt", "lane", "packs")
    blended: list[Any] = [blend(name) for name in names]
    return LanePass(*blended)
