"""People's overrides of forecasts in the ledger: appended, never changed, read as known at a date. What they do is not here."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from pipelines.store.ledger_chain import digest_of
from pipelines.store.ledger_tables import forecast_overrides

COLUMNS = tuple(column.name for column in forecast_overrides.columns)


def add_override(connection: sa.Connection, row: Mapping[str, Any]) -> str:
    """Append one override (all columns but seq and id); the same again gives the id that it has. Returns the id."""
    override_id = digest_of({name: value for name, value in row.items() if name != "decided_at"})[:12]
    known = sa.select(forecast_overrides.c.seq).where(forecast_overrides.c.override_id == override_id)
    if connection.execute(known).one_or_none() is None:
        seq = 1 + (connection.execute(sa.select(sa.func.max(forecast_overrides.c.seq))).scalar() or 0)
        connection.execute(sa.insert(forecast_overrides).values(**row, seq=seq, override_id=override_id))
    return override_id


def override_frame(connection: sa.Connection, as_of: date | None = None) -> pd.DataFrame:
    """Overrides in the order in which they were made: all, or those known at `as_of` that say something of a later day."""
    query = sa.select(forecast_overrides).order_by(forecast_overrides.c.seq)
    if as_of is not None:
        query = query.where(forecast_overrides.c.effective_from <= as_of, forecast_overrides.c.end_date > as_of)
    return pd.DataFrame([tuple(row) for row in connection.execute(query)], columns=list(COLUMNS))


def override_digest(connection: sa.Connection, as_of: date) -> str:
    """sha256 of the overrides that a run at `as_of` reads, empty where there are none; no wall times in it."""
    frame = override_frame(connection, as_of)
    rows = frame[["location_id", "item_id", "kind", "value", "start_date", "end_date"]].to_dict("split", index=False)["data"]
    return digest_of(rows) if rows else ""
