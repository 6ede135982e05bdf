"""Source columns of a layout found in a file's header, as cells: trimmed, emptied, and looked up in companion files."""

import dataclasses
import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.domain.errors import InputRefused, did_you_mean
from pipelines.extracts.contracts.text_rules import quote
from pipelines.extracts.layouts.layout import SIGN_OF, Condition, Layout, Lookup, Spellings, Values
from pipelines.extracts.mapping import number_text
from pipelines.extracts.mapping.mapping_stages import Cell, Fault, Stages

EDGES = r"^[\s\p{Z}]+|[\s\p{Z}]+$"
SOLID = r"^[!-~](?s:.*[!-~])?$"


def trimmed(name: str) -> str:
    """SQL of a text without white space of any kind at its edges."""
    return f"CASE WHEN regexp_matches({name}, {quote(SOLID)}) THEN {name} ELSE regexp_replace({name}, {quote(EDGES)}, '', 'g') END"


@dataclass(frozen=True)
class Source:
    """A source column: its name as the header writes it, its text as it stands, and its text without edges and empty words."""

    label: str
    raw: Cell
    text: Cell
    missing: Fault | None = None


@dataclass
class Header:
    """Column names of one file. `wanted` collects the cells that are read from it (name of the cell: position)."""

    names: tuple[str, ...]
    source: str
    line: int = 1
    wanted: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def position(self, spellings: Spellings) -> int | None:
        """Where the first spelling that the header has stands; names are compared without regard to case and edges."""
        found = [name.strip().casefold() for name in self.names]
        for spelling in spellings:
            places = [i for i, name in enumerate(found) if name == spelling.strip().casefold()]
            if len(places) > 1:
                exact = [i for i in places if self.names[i].strip() == spelling.strip()]
                if len(exact) != 1:
                    hint = "keep one, or give names of your own with `header: false`, `skip_lines:` and `names:`"
                    raise InputRefused(f"{self.source}, line {self.line}: column {spelling!r} comes twice in the header; {hint}")
                return exact[0]
            if places:
                return places[0]
        return None

    def require(self, spellings: Spellings) -> int:
        """`position`, or `InputRefused` with a did-you-mean."""
        position = self.position(spellings)
        if position is None:
            names = " or ".join(map(repr, spellings))
            near = {name.strip().casefold(): name.strip() for name in self.names}
            hint = did_you_mean(spellings[0], list(near)).replace("; did you mean", ", found").replace("; known:", "; the header has")
            raise InputRefused(
                f"{self.source}, line {self.line}: column {names} is missing{hint.rstrip('?')}; add the spelling to the layout"
            )
        return position

    def cell(self, position: int, prefix: str = "s") -> Cell:
        """The text cell at a position of the header."""
        self.wanted[f"{prefix}{position}"] = position
        return Cell(f"{prefix}{position}")


