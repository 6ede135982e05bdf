"""Columns that changed places and columns that slipped by a row, told by what the same keys, or the same columns, held before."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.extracts.contracts.contract import Column
from quality.habits.history import NUMERIC, Floats, Scene, equal
from quality.verdicts import GateCheck, examples

MIN_ROWS = 5
MIN_MASTER_ROWS = 2
MIN_ORDERED = 20
MIN_NEAR_ROWS = 15
MAX_DOMAIN = 50_000
# Pairs of which everybody knows the order, even where there is no past.
USUAL_ORDER = {"erp_items": (("unit_cost_usd", "unit_price_usd"),)}
Marks = NDArray[np.bool_]


def check_swapped_columns(scene: Scene) -> GateCheck:
    """No two columns of a kind changed places.

    Four signs, each enough: rows hold what the other column held before under the same key; the order of two numbers or dates that held
    in 95 % of the past is turned round in 80 % of the rows; the words of one column are those of the other's past; the two ends of a
    lane or transfer are each other's.
    """
    said = [f"{a} and {b}: {why}" for a, b, why in _swaps(scene)]
    return GateCheck(
        "swapped_columns", not said, "block", f"{len(said)} pairs of columns", "every column under its own name", examples(said)
    )


def check_shifted_rows(scene: Scene) -> GateCheck:
    """No column slipped by one row or more against the key: in the order of the file, values are those of a neighbour's past."""
    said = []
    if len(scene.rows) >= MIN_ROWS:
        columns = [column for column in scene.contract.columns if column.name not in (*scene.contract.key, "line_no")]
        for column in columns:
            step = _slip(scene, column)
            if step:
                said.append(f"{column.name} holds the values of {'the row before' if step > 0 else 'the next row'}")
    return GateCheck("shifted_rows", not said, "block", f"{len(said)} columns", "every value beside its own key", examples(said))


def _swaps(scene: Scene) -> list[tuple[str, str, str]]:
    found = []
    for a, b in combinations(scene.contract.columns, 2):
        if _kind(a) != _kind(b) or "line_no" in (a.name, b.name):
            continue
        why = _why_swapped(scene, a, b)
        if why:
            found.append((a.name, b.name, why))
    return found


def _why_swapped(scene: Scene, a: Column, b: Column) -> str:
    keys = {a.name, b.name} & set(scene.key)
    if scene.is_keyed and not keys and _holds_other(scene, a, b):
        return "rows hold what the other column held before"
    if _kind(a) in ("number", "time") and a.unit == b.unit and _is_turned(scene, a.name, b.name):
        return "their order is the other way round than before"
    if _kind(a) == "text" and not _has_same_words(scene, a, b) and _words_swapped(scene, a.name, b.name):
        return "their words are those of the other column before"
    if {a.name, b.name} == {"origin", "destination"} and _ends_swapped(scene):
        return "the same keys had the two ends the other way round"
    return ""


def _kind(column: Column) -> str:
    if column.type in NUMERIC:
        return "number"
    return {"date": "time", "timestamp": "time"}.get(column.type, column.type)


def _holds_other(scene: Scene, a: Column, b: Column) -> bool:
    """Rows whose two values differed before: do they hold the other's value more often than their own?"""
    at, least = scene.match, MIN_ROWS if scene.contract.date_column else MIN_MASTER_ROWS
    was_a, was_b = scene.was(a.name), scene.was(b.name)
    told = (at >= 0) & ~equal(was_a, was_b)
    if told.sum() < least:
        return False
    is_a, is_b = scene.now(a.name)[told], scene.now(b.name)[told]
    own = (equal(is_a, was_a[told]) & equal(is_b, was_b[told])).mean()
    other = (equal(is_a, was_b[told]) & equal(is_b, was_a[told])).mean()
    return bool(other >= 0.5 and other > own + 0.3)


def _is_turned(scene: Scene, a: str, b: str) -> bool:
    now = _order(scene.now(a), scene.now(b))
    if sum(now) < MIN_ROWS:
        return False
    if (a, b) in USUAL_ORDER.get(scene.contract.feed, ()) and now[0] > 0.6 * sum(now):
        return True
    was = _order(scene.past(a), scene.past(b))
    if sum(was) < MIN_ORDERED:
        return False
    up, down = (0, 1) if was[0] > was[1] else (1, 0)
    return was[up] >= 0.95 * sum(was) and now[down] >= 0.8 * sum(now)


def _order(one: Floats, other: Floats) -> tuple[int, int]:
    """Rows in which the first is above the second, and below it; empty values are neither."""
    return int((one > other).sum()), int((one < other).sum())


