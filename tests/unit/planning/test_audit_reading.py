"""The audit refuses documents that are not what their format says, in a sentence with place and remedy, and never trusts a typo."""

import copy

import pytest

from pipelines.planning.audit import audit_plan
from pipelines.planning.audit_reading import LISTS
from pipelines.planning.fields import ARC, CURVE, ITEM, LANE, LOCATION, LOSS

PROBLEM = {
    "format": "evenstock-problem/1",
    "handling_units": {"pallet_kg": 600, "pallet_m3": 1.8, "pallets_per_truck": 26},
    "locations": [{"location_id": "A", "dock_out_units": 8}, {"location_id": "B", "dock_in_units": None}],
    "lanes": [{"lane_id": "A-B", "origin": "A", "destination": "B", "truck_cost_usd": 20, "pallet_cost_usd": 0, "max_trucks": 1}],
    "items": [{"item_id": "S", "pack_units": 1, "weight_kg": 1, "volume_m3": 0.001}],
    "arcs": [{"item_id": "S", "lane_id": "A-B", "cost_usd_per_unit": 1, "max_packs": 8}],
    "gains": [{"item_id": "S", "location_id": "B", "segments": [[3, 10], [5, 4]]}],
    "losses": [{"item_id": "S", "location_id": "A", "segments": [[8, 0]], "cap_packs": 8}],
    "budget_usd": None,
}
PLAN = {
    "format": "evenstock-plan/1", "status": "OPTIMAL", "objective_usd": 22, "bound_usd": 22, "bound_kind": "mip", "gap_share": 0,
    "shipments": [{"item_id": "S", "lane_id": "A-B", "packs": 8}], "solve_info": {},
}  # fmt: skip
ABSENT = object()


def changed(document, path, value):
    """A copy with the value at a path of keys and indices replaced, added, or taken out."""
    made = copy.deepcopy(document)
    home = made
    for step in path[:-1]:
        home = home[step]
    if value is ABSENT:
        del home[path[-1]]
    else:
        home[path[-1]] = value
    return made


def test_the_plain_case_is_sound():
    assert audit_plan(PROBLEM, PLAN).violations == []


def test_the_auditors_own_keys_are_those_of_the_format():
    fields = {"locations": LOCATION, "lanes": LANE, "items": ITEM, "arcs": ARC, "gains": CURVE, "losses": LOSS}
    assert {name: set(keys) for name, keys in LISTS.items()} == {name: set(keys) for name, keys in fields.items()}
    optional = {name: {key for key, kind in keys.items() if kind.endswith("?")} for name, keys in LISTS.items()}
    assert optional == {name: {key for key, field in keys.items() if field.default is not None} for name, keys in fields.items()}


