"""Dates and times gone wrong: other notations, days that do not exist, and the wrong day in the right notation."""

import datetime as dt
from collections.abc import Callable

from tests.faults.mutations.sheet import Case, cell_operator

EXCEL_ZERO = dt.datetime(1899, 12, 30)


def moment(cell: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(cell)
    except ValueError:
        return None


def _days(name: str, write: Callable[[dt.datetime, str, Case], str | None], kinds: tuple[str, ...] = ("date", "timestamp")) -> None:
    def change(cell: str, _column: object, case: Case) -> str | None:
        at = moment(cell)
        return write(at, cell[10:], case) if at else None

    cell_operator("date", name, lambda case: case.columns(*kinds))(change)


def _moved(at: dt.datetime, rest: str, days: int) -> str:
    return (at + dt.timedelta(days=days)).date().isoformat() + rest


def _other_year(at: dt.datetime, rest: str, years: int) -> str:
    return f"{at.year + years}-{at:%m-%d}{rest}"


_days("day first", lambda at, rest, case: at.strftime(case.rng.choice(["%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"])) + rest)
_days("month first", lambda at, rest, _: at.strftime("%m/%d/%Y") + rest)
_days("two-digit year", lambda at, rest, case: at.strftime(case.rng.choice(["%y-%m-%d", "%d/%m/%y", "%d.%m.%y"])) + rest)
_days("month name", lambda at, rest, case: at.strftime(case.rng.choice(["%d-%b-%Y", "%b %d, %Y"])) + rest)
_days("compact date", lambda at, rest, _: at.strftime("%Y%m%d") + rest)
_days("unpadded date", lambda at, rest, _: f"{at.year}-{at.month}-{at.day}{rest}")
_days("slashes in a date", lambda at, rest, _: at.strftime("%Y/%m/%d") + rest)
_days("excel serial", lambda at, rest, _: str((at - EXCEL_ZERO).days))
_days("epoch seconds", lambda at, rest, case: str(int(at.replace(tzinfo=dt.UTC).timestamp()) * case.rng.choice([1, 1000])))
_days("time zone suffix", lambda at, rest, case: f"{at:%Y-%m-%dT%H:%M:%S}" + case.rng.choice(["Z", "+02:00", " UTC", "-0500"]))
_days("fractions of a second", lambda at, rest, _: f"{at:%Y-%m-%dT%H:%M:%S}.000", ("timestamp",))
_days("space for T", lambda at, rest, _: f"{at:%Y-%m-%d %H:%M:%S}", ("timestamp",))
_days("seconds lost", lambda at, rest, _: f"{at:%Y-%m-%dT%H:%M}", ("timestamp",))
_days("time lost", lambda at, rest, _: f"{at:%Y-%m-%d}", ("timestamp",))
_days("time added", lambda at, rest, _: f"{at:%Y-%m-%d}T00:00:00", ("date",))
_days("twelve-hour clock", lambda at, rest, _: f"{at:%Y-%m-%dT%I:%M:%S %p}", ("timestamp",))
_days("hour 24", lambda at, rest, _: f"{at:%Y-%m-%d}T24:00:00", ("timestamp",))
_days("minute 60", lambda at, rest, _: f"{at:%Y-%m-%dT%H}:60:00", ("timestamp",))
_days("no such day", lambda at, rest, case: f"{at.year}-" + case.rng.choice(["02-30", "13-01", "00-10", "04-31", "02-29"]) + rest)
_days("placeholder date", lambda at, rest, case: case.rng.choice(["0000-00-00", "9999-12-31", "1900-01-01", "1970-01-01"]) + rest)
_days("day and month swapped", lambda at, rest, _: f"{at:%Y-%d-%m}{rest}" if at.day <= 12 else None)
_days("year off by one", lambda at, rest, case: _other_year(at, rest, case.rng.choice([-1, 1])))
_days("century off", lambda at, rest, _: _other_year(at, rest, -100))
_days("a day early", lambda at, rest, _: _moved(at, rest, -1))
_days("a day late", lambda at, rest, _: _moved(at, rest, 1))
_days("a month late", lambda at, rest, _: _moved(at, rest, 31))
_days("far future", lambda at, rest, _: _moved(at, rest, 3650))
_days("hours shifted", lambda at, rest, case: f"{at + dt.timedelta(hours=case.rng.choice([-6, 5, 8])):%Y-%m-%dT%H:%M:%S}", ("timestamp",))
