"""Which column of an unknown file could be which canonical one, with a confidence and the reason. A person decides."""

import difflib
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.extracts.contracts.contract import Column, FeedContract, load_contracts
from pipelines.extracts.drafting.draft_values import Profile, packed_formats
from pipelines.extracts.layouts.layout import LAYOUTS_DIR, SIGN_OF, load_layout

SURE, KNOWN, WORD = 1.0, 0.95, 0.9
SURE_ENOUGH = 0.8
NEAR = 0.5
_TABLE_COLUMNS = 4
_RANK, _BARE = 0.0005, 0.98
_DAY_ONLY, _MOSTLY_EMPTY, _NO_KEY = 0.94, 0.85, 0.5
WORDS_FILE = Path(__file__).with_name("draft_words.yaml")


@dataclass(frozen=True)
class Match:
    """One proposed pair: a canonical column, the position of the source column, how sure (0 to 1) and why."""

    column: str
    position: int
    confidence: float
    why: str


@functools.lru_cache(maxsize=10_000)
def plain_name(text: str) -> str:
    """A name as words, those that mean the same being one: `OnHandQty`, `on_hand_quantity` and `ON-HAND QTY` are alike.

    >>> plain_name("OnHandQuantity"), plain_name("ON-HAND QTY"), plain_name("Whse Nbr")
    ('on hand qty', 'on hand qty', 'warehouse no')
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    alike = _words()["alike"]
    return " ".join(alike.get(word, word) for word in re.findall(r"[^\W_]+", apart.lower()))


def match_columns(names: Sequence[str], profiles: Sequence[Profile], contract: FeedContract) -> dict[str, Match]:
    """The surest pairs, each source column used once. A name that is merely like another is no pair: `available` is like `unavailable`."""
    found, bare = [], bare_names(names)
    for rank, column in enumerate(contract.columns):
        for position, name in enumerate(names):
            confidence, why = _confidence(name, column, contract)
            if bare[position] != name:
                within, reason = _confidence(bare[position], column, contract)
                confidence, why = max((confidence, why), (within * _BARE, reason))
            confidence *= _fit(profiles[position], column, contract)
            if confidence >= SURE_ENOUGH:
                found.append((-confidence, rank, position, Match(column.name, position, confidence, why)))
    chosen: dict[str, Match] = {}
    taken: set[int] = set()
    for _, _, position, match in sorted(found, key=lambda entry: entry[:3]):
        if match.column not in chosen and position not in taken:
            chosen[match.column] = match
            taken.add(position)
    return chosen


def bare_names(names: Sequence[str]) -> list[str]:
    """The names without what all of them start with, such as the two letters of a table or its name and `_`; `parent.` goes from any.

    >>> bare_names(["tr_part", "tr_site", "tr_date", "tr_type"]), bare_names(["LIITM", "LIMCU", "LIPQOH", "LILOTN"])
    (['part', 'site', 'date', 'type'], ['ITM', 'MCU', 'PQOH', 'LOTN'])
    """
    names = [name.rpartition("parent.")[2] if name.startswith("parent.") else name for name in names]
    first, last = min(filter(None, names), default=""), max(names, default="")
    start = first[: next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))]
    marked = re.match(r"[A-Za-z0-9]{1,12}[_.]", start)
    if len(names) < _TABLE_COLUMNS:
        return list(names)
    if marked:
        return [name.removeprefix(marked[0]) for name in names]
    if len(start) >= 2 and all(re.fullmatch(r"[A-Z][A-Z0-9]{3,7}", name) for name in names):
        return [name[2:] for name in names]
    return list(names)


def nearest(column: Column, names: Sequence[str]) -> list[str]:
    """Source columns whose names come nearest to a canonical column that found no partner; at most three."""
    wanted = [plain_name(word) for word in (column.name, *column.aliases, *usual_words(column.name))]
    scored = sorted(
        ((max(_likeness(plain_name(name), word) for word in wanted), name) for name in names), key=lambda pair: (-pair[0], pair[1])
    )
    return [name for score, name in scored[:3] if score >= NEAR]


def usual_words(column: str) -> tuple[str, ...]:
    """What people call a canonical column."""
    return tuple(_words()["columns"].get(column, ()))


def sign_words() -> dict[str, list[str]]:
    """Words of minus and plus, in lower case."""
    return _words()["signs"]


def base_units() -> tuple[str, ...]:
    """Words for a single piece, in upper case."""
    return tuple(_words()["base_units"])


@functools.cache
def _words() -> dict[str, Any]:
    import yaml

    return yaml.safe_load(WORDS_FILE.read_text(encoding="utf-8"))


def is_one_of(name: str, kind: str) -> bool:
    """Whether a source column is likely to be of a kind, which is a key of the words' file that ends with `_columns`."""
    return _same(name, tuple(_words()[kind]))


