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
from pipelines.extracts.layouts.layout_document import Document, KeyPath, as_text
from pipelines.extracts.layouts.layout_keys import COLUMN, TOP, Schema, object_of

KIND_WORDS = {
    "string": "text", "array": "a list", "object": "a mapping", "boolean": "true or false", "integer": "a whole number",
    "number": "a number",
}  # fmt: skip


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
    } | object_of("How a source's file becomes a canonical feed.", top, "layout", "system", "feed", "description", "columns")


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
