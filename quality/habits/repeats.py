"""Yesterday's file again: rows that are an earlier day's, dates and numbering aside, and more unchanged rows than the feed's past shows."""

import hashlib
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quality.habits.history import Scene, comparable
from quality.verdicts import GateCheck

MIN_EVENTS = 8
MIN_CHANGED = 12
QUIET_SHARE = 0.1
MIN_DAYS = 3
DAY_US = 86_400_000_000.0


def fingerprint(scene: Scene) -> str:
    """Digest of the rows in any order, dates and row numbers aside; times count by the clock. Empty for no rows."""
    hashes = _hashes_of_today(scene)
    return hashlib.sha256(np.sort(hashes).tobytes()).hexdigest() if len(hashes) else ""


def count_changed_rows(scene: Scene) -> int:
    """Rows that the partition before did not hold, dates aside; -1 where there is no partition before."""
    if not len(scene.history.before):
        return -1
    return int((~np.isin(_hashes_of_today(scene), _row_hashes(scene.history.before, scene))).sum())


def check_repeated_rows(scene: Scene, mark: str, changed_rows: int) -> GateCheck:
    """The rows are not an earlier business date's under another date, and about as many changed as on earlier days.

    Master data repeat as a matter of course and are not judged. Events of 8 rows or more never repeat. Of a stock snapshot c rows
    changed; it is an old one if c is below a tenth of the least of 3 or more earlier days that had at least 12 changes. That only warns:
    on a day without movements stock rightly stays, and on any other the replay against movements blocks.
    """
    contract, rows = scene.contract, len(scene.rows)
    expected = "rows of its own"
    same = [date for date, known in sorted(scene.history.fingerprints.items()) if known and known == mark]
    if not contract.date_column:
        return GateCheck("repeated_rows", True, "block", "master data may repeat", expected)
    if contract.kind == "event":
        repeats = bool(same) and rows >= MIN_EVENTS
        observed = f"all {rows} rows are those of {same[-1]}" if same else f"{rows} rows, on no earlier day"
        more = _repeated_share(scene, changed_rows)
        if not repeats and more >= 0.5 and rows >= MIN_EVENTS:
            return GateCheck("repeated_rows", False, "block", f"{more:.0%} of {rows} rows are those of the day before", expected)
        return GateCheck("repeated_rows", not repeats, "block", observed, expected)
    least = min(scene.history.changed_rows, default=0)
    judged = len(scene.history.changed_rows) >= MIN_DAYS and least >= MIN_CHANGED and changed_rows >= 0
    repeats = judged and (changed_rows < QUIET_SHARE * least or bool(same))
    observed = f"{changed_rows} of {rows} rows changed" + (f", all are those of {same[-1]}" if same else "")
    return GateCheck(
        "repeated_rows", not repeats, "warn", observed, f"{expected}; {least} or more changed on earlier days" if judged else expected
    )


def _repeated_share(scene: Scene, changed_rows: int) -> float:
    """Share of today's events that stood in the partition before with the same clock time; events that come again, as orders do, aside."""
    if changed_rows < 0 or not len(scene.rows):
        return 0.0
    return 1.0 - changed_rows / len(scene.rows)


def _hashes_of_today(scene: Scene) -> NDArray[np.uint64]:
    if ("hashes", "") not in scene.memo:
        scene.memo["hashes", ""] = _row_hashes(scene.rows, scene)
    return scene.memo["hashes", ""]


def _row_hashes(frame: pd.DataFrame, scene: Scene) -> NDArray[np.uint64]:
    """One number per row over all columns but the numbers of events and their documents; times without their day."""
    keys = {reference.column for reference in scene.contract.references}
    skipped = {scene.contract.key[0], "order_id", "po_id"} - keys if scene.contract.kind == "event" else set()
    if scene.contract.kind == "event" and scene.contract.key[0] == "transfer_id":
        skipped = set()
    columns = {}
    for column in scene.contract.columns:
        if column.type == "date" or column.name in skipped or column.name not in frame:
            continue
        values = comparable(frame[column.name])
        columns[column.name] = values % DAY_US if column.type == "timestamp" else values
    hash_rows: Any = pd.util.hash_pandas_object
    return hash_rows(pd.DataFrame(columns), index=False).to_numpy() if columns else np.zeros(0, dtype=np.uint64)
