"""Adding and listing people's overrides of forecasts. They hold from the next night on: what is published stays as it was."""

import datetime as dt
import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.domain.errors import UsageError, shown
from pipelines.store.home import Home, newest_judged_date, read_publication

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Override:
    """What a person says of an item's demand, at a location or at all (''), from `start` to `end`: x `value`, or `value` units a week."""

    author: str
    reason: str
    location_id: str
    item_id: str
    kind: str
    value: float
    start: dt.date
    end: dt.date


def add_override(home: Home, ledger_url: str, override: Override, decided_at: str) -> tuple[str, dt.date]:
    """Keep an override in the ledger; returns its id and the first business date whose night reads it.

    Raises `UsageError` for an item or location that the current publication does not know, and for one that is over already.
    """
    from pipelines.store.ledger import open_ledger

    publication = read_publication(home)
    _refuse_unknown(publication.path, override)
    effective = (newest_judged_date(home) or publication.as_of) + dt.timedelta(days=1)
    if override.end <= effective:
        raise UsageError(f"--until {override.end}: is over before the night of {effective}, the first that would read it; give a later day")
    row = {name: getattr(override, name) for name in ("author", "reason", "location_id", "item_id", "kind", "value")}
    row |= {"start_date": override.start, "end_date": override.end, "effective_from": effective, "decided_at": decided_at}
    return open_ledger(home.root, ledger_url or None).add_override(row), effective


def list_overrides(home: Home, ledger_url: str) -> "pd.DataFrame":
    """Every override in the order in which they were made."""
    from pipelines.store.ledger import open_ledger

    return open_ledger(home.root, ledger_url or None, read_only=True).overrides()


def _refuse_unknown(folder: object, override: Override) -> None:
    from pathlib import Path

    import pandas as pd

    for option, column, mart in (("--item", "item_id", "dim_item"), ("--location", "location_id", "dim_location")):
        name = getattr(override, column)
        known = pd.read_parquet(Path(str(folder)) / "marts" / f"{mart}.parquet", columns=[column])[column].astype(str).tolist()
        if name and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean {shown(near[0])}?" if near else f"; {mart} lists the {len(known)} that are"
            raise UsageError(f"{option}: {shown(name)} is not in the current publication{meant}")
