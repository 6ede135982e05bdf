"""A layout in words: where each canonical column comes from, what is left to do, what is left out. Nothing is mapped here."""

import re
from collections.abc import Iterator
from decimal import Decimal

from pipelines.extracts.contract import FeedContract
from pipelines.extracts.layout import BUSINESS_DATE, ColumnRule, Condition, Layout, Spellings

TODO = "TODO"
_LEFT = re.compile(r"(?<![A-Za-z0-9_])TODO(?![A-Za-z0-9_])")


def todo_lines(text: str) -> Iterator[tuple[int, str]]:
    """Number and key of every line that a draft left to do; comments do not count."""
    for number, line in enumerate(text.splitlines(), 1):
        if _LEFT.search(line.split(" #")[0]) and not line.lstrip().startswith("#"):
            yield number, line.split(":")[0].strip(" -")


def describe_columns(layout: Layout, contract: FeedContract) -> list[tuple[str, str]]:
    """Every canonical column of the feed with where it comes from, in the contract's order; "" for one that stays empty."""
    rules = {rule.column: rule for rule in layout.columns}
    return [(column.name, describe_rule(rules[column.name]) if column.name in rules else "") for column in contract.columns]


def describe_rule(rule: ColumnRule) -> str:
    """One column in a line.

    >>> from pipelines.extracts.layout import Values
    >>> describe_rule(ColumnRule("qty", "from", Values(), (("MENGE",),), multiply_by=("UMREZ",), divide_by=("UMREN",)))
    'MENGE x UMREZ / UMREN'
    """
    said = _origin(rule)
    said += f" x {rule.multiply}" if rule.multiply is not None else ""
    said += f" x {_names(rule.multiply_by)}" if rule.multiply_by else ""
    said += f" x factor of {_names(rule.unit.source)}" if rule.unit else ""
    if rule.divide_by:
        said += f" / {rule.divide_by if isinstance(rule.divide_by, Decimal) else _names(rule.divide_by)}"
    said += f", sign by {_names(rule.sign.source)}" if rule.sign else ""
    said += ", leading zeros off" if rule.strip_zeros else ""
    said += f", {len(rule.codes)} codes" + (f", others {rule.otherwise}" if rule.otherwise is not None else "") if rule.codes else ""
    said += ", rounded" if rule.round else ""
    return said + (f", empty is {rule.default}" if rule.default else "")


def _origin(rule: ColumnRule) -> str:
    if rule.kind == "value":
        return f"always {rule.value!r}"
    if rule.kind == BUSINESS_DATE:
        return "the business date of the landing"
    parts = [_names(spellings) for spellings in rule.sources]
    if rule.kind == "sum":
        return " + ".join(parts) + "".join(f" - {_names(spellings)}" for spellings in rule.minus)
    if rule.kind == "join":
        return f" {rule.glue!r} ".join(parts) if rule.glue else " ".join(parts) + " joined"
    if rule.kind == "first":
        return "first of " + ", ".join(parts)
    return parts[0] + (f" and {_names(rule.time_from)}" if rule.time_from else "")


def _names(spellings: Spellings) -> str:
    return " or ".join(spellings)


def describe_condition(condition: Condition) -> str:
    """A test of `where` in a line.

    >>> describe_condition(Condition(("BWART",), "in", ("601", "602")))
    'BWART is 601 or 602'
    """
    words = " or ".join(condition.words)
    said = {
        "in": f"is {words}",
        "not_in": f"is not {words}",
        "empty": "is empty",
        "not_empty": "is not empty",
        "matches": f"matches {words}",
    }
    return f"{_names(condition.source)} {said[condition.kind]}"


def named_columns(layout: Layout) -> set[tuple[str, str]]:
    """Every source column that a layout names, with its file: "" is the main file, else the name of a companion."""
    spellings: list[Spellings] = [condition.source for condition in layout.where]
    for rule in layout.columns:
        spellings += [*rule.sources, *rule.minus, rule.time_from, rule.multiply_by]
        spellings += [part.source for part in (rule.unit, rule.sign) if part]
        spellings += [] if isinstance(rule.divide_by, Decimal) else [rule.divide_by]
    spellings += layout.group.one_row_per if layout.group else ()
    files = {lookup.name: lookup.file for lookup in layout.lookups}
    found = {(lookup.file, name) for lookup in layout.lookups for _, there in lookup.on for name in there}
    for here in (here for lookup in layout.lookups for here, _ in lookup.on):
        spellings.append(here)
    for name in (name for names in spellings for name in names):
        _, lookup, column = name.split(".", 2) if name.startswith("lookup.") else ("", "", name)
        found.add((files.get(lookup, ""), column))
    return found
