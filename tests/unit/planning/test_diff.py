"""Differences between two plans."""

import pandas as pd
import pytest

from pipelines.planning.diff import DIFF_COLUMNS, PlanGround, diff_by_cause, diff_plans, sum_by_cause


def lines(**units):
    return pd.DataFrame(
        [{"item_id": item, "lane_id": "A>B:road", "units": n, "net_usd": 1.5 * n} for item, n in units.items()],
        columns=["item_id", "lane_id", "units", "net_usd"],
    )


def test_added_dropped_and_changed_lines_are_told_and_equal_ones_are_not():
    found = diff_plans(lines(same=6, less=12, gone=6), lines(same=6, less=6, new=18))
    assert found.to_dict("records") == [
        dict(zip(DIFF_COLUMNS, row, strict=True))
        for row in [
            ("gone", "A>B:road", "dropped", 6, 0, 9.0, 0.0),
            ("less", "A>B:road", "changed", 12, 6, 18.0, 9.0),
            ("new", "A>B:road", "added", 0, 18, 0.0, 27.0),
        ]
    ]


def test_a_plan_against_itself_and_empty_plans():
    assert len(diff_plans(lines(a=6), lines(a=6))) == 0
    assert diff_plans(lines(), lines(a=6))["change"].tolist() == ["added"]
    assert diff_plans(lines(a=6), lines())["change"].tolist() == ["dropped"]
    assert list(diff_plans(lines(), lines()).columns) == DIFF_COLUMNS


def ground(units=6, stock=100.0, daily=1.0, cost=0.1, truck=5.0, policy="p" * 64):
    plan = pd.DataFrame(
        {"item_id": ["A", "B"], "lane_id": "X>Y:road", "origin": "X", "destination": "Y", "units": [units, 6], "net_usd": [4.0, 2.0]}
    )
    places = pd.DataFrame(
        {"item_id": ["A", "A", "B"], "location_id": ["X", "Y", "X"], "stock_units": [stock, 5.0, 9.0], "daily_units": [0.5, daily, 1.0]}
    )
    problem = {
        "lanes": [{"lane_id": "X>Y:road", "truck_cost_usd": truck, "pallet_cost_usd": 1.0, "max_trucks": 2}],
        "arcs": [{"item_id": "A", "lane_id": "X>Y:road", "cost_usd_per_unit": cost}],
    }
    return PlanGround.of(plan, places, problem, policy)


@pytest.mark.parametrize(
    ("change", "cause", "said"),
    [
        ({"stock": 40.0}, "stock", "stock at X from 100.0 to 40.0 units"),
        ({"daily": 3.0}, "demand", "demand at Y from 1.0 to 3.0 units a day"),
        ({"cost": 0.4}, "tariff", "landed cost of a unit from 0.1000 to 0.4000 USD"),
        ({"truck": 9.0}, "tariff", "truck_cost_usd of the lane from 5.00 to 9.00"),
        ({"policy": "q" * 64}, "policy", "policy pppppppp became qqqqqqqq"),
        ({}, "other lines", "nothing at its ends"),
        ({"stock": 99.5}, "other lines", "nothing at its ends"),
        ({"stock": 90.0, "daily": 3.0}, "demand", "demand at Y from 1.0 to 3.0 units a day; stock at X from 100.0 to 90.0 units"),
    ],
)
def test_a_changed_line_has_the_cause_that_changed_most_beneath_it(change, cause, said):
    found = diff_by_cause(ground(), ground(units=12, **change))
    assert found["item_id"].tolist() == ["A"], "B moves what it moved"
    assert found["cause"].tolist() == [cause]
    assert said in found["because"].iloc[0]
    sums = sum_by_cause(found)
    assert sums.values.tolist() == [[cause, 1, 6, 0.0]]


def test_no_change_has_no_cause():
    assert len(diff_by_cause(ground(), ground(policy="q" * 64))) == 0
    assert len(sum_by_cause(diff_by_cause(ground(), ground()))) == 0
