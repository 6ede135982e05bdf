"""Frozen item-locations of a date as kept under the gates: what the plan before has of them, what the plan of the date makes of them."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.store.home import Home

if TYPE_CHECKING:
    import pandas as pd

FROZEN = "frozen.json"


def read_frozen(home: Home, date: dt.date) -> dict[str, Any]:
    """What a date froze; no pairs where nothing was written."""
    path = home.gates / date.isoformat() / FROZEN
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"pairs": []}


def judged_dates(home: Home, first: dt.date, last: dt.date) -> list[dt.date]:
    """Dates from `first` to `last` of which it was judged what they freeze."""
    dates = (dt.date.fromisoformat(path.parent.name) for path in home.gates.glob(f"*/{FROZEN}"))
    return sorted(date for date in dates if first <= date <= last)


def read_lines_before(home: Home, as_of: dt.date) -> "pd.DataFrame":
    """Lines of the newest publication of an earlier date; none before the first."""
    import pandas as pd

    found = []
    for path in home.published.glob("*/manifest.json"):
        if path.parent.name != "current" and not path.parent.name.startswith("."):
            found.append((json.loads(path.read_bytes())["as_of"], path.parent.name))
    earlier = [entry for entry in found if entry[0] < as_of.isoformat()]
    return pd.read_parquet(home.published / max(earlier)[1] / "plan_lines.parquet") if earlier else pd.DataFrame()


def add_worth(frozen: Mapping[str, Any], worth: Mapping[tuple[str, str], Mapping[str, float]]) -> dict[str, Any]:
    """The document with what freeing each pair (item, location) may bring; what it touched before counts where that is more."""
    pairs = []
    for entry in frozen["pairs"]:
        found = worth.get((entry["item_id"], entry["location_id"]))
        told = {"unfreeze_units": found["units"], "unfreeze_usd": found["usd"]} if found else {}
        usd = max(entry.get("plan_usd", 0.0), found["usd"] if found else 0.0)
        pairs.append({**entry, **told, "usd": usd})
    return summarise({**frozen, "pairs": pairs})


def summarise(frozen: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its pairs by worth, the most valuable first, its total and its one sentence."""
    pairs = sorted(frozen["pairs"], key=lambda entry: (-entry["usd"], entry["location_id"], entry["item_id"]))
    usd, rows = round(sum(entry["usd"] for entry in pairs), 2), frozen["rows"]
    these = "this row" if rows == 1 else f"these {rows} rows"
    return {**frozen, "pairs": pairs, "usd": usd, "says": f"fix {these}, worth ${usd:,.0f}" if pairs else "nothing is frozen"}