PROBLEM_FAULTS = [
    (("budget_usdd",), 5, "problem", "unknown key 'budget_usdd'; did you mean 'budget_usd'?"),
    (("locations", 0, "dock_out_unit"), 1, "problem locations[0]", "unknown key 'dock_out_unit'; did you mean 'dock_out_units'?"),
    (("handling_units", "pallet_kgs"), 1, "problem handling_units", "did you mean 'pallet_kg'?"),
    (("format",), "evenstock-problem/2", "problem format", "must be 'evenstock-problem/1', found 'evenstock-problem/2'"),
    (("format",), ABSENT, "problem format", "found null"),
    (("lanes", 0, "truck_cost_usd"), -1, "problem lanes[0].truck_cost_usd", "zero or more, found -1"),
    (("lanes", 0, "max_trucks"), 1.5, "problem lanes[0].max_trucks", "whole number of zero or more, found 1.5"),
    (("lanes", 0, "max_trucks"), ABSENT, "problem lanes[0].max_trucks", "is required: give a whole number"),
    (("items", 0, "pack_units"), -6, "problem items[0].pack_units", "one or more, found -6"),
    (("items", 0, "weight_kg"), "1", "problem items[0].weight_kg", "found '1'"),
    (("items", 0, "weight_kg"), True, "problem items[0].weight_kg", "found true"),
    (("locations", 0, "dock_out_units"), -1, "problem locations[0].dock_out_units", "found -1"),
    (("budget_usd",), 10**400, "problem.budget_usd", "finite number"),
    (("arcs", 0, "cost_usd_per_unit"), float("inf"), "problem arcs[0].cost_usd_per_unit", "found inf"),
    (("arcs", 0, "item_id"), "T", "problem arcs[0].item_id", "unknown item_id 'T'; known: S"),
    (("arcs",), {}, "problem.arcs", "must be a list, found an object of 0"),
    (("arcs", 0), 7, "problem arcs[0]", "must be an object, found 7"),
    (("gains", 0, "segments"), [[3]], "problem gains[0].segments[0]", "[whole packs, USD per pack], found a list of 1"),
    (("gains", 0, "segments"), [[3, 1], [3, 2]], "problem gains[0].segments[1]", "sort the segments best first"),
    (("gains", 0, "location_id"), ["B"], "problem gains[0].location_id", "a text that is not empty"),
    (("losses", 0, "cap_packs"), -1, "problem losses[0].cap_packs", "found -1"),
    (("items",), PROBLEM["items"] * 2, "problem items[1]", "S come twice, first in items[0]"),
]
PLAN_FAULTS = [
    (("format",), "evenstock-problem/1", "plan format", "must be 'evenstock-plan/1'"),
    (("bound_kind",), "guess", "plan.bound_kind", "one of mip, lp, lagrangian, found 'guess'"),
    (("bound_kind",), ABSENT, "plan.bound_kind", "found null"),
    (("bound_kind",), "none", "plan.bound_kind", "found 'none'"),
    (("bound_kind",), [], "plan.bound_kind", "found a list of 0"),
    (("gap_share",), None, "plan.gap_share", "is required"),
    (("objective_usd",), "22", "plan.objective_usd", "found '22'"),
    (("shipments",), "none", "plan.shipments", "must be a list"),
    (("shipments", 0), [], "plan shipments[0]", "must be an object"),
    (("shipments", 0, "pack"), 1, "plan shipments[0]", "did you mean 'packs'?"),
    (("status",), None, "plan.status", "is required"),
]


@pytest.mark.parametrize(
    ("which", "path", "value", "subject", "said"),
    [("problem", *fault) for fault in PROBLEM_FAULTS] + [("plan", *fault) for fault in PLAN_FAULTS],
)
def test_a_document_that_breaks_its_format_is_one_violation_with_place_and_remedy(which, path, value, subject, said):
    problem = changed(PROBLEM, path, value) if which == "problem" else PROBLEM
    plan = changed(PLAN, path, value) if which == "plan" else PLAN
    report = audit_plan(problem, plan)
    assert [(found.clause, found.subject) for found in report.violations] == [("readable", subject)]
    assert said in report.violations[0].message
    assert "Error" not in report.violations[0].message


@pytest.mark.parametrize("document", [None, [], "x", 7, True])
def test_a_document_of_another_shape_is_refused_in_a_sentence(document):
    for report in (audit_plan(document, PLAN), audit_plan(PROBLEM, document)):
        assert [found.clause for found in report.violations] == ["readable"]
        assert "must be an object, found" in report.violations[0].message


def test_no_steering_character_of_a_name_reaches_the_reader():
    plan = changed(PLAN, ("shipments", 0, "item_id"), "S\x1b[31m\n\u202e")
    report = audit_plan(PROBLEM, plan)
    assert any("\\x1b[31m\\n\\u202e" in found.subject for found in report.violations)
    assert all(found.subject.isprintable() and found.message.isprintable() for found in report.violations)
    assert audit_plan(changed(PROBLEM, ("\x1b[2J",), 1), PLAN).violations[0].message.isprintable()
