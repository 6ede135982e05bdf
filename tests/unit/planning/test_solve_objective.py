"""The money of a plan, worked out by hand, and the published examples in the docstrings."""

import doctest
import json
from pathlib import Path

import numpy as np
import pytest

from pipelines.planning import objective
from pipelines.planning.objective import evaluate, lane_pallets, violations
from pipelines.planning.problem import Problem

DOCUMENT = json.loads((Path(__file__).parents[2] / "golden" / "constraints" / "problem.json").read_text())


def test_the_examples_of_the_module_hold():
    found = doctest.testmod(objective)
    assert found.attempted >= 3
    assert found.failed == 0


def test_every_part_of_the_money():
    problem = Problem.from_json(DOCUMENT)
    # Arcs in order: s on A>B, s on A>C, s on B>C, u on A>C. Two packs of s (40 kg, 0.2 m3) and one of u (24 kg, 0.12 m3).
    parts = evaluate(problem, np.array([4, 1, 0, 1]))
    assert parts.gain == pytest.approx(3 * 30 + 12 + 40 + 18)
    assert parts.loss == pytest.approx(4 * 0 - 3 - 2)
    assert parts.arc == pytest.approx(4 * 2 * 1.5 + 2 * 2 + 6 * 0.5)
    assert (parts.pallet, parts.truck, parts.line) == (4 + 5, 20 + 25, 2.5)
    assert parts.total == pytest.approx(parts.gain + parts.loss - parts.arc - parts.pallet - parts.truck - parts.line)
    assert parts.spent == pytest.approx(19 + 9 + 45 + 2.5)
    assert violations(problem, np.array([4, 1, 0, 1])) == []


@pytest.mark.parametrize(("weight", "pallets"), [(0.1, 1), (60.0, 1), (60.0 + 1e-9, 1), (60.01, 2), (0.0, 1)])
def test_pallets_forgive_noise_only(weight, pallets):
    document = DOCUMENT | {"items": [{"item_id": "s", "pack_units": 10, "weight_kg": weight, "volume_m3": 0}, DOCUMENT["items"][1]]}
    assert lane_pallets(Problem.from_json(document), np.array([1, 0, 0, 0]))[0] == pallets


BROKEN = [
    ([-1, 0, 0, 1], "packs"),
    ([7, 0, 0, 1], "packs"),
    ([0, 0, 0, 0], "firm"),
    ([0, 7, 0, 1], "loss curve"),
    ([1, 0, 1, 1], "sent and received"),
    ([1, 0, 0, 1], "minimum shipment"),
]


@pytest.mark.parametrize(("packs", "name"), BROKEN)
def test_a_broken_limit_is_named(packs, name):
    assert name in violations(Problem.from_json(DOCUMENT), np.array(packs))
