"""The smallest case with every charge: A sends s to B, gains 5 at 10 and 5 at 4, unit cost 1, truck 5, pallet 2; 50 + 20 - 10 - 7 = 53."""

import copy

BASE = {
    "format": "evenstock-problem/1",
    "handling_units": {"pallet_kg": 600, "pallet_m3": 1.8, "pallets_per_truck": 26},
    "locations": [{"location_id": "A"}, {"location_id": "B"}, {"location_id": "C"}],
    "lanes": [{"lane_id": "A>B", "origin": "A", "destination": "B", "truck_cost_usd": 5, "pallet_cost_usd": 2, "max_trucks": 3}],
    "items": [{"item_id": "s", "pack_units": 1, "weight_kg": 1, "volume_m3": 0.001}],
    "arcs": [{"item_id": "s", "lane_id": "A>B", "cost_usd_per_unit": 1, "max_packs": 20}],
    "gains": [{"item_id": "s", "location_id": "B", "segments": [[5, 10], [5, 4]]}],
    "losses": [{"item_id": "s", "location_id": "A", "segments": [[20, 0]]}],
    "budget_usd": None,
}


def changed(changes):
    """The base case with values replaced by path, as `lanes.0.max_trucks`."""
    document = copy.deepcopy(BASE)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = document
        for part in parents:
            place = place[int(part) if part.isdigit() else part]
        place[last] = value
    return document
