"""Seeded planning problems of any size for benchmarks and tests, shaped like real ones. Writing them as text is problem_text.py's task.

A location's stock position is valued by a newsvendor curve, `v(x) = m P(D >= x) - h` per unit with gamma demand D over the window: what
stands above its stock is a gain to receive, what stands below it a loss to give up. Where stock is scarce a location receives, where it is
plenty it gives, in between it does neither.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.planning.problem import Curves, Floats, Ints, Problem
from pipelines.planning.terms import Terms

# Probabilities that demand reaches a unit: edges of the curve's segments, and the value's share of the margin within each.
EDGES = np.array([0.925, 0.85, 0.7, 0.475, 0.25, 0.1, 0.01])
SHARES = np.array([0.95, 0.9, 0.8, 0.6, 0.35, 0.15, 0.05, -0.005])
SCARCE_SHARE, PLENTY_SHARE = 0.2, 0.2
HOLDING_SHARE = 0.02
# A donor keeps what demand reaches more often than the edge of its last segment to spare.
SPARED = 3
BLOCK_ITEMS = 2_000
PACKS, PACK_CHANCE = np.array([1, 2, 6, 12]), np.array([0.6, 0.2, 0.12, 0.08])


@dataclass(frozen=True)
class ProblemSize:
    """What to generate: items (those that nothing can pay for are left out), locations, share of locations that stock an item, seed.

    `dock_units_per_item` sets every dock to that many units per item; budget and minimum shipment are off at their defaults.
    """

    items: int
    locations: int
    density: float = 0.8
    seed: int = 0
    dock_units_per_item: float = 1.4
    budget_usd: float = float("inf")
    min_shipment_kg: float = 0.0


@dataclass(frozen=True)
class _Network:
    km: Floats
    origin: Ints
    destination: Ints
    lane_of: Ints
    truck: Floats
    pallet: Floats


def generate_problem(size: ProblemSize) -> Problem:
    """A problem in canonical order, drawn from the seed alone; items come in blocks, so memory is that of the result.

    Lanes join all pairs of locations strewn over 1,500 x 1,000 km; a truck costs 100 USD + 0.8 a km, a pallet 12 USD + 0.06 a km, both
    with 15 % noise; a unit costs 0.06 USD + 0.001 a km and kg + 2 % of its margin. Weight, volume and margin are lognormal.
    """
    network = _network(size)
    blocks = [_block(size, network, first) for first in range(0, size.items, BLOCK_ITEMS)]
    joined: dict[str, Any] = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0] if name not in ("gain", "loss")}
    kept = np.flatnonzero(joined.pop("kept"))
    number = np.full(size.items, -1)
    number[kept] = np.arange(len(kept))
    gain, loss = (_join([block[side] for block in blocks], number) for side in ("gain", "loss"))
    joined |= {"arc_item": number[joined["arc_item"]]} | {name: joined[name][kept] for name in ("pack_units", "weight_kg", "volume_m3")}
    width, arcs = len(str(max(size.items, 2) - 1)), len(joined["arc_item"])
    return Problem(
        **_places_and_lanes(size, network),
        item_ids=tuple(f"S{s:0{width}d}" for s in kept.tolist()),
        **joined,
        arc_line_cost_usd=np.zeros(arcs),
        arc_fixed_packs=np.full(arcs, -1),
        gain=gain,
        loss=loss,
        budget_usd=float(size.budget_usd),
        document={},
        terms=Terms.off(size.locations, len(network.origin), arcs, len(loss)),
    )


def _places_and_lanes(size: ProblemSize, network: _Network) -> dict[str, Any]:
    """The problem's arrays by location and by lane."""
    lanes = len(network.origin)
    dock = np.full(size.locations, round(size.dock_units_per_item * size.items, 6))
    names = [_name("L", index, size.locations) for index in range(size.locations)]
    pairs = zip(network.origin.tolist(), network.destination.tolist(), strict=True)
    return {
        "location_ids": tuple(names),
        "dock_out_units": dock,
        "dock_in_units": dock.copy(),
        "lane_ids": tuple(f"{names[i]}>{names[j]}" for i, j in pairs),
        "lane_origin": network.origin,
        "lane_destination": network.destination,
        "truck_cost_usd": network.truck,
        "pallet_cost_usd": network.pallet,
        "max_trucks": np.full(lanes, 20),
        "min_shipment_kg": np.full(lanes, float(size.min_shipment_kg)),
        "pallet_kg": np.full(lanes, 600.0),
        "pallet_m3": np.full(lanes, 1.8),
        "pallets_per_truck": np.full(lanes, 26),
    }


def _name(letter: str, index: int, count: int) -> str:
    return f"{letter}{index:0{len(str(max(count, 2) - 1))}d}"


def _network(size: ProblemSize) -> _Network:
    rng = np.random.default_rng([size.seed, 0])
    at = rng.uniform((0, 0), (1500, 1000), (size.locations, 2))
    km = np.hypot(*(at[:, None, :] - at[None, :, :]).transpose(2, 0, 1))
    origin, destination = np.nonzero(~np.eye(size.locations, dtype=bool))
    lane_of = np.full((size.locations, size.locations), -1)
    lane_of[origin, destination] = np.arange(len(origin))
    noise = rng.lognormal(0.0, 0.15, len(origin))
    away = km[origin, destination]
    return _Network(km, origin, destination, lane_of, np.round((100 + 0.8 * away) * noise, 6), np.round((12 + 0.06 * away) * noise, 6))


