"""The rules that planners and large suites use, as yardsticks: each says what to move on an evening, none knows how to optimise.

Frames and curves come from planning; what Evenstock itself would do is in policies.py.
"""

import heapq
from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipelines.planning.inputs import PlanCase
from pipelines.planning.problem import Curves, Problem

MOVES = ("item_id", "lane_id", "units")


def moves_of(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    """Moves as a frame: item_id, lane_id, units; sorted, one row per item and lane."""
    frame = pd.DataFrame(rows, columns=list(MOVES)).astype({"units": "int64"})
    return frame.groupby(["item_id", "lane_id"], as_index=False, sort=True)["units"].sum()


def level_days_of_supply(case: PlanCase) -> pd.DataFrame:
    """Level each item's days of supply: whoever has more than its share of demand gives to whoever has less, the largest needs first.

    share = position of all x own demand / demand of all, with position = available + due within the window. Whole packs, any lane.
    """
    rows, lane_of = case.context.rows, _lane_between(case)
    position = rows["available_units"].to_numpy(dtype=float) + rows["supply_units"].to_numpy(dtype=float)
    found = []
    for item, at in rows.groupby("item_id", sort=True).indices.items():
        weight = rows["weekly_mean_units"].to_numpy(dtype=float)[at]
        if weight.sum() <= 0:
            continue
        over = position[at] - position[at].sum() * weight / weight.sum()
        free = np.minimum(over, rows["available_units"].to_numpy(dtype=float)[at]).clip(min=0)
        need, pack = (-over).clip(min=0), int(rows["units_per_pack"].iloc[at[0]])
        for donor, receiver, units in _match(free, need, pack):
            places = rows["location_id"].iloc[at[donor]], rows["location_id"].iloc[at[receiver]]
            if places in lane_of:
                found.append((str(item), lane_of[places], units))
    return moves_of(found)


def _match(free: np.ndarray, need: np.ndarray, pack: int) -> Iterator[tuple[int, int, int]]:
    """Serve the largest need from the largest rest until less than a pack is left on either side; changes both arrays."""
    while True:
        donor, receiver = int(free.argmax()), int(need.argmax())
        units = int(min(free[donor], need[receiver]) / pack + 1e-9) * pack
        if units <= 0:
            return
        free[donor] -= units
        need[receiver] -= units
        yield donor, receiver, units


def _lane_between(case: PlanCase) -> dict[tuple[str, str], str]:
    """The usable lane of each pair of places, the cheapest per unit where there are several."""
    lanes = case.context.lanes[case.context.lanes["is_usable"]].sort_values(["cost_usd_per_unit", "lane_id"], ascending=False)
    return dict(zip(zip(lanes["origin"], lanes["destination"], strict=True), lanes["lane_id"], strict=True))


def match_greedily(case: PlanCase) -> pd.DataFrame:
    """Move the pack that is worth most after its unit costs, then the next, until none is worth anything; lanes' charges are not seen.

    Values are those of the plan's own curves.
    """
    problem = Problem.from_json(case.problem, "backtest")
    packs = take_best(problem)
    return moves_of(
        [
            (
                problem.item_ids[problem.arc_item[a]],
                problem.lane_ids[problem.arc_lane[a]],
                int(packs[a] * problem.pack_units[problem.arc_item[a]]),
            )
            for a in np.flatnonzero(packs)
        ]
    )


def take_best(problem: Problem) -> np.ndarray:
    """Packs per arc, taken one by one; values fall along curves, so a pack's worth is looked up anew before it is taken."""
    gain = _PackValues(problem.gain, problem.arc_gain)
    loss = _PackValues(problem.loss, problem.arc_loss)
    cost = (problem.arc_cost_usd_per_unit * problem.pack_units[problem.arc_item]).tolist()
    left = problem.arc_max_packs.tolist()

    def worth(arc: int) -> float:
        return gain.next_usd(arc) + loss.next_usd(arc) - cost[arc] if left[arc] else -np.inf

    heap = [(-worth(arc), arc) for arc in range(problem.arcs)]
    heapq.heapify(heap)
    while heap and heap[0][0] < 0:
        value, arc = heap[0]
        now = worth(arc)
        if now < -value:
            heapq.heapreplace(heap, (-now, arc))
            continue
        left[arc] -= 1
        gain.take(arc)
        loss.take(arc)
    return problem.arc_max_packs - np.array(left, dtype=np.int64)


class _PackValues:
    """USD of the next pack on the curve that each arc ends, or begins, at; minus infinity where nothing is left of it."""

    def __init__(self, curves: Curves, of_arc: np.ndarray) -> None:
        ends = curves.start[1:]
        self.of_arc = of_arc.tolist()
        self.usd = [
            np.repeat(curves.value_usd[a:b], curves.packs[a:b])[:cap].tolist()
            for a, b, cap in zip(curves.start[:-1], ends, curves.cap_packs, strict=True)
        ]
        self.taken = [0] * len(curves)

    def next_usd(self, arc: int) -> float:
        curve = self.of_arc[arc]
        values, taken = self.usd[curve], self.taken[curve]
        return values[taken] if curve >= 0 and taken < len(values) else -np.inf

    def take(self, arc: int) -> None:
        self.taken[self.of_arc[arc]] += 1


def match_excess(case: PlanCase) -> pd.DataFrame:
    """Move excess to shortage, then keep a lane only if the margin that it saves exceeds what it costs (a cost-benefit test per lane).

    shortage = units lost on the mean path within the window; excess = available + due - demand of the window. The nearest excess serves
    the shortage of the highest margin first.
    """
    rows, lanes = case.context.rows, case.context.lanes.set_index("lane_id")
    lane_of = _lane_between(case)
    excess = _excess(rows)
    need = np.where(rows["is_receiver"], rows["lost_units"], 0.0).astype(float)
    found = []
    margin = rows["unit_value_usd"].to_numpy(dtype=float)
    by_item = rows.groupby("item_id").indices
    for receiver in np.lexsort((np.arange(len(rows)), -margin)):
        pack = int(rows["units_per_pack"].iloc[receiver])
        item, place = rows["item_id"].iloc[receiver], rows["location_id"].iloc[receiver]
        usable = [(other, lane_of.get((rows["location_id"].iloc[other], place))) for other in by_item[item] if need[receiver] > 0]
        priced = [(float(lanes["cost_usd_per_unit"][lane]), other, lane) for other, lane in usable if lane is not None]
        for cost, other, lane in sorted(priced):
            units = int(min(excess[other], np.ceil(need[receiver] / pack) * pack) / pack + 1e-9) * pack
            if units > 0:
                found.append((item, lane, units, min(units, need[receiver]) * margin[receiver] - units * cost))
                excess[other] -= units
                need[receiver] -= min(units, need[receiver])
    return moves_of(_worth_their_lane(found, lanes))


def _excess(rows: pd.DataFrame) -> np.ndarray:
    """Units above the demand of the window, as far as they are on hand."""
    demand = rows["weekly_mean_units"] * rows["window_weeks"]
    over = rows["available_units"] + rows["supply_units"] - demand
    return np.where(rows["is_donor"], np.minimum(over, rows["available_units"]).clip(lower=0), 0.0)


def _worth_their_lane(found: list[tuple[str, str, int, float]], lanes: pd.DataFrame) -> list[tuple[str, str, int]]:
    """The moves of the lanes whose benefit pays truck, pallets at one a truck, and lines."""
    kept = []
    for lane in sorted({move[1] for move in found}):
        own = [move for move in found if move[1] == lane]
        fixed = float(lanes["truck_cost_usd"][lane] + lanes["pallet_cost_usd"][lane]) + len(own) * float(
            lanes["line_cost_usd"][lane] or 0.0
        )
        if sum(move[3] for move in own) > fixed:
            kept += [move[:3] for move in own]
    return kept