class Sources:
    """Finds the cells of source columns for the rules of one layout and one file."""

    def __init__(self, layout: Layout, header: Header, business_date: datetime.date | None, companions: Mapping[str, Header]) -> None:
        self.layout, self.header, self.business_date = layout, header, business_date
        self.stages = Stages()
        self.companions = companions
        self._looked_up: dict[tuple[str, int], Source] = {}

    def column(self, spellings: Spellings, values: Values, optional: bool = False) -> Source:
        """The cells of one source column. Raises `InputRefused` if the header lacks it, unless `optional`: then it is empty.

        Of a companion file it is the row that may be missing.
        """
        if spellings[0].startswith(SIGN_OF):
            return self._sign(self.column(tuple(spelling.removeprefix(SIGN_OF) for spelling in spellings), values, optional), values)
        if spellings[0].startswith("lookup."):
            found = self._lookup(spellings, values)
            return dataclasses.replace(found, missing=None) if optional else found
        position = self.header.position(spellings) if optional else self.header.require(spellings)
        if position is None:
            self.header.warnings.append(f"{self.header.source}: column {spellings[0]!r} is missing; the layout takes it for empty")
            empty = self.stages.step("''")
            return Source(spellings[0], empty, empty)
        raw = self.header.cell(position)
        return Source(self.header.names[position].strip(), raw, self.clean(raw, values))

    def clean(self, raw: Cell, values: Values) -> Cell:
        """The text without white space at its edges, if the layout trims, and without words that mean no value."""
        cell = self.stages.step(trimmed(raw.name), raw) if values.trim else raw
        if values.empty:
            words = ", ".join(map(quote, values.empty))
            cell = self.stages.step(f"CASE WHEN {cell.name} IN ({words}) THEN '' ELSE {cell.name} END", cell)
        return cell

    def test(self, condition: Condition) -> tuple[str, list[Cell], list[Fault]]:
        """SQL that is true where a condition holds, the cells in it, and what is amiss where a companion lacks the row."""
        named = [spellings for spellings in (condition.source, condition.other) if spellings]
        sources = [self.column(spellings, self.layout.values) for spellings in named]
        cells = [source.text for source in sources]
        return holds(condition, *(cell.name for cell in cells)), cells, [source.missing for source in sources if source.missing]

    def _sign(self, source: Source, values: Values) -> Source:
        """The sign of the number in a column; empty where it has none or what stands there is no number."""
        plain = self.stages.step(number_text.canonical(source.text.name, values), source.text)
        whens = f"WHEN {plain.name} IS NULL THEN '' WHEN {plain.name} = '0' THEN '0' WHEN starts_with({plain.name}, '-') THEN '-'"
        return dataclasses.replace(source, text=self.stages.step(f"CASE {whens} ELSE '+' END", plain))

    def keys(self, lookup: Lookup) -> list[Source]:
        """The cells of this file by which rows of a companion are found."""
        return [self.column(here, self.layout.values) for here, _ in lookup.on]

    def _lookup(self, spellings: Spellings, values: Values) -> Source:
        """A column of a companion: its table is `lookup_<position>` with columns `s<position in its header>` and keys `k0`, `k1`, ..."""
        name = spellings[0].split(".")[1]
        number, lookup = next((i, lookup) for i, lookup in enumerate(self.layout.lookups) if lookup.name == name)
        position = self.companions[name].require(tuple(spelling.split(".", 2)[2] for spelling in spellings))
        if (name, position) not in self._looked_up:
            keys = self.keys(lookup)
            on = [(key.text, f"k{i}") for i, key in enumerate(keys)]
            found, cell = self.stages.join(f"lookup_{number}", on, ["k0", self.companions[name].cell(position).name])
            raw = self.stages.step(f"coalesce({cell.name}, '')", cell)
            named = " OR ".join(f"{key.text.name} <> ''" for key in keys)
            missing = Fault(f"{found.name} IS NULL AND ({named})", "lookup_missing", *_shown(self.stages, keys))
            label = f"{lookup.file}.{self.companions[name].names[position].strip()}"
            self._looked_up[name, position] = Source(label, raw, raw, missing)
        source = self._looked_up[name, position]
        return dataclasses.replace(source, text=self.clean(source.raw, values))


def holds(condition: Condition, name: str, other: str = "''") -> str:
    """SQL that is true where a condition holds for the text in `name`, beside that in `other`."""
    words = ", ".join(map(quote, condition.words))
    return {
        "in": f"{name} IN ({words})",
        "not_in": f"{name} NOT IN ({words})",
        "empty": f"{name} = ''",
        "not_empty": f"{name} <> ''",
        "matches": f"regexp_full_match({name}, {words})",
        "same_as": f"{name} = {other}",
        "differs_from": f"{name} <> {other}",
    }[condition.kind]


def _shown(stages: Stages, keys: list[Source]) -> tuple[str, Cell]:
    if len(keys) == 1:
        return keys[0].label, keys[0].raw
    parts = " || ', ' || ".join(f"{quote(key.label + '=')} || {key.raw.name}" for key in keys)
    return ",".join(key.label for key in keys), stages.step(parts, *(key.raw for key in keys))
