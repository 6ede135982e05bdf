"""Each clause of the audit, on problems small enough to check by hand."""

import copy
import math

import pytest

from pipelines.planning.audit import audit_plan

WIDE = {"pallet_kg": 600, "pallet_m3": 1.8, "pallets_per_truck": 26}


def make_problem(places, lanes, items, arcs, gains, losses, budget_usd=None):
    """`lanes` name: truck cost; `items` name: pack units; `arcs` (item, lane): unit cost; curves (item, place): segments."""
    return {
        "format": "evenstock-problem/1",
        "handling_units": dict(WIDE),
        "locations": [{"location_id": p, "dock_out_units": 100, "dock_in_units": 100} for p in places],
        "lanes": [
            {
                "lane_id": lane,
                "origin": lane[0],
                "destination": lane[-1],
                "truck_cost_usd": cost,
                "pallet_cost_usd": 0,
                "max_trucks": 5,
                "min_shipment_kg": 0,
            }
            for lane, cost in lanes.items()
        ],
        "items": [{"item_id": s, "pack_units": n, "weight_kg": 1, "volume_m3": 0.001} for s, n in items.items()],
        "arcs": [{"item_id": s, "lane_id": lane, "cost_usd_per_unit": cost, "max_packs": 10} for (s, lane), cost in arcs.items()],
        "gains": [{"item_id": s, "location_id": p, "segments": curve} for (s, p), curve in gains.items()],
        "losses": [{"item_id": s, "location_id": p, "segments": curve} for (s, p), curve in losses.items()],
        "budget_usd": budget_usd,
    }


def make_plan(packs, objective, **changes):
    shipments = [{"item_id": s, "lane_id": lane, "packs": n} for (s, lane), n in packs.items()]
    money = {"objective_usd": objective, "bound_usd": objective, "bound_kind": "mip", "gap_share": 0.0}
    return {"format": "evenstock-plan/1", "status": "OPTIMAL", **money, "shipments": shipments, "solve_info": {}} | changes


T1 = make_problem("AB", {"A-B": 20}, {"s": 1}, {("s", "A-B"): 1}, {("s", "B"): [[3, 10], [5, 4]]}, {("s", "A"): [[8, 0]]})
T1_PLAN = make_plan({("s", "A-B"): 8}, 22.0)
TRUTHS = {
    "T1": (T1, T1_PLAN),
    "T2": (T1 | {"lanes": [T1["lanes"][0] | {"truck_cost_usd": 43}]}, make_plan({}, 0.0)),
    "T3": (
        make_problem(
            "AB",
            {"A-B": 20},
            {"s": 1, "t": 1},
            {("s", "A-B"): 0, ("t", "A-B"): 0},
            {("s", "B"): [[1, 15]], ("t", "B"): [[1, 12]]},
            {("s", "A"): [[1, 0]], ("t", "A"): [[1, 0]]},
        ),
        make_plan({("s", "A-B"): 1, ("t", "A-B"): 1}, 7.0),
    ),
    "T4": (
        make_problem(
            "ABCD",
            {"A-B": 0, "A-C": 0, "D-B": 0},
            {"s": 1},
            {("s", "A-B"): 1, ("s", "A-C"): 1, ("s", "D-B"): 2},
            {("s", "B"): [[5, 10]], ("s", "C"): [[5, 9]]},
            {("s", "A"): [[5, 0]], ("s", "D"): [[5, 0]]},
        ),
        make_plan({("s", "A-C"): 5, ("s", "D-B"): 5}, 80.0),
    ),
    "T5": (
        make_problem("AB", {"A-B": 0}, {"s": 6}, {("s", "A-B"): 1}, {("s", "B"): [[1, 60], [1, 20]]}, {("s", "A"): [[2, 0]]}),
        make_plan({("s", "A-B"): 2}, 68.0),
    ),
    "T6": (
        make_problem("AB", {"A-B": 0}, {"s": 1}, {("s", "A-B"): 1}, {("s", "B"): [[6, 6]]}, {("s", "A"): [[2, 0], [2, -3], [2, -8]]}),
        make_plan({("s", "A-B"): 4}, 14.0),
    ),
    "T7": (
        make_problem("AB", {"A-B": 10}, {"s": 1}, {("s", "A-B"): 3}, {("s", "B"): [[9, 10]]}, {("s", "A"): [[9, 0]]}, budget_usd=25),
        make_plan({("s", "A-B"): 5}, 25.0),
    ),
    "T8": (
        make_problem(
            "ABD",
            {"A-B": 12, "D-B": 12},
            {"s": 1, "u": 1},
            {("s", "A-B"): 1, ("s", "D-B"): 2, ("u", "D-B"): 1},
            {("s", "B"): [[6, 5]], ("u", "B"): [[4, 5]]},
            {("s", "A"): [[6, 0]], ("s", "D"): [[6, 0]], ("u", "D"): [[4, 0]]},
        ),
        make_plan({("s", "D-B"): 6, ("u", "D-B"): 4}, 22.0),
    ),
}


