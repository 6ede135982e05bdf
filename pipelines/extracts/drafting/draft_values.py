"""How a source writes numbers, days and nothing at all, guessed from the cells of a sample. Only drafts guess; layouts declare."""

import datetime as dt
import functools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.domain.errors import UsageError
from pipelines.extracts.layouts import date_text
from pipelines.extracts.layouts.date_text import MONTHS, read_format
from pipelines.extracts.memory_database import open_memory

EMPTY_WORDS = ("null", "none", "nan", "n/a", "#n/a", "na", "-", "--", "?", "(blank)", "00000000", "0000-00-00")
_DAYS = (
    "YYYY-MM-DD", "YYYY/MM/DD", "YYYY.MM.DD", "YYYYMMDD", "DD.MM.YYYY", "D.M.YYYY", "DD/MM/YYYY", "MM/DD/YYYY", "D/M/YYYY", "M/D/YYYY",
    "DD-MM-YYYY", "MM-DD-YYYY", "DD.MM.YY", "DD/MM/YY", "MM/DD/YY", "M/D/YY", "DD-MON-YYYY", "DD-MON-YY", "D MON YYYY", "MON D, YYYY",
    "D-MON-YYYY", "D/MON/YYYY",
)  # fmt: skip
_CLOCKS = (
    "hh:mm:ss", "hh:mm", "h:mm:ss AM", "h:mm AM", "hh:mm:ss.f", "h:mm:ss", "hhmmss", "hh:mm:ssOFFSET", "hh:mm:ss.fOFFSET",
)  # fmt: skip
_WHOLE_MOMENTS = (
    "YYYYMMDDhhmmss", "YYYYMMDDhhmm", "YYYYMMDD-hhmmss", "YYYY-MM-DD-hh.mm.ss.f", "YYYY-MM-DD-hh.mm.ss", "YYYY-MM-DD hh.mm.ss",
)  # fmt: skip
FORMATS = (*_DAYS, *(f"{day}{glue}{clock}" for day in _DAYS for glue in (" ", "T") for clock in _CLOCKS), *_WHOLE_MOMENTS)
_PACKED_DAYS = ("CYYDDD", "YYYYDDD", "YYDDD", "DDMMYYYY", "MMDDYYYY", "DDMMYY", "MMDDYY", "YYMMDD", "DMMYY", "MDDYY")
_PACKED_CLOCKS = ("hhmmss", "hmmss", "sssss", "hhmm", "hmm")
_PACKED_MOMENTS = ("EPOCH", "EPOCHMS", "EXCEL")
PACKED = {"date": (*_PACKED_DAYS, "EXCEL"), "timestamp": (*_PACKED_DAYS, *_PACKED_MOMENTS), "clock": _PACKED_CLOCKS}
PLAUSIBLE = ("2000-01-01", "2060-01-01")
_SIGN = "[$\u20ac\u00a3\u00a5\u20b9]"
_SIZE = "[^A-Za-z$\u20ac\u00a3\u00a5\u20b9]*"
_AFFIXED = re.compile(rf"(?P<prefix>(?:[A-Z]{{0,3}}{_SIGN} ?|[A-Z]{{3}} )?)(?P<number>{_SIZE})(?P<suffix>(?: [A-Za-z]{{1,5}}| ?{_SIGN})?)")
_WHOLE, _POINT, _COMMA = r"[0-9]+", r"[0-9]*\.[0-9]+", r"[0-9]*,[0-9]+"
_MARKED = r"[0-9]{1,3}(?P<mark>[.,' \u00a0\u202f])[0-9]{3}(?:(?P=mark)[0-9]{3})*(?:(?!(?P=mark))(?P<point>[.,])[0-9]+)?"
_SHAPE = rf"{_WHOLE}|{_POINT}|{_COMMA}|{_MARKED}"
MOST = 0.7
SAMPLED = 100


@dataclass(frozen=True)
class Numbers:
    """How the numbers of a column are written; `unsure` if a mark could be of decimals or thousands, `marked` if one surely is."""

    decimal: str = "."
    thousands: str = ""
    trailing_minus: bool = False
    leading_zeros: bool = False
    fractions_of_zeros: bool = False
    unsure: str = ""
    marked: bool = False


