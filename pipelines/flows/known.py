"""What was known before a business date: the newest earlier snapshot of master data, recent events, and all of the day's documents."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipelines.store.home import Home

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.extracts.contracts.contract import FeedContract
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
    """Earlier rows by feed, oldest first: of master data the newest snapshot; of stock the two newest; of events the newest days up to
    20,000 rows (one day at least), and before them the rows of the last 60 business dates whose document is in `frames`.

    A feed without earlier rows is left out.
    """
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.lake.partitions import current_files

    known = {}
    for feed in sorted({*frames, *(feed for group in DOCUMENTS for feed in group)}):
        contract = load_contract(feed)
        earlier = current_files(home.lake, feed, as_of - dt.timedelta(days=1))
        files = [file for file in earlier if (as_of - file.business_date).days <= KNOWN_DAYS]
        group = next((group for group in DOCUMENTS if feed in group), None)
        recent = _recent(files) if contract.kind == "event" else files[-2 if feed == "wms_stock" else -1 :]
        documents = (group[feed], _wanted(group, frames)) if group else ("", ())
        rows = _join(tuple(files[: len(files) - len(recent)]), tuple(recent), documents, contract)
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


def _join(
    older: "tuple[LakeFile, ...]", recent: "tuple[LakeFile, ...]", documents: tuple[str, tuple[str, ...]], contract: "FeedContract"
) -> "pd.DataFrame | None":
    """The newest days of recent files and, there and in older ones, the rows of the wanted documents; None without a row."""
    import pandas as pd

    from pipelines.extracts.lake.parts import read_documents, read_newest_days

    days = 1 if contract.kind == "event" else 2
    parts = [read_documents(file.path, *documents) for file in older if documents[1]]
    parts += [read_newest_days(file, contract.date_column, RECENT_ROWS, days, documents) for file in recent]
    kept = [part for part in parts if len(part)]
    return pd.concat(kept, ignore_index=True) if kept else None


def _wanted(group: Mapping[str, str], frames: "Mapping[str, pd.DataFrame]") -> tuple[str, ...]:
    """The documents that the day's rows of a group of feeds name."""
    return tuple(sorted({str(name) for feed, column in group.items() if feed in frames for name in frames[feed][column].dropna()}))
