"""A date as people and other systems write it: YYYY-MM-DD and no other way. What is said of anything else is the callers' business."""

import datetime
import re

_WRITTEN = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_iso_date(text: str) -> datetime.date | None:
    """The date written YYYY-MM-DD, None for anything else; `date.fromisoformat` also takes weeks and days of the year for dates.

    >>> read_iso_date("2026-01-31"), read_iso_date("2026-02-30"), read_iso_date("2026-W01-1")
    (datetime.date(2026, 1, 31), None, None)
    """
    if not _WRITTEN.fullmatch(text):
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
