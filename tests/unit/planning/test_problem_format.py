"""Reading `evenstock-problem/1` and `evenstock-plan/1`: what is refused and how it is said, and that nothing is lost on the way."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from pipelines.domain.errors import InputRefused
from pipelines.planning.fields import ARC, CURVE, HANDLING, ITEM, LANE, LOCATION, LOCK, LOSS, TOP_KEYS
from pipelines.planning.problem import Plan, Problem, Shipment

ROOT = Path(__file__).parents[3]
FULL = json.loads((ROOT / "tests/golden/constraints/problem.json").read_text())


def edited(path, value):
    document = copy.deepcopy(FULL)
    *parents, last = path
    place = document
    for part in parents:
        place = place[part]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return document


REFUSALS = [
    (("format",), "evenstock-problem/2", "$.format"),
    (("format",), KeyError, "$.format"),
    (("handling_units",), KeyError, "$.handling_units"),
    (("handling_units", "pallet_kg"), 0, "$.handling_units.pallet_kg"),
    (("handling_units", "pallets_per_truck"), 2.5, "$.handling_units.pallets_per_truck"),
    (("lanes",), {}, "$.lanes"),
    (("lanes", 1), "A>C", "$.lanes[1]"),
    (("lanes", 0, "max_trucks"), -1, "$.lanes[0].max_trucks"),
    (("lanes", 0, "truck_cost_usd"), float("nan"), "$.lanes[0].truck_cost_usd"),
    (("lanes", 0, "truck_cost_usd"), float("inf"), "$.lanes[0].truck_cost_usd"),
    (("lanes", 0, "truck_cost_usd"), -5, "$.lanes[0].truck_cost_usd"),
    (("lanes", 0, "truck_cost_usd"), "20", "$.lanes[0].truck_cost_usd"),
    (("lanes", 0, "truck_cost_usd"), True, "$.lanes[0].truck_cost_usd"),
    (("lanes", 0, "truck_cost_usd"), 10**400, "$.lanes[0].truck_cost_usd"),
    (("lanes", 0, "origin"), "Z", "add it to $.locations"),
    (("lanes", 0, "destination"), "A", "same location"),
    (("lanes", 1, "lane_id"), "A>B", "duplicate lane_id A>B, first at $.lanes[0]"),
    (("lanes", 0, "truck_cost"), 1, "did you mean 'truck_cost_usd'?"),
    (("items", 0, "pack_units"), 0, "$.items[0].pack_units"),
    (("items", 0, "item_id"), 7, "$.items[0].item_id"),
    (("items", 0, "item_id"), "", "$.items[0].item_id"),
    (("arcs", 0, "max_packs"), 1.5, "$.arcs[0].max_packs"),
    (("arcs", 0, "max_packs"), -1, "$.arcs[0].max_packs"),
    (("arcs", 0, "max_packs"), 10**12, "$.arcs[0].max_packs"),
    (("arcs", 0, "max_packs"), KeyError, "is required"),
    (("arcs", 3, "fixed_packs"), 4, "above max_packs 3"),
    (("arcs", 0, "lane_id"), "A>D", "unknown lane_id 'A>D'; did you mean 'A>"),
    (("arcs", 1, "lane_id"), "A>B", "duplicate item_id and lane_id s, A>B"),
    (("arcs", 0, "item_id"), "nothing", "unknown item_id 'nothing'"),
    (("gains", 0, "segments"), [[3, 12], [3, 30]], "$.gains[0].segments[1]: value 30"),
    (("gains", 0, "segments"), [[3.5, 12]], "$.gains[0].segments[0]"),
    (("gains", 0, "segments"), [[-3, 12]], "$.gains[0].segments[0]"),
    (("gains", 0, "segments"), [[3, None]], "$.gains[0].segments[0]"),
    (("gains", 0, "segments"), [[3]], "expected [packs, usd per pack]"),
    (("gains", 0, "segments"), "3@10", "$.gains[0].segments"),
    (("gains", 0, "cap_packs"), 3, "unknown key"),
    (("gains", 1, "location_id"), "B", "duplicate item_id and location_id s, B"),
    (("losses", 0, "segments"), [[1, -3], [1, 0]], "$.losses[0].segments[1]: value 0"),
    (("losses", 0, "cap_packs"), -1, "$.losses[0].cap_packs"),
    (("budget_usd",), -1, "$.budget_usd"),
    (("lanes", 0, "weight_bands"), [[9, 1]], "$.lanes[0].weight_bands: expected a list of [up to kg"),
    (("lanes", 0, "weight_bands"), [[9, 1, 0], [9, 1, 0]], "bands with rising kg"),
    (("lanes", 0, "ship_day"), -1, "$.lanes[0].ship_day"),
    (("locations", 0, "closed_days"), [1.5], "$.locations[0].closed_days"),
    (("losses", 0, "lots"), [[3]], "expected a list of [packs, last good day]"),
    (("locks",), [{"item_id": "s", "location_id": "Z"}], "$.locks[0].location_id: unknown location_id 'Z'"),
    (("locks",), [{"item_id": "s", "location_id": "A", "way": "up"}], "$.locks[0].way: expected out, in or both"),
    (("owner_rights",), [["own", "partner"]], "$.owner_rights: unknown owner 'own'"),
    (("owner_rights",), ["own"], "expected a list of [owner, owner]"),
    (("budgte_usd",), 1, "did you mean 'budget_usd'?"),
]


@pytest.mark.parametrize(("path", "value", "said"), REFUSALS, ids=lambda part: str(part)[:40])
def test_a_wrong_document_is_refused_with_its_place_and_remedy(path, value, said):
    with pytest.raises(InputRefused) as refused:
        Problem.from_json(edited(path, value), "case.json")
    assert str(refused.value).startswith("case.json: $")
    assert said in str(refused.value)


@pytest.mark.parametrize("document", [None, [], "text", 3])
def test_anything_but_an_object_is_refused(document):
    with pytest.raises(InputRefused, match="expected an object"):
        Problem.from_json(document)


def test_the_document_comes_back_sorted_and_complete():
    problem = Problem.from_json(FULL)
    shuffled = copy.deepcopy(FULL)
    for name in ("locations", "lanes", "items", "arcs", "gains", "losses"):
        shuffled[name].reverse()
    assert json.dumps(Problem.from_json(shuffled).to_json()) == json.dumps(problem.to_json())
    assert json.dumps(Problem.from_json(problem.to_json()).to_json()) == json.dumps(problem.to_json())
    for name in ("arcs", "gains", "losses", "lanes"):
        for mine, theirs in zip(problem.to_json()[name], FULL[name], strict=True):
            assert {key: mine[key] for key in theirs} == theirs


def test_optional_keys_reach_the_arrays_and_default_to_off():
    problem = Problem.from_json(FULL)
    assert problem.arc_fixed_packs.tolist() == [-1, -1, -1, 1]
    assert problem.arc_line_cost_usd.tolist() == [2.5, 0, 0, 0]
    assert problem.loss.cap_packs.tolist() == [6, 5, 3]
    assert np.isinf(problem.dock_out_units[2])
    own = edited(("lanes", 0, "pallet_kg"), 250)
    own["lanes"][0] |= {"pallet_m3": 1, "pallets_per_truck": 9}
    lanes = Problem.from_json(own)
    assert lanes.pallet_kg.tolist() == [250, 600, 600]
    assert lanes.pallet_m3.tolist() == [1, 1.8, 1.8]
    assert lanes.pallets_per_truck.tolist() == [9, 2, 2]


def test_terms_come_back_whole_and_say_nothing_where_they_are_off():
    document = json.loads((ROOT / "tests/golden/constraints/terms.json").read_text())
    problem = Problem.from_json(document)
    again = json.loads(json.dumps(problem.to_json()))
    assert json.dumps(Problem.from_json(again).to_json()) == json.dumps(again)
    for name in ("locations", "lanes", "arcs", "losses", "locks"):
        for mine, theirs in zip(again[name], document[name], strict=True):
            assert {key: mine[key] for key in theirs} == theirs
    assert again["owner_rights"] == document["owner_rights"]
    assert problem.terms.is_on
    plain = Problem.from_json(FULL)
    assert not plain.terms.is_on
    assert "locks" not in plain.to_json()
    assert "min_packs" not in plain.to_json()["arcs"][0]


def test_an_empty_problem_is_a_problem():
    empty = FULL | {name: [] for name in ("locations", "lanes", "items", "arcs", "gains", "losses")}
    assert Problem.from_json(empty).arcs == 0


def test_the_format_page_names_every_key():
    page = (ROOT / "docs/problem-format.md").read_text()
    for table in (HANDLING, LOCATION, LANE, ITEM, ARC, CURVE, LOSS, LOCK):
        for name, field in table.items():
            row = next((line for line in page.splitlines() if line.startswith(f"| `{name}` |")), None)
            assert row is not None, name
            assert any(field.meaning in line for line in page.splitlines() if line.startswith(f"| `{name}` |")), name
    assert all(f"`{name}`" in page for name in TOP_KEYS)


def test_a_plan_comes_back_whole_and_a_wrong_one_is_refused():
    plan = Plan("FEASIBLE", 12.5, 13.0, "lp", 0.5 / 13, [Shipment("s", "A>B", 3)], {"nodes": 4})
    document = json.loads(json.dumps(plan.to_json()))
    assert Plan.from_json(document) == plan
    for name, value, said in (
        ("status", "DONE", "$.status"),
        ("bound_kind", "guess", "$.bound_kind"),
        ("objective_usd", None, "is required"),
        ("shipments", [{"item_id": "s", "lane_id": "A>B", "packs": 0}], "$.shipments[0].packs"),
        ("format", "evenstock-problem/1", "$.format"),
    ):
        with pytest.raises(InputRefused) as refused:
            Plan.from_json(document | {name: value}, "plan.json")
        assert said in str(refused.value)
