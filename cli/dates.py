"""Dates as people type them on the command line."""

import datetime as dt
import re

from pipelines.domain.errors import UsageError, shown


def parse_date(text: str, option: str) -> dt.date:
    """A date written YYYY-MM-DD; raises `UsageError` naming the option.

    >>> parse_date("2026-01-31", "--as-of")
    datetime.date(2026, 1, 31)
    """
    try:
        if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: {shown(text)} is not a date; write it as YYYY-MM-DD, such as 2026-01-31") from None
