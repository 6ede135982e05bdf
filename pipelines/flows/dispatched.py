"""What was sent to the warehouses, read back from the outbox for the gates: the lines of every transfer order. Nothing is decided here."""

import datetime as dt
import json
from typing import TYPE_CHECKING

from pipelines.store.home import Home

if TYPE_CHECKING:
    import pandas as pd

SENT_DAYS = 60
COLUMNS = ("transfer_id", "line_id", "item_id", "origin", "destination", "mode", "qty_requested", "ship_date")


def read_dispatched(home: Home, as_of: dt.date) -> "pd.DataFrame":
    """Lines of the transfer orders in the outbox that plans of the 60 days before `as_of` sent; no rows where none is kept there.

    `ship_date` is a day as datetime64, `qty_requested` units.
    """
    import pandas as pd

    first = (as_of - dt.timedelta(days=SENT_DAYS)).isoformat()
    rows = []
    for path in sorted(home.outbox.glob("*/*.json")):
        if first <= path.parent.name < as_of.isoformat():
            order = json.loads(path.read_text(encoding="utf-8"))
            ends = (order["origin"], order["destination"], order["mode"])
            for line in order["lines"]:
                rows.append((order["transfer_id"], line["line_id"], line["item_id"], *ends, int(line["units"]), order["ship_date"]))
    found = pd.DataFrame(rows, columns=[*COLUMNS])
    return found.assign(ship_date=pd.to_datetime(found["ship_date"]))
