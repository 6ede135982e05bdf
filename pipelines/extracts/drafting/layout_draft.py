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
from pipelines.extracts.drafting.draft_columns import instead, made_of_others, mapped_line, shared_format
from pipelines.extracts.drafting.draft_dialect import Dialect, guess_dialect
from pipelines.extracts.drafting.draft_matching import is_total, match_columns, nearest
from pipelines.extracts.drafting.draft_seen import Seen
from pipelines.extracts.drafting.draft_values import Numbers, profile_column
from pipelines.extracts.drafting.draft_yaml import flow, listed, plain_comment, scalar, with_comment
from pipelines.extracts.layouts.layout import BUSINESS_DATE
from pipelines.extracts.layouts.layout_document import MAX_LAYOUT_BYTES
from pipelines.extracts.layouts.layout_words import FILL_IN, lines_to_fill_in
from pipelines.extracts.reading.file_format import open_records

SAMPLE_ROWS = 500


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


def draft_layout(path: Path, contract: FeedContract, name: str) -> Draft:
    """Draft a layout for one feed from a file. Raises `InputRefused` for a file that cannot be read."""
    dialect = guess_dialect(path)
    names, cells = _sample(path, dialect)
    totals = {row for column in cells for row, cell in enumerate(column) if is_total(cell)}
    profiles = [profile_column([cell for row, cell in enumerate(column) if row not in totals]) for column in cells]
    matches = match_columns(names, profiles, contract)
    numbers = _numbers(profile.numbers for profile in profiles if profile.kind == "number")
    times = tuple(column.name for column in contract.columns if column.type == "timestamp")
    seen = Seen(names, profiles, matches, numbers, dialect, len(cells[0]) if cells else 0, times)
    lines = [
        *_head(path, contract, name, seen),
        *_file(dialect),
        *_values(contract, seen),
        *_where(seen, cells),
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


def _head(path: Path, contract: FeedContract, name: str, seen: Seen) -> list[str]:
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


def _values(contract: FeedContract, seen: Seen) -> list[str]:
    lines = []
    if seen.numbers.decimal != ".":
        lines.append(with_comment('  decimal: ","', _such(seen, ",")))
    if seen.numbers.thousands:
        lines.append(with_comment(f"  thousands: {scalar(seen.numbers.thousands, quoted=True)}", _such(seen, seen.numbers.thousands)))
    if any(profile.numbers.trailing_minus for profile in seen.profiles):
        lines.append(with_comment("  trailing_minus: true", _such(seen, "-")))
    for key, kind in (("dates", "date"), ("times", "timestamp")):
        shared = shared_format(contract, seen, kind)
        if shared:
            local = "; `to: Europe/Berlin` or the like makes it local" if shared.endswith("OFFSET") else ""
            lines.append(with_comment(f"  {key}: {scalar(shared)}", f"every sampled cell is written so{local}"))
    empty = sorted({word for profile in seen.profiles for word in profile.empty})
    if empty:
        lines.append(with_comment(f"  empty: {flow(empty)}", "found where numbers or days stand"))
    if any(profile.padded for profile in seen.profiles):
        lines.append(with_comment("  trim: true", "white space stands around some cells"))
    return ["values:", *lines] if lines else []


def _such(seen: Seen, mark: str) -> str:
    found = [text for profile in seen.profiles if profile.kind == "number" for text in profile.words if mark in text]
    return f"as in {plain_comment(found[0])}" if found else ""


def _where(seen: Seen, cells: list[list[str]]) -> list[str]:
    """Lines that add others up, told by their words."""
    for name, column in zip(seen.names, cells, strict=True):
        found = sorted({cell.strip() for cell in column if is_total(cell)})
        if found and len(found) < len({cell.strip() for cell in column}):
            condition = f"where: {{column: {scalar(name)}, not_in: {flow(found)}}}"
            return [with_comment(condition, "lines that add others up; they are left out and counted")]
    return []


def _columns(contract: FeedContract, seen: Seen) -> list[str]:
    lines = ["columns:"]
    for column in contract.columns:
        match = seen.matches.get(column.name)
        rest = "" if match else made_of_others(column, contract, seen)
        if match:
            lines.append(mapped_line(column, match, contract, seen))
        elif rest:
            lines.append(rest)
        elif column.name == "date" and contract.kind == "snapshot":
            lines.append(with_comment(f"  {column.name}: {BUSINESS_DATE}", "the day that the file is landed for"))
        elif column.nullable:
            lines.append(with_comment(f"  # {column.name}: ", f"may stay out. {column.description}{_perhaps(column, seen)}"))
        else:
            hint = f"required: {column.description}{_allowed(column)}{instead(column, contract, seen)}{_perhaps(column, seen)}"
            lines.append(with_comment(f"  {column.name}: {FILL_IN}", hint))
    return lines


def _perhaps(column: Column, seen: Seen) -> str:
    near = nearest(column, seen.unused)
    return f"; perhaps {', '.join(map(plain_comment, near))}" if near else ""


def _allowed(column: Column) -> str:
    if column.enum:
        return f" ({', '.join(column.enum)})"
    return " (0 if the source has none)" if column.minimum == 0 and column.type == "integer" else ""


def _tail(contract: FeedContract, seen: Seen, cells: list[list[str]]) -> list[str]:
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


def _telling_apart(key: list[int], seen: Seen, cells: list[list[str]]) -> list[int]:
    """The first unused column that tells apart rows of one key, if one alone does."""
    unused = [position for position, name in enumerate(seen.names) if name in seen.unused]
    for position in unused:
        rows = list(zip(*(cells[n] for n in [*key, position]), strict=True))
        if len(set(rows)) == len(rows):
            return [position]
    return []
