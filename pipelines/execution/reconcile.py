"""Matches warehouse reports with dispatched lines and folds them into outcomes. The ledger, handed in, keeps the result.

Any order, any repetition and any lateness of the same reports ends in the same ledger state.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

import pandas as pd

from pipelines.domain.errors import InputRefused
from pipelines.domain.frames import each_row
from pipelines.domain.outcome import LineOutcome, ReceiptEvent, TransferEvent, fold_outcome

_TRANSFER_COLUMNS = ("transfer_id", "line_id", "qty_picked", "qty_shipped", "state", "at")
_RECEIPT_COLUMNS = (
    *("receipt_id", "reference_type", "reference_id", "line_id", "item_id"),
    *("qty_expected", "qty_received", "qty_damaged", "qty_short", "qty_over", "received_at"),
)


class ProgressLedger(Protocol):
    """What reconciliation needs of a ledger."""

    def dispatched_lines(self) -> pd.DataFrame:
        """line_id, transfer_id, item_id, qty_dispatched_units of every dispatched line."""
        ...

    def record_progress(self, outcomes: Iterable[LineOutcome], as_of: date, decided_at: datetime | str) -> Any:
        """Store outcomes and move lines; returns something with `moved` and `outcomes_written`."""
        ...


@dataclass(frozen=True)
class Stranger:
    """A report that matches no dispatched line: kept out of the ledger, reported to people."""

    feed: str
    reference: str
    line_id: str
    reason: str


@dataclass(frozen=True)
class Reconciled:
    """What a reconciliation did: lines that moved, outcomes written, and reports nobody asked for."""

    moved: tuple[str, ...]
    outcomes_written: int
    strangers: tuple[Stranger, ...]


def reconcile(
    ledger: ProgressLedger, transfers: pd.DataFrame, receipts: pd.DataFrame, as_of: date, decided_at: datetime | str
) -> Reconciled:
    """Bring the ledger up to what wms_transfers and wms_receipts rows prove by the end of `as_of`.

    `transfers` and `receipts` are frames with the columns of the feeds; rows dated after `as_of` are left for a later run.
    Raises `InputRefused` when a column is missing.
    """
    outcomes, strangers = fold_reports(ledger.dispatched_lines(), transfers, receipts, as_of)
    progress = ledger.record_progress(outcomes, as_of, decided_at)
    return Reconciled(progress.moved, progress.outcomes_written, strangers)


def fold_reports(
    dispatched: pd.DataFrame, transfers: pd.DataFrame, receipts: pd.DataFrame, as_of: date
) -> tuple[list[LineOutcome], tuple[Stranger, ...]]:
    """Outcomes by line id, and strangers, of all reports up to the end of `as_of`. Pure, independent of row order."""
    lines = {row.line_id: row for row in each_row(dispatched)}
    items: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in lines.values():
        items[(line.transfer_id, line.item_id)].append(line.line_id)
    strangers: set[Stranger] = set()
    events: dict[str, list[TransferEvent]] = defaultdict(list)
    for row in _known_by(_add_up_lots(transfers, as_of), _TRANSFER_COLUMNS, "at", "wms_transfers", as_of):
        reason = _mismatch(lines, row["line_id"], row["transfer_id"])
        if reason:
            strangers.add(Stranger("wms_transfers", str(row["transfer_id"]), str(row["line_id"]), reason))
            continue
        event = TransferEvent(row["line_id"], row["state"], row["at"], _units(row["qty_picked"]), _units(row["qty_shipped"]))
        events[row["line_id"]].append(event)
    counted: dict[str, list[ReceiptEvent]] = defaultdict(list)
    for row in _known_by(receipts, _RECEIPT_COLUMNS, "received_at", "wms_receipts", as_of):
        if row["reference_type"] != "transfer":
            continue
        line_id = _line_of(row, items)
        reason = _mismatch(lines, line_id, row["reference_id"])
        if reason or line_id is None:
            strangers.add(Stranger("wms_receipts", str(row["receipt_id"]), str(line_id), reason))
        else:
            counted[line_id].append(_receipt(row, line_id))
    touched = sorted(set(events) | set(counted))
    outcomes = [fold_outcome(x, int(lines[x].qty_dispatched_units), events[x], counted[x]) for x in touched]
    return outcomes, tuple(sorted(strangers, key=lambda s: (s.feed, s.reference, s.line_id, s.reason)))


def _add_up_lots(transfers: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """One row per line and state where lots are told apart: what the newest file known says of the state, its lots added up.

    A state that is reported again is reported anew, so that a lot named later is not counted twice.
    """
    reached = ["transfer_id", "line_id", "state"]
    if not {"lot_id", *_TRANSFER_COLUMNS} <= set(transfers) or transfers["lot_id"].isna().all():
        return transfers
    known = transfers[pd.to_datetime(transfers["at"]) < pd.Timestamp(as_of) + pd.Timedelta(days=1)]
    if "_business_date" in known:
        file = known.groupby(["_business_date", "_version"]).ngroup()
        known = known[file == file.groupby([known[name] for name in reached], dropna=False).transform("max")]
    each = known.sort_values(["at", "qty_picked", "qty_shipped"]).drop_duplicates([*reached, "lot_id"], keep="last")
    return each.groupby(reached, dropna=False, as_index=False).agg({"at": "max", "qty_picked": "sum", "qty_shipped": "sum"})


def _known_by(frame: pd.DataFrame, columns: tuple[str, ...], moment: str, feed: str, as_of: date) -> Iterable[dict[str, Any]]:
    """Rows dated up to the end of `as_of`, with plain timestamps."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InputRefused(f"{feed}: columns {', '.join(missing)} are missing; hand in the feed with all its columns")
    at = pd.to_datetime(frame[moment])
    known = frame[list(columns)].assign(**{moment: at})[at < pd.Timestamp(as_of) + pd.Timedelta(days=1)]
    for row in known.to_dict("records"):
        yield {**row, moment: row[moment].to_pydatetime()}


def _line_of(row: dict[str, Any], items: dict[tuple[str, str], list[str]]) -> str | None:
    """The line a receipt names; without a name, the only line of that transfer with that item."""
    if isinstance(row["line_id"], str) and row["line_id"]:
        return row["line_id"]
    candidates = items.get((row["reference_id"], row["item_id"]), [])
    return candidates[0] if len(candidates) == 1 else None


def _mismatch(lines: dict[str, Any], line_id: Any, transfer_id: Any) -> str:
    """Why a report belongs to no dispatched line; empty when it belongs."""
    if not isinstance(line_id, str) or not line_id:
        return "names no line, and its item is not on exactly one line of that transfer"
    if line_id not in lines:
        return "no such line was ever dispatched"
    if lines[line_id].transfer_id != transfer_id:
        return f"the line was dispatched with transfer {lines[line_id].transfer_id}"
    return ""


def _receipt(row: dict[str, Any], line_id: str) -> ReceiptEvent:
    quantities = (_units(row[name]) for name in ("qty_expected", "qty_received", "qty_damaged", "qty_short", "qty_over"))
    return ReceiptEvent(row["receipt_id"], line_id, row["received_at"], *quantities)


def _units(value: Any) -> int:
    return 0 if value is None or value != value else int(value)
