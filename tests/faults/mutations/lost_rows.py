"""Are true rows that were not accepted those in quarantine? Each must be told from one refused line of its own: another line's refusal
says nothing of a row that is gone.
"""

import csv
import functools
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.extracts.contracts.contract import load_contract

_WORD = re.compile(r"[^\s,;|\"'=]+")
# A mutated line is still that row's if it holds so much of what was in the row's cells.
ALIKE_SHARE = 0.5


def find_lost(
    feed: str, clean: bytes, missing: Iterable[Mapping[str, Any]], quarantined: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The missing rows that no quarantined line (line and raw text, each for one row) accounts for.

    A line accounts for a row if it holds half of the row's words of the `clean` file, or all of its key; its own line number comes first.
    """
    lines, pool, unplaced, lost = _lines_of(feed, clean), {q["line"]: _words(q["raw"] or "") for q in quarantined}, [], []
    for row in missing:
        line, words, key = lines[_key_text(feed, row)]
        if line in pool and _is_alike(words, key, pool[line]):
            del pool[line]
        else:
            unplaced.append((row, words, key))
    for row, words, key in unplaced:
        found = next((line for line, seen in pool.items() if _is_alike(words, key, seen)), None)
        if found is None:
            lost.append(row)
        else:
            del pool[found]
    return lost


def _is_alike(words: frozenset[str], key: frozenset[str], seen: frozenset[str]) -> bool:
    return key <= seen or len(words & seen) >= ALIKE_SHARE * len(words)


@functools.lru_cache(maxsize=64)
def _lines_of(feed: str, clean: bytes) -> dict[tuple[str, ...], tuple[int, frozenset[str], frozenset[str]]]:
    """By key: the line of a row in the clean file, its words and those of its key."""
    names, found = load_contract(feed).key, {}
    for line, row in enumerate(csv.DictReader(io.StringIO(clean.decode("utf-8"), newline="")), start=2):
        key = tuple(row[name] for name in names)
        found[key] = (line, _words(" ".join(row.values())), _words(" ".join(key)))
    return found


def _key_text(feed: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """The key of a typed row as the canonical file writes it."""
    return tuple(_text(row[name]) for name in load_contract(feed).key)


def _text(value: Any) -> str:
    return "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))
