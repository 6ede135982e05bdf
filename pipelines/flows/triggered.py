"""What the current publication says should be planned again: items of its open events, unless the plan already is of such items alone."""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass

from pipelines.store.home import Home

DIGITS = 12
# Why an item-location that a restricted plan is not about neither gives nor takes.
LEFT_OUT = "this plan is restricted to other items"


@dataclass(frozen=True)
class Triggered:
    """A restricted plan that is due: the business date, the run that found the events, their digest, and the items, sorted."""

    as_of: dt.date
    run_id: str
    digest: str
    items: tuple[str, ...]


def read_triggered(home: Home) -> Triggered | str:
    """The restricted plan that the current publication asks for, or in words why it asks for none.

    Events count on the date that found them: a later night plans everything anyway.
    """
    import pandas as pd

    from pipelines.forecasting.triggers import OPEN, triggered_items
    from pipelines.store.publication import current

    publication = current(home.published)
    if publication is None:
        return "nothing is published yet"
    if publication.manifest.get("items"):
        return f"the plan of {publication.as_of} is restricted to triggered items already"
    with publication.reading() as folder:
        if not (folder / "marts" / "mart_triggers.parquet").is_file():
            return f"the publication of {publication.as_of} was made by a release without triggers"
        events = pd.read_parquet(folder / "marts" / "mart_triggers.parquet").fillna({"item_id": "", "location_id": "", "category": ""})
        items = pd.read_parquet(folder / "marts" / "dim_item.parquet", columns=["item_id", "category"])
        pairs = pd.read_parquet(folder / "marts" / "fct_plan_inputs.parquet", columns=["location_id", "item_id"])
    found = triggered_items(events, items, pairs)
    if not found:
        return f"no open event on {publication.as_of}"
    named = sorted(events.loc[events["verdict"] == OPEN, "event_id"])
    digest = hashlib.sha256(json.dumps(named).encode()).hexdigest()[:DIGITS]
    return Triggered(publication.as_of, publication.run_id, digest, tuple(found))