def is_total(cell: str) -> bool:
    """Whether a cell says that its line adds others up."""
    return cell.strip(" :.").lower() in _words()["totals"]


def is_base(name: str) -> bool:
    """Whether the name of a quantity says that it is in single units, whatever the unit of its row."""
    return bool(set(plain_name(name).split()) & {"primary", "base", "internal"})


def _confidence(name: str, column: Column, contract: FeedContract) -> tuple[float, str]:
    if _same(name, (column.name, *column.aliases)):
        return SURE, "the name in the contract"
    known = known_names().get((column.name, name.upper()))
    if known:
        return (KNOWN if known[1] == contract.feed else WORD), f"as in layout {known[0]}"
    for rank, word in enumerate(usual_words(column.name)):
        if _same(name, (word,)):
            return WORD - _RANK * rank, "a usual name"
    return 0.0, ""


def _same(name: str, words: tuple[str, ...]) -> bool:
    """Whether a name is one of some words; in names of capitals alone nobody sees where a word ends."""
    plain, glued = _spelled(words)
    return plain_name(name) in plain or _without_measure(name) in plain or _glued(name) in glued


@functools.lru_cache(maxsize=10_000)
def _spelled(words: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(map(plain_name, words)), frozenset(map(_glued, words))


def _glued(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@functools.lru_cache(maxsize=10_000)
def _without_measure(name: str) -> str:
    """`Weight (lb)` as `weight`."""
    measures = {word for units in _words()["measures"].values() for word in units}
    return " ".join(word for word in plain_name(name).split() if word not in measures)


def measure_of(name: str, unit: str) -> tuple[str, str]:
    """The unit of weight or volume in a name and its factor to `unit` (kg or m3); empty if the name says none.

    >>> measure_of("Weight (lb)", "kg"), measure_of("Weight kg", "kg"), measure_of("Weight", "kg")
    (('lb', '0.45359237'), ('kg', '1'), ('', ''))
    """
    known = _words()["measures"][unit]
    return next(((word, str(known[word])) for word in plain_name(name).split() if word in known), ("", ""))


def _likeness(one: str, other: str) -> float:
    """Shared words count as much as shared letters: `qty on hand total` is near `on hand qty`."""
    mine, theirs = set(one.split()), set(other.split())
    shared = len(mine & theirs) / max(len(mine | theirs), 1)
    return max(shared, difflib.SequenceMatcher(None, one, other, autojunk=False).ratio())


def _fit(profile: Profile, column: Column, contract: FeedContract) -> float:
    """How well the sampled cells suit the column: 1 where they do or say nothing."""
    if profile.kind == "empty":
        return 1.0 if column.nullable else _MOSTLY_EMPTY
    fit = _fit_of_type(profile, column)
    if not column.nullable and 2 * profile.missing > profile.rows:
        fit *= _MOSTLY_EMPTY
    if contract.key == (column.name,) and contract.kind == "event" and profile.distinct < profile.rows - profile.missing:
        fit *= _NO_KEY
    return fit


def _fit_of_type(profile: Profile, column: Column) -> float:
    if column.type in ("integer", "double") or column.decimals is not None:
        return 1.0 if profile.kind == "number" else 0.3
    if column.type in ("date", "timestamp"):
        if profile.kind == "number" and packed_formats(profile.words, column.type):
            return 1.0
        return {"date": 1.0 if column.type == "date" else _DAY_ONLY, "time": 1.0}.get(profile.kind, 0.3)
    return 0.5 if profile.kind in ("date", "time", "clock") else 1.0


@functools.cache
def known_names() -> dict[tuple[str, str], tuple[str, str]]:
    """(canonical column, SOURCE COLUMN) -> name and feed of the first shipped layout that reads the one from the other."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    feeds = load_contracts()
    for path in sorted(LAYOUTS_DIR.glob("*.yaml")):
        layout = load_layout(path.stem)
        for rule in layout.columns if layout.feed in feeds else ():
            for spelling in rule.sources[0] if rule.kind == "from" else ():
                if not spelling.startswith(("lookup.", SIGN_OF)):
                    found.setdefault((rule.column, spelling.upper()), (layout.name, layout.feed))
    return found
