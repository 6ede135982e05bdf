"""Dates as people type them on the command line."""

import datetime as dt

from pipelines.domain.errors import UsageError, shown
from pipelines.domain.iso_date import read_iso_date


def parse_date(text: str, option: str) -> dt.date:
    """A date written YYYY-MM-DD; raises `UsageError` naming the option.

    >>> parse_date("2026-01-31", "--as-of")
    datetime.date(2026, 1, 31)
    """
    date = read_iso_date(text)
    if date is None:
        raise UsageError(f"{option}: {shown(text)} is not a date; write it as YYYY-MM-DD, such as 2026-01-31")
    return date
