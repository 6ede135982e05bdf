"""Rows that came after the day they are about. They lie in the partition that they came in, and the marts count them for their own day."""

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.flows.run import FEEDS
from pipelines.store.home import Home

if TYPE_CHECKING:
    import pandas as pd


def read_late_rows(home: Home, day: dt.date, known_at: dt.date) -> "dict[str, pd.DataFrame]":
    """Rows of events about `day` that came in later partitions up to `known_at` and that the day's own did not hold, by feed.

    A row whose key the day's partition held is a change of state, not a late row. Feeds without late rows are left out.
    """
    import pandas as pd

    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.lake.partitions import current_files, read_frame

    late = {}
    for feed in FEEDS:
        contract = load_contract(feed)
        if contract.kind != "event" or not contract.date_column:
            continue
        files = [file for file in current_files(home.lake, feed, known_at) if file.business_date >= day]
        own = [file for file in files if file.business_date == day]
        known = _keys(read_frame(own[0].path), contract.key) if own else set()
        parts = [_rows_about(str(file.path), contract.date_column, day) for file in files if file.business_date > day]
        found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        if len(found):
            found = found[[key not in known for key in zip(*(found[name] for name in contract.key), strict=True)]]
            found = found.drop_duplicates(list(contract.key), keep="last")
        if len(found):
            late[feed] = found.reset_index(drop=True)
    return late


def blocked_dates(home: Home, before: dt.date) -> list[dt.date]:
    """Judged dates before `before` that the reconciliation between feeds blocked."""
    found = []
    for path in sorted(home.gates.glob("*/reconciliation.json")):
        day = dt.date.fromisoformat(path.parent.name)
        if day < before and not json.loads(path.read_text(encoding="utf-8"))["passed"]:
            found.append(day)
    return found


def _keys(frame: "pd.DataFrame", key: tuple[str, ...]) -> set[tuple]:
    return set(zip(*(frame[name] for name in key), strict=True))


def _rows_about(path: str, column: str, day: dt.date) -> "pd.DataFrame":
    import pandas as pd

    from pipelines.extracts.lake.partitions import read_frame

    frame = read_frame(Path(path))
    return frame[pd.to_datetime(frame[column]).dt.normalize() == pd.Timestamp(day)]
