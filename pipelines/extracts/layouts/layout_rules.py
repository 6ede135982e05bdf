"""What the keys of a layout mean together: everything that cannot be meant, by key path. What one key may hold is in `layout_schema`."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pipelines.domain.errors import UsageError, did_you_mean
from pipelines.extracts.contracts.contract import Column, FeedContract
from pipelines.extracts.layouts import date_text
from pipelines.extracts.layouts.layout import BUSINESS_DATE, FILL_IN, SIGN_OF, ColumnRule, Group, Layout, Values
from pipelines.extracts.layouts.layout_document import KeyPath
from pipelines.extracts.layouts.layout_keys import CONDITION, VALUES
from pipelines.extracts.memory_database import open_memory

KINDS = ("from", "value", "sum", "join", "first")
NUMBER_KEYS = ("multiply", "multiply_by", "divide_by", "unit", "sign", "round", "sum")
NUMBER_DIALECT = ("decimal", "thousands", "trailing_minus", "parentheses_minus", "plus_sign", "leading_zeros", "bare_decimal", "places")
_GO_TOGETHER = (
    ("minus", "sum"), ("with", "join"), ("gaps", "join"), ("time_from", "from"), ("optional", "from"), ("otherwise", "codes"),
)  # fmt: skip
_COMPANION_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,79}"


def contradictions(layout: Layout, contract: FeedContract, body: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Key path and message of everything in a layout that cannot be meant; `body` is what the YAML says."""
    yield from ((path, "still to be filled in") for path, text in _texts(body, ()) if text == FILL_IN)
    yield from _condition_problems(body)
    mapped = {rule.column for rule in layout.columns}
    for column in contract.columns:
        if column.name not in mapped and not column.nullable:
            yield ("columns",), f"{column.name!r} is missing; every row of {contract.feed} has one ({column.description})"
    yield from _typed_problems(layout)
    for rule in layout.columns:
        for message in _rule_problems(rule, contract.column(rule.column), body["columns"][rule.column], contract):
            yield ("columns", rule.column), message
    yield from (
        (("file", "names"), f"{name!r} comes twice") for name in sorted({n for n in layout.file.names if layout.file.names.count(n) > 1})
    )
    for lookup in layout.lookups:
        if not re.fullmatch(_COMPANION_NAME, lookup.file):
            yield ("lookups", lookup.name, "file"), f"{lookup.file!r} is no plain name of letters, digits, '_', '.', '-'"
    yield from _lookup_problems(layout, body)
    for zone_column in sorted({rule.values.zone_column for rule in layout.columns} - {"", *mapped}):
        yield ("values", "to"), f"{zone_column!r} is no column that this layout maps{did_you_mean(zone_column, sorted(mapped))}"
    yield from _value_problems(("values",), layout.values)
    if layout.group:
        yield from _group_problems(layout.group, contract)


def _typed_problems(layout: Layout) -> Iterator[tuple[KeyPath, str]]:
    """A mark between thousands that looks like the decimal point with which numbers come out of files that have types."""
    typed = sorted({file.kind for file in (layout.file, *(lookup.format for lookup in layout.lookups))} & {"xlsx", "parquet", "jsonl"})
    for rule in layout.columns:
        if typed and rule.values.thousands == ".":
            yield ("columns", rule.column), f"numbers of a {typed[0]} file come with a decimal point, so '.' cannot mark thousands in it"


def _rule_problems(rule: ColumnRule, column: Column, entry: Any, contract: FeedContract) -> Iterator[str]:
    if rule.kind == BUSINESS_DATE and column.type != "date":
        yield f"the business date is a date, and {column.name} is {column.type}"
    yield from _time_problems(rule, column)
    if not isinstance(entry, dict):
        return
    found = [key for key in KINDS if key in entry]
    if len(found) != 1:
        yield f"says {' and '.join(found) or 'nothing'}; exactly one of {', '.join(KINDS)} says where the text comes from"
        return
    yield from _misplaced(column, entry)
    yield from _sign_problems(rule)
    yield from _text_problems(rule)
    factors = [factor for _, factor in rule.unit.factors] if rule.unit else [Decimal(1)]
    if rule.divide_by == 0 or rule.multiply == 0 or min(factors) < 0 or max(factors) == 0:
        yield "a factor of zero would lose every quantity; a unit may have one if its rows count elsewhere, none has one below zero"
    yield from _unknown_meanings(rule, column)
    if set(entry) & set(VALUES):
        yield from (message for _, message in _value_problems((), rule.values))


