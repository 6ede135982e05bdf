"""Layouts as typed values: how a source's file becomes one canonical feed. One YAML file each, in layouts/ or wherever the user keeps it.

Reading the YAML is in `layout_reading`, what a layout does to text in `mapping`.
"""

import functools
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pipelines.domain.errors import UsageError, did_you_mean
from pipelines.extracts.reading.file_format import CANONICAL, FileFormat

LAYOUTS_DIR = Path(__file__).parent
BUSINESS_DATE = "business_date"
SIGN_OF = "sign."
FILL_IN = "FILL_IN"  # what a draft leaves to do
LAYOUT_NAME = r"[a-z][a-z0-9_]{0,59}"
Spellings = tuple[str, ...]
"""Names that a source column may go by; the first one that the header has counts. `lookup.<name>.<column>` is of a companion file,
`sign.<column>` is `+`, `-` or `0`, the sign of the number in a column."""


@dataclass(frozen=True)
class Values:
    """How a source writes things. `dates` or `times` empty, and no number dialect: such texts meet the contract as they are.

    `factor`-like conversions are no part of this; `whole` lets whole numbers carry a fraction of zeros, `places` fixes how many digits
    stand after the decimal mark.
    """

    decimal: str = "."
    thousands: str = ""
    trailing_minus: bool = False
    parentheses_minus: bool = False
    plus_sign: bool = False
    leading_zeros: bool = False
    bare_decimal: bool = False
    places: int | None = None
    number_dialect: bool = False
    dates: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    time_zone: str = ""
    to: str = ""
    zones: tuple[tuple[str, str], ...] = ()
    zone_column: str = ""
    empty: tuple[str, ...] = ()
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    trim: bool = False


@dataclass(frozen=True)
class Unit:
    """A quantity is multiplied by the factor of the unit that its row names."""

    source: Spellings
    factors: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True)
class Sign:
    """A quantity is negative if its row has a word of `minus`, positive with one of `plus`, as it is written with one of `own`."""

    source: Spellings
    minus: tuple[str, ...]
    plus: tuple[str, ...]
    own: tuple[str, ...] = ()


@dataclass(frozen=True)
class Condition:
    """A test of one source column. `kind` is in, not_in, empty, not_empty, matches, same_as or differs_from (`other` is the column)."""

    source: Spellings
    kind: str
    words: tuple[str, ...] = ()
    other: Spellings = ()


@dataclass(frozen=True)
class ColumnRule:
    """Where the text of one canonical column comes from and what happens to it, in the order of these fields.

    `kind` is from, value, business_date, sum, join or first; `sources` are its columns, `minus` those that a sum takes off.
    """

    column: str
    kind: str
    values: Values
    sources: tuple[Spellings, ...] = ()
    minus: tuple[Spellings, ...] = ()
    value: str = ""
    glue: str = ""
    time_from: Spellings = ()
    optional: bool = False
    gaps: bool = False
    part: str = ""
    prefix: str = ""
    suffix: str = ""
    strip_zeros: bool = False
    replace: tuple[tuple[str, str], ...] = ()
    codes: tuple[tuple[str, str], ...] = ()
    otherwise: str | None = None
    multiply: Decimal | None = None
    multiply_by: Spellings = ()
    unit: Unit | None = None
    divide_by: Spellings | Decimal = ()
    sign: Sign | None = None
    round: str = ""
    whole: bool = False
    add_days: int = 0
    when: tuple[Condition, ...] = ()
    default: str = ""
    line: int = 0


@dataclass(frozen=True)
class Lookup:
    """A companion file and how its rows are found: pairs of a column of this file (or an earlier lookup) and one of the companion.

    Rows for which `where` does not hold count as missing; of several rows of a key the one with the `latest` day counts.
    """

    name: str
    file: str
    on: tuple[tuple[Spellings, Spellings], ...]
    format: FileFormat = CANONICAL
    where: tuple[Condition, ...] = ()
    latest: Spellings = ()


@dataclass(frozen=True)
class Group:
    """Rows of one key are added up. `one_row_per` are the source columns that tell the rows apart: one that comes twice is no sum."""

    sum: tuple[str, ...]
    one_row_per: tuple[Spellings, ...]


@dataclass(frozen=True)
class Layout:
    """One source's file as one canonical feed; `digest` is the sha256 of its text.

    `files` are patterns of the names (`MARD*`) by which its files are known in a drop without a manifest.
    """

    name: str
    system: str
    feed: str
    description: str
    file: FileFormat = CANONICAL
    values: Values = Values()
    where: tuple[Condition, ...] = ()
    columns: tuple[ColumnRule, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    group: Group | None = None
    digest: str = ""
    files: tuple[str, ...] = ()

    @property
    def is_canonical(self) -> bool:
        """Whether the file is already written as the contract has it, so that there is nothing to map."""
        return not self.columns

    def companions(self) -> tuple[str, ...]:
        """Names of the companion files that must lie beside the file."""
        return tuple(dict.fromkeys(lookup.file for lookup in self.lookups))


def load_layout(name_or_path: str | Path, folders: tuple[Path, ...] = ()) -> Layout:
    """A layout by name, from `folders` first and then the shipped ones, or by the path of its YAML file.

    Raises `UsageError` naming file, line and key path for a layout that cannot be meant, with a did-you-mean where a name is near.
    """
    text = str(name_or_path)
    if not re.fullmatch(LAYOUT_NAME, text):
        return _read(Path(name_or_path))
    for folder in folders:
        if (Path(folder) / f"{text}.yaml").is_file():
            return _read(Path(folder) / f"{text}.yaml")
    known = layout_names(folders)
    if text not in known:
        raise UsageError(f"unknown layout {text!r}{did_you_mean(text, known)}; or give the path of a .yaml file")
    return _shipped(text)


def layout_names(folders: tuple[Path, ...] = ()) -> list[str]:
    """Names of all layouts that `load_layout` finds, sorted."""
    return sorted({path.stem for folder in (*folders, LAYOUTS_DIR) for path in Path(folder).glob("*.yaml")})


@functools.cache
def _shipped(name: str) -> Layout:
    return _read(LAYOUTS_DIR / f"{name}.yaml")


def _read(path: Path) -> Layout:
    from pipelines.extracts.layouts.layout_document import MAX_LAYOUT_BYTES
    from pipelines.extracts.layouts.layout_reading import read_layout

    if not path.is_file():
        raise UsageError(f"{path}: no such layout file; `evenstock layout draft` writes a first one")
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{path}: a layout is a .yaml file")
    with path.open("rb") as stream:
        data = stream.read(MAX_LAYOUT_BYTES + 1)
    return read_layout(data, str(path))
