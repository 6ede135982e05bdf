"""What is wrong with rows that were judged, as SELECTs of line, column, reason and value. What is right is said in `text_rules`."""

from pipelines.extracts.contracts import text_rules
from pipelines.extracts.contracts.contract import Column, FeedContract
from pipelines.extracts.contracts.text_rules import quote
from pipelines.extracts.reading.records import LINE_COLUMN


def first_faults(columns: tuple[Column, ...]) -> str:
    """SELECT of the first bad column of every row of `judged` that is not `_valid`."""
    tests = [(f"WHEN NOT {text_rules.is_valid(c)} THEN", c) for c in columns]
    column = " ".join(f"{when} {quote(c.name)}" for when, c in tests)
    reason = " ".join(f"{when} {text_rules.reason(c)}" for when, c in tests)
    value = " ".join(f'{when} "{c.name}"' for when, c in tests)
    return f"SELECT {LINE_COLUMN}, CASE {column} END, CASE {reason} END, CASE {value} END FROM judged WHERE NOT _valid"  # noqa: S608


def broken_rules(contract: FeedContract) -> str:
    """SELECT of the first broken rule of every row of `cast_rows` that is not to `_keep`; the value lists the rule's columns."""
    parts = []
    for rule in contract.rules:
        shown = " || ', ' || ".join(f"'{name}=' || coalesce(CAST(\"{name}\" AS VARCHAR), '')" for name in rule.columns)
        parts.append((f"WHEN NOT coalesce({rule.holds}, true) THEN", quote(rule.columns[0]), quote(rule.name), shown))
    column, reason, value = (" ".join(f"{part[0]} {part[i]}" for part in parts) for i in (1, 2, 3))
    return f"SELECT {LINE_COLUMN}, CASE {column} END, CASE {reason} END, CASE {value} END FROM cast_rows WHERE NOT _keep"  # noqa: S608
