"""What changed between two plans, line by line, and what changed beneath: demand, stock, tariff, policy, or only the other lines.

Nothing is solved anew: a cause is a figure at the line's ends or lane that differs between the two plans, the largest change first.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

DIFF_COLUMNS = ["item_id", "lane_id", "change", "units_before", "units_after", "net_usd_before", "net_usd_after"]


def diff_plans(lines_a: pd.DataFrame, lines_b: pd.DataFrame) -> pd.DataFrame:
    """Lines that plan B adds, drops or changes against plan A; lines of equal units are left out. Sorted by lane and item.

    Both frames are plan lines; a line is the same line when item and lane are the same, whatever its plan date. Absent units and money
    count as 0.

    >>> a = pd.DataFrame({"item_id": ["S"], "lane_id": ["A>B:road"], "units": [6], "net_usd": [4.0]})
    >>> diff_plans(a, a.assign(units=12, net_usd=7.0))[["change", "units_before", "units_after"]].values.tolist()
    [['changed', 6, 12]]
    """
    key, kept = ["item_id", "lane_id"], ["item_id", "lane_id", "units", "net_usd"]
    both = lines_a[kept].merge(lines_b[kept], on=key, how="outer", suffixes=("_before", "_after"), indicator="side")
    both["change"] = both["side"].astype(str).map({"left_only": "dropped", "right_only": "added", "both": "changed"})
    for name in ("units_before", "units_after"):
        both[name] = both[name].fillna(0).astype("int64")
    for name in ("net_usd_before", "net_usd_after"):
        both[name] = both[name].fillna(0.0).astype(float)
    moved = both[(both["change"] != "changed") | (both["units_before"] != both["units_after"])]
    return moved.sort_values(["lane_id", "item_id"])[DIFF_COLUMNS].reset_index(drop=True)


CAUSES = ("stock", "demand", "tariff", "policy", "other lines")
CAUSE_COLUMNS = [*DIFF_COLUMNS, "cause", "because"]
LEAST_CHANGE_SHARE = 0.01


@dataclass(frozen=True)
class PlanGround:
    """What a plan stood on. `places`: location_id, item_id, stock_units (available and inbound), daily_units (mean of the forecast);
    `lanes` charges by lane, `arcs` unit cost by (item, lane); `policy` the policy's digest.
    """

    lines: pd.DataFrame
    places: pd.DataFrame
    lanes: dict[str, dict[str, float]]
    arcs: dict[tuple[str, str], float]
    policy: str

    @staticmethod
    def of(lines: pd.DataFrame, places: pd.DataFrame, problem: dict[str, Any], policy: str) -> "PlanGround":
        """The ground of a published plan; `problem` is its evenstock-problem/1 document."""
        charges = ("truck_cost_usd", "pallet_cost_usd", "max_trucks", "min_shipment_kg")
        lanes = {lane["lane_id"]: {name: float(lane.get(name) or 0.0) for name in charges} for lane in problem["lanes"]}
        arcs = {(arc["item_id"], arc["lane_id"]): float(arc["cost_usd_per_unit"]) for arc in problem["arcs"]}
        return PlanGround(lines, places, lanes, arcs, policy)


def diff_by_cause(a: PlanGround, b: PlanGround) -> pd.DataFrame:
    """The differences of `diff_plans` with their cause and a sentence of figures; columns `CAUSE_COLUMNS`.

    A change of stock or of demand at either end counts by its share of what was there, one of the tariff by its share of the charge; the
    largest share above one per cent is the cause. Where nothing at the line changed it is the policy if that did, else the other lines:
    the plan is joint. `because` names every change found.
    """
    changed = diff_plans(a.lines, b.lines)
    places = {when: _by_place(ground.places) for when, ground in (("a", a), ("b", b))}
    ends = {
        (line["item_id"], line["lane_id"]): (line["origin"], line["destination"])
        for ground in (a, b)
        for line in ground.lines[["item_id", "lane_id", "origin", "destination"]].to_dict("records")
    }
    told = []
    for row in changed[["item_id", "lane_id"]].to_dict("records"):
        key = (row["item_id"], row["lane_id"])
        found = _changes_at(key, ends[key], places["a"], places["b"]) + _tariff_changes(key, a, b)
        if a.policy != b.policy:
            found.append((0.0, "policy", f"policy {a.policy[:8]} became {b.policy[:8]}"))
        found.sort(key=lambda change: -change[0])
        cause = found[0][1] if found else "other lines"
        told.append([cause, "; ".join(text for _, _, text in found) or "nothing at its ends or on its lane; other lines of the plan did"])
    return changed.assign(cause=[one[0] for one in told], because=[one[1] for one in told])[CAUSE_COLUMNS]


def sum_by_cause(changes: pd.DataFrame) -> pd.DataFrame:
    """Lines, units and net USD that changed by cause, in the order of `CAUSES`; columns cause, lines, units, net_usd."""
    frame = changes.assign(
        units=changes["units_after"] - changes["units_before"], net_usd=changes["net_usd_after"] - changes["net_usd_before"]
    )
    sums = frame.groupby("cause").agg(lines=("item_id", "size"), units=("units", "sum"), net_usd=("net_usd", "sum"))
    return sums.reindex([cause for cause in CAUSES if cause in sums.index]).rename_axis("cause").reset_index()


Change = tuple[float, str, str]


def _by_place(places: pd.DataFrame) -> dict[tuple[str, str], tuple[float, float]]:
    columns = [places[name] for name in ("item_id", "location_id", "stock_units", "daily_units")]
    return {(item, place): (float(stock), float(daily)) for item, place, stock, daily in zip(*columns, strict=True)}


def _changes_at(key: tuple[str, str], ends: tuple[str, str], before: dict[Any, Any], after: dict[Any, Any]) -> list[Change]:
    found = []
    for place in ends:
        old, new = (known.get((key[0], place), (0.0, 0.0)) for known in (before, after))
        for n, cause, unit in ((0, "stock", "units"), (1, "demand", "units a day")):
            share = _share(old[n], new[n])
            if share > LEAST_CHANGE_SHARE:
                found.append((share, cause, f"{cause} at {place} from {old[n]:,.1f} to {new[n]:,.1f} {unit}"))
    return found


def _tariff_changes(key: tuple[str, str], a: PlanGround, b: PlanGround) -> list[Change]:
    found = []
    if key in a.arcs and key in b.arcs and _share(a.arcs[key], b.arcs[key]) > LEAST_CHANGE_SHARE:
        old, new = a.arcs[key], b.arcs[key]
        found.append((_share(old, new), "tariff", f"landed cost of a unit from {old:,.4f} to {new:,.4f} USD"))
    if key[1] in a.lanes and key[1] in b.lanes:
        for name, old in a.lanes[key[1]].items():
            new = b.lanes[key[1]][name]
            if _share(old, new) > LEAST_CHANGE_SHARE:
                found.append((_share(old, new), "tariff", f"{name} of the lane from {old:,.2f} to {new:,.2f}"))
    return found


def _share(old: float, new: float) -> float:
    """Change as a share of the larger of both, 0 where neither is known."""
    old, new = (0.0 if value != value else value for value in (old, new))
    return abs(new - old) / max(abs(old), abs(new)) if old != new else 0.0
