"""Facts about every line of a plan that its explanation tells: margins, risk, chance that it pays, next best source, what holds it back.

All lines at once, as a frame; the sentences are in explain.py and stories.py.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.planning.marginals import SMALLEST_USD, Margins, Prices, limit_prices, other_arcs, substitute_usd
from pipelines.planning.plan_money import Pair, PlanLedger, add_up, share_lane_charges
from pipelines.planning.problem import Floats, Ints, Plan, Problem

if TYPE_CHECKING:
    from pipelines.planning.inputs import PlanCase

LINE_FACTS = [
    "line_id",
    "lane_saving_usd",
    "removal_usd",
    "substitute_usd",
    "next_pack_usd",
    "held_by",
    "next_source_lane_id",
    "next_source_extra_usd_per_pack",
    "donor_stockout_risk_before_share",
    "donor_stockout_risk_after_share",
    "receiver_stockout_risk_before_share",
    "receiver_stockout_risk_after_share",
    "pays_chance_share",
]
PRICE_COLUMNS = ["limit", "location_id", "usd"]


@dataclass(frozen=True, eq=False)
class PlanView:
    """A plan beside its case, laid out once for all that explains it."""

    case: "PlanCase"
    plan: Plan
    problem: Problem

    @staticmethod
    def of(case: "PlanCase", plan: Plan, problem: Problem | None = None) -> "PlanView":
        """The view of a plan; `problem` is the case's problem where it has been typed already."""
        return PlanView(case, plan, problem or Problem.from_json(case.problem, "planning case"))

    @cached_property
    def margins(self) -> Margins:
        """The plan's margins on every arc."""
        return Margins(self.problem, self.packs)

    @cached_property
    def prices(self) -> Prices:
        """Prices of docks and budget."""
        return limit_prices(self.margins)

    @cached_property
    def packs(self) -> Ints:
        """Packs per arc of the problem."""
        packs = np.zeros(self.problem.arcs, dtype=np.int64)
        moved = [shipment for shipment in self.plan.shipments if shipment.packs]
        packs[self.arcs_of([s.item_id for s in moved], [s.lane_id for s in moved])] = [s.packs for s in moved]
        return packs

    @cached_property
    def book(self) -> PlanLedger:
        """The plan's packs added up by arc, giver, taker and lane."""
        return add_up(self.case, self.plan)

    @cached_property
    def shares(self) -> dict[Pair, float]:
        """Each line's share of the charges of its lane."""
        return share_lane_charges(self.case, self.book)

    @cached_property
    def pairs(self) -> dict[Pair, dict[str, Any]]:
        """The priced pair of each line, by item and lane."""
        pairs = self.case.context.pairs
        index = pd.MultiIndex.from_frame(pairs[["item_id", "lane_id"]])
        mine = pairs[index.isin(list(self.book.packs))] if self.book.packs else pairs[:0]
        return {(pair["item_id"], pair["lane_id"]): pair for pair in mine.to_dict("records")}

    def arcs_of(self, items: list[str], lanes: list[str]) -> Ints:
        """Arc number of each item and lane."""
        p = self.problem
        item = np.searchsorted(np.array(p.item_ids, dtype=object), np.array(items, dtype=object))
        lane = np.searchsorted(np.array(p.lane_ids, dtype=object), np.array(lanes, dtype=object))
        keys = p.arc_item * len(p.lane_ids) + p.arc_lane
        return np.searchsorted(keys, item * len(p.lane_ids) + lane).astype(np.int64)


def line_facts(view: PlanView, lines: pd.DataFrame) -> pd.DataFrame:
    """One row per plan line, in the order of `lines`; columns `LINE_FACTS`, money in USD, shares from 0 to 1.

    removal_usd is what the plan loses without the line; substitute_usd what another arc would win back; next_pack_usd what one pack more
    would earn were there no limit (missing where a curve has ended); held_by the limits that forbid it.
    """
    margins = view.margins
    arcs = view.arcs_of(lines["item_id"].tolist(), lines["lane_id"].tolist())
    worth = margins.next_pack_usd[arcs]
    source, extra = _next_sources(view, arcs)
    frame = pd.DataFrame({"line_id": lines["line_id"].to_numpy(dtype=object)})
    frame["lane_saving_usd"] = margins.saving_usd[arcs]
    frame["removal_usd"] = margins.removal_usd[arcs]
    frame["substitute_usd"] = substitute_usd(margins)[arcs]
    frame["next_pack_usd"] = np.where(np.isfinite(worth), worth, np.nan)
    frame["held_by"] = _held_by(view, arcs)
    frame["next_source_lane_id"] = source
    frame["next_source_extra_usd_per_pack"] = extra
    frame = frame.assign(**_risks(view, lines))
    money = [name for name in LINE_FACTS if name.endswith(("_usd", "_pack", "_share"))]
    frame[money] = frame[money].astype(float).round(6)
    return frame[LINE_FACTS]


def price_frame(view: PlanView) -> pd.DataFrame:
    """Prices of the limits that hold something back: dock_out and dock_in in USD per unit by location, budget in USD per USD."""
    prices, rows = view.prices, []
    for name, usd in (("dock_out", prices.dock_out_usd), ("dock_in", prices.dock_in_usd)):
        rows += [[name, view.problem.location_ids[n], round(float(usd[n]), 6)] for n in np.flatnonzero(usd > 0)]
    if prices.budget_usd > 0:
        rows.append(["budget", "", round(prices.budget_usd, 6)])
    return pd.DataFrame(rows, columns=PRICE_COLUMNS).astype({"usd": "float64"})


