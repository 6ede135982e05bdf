"""A first layout for a file of an unknown system: what is sure is filled in, the rest is marked FILL_IN, every guess says what it rests on.

The guesses are made in `draft_dialect`, `draft_values` and `draft_matching`; here they become the text of a YAML file.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import InputRefused
from pipelines.extracts.contracts.contract import Column, FeedContract
from pipelines.extracts.drafting.draft_dialect import Dialect, guess_dialect
from pipelines.extracts.drafting.draft_matching import Match, is_sign, is_unit, match_columns, nearest
from pipelines.extracts.drafting.draft_rules import factors, is_number, number_rules, sign_rule, word_rules
from pipelines.extracts.drafting.draft_values import Numbers, Profile, profile_column
from pipelines.extracts.drafting.draft_yaml import flow, listed, plain_comment, scalar, with_comment
from pipelines.extracts.layouts.layout import BUSINESS_DATE
from pipelines.extracts.layouts.layout_document import MAX_LAYOUT_BYTES
from pipelines.extracts.layouts.layout_words import FILL_IN, lines_to_fill_in
from pipelines.extracts.reading.file_format import open_records

SAMPLE_ROWS = 500
CANONICAL_FORMS = {"date": ("YYYY-MM-DD",), "timestamp": ("YYYY-MM-DDThh:mm:ss",)}


@dataclass(frozen=True)
class Draft:
    """The YAML text, the rows it rests on, and how many source columns found a place."""

    text: str
    rows: int
    mapped: int
    columns: int

    @property
    def left(self) -> int:
        """Lines that a person must fill in."""
        return len(list(lines_to_fill_in(self.text)))


@dataclass(frozen=True)
class _Seen:
    names: tuple[str, ...]
    profiles: list[Profile]
    matches: dict[str, Match]
    numbers: Numbers
    dialect: Dialect
    rows: int
    times: tuple[str, ...] = ()

    @property
    def units(self) -> int | None:
        """Position of the column that names the unit of the row's quantities, if there is one that is nothing else."""
        taken = {match.position for match in self.matches.values()}
        return next((n for n, name in enumerate(self.names) if is_unit(name) and n not in taken), None)

    @property
    def day(self) -> int | None:
        """Position of a column of days alone that is to be a time."""
        places = [match.position for match in self.matches.values() if match.column in self.times]
        return next((place for place in places if self.profiles[place].kind == "date"), None)

    @property
    def clock(self) -> int | None:
        """Position of a column of times of day that is nothing else, where there is a day for it."""
        taken = {match.position for match in self.matches.values()}
        clocks = [n for n, profile in enumerate(self.profiles) if profile.kind == "clock" and n not in taken]
        return clocks[0] if clocks and self.day is not None else None

    @property
    def sign(self) -> int | None:
        """Position of the column that says which way a quantity moves, if there is one that is nothing else."""
        taken = {match.position for match in self.matches.values()}
        return next((n for n, name in enumerate(self.names) if is_sign(name) and n not in taken), None)

    @property
    def unused(self) -> list[str]:
        """Source columns without a place."""
        taken = {match.position for match in self.matches.values()} | {self.units, self.clock, self.sign}
        return [name for n, name in enumerate(self.names) if n not in taken]


def draft_layout(path: Path, contract: FeedContract, name: str) -> Draft:
    """Draft a layout for one feed from a file. Raises `InputRefused` for a file that cannot be read."""
    dialect = guess_dialect(path)
    names, cells = _sample(path, dialect)
    profiles = [profile_column(column) for column in cells]
    matches = match_columns(names, profiles, contract)
    numbers = _numbers(profile.numbers for profile in profiles if profile.kind == "number")
    times = tuple(column.name for column in contract.columns if column.type == "timestamp")
    seen = _Seen(names, profiles, matches, numbers, dialect, len(cells[0]) if cells else 0, times)
    lines = [
        *_head(path, contract, name, seen),
        *_file(dialect),
        *_values(contract, seen),
        *_columns(contract, seen),
        *_tail(contract, seen, cells),
    ]
    text = "\n".join(lines) + "\n"
    if len(text.encode()) > MAX_LAYOUT_BYTES:
        raise InputRefused(f"{path.name}: {len(names)} columns are too many for a draft; cut the file to the columns that matter")
    return Draft(text, seen.rows, len(matches), len(contract.columns))


def layout_name(stem: str) -> str:
    """A name that a layout may have, made of a file's name.

    >>> layout_name("Bestand 2026-01-31 (final)"), layout_name("7eleven")
    ('bestand', 'layout_7eleven')
    """
    words = re.findall(r"[a-z0-9]+", re.sub(r"[0-9]{4}.?[0-9]{2}.?[0-9]{2}.*", "", stem.lower()) or stem.lower())
    made = "_".join(words)[:50].strip("_") or "layout"
    return made if made[0].isalpha() else f"layout_{made}"


