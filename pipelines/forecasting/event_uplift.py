"""What events known ahead do to demand: their uplift as declared, or learnt from past events of the kind. No calendar is known here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.domain.demand import KnownEvent
from pipelines.forecasting.pooling import Pools

AROUND_DAYS = 28
PRIOR_EVENTS = 0.5
HIGHEST_FACTOR = 20.0


@dataclass(frozen=True)
class Occasion:
    """One event on the panel: its kind, the periods `first` to `last` counted from the panel's first, its series, the declared factor."""

    kind: str
    first: int
    last: int
    series: np.ndarray
    factor: float | None


def place_events(events: Sequence[KnownEvent], names: dict[str, np.ndarray], begin: np.datetime64, days: int, end: int) -> list[Occasion]:
    """Events that touch periods 0 to `end` - 1 of `days` days from `begin`; `names` holds each series' location, category and item.

    A week counts as touched by an event on one of its days; declared uplifts count by the share of its days.
    """
    found = []
    for event in events:
        start, stop = (int((day - begin).astype(np.int64)) for day in (event.start, event.end))
        first, last = max(start // days, 0), min(stop // days, end - 1)
        everywhere = event.scope == "network"
        series = np.arange(len(names["item"])) if everywhere else np.flatnonzero(names[event.scope] == event.scope_id)
        if first > last or not len(series):
            continue
        share = (stop - start + 1) / ((last - first + 1) * days)
        factor = None if event.uplift_share is None else max(1.0 + event.uplift_share * min(share, 1.0), 0.0)
        found.append(Occasion(event.kind, first, last, series, factor))
    return found


def touched(occasions: Sequence[Occasion], periods: int, series: int) -> np.ndarray:
    """Cells (T, N) of the history that an event touches; series under events half of the time or more are not marked at all."""
    mask = np.zeros((periods, series), dtype=bool)
    for one in occasions:
        mask[one.first : one.last + 1, one.series] = True
    mask[:, mask.mean(axis=0) >= 0.5] = False
    return mask


def apply_events(
    occasions: Sequence[Occasion], demand: np.ndarray, effort: np.ndarray, mask: np.ndarray, ahead: np.ndarray, pools: Pools, around: int
) -> None:
    """Multiply `effort` (T, N) and the pattern `ahead` (H, N) by the events' factors, in place.

    Learnt factor = 1 + n / (n + 0.5) x (sold / expected - 1), n past events of the kind, expected from the `around` periods without events
    before and after; by location x category drawn to the kind's own in the same way. A kind without a past event changes nothing.
    """
    learnt = _learn(occasions, demand, effort, mask, pools, around)
    periods = len(demand)
    for one in occasions:
        factor = learnt.get(one.kind, np.ones(int(pools.group.max()) + 1))[pools.group[one.series]]
        if one.factor is not None:
            factor = np.full(len(one.series), one.factor)
        if one.first < periods:
            effort[one.first : min(one.last + 1, periods), one.series] *= np.maximum(factor, 1e-3)
        if one.last >= periods:
            ahead[max(one.first - periods, 0) : one.last + 1 - periods, one.series] *= factor


def _learn(
    occasions: Sequence[Occasion], demand: np.ndarray, effort: np.ndarray, mask: np.ndarray, pools: Pools, around: int
) -> dict[str, np.ndarray]:
    """Factor per kind by location x category (G,)."""
    groups = int(pools.group.max()) + 1
    sums: dict[str, np.ndarray] = {}
    for one in occasions:
        if one.factor is not None or one.last >= len(demand):
            continue
        expected, sold = _event_sums(one, demand, effort, mask, around)
        code = pools.group[one.series]
        row = np.stack([np.bincount(code, values, groups) for values in (sold, expected)])
        total = sums.setdefault(one.kind, np.zeros((3, groups)))
        total[:2] += row
        total[2] += row[1] > 0
    return {kind: _shrunk_factor(*total) for kind, total in sums.items()}


def _event_sums(one: Occasion, demand: np.ndarray, effort: np.ndarray, mask: np.ndarray, around: int) -> tuple[np.ndarray, np.ndarray]:
    inside = slice(one.first, one.last + 1)
    near = np.r_[max(one.first - around, 0) : one.first, one.last + 1 : min(one.last + 1 + around, len(demand))]
    cells = np.ix_(near, one.series)
    usual = ~mask[cells]
    sold, known = (np.where(usual, values[cells], 0.0).sum(axis=0) for values in (demand, effort))
    level = np.divide(sold, known, out=np.zeros_like(sold), where=known > 1e-9)
    return level * effort[inside, one.series].sum(axis=0), demand[inside, one.series].sum(axis=0)


def _shrunk_factor(sold: np.ndarray, expected: np.ndarray, count: np.ndarray) -> np.ndarray:
    if not expected.sum() > 0:
        return np.ones(len(sold))
    events = count.max()
    overall = 1.0 + events / (events + PRIOR_EVENTS) * (sold.sum() / expected.sum() - 1.0)
    own = np.divide(sold, expected, out=np.full_like(sold, overall), where=expected > 1e-9)
    return np.clip(overall + count / (count + PRIOR_EVENTS) * (own - overall), 0.0, HIGHEST_FACTOR)
