"""Candidate arcs: pruning never drops an arc that a best plan uses, and roles and lanes join as they should."""

import datetime as dt
import itertools
import random

import numpy as np
import pandas as pd
import pytest

from pipelines.domain.policy import Policy
from pipelines.domain.policy_reading import parse_policy
from pipelines.planning import candidates, inputs
from pipelines.planning.inputs import build_case
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem


def rows(roles):
    frame = pd.DataFrame([{"item_id": i, "location_id": p, "is_donor": d, "is_receiver": r} for (i, p), (d, r) in roles.items()])
    return frame.sort_values(["item_id", "location_id"]).reset_index(drop=True)


def lanes(*ends, usable=True):
    return pd.DataFrame(
        [
            {"lane_id": f"{a}>{b}", "origin": a, "destination": b, "is_usable": usable, "arrival_weeks": 0.5 * n}
            for n, (a, b) in enumerate(ends)
        ]
    )


def test_pairs_join_donors_to_receivers_of_the_same_item_over_usable_lanes():
    roles = {("s", "A"): (True, False), ("s", "B"): (False, True), ("t", "A"): (True, True), ("t", "C"): (True, True)}
    pairs = candidates.pair_rows(rows(roles), lanes("AB", "BA", "AC", "CA", "AD"))
    assert pairs.to_numpy().tolist() == [[0, 0, 1], [2, 2, 3], [3, 3, 2]]
    assert len(candidates.pair_rows(rows(roles), lanes("AB", "AC", usable=False))) == 0
    fastest = candidates.fastest_arrival(pairs, lanes("AB", "BA", "AC", "CA", "AD"), 4)
    assert fastest.tolist() == [np.inf, 0.0, 1.5, 1.0]


@pytest.mark.parametrize("weekdays", ["", None, "1234567"])
def test_a_lane_without_weekdays_ships_every_day(weekdays):
    assert candidates.next_ship_date(dt.date(2016, 2, 1), weekdays) == dt.date(2016, 2, 2)


def test_a_lane_with_impossible_weekdays_never_ships():
    assert candidates.next_ship_date(dt.date(2016, 2, 1), "089") is None


@pytest.mark.parametrize("seed", range(12))
def test_pruned_arcs_would_not_have_changed_the_best_plan(frames, as_of, seed, monkeypatch):
    rng = random.Random(seed)
    stock = {
        pair: (rng.choice([0, 5, 30, 120]), rng.choice([0.5, 4.0, 11.0])) for pair in itertools.product("AB", ("CA_1", "TX_2", "WI_3"))
    }
    given = frames(stock)
    given["lanes"]["cost_usd_per_unit"] = [rng.choice([0.1, 1.0, 2.4]) for _ in range(6)]
    given["lanes"]["line_cost_usd"] = [rng.choice([0.0, 4.0, 9.0]) for _ in range(6)]
    given["items"]["units_per_pack"] = [rng.choice([1, 6]) for _ in range(2)]
    policy: Policy = parse_policy({"planning": {"eta": 0.8}})
    sparse = build_case(**given, policy=policy, as_of=as_of).problem
    monkeypatch.setattr(inputs.candidates, "keep_paying", lambda pairs: pairs["max_packs"] >= 1)
    full = build_case(**given, policy=policy, as_of=as_of).problem
    assert len(full["arcs"]) >= len(sparse["arcs"])
    worth = [solve_problem(Problem.from_json(problem), SolveOptions(gap_share=1e-7)).objective_usd for problem in (sparse, full)]
    assert worth[0] == pytest.approx(worth[1], rel=1e-6, abs=1e-6)