def _sample(path: Path, dialect: Dialect) -> tuple[tuple[str, ...], list[list[str]]]:
    with open_records(path, dialect.format, path.name) as source:
        names = tuple(source.names)
        wanted = {f"c{position}": position for position in range(len(names))}
        for batch in source.batches(wanted):
            table = batch.cells.slice(0, SAMPLE_ROWS)
            return names, [[cell or "" for cell in table[f"c{position}"].to_pylist()] for position in range(len(names))]
    return names, [[] for _ in names]


def _numbers(found: Iterable[Numbers]) -> Numbers:
    """How most of the number columns are written; a column that differs says so itself."""
    marked = [numbers for numbers in found if numbers.marked]
    if not marked:
        return Numbers()
    decimal = Counter(numbers.decimal for numbers in marked).most_common(1)[0][0]
    thousands = Counter(numbers.thousands for numbers in marked if numbers.decimal == decimal and numbers.thousands).most_common(1)
    return Numbers(decimal, thousands[0][0] if thousands else "", marked=True)


def _head(path: Path, contract: FeedContract, name: str, seen: _Seen) -> list[str]:
    return [
        f"# Drafted from {plain_comment(path.name)}: {seen.rows} rows looked at. Put the right thing for {FILL_IN}; glance at every guess.",
        f"layout: {scalar(name)}",
        f"system: {scalar(name.split('_')[0])}",
        f"feed: {contract.feed}",
        f"description: {scalar(f'{contract.feed} from {plain_comment(path.name)}; say here what the file is and how one gets it.')}",
    ]


def _file(dialect: Dialect) -> list[str]:
    return (
        ["file:", *(with_comment(f"  {key}: {flow(value)}", dialect.evidence[key]) for key, value in dialect.keys.items())]
        if dialect.keys
        else []
    )


def _values(contract: FeedContract, seen: _Seen) -> list[str]:
    lines = []
    if seen.numbers.decimal != ".":
        lines.append(with_comment('  decimal: ","', _such(seen, ",")))
    if seen.numbers.thousands:
        lines.append(with_comment(f"  thousands: {scalar(seen.numbers.thousands, quoted=True)}", _such(seen, seen.numbers.thousands)))
    if any(profile.numbers.trailing_minus for profile in seen.profiles):
        lines.append(with_comment("  trailing_minus: true", _such(seen, "-")))
    for key, kind in (("dates", "date"), ("times", "timestamp")):
        shared = _shared_format(contract, seen, kind)
        if shared:
            lines.append(with_comment(f"  {key}: {scalar(shared)}", "every sampled cell is written so"))
    empty = sorted({word for profile in seen.profiles for word in profile.empty})
    if empty:
        lines.append(with_comment(f"  empty: {flow(empty)}", "found where numbers or days stand"))
    if any(profile.padded for profile in seen.profiles):
        lines.append(with_comment("  trim: true", "white space stands around some cells"))
    return ["values:", *lines] if lines else []


def _such(seen: _Seen, mark: str) -> str:
    found = [text for profile in seen.profiles if profile.kind == "number" for text in profile.words if mark in text]
    return f"as in {plain_comment(found[0])}" if found else ""


def _shared_format(contract: FeedContract, seen: _Seen, kind: str) -> str:
    """The one way in which days (or times) are written in the columns that are mapped; if none is, in those that still could be."""
    mapped = {match.position: contract.column(match.column).type for match in seen.matches.values()}
    chosen = [seen.profiles[position] for position, type_ in mapped.items() if type_ == kind and position != seen.day]
    alike = "date" if kind == "date" else "time"
    chosen = chosen or [profile for position, profile in enumerate(seen.profiles) if position not in mapped and profile.kind == alike]
    formats = {profile.formats for profile in chosen if profile.formats}
    if len(formats) != 1:
        return ""
    written = formats.pop()
    return written[0] if len(written) == 1 and written != CANONICAL_FORMS[kind] else ""


def _columns(contract: FeedContract, seen: _Seen) -> list[str]:
    lines = ["columns:"]
    for column in contract.columns:
        match = seen.matches.get(column.name)
        if match:
            lines.append(_mapped(column, match, contract, seen))
        elif column.name == "date" and contract.kind == "snapshot":
            lines.append(with_comment(f"  {column.name}: {BUSINESS_DATE}", "the day that the file is landed for"))
        elif column.nullable:
            lines.append(with_comment(f"  # {column.name}: ", f"may stay out. {column.description}{_perhaps(column, seen)}"))
        else:
            hint = f"required: {column.description}{_allowed(column)}{_perhaps(column, seen)}"
            lines.append(with_comment(f"  {column.name}: {FILL_IN}", hint))
    return lines


