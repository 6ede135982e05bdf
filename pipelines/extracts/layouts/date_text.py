"""Days and times in a declared format, as DuckDB SQL over text: text in, canonical text out, NULL for whatever is not written that way.

Letters of a format: YYYY, YY (20YY), MM, M, MON (Jan, Sep or Sept), MONTH (January), DD, D, hh, h, mm, ss, f (fractions, dropped),
AM or PM (either, with hours 1 to 12), OFFSET (Z or +02:00). Anything else, and what is between single quotes, stands for itself. Formats
that are one number, such as CYYDDD, are in `packed_dates`.
"""

import dataclasses
import functools
import re
from dataclasses import dataclass

from pipelines.domain.errors import UsageError
from pipelines.extracts.contracts.text_rules import quote
from pipelines.extracts.layouts import packed_dates
from pipelines.extracts.memory_database import open_memory

MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
_TOKENS = {
    "YYYY": "[0-9]{4}", "YY": "[0-9]{2}", "MONTH": f"(?i:{'|'.join(MONTHS)})", "MON": f"(?i:sept|{'|'.join(m[:3] for m in MONTHS)})",
    "MM": "[0-9]{2}", "M": "[0-9]{1,2}", "DD": "[0-9]{2}", "D": "[0-9]{1,2}", "hh": "[0-9]{2}", "h": "[0-9]{1,2}", "mm": "[0-9]{2}",
    "ss": "[0-9]{2}", "f": "[0-9]{1,9}", "AM": "(?i:AM|PM)", "PM": "(?i:AM|PM)", "OFFSET": "Z|[-+][0-9]{2}:?[0-9]{2}",
}  # fmt: skip
_PART_OF = {"YYYY": "year", "YY": "year", "MONTH": "month", "MON": "month", "MM": "month", "M": "month", "DD": "day", "D": "day"}
_PART_OF |= {"hh": "hour", "h": "hour", "mm": "minute", "ss": "second", "f": "fraction", "AM": "half", "PM": "half", "OFFSET": "offset"}
_WIDTHS = {"YYYY": 4, "YY": 2, "MM": 2, "DD": 2, "hh": 2, "mm": 2, "ss": 2, "AM": 2, "PM": 2}
NOWHERE = -(10**6)
_SCAN = re.compile(r"'([^']*)'|(YYYY|YY|OFFSET|MONTH|MON|MM|M|DD|D|hh|h|mm|ss|f+|AM|PM)|(.)", re.DOTALL)
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"


@dataclass(frozen=True)
class DateFormat:
    """`pattern` has one group per part; `groups` gives part -> (number of its group, letters), `places` part -> (first letter, width).

    Of a format that is `packed` in one number all this is true of the text that `filled` makes of it.
    """

    written: str
    pattern: str
    groups: dict[str, tuple[int, str]]
    places: dict[str, tuple[int, int]]
    packed: str = ""

    @property
    def has_day(self) -> bool:
        """Whether it holds year, month and day."""
        return "day" in self.groups

    @property
    def has_time(self) -> bool:
        """Whether it holds a time of day."""
        return "hour" in self.groups


@functools.cache
def read_format(written: str) -> DateFormat:
    r"""Parse a format. Raises `UsageError` for one that holds a part twice, a day without year or month, or nothing at all.

    >>> read_format("DD.MM.YYYY").pattern
    '([0-9]{2})\\.([0-9]{2})\\.([0-9]{4})'
    """
    if written in packed_dates.PLAIN:
        return dataclasses.replace(read_format(packed_dates.PLAIN[written]), written=written, packed=written)
    pattern, groups, places, start = "", {}, {}, 1
    for literal, token, other in _SCAN.findall(written):
        if not token:
            pattern += re.escape(literal or other)
            start += len(literal or other)
            continue
        letters = "f" if token.startswith("f") else token
        if _PART_OF[letters] in groups:
            raise UsageError(f"{written!r} holds the {_PART_OF[letters]} twice (MM is the month, mm the minute)")
        groups[_PART_OF[letters]] = (len(groups) + 1, letters)
        pattern += f"({_TOKENS[letters]})"
        if start > 0 and letters in _WIDTHS:
            places[_PART_OF[letters]] = (start, _WIDTHS[letters])
        start = start + _WIDTHS[letters] if letters in _WIDTHS and start > 0 else NOWHERE
    found = set(groups)
    if found & {"year", "month", "day"} not in (set(), {"year", "month", "day"}):
        raise UsageError(f"{written!r} needs year, month and day: YYYY, MM and DD")
    if not found or (found & {"minute", "second", "fraction", "half", "offset"} and "hour" not in found):
        raise UsageError(f"{written!r} is no format; write one such as DD.MM.YYYY or YYYY-MM-DD hh:mm:ss")
    if ("half" in found) and groups["hour"][1] not in ("hh", "h"):
        raise UsageError(f"{written!r}: AM needs hh or h")
    return DateFormat(written, pattern, groups, places)


