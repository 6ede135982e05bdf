"""Policy switches of optional terms: off they leave a night's problem as it was, on they say what they should and bind."""

import datetime as dt
import json

import pandas as pd
import pytest

from pipelines.domain.policy import Policy
from pipelines.domain.policy_reading import parse_policy
from pipelines.planning.audit import audit_plan
from pipelines.planning.case_terms import TermFacts
from pipelines.planning.explain import plan_lines
from pipelines.planning.inputs import build_case
from pipelines.planning.problem import Problem
from pipelines.planning.solve import SolveOptions, solve_problem

SCARCE = {("A", "CA_1"): 100, ("A", "TX_2"): 5}
ROAD = "CA_1>TX_2:road"
UNITS = 24


@pytest.fixture
def night(frames, as_of):
    """The small network with everything that a term reads, and a solver for it: returns case and packs moved."""
    inputs = frames(SCARCE)
    inputs["lanes"]["lead_time_days_mean"] = 7.0
    inputs["items"] = inputs["items"].assign(category="food", shelf_life_days=40.0)
    inputs["locations"] = inputs["locations"].assign(storage_capacity_m3=1.0, owner=["own", "partner", "own"])

    def run(facts=None, changes=None, **terms):
        policy = parse_policy({"terms": terms}) if terms else Policy()
        given = {name: frame.copy() for name, frame in inputs.items()} | (changes or {})
        case = build_case(**given, policy=policy, as_of=as_of, facts=facts)
        plan = solve_problem(Problem.from_json(case.problem), SolveOptions(gap_share=1e-7))
        assert audit_plan(case.problem, plan.to_json()).violations == []
        lines = plan_lines(case, plan, "r")
        moved = {(s.item_id, s.lane_id): s.packs for s in plan.shipments}
        churn = sum(
            arc.get("churn_usd_per_pack", 0) * abs(arc.get("last_packs", 0) - moved.get((arc["item_id"], arc["lane_id"]), 0))
            for arc in case.problem["arcs"]
        )
        assert lines["net_usd"].sum() - churn == pytest.approx(plan.objective_usd, abs=0.005)
        return case, int(lines["units"].sum())

    return run


def test_switched_off_nothing_is_said(night):
    case, units = night(TermFacts(events=pd.DataFrame(), lots=pd.DataFrame(), last_lines=None))
    assert units == UNITS
    known = {"locations": {"location_id", "dock_out_units", "dock_in_units"}, "losses": {"item_id", "location_id", "segments"}}
    for name, keys in known.items():
        assert all(set(row) == keys for row in case.problem[name])
    assert not {"locks", "owner_rights"} & set(case.problem)


def test_free_storage_is_what_stock_and_supply_leave(night, frames):
    """1 m3 less 5 units of 0.002 m3 on hand leaves 0.99 m3, room for 24 units; 0.04 m3 leave 0.03, room for two packs of 6."""
    case, units = night(limit_storage=True)
    assert {p["location_id"]: p["storage_m3"] for p in case.problem["locations"]} == {"CA_1": 0.8, "TX_2": 0.99, "WI_3": 1.0}
    assert units == UNITS
    places = frames(SCARCE)["locations"].assign(storage_capacity_m3=[1.0, 0.04, 1.0], owner="own")
    assert night(changes={"locations": places}, limit_storage=True)[1] == 12


def test_docks_of_a_day(night, frames):
    assert night(docks_by_day=True)[1] == UNITS
    tight = frames(SCARCE)["locations"].assign(dock_in_units_per_day=6.0)
    case, units = night(changes={"locations": tight}, docks_by_day=True)
    assert units == 6
    assert next((lane["ship_day"], lane["arrival_day"]) for lane in case.problem["lanes"]) == (1, 8)
    assert night(changes={"locations": tight})[1] == UNITS, "a week of days without the switch"


def event(kind, scope, scope_id, first, last):
    return pd.DataFrame([{"event_id": "e", "kind": kind, "scope": scope, "scope_id": scope_id, "start_date": first, "end_date": last}])


