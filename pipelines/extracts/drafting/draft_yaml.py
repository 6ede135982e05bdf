"""Lines of a drafted layout: texts of a strange file as YAML and comments can hold them, fooling neither reader nor terminal."""

import json
import re
import unicodedata
from collections.abc import Sequence

from pipelines.extracts.layouts.layout import BUSINESS_DATE
from pipelines.extracts.layouts.layout_words import FILL_IN

COMMENT_COLUMN = 56
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./$%-]*(?: [A-Za-z0-9_./$%-]+)*")
_NOT_TEXT = ("true", "false", "null", "yes", "no", "on", "off", BUSINESS_DATE, FILL_IN.lower())


def listed(texts: Sequence[str]) -> str:
    """Texts for a comment, the first twenty of them."""
    return ", ".join(plain_comment(text) for text in texts[:20]) + (", .." if len(texts) > 20 else "")


def with_comment(line: str, comment: str) -> str:
    """A line of YAML and what it rests on."""
    return f"{line:<{COMMENT_COLUMN}} # {comment}".rstrip(" #") if comment else line


def plain_comment(text: str) -> str:
    """A text of the file as a comment can hold it: one line, nothing that steers a terminal, no longer than a glance."""
    plain = "".join(c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else "?" for c in text)
    return plain if len(plain) <= 40 else f"{plain[:37]}..."


def scalar(text: str, quoted: bool = False) -> str:
    r"""A text as YAML holds it, quoted where a reader of YAML could take it for anything else.

    >>> scalar("Qty on hand"), scalar("true"), scalar("a: b"), scalar("\x1b")
    ('Qty on hand', '"true"', '"a: b"', '"\\U0000001b"')
    """
    if not quoted and _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"


def flow(value: object) -> str:
    """A value in YAML's flow style; what is left to do stays unquoted."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(str(key))}: {flow(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool) or not isinstance(value, str):
        return json.dumps(value)
    return value if value == FILL_IN else scalar(value)