def _has_same_words(scene: Scene, a: Column, b: Column) -> bool:
    """Events may name the keys of one feed in either column any day: the first goods that come back went the other way before."""
    named = {reference.column: reference.feed for reference in scene.contract.references}
    return not scene.is_keyed and a.name in named and named[a.name] == named.get(b.name)


def _words_swapped(scene: Scene, a: str, b: str) -> bool:
    if _share_of_words(scene, a, a) > 0.2 or _share_of_words(scene, b, b) > 0.2:
        return False
    return max(_share_of_words(scene, a, b), _share_of_words(scene, b, a)) >= 0.8


def _share_of_words(scene: Scene, column: str, other: str) -> float:
    """Share of a column's values that are among the other column's of the past; 1 for its own where too little is known to tell."""
    now, words = scene.now(column), scene.words(other)
    known = now[~np.isnan(now)]
    if len(known) < MIN_ROWS or not 2 <= len(words) <= MAX_DOMAIN:
        return float(column == other)
    return float(np.isin(known, words).mean())


def _ends_swapped(scene: Scene) -> bool:
    """Lanes: rows equal what the opposite lane was. Transfers: lines known before went the other way then."""
    if scene.is_keyed:
        return _opposite_rowsequal(scene)
    names = ["transfer_id", "line_id"]
    past = scene.history.recent
    if not {*names, "origin", "destination"} <= set(past.columns) or not len(past):
        return False
    ends = past.drop_duplicates(names).set_index(names)[["origin", "destination"]]
    known = scene.rows[[*names, "origin", "destination"]].join(ends, on=names, rsuffix="_before").dropna(subset=["origin_before"])
    turned = (known["origin"] == known["destination_before"]) & (known["destination"] == known["origin_before"])
    return len(known) > 0 and bool(turned.mean() >= 0.5)


def _opposite_rowsequal(scene: Scene) -> bool:
    before, key = scene.history.before, scene.key
    if len(before) < MIN_ROWS or len(scene.rows) < MIN_ROWS or {"origin", "destination"} - set(key):
        return False
    columns = [c.name for c in scene.contract.columns if c.name not in key]

    def rows_of(frame: pd.DataFrame, turned: bool) -> dict[tuple, tuple]:
        named = frame.rename(columns={"origin": "destination", "destination": "origin"}) if turned else frame
        values = frame[columns].astype(object).where(frame[columns].notna(), None)
        return dict(zip(named[key].itertuples(index=False, name=None), values.itertuples(index=False, name=None), strict=True))

    now, own, other = rows_of(scene.rows, False), rows_of(before, False), rows_of(before, True)
    told = [k for k in now if own.get(k) != other.get(k)]
    if len(told) < MIN_ROWS:
        return False
    as_own, as_other = (sum(now[k] == past.get(k) for k in told) / len(told) for past in (own, other))
    return as_other >= 0.5 and as_other > as_own + 0.3


def _slip(scene: Scene, column: Column) -> int:
    """1 or -1 if a column holds what its neighbour in the file held (or, of events, usually holds), 0 if it stayed."""
    if scene.is_keyed:
        at, is_fixed = scene.match[scene.source_order], scene.contract.date_column is None or column.type not in NUMERIC
        if (at >= 0).sum() < MIN_ROWS:
            return 0
        return _better_neighbour(
            scene.now(column.name)[scene.source_order], scene.was(column.name, at), at >= 0, equal if is_fixed else _near
        )
    if column.type not in NUMERIC or column.unit == "units":
        return 0
    usual, now = scene.usual(column.name)[scene.source_order], scene.size(column.name)[scene.source_order]
    return _better_neighbour(now, usual, usual > 0, lambda one, other: np.abs(one - other) <= 0.01 * np.abs(other))


def _near(one: Floats, other: Floats) -> Marks:
    """Quantities that a day's sales may lie between."""
    return np.abs(one - other) <= 0.15 * np.abs(other) + 1.0


def _better_neighbour(now: Floats, own: Floats, known: Marks, is_equal: Callable[[Floats, Floats], Marks]) -> int:
    for step in (1, -1):
        other, has_other = np.roll(own, step), known & np.roll(known, step)
        edge = 0 if step > 0 else -1
        has_other[edge] = False
        told = has_other & ~is_equal(own, other)
        if told.sum() < (MIN_NEAR_ROWS if is_equal is _near else MIN_ROWS):
            continue
        stays, slips = (float(is_equal(now[told], past[told]).mean()) for past in (own, other))
        if slips >= 0.5 and slips > stays + 0.3:
            return step
    return 0