def _sign_problems(rule: ColumnRule) -> Iterator[str]:
    words = [*rule.sign.minus, *rule.sign.plus, *rule.sign.own] if rule.sign else []
    twice = sorted({word for word in words if words.count(word) > 1})
    if twice:
        yield f"sign: {', '.join(twice)} is in two of minus, plus and own"


def _text_problems(rule: ColumnRule) -> Iterator[str]:
    """What would make one text of two, or has no one part to keep."""
    if rule.part:
        import duckdb

        try:
            with open_memory() as connection:
                connection.execute("SELECT regexp_full_match('', ?)", [rule.part])
            if re.compile(rule.part).groups != 1:
                yield f"part: {rule.part!r} needs exactly one group in parentheses, such as '.* : (.+)'; write (?:..) for any other"
        except (duckdb.Error, re.error) as error:
            yield f"part: {rule.part!r} is no regular expression: {str(error).removeprefix('Invalid Input Error: ')}"
    put, taken = [new for _, new in rule.replace], [old for old, _ in rule.replace]
    if any(one in other for n, one in enumerate(put) for other in [*put[:n], *put[n + 1 :], *taken]):
        yield "replace: what is put in must be another for each, and none that is taken out; two texts would become one"


def _unknown_meanings(rule: ColumnRule, column: Column) -> Iterator[str]:
    if column.enum:
        meanings = [*dict(rule.codes).values(), *([] if rule.otherwise is None else [rule.otherwise])]
        for meaning in dict.fromkeys(meanings):
            if meaning not in column.enum:
                yield f"codes: {meaning!r} is none of the words of {column.name}{did_you_mean(meaning, list(column.enum))}"


def _misplaced(column: Column, entry: dict[str, Any]) -> Iterator[str]:
    """Keys that do not fit the type of the column or stand without the key that they belong to."""
    numeric = column.type in ("integer", "double") or column.decimals is not None
    for keys, fits, what in (
        (NUMBER_KEYS + NUMBER_DIALECT, numeric, "numbers"),
        (("dates", "times", "time_zone", "to"), column.type in ("date", "timestamp"), "dates and times"),
        (("time_from",), column.type == "timestamp", "times"),
        (("whole",), column.type == "integer", "whole numbers"),
        (("add_days",), column.type == "date", "dates"),
        (("booleans",), column.type == "boolean", "booleans"),
    ):
        wrong = [key for key in keys if key in entry and not fits]
        if wrong:
            yield f"{', '.join(wrong)} is for {what}, and {column.name} is {column.type}"
    for key, needed in _GO_TOGETHER:
        if key in entry and needed not in entry:
            yield f"{key!r} goes with {needed!r}"
    if "sum" in entry and "codes" in entry:
        yield "a sum is a number, which 'codes' does not apply to"