def _perhaps(column: Column, seen: _Seen) -> str:
    near = nearest(column, seen.unused)
    return f"; perhaps {', '.join(map(plain_comment, near))}" if near else ""


def _allowed(column: Column) -> str:
    if column.enum:
        return f" ({', '.join(column.enum)})"
    return " (0 if the source has none)" if column.minimum == 0 and column.type == "integer" else ""


def _mapped(column: Column, match: Match, contract: FeedContract, seen: _Seen) -> str:
    name, profile = seen.names[match.position], seen.profiles[match.position]
    more, doubts = _rules(column, name, profile, contract, seen)
    if seen.units is not None and column.unit == "units":
        more.append(f"unit: {{from: {scalar(seen.names[seen.units])}, factors: {factors(seen.profiles[seen.units])}}}")
    if seen.sign is not None and column.unit == "units" and (column.minimum or 0) < 0:
        more.append(sign_rule(seen.names[seen.sign], seen.profiles[seen.sign]))
    if profile.missing and not column.nullable:
        zero = " (default: 0 if that is none)" if is_number(column) else ""
        doubts += f"; {profile.missing} of {seen.rows} are empty{zero}"
    if profile.strays and column.type != "text":
        doubts += f"; {listed(profile.strays)} will be quarantined"
    why = f"{match.confidence:.0%} {match.why}; {_samples(profile)}{doubts}"
    if more or name == BUSINESS_DATE:
        return with_comment(f"  {column.name}: {{from: {scalar(name)}{''.join(f', {entry}' for entry in more)}}}", why)
    return with_comment(f"  {column.name}: {scalar(name)}", why)


def _rules(column: Column, name: str, profile: Profile, contract: FeedContract, seen: _Seen) -> tuple[list[str], str]:
    """What the cells of a column need beside its name, and what no sample could tell."""
    if is_number(column):
        return number_rules(column, profile.numbers, seen.numbers, name)
    if column.type in CANONICAL_FORMS:
        return _day_rules(column, name, profile, contract, seen)
    return word_rules(column, profile)


def _day_rules(column: Column, name: str, profile: Profile, contract: FeedContract, seen: _Seen) -> tuple[list[str], str]:
    """How days and times are written; a day whose time of day stands in a column of its own gets it."""
    if seen.clock is not None and seen.day is not None and name == seen.names[seen.day]:
        dates = scalar(profile.formats[0]) if len(profile.formats) == 1 else FILL_IN
        clock = seen.profiles[seen.clock].formats[0]
        return [f"dates: {dates}", f"time_from: {scalar(seen.names[seen.clock])}", f"times: {scalar(clock)}"], ""
    key = "dates" if column.type == "date" else "times"
    if not profile.formats or profile.formats == CANONICAL_FORMS[column.type] or _shared_format(contract, seen, column.type):
        return [], ""
    if len(profile.formats) == 1:
        return [f"{key}: {scalar(profile.formats[0])}"], ""
    return [f"{key}: {FILL_IN}"], f"; no sample says whether {' or '.join(profile.formats)}"


def _tail(contract: FeedContract, seen: _Seen, cells: list[list[str]]) -> list[str]:
    lines = [f"# Not used: {listed(seen.unused)}"] if seen.unused else []
    key = [seen.matches[name].position for name in contract.key if name in seen.matches]
    rows = list(zip(*(cells[position] for position in key), strict=True)) if key else []
    if len(set(rows)) < len(rows) and all(
        name in seen.matches or name == "date" or contract.column(name).nullable for name in contract.key
    ):
        twice = Counter(rows).most_common(1)[0][0]
        sums = [c.name for c in contract.columns if c.unit == "units"]
        if sums and contract.kind == "snapshot":
            lines.append(f"# Several rows share the key {listed(twice)}. If they are parts of one stock, this adds them up:")
            apart = flow([seen.names[position] for position in [*key, *_telling_apart(key, seen, cells)]])
            lines.append(f"# group: {{by: key, sum: [{', '.join(sums)}], one_row_per: {apart}}}")
    return lines


def _telling_apart(key: list[int], seen: _Seen, cells: list[list[str]]) -> list[int]:
    """The first unused column that tells apart rows of one key, if one alone does."""
    unused = [position for position, name in enumerate(seen.names) if name in seen.unused]
    for position in unused:
        rows = list(zip(*(cells[n] for n in [*key, position]), strict=True))
        if len(set(rows)) == len(rows):
            return [position]
    return []


def _samples(profile: Profile) -> str:
    return f"holds {listed(profile.samples)}" if profile.samples else "always empty in the sample"
