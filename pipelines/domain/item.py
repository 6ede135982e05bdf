"""Items: their lifecycle. ABC and XYZ classes are derived in the marts."""

import datetime as dt

NEW_FOR_DAYS = 56


def lifecycle_on(day: dt.date, launch: dt.date | None, end: dt.date | None) -> str:
    """Lifecycle of an item on a day: new until 56 days after launch, phase_out in the last 56 days, discontinued after the end.

    >>> lifecycle_on(dt.date(2026, 3, 1), dt.date(2026, 2, 1), None), lifecycle_on(dt.date(2026, 3, 1), None, dt.date(2026, 2, 1))
    ('new', 'discontinued')
    """
    if end is not None and day > end:
        return "discontinued"
    if end is not None and (end - day).days < NEW_FOR_DAYS:
        return "phase_out"
    if launch is not None and (day - launch).days < NEW_FOR_DAYS:
        return "new"
    return "active"
