"""Checks between feeds, remembered: one whose every input is the very frame that it saw before says what it said before.

Which feeds a check looks at is seen while it runs and not written down here, so that a check that learns to look at another is run anew.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from quality.habits import changes
from quality.judging import judge
from quality.reconciliation import day_book, documents, fulfilment, moments, scopes, transfers
from quality.reconciliation.day_book import DayBook

MAX_KEPT = 40
ABSENT = object()
Seen = dict[tuple[int, str], Any]


class Watched(Mapping[str, pd.DataFrame]):
    """Frames by feed that note what was asked for; whoever goes through them all has asked for every one."""

    def __init__(self, frames: Mapping[str, pd.DataFrame], at: int, seen: Seen) -> None:
        self._frames, self._at, self._seen = frames, at, seen

    def __getitem__(self, feed: str) -> pd.DataFrame:
        self._seen[self._at, feed] = self._frames.get(feed, ABSENT)
        return self._frames[feed]

    def __contains__(self, feed: object) -> bool:
        self._seen[self._at, str(feed)] = self._frames.get(str(feed), ABSENT)
        return feed in self._frames

    def __iter__(self) -> Iterator[str]:
        self._seen[self._at, ""] = tuple(self._frames)
        return iter(self._frames)

    def __len__(self) -> int:
        self._seen[self._at, ""] = tuple(self._frames)
        return len(self._frames)


def remember(check: Callable[..., Any]) -> Callable[..., Any]:
    """The check, run only if something that it looked at is another object than each time before."""
    kept: list[tuple[tuple[Any, ...], Seen, Any]] = []

    @functools.wraps(check)
    def remembered(*given: Any) -> Any:
        plain, frames = _take_apart(given)
        for at, known in enumerate(kept):
            if _are_same(known[0], plain) and all(_is_same(_look(frames, place), value) for place, value in known[1].items()):
                kept.append(kept.pop(at))
                return _copy(known[2])
        seen: Seen = {}
        said = check(*_put_together(given, frames, seen))
        kept.append((plain, seen, _copy(said)))
        del kept[:-MAX_KEPT]
        return said

    return remembered


def _take_apart(given: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Mapping[str, Any]]]:
    """What counts as it is, and the frames by feed of which only those that are looked at count."""
    plain, frames = [], []
    for one in given:
        if isinstance(one, DayBook):
            plain += [one.previous_stock, one.date, one.packs, one.policy]
            frames += [one.frames, one.earlier]
        elif isinstance(one, Mapping):
            frames.append(one)
        else:
            plain.append(one)
    return tuple(plain), frames


def _put_together(given: tuple[Any, ...], frames: list[Mapping[str, Any]], seen: Seen) -> list[Any]:
    watched = iter([Watched(each, at, seen) for at, each in enumerate(frames)])
    return [
        replace(one, frames=next(watched), earlier=next(watched))
        if isinstance(one, DayBook)
        else next(watched)
        if isinstance(one, Mapping)
        else one
        for one in given
    ]


def _look(frames: list[Mapping[str, Any]], place: tuple[int, str]) -> Any:
    at, feed = place
    return frames[at].get(feed, ABSENT) if feed else tuple(frames[at])


def _is_same(one: Any, other: Any) -> bool:
    """The same object, or an equal value; frames are never compared by value."""
    if one is other:
        return True
    return not isinstance(one, pd.DataFrame) and not isinstance(other, pd.DataFrame) and one == other


def _are_same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(map(_is_same, one, other))


def _copy(said: Any) -> Any:
    """Lists that the caller may add to."""
    if isinstance(said, tuple):
        return tuple(_copy(one) for one in said)
    return list(said) if isinstance(said, list) else said


def _by_feed(check: Callable[..., Any]) -> Callable[..., Any]:
    """`check_habits` feed by feed, each with the item master beside it."""
    remembered = remember(check)

    def habits(frames: Mapping[str, Any], known: Mapping[str, Any], day: Any) -> tuple[list[Any], list[Any]]:
        checks, failing = [], []
        for feed in sorted(frames):
            beside = {name: frames[name] for name in sorted({feed, "erp_items"}) if name in frames}
            found, wrong = remembered(beside, {name: known[name] for name in (feed,) if name in known}, day)
            checks += found
            failing += wrong
        return checks, failing

    return habits


@contextmanager
def remembering() -> Iterator[None]:
    """Remember what the checks between feeds said. The gate of the judged feed itself is never remembered."""
    with pytest.MonkeyPatch.context() as patch:
        for module, names in (
            (documents, ("_check_kept", "_check_own_day", "_check_agreement", "_check_counts")),
            (transfers, ("_check_states", "_check_settled", "_check_dispatched", "_check_taken_on")),
            (fulfilment, ("_check",)),
            (moments, ("_check",)),
            (scopes, ("_check",)),
            (changes, ("check_master",)),
            (day_book, ("check_stock_replay", "check_shipments", "check_receipts", "check_transit")),
            (judge, ("check_held", "check_cycle")),
        ):
            for name in names:
                patch.setattr(module, name, remember(getattr(module, name)))
        patch.setattr(judge, "check_habits", _by_feed(judge.check_habits))
        yield
