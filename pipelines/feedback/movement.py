"""How far a learned number may move in one run, and the row that records the move. No estimator lives here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd

from pipelines.domain.frames import each_row

EPSILON_SHARE = 1e-6
FEEDBACK_COLUMNS = ("parameter", "scope", "old_value", "new_value", "evidence_n", "rule", "run_id", "as_of", "valid_from", "detail")


@dataclass(frozen=True)
class Learned:
    """An estimate for one parameter and scope, before its step is bounded. `detail` says what it was made of."""

    parameter: str
    scope: str
    estimate: float
    evidence_n: float
    rule: str
    starts_from: float | None
    detail: Mapping[str, Any] = field(default_factory=dict)


def bound_step(old: float, new: float, max_step_ratio: float) -> float:
    """`new`, but at most `max_step_ratio` times and at least 1/`max_step_ratio` of `old`; both positive.

    >>> bound_step(4.0, 11.0, 2.0), bound_step(4.0, 1.0, 2.0), bound_step(4.0, 4.5, 2.0)
    (8.0, 2.0, 4.5)
    """
    return min(max(new, old / max_step_ratio), old * max_step_ratio)


def has_moved(old: float | None, new: float) -> bool:
    """False when `new` is within a relative 1e-6 of `old`: rounding is no news.

    >>> has_moved(4.0, 4.000001), has_moved(4.0, 4.00001), has_moved(None, 0.0)
    (False, True, True)
    """
    return old is None or abs(new - old) > EPSILON_SHARE * abs(old)


def read_values(previous: pd.DataFrame) -> dict[tuple[str, str], float]:
    """(parameter, scope) to value, of the rows that were valid when the run started."""
    if not len(previous):
        return {}
    return {(row.parameter, row.scope): float(row.new_value) for row in each_row(previous)}


def feedback_rows(
    learned: list[Learned], known: Mapping[tuple[str, str], float], as_of: date, run_id: str, max_step_ratio: float
) -> pd.DataFrame:
    """Rows for what moved, each step bounded, ordered by parameter and scope; valid from the day after `as_of`."""
    rows = []
    for item in sorted(learned, key=lambda x: (x.parameter, x.scope)):
        old = known.get((item.parameter, item.scope), item.starts_from)
        new = item.estimate if old is None or old <= 0 else bound_step(old, item.estimate, max_step_ratio)
        if not has_moved(old, new):
            continue
        detail = json.dumps({**item.detail, "estimate": item.estimate}, sort_keys=True)
        valid_from = as_of + timedelta(days=1)
        rows.append((item.parameter, item.scope, old, new, float(item.evidence_n), item.rule, run_id, as_of, valid_from, detail))
    return pd.DataFrame(rows, columns=list(FEEDBACK_COLUMNS))