def _held_by(view: PlanView, arcs: Ints) -> list[str]:
    """Names of the limits that forbid one pack more on each arc, also where a curve has ended; empty where none does."""
    margins, p = view.margins, view.problem
    flags = {name: blocked[arcs] for name, blocked in margins.blockers.items()}
    for name, arc_curve, curves, filled in zip(
        ("receiver", "donor"), (p.arc_gain, p.arc_loss), (p.gain, p.loss), margins.fills, strict=True
    ):
        flags[name] = filled[arc_curve[arcs]] >= curves.cap_packs[arc_curve[arcs]]
    # A line's own packs cannot be more than its curves allow, so the arc's limit says nothing where one of them has ended.
    flags["arc"] &= ~(flags["receiver"] | flags["donor"])
    names = list(flags)
    table = np.column_stack([flags[name] for name in names])
    return [" ".join(name for name, is_held in zip(names, row, strict=True) if is_held) for row in table]


def _next_sources(view: PlanView, arcs: Ints) -> tuple[list[str], Floats]:
    """Next best lane into each line's receiver and what its first pack costs more, lane charges apart; "" where none has stock."""
    margins, p = view.margins, view.problem
    given, sums = margins.fills[1], margins.sums[1]
    at = np.append(given, 0)[p.arc_loss]
    next_loss = sums.worth(p.arc_loss, at + 1) - sums.worth(p.arc_loss, at)
    last_loss = sums.worth(p.arc_loss, at) - sums.worth(p.arc_loss, at - 1)
    is_left = (p.arc_loss >= 0) & (at < np.append(p.loss.cap_packs, 0)[p.arc_loss]) & ~margins.blockers["closed"]
    line, other = other_arcs(p.arc_gain, arcs)
    own_donor = p.arc_loss[line] == p.arc_loss[other]
    usable = is_left[other] | own_donor
    line, other, own_donor = line[usable], other[usable], own_donor[usable]
    cost = p.arc_cost_usd_per_pack[other] - np.where(own_donor, last_loss[other], next_loss[other])
    extra = cost - (p.arc_cost_usd_per_pack - last_loss)[line]
    order = np.lexsort((p.arc_lane[other], extra, line))
    first = order[np.unique(line[order], return_index=True)[1]] if len(order) else order
    found = dict(zip(line[first].tolist(), zip(p.arc_lane[other[first]].tolist(), extra[first].tolist(), strict=True), strict=True))
    chosen = [found.get(a) for a in arcs.tolist()]
    return [p.lane_ids[one[0]] if one else "" for one in chosen], np.array([one[1] if one else np.nan for one in chosen], dtype=float)


def _risks(view: PlanView, lines: pd.DataFrame) -> dict[str, Floats]:
    """Chance that demand until the next supply exceeds what is there, at both ends, before and after; and that the line pays."""
    rows = view.case.context.rows
    index = pd.MultiIndex.from_frame(rows[["item_id", "location_id"]])
    shares: dict[str, Floats] = {}
    units = lines["units"].to_numpy(dtype=float)
    for end, place, sign in (("donor", "origin", -1.0), ("receiver", "destination", 1.0)):
        row = rows.iloc[index.get_indexer(pd.MultiIndex.from_arrays([lines["item_id"], lines[place]]))]
        stock = (row["available_units"] + row["supply_units"]).to_numpy(dtype=float)
        mean = (row["weekly_mean_units"] * row["window_weeks"]).to_numpy(dtype=float)
        spread = row["dispersion_k"].to_numpy(dtype=float)
        shares[f"{end}_stockout_risk_before_share"] = chance_above(stock, mean, spread)
        shares[f"{end}_stockout_risk_after_share"] = chance_above(stock + sign * units, mean, spread)
    value = row["unit_value_usd"].to_numpy(dtype=float)
    owed = lines["cost_usd"].to_numpy(dtype=float) - lines["loss_usd"].to_numpy(dtype=float)
    needed = np.ceil(np.divide(owed, value, out=np.full(len(lines), np.inf), where=value > 0) - SMALLEST_USD)
    pays = chance_above(stock + np.maximum(needed, 1.0) - 1.0, mean, spread)
    shares["pays_chance_share"] = np.where(needed <= units, pays, 0.0)
    return shares


def chance_above(units: Floats, mean_units: Floats, dispersion_k: Floats) -> Floats:
    """P(D > units) for negative binomial demand of mean m and variance m + m^2 / k; Poisson where k is missing. Never above one.

    cdf(x) = I_{k / (k + m)}(k, floor(x) + 1), the regularised incomplete beta function
    (Johnson, Kemp and Kotz, Univariate Discrete Distributions).

    >>> chance_above(np.array([0.0]), np.array([1.0]), np.array([1.0])).round(6).tolist()  # geometric: half of the time nothing
    [0.5]
    >>> chance_above(np.array([0.0]), np.array([1.0]), np.array([np.nan])).round(6).tolist()  # 1 - exp(-1)
    [0.632121]
    """
    from scipy.special import betainc, gammaincc

    top = np.floor(units) + 1.0
    spread = np.where(np.isfinite(dispersion_k) & (dispersion_k > 0), dispersion_k, np.nan)
    with np.errstate(invalid="ignore"):
        negative_binomial = betainc(spread, np.maximum(top, 1.0), spread / (spread + mean_units))
        poisson = gammaincc(np.maximum(top, 1.0), mean_units)
    below = np.where(np.isnan(spread), poisson, negative_binomial)
    return np.where(mean_units <= 0, (top <= 0).astype(float), np.where(top <= 0, 1.0, 1.0 - below))