@functools.cache
def time_zones() -> frozenset[str]:
    """Names of all time zones that can be converted."""
    with open_memory() as connection:
        return frozenset(name for (name,) in connection.execute("SELECT name FROM pg_timezone_names()").fetchall())


def filled(text: str, form: DateFormat) -> str:
    """SQL of the text in which the parts of a format stand in their places: itself unless the format is packed."""
    return packed_dates.plain(text, form.packed) if form.packed else text


def day(text: str, form: DateFormat) -> str:
    """SQL of the day `YYYY-MM-DD` in `text`, which is a name; NULL if it is not written in this format or does not exist."""
    made = f"{_year(text, form)} || '-' || {_month(text, form)} || '-' || {_two(text, form, 'day')}"
    return f"CASE WHEN {matches(text, form)} THEN CAST(TRY_CAST({made} AS DATE) AS VARCHAR) END"


def clock(text: str, form: DateFormat) -> str:
    """SQL of the time of day `hh:mm:ss` in `text`; parts that the format lacks are zero, fractions of a second are dropped."""
    hour = _two(text, form, "hour")
    if "half" in form.groups:
        number, afternoon = f"TRY_CAST({hour} AS INTEGER)", f"upper({_part(text, form, 'half')}) = 'PM'"
        turned = f"lpad(CAST({number} % 12 + CASE WHEN {afternoon} THEN 12 ELSE 0 END AS VARCHAR), 2, '0')"
        hour = f"CASE WHEN {number} BETWEEN 1 AND 12 THEN {turned} ELSE '99' END"
    made = " || ':' || ".join([hour, *(_two(text, form, part) for part in ("minute", "second"))])
    return f"CASE WHEN {matches(text, form)} AND regexp_full_match({made}, {quote(CLOCK)}) THEN {made} END"


def moment(text: str, form: DateFormat) -> str:
    """SQL of the local time `YYYY-MM-DDThh:mm:ss` in `text`; midnight if the format has no time of day."""
    return f"{day(text, form)} || 'T' || {clock(text, form) if form.has_time else quote('00:00:00')}"


def offset_minutes(text: str, form: DateFormat) -> str:
    """SQL of the minutes that the text's own offset is ahead of UTC."""
    found = f"replace({_part(text, form, 'offset')}, ':', '')"
    size = f"(TRY_CAST(substr({found}, 2, 2) AS INTEGER) * 60 + TRY_CAST(substr({found}, 4, 2) AS INTEGER))"
    signed = f"CASE WHEN {found} = 'Z' THEN 0 WHEN starts_with({found}, '-') THEN -{size} ELSE {size} END"
    return f"CASE WHEN abs({signed}) <= 840 THEN {signed} END"


def matches(text: str, form: DateFormat) -> str:
    """SQL that is true for text written in this format."""
    return f"regexp_full_match({text}, {quote(form.pattern)})"


def _part(text: str, form: DateFormat, part: str) -> str:
    if part in form.places:
        return f"substr({text}, {form.places[part][0]}, {form.places[part][1]})"
    return f"regexp_extract({text}, {quote('^' + form.pattern + '$')}, {form.groups[part][0]})"


def _year(text: str, form: DateFormat) -> str:
    return ("'20' || " if form.groups["year"][1] == "YY" else "") + _part(text, form, "year")


def _month(text: str, form: DateFormat) -> str:
    letters, part = form.groups["month"][1], _part(text, form, "month")
    if letters not in ("MON", "MONTH"):
        return f"lpad({part}, 2, '0')"
    whens = " ".join(f"WHEN {quote(name[:3])} THEN '{number:02}'" for number, name in enumerate(MONTHS, 1))
    return f"CASE lower(substr({part}, 1, 3)) {whens} END"


def _two(text: str, form: DateFormat, part: str) -> str:
    return f"lpad({_part(text, form, part)}, 2, '0')" if part in form.groups else "'00'"
