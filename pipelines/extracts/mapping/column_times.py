"""Operators of a layout on dates and times: declared formats, date and time of day in two columns, time zones."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pipelines.extracts.contracts.text_rules import quote
from pipelines.extracts.layouts import date_text
from pipelines.extracts.layouts.date_text import DateFormat, read_format
from pipelines.extracts.mapping.mapping_stages import Cell

if TYPE_CHECKING:
    from pipelines.extracts.mapping.column_rules import ColumnText

ISO_DAYS, ISO_CLOCKS, ISO_MOMENTS = ("YYYY-MM-DD",), ("hh:mm:ss",), ("YYYY-MM-DDThh:mm:ss",)


def converted(text: "ColumnText", cell: Cell) -> Cell:
    """Canonical text of a date or time; the text itself if the layout says nothing about how it is written."""
    rule, values = text.rule, text.rule.values
    if text.column.type == "date":
        return _read(text, cell, values.dates, "bad_date") if values.dates else cell
    zoned = bool(values.to or values.zones)
    if rule.time_from:
        return _joined(text, cell)
    if values.times or zoned:
        return _read(text, cell, values.times or ISO_MOMENTS, "bad_time")
    return cell


def _read(text: "ColumnText", cell: Cell, formats: tuple[str, ...], reason: str) -> Cell:
    """The one reading that the formats give."""
    is_day = text.column.type == "date"
    made = []
    for written in formats:
        form = read_format(written)
        zoned = form.has_time and bool(text.rule.values.to or text.rule.values.zones)
        plain = _filled(text, cell, form)
        reading = text.stages.step(date_text.day(plain.name, form) if is_day and not zoned else date_text.moment(plain.name, form), plain)
        reading = _at_location(text, plain, reading, form) if zoned else reading
        made.append(text.stages.step(f"substr({reading.name}, 1, 10)", reading) if is_day and zoned else reading)
    return _only(text, cell, made, reason)


def _joined(text: "ColumnText", cell: Cell) -> Cell:
    """Date and time of day from two columns; both or neither. Midnight without a date is how some sources write no time at all."""
    values = text.rule.values
    source = text.source(text.rule.time_from)
    days = [_part(text, cell, date_text.day, form) for form in values.dates or ISO_DAYS]
    clocks = [_part(text, source.text, date_text.clock, form) for form in values.times or ISO_CLOCKS]
    day, clock = _only(text, cell, days, "bad_date"), _only(text, source.text, clocks, "bad_time")
    text.fault(
        f"({day.name} = '' AND {clock.name} NOT IN ('', '00:00:00')) OR ({day.name} <> '' AND {clock.name} = '')", "bad_time", source
    )
    both = text.stages.step(f"CASE WHEN {day.name} <> '' AND {clock.name} <> '' THEN {day.name} || 'T' || {clock.name} END", day, clock)
    made = _at_location(text, both, both, read_format(ISO_MOMENTS[0])) if values.to or values.zones else both
    return text.stages.step(f"coalesce({made.name}, '')", made)


def _filled(text: "ColumnText", cell: Cell, form: DateFormat) -> Cell:
    return text.stages.step(date_text.filled(cell.name, form), cell) if form.packed else cell


def _part(text: "ColumnText", cell: Cell, read: Callable[[str, DateFormat], str], written: str) -> Cell:
    plain = _filled(text, cell, read_format(written))
    return text.stages.step(read(plain.name, read_format(written)), plain)


def _only(text: "ColumnText", cell: Cell, made: list[Cell], reason: str) -> Cell:
    names = ", ".join(reading.name for reading in made)
    found = text.stages.step(f"coalesce({names}, NULL)", *made)
    text.fault(f"{cell.name} <> '' AND {found.name} IS NULL", reason)
    if len(made) > 1:
        text.fault(f"len(list_distinct([{names}])) > 1", "ambiguous_date")
    return text.stages.step(f"coalesce({found.name}, '')", found)


def _at_location(text: "ColumnText", cell: Cell, local: Cell, form: DateFormat) -> Cell:
    """The local time at the location; NULL where the source's own is none."""
    values, stages = text.rule.values, text.stages
    moment = f"TRY_CAST({local.name} AS TIMESTAMP)"
    if "offset" in form.groups:
        ahead = date_text.offset_minutes(cell.name, form)
        instant = stages.step(f"timezone('UTC', {moment} - to_minutes(CAST({ahead} AS BIGINT)))", cell, local)
    else:
        instant = stages.step(f"timezone({quote(values.time_zone)}, {moment})", local)
        zone = quote(values.time_zone)
        text.fault(f"timezone({zone}, {instant.name}) <> {moment}", "no_such_time")
        shifts = [f"{way} INTERVAL {size}" for way in "+-" for size in ("30 MINUTE", "1 HOUR")]
        twice = " OR ".join(f"timezone({zone}, {instant.name} {shift}) = {moment}" for shift in shifts)
        text.fault(twice, "ambiguous_time")
    zone, cells = quote(values.to), [instant]
    if values.zones:
        place = text.location_cell(values.zone_column)
        whens = " ".join(f"WHEN {quote(name)} THEN {quote(zone)}" for name, zone in values.zones)
        found = stages.step(f"CASE {place.name} {whens} END", place)
        text.fault(f"{local.name} IS NOT NULL AND {found.name} IS NULL", "unknown_zone")
        zone, cells = found.name, [instant, found]
    return stages.step(f"strftime(timezone({zone}, {instant.name}), '%Y-%m-%dT%H:%M:%S')", *cells)
