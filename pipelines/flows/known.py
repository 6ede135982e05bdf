"""What was known before a business date: the newest earlier snapshot of master data, recent events, and all of the day's documents."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipelines.store.home import Home

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.extracts.lake.partitions import LakeFile

KNOWN_DAYS = 60
RECENT_ROWS = 20_000
# Feeds of one group name the same documents in these columns.
DOCUMENTS = (
    {"erp_sales_orders": "order_id", "wms_shipments": "order_id"},
    {"erp_purchase_orders": "po_id", "wms_transfers": "transfer_id", "wms_receipts": "reference_id"},
    {"wms_movements": "event_id"},
)


def read_known(home: Home, frames: "Mapping[str, pd.DataFrame]", as_of: dt.date) -> "dict[str, pd.DataFrame]":
    """Earlier rows by feed, oldest first: of master data the newest snapshot; of stock
    the two newest; of events the newest partitions up to 20,000 rows (the
    newest at least), and before them the rows of the last 60 business dates whose document is in `frames`.

    A feed without earlier rows is left out.
    """
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.lake.partitions import current_files

    known = {}
    for feed in sorted({*frames, *(feed for group in DOCUMENTS for feed in group)}):
        earlier = current_files(home.lake, feed, as_of - dt.timedelta(days=1))
        files = [file for file in earlier if (as_of - file.business_date).days <= KNOWN_DAYS]
        group = next((group for group in DOCUMENTS if feed in group), None)
        is_event = load_contract(feed).kind == "event"
        recent = _recent(files) if is_event else files[-2 if feed == "wms_stock" else -1 :]
        older = files[: len(files) - len(recent)] if group else []
        wanted = tuple(_wanted(group, frames)) if group and older else ()
        rows = _join(tuple(recent), tuple(older), group[feed] if group else "", wanted)
        if rows is not None:
            known[feed] = rows
    return known


def _recent(files: "list[LakeFile]") -> "list[LakeFile]":
    """The newest file, and those before it while all have at most 20,000 rows together."""
    count, rows = 0, 0
    for file in reversed(files):
        rows += file.rows
        if count and rows > RECENT_ROWS:
            break
        count += 1
    return files[len(files) - count :]


def _join(recent: "tuple[LakeFile, ...]", older: "tuple[LakeFile, ...]", column: str, wanted: tuple[str, ...]) -> "pd.DataFrame | None":
    """All rows of recent files and those of older ones whose document is wanted; None without a row."""
    import pandas as pd

    from pipelines.extracts.lake.partitions import read_frame

    parts = [_rows_of(file, column, wanted) for file in older] + [read_frame(file.path) for file in recent]
    kept = [part for part in parts if len(part)]
    return pd.concat(kept, ignore_index=True) if kept else None


def _wanted(group: Mapping[str, str], frames: "Mapping[str, pd.DataFrame]") -> list[str]:
    """The documents that the day's rows of a group of feeds name."""
    return sorted({str(name) for feed, column in group.items() if feed in frames for name in frames[feed][column].dropna()})


def _rows_of(file: "LakeFile", column: str, wanted: Sequence[str]) -> "pd.DataFrame":
    """The rows of a lake file whose document is one of those wanted."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    from pipelines.extracts.lake.partitions import to_frame

    values = pa.array(wanted, pa.string())
    return to_frame(ds.dataset(str(file.path), format="parquet").to_table(filter=ds.field(column).isin(values)))
