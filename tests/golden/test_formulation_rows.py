"""Every constraint's rows on one tiny instance, against the .lp file beside the instance; and the page written from the docstrings.

To accept a wanted change: `EVENSTOCK_WRITE_GOLDEN=1 python -m pytest tests/golden/test_formulation_rows.py`, then read the diff.
"""

import json
import os
from pathlib import Path

import pulp
import pytest

from pipelines.planning.bounds import arc_limits
from pipelines.planning.formulation import CONSTRAINTS, LAZY_CONSTRAINTS, add_rows, build
from pipelines.planning.formulation_page import formulation_page
from pipelines.planning.problem import Problem
from pipelines.planning.term_rows import TERM_CONSTRAINTS

FOLDER = Path(__file__).parent / "constraints"
PAGE = Path(__file__).parents[2] / "docs" / "formulation.md"
# Prefix of both segments of the first curve of each kind: one arc by its packs, the others by their lane.
CUTS = {"gain_prefix_needs_open_lanes": [(1, 3, [1], [2])], "loss_prefix_needs_open_lanes": [(1, 1, [1], [0])]}


def agree_with_file(path, text):
    if os.environ.get("EVENSTOCK_WRITE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text


ALL = CONSTRAINTS + TERM_CONSTRAINTS + LAZY_CONSTRAINTS


@pytest.mark.parametrize("function", ALL, ids=lambda function: function.__name__)
def test_rows_are_as_written_down(function, tmp_path):
    has_terms = function in TERM_CONSTRAINTS
    problem = Problem.from_json(json.loads((FOLDER / ("terms.json" if has_terms else "problem.json")).read_text()))
    # Arcs that terms close keep their variables here, so that the rows which close them have something to say.
    m = build(problem, problem.arc_max_packs if has_terms else arc_limits(problem))
    m.lp = pulp.LpProblem(function.__name__, pulp.LpMaximize)
    m.lp.setObjective(pulp.LpAffineExpression())
    arguments = [CUTS[function.__name__]] if function.__name__ in CUTS else []
    assert add_rows(m, function, *arguments) > 0
    assert all(name.startswith(function.__name__) for name in m.lp.constraints)
    m.lp.writeLP(str(tmp_path / "rows.lp"))
    agree_with_file(FOLDER / f"{function.__name__}.lp", (tmp_path / "rows.lp").read_text())


def test_every_golden_file_belongs_to_a_constraint():
    names = {function.__name__ for function in ALL}
    assert {path.stem for path in FOLDER.glob("*.lp")} == names


def test_the_page_of_the_formulation_is_current():
    agree_with_file(PAGE, formulation_page())


def test_every_constraint_says_a_sentence_an_index_set_and_an_inequality():
    for function in ALL:
        text = function.__doc__
        assert text.splitlines()[0].rstrip().endswith((".", ",", ")")), function.__name__
        assert "`" in text and any(sign in text for sign in ("<=", ">=", "=")), function.__name__
        assert "For " in text or "If there is" in text, function.__name__
