"""Small random problems with every kind of limit and term, the same for the same seed."""

import copy
import itertools
import random


def draw_problem(seed, most_places=4, most_items=4):
    """A small instance of 2-4 places and 1-4 items with every kind of limit, some of them tight; the same for the same seed."""
    rng = random.Random(seed)
    places = [f"L{n}" for n in range(rng.randint(2, most_places))]
    items = [f"S{n}" for n in range(rng.randint(1, most_items))]
    lanes = [
        {
            "lane_id": f"{a}-{b}",
            "origin": a,
            "destination": b,
            "truck_cost_usd": rng.choice([0.0, 3.5, 11.0]),
            "pallet_cost_usd": rng.choice([0.0, 0.8]),
            "max_trucks": rng.choice([0, 1, 3]),
            "min_shipment_kg": rng.choice([0.0, 0.0, 4.0]),
            **({"pallet_kg": 5.0, "pallets_per_truck": 2} if rng.random() < 0.3 else {}),
        }
        for a, b in itertools.permutations(places, 2)
        if rng.random() < 0.8
    ]

    def curve(best, drop):
        values = sorted((round(rng.uniform(best - drop, best), 6) for _ in range(rng.randint(1, 3))), reverse=True)
        return [[rng.randint(1, 4), value] for value in values]

    arcs = [
        {"item_id": s, "lane_id": lane["lane_id"], "cost_usd_per_unit": round(rng.uniform(0, 1.5), 6), "max_packs": rng.randint(1, 6)}
        | ({"line_cost_usd": 0.25} if rng.random() < 0.3 else {})
        for s in items
        for lane in lanes
        if rng.random() < 0.8
    ]
    return {
        "format": "evenstock-problem/1",
        "handling_units": {"pallet_kg": 40.0, "pallet_m3": 0.1, "pallets_per_truck": 3},
        "locations": [
            {"location_id": p, "dock_out_units": rng.choice([6.0, 1e9]), "dock_in_units": rng.choice([9.0, 1e9])} for p in places
        ],
        "lanes": lanes,
        "items": [
            {
                "item_id": s,
                "pack_units": rng.choice([1, 2, 6]),
                "weight_kg": round(rng.uniform(0.1, 3), 6),
                "volume_m3": round(rng.uniform(0.001, 0.01), 6),
            }
            for s in items
        ],
        "arcs": arcs,
        "gains": [{"item_id": s, "location_id": p, "segments": curve(12.0, 9.0)} for s in items for p in places],
        "losses": [
            {"item_id": s, "location_id": p, "segments": curve(1.0, 6.0)} | ({"cap_packs": 3} if rng.random() < 0.2 else {})
            for s in items
            for p in places
        ],
        "budget_usd": rng.choice([None, None, 30.0]),
    }


def add_terms(problem, seed):
    """The problem with optional terms drawn at random, some of them tight."""
    rng, drawn = random.Random(seed), copy.deepcopy(problem)
    for place in drawn["locations"]:
        place["owner_id"] = rng.choice(["own", "own", "partner"])
        for name, values in (
            ("storage_m3", [0.02, 0.05]),
            ("dock_out_units_per_day", [3.0, 6.0]),
            ("dock_in_units_per_day", [4.0, 8.0]),
            ("closed_days", [[2], [3, 4]]),
        ):
            if rng.random() < 0.25:
                place[name] = rng.choice(values)
    for lane in drawn["lanes"]:
        if rng.random() < 0.7:
            lane |= {"ship_day": rng.randint(1, 2), "arrival_day": rng.randint(2, 4)}
        if rng.random() < 0.4:
            ends = sorted(rng.sample([3.0, 8.0, 20.0, 60.0], rng.randint(1, 3)))
            lane["weight_bands"] = [[end, round(rng.uniform(0, 0.8), 6), rng.choice([0.0, 1.5, 4.0])] for end in ends]
    for arc in drawn["arcs"]:
        if rng.random() < 0.25:
            arc["min_packs"] = rng.randint(2, 3)
        if rng.random() < 0.3:
            arc |= {"churn_usd_per_pack": rng.choice([0.3, 2.5]), "last_packs": rng.randint(0, 3)}
        if rng.random() < 0.5:
            arc["good_until_day"] = rng.randint(1, 6)
    for loss in drawn["losses"]:
        if rng.random() < 0.5:
            loss["lots"] = [[rng.randint(0, 3), day] for day in rng.sample(range(1, 8), 2)]
    pairs = [(item["item_id"], place["location_id"]) for item in drawn["items"] for place in drawn["locations"]]
    if rng.random() < 0.4:
        drawn["locks"] = [{"item_id": item, "location_id": place, "way": rng.choice(["in", "out", "both"])} for item, place in pairs[:1]]
    owners = {place["owner_id"] for place in drawn["locations"]}
    if rng.random() < 0.3:
        drawn["owner_rights"] = [["own", "partner"]] if owners == {"own", "partner"} and rng.random() < 0.5 else []
    return drawn
