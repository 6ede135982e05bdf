"""Generated problems: seeded, canonical, as shaped as the instances with proven optima."""

import gzip
import json

import numpy as np
import pytest

from cli.main import app
from pipelines.planning.generate import ProblemSize, generate_problem
from pipelines.planning.problem import Problem
from pipelines.planning.problem_text import problem_text


def document(**size):
    return json.loads("".join(problem_text(generate_problem(ProblemSize(**size)))))


def test_text_and_arrays_are_the_same_problem_in_canonical_order():
    made = generate_problem(ProblemSize(80, 6, seed=4, budget_usd=500.0, min_shipment_kg=3.0))
    read = Problem.from_json(document(items=80, locations=6, seed=4, budget_usd=500.0, min_shipment_kg=3.0))
    for name in made.__dataclass_fields__:
        if name in ("gain", "loss"):
            for part in ("item", "location", "start", "packs", "value_usd", "cap_packs"):
                assert np.array_equal(getattr(getattr(made, name), part), getattr(getattr(read, name), part)), (name, part)
        elif name not in ("document", "terms"):
            assert np.array_equal(np.asarray(getattr(made, name)), np.asarray(getattr(read, name))), name
    assert not made.terms.is_on
    assert not read.terms.is_on


def test_a_seed_is_a_problem_and_another_seed_another():
    one, same, other = (document(items=40, locations=5, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_blocks_join_without_a_seam(monkeypatch):
    from pipelines.planning import generate

    whole = generate_problem(ProblemSize(60, 5, seed=9))
    monkeypatch.setattr(generate, "BLOCK_ITEMS", 60)
    assert generate_problem(ProblemSize(60, 5, seed=9)).arcs == whole.arcs
    monkeypatch.setattr(generate, "BLOCK_ITEMS", 25)
    parts = generate_problem(ProblemSize(60, 5, seed=9))
    assert Problem.from_json(json.loads("".join(problem_text(parts)))).arcs == parts.arcs > 0
    assert (np.diff(parts.gain.item * 5 + parts.gain.location) > 0).all()


def test_medians_are_near_those_of_the_proven_instances(real_data):
    with gzip.open(real_data / "proven" / "large_1000x10.json.gz") as file:
        known = Problem.from_json(json.load(file))
    made = generate_problem(ProblemSize(1000, 10))
    for name in ("pack_units", "weight_kg", "volume_m3", "arc_cost_usd_per_unit", "arc_max_packs", "truck_cost_usd", "pallet_cost_usd"):
        assert np.median(getattr(made, name)) == pytest.approx(np.median(getattr(known, name)), rel=0.5), name
    for side in ("gain", "loss"):
        ours, theirs = getattr(made, side), getattr(known, side)
        assert np.diff(ours.start).mean() == pytest.approx(np.diff(theirs.start).mean(), rel=0.5)
        assert len(ours) / len(made.item_ids) == pytest.approx(len(theirs) / len(known.item_ids), rel=0.5)
    assert made.arcs / len(made.item_ids) == pytest.approx(known.arcs / len(known.item_ids), rel=0.3)


def test_the_command_writes_a_problem_that_the_solver_reads(tmp_path):
    from typer.testing import CliRunner

    out = tmp_path / "p.json.gz"
    arguments = ["plan", "generate-problem", "--items", "30", "--locations", "4", "--seed", "7", "--out", str(out)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    first = out.read_bytes()
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert out.read_bytes() == first
    assert json.loads(gzip.decompress(first)) == document(items=30, locations=4, seed=7)
    plan = tmp_path / "plan.json"
    assert CliRunner().invoke(app, ["plan", "solve", "--problem", str(out), "--out", str(plan)]).exit_code == 0
    assert json.loads(plan.read_text())["status"] == "OPTIMAL"
