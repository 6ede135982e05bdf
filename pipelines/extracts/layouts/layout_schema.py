"""The JSON schema of layouts, for editors and for reading; `python -m pipelines.extracts.layouts.layout_schema FILE` ships it.

What one key alone may hold is said here, what keys mean together in `layout_rules`.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.domain.errors import did_you_mean, shown
from pipelines.extracts.contracts.contract import load_contracts
from pipelines.extracts.layouts.layout import LAYOUT_NAME
from pipelines.extracts.layouts.layout_document import Document, KeyPath, as_text
from pipelines.extracts.reading.file_format import KINDS

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
ROUNDINGS = ("half_even",)
KIND_WORDS = {
    "string": "text", "array": "a list", "object": "a mapping", "boolean": "true or false", "integer": "a whole number",
    "number": "a number",
}  # fmt: skip
MAX_ENTRIES = 200
Schema = dict[str, Any]


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "minLength": 1, "description": description} | more


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _object(description: str, properties: dict[str, Schema], *required: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _pairs(description: str, values: Schema) -> Schema:
    return {"type": "object", "description": description, "minProperties": 1, "additionalProperties": values}


def _list(description: str, items: Schema) -> Schema:
    return {"type": "array", "description": description, "items": items, "minItems": 1, "maxItems": MAX_ENTRIES}


_NAME = {"type": "string", "minLength": 1}
_WORD = {"type": ["string", "number", "boolean"]}
SPELLINGS = {"type": ["string", "array"], "minLength": 1, "items": _NAME, "minItems": 1}


def _source(description: str) -> Schema:
    return SPELLINGS | {"description": description}


def _sources(description: str) -> Schema:
    return _list(description, SPELLINGS)


def _words(description: str) -> Schema:
    return _list(description, _WORD)


def _texts(description: str) -> Schema:
    return {"type": ["string", "array"], "minLength": 1, "items": _NAME, "minItems": 1, "description": description}


FILE: dict[str, Schema] = {
    "format": {"enum": list(KINDS), "description": "kind of file"},
    "encoding": _text("name of a text encoding, such as `latin-1`, `cp1252` or `utf-16`"),
    "delimiter": _text("`comma`, `semicolon`, `tab`, `pipe`, or one character"),
    "quote": {"type": "string", "maxLength": 1, "description": "quote character; empty if the source never quotes"},
    "skip_lines": {"type": "integer", "minimum": 0, "maximum": 1000, "description": "lines before the header"},
    "header": _flag("whether a header line names the columns; otherwise `names` does"),
    "names": _list("column names of a file without header, in order", _NAME),
    "sheet": _text("sheet of an XLSX file; otherwise its first"),
    "records": _text("JSON lines: dotted path to the list of records in each line"),
    "fields": {
        "type": "object",
        "description": "fixed width: name and `[first character, width]` of each field, counted from 1",
        "minProperties": 1,
        "additionalProperties": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2},
    },
    "trailer": _text("regular expression of the last line, with a group `(?P<rows>[0-9]+)` that must equal the rows before it"),
}
VALUES: dict[str, Schema] = {
    "decimal": {"enum": [".", ","], "description": "decimal mark"},
    "thousands": {
        "enum": ["", ".", ",", " ", "'", "\u00a0", "\u202f", "\u2019"],
        "description": "mark between thousands; empty if none is allowed",
    },
    "trailing_minus": _flag("a minus may stand behind the number, as in `12.50-`"),
    "parentheses_minus": _flag("`(12.50)` is negative"),
    "plus_sign": _flag("a plus may stand in front"),
    "leading_zeros": _flag("`0012` is 12"),
    "bare_decimal": _flag("`.5` is 0.5 and `5.` is 5"),
    "places": {"type": "integer", "minimum": 0, "maximum": 9, "description": "exactly so many digits stand after the decimal mark"},
    "dates": _texts("how days are written, such as `DD.MM.YYYY`; of several, a text that two of them read differently is quarantined"),
    "times": _texts("how times are written, such as `DD.MM.YYYY hh:mm:ss`; beside `time_from` the time of day alone"),
    "time_zone": _text("time zone of the source's times, such as `UTC`"),
    "to": {
        "type": ["string", "object"],
        "minLength": 1,
        "description": "time zone of the locations, that times are converted to; or `{by: location_id, zones: {DC1: America/Chicago}}`",
        "properties": {
            "by": _text("canonical column that names the location"),
            "zones": _pairs("time zone of each location", _NAME),
        },
        "required": ["by", "zones"],
        "additionalProperties": False,
    },
    "empty": {"type": "array", "items": _WORD, "description": "words that mean no value"},
    "booleans": _object("words of yes and no", {"true": _words("words of yes"), "false": _words("words of no")}, "true", "false"),
    "trim": _flag("white space around a cell is no fault of this source"),
}
CONDITION: dict[str, Schema] = {
    "column": _source("source column"),
    "in": _words("the cell is one of these"),
    "not_in": _words("the cell is none of these"),
    "empty": _flag("whether the cell is empty"),
    "matches": _text("regular expression (RE2) of the whole cell"),
}
_NUMBER_OR_SOURCE = {"type": ["string", "array", "number"], "minLength": 1, "items": _NAME, "minItems": 1}
COLUMN: dict[str, Schema] = {
    "from": _source("source column; of several spellings the first that the header has"),
    "value": _WORD | {"description": "the same text in every row"},
    "sum": _sources("source columns that are added up; an empty one is 0"),
    "minus": _sources("source columns taken off the `sum`"),
    "join": _sources("source columns written one behind the other; none may be empty"),
    "with": {"type": "string", "description": "what stands between the joined columns"},
    "first": _sources("source columns of which the first that is not empty counts"),
    "time_from": _source("source column of the time of day that belongs to the date in `from`"),
    "optional": _flag("the file may lack the column, or the companion file the row; then the cell is empty"),
    "default": _WORD | {"description": "what an empty cell means"},
    "prefix": _text("text taken off the front where it stands there"),
    "suffix": _text("text taken off the end where it stands there"),
    "strip_zeros": _flag("leading zeros are taken off texts that are digits only"),
    "codes": _pairs("what each word of the source means; others are quarantined", _WORD),
    "otherwise": _WORD | {"description": "what every word that `codes` does not list means"},
    "multiply": {"type": "number", "description": "a number that the cell is multiplied by"},
    "multiply_by": _source("source column that the cell is multiplied by"),
    "divide_by": _NUMBER_OR_SOURCE | {"description": "source column or number that the cell is divided by"},
    "unit": _object(
        "the row's unit of measure and what it stands for; others are quarantined",
        {
            "from": _source("source column of the unit"),
            "factors": _pairs("our units in one of theirs", {"type": "number"}),
        },
        "from",
        "factors",
    ),
    "sign": _object(
        "where the sign of a quantity stands in a column of its own",
        {"from": _source("source column of the sign"), "minus": _words("words of minus"), "plus": _words("words of plus")},
        "from",
        "minus",
        "plus",
    ),
    "round": {"enum": list(ROUNDINGS), "description": "how to round where more decimal places come out than the contract keeps"},
    "whole": _flag("a whole number may be written with a fraction of zeros"),
} | {name: schema for name, schema in VALUES.items()}  # fmt: skip
LOOKUP: dict[str, Schema] = {
    "file": _text("name of the companion file, which lands beside the file"),
    "on": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": _NAME,
        "description": "column of this file (or of an earlier lookup): column of the companion",
    },
    "where": _list("rows of the companion that count, such as those of one language", _object("a condition", CONDITION, "column")),
    "latest": _source("day by which the last of several rows of a key counts; otherwise a key that comes twice is refused"),
} | FILE
GROUP: dict[str, Schema] = {
    "by": {"enum": ["key"], "description": "the contract's key"},
    "sum": _list("canonical columns that are added up; the others must agree", _NAME),
    "one_row_per": _sources("source columns that tell the rows apart; a row that comes twice is never added twice"),
}
TOP: dict[str, Schema] = {
    "layout": _text("name; the file is called `<name>.yaml`", pattern=f"^{LAYOUT_NAME}$"),
    "system": _text("the system that writes the file"),
    "feed": {"enum": [], "description": "canonical feed"},
    "description": _text("what the file is and how one gets it"),
    "files": _list("names of its files without date and ending, such as `MARD` or `STOCK*`; by default the layout's own", _NAME),
    "file": _object("what the file looks like; by default canonical CSV", FILE),
    "values": _object("how the source writes things, by default as the contract does; a column may differ", VALUES),
    "where": _list(
        "rows that belong to the feed; the others are left out and counted", _object("all conditions must hold", CONDITION, "column")
    ),
    "columns": {
        "type": "object",
        "description": "each canonical column: a source column, a number, or how it comes about",
        "minProperties": 1,
    },
    "lookups": {
        "type": "object",
        "description": "companion files; `lookup.<name>.<column>` stands wherever a source column may",
        "additionalProperties": _object("a companion file", LOOKUP, "file", "on"),
    },
    "group": _object("rows of one key are added up", GROUP, "by", "sum", "one_row_per"),
}


def layout_schema() -> Schema:
    """The schema as JSON data; the columns that `columns` may hold depend on the feed."""
    feeds = load_contracts()
    column = {"type": ["string", "number", "boolean", "object"], "minLength": 1, "properties": COLUMN, "additionalProperties": False}
    top = TOP | {"feed": TOP["feed"] | {"enum": list(feeds)}}
    by_feed = [
        {
            "if": {"properties": {"feed": {"const": feed}}, "required": ["feed"]},
            "then": {
                "properties": {
                    "columns": {
                        "properties": {c.name: {"$ref": "#/$defs/column", "description": c.description} for c in contract.columns},
                        "additionalProperties": False,
                    }
                }
            },
        }
        for feed, contract in feeds.items()
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Evenstock layout",
        "$defs": {"column": column},
        "allOf": by_feed,
    } | _object("How a source's file becomes a canonical feed.", top, "layout", "system", "feed", "description", "columns")


def schema_problems(document: Document) -> list[str]:
    """What the schema has against a document, each with file, line, key path and a did-you-mean, by line."""
    import jsonschema

    found: list[tuple[int, str]] = []
    for error in jsonschema.Draft202012Validator(layout_schema()).iter_errors(document.data):
        for path, message in _messages(error, shown(document.data.get("feed")).strip("'")):
            line = next(document.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in document.lines)
            found.append((line, document.problem(path, message)))
    return [message for _, message in sorted(dict.fromkeys(found))]


def _messages(error: Any, feed: str) -> Iterator[tuple[KeyPath, str]]:
    path, kind = tuple(error.absolute_path), error.validator
    if kind == "additionalProperties":
        known = list(error.schema["properties"])
        what = f"unknown column of {feed}" if path == ("columns",) else "unknown key"
        yield from (((*path, key), f"{what}{did_you_mean(key, known)}") for key in error.instance if key not in known)
        return
    if kind == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        yield path, f"{', '.join(map(repr, missing))} is missing"
        return
    value = shown(error.instance if isinstance(error.instance, list | dict) else as_text(error.instance))
    if kind == "enum":
        known = [str(word) for word in error.validator_value]
        yield path, f"{value} is none of the allowed words{did_you_mean(as_text(error.instance), known)}"
    else:
        yield path, f"{_wrong(kind, error.validator_value, error.instance, value)}"


def _wrong(kind: str, wanted: Any, instance: Any, value: str) -> str:
    if kind == "type":
        kinds = [wanted] if isinstance(wanted, str) else wanted
        return f"expected {' or '.join(KIND_WORDS[name] for name in kinds)}, found {'nothing' if instance is None else value}"
    if kind == "pattern":
        return f"{value} must be lower-case letters, digits and '_', starting with a letter"
    limits = {"minLength": "is empty", "minItems": "has too few entries", "maxItems": "has too many entries", "minProperties": "is empty"}
    limits |= {
        "minimum": f"must be at least {wanted}",
        "maximum": f"must be at most {wanted}",
        "maxLength": f"must have at most {wanted} characters",
    }
    return f"{value} {limits.get(kind, 'is not allowed')}"


def schema_text() -> str:
    """The schema as the text of schema.json."""
    return json.dumps(layout_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
