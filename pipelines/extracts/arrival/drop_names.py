"""Which feed a file belongs to, told from its name alone: canonical names, then the site's layouts, then the shipped ones."""

import difflib
import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from pipelines.extracts.contracts.contract import load_contracts
from pipelines.extracts.landing.kept_layouts import FoundLayout, find_layout
from pipelines.extracts.layouts.layout import layout_names

NEAR = 0.8
_PACKED = (".gz", ".zip")
_DATE = re.compile(r"[_-][0-9]{4}-?[0-9]{2}-?[0-9]{2}$")


@dataclass(frozen=True)
class Match:
    """The feed of a file and the layout that reads it; None is the canonical one."""

    feed: str
    layout: FoundLayout | None = None


@dataclass
class Matched:
    """Files by name: those of a feed, what their layouts look things up in, and why a name cannot be settled."""

    main: dict[str, Match] = field(default_factory=dict)
    companions: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def match_files(names: Sequence[str], layout_folders: tuple[Path, ...] = ()) -> Matched:
    """Settle what each file of a drop is. Two files of one feed, two layouts for one file, and a near miss of a feed are problems."""
    shipped, site = _known_layouts(()), _known_layouts(layout_folders) if layout_folders else []
    found = Matched()
    for name in names:
        feed = canonical_feed(name)
        fitting = [Match(feed)] if feed else [Match(at.layout.feed, at) for at in _fitting(name, site) or _fitting(name, shipped)]
        if len(fitting) > 1:
            both = " and ".join(match.layout.layout.name for match in fitting if match.layout)
            found.problems.append(f"{name}: layouts {both} both know this name; name one of them in a manifest, or narrow their `files:`")
        elif fitting:
            found.main[name] = fitting[0]
    for name, match in found.main.items():
        if match.layout:
            _add_companions(found, name, match.layout, names)
    _refuse_several(found)
    used = {*found.main, *(file for beside in found.companions.values() for file in beside.values())}
    found.problems += _near_misses([name for name in names if name not in used])
    return found


def canonical_feed(name: str) -> str:
    """The feed of a canonical file name, with or without a date and packing; empty if it is none.

    >>> canonical_feed("wms_stock.csv"), canonical_feed("erp_items_2026-01-05.CSV.gz"), canonical_feed("stock.csv")
    ('wms_stock', 'erp_items', '')
    """
    stem, ends = _split(name)
    return stem if ends == ".csv" and stem in load_contracts() else ""


def is_companion(name: str, wanted: str) -> bool:
    """Whether a file is the companion that a layout calls `wanted`, with or without a date and any ending.

    >>> [is_companion(name, "LIKP") for name in ("likp.csv", "LIKP_2026-01-05.txt.gz", "LIKPX.csv")]
    [True, True, False]
    """
    return name.lower() == wanted.lower() or _split(name)[0] == wanted.lower()


def _split(name: str) -> tuple[str, str]:
    """A name in lower case without date, and its ending without packing."""
    path = PurePath(name.lower())
    if path.suffix in _PACKED:
        path = path.with_suffix("")
    return _DATE.sub("", path.stem), path.suffix


def _known_layouts(folders: tuple[Path, ...]) -> list[FoundLayout]:
    names = layout_names() if not folders else sorted({path.stem for folder in folders for path in Path(folder).glob("*.yaml")})
    return [find_layout(name, folders) for name in names]


def _fitting(name: str, layouts: Iterable[FoundLayout]) -> list[FoundLayout]:
    """Layouts whose `files:` patterns fit the name, with or without packing, or without date and ending; by default its own name."""
    whole = name.lower()
    bare = next((whole.removesuffix(end) for end in _PACKED if whole.endswith(end)), whole)
    texts = {whole, bare, _split(name)[0]}
    return [
        found
        for found in layouts
        if any(fnmatch.fnmatchcase(text, pattern.lower()) for pattern in found.layout.files or (found.layout.name,) for text in texts)
    ]


def _add_companions(found: Matched, name: str, layout: FoundLayout, names: Sequence[str]) -> None:
    for wanted in layout.layout.companions():
        beside = [other for other in names if other != name and is_companion(other, wanted)]
        if len(beside) == 1:
            found.companions.setdefault(name, {})[wanted] = beside[0]
        else:
            said = f"{len(beside)} files could be it: {', '.join(beside)}" if beside else "which has not come"
            found.problems.append(f"{name}: layout {layout.layout.name} looks things up in {wanted}, {said}")


def _refuse_several(found: Matched) -> None:
    beside = {file for companions in found.companions.values() for file in companions.values()}
    for name in beside & set(found.main):
        del found.main[name]
    feeds = [match.feed for match in found.main.values()]
    for feed in sorted({feed for feed in feeds if feeds.count(feed) > 1}):
        several = ", ".join(name for name, match in found.main.items() if match.feed == feed)
        found.problems.append(f"{several}: {feed} comes in one file per business date; put all rows into one, or take the others away")


def _near_misses(names: Sequence[str]) -> list[str]:
    """Files that are nearly a feed's: a slip of the pen that would leave the feed out."""
    problems = []
    for name in names:
        near = difflib.get_close_matches(_split(name)[0], list(load_contracts()), n=1, cutoff=NEAR)
        if near:
            problems.append(f"{name}: no feed or layout knows this name; did you mean {near[0]}.csv? Rename it or take it away")
    return problems
