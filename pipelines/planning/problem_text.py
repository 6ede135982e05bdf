"""A problem as JSON text, piece by piece: the largest is never held whole. No files are touched here."""

import json
from collections.abc import Callable, Iterator

import numpy as np

from pipelines.planning.problem import PROBLEM_FORMAT, Curves, Problem

ROWS_PER_PIECE = 5_000


def problem_text(problem: Problem) -> Iterator[str]:
    """The `evenstock-problem/1` document in canonical order, one row a line; joined, the pieces are what `Problem.from_json` reads.

    Optional keys stand only where they say something.
    """
    sizes = (1.0, 1.0, 1)
    if len(problem.lane_ids):
        sizes = (float(problem.pallet_kg[0]), float(problem.pallet_m3[0]), int(problem.pallets_per_truck[0]))
    handling = dict(zip(("pallet_kg", "pallet_m3", "pallets_per_truck"), sizes, strict=True))
    yield f'{{"format": "{PROBLEM_FORMAT}",\n"handling_units": {json.dumps(handling)},\n'
    yield from _rows("locations", len(problem.location_ids), lambda i: _location(problem, i))
    yield from _rows("lanes", len(problem.lane_ids), lambda i: _lane(problem, i, sizes))
    yield from _rows("items", len(problem.item_ids), lambda s: _item(problem, s))
    yield from _rows("arcs", problem.arcs, lambda a: _arc(problem, a))
    yield from _rows("gains", len(problem.gain), lambda c: _curve(problem, problem.gain, c))
    yield from _rows("losses", len(problem.loss), lambda c: _curve(problem, problem.loss, c))
    yield f'"budget_usd": {json.dumps(_number(problem.budget_usd))}}}\n'


def _rows(name: str, count: int, row: Callable[[int], str]) -> Iterator[str]:
    yield f'"{name}": ['
    for first in range(0, count, ROWS_PER_PIECE):
        last = min(count, first + ROWS_PER_PIECE)
        yield ("\n" if not first else ",\n") + ",\n".join([row(index) for index in range(first, last)])
    yield "\n],\n"


def _number(value: float) -> float | None:
    return None if np.isinf(value) else float(value)


def _location(p: Problem, i: int) -> str:
    limits = {"dock_out_units": _number(p.dock_out_units[i]), "dock_in_units": _number(p.dock_in_units[i])}
    return json.dumps({"location_id": p.location_ids[i]} | {name: value for name, value in limits.items() if value is not None})


def _lane(p: Problem, i: int, sizes: tuple[float, float, int]) -> str:
    record = {
        "lane_id": p.lane_ids[i],
        "origin": p.location_ids[p.lane_origin[i]],
        "destination": p.location_ids[p.lane_destination[i]],
        "truck_cost_usd": float(p.truck_cost_usd[i]),
        "pallet_cost_usd": float(p.pallet_cost_usd[i]),
        "max_trucks": int(p.max_trucks[i]),
        "min_shipment_kg": float(p.min_shipment_kg[i]),
    }
    own = {"pallet_kg": float(p.pallet_kg[i]), "pallet_m3": float(p.pallet_m3[i]), "pallets_per_truck": int(p.pallets_per_truck[i])}
    return json.dumps(record | {name: value for (name, value), usual in zip(own.items(), sizes, strict=True) if value != usual})


def _item(p: Problem, s: int) -> str:
    facts = f'"pack_units": {p.pack_units[s]}, "weight_kg": {float(p.weight_kg[s])!r}, "volume_m3": {float(p.volume_m3[s])!r}'
    return f'{{"item_id": {json.dumps(p.item_ids[s])}, {facts}}}'


def _arc(p: Problem, a: int) -> str:
    names = f'"item_id": {json.dumps(p.item_ids[p.arc_item[a]])}, "lane_id": {json.dumps(p.lane_ids[p.arc_lane[a]])}'
    text = f'{{{names}, "cost_usd_per_unit": {float(p.arc_cost_usd_per_unit[a])!r}, "max_packs": {p.arc_max_packs[a]}'
    if p.arc_line_cost_usd[a]:
        text += f', "line_cost_usd": {float(p.arc_line_cost_usd[a])!r}'
    if p.arc_fixed_packs[a] >= 0:
        text += f', "fixed_packs": {p.arc_fixed_packs[a]}'
    return text + "}"


def _curve(p: Problem, curves: Curves, c: int) -> str:
    own = slice(curves.start[c], curves.start[c + 1])
    segments = [[packs, value] for packs, value in zip(curves.packs[own].tolist(), curves.value_usd[own].tolist(), strict=True)]
    names = f'"item_id": {json.dumps(p.item_ids[curves.item[c]])}, "location_id": {json.dumps(p.location_ids[curves.location[c]])}'
    cap = f', "cap_packs": {curves.cap_packs[c]}' if curves.cap_packs[c] < curves.packs[own].sum() else ""
    return f'{{{names}, "segments": {json.dumps(segments)}{cap}}}'