def _block(size: ProblemSize, network: _Network, first: int) -> dict[str, Any]:
    """Arrays of one block of items; `arc_item` and curves count items from the start of the problem, `kept` marks items with an arc."""
    count, places = min(BLOCK_ITEMS, size.items - first), size.locations
    rng = np.random.default_rng([size.seed, 1, first])
    pack = rng.choice(PACKS, count, p=PACK_CHANCE)
    weight = np.round(rng.lognormal(-0.3, 0.95, count), 6)
    volume = np.round(weight * 0.0059 * rng.lognormal(0.0, 0.35, count), 6)
    margin, spread = rng.lognormal(2.6, 1.0, count), rng.uniform(0.3, 1.1, count)
    mean = rng.lognormal(2.0, 0.95, (count, 1)) * rng.gamma(2.0, 0.5, (count, places))
    stock = np.floor(mean * rng.lognormal(-0.05, 0.9, (count, places)))
    stocked = rng.random((count, places)) < size.density
    edge_units = _edge_units(mean, spread)
    chance = (edge_units[:, :, :] > stock[:, :, None]).sum(axis=2)
    reached = np.append(np.append(EDGES, 0.0)[::-1], 1.0)[chance]
    receives, gives = stocked & (reached > SCARCE_SHARE), stocked & (reached < PLENTY_SHARE)
    value = (margin[:, None] * (SHARES - HOLDING_SHARE)) * pack[:, None]
    gain = _curves(np.maximum(edge_units - stock[:, :, None], 0.0), pack, np.round(value[:, :-1], 6), receives, first)
    below = np.maximum(stock[:, :, None] - edge_units[:, :, ::-1], 0.0)[:, :, :SPARED]
    loss = _curves(below, pack, np.round(-value[:, ::-1], 6), gives, first)
    arcs = _arcs(network, gain, loss, (pack, weight, margin), first)
    kept = np.zeros(count, dtype=bool)
    kept[arcs["arc_item"] - first] = True
    return {"pack_units": pack, "weight_kg": weight, "volume_m3": volume, "kept": kept, "gain": gain, "loss": loss, **arcs}


def _edge_units(mean: Floats, spread: Floats) -> Floats:
    """Units that demand reaches with each edge's chance: (items, locations, edges), rising; gamma with variation `spread`."""
    from scipy.special import gammainccinv

    shape = 1.0 / spread**2
    quantile = gammainccinv(shape[:, None], EDGES[None, :]) / shape[:, None]
    return mean[:, :, None] * quantile[:, None, :]


def _curves(ends: Floats, pack: Ints, value: Floats, wanted: np.ndarray, first: int) -> Curves:
    """Curves whose segments end at `ends` units (items, locations, segments, rising), in whole packs; only wanted ones with a pack."""
    whole = np.floor(ends / pack[:, None, None]).astype(np.int64)
    width = np.diff(whole, axis=2, prepend=0) * wanted[:, :, None]
    item, place, segment = np.nonzero(width)
    packs = width[item, place, segment]
    key = item * wanted.shape[1] + place
    owners, count = np.unique(key, return_counts=True)
    start = np.concatenate([[0], np.cumsum(count)])
    total = np.add.reduceat(packs, start[:-1]) if len(packs) else np.zeros(0, dtype=np.int64)
    return Curves(owners // wanted.shape[1] + first, owners % wanted.shape[1], start, packs, value[item, segment], total)


def _arcs(network: _Network, gain: Curves, loss: Curves, facts: tuple[Ints, Floats, Floats], first: int) -> dict[str, Any]:
    """Donors joined with receivers of the same item where the first pack can pay, sorted by item and lane."""
    pack, weight, margin = facts
    begin, end = np.searchsorted(loss.item, gain.item), np.searchsorted(loss.item, gain.item, side="right")
    into = np.repeat(np.arange(len(gain)), end - begin)
    out = np.arange(len(into)) - np.repeat(np.cumsum(end - begin) - (end - begin), end - begin) + np.repeat(begin, end - begin)
    item = gain.item[into]
    local, km = item - first, network.km[loss.location[out], gain.location[into]]
    cost = np.round(0.06 + 0.001 * km * weight[local] + 0.02 * margin[local], 6)
    pays = gain.value_usd[gain.start[into]] + loss.value_usd[loss.start[out]] > cost * pack[local]
    lane = network.lane_of[loss.location[out], gain.location[into]]
    most = np.minimum(gain.cap_packs[into], loss.cap_packs[out])
    order = np.flatnonzero(pays)[np.lexsort((lane[pays], item[pays]))]
    return {"arc_item": item[order], "arc_lane": lane[order], "arc_cost_usd_per_unit": cost[order], "arc_max_packs": most[order]}


def _join(parts: list[Curves], number: Ints) -> Curves:
    """Curves of all blocks, those of left-out items dropped, items numbered anew."""
    item = number[np.concatenate([part.item for part in parts])]
    keep = item >= 0
    counts = np.concatenate([np.diff(part.start) for part in parts])
    segments = np.repeat(keep, counts)

    def flat(name: str, mask: np.ndarray) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])[mask]

    start = np.concatenate([[0], np.cumsum(counts[keep])])
    return Curves(item[keep], flat("location", keep), start, flat("packs", segments), flat("value_usd", segments), flat("cap_packs", keep))
