"""Text that comes from elsewhere, made harmless where people see it: a terminal, a page, a spreadsheet. Nothing is checked here."""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")


def clean(text: object) -> str:
    r"""Text that cannot steer a terminal or turn a page's words around: control and format characters become visible escapes.

    >>> clean("A\x1b[31mB")
    'A\\x1b[31mB'
    """
    said = str(text)
    if said.isascii() and said.isprintable():
        return said
    return "".join(c if unicodedata.category(c) not in STEERING else ascii(c)[1:-1] for c in said)


def safe_cell(value: Any) -> Any:
    """A value for a CSV cell; text that a spreadsheet would run as a formula gets a leading quote, numbers stay numbers.

    >>> safe_cell("=1+1"), safe_cell(-3), safe_cell("plain")
    ("'=1+1", -3, 'plain')
    """
    if value is None or value != value:
        return ""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """RFC 4180 text with LF line ends and safe cells. (The csv module leaves a lone carriage return unquoted.)"""
    return "".join(",".join(map(_field, row)) + "\n" for row in [columns, *rows])


def _field(value: Any) -> str:
    text = str(safe_cell(value))
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text
