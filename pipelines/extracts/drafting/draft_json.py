"""Where the records of an unknown JSON file are, guessed from its first object. Only drafts guess; a layout says `records:`."""

import json
import re
from typing import Any

# Names of lists whose objects are the records, the likeliest first; of objects that merely wrap such a list the last three.
_LISTS = (
    r"line_?items?", r".*lines?", r"items?", r"details?", r"entries", r"records?", r"rows?", r"transactions?", r"movements?", r"levels?",
    r"orders?", r"products?", r"value", r"results?", r"data", r"response",
)  # fmt: skip
_WRAPPERS = _LISTS[-3:]


def records_path(text: str) -> str:
    """Dotted keys from the first object of a text to its records; empty if it is a record itself, or nothing says.

    >>> records_path('[{"id": 7, "line_items": [{"sku": "A"}], "taxes": [{"rate": 1}]}]')
    'line_items'
    >>> records_path('{"data": {"orders": [{"id": 7}]}}'), records_path('{"id": 7, "tags": [{"k": 1}]}')
    ('data.orders', '')
    """
    start = text.find("{")
    try:
        value, _ = json.JSONDecoder().raw_decode(text[start:]) if start >= 0 else ({}, 0)
    except (ValueError, RecursionError):
        return ""
    return ".".join(_keys(value))


def _keys(value: Any, depth: int = 0) -> list[str]:
    if not isinstance(value, dict) or depth > 5:
        return []
    lists = {key: rank for key, entry in value.items() if _is_records(entry) and (rank := _rank(key, _LISTS)) is not None}
    if lists:
        key = min(lists, key=lambda name: lists[name])
        return [key, *_keys(value[key][0], depth + 1)]
    for key, entry in value.items():
        inner = _keys(entry, depth + 1) if _rank(key, _WRAPPERS) is not None else []
        if inner:
            return [key, *inner]
    return []


def _is_records(entry: Any) -> bool:
    return isinstance(entry, list) and bool(entry) and all(isinstance(item, dict) for item in entry)


def _rank(key: str, patterns: tuple[str, ...]) -> int | None:
    return next((n for n, pattern in enumerate(patterns) if re.fullmatch(pattern, key, re.IGNORECASE)), None)
