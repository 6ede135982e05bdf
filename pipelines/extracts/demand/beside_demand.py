"""Files beside the demand file: items, locations, prices, events, matched to the series they speak of. Each may be absent."""

from pathlib import Path

import numpy as np

from pipelines.domain.demand import DemandRows, KnownBeside, KnownEvent, PriceRows
from pipelines.extracts.demand.typed_table import Column, TypedTable

ITEM = Column("item_id", "id")
LOCATION = Column("location_id", "id")
EVENT_COLUMNS = (
    Column("scope", "text"),
    Column("scope_id", "id", is_optional=True, is_nullable=True),
    Column("kind", "id"),
    Column("start_date", "date"),
    Column("end_date", "date", is_optional=True, is_nullable=True),
    Column("expected_uplift_share", "number", is_optional=True, is_nullable=True),
)
SCOPES = ("network", "location", "category", "item")
LONGEST_EVENT_DAYS = 366


def read_beside(
    rows: DemandRows,
    items: Path | None = None,
    locations: Path | None = None,
    prices: Path | None = None,
    events: Path | None = None,
) -> KnownBeside:
    """Read what was given. Rows about unknown items or locations are left out. Raises `InputRefused` with column and first rows."""
    return KnownBeside(
        item_groups=read_groups(items, ITEM, rows.item_ids) if items else {},
        location_groups=read_groups(locations, LOCATION, rows.location_ids) if locations else {},
        prices=read_prices(prices, rows) if prices else None,
        events=read_events(events) if events else (),
    )


def read_groups(path: Path, key: Column, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Every further column of text or whole numbers as one text per id of `ids`, empty where the file is silent.

    Columns of numbers with fractions and of dates name no group and are left alone.
    """
    table = TypedTable(path, (key,), more="text")
    values, code = table.codes(key.name)
    table.refuse(key.name, _repeated(code), "comes twice", "keep one row per id")
    row_of = np.full(len(ids) + 1, -1, dtype=np.int64)
    row_of[_match(values, ids)[code]] = np.arange(len(code))
    row_of = row_of[:-1]
    found = {}
    for name in table.further:
        words, position = table.codes(name)
        texts = np.append(words.astype(str).astype(object), "")
        found[name] = np.where(row_of >= 0, texts[position[row_of]], "").astype(object)
    return found


def read_prices(path: Path, rows: DemandRows) -> PriceRows:
    """`item_id, date, price[, location_id]`: the price in force from that day on, everywhere where no location is named."""
    table = TypedTable(path, (ITEM, Column("date", "date"), Column("price", "number"), Column("location_id", "id", is_optional=True)))
    price = table.numbers("price")
    table.refuse("price", ~(np.isfinite(price) & (price > 0)), "is not a number above 0", "write what a unit costs the customer")
    names, code = table.codes("item_id")
    item = _match(names, rows.item_ids)[code]
    location = np.full(len(table), -1, dtype=np.int32)
    if "location_id" in table:
        names, code = table.codes("location_id")
        location = _match(names, rows.location_ids)[code]
    day = table.days("date")
    known = np.flatnonzero((item >= 0) & ((location >= 0) | ("location_id" not in table)))
    known = known[np.lexsort((price[known], location[known], item[known], day[known]))]
    return PriceRows(location[known], item[known], day[known], price[known])


def read_events(path: Path) -> tuple[KnownEvent, ...]:
    """Events in the words of the feed erp_events: `scope` (network, location, category, item), `scope_id`, `kind`, `start_date`, `end_date`
    (one day where empty) and `expected_uplift_share` (learned from past events of the kind where empty).
    """
    table = TypedTable(path, EVENT_COLUMNS)
    scopes = np.asarray(table.table["scope"].to_pylist(), dtype=object)
    table.refuse("scope", ~np.isin(scopes, SCOPES), f"is none of {', '.join(SCOPES)}", "say what the event is about")
    start = table.days("start_date")
    end = table.days("end_date") if "end_date" in table else start
    end = np.where(np.isnat(end), start, end)
    column = "end_date" if "end_date" in table else "start_date"
    table.refuse(column, end < start, "is before start_date", "an event ends on or after its first day")
    days = (end - start).astype(np.int64) + 1
    table.refuse(column, days > LONGEST_EVENT_DAYS, f"is more than {LONGEST_EVENT_DAYS} days after start_date", "split the event")
    uplift = table.numbers("expected_uplift_share") if "expected_uplift_share" in table else np.full(len(table), np.nan)
    table.refuse("expected_uplift_share", uplift < -1, "is below -1", "demand cannot fall by more than all of it")
    ids = table.table["scope_id"].to_pylist() if "scope_id" in table else [None] * len(table)
    kinds = table.table["kind"].to_pylist()
    found = [
        KnownEvent(str(scope), "" if name is None else str(name), str(kind), first, last, None if np.isnan(share) else float(share))
        for scope, name, kind, first, last, share in zip(scopes, ids, kinds, start, end, uplift, strict=True)
    ]
    return tuple(sorted(found, key=lambda e: (e.start, e.end, e.kind, e.scope, e.scope_id, e.uplift_share or 0.0)))


def _match(names: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Position in `ids` of every name, compared as text; -1 for the unknown."""
    place = {str(value): n for n, value in enumerate(ids.tolist())}
    return np.array([place.get(str(name), -1) for name in names.tolist()], dtype=np.int32)


def _repeated(code: np.ndarray) -> np.ndarray:
    first = np.unique(code, return_index=True)[1]
    again = np.ones(len(code), dtype=bool)
    again[first] = False
    return again
