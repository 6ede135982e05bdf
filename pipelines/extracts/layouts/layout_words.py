"""A layout in words: where each canonical column comes from, what is left to do, what is left out. Nothing is mapped here."""

import re
from collections.abc import Iterator
from decimal import Decimal

from pipelines.extracts.contracts.contract import FeedContract
from pipelines.extracts.layouts.layout import BUSINESS_DATE, FILL_IN, ColumnRule, Condition, Layout, Spellings

# What in a layout may help against a reason. A fault of the source is put right at the source, not here.
REMEDIES = {
    "missing_value": "`default: 0` or another word says what an empty cell means",
    "surrounding_whitespace": "`values: {trim: true}` takes white space off",
    "not_integer": "`whole: true` reads 12.0 as 12; `decimal:`, `thousands:`, `trailing_minus:` say how numbers are written",
    "not_decimal": "`decimal:`, `thousands:`, `trailing_minus:`, `empty:` under `values:` say how numbers are written",
    "not_number": "`decimal:`, `thousands:`, `trailing_minus:`, `empty:` under `values:` say how numbers are written",
    "bad_number": "`decimal:`, `thousands:`, `places:`, `trailing_minus:`, `empty:` say how numbers are written",
    "too_many_decimals": "`round: half_even` rounds",
    "not_date": "`dates: DD.MM.YYYY` or the like says how days are written, `empty:` which words mean none",
    "bad_date": "`dates:` takes a list where days are written in several ways, `empty:` the words that mean none",
    "ambiguous_date": "keep the one format under `dates:` that the source uses",
    "not_timestamp": "`times: DD.MM.YYYY hh:mm:ss` or the like says how times are written; `time_from:` names a column of the time of day",
    "bad_time": "`times:` takes a list where times are written in several ways, `empty:` the words that mean none",
    "not_boolean": "`booleans: {true: [..], false: [..]}` says which words mean yes and no",
    "not_in_enum": "`codes: {theirs: ours}` translates words",
    "unknown_code": "add the word to `codes:`, or say `otherwise:`",
    "no_such_part": "`part:` is a pattern of the whole text with one group; several shapes stand in it with `|` and `(?:..)`",
    "ambiguous_text": "`replace:` needs characters that no code of the source holds",
    "unknown_unit": "add the unit and its factor to `unit:`",
    "bad_pattern": "`prefix:`, `suffix:`, `part:` and `strip_zeros:` take off what does not belong to a code, `replace: {' ': _}` writes "
    "one character for another, `codes:` or a companion file translate it",
    "duplicate_key": "`group:` adds up rows of one key that are parts of one stock",
    "lookup_missing": "the companion file lacks the row; `optional: true` if that is no fault",
    "sign_of_type": "`sign:` takes the sign from a column; `codes:` over `join: [type, sign.quantity]` tell directions apart",
    "missing_part": "`gaps: true` if parts may be empty; `first:` takes the first column that is filled",
    "moves_something": "`where: {column: sign.quantity, not_in: ['0']}` leaves out rows that move nothing",
    "sign_twice": "`own:` in the sign lists the words of rows whose quantity has its own sign",
}
_LEFT = re.compile(rf"(?<![A-Za-z0-9_]){FILL_IN}(?![A-Za-z0-9_])")


def lines_to_fill_in(text: str) -> Iterator[tuple[int, str]]:
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

    >>> from pipelines.extracts.layouts.layout import Values
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
    said += f", of it {rule.part}" if rule.part else ""
    said += f", {rule.add_days:+} days" if rule.add_days else ""
    said += ", leading zeros off" if rule.strip_zeros else ""
    said += f", {len(rule.codes)} codes" + (f", others {rule.otherwise}" if rule.otherwise is not None else "") if rule.codes else ""
    said += ", rounded" if rule.round else ""
    said += f", only where {' and '.join(map(describe_condition, rule.when))}" if rule.when else ""
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
        "same_as": f"is the same as {_names(condition.other)}",
        "differs_from": f"differs from {_names(condition.other)}",
    }
    return f"{_names(condition.source)} {said[condition.kind]}"
