"""The planning pages name every clause, reason code and cost part that the code has, and no other."""

import re
from pathlib import Path

from pipelines.planning import audit, explain, shortages

DOCS = Path(__file__).resolve().parents[3] / "docs"
SOURCES = Path(audit.__file__).parent


def listed(page, heading):
    table = (DOCS / page).read_text().split(heading, 1)[1].split("\n\n", 1)[0]
    return set(re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|"))))


def test_the_audit_page_lists_every_clause():
    sources = "".join((SOURCES / name).read_text() for name in ("audit.py", "audit_tally.py", "audit_terms.py"))
    spoken = set(re.findall(r'Violation\(\s*"(\w+)"|(?:over|_docks_by_day)\((?:tally, )?\s*"(\w+)"', sources))
    assert listed("plan-audit.md", "| clause | what holds |\n|---|---|\n") == {a or b for a, b in spoken}
    assert {clause.__name__ for clause in audit.CLAUSES} <= {a or b for a, b in spoken}


def test_the_planning_page_lists_every_reason_code():
    codes = set(re.findall(r'return \(?\s*"(\w+)",', Path(shortages.__file__).read_text())) | {"below_cost"}
    assert listed("planning.md", "| code | what it means | what would change it |\n|---|---|---|\n") == codes


def test_the_planning_page_lists_every_cost_part():
    text = (DOCS / "planning.md").read_text()
    assert [label for label in explain.COST_PARTS.values() if f"| {label} |" not in text] == []
