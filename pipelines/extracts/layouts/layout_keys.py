"""The keys that a layout may have, with what each may hold and mean: the one table that schema, reading and reference page are made of."""

from typing import Any

from pipelines.extracts.layouts.layout import LAYOUT_NAME
from pipelines.extracts.reading.file_format import KINDS

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
ROUNDINGS = ("half_even",)
MAX_ENTRIES = 200
Schema = dict[str, Any]


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "minLength": 1, "description": description} | more


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def object_of(description: str, properties: dict[str, Schema], *required: str) -> Schema:
    """The schema of a mapping with these keys and no others."""
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
    "trailer": _text("regular expression of the last line; a group `(?P<rows>[0-9]+)` in it must equal the rows before it"),
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
    "booleans": object_of("words of yes and no", {"true": _words("words of yes"), "false": _words("words of no")}, "true", "false"),
    "trim": _flag("white space around a cell is no fault of this source"),
}
CONDITION: dict[str, Schema] = {
    "column": _source("source column"),
    "in": _words("the cell is one of these"),
    "not_in": _words("the cell is none of these"),
    "empty": _flag("whether the cell is empty"),
    "matches": _text("regular expression (RE2) of the whole cell"),
    "same_as": _source("source column that holds the same text"),
    "differs_from": _source("source column that holds another text"),
}


def _conditions(description: str) -> Schema:
    """One condition or a list of them."""
    one = object_of("a condition", CONDITION, "column")
    return {"type": ["array", "object"], "items": one, "minItems": 1, "maxItems": MAX_ENTRIES} | {
        "properties": CONDITION, "required": ["column"], "additionalProperties": False, "description": description,
    }  # fmt: skip


_NUMBER_OR_SOURCE = {"type": ["string", "array", "number"], "minLength": 1, "items": _NAME, "minItems": 1}
COLUMN: dict[str, Schema] = {
    "from": _source("source column; of several spellings the first that the header has"),
    "value": _WORD | {"description": "the same text in every row"},
    "sum": _sources("source columns that are added up; an empty one is 0, and if all are empty, so is the sum"),
    "minus": _sources("source columns taken off the `sum`"),
    "join": _sources("source columns written one behind the other; none may be empty"),
    "with": {"type": "string", "description": "what stands between the joined columns"},
    "gaps": _flag("parts of a `join` may be empty"),
    "first": _sources("source columns of which the first that is not empty counts"),
    "time_from": _source("source column of the time of day that belongs to the date in `from`"),
    "optional": _flag("the file may lack the column, or the companion file the row; then the cell is empty"),
    "when": _conditions("rows in which the column has a value, one condition or several; in the others it is empty, or its `default`"),
    "default": _WORD | {"description": "what an empty cell means"},
    "part": _text("regular expression (RE2) of the whole text with one group, which alone is kept; other texts are quarantined"),
    "prefix": _text("text taken off the front where it stands there"),
    "suffix": _text("text taken off the end where it stands there"),
    "strip_zeros": _flag("leading zeros are taken off texts that are digits only"),
    "replace": _pairs("characters and what is written for them; a text that holds that already is quarantined", _NAME),
    "codes": _pairs("what each word of the source means; others are quarantined", _WORD),
    "otherwise": _WORD | {"description": "what every word that `codes` does not list means"},
    "multiply": {"type": "number", "description": "a number that the cell is multiplied by"},
    "multiply_by": _source("source column that the cell is multiplied by"),
    "divide_by": _NUMBER_OR_SOURCE | {"description": "source column or number that the cell is divided by"},
    "unit": object_of(
        "the row's unit of measure and what it stands for; others are quarantined",
        {
            "from": _source("source column of the unit"),
            "factors": _pairs("our units in one of theirs", {"type": "number"}),
        },
        "from",
        "factors",
    ),
    "sign": object_of(
        "where the sign of a quantity stands in a column of its own",
        {
            "from": _source("source column of the sign"),
            "minus": _words("words of minus"),
            "plus": _words("words of plus"),
            "own": _words("words of rows whose quantity has its own sign"),
        },
        "from",
        "minus",
        "plus",
    ),
    "round": {"enum": list(ROUNDINGS), "description": "how to round where more decimal places come out than the contract keeps"},
    "add_days": {"type": "integer", "minimum": -3650, "maximum": 3650, "description": "days added to a date, such as a time for delivery"},
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
    "where": _conditions("rows of the companion that count, such as those of one language"),
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
    "file": object_of("what the file looks like; by default canonical CSV", FILE),
    "values": object_of("how the source writes things, by default as the contract does; a column may differ", VALUES),
    "where": _conditions("rows that belong to the feed, by one condition or several; the others are left out and counted"),
    "columns": {
        "type": "object",
        "description": "each canonical column: a source column, a number, or how it comes about",
        "minProperties": 1,
    },
    "lookups": {
        "type": "object",
        "description": "companion files; `lookup.<name>.<column>` stands wherever a source column may",
        "additionalProperties": object_of("a companion file", LOOKUP, "file", "on"),
    },
    "group": object_of("rows of one key are added up", GROUP, "by", "sum", "one_row_per"),
}