@dataclass(frozen=True)
class Profile:
    """What the sampled cells of one source column look like. `kind` is number, date, time, clock, text or empty; `words` are the commonest.

    `missing` counts the cells without a value, those with a word of `empty` included; `strays` are texts in a column of numbers or days;
    `prefix` and `suffix` stand around every number, such as a currency.
    """

    kind: str
    numbers: Numbers = Numbers()
    formats: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    distinct: int = 0
    empty: tuple[str, ...] = ()
    padded: bool = False
    missing: int = 0
    strays: tuple[str, ...] = ()
    samples: tuple[str, ...] = field(default=())
    rows: int = 0
    prefix: str = ""
    suffix: str = ""


def profile_column(cells: Sequence[str]) -> Profile:
    """Describe the cells of one column.

    >>> profile_column(["31.01.2026", "01.02.2026", "-"]).formats
    ('DD.MM.YYYY',)
    >>> profile_column(["1.234,50", "7,25-"]).numbers.decimal
    ','
    """
    texts = [cell.strip() for cell in cells]
    found = [text for text in texts if text]
    counted = Counter(found)
    common = tuple(word for word, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0])))
    empty = tuple(word for word in common if word.lower() in EMPTY_WORDS)
    values = [text for text in found if text not in empty]
    shared: dict[str, Any] = {"words": common[:20], "distinct": len(counted), "samples": common[:3], "rows": len(cells)}
    shared["padded"] = any(map(str.__ne__, cells, texts))
    typed: dict[str, Any] = {"empty": empty, "missing": len(cells) - len(values)} | shared
    if not values:
        return Profile("empty", missing=len(cells), **shared)
    days = [text for text in values if any(_day(text, written) for written in FORMATS)]
    if len(days) >= MOST * len(values) and guess_formats(days):
        formats = guess_formats(days)
        kind = "time" if read_format(formats[0]).has_time else "date"
        return Profile(kind, formats=formats, strays=_strays(values, days), **typed)
    clocks = tuple(written for written in _CLOCKS if all(re.fullmatch(read_format(written).pattern, text) for text in values))
    if clocks and "hhmmss" not in clocks:
        return Profile("clock", formats=clocks[:1], **typed)
    prefix, suffix = _affixes(values)
    bare = [text.removeprefix(prefix).removesuffix(suffix) for text in values]
    shaped = [text for text in bare if re.fullmatch(_SHAPE, text.strip("-+"))]
    numbers = guess_numbers(shaped) if len(shaped) >= MOST * len(values) else None
    if numbers is not None:
        return Profile("number", numbers, strays=_strays(bare, shaped), prefix=prefix, suffix=suffix, **typed)
    return Profile("text", missing=len(cells) - len(found), **shared)


@functools.lru_cache(maxsize=1000)
def packed_formats(texts: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """Packed formats that read every text as a plausible day, moment or time of day; a zero may stand for none.

    >>> packed_formats(("126031", "125364"), "date"), packed_formats(("93015", "5959"), "clock")
    (('CYYDDD',), ('hmmss',))
    """
    values = [text for text in texts if text.strip("0") or kind == "clock"]
    if not values or not all(re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) for text in values):
        return ()
    found: dict[tuple[str, ...], str] = {}
    has_zeros = kind == "clock" and any(len(text) > 1 and text.startswith("0") for text in values)
    for written in ("hhmmss", "hhmm") if has_zeros else PACKED[kind]:
        read = _read(values, written, kind)
        if all(read) and (kind == "clock" or all(PLAUSIBLE[0] <= day < PLAUSIBLE[1] for day in read)):
            found.setdefault(read, written)
    return tuple(found.values())


def _read(values: Sequence[str], written: str, kind: str) -> tuple[str, ...]:

    form = read_format(written)
    read = date_text.clock if kind == "clock" else date_text.day
    sql = f"SELECT {read('t', form)} FROM (SELECT {date_text.filled('c', form)} AS t FROM (SELECT unnest($1) AS c))"  # noqa: S608
    with open_memory() as connection:
        return tuple(text for (text,) in connection.execute(sql, [list(values)]).fetchall())