@pytest.mark.parametrize(("day", "units"), [(8, 0), (9, UNITS), (1, UNITS)])
def test_a_holiday_closes_the_receiver_on_its_days(night, as_of, day, units):
    on = as_of + dt.timedelta(days=day)
    facts = TermFacts(events=event("holiday", "location", "TX_2", on, on))
    assert night(facts, close_on_holidays=True)[1] == units
    assert night(facts)[1] == UNITS


def test_owners_are_kept_apart(night, frames):
    assert night(keep_owners_apart=True)[1] == 0
    one = frames(SCARCE)["locations"].assign(owner="own")
    assert night(changes={"locations": one}, keep_owners_apart=True)[1] == UNITS


@pytest.mark.parametrize(
    ("scope", "scope_id", "days", "units"),
    [("item", "A", 3, 0), ("category", "food", 3, 0), ("location", "CA_1", 3, 0), ("location", "TX_2", 3, UNITS), ("item", "A", 60, UNITS)],
)
def test_a_promotion_in_the_window_keeps_the_stock(night, as_of, scope, scope_id, days, units):
    facts = TermFacts(events=event("promotion", scope, scope_id, as_of + dt.timedelta(days=days), None))
    case, moved = night(facts, lock_promotions=True)
    assert moved == units
    assert not units or not [lock for lock in case.problem.get("locks", []) if lock["location_id"] == "CA_1"]


def test_blocked_units_keep_the_item(night, frames):
    stock = frames(SCARCE)["stock"]
    stock.loc[stock["location_id"] == "CA_1", "blocked_units"] = 1
    assert night(changes={"stock": stock}, lock_quality=True)[1] == 0
    assert night(changes={"stock": stock})[1] == UNITS


def test_lots_that_do_not_last_stay(night, as_of):
    """A quarter of 40 days is to be left on arrival at day 8: lots must be good on day 18. 13 units are: two packs of 6."""
    lots = pd.DataFrame(
        {"item_id": "A", "location_id": "CA_1", "units": [60, 13, 27], "expiry_date": [as_of + dt.timedelta(days=n) for n in (9, 18, 17)]}
    )
    case, units = night(TermFacts(lots=lots), respect_lots=True, min_shelf_life_share=0.25)
    assert case.problem["losses"][0]["lots"] == [[10, 9], [4, 17], [2, 18]]
    assert next(arc["good_until_day"] for arc in case.problem["arcs"]) == 18
    assert units == 12
    assert night(TermFacts(lots=lots), respect_lots=True)[1] == UNITS


def test_a_line_moves_its_least_or_not_at_all(night):
    assert night(min_line_packs=4)[1] == UNITS
    assert night(min_line_packs=5)[1] == 0


def test_a_tariff_is_charged_as_carriers_do(night, frames):
    lanes = frames(SCARCE)["lanes"].assign(lead_time_days_mean=7.0, rate_usd_per_kg=0.3, minimum_cost_usd=6.0)
    prudent, units = night(changes={"lanes": lanes})
    exact, more = night(changes={"lanes": lanes}, exact_weight_tariffs=True)
    assert units < more == UNITS, "7.20 for 24 kg, where the prudent price asks 6.00 on the truck as well"
    road = next(lane for lane in exact.problem["lanes"] if lane["lane_id"] == ROAD)
    assert (road["truck_cost_usd"], road["weight_bands"]) == (5.0, [[1e12, 0.3, 6.0]])
    assert next(lane for lane in prudent.problem["lanes"] if lane["lane_id"] == ROAD)["truck_cost_usd"] == 11.0


def test_churn_holds_a_plan_to_the_last_one(night):
    last = pd.DataFrame({"item_id": ["A"], "lane_id": [ROAD], "packs": [2]})
    case, units = night(TermFacts(last_lines=last), churn_usd_per_unit=2.0)
    assert case.problem["arcs"][0] | {"churn_usd_per_pack": 12.0, "last_packs": 2} == case.problem["arcs"][0]
    assert units == 12
    assert night(TermFacts(last_lines=last), churn_usd_per_unit=0.01)[1] == UNITS
    json.dumps(case.problem)
