"""What can be played side by side, by name: nothing, the rules, Evenstock's plan, and the same plan under perfect foresight."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipelines.backtest import rules
from pipelines.backtest.evening import Evening, Outlook, forecast, foresee, look
from pipelines.domain.errors import UsageError, did_you_mean
from pipelines.domain.policy import Policy
from pipelines.planning.inputs import PlanCase
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem
from pipelines.twin.simulate import Twin

# A gap that moves the figures by far less than their interval; work is limited by nodes, never by the clock.
GAP_SHARE = 0.01
NODES = 200
NO_CLOCK_S = 3600.0

Rule = Callable[[PlanCase], pd.DataFrame]


@dataclass(frozen=True)
class Contender:
    """A way to decide on moves, and how it is told to readers."""

    name: str
    said: str
    decide: Callable[[Twin, Policy], pd.DataFrame]


def stay(twin: Twin, policy: Policy) -> pd.DataFrame:
    """Move nothing."""
    return rules.moves_of([])


def by_rule(rule: Rule) -> Callable[[Twin, Policy], pd.DataFrame]:
    """A rule applied to the case of the evening."""
    return lambda twin, policy: rule(_evening(twin, policy).case(policy))


def plan(twin: Twin, policy: Policy) -> pd.DataFrame:
    """Evenstock's plan."""
    return solve(_evening(twin, policy).case(policy))


def plan_knowing_demand(twin: Twin, policy: Policy) -> pd.DataFrame:
    """Evenstock's plan with the demand that will come in place of the forecast; supplier orders know no more than they do elsewhere."""
    believed = forecast(twin, policy.planning.horizon_weeks)
    return solve(look(twin, foresee(twin, believed)).case(policy))


def plan_totals(twin: Twin, policy: Policy) -> pd.DataFrame:
    """The same model on totals of the window: a unit is worth its margin if demand exceeds supply in sum, whenever that is."""
    evening = _evening(twin, policy)
    weekly = evening.case(policy).context.rows.sort_values(["location_id", "item_id"])["window_weeks"].to_numpy()
    within = np.arange(evening.outlook.weekly_units.shape[1])[None, :] < weekly[:, None]
    total = np.where(within, evening.outlook.weekly_units, 0.0).sum(axis=1, keepdims=True)
    at_once = evening.lanes.assign(lead_time_days_mean=0.0, customs_days=0, weekdays="1234567")
    flat = replace(evening, outlook=Outlook(total, evening.outlook.is_held), inbound=_due_at_once(evening, weekly), lanes=at_once)
    return solve(flat.case(replace(policy, planning=replace(policy.planning, gamma=1.0, eta=1.0, horizon_weeks=1))))


def _due_at_once(evening: Evening, window_weeks: np.ndarray) -> pd.DataFrame:
    """What is due within an item-location's window, as if it came tomorrow."""
    index = pd.MultiIndex.from_frame(evening.keys)
    at = index.get_indexer(pd.MultiIndex.from_frame(evening.inbound[["location_id", "item_id"]]))
    ahead = (pd.to_datetime(evening.inbound["expected_date"]) - pd.Timestamp(evening.as_of)).dt.days
    due = evening.inbound[ahead.to_numpy() <= 7 * window_weeks[at]]
    return due.assign(expected_date=evening.as_of + dt.timedelta(days=1))


def solve(case: PlanCase) -> pd.DataFrame:
    """Moves of the best plan found within the work allowed."""
    problem = Problem.from_json(case.problem, "backtest")
    found = solve_problem(problem, SolveOptions(time_limit_s=NO_CLOCK_S, gap_share=GAP_SHARE, node_limit=NODES))
    units = dict(zip(problem.item_ids, problem.pack_units.tolist(), strict=True))
    return rules.moves_of([(line.item_id, line.lane_id, line.packs * units[line.item_id]) for line in found.shipments])


def _evening(twin: Twin, policy: Policy) -> Evening:
    return look(twin, forecast(twin, policy.planning.horizon_weeks))


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender("none", "no transfers", stay),
        Contender("days_of_supply", "level the days of supply of each item", by_rule(rules.level_days_of_supply)),
        Contender("greedy", "best pack first, lane charges not seen", by_rule(rules.match_greedily)),
        Contender("excess", "excess to shortage, lanes that pass a cost-benefit test", by_rule(rules.match_excess)),
        Contender("totals", "optimal on totals of the window, undated", plan_totals),
        Contender("evenstock", "Evenstock's plan", plan),
        Contender("foresight", "Evenstock's plan, knowing the demand to come", plan_knowing_demand),
    )
}


def contenders(names: Iterable[str]) -> list[Contender]:
    """Contenders by name, in the order asked for; raises `UsageError` for an unknown name."""
    for name in names:
        if name not in CONTENDERS:
            raise UsageError(f"policy {name!r} is unknown{did_you_mean(name, list(CONTENDERS))}; choose of {', '.join(CONTENDERS)}")
    return [CONTENDERS[name] for name in names]