def _affixes(values: Sequence[str]) -> tuple[str, str]:
    """What stands in front of and behind every number alike, such as `$` or ` pcs`."""
    found = [_AFFIXED.fullmatch(text) for text in values[:SAMPLED]]
    pairs = {(match["prefix"], match["suffix"]) for match in found if match}
    pairs = pairs if all(found) else set()
    return pairs.pop() if len(pairs) == 1 else ("", "")


def _strays(values: list[str], kept: list[str]) -> tuple[str, ...]:
    """Texts that are not of the kind of the others, the commonest first; a few make no other kind of the column."""
    return tuple(word for word, _ in (Counter(values) - Counter(kept)).most_common(3))


def guess_formats(texts: Sequence[str]) -> tuple[str, ...]:
    """Formats that every text is written in and that read them as different days; none if no format reads them all.

    Of formats that say the same the strictest comes first: `DD.MM.YYYY` before `D.M.YYYY`.

    >>> guess_formats(["03/04/2026", "05/06/2026"])
    ('DD/MM/YYYY', 'MM/DD/YYYY')
    """
    found: dict[tuple[dt.date | None, ...], str] = {}
    for written in FORMATS:
        days = tuple(_day(text, written) for text in texts)
        if all(days):
            found.setdefault(days, written)
    return tuple(found.values())


def _day(text: str, written: str) -> dt.date | None:
    try:
        form = read_format(written)
    except UsageError:
        return None
    match = re.fullmatch(form.pattern, text)
    if not match:
        return None
    parts = {part: match[number] for part, (number, _) in form.groups.items()}
    month = parts["month"].lower()[:3]
    number = next((n for n, name in enumerate(MONTHS, 1) if name[:3] == month), 0) or int(month)
    try:
        day = dt.date(int(parts["year"]) + (2000 if len(parts["year"]) == 2 else 0), number, int(parts["day"]))
    except ValueError:
        return None
    return day if 1990 <= day.year <= 2100 and int(parts.get("hour", 0)) < 24 else None


def guess_numbers(texts: Sequence[str]) -> Numbers | None:
    """How numbers are written, or None if a text is none.

    >>> guess_numbers(["1,234.50", "12"])
    Numbers(decimal='.', thousands=',', trailing_minus=False, leading_zeros=False, fractions_of_zeros=False, unsure='', marked=True)
    >>> guess_numbers(["1.234"]).unsure
    '1.234'
    """
    bare = [text.strip("-+") for text in texts]
    if not all(re.fullmatch(_SHAPE, text) for text in bare):
        return None
    decimal, thousands = _marks(bare)
    if decimal is None:
        return None
    unsure = next((text for text in bare if re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", text)), "") if not thousands else ""
    if unsure and any(re.fullmatch(r"[0-9]*[.,][0-9]{1,2}|[0-9]*[.,][0-9]{4,}|[0-9]{4,}[.,][0-9]+|0[.,][0-9]+", text) for text in bare):
        unsure = ""
    fractions = [text.rpartition(decimal)[2] for text in bare if decimal in text]
    return Numbers(
        decimal,
        thousands,
        any(text.endswith("-") for text in texts),
        any(re.match(r"0[0-9]", text) for text in bare),
        bool(fractions) and all(set(fraction) == {"0"} for fraction in fractions),
        unsure,
        not unsure and any(re.search("[^0-9]", text) for text in bare),
    )


def _marks(texts: Sequence[str]) -> tuple[str | None, str]:
    """Decimal and thousands mark; None for the first if texts contradict each other."""
    decimals, thousands = set(), set()
    for text in texts:
        both = re.fullmatch(_MARKED, text)
        sure = both and (both["point"] or text.count(both["mark"]) > 1 or both["mark"] not in ".,")
        if both and sure:
            thousands.add(both["mark"])
            decimals |= {both["point"]} if both["point"] else set()
        elif not both and re.search(r"[.,]", text):
            decimals.add("." if text.find(".") > text.find(",") else ",")
    maybe = {text[-4] for text in texts if re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", text)} - decimals - thousands
    if not decimals and len(maybe) == 1:
        decimals = maybe
    elif decimals and maybe:
        thousands |= maybe
    if len(decimals) > 1 or len(thousands) > 1 or decimals & thousands:
        return None, ""
    mark = decimals.pop() if decimals else "," if thousands == {"."} else "."
    return mark, thousands.pop() if thousands else ""
