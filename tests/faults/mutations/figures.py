"""Figures that a sender's program works out wrongly, for a column or a part of it: another measure, sign or clock, a default."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

from pipelines.extracts.contracts.contract import Column
from tests.faults.mutations.calendar_faults import moment
from tests.faults.mutations.numerals import number, plain
from tests.faults.mutations.selections import at_of, quantities
from tests.faults.mutations.sheet import Case, Sheet, operator

Rows = list[list[str]]


def part_of(case: Case) -> Rows:
    """All rows, or those of one place, one item or one word of a column, as luck has it."""
    places = [at for at in (at_of(case, "location_id", "origin"), at_of(case, "item_id")) if at is not None]
    places += [case.sheet.at(c.name) for c in case.columns("enum") if len({row[case.sheet.at(c.name)] for row in case.sheet.rows}) > 1]
    if not places or case.rng.random() < 0.4:
        return case.sheet.rows
    at = case.rng.choice(places)
    chosen = case.rng.choice(case.sheet.rows)[at]
    return [row for row in case.sheet.rows if row[at] == chosen]


Write = Callable[[str, list[str], Case], str | None]


def _figure(kind: str, name: str, pick: Callable[[Case], list[Column]], write: Write) -> None:
    """Register a change of one column in a part of the rows."""

    @operator(kind, name)
    def change(case: Case) -> bytes | None:
        rows = part_of(case)
        for column in case.rng.sample(columns := pick(case), len(columns)):
            at, done = case.sheet.at(column.name), 0
            for row in rows:
                new = write(row[at], row, case) if row[at] else None
                if new is not None and new != row[at]:
                    row[at], done = new, done + 1
            if done:
                return case.sheet.data()
        return None


def _units(case: Case) -> list[Column]:
    return [column for column in case.columns("integer") if column.unit == "units"]


def _numbers(case: Case) -> list[Column]:
    return case.numbers()


def _money(case: Case) -> list[Column]:
    return [column for column in case.columns("decimal") if (column.unit or "").startswith("USD")]


def _stamps(case: Case) -> list[Column]:
    return case.columns("timestamp")


def _days(case: Case) -> list[Column]:
    return case.columns("date", "timestamp")


def _times(factor: str, places: int) -> Write:
    return lambda cell, row, case: plain(round((number(cell) or Decimal(0)) * Decimal(factor), places))


def _each(change: Callable[[Decimal], Decimal | int]) -> Write:
    return lambda cell, row, case: plain(Decimal(change(value))) if (value := number(cell)) is not None else None


_figure("unit", "a week for a day", _units, _times("7", 0))
_figure("unit", "a seventh for a week", _units, _times("0.142857", 0))
_figure("unit", "cents for dollars", _money, _times("100", 2))
_figure("unit", "tax included", _money, _times("1.19", 4))
_figure("unit", "euros for dollars", _money, _times("0.92", 4))
_figure("unit", "whole dollars", _money, _each(lambda value: value.to_integral_value()))
_figure("unit", "a tenth more", _units, _times("1.1", 0))
_figure("value", "a column rounded to tens", _units, _each(lambda value: round(value, -1)))
_figure("value", "signs lost", _numbers, _each(abs))
_figure("value", "signs turned", _units, _each(lambda value: -value))
_figure("value", "capped at 99", _units, _each(lambda value: max(min(value, Decimal(99)), Decimal(-99))))
_figure("value", "wrapped at 256", _units, _each(lambda value: value % 256 if value >= 0 else value))
_figure(
    "value",
    "cut at the thousands separator",
    _numbers,
    _each(lambda value: int(value / 1000) if abs(value) >= 1000 else value),
)
_figure("value", "digits after the third lost", _units, lambda cell, row, case: cell[:3])
_figure("value", "doubled", _units, _each(lambda value: 2 * value))
_figure("value", "halved", _units, _each(lambda value: int(value / 2)))
_figure("value", "one more each", _units, _each(lambda value: value + 1))
_figure("value", "jittered", _units, lambda cell, row, case: plain((number(cell) or Decimal(0)) + case.rng.choice([-2, -1, 0, 1, 2])))
_figure("value", "all zero", _numbers, lambda cell, row, case: "0")
_figure("value", "all one", _numbers, lambda cell, row, case: "1")
_figure("value", "a sentinel for a number", _numbers, lambda cell, row, case: case.rng.choice(["999", "9999", "-1"]))
_figure("value", "line numbers for quantities", _units, lambda cell, row, case: str(case.sheet.rows.index(row) + 1))


def _moved(**delta: int) -> Write:
    def write(cell: str, row: list[str], case: Case) -> str | None:
        at = moment(cell)
        if at is None:
            return None
        return (at + dt.timedelta(**delta)).isoformat()[: len(cell)]

    return write


def _set(**fields: int) -> Write:
    return lambda cell, row, case: at.replace(**fields).isoformat()[: len(cell)] if (at := moment(cell)) else None


def _half_day(cell: str, _row: list[str], _case: Case) -> str | None:
    """The hours of a twelve-hour clock without its half."""
    at = moment(cell)
    return f"{at:%Y-%m-%dT}{at.hour % 12:02}{cell[13:]}" if at else None


_figure("date", "an hour of summer time", _stamps, _moved(hours=1))
_figure("date", "an hour of winter time", _stamps, _moved(hours=-1))
_figure("date", "universal time, west", _stamps, _moved(hours=6))
_figure("date", "universal time, east", _stamps, _moved(hours=-9))
_figure("date", "half of a day lost", _stamps, _half_day)
_figure("date", "midnight for every time", _stamps, _set(hour=0, minute=0, second=0))
_figure("date", "noon for every time", _stamps, _set(hour=12, minute=0, second=0))
_figure("date", "seconds cut off", _stamps, _set(second=0))
_figure("date", "minutes cut off", _stamps, _set(minute=0, second=0))
_figure("date", "the time of the export", _stamps, lambda cell, row, case: f"{case.day}T23:58:11")
_figure("date", "today for every day", _days, lambda cell, row, case: case.day.isoformat() + cell[10:])
_figure("date", "first of the month", _days, lambda cell, row, case: cell[:8] + "01" + cell[10:])
_figure("date", "a week late", _days, _moved(days=7))
_figure("date", "a week early", _days, _moved(days=-7))
_figure("date", "a day late, all", _days, _moved(days=1))
_figure("date", "a day early, all", _days, _moved(days=-1))
_figure("date", "last year", _days, lambda cell, row, case: f"{int(cell[:4]) - 1}{cell[4:]}")


@operator("unit", "net stock for gross")
def _net_stock(case: Case) -> bytes | None:
    spots = [at_of(case, name) for name in ("on_hand", "reserved", "blocked")]
    if None in spots:
        return None
    rows, done = part_of(case), 0
    for row in rows:
        held = (number(row[spots[1]]) or 0) + (number(row[spots[2]]) or 0)
        net = (number(row[spots[0]]) or Decimal(0)) - held
        if held and net >= held:
            row[spots[0]], done = plain(Decimal(net)), done + 1
    return case.sheet.data() if done else None


@operator("unit", "announced for received")
def _announced(case: Case) -> bytes | None:
    """What was expected is told as received, whatever came."""
    names = ("qty_expected", "qty_received", "qty_damaged", "qty_short", "qty_over")
    spots = [at_of(case, name) for name in names]
    if None in spots:
        return None
    done = 0
    for row in case.sheet.rows:
        clean = [row[spots[0]], row[spots[0]], "0", "0", "0"]
        if [row[at] for at in spots] != clean:
            done += 1
            for at, value in zip(spots, clean, strict=True):
                row[at] = value
    return case.sheet.data() if done else None


@operator("unit", "running totals")
def _running(case: Case) -> bytes | None:
    """Quantities add up from row to row, over all or by item."""
    spots, item = quantities(case), at_of(case, "item_id")
    if not spots:
        return None
    at, by_item, sums = case.rng.choice(spots), case.rng.random() < 0.5, {}
    for row in case.sheet.rows:
        key = row[item] if by_item and item is not None else ""
        sums[key] = sums.get(key, Decimal(0)) + (number(row[at]) or Decimal(0))
        row[at] = plain(sums[key])
    return case.sheet.data()


@operator("unit", "weights for units")
def _weights(case: Case) -> bytes | None:
    """Kilograms where units belong, rounded."""
    spots, item = quantities(case), at_of(case, "item_id")
    if not spots or item is None or "erp_items" not in case.others:
        return None
    items = Sheet.read(case.others["erp_items"])
    weights = {row[items.at("item_id")]: number(row[items.at("weight_kg")]) for row in items.rows}
    rows = part_of(case)
    for row in rows:
        for at in spots:
            row[at] = plain(round((number(row[at]) or Decimal(0)) * (weights.get(row[item]) or Decimal(1)), 0))
    return case.sheet.data()