def changed(problem, **values):
    """T1 with values of its only lane, arc, donor or place replaced: lane_*, arc_*, loss_*, A_*, B_*, or top-level names."""
    made = copy.deepcopy(problem)
    homes = {
        "lane": made["lanes"][0],
        "arc": made["arcs"][0],
        "loss": made["losses"][0],
        "A": made["locations"][0],
        "B": made["locations"][1],
    }
    for name, value in values.items():
        prefix, _, key = name.partition("__")
        (homes[prefix] if key else made)[key or name] = value
    return made


def clauses(problem, plan):
    return {violation.clause for violation in audit_plan(problem, plan).violations}


@pytest.mark.parametrize("name", TRUTHS)
def test_the_tiny_truths_pass_with_the_published_objective(name):
    problem, plan = TRUTHS[name]
    report = audit_plan(problem, plan)
    assert report.violations == []
    assert report.ok
    assert report.objective_usd == pytest.approx(plan["objective_usd"], abs=1e-9)


@pytest.mark.parametrize("name", [name for name, (_, plan) in TRUTHS.items() if plan["shipments"]])
@pytest.mark.parametrize("step", [-1, 1])
def test_one_pack_over_or_under_is_found_on_every_shipment_of_the_tiny_truths(name, step):
    problem, plan = TRUTHS[name]
    for at in range(len(plan["shipments"])):
        faulty = copy.deepcopy(plan)
        faulty["shipments"][at]["packs"] += step
        report = audit_plan(problem, faulty)
        assert {v.clause for v in report.violations} & {"objective", "donor_cap", "receiver_cap"}
        honest = faulty | {"objective_usd": report.objective_usd}
        assert clauses(problem, honest), "even with honest money the limit or the gap must notice"


@pytest.mark.parametrize("name", ["T4", "T8"])
def test_one_pack_moved_to_another_arc_is_found(name):
    problem, plan = TRUTHS[name]
    faulty = copy.deepcopy(plan)
    faulty["shipments"][0]["packs"] -= 1
    unused = next(
        a for a in problem["arcs"] if (a["item_id"], a["lane_id"]) not in {(s["item_id"], s["lane_id"]) for s in plan["shipments"]}
    )
    faulty["shipments"].append({"item_id": unused["item_id"], "lane_id": unused["lane_id"], "packs": 1})
    assert clauses(problem, faulty)


@pytest.mark.parametrize(
    ("clause", "limits"),
    [
        ("arc_cap", {"arc__max_packs": 7}),
        ("donor_cap", {"loss__segments": [[7, 0]]}),
        ("donor_cap", {"loss__cap_packs": 7}),
        ("receiver_cap", {"gains": [{"item_id": "s", "location_id": "B", "segments": [[7, 10]]}]}),
        ("receiver_cap", {"gains": []}),
        ("dock_out", {"A__dock_out_units": 7}),
        ("dock_in", {"B__dock_in_units": 7}),
        ("trucks", {"lane__max_trucks": 0}),
        ("trucks", {"lane__max_trucks": 1, "lane__pallets_per_truck": 1, "lane__pallet_kg": 7}),
        ("trucks", {"lane__max_trucks": 1, "lane__pallets_per_truck": 1, "lane__pallet_m3": 0.007}),
        ("minimum_shipment", {"lane__min_shipment_kg": 9}),
        ("budget", {"budget_usd": 27.9}),
        ("budget", {"budget_usd": 28.0, "arc__line_cost_usd": 0.1}),
        ("firm_lines", {"arc__fixed_packs": 7}),
        ("conservation", {"lane__destination": "Z"}),
        ("conservation", {"lane__destination": "A"}),
        ("objective", {"arc__cost_usd_per_unit": 1.1}),
        ("objective", {"lane__pallet_cost_usd": 0.1}),
    ],
)
def test_each_limit_is_its_own_clause_and_says_by_how_much(clause, limits):
    found = [v for v in audit_plan(changed(T1, **limits), T1_PLAN).violations if v.clause == clause]
    assert len(found) == 1
    assert found[0].excess > 0
    assert any(figure.isdigit() for figure in found[0].message)
    assert ":" in found[0].message, "a violation names its remedy"


