"""The solver on the instances with proven optima and on generated larger ones, against HiGHS given the whole model and the same time.

`run()` returns rows; proven instances are read in place from EVENSTOCK_REAL_DATA and left out where it is unset.
"""

import csv
import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.planning.bounds import arc_limits
from pipelines.planning.exact import Clock, solve_whole
from pipelines.planning.formulation import add_rows, build, packs_need_open_lane
from pipelines.planning.objective import evaluate
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem

BARE_LIMIT_S = 30.0
GENERATED = ((1000, 10, 0), (2000, 12, 0))


def run() -> list[dict[str, Any]]:
    """One row per instance: arcs, status, gap, whether the known value is met, and seconds as a ratio to bare HiGHS (30 s at most)."""
    rows = [_row(name, document, known) for name, document, known in _proven()]
    return rows + [
        _row(f"generated {items}x{places} seed {seed}", generate(items, places, seed), None) for items, places, seed in GENERATED
    ]


def _proven() -> list[tuple[str, dict[str, Any], float]]:
    home = os.environ.get("EVENSTOCK_REAL_DATA", "")
    if not home:
        return []
    folder = Path(home) / "proven"
    found = []
    for table, column in (("answers.csv", "optimum_usd"), ("large.csv", "best_known_plan_usd")):
        with (folder / table).open() as lines:
            for row in csv.DictReader(lines):
                data = (folder / row["file"]).read_bytes()
                text = gzip.decompress(data) if row["file"].endswith(".gz") else data
                found.append((row["file"], json.loads(text), float(row[column])))
    return found


def _row(name: str, document: dict[str, Any], known: float | None) -> dict[str, Any]:
    problem = Problem.from_json(document, name)
    begun = time.perf_counter()
    plan = solve_problem(problem, SolveOptions())
    ours = time.perf_counter() - begun
    begun = time.perf_counter()
    m = build(problem, arc_limits(problem))
    add_rows(m, packs_need_open_lane)
    report, packs = solve_whole(m, None, Clock(BARE_LIMIT_S), 1e-6, 10**6, 0)
    bare = time.perf_counter() - begun
    return {
        "instance": name,
        "arcs": problem.arcs,
        "status": plan.status,
        "objective_usd": plan.objective_usd,
        "gap_share": plan.gap_share,
        "to_known": None if known is None else plan.objective_usd / known,
        "seconds": ours,
        "bare_seconds": bare,
        "bare_objective_usd": None if packs is None else evaluate(problem, packs).total,
        "bare_proven": report.status == "kOptimal",
        "time_ratio": ours / bare,
    }


def generate(items: int, places: int, seed: int) -> dict[str, Any]:
    """An `evenstock-problem/1` document of uneven stock under Poisson-like demand; every figure is drawn from `seed`."""
    rng = np.random.default_rng(seed)
    names = [f"L{i:02d}" for i in range(places)]
    at = rng.uniform(0, 1500, (places, 2))
    km = np.hypot(*(at[:, None, :] - at[None, :, :]).transpose(2, 0, 1))
    lanes = [
        {
            "lane_id": f"{a}>{b}",
            "origin": a,
            "destination": b,
            "truck_cost_usd": round(60 + 0.55 * km[i, j], 6),
            "pallet_cost_usd": round(25 + 0.04 * km[i, j], 6),
            "max_trucks": 20,
            "min_shipment_kg": 0,
        }
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if i != j
    ]
    document: dict[str, Any] = {
        "format": "evenstock-problem/1",
        "handling_units": {"pallet_kg": 600, "pallet_m3": 1.8, "pallets_per_truck": 26},
        "locations": [{"location_id": n, "dock_out_units": items * 1.4, "dock_in_units": items * 1.4} for n in names],
        "lanes": lanes,
        "items": [],
        "arcs": [],
        "gains": [],
        "losses": [],
        "budget_usd": None,
    }
    for s in range(items):
        _add_item(document, f"S{s:05d}", rng, names, km)
    return document


def _add_item(document: dict[str, Any], item: str, rng: np.random.Generator, names: list[str], km: np.ndarray) -> None:
    pack = int(rng.choice([1, 1, 1, 2, 6, 12]))
    weight, volume = float(rng.lognormal(-0.3, 0.8)), float(rng.lognormal(-5.5, 0.8))
    margin, mean = float(rng.lognormal(2.2, 0.8)), rng.gamma(1.2, 8.0, len(names))
    stock = np.maximum(0, mean * rng.lognormal(0.1, 0.9, len(names)) - 1).astype(int)
    document["items"].append({"item_id": item, "pack_units": pack, "weight_kg": round(weight, 6), "volume_m3": round(volume, 6)})
    worth = {}
    for place, name in enumerate(names):
        short, over = int(1.5 * mean[place] - stock[place]) // pack, int(stock[place] - mean[place]) // pack
        if short > 0:
            shares = np.linspace(0.95, 0.1, 4)
            worth[place] = [[max(1, short // 4), round(float(margin * pack * share), 6)] for share in shares]
            document["gains"].append({"item_id": item, "location_id": name, "segments": worth[place]})
        elif over > 0:
            shares = np.linspace(-0.02, -0.4, 4)
            worth[place] = [[max(1, over // 4), round(float(margin * pack * share), 6)] for share in shares]
            document["losses"].append({"item_id": item, "location_id": name, "segments": worth[place]})
    receivers = {entry["location_id"] for entry in document["gains"][-len(names) :] if entry["item_id"] == item}
    donors = {entry["location_id"] for entry in document["losses"][-len(names) :] if entry["item_id"] == item}
    for i, j in ((i, j) for i in worth for j in worth if names[i] in donors and names[j] in receivers):
        cost = round(0.02 + 0.0006 * float(km[i, j]) * weight, 6)
        most = sum(packs for packs, _ in worth[j])
        if worth[j][0][1] + worth[i][0][1] > cost * pack:
            arc = {"item_id": item, "lane_id": f"{names[i]}>{names[j]}", "cost_usd_per_unit": cost, "max_packs": most}
            document["arcs"].append(arc)
