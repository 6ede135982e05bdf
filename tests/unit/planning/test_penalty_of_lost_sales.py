"""What finance says a lost sale costs beyond its margin is part of what a unit is worth, where and for what finance says it."""

import pandas as pd
import pytest

from pipelines.domain.policy import Policy
from pipelines.domain.policy_reading import parse_policy
from pipelines.planning.explain import plan_lines
from pipelines.planning.inputs import build_case
from pipelines.planning.line_facts import PlanView, line_facts
from pipelines.planning.problem import Problem
from pipelines.planning.shortages import shortages
from pipelines.planning.solve import solve_problem

STOCK = {("A", "CA_1"): 100, ("A", "TX_2"): 5}
ROAD = "CA_1>TX_2:road"


def charged(frames, place="TX_2", category="food", usd=7.5, own="food"):
    inputs = frames(STOCK)
    inputs["items"] = inputs["items"].assign(category=own)
    inputs["lanes"].loc[inputs["lanes"]["lane_id"] == ROAD, "lead_time_days_mean"] = 7.0
    figures = {"location_id": [place], "category": [category], "lost_sale_penalty_usd_per_unit": [usd]}
    return inputs | {"finance": pd.DataFrame(figures)}


def segments(case, side, place):
    return {row["location_id"]: row["segments"] for row in case.problem[side]}[place]


def test_a_penalty_is_added_to_the_margin_at_the_receiver(frames, as_of):
    """Without it the packs of 6 gain 15, 8.75, 5 and 1.875 at margin 5 (see the hand-computed case); 7.5 more make a unit worth 12.5."""
    case = build_case(**charged(frames), policy=Policy(), as_of=as_of)
    assert segments(case, "gains", "TX_2") == [[1, 37.5], [1, 21.875], [1, 12.5], [1, 4.6875]]
    assert segments(case, "losses", "CA_1") == [[12, 0.0], [4, -15.0]], "its own sales cost the donor what they did"


def test_and_at_the_donor(frames, as_of):
    case = build_case(**charged(frames, place="CA_1"), policy=Policy(), as_of=as_of)
    assert segments(case, "losses", "CA_1") == [[12, 0.0], [4, -37.5]]
    assert segments(case, "gains", "TX_2")[0] == [1, 15.0]


@pytest.mark.parametrize("other", [{"category": "toys"}, {"place": "WI_3"}, {"usd": 0.0}, {"own": None}])
def test_elsewhere_for_others_and_at_nothing_it_changes_nothing(frames, as_of, other):
    inputs = charged(frames, **other)
    with_it, without = (
        build_case(**inputs, policy=Policy(), as_of=as_of),
        build_case(**inputs | {"finance": inputs["finance"].iloc[:0]}, policy=Policy(), as_of=as_of),
    )
    assert with_it.problem == without.problem and with_it.problem["arcs"]


def test_a_penalty_moves_what_did_not_pay(frames, as_of):
    """A truck of 50 USD costs more than the 30.63 USD that four packs gain, and less than 2.5 times as much."""
    moved = {}
    for usd in (0.0, 7.5):
        inputs = charged(frames, usd=usd)
        inputs["lanes"]["truck_cost_usd"] = 50.0
        case = build_case(**inputs, policy=Policy(), as_of=as_of)
        moved[usd] = solve_problem(Problem.from_json(case.problem)).shipments
    assert moved[0.0] == [] and len(moved[7.5]) == 1


def test_shortages_and_chances_count_it(frames, as_of):
    """One pack may go. A unit still short is worth margin and penalty; two units sold pay for the line, or one with it."""
    found, policy = {}, parse_policy({"planning": {"donor_share_cap": 0.06}})
    for usd in (0.0, 7.5):
        case = build_case(**charged(frames, usd=usd), policy=policy, as_of=as_of)
        plan = solve_problem(Problem.from_json(case.problem))
        view = PlanView.of(case, plan)
        lines = plan_lines(case, plan, "r", view)
        short = shortages(case, plan, view).set_index("location_id").loc["TX_2"]
        found[usd] = short["value_usd"] / short["short_units"], line_facts(view, lines)["pays_chance_share"].iloc[0]
    assert [round(found[usd][0], 4) for usd in (0.0, 7.5)] == [5.0, 12.5]
    assert found[7.5][1] > found[0.0][1] > 0