@pytest.mark.parametrize(
    "limits",
    [
        {"arc__max_packs": 8, "A__dock_out_units": 8, "B__dock_in_units": 8, "loss__cap_packs": 8},
        {"lane__max_trucks": 1, "lane__pallets_per_truck": 1, "lane__pallet_kg": 8, "lane__pallet_m3": 0.008},
        {"lane__min_shipment_kg": 8},
        {"budget_usd": 28.0},
        {"arc__fixed_packs": 8},
        {"A__dock_out_units": None, "B__dock_in_units": None},
    ],
)
def test_a_plan_exactly_at_its_limits_passes(limits):
    assert clauses(changed(T1, **limits), T1_PLAN) == set()


@pytest.mark.parametrize(
    ("clause", "claim"),
    [
        ("objective", {"objective_usd": 22.0001}),
        ("bound", {"bound_usd": 21.99}),
        ("bound", {"bound_usd": 23.0, "gap_share": 0.0, "status": "FEASIBLE"}),
        ("bound", {"bound_usd": None, "gap_share": None}),
        ("status", {"bound_usd": 23.0, "gap_share": 1 / 23}),
        ("status", {"bound_usd": None, "gap_share": None, "bound_kind": "none"}),
        ("status", {"status": "FALLBACK"}),
        ("status", {"status": "FAILED"}),
        ("status", {"status": "DONE"}),
    ],
)
def test_claims_that_do_not_hold_are_found(clause, claim):
    assert clause in clauses(T1, T1_PLAN | claim)


def test_claims_that_hold_pass():
    assert clauses(T1, T1_PLAN | {"status": "FEASIBLE", "bound_usd": 23.0, "gap_share": 1 / 23}) == set()
    assert clauses(T1, T1_PLAN | {"status": "FEASIBLE", "bound_usd": None, "bound_kind": "none", "gap_share": None}) == set()
    assert clauses(T1, make_plan({}, 0.0, status="FALLBACK", bound_usd=22.0, gap_share=1.0)) == set()
    assert clauses(T1, T1_PLAN | {"bound_usd": 22.001, "gap_share": 0.001 / 22.001}) == set()


def test_a_plan_worth_less_than_nothing_is_refused_unless_lines_are_firm():
    dear = changed(T1, lane__truck_cost_usd=50)
    assert clauses(dear, make_plan({("s", "A-B"): 8}, -8.0)) == {"bound"}
    assert clauses(changed(dear, arc__fixed_packs=8), make_plan({("s", "A-B"): 8}, -8.0)) == set()
    assert clauses(changed(dear, arc__fixed_packs=8), make_plan({("s", "A-B"): 8}, -8.0, status="FALLBACK")) == set()


def test_sending_and_receiving_one_item_at_one_place_is_found():
    both = make_problem(
        "ABC",
        {"A-B": 0, "B-C": 0},
        {"s": 1},
        {("s", "A-B"): 1, ("s", "B-C"): 1},
        {("s", "B"): [[2, 9]], ("s", "C"): [[2, 9]]},
        {("s", "A"): [[2, 0]], ("s", "B"): [[2, 0]]},
    )
    assert clauses(both, make_plan({("s", "A-B"): 1, ("s", "B-C"): 1}, 16.0)) == {"not_both_sent_and_received"}


@pytest.mark.parametrize("packs", [0.5, -1, True, "3", math.nan, math.inf, None])
def test_packs_that_are_not_whole_are_found(packs):
    assert clauses(T1, make_plan({("s", "A-B"): packs}, 0.0)) & {"whole_packs", "readable"}


def test_arcs_that_are_not_listed_or_stated_twice_are_found():
    assert "listed_lanes" in clauses(T1, make_plan({("s", "B-A"): 1}, 0.0))
    twice = T1_PLAN | {"shipments": T1_PLAN["shipments"] + [{"item_id": "s", "lane_id": "A-B", "packs": 1}]}
    assert "listed_lanes" in clauses(T1, twice)


@pytest.mark.parametrize(
    ("problem", "plan"),
    [
        ({}, T1_PLAN),
        (T1, {}),
        (None, T1_PLAN),
        (T1 | {"lanes": T1["lanes"] * 2}, T1_PLAN),
        (changed(T1, loss__segments=[[4, -1], [4, 0]]), T1_PLAN),
        (changed(T1, arc__cost_usd_per_unit=math.nan), T1_PLAN),
        (changed(T1, lane__pallet_kg=0), T1_PLAN),
        (T1, T1_PLAN | {"objective_usd": "22"}),
        (T1, T1_PLAN | {"shipments": [{"lane_id": "A-B"}]}),
    ],
)
def test_documents_that_cannot_be_read_are_refused_and_never_raise(problem, plan):
    report = audit_plan(problem, plan)
    assert [violation.clause for violation in report.violations] == ["readable"]
    assert len(report.signature) == 64