def _lookup_problems(layout: Layout, body: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    known = [lookup.name for lookup in layout.lookups]
    for path, text in _texts(body, ()):
        name = text.removeprefix(SIGN_OF)
        if name.startswith("lookup.") and (name.count(".") < 2 or name.split(".")[1] not in known):
            yield path, f"{name!r} is of no lookup{did_you_mean(name.split('.')[1], known) if known else '; declare it under lookups'}"
    for position, lookup in enumerate(layout.lookups):
        if "." in lookup.name:
            yield ("lookups", lookup.name), "the name of a lookup has no '.'"
        for here, _ in lookup.on:
            later = [name for name in here if name.startswith("lookup.") and name.split(".")[1] not in known[:position]]
            if later:
                yield ("lookups", lookup.name, "on"), f"{later[0]!r} is of a lookup that is not declared before this one"


def _texts(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(node, str) and path[0] in ("columns", "where", "group", "values"):
        yield path, node
    for key, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from _texts(child, (*path, key))


def _condition_problems(body: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    yield from _where_problems(("where",), body.get("where", []))
    for name, entry in body.get("lookups", {}).items():
        yield from _where_problems(("lookups", name, "where"), entry.get("where", []), alone=True)
    for name, entry in body["columns"].items():
        yield from _where_problems(("columns", name, "when"), entry.get("when", []) if isinstance(entry, dict) else [])


def _where_problems(path: KeyPath, conditions: dict[str, Any] | list[dict[str, Any]], alone: bool = False) -> Iterator[tuple[KeyPath, str]]:
    """What is wrong with conditions; those of a companion, which is `alone`, see no other column."""
    import duckdb

    one = isinstance(conditions, dict)
    for position, entry in enumerate([conditions] if isinstance(conditions, dict) else conditions):
        tests = [key for key in entry if key != "column"]
        place = path if one else (*path, position)
        if len(tests) != 1:
            yield place, f"has exactly one of {', '.join(key for key in CONDITION if key != 'column')}"
        elif tests == ["matches"]:
            try:
                with open_memory() as connection:
                    connection.execute("SELECT regexp_full_match('', ?)", [entry["matches"]])
            except duckdb.Error as error:
                yield (*place, "matches"), f"is no regular expression: {str(error).removeprefix('Invalid Input Error: ')}"
        elif alone and tests[0] in ("same_as", "differs_from"):
            yield (*place, tests[0]), "is for columns of one file; a companion is asked by in, not_in, empty or matches"


def _value_problems(path: KeyPath, values: Values) -> Iterator[tuple[KeyPath, str]]:
    for what, formats in (("dates", values.dates), ("times", values.times)):
        for written in formats:
            try:
                if what == "dates" and not date_text.read_format(written).has_day:
                    yield (*path, what), f"{written!r} has no day; it needs year, month and day"
                date_text.read_format(written)
            except UsageError as error:
                yield (*path, what), str(error)
    if values.decimal == values.thousands:
        yield (*path, "thousands"), f"{values.thousands!r} cannot mark both thousands and decimals"
    for zone in (values.time_zone, values.to, *(zone for _, zone in values.zones)):
        if zone and zone not in date_text.time_zones():
            yield (*path, "time_zone"), f"{zone!r} is no time zone; write one such as UTC or Europe/Berlin"


def _time_problems(rule: ColumnRule, column: Column) -> Iterator[str]:
    """Formats and zones that do not fit what a date or time is made of."""
    values, apart = rule.values, bool(rule.time_from)
    if column.type not in ("date", "timestamp") or rule.codes or rule.kind in ("value", BUSINESS_DATE):
        return
    formats = [form for form in (values.times if column.type == "timestamp" else values.dates) if _is_format(form)]
    parts = [date_text.read_format(form) for form in formats]
    if column.type == "timestamp":
        for form in parts:
            if form.has_day == apart or not (form.has_day or form.has_time):
                wanted = (
                    "the time of day alone, such as hhmmss, beside 'time_from'" if apart else "the day as well, such as YYYY-MM-DD hh:mm:ss"
                )
                yield f"times: {form.written!r} must hold {wanted}"
    timed = [form for form in parts if form.has_time] if parts or column.type == "date" else [date_text.read_format("hh:mm:ss")]
    if any(form.packed.startswith("EPOCH") for form in parts) and not (values.to or values.zones):
        yield "EPOCH counts in UTC; 'to' must say what times become, such as the time zone of the locations"
    zoned, unzoned = bool(values.to or values.zones), any("offset" not in form.groups for form in timed)
    if zoned and unzoned and not values.time_zone:
        yield "'to' says what times become; 'time_zone' must say what they are in, or OFFSET in every format"
    if values.time_zone and timed and not zoned:
        yield "'time_zone' says what the source's times are in; 'to' must say what they become, such as the time zone of the locations"


def _is_format(written: str) -> bool:
    try:
        return bool(date_text.read_format(written))
    except UsageError:
        return False


def _group_problems(group: Group, contract: FeedContract) -> Iterator[tuple[KeyPath, str]]:
    names = [column.name for column in contract.columns]
    for name in group.sum:
        if name not in names:
            yield ("group", "sum"), f"{name!r} is no column of {contract.feed}{did_you_mean(name, names)}"
        elif name in contract.key:
            yield ("group", "sum"), f"{name!r} is part of the key; a key is not added up"
        elif contract.column(name).type != "integer" and contract.column(name).decimals is None:
            yield ("group", "sum"), f"{name!r} is {contract.column(name).type}; only whole and decimal numbers are added up"
