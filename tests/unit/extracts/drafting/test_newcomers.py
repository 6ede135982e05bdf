"""A newcomer's way with systems that no shipped layout knows: a draft from the file, some words filled in by the docs, and every row comes
out as the system means it, in under 40 lines. The extracts are of our own making, in the fields and oddities of the systems.
"""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.domain.errors import UsageError
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.drafting.layout_draft import Draft, draft_layout
from pipelines.extracts.layouts.layout import Layout
from pipelines.extracts.layouts.layout_document import read_document
from pipelines.extracts.layouts.layout_reading import read_layout

CASES = sorted((Path(__file__).parent / "newcomer").glob("*.yaml"), key=lambda path: path.stem)
PAGE = Path(__file__).resolve().parents[4] / "docs" / "layout-tutorial.md"
DAY = dt.date(2026, 1, 31)
MOST_LINES = 40
SOURCES = {"from", "join", "first", "value", "sum"}


def case_of(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def drafted(case: dict[str, Any], folder: Path) -> tuple[Path, Draft]:
    data = folder / case["file"]
    data.write_text(case["data"], encoding="utf-8")
    return data, draft_layout(data, load_contract(case["feed"]), "newcomer")


def filled(body: Any, fill: dict[str, Any]) -> dict[str, Any]:
    """A draft with what a person writes into it: `~` takes a key out, a source of another kind takes the place of the drafted one."""
    plain = {"from": body} if isinstance(body, str) and not SOURCES & set(fill) else body
    made = dict(plain) if isinstance(plain, dict) else {}
    for key, value in fill.items():
        made[key] = filled(made.get(key), value) if isinstance(value, dict) else value
    return {key: value for key, value in made.items() if value is not None}


def finished(draft: Draft, case: dict[str, Any]) -> tuple[Layout, int]:
    """The layout, and how many lines it has: those of the draft that say something, and one for each key that is new."""
    body = read_document(draft.text.encode(), "newcomer.yaml").data
    made = filled(body, case["fill"])
    lines = [line for line in draft.text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    new = [key for part, old in ((made, body), (made["columns"], body["columns"])) for key in part if key not in old]
    text = json.dumps(made, default=lambda number: float(number) if isinstance(number, Decimal) else str(number))
    return read_layout(text.encode(), "newcomer.yaml"), len(lines) + len(new)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_an_unknown_system_is_read_by_its_draft_and_some_words(path, tmp_path):
    case = case_of(path)
    data, draft = drafted(case, tmp_path)
    assert draft.mapped >= case["mapped"], draft.text
    layout, lines = finished(draft, case)
    assert lines < MOST_LINES, draft.text
    checked = check_file(data, load_contract(case["feed"]), layout, business_date=DAY)
    found = checked.accepted.sort_by("_source_line").to_pylist()
    columns = ["_source_line", *case["columns"][1:]]
    assert [[plain(row[name]) for name in columns] for row in found] == case["rows"]
    assert [[row["line"], row["column"], row["reason"]] for row in checked.quarantined.to_pylist()] == case.get("refused", [])
    assert (checked.left_out, checked.merged) == (case.get("left_out", 0), case.get("merged", 0))


def plain(value: Any) -> Any:
    return value if isinstance(value, int | None) else str(value)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_nothing_lands_while_a_draft_is_not_finished(path, tmp_path):
    _, draft = drafted(case_of(path), tmp_path)
    if draft.left:
        with pytest.raises(UsageError):
            read_layout(draft.text.encode(), "newcomer.yaml")


def test_most_columns_are_found(tmp_path):
    """Of all columns of the feeds, whether the systems hold them or not; the page shows the figures that are printed here."""
    page, found, columns = PAGE.read_text(encoding="utf-8"), 0, 0
    for path in CASES:
        case = case_of(path)
        _, draft = drafted(case, tmp_path)
        _, lines = finished(draft, case)
        found, columns = found + draft.mapped, columns + draft.columns
        title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        told = f"| {title} | {case['feed']} | {draft.mapped} of {draft.columns} | {draft.left} | {lines} |"
        print(told)
        assert told in page
    print(f"{len(CASES)} systems: {found} of {columns} columns found")
    assert len(CASES) >= 25 and found >= 0.7 * columns
