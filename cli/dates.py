"""Dates as people type them on the command line."""

import datetime as dt

from pipelines.domain.errors import UsageError


def parse_date(text: str, option: str) -> dt.date:
    """A date written YYYY-MM-DD; raises `UsageError` naming the option.

    >>> parse_date("2026-01-31", "--as-of")
    datetime.date(2026, 1, 31)
    """
    try:
        if len(text) != len("2026-01-31"):
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: {text!r} is not a date; write it as YYYY-MM-DD, such as 2026-01-31") from None
