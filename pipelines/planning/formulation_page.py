"""The page docs/formulation.md, written from the constraint functions' own docstrings. No constraint is stated here."""

from pipelines.planning import formulation, term_rows
from pipelines.planning.formulation import CONSTRAINTS, LAZY_CONSTRAINTS
from pipelines.planning.term_rows import TERM_CONSTRAINTS


def formulation_page() -> str:
    """docs/formulation.md, written from the docstrings of the formulation and its constraint functions."""
    parts = [
        "# The formulation",
        "Written from `pipelines/planning/formulation.py` and `term_rows.py`; a test keeps it current.",
        *_paragraphs(formulation.__doc__),
        *_paragraphs(term_rows.__doc__)[1:],
    ]
    parts.append("Objective: maximise gain segment values + loss segment values - arc, line, pallet, truck and tariff cost - churn.")
    chapters = (
        ("In every model", CONSTRAINTS),
        ("Where the problem has such a term", TERM_CONSTRAINTS),
        ("Added when an LP solution breaks them", LAZY_CONSTRAINTS),
    )
    for title, functions in chapters:
        parts.append(f"## {title}")
        for function in functions:
            parts += [f"### {function.__name__}", *_paragraphs(function.__doc__)]
    return "\n\n".join(parts) + "\n"


def _paragraphs(text: str | None) -> list[str]:
    return [" ".join(part.split()) for part in (text or "").split("\n\n")]
