"""Documents against themselves and each other: an order, shipment, purchase order, transfer or receipt keeps what was said of it before,
and two feeds that report the same goods report the same document, place, item, moment and quantity. Nothing is repaired.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.extracts.contracts.contract import load_contract
from quality.verdicts import Failing, GateCheck, Severity, examples, is_too_many

BLOCK_SHARE = 0.05
USUAL_SHARE = 0.9
Frames = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Document:
    """What a feed may not say differently when a document comes again: columns that stay, by the key of the document.

    Of lots only rows that name one are held to it: what lies about without a lot may expire later once the first of it is gone.
    """

    feed: str
    key: tuple[str, ...]
    fixed: tuple[str, ...]
    of_lots: bool = False


DOCUMENTS = (
    Document(
        "erp_sales_orders",
        ("order_id", "line_no"),
        (
            *("item_id", "location_id", "ship_to_region", "ship_to_zip", "channel", "qty_units", "unit_price_usd"),
            *("ordered_at", "requested_date", "promised_date"),
        ),
    ),
    Document(
        "erp_purchase_orders", ("po_id", "line_no"), ("supplier_id", "item_id", "location_id", "qty_ordered", "ordered_at", "expected_date")
    ),
    Document("wms_shipments", ("shipment_id",), ("order_id", "line_no", "location_id", "item_id", "qty_units", "shipped_at")),
    Document("wms_stock", ("location_id", "item_id", "lot_id"), ("expiry_date",), of_lots=True),
    Document("wms_transfers", ("transfer_id", "line_id"), ("item_id", "lot_id", "origin", "destination", "mode", "qty_requested")),
)


@dataclass(frozen=True)
class Account:
    """How a feed tells of goods that moved: the rows it is told in, and which columns hold document, place, moment and units."""

    feed: str
    document: tuple[str, ...]
    place: str
    at: str
    units: tuple[str, ...]
    where: tuple[str, tuple[str, ...]] = ("", ())
    sign: int = 1


@dataclass(frozen=True)
class Agreement:
    """Two accounts of the same goods."""

    name: str
    one: Account
    other: Account


GOOD_AND_DAMAGED = ("qty_received", "qty_damaged")
AGREEMENTS = (
    Agreement(
        "sales_by_order",
        Account("wms_shipments", ("order_id",), "location_id", "shipped_at", ("qty_units",)),
        Account("wms_movements", ("reference",), "location_id", "at", ("qty_units",), ("type", ("sale",)), -1),
    ),
    Agreement(
        "receipts_by_document",
        Account("wms_receipts", ("reference_id",), "location_id", "received_at", GOOD_AND_DAMAGED),
        Account("wms_movements", ("reference",), "location_id", "at", ("qty_units",), ("type", ("po_receipt", "transfer_in"))),
    ),
    Agreement(
        "departures_by_transfer",
        Account("wms_transfers", ("transfer_id",), "origin", "at", ("qty_shipped",), ("state", ("shipped",))),
        Account("wms_movements", ("reference",), "location_id", "at", ("qty_units",), ("type", ("transfer_out",)), -1),
    ),
    Agreement(
        "arrivals_by_transfer",
        Account("wms_transfers", ("transfer_id", "line_id"), "destination", "at", ("qty_shipped",), ("state", ("received",))),
        Account(
            "wms_receipts", ("reference_id", "line_id"), "location_id", "received_at", ("qty_expected",), ("reference_type", ("transfer",))
        ),
    ),
)


def check_documents(frames: Frames, known: Frames, business_date: datetime.date) -> tuple[list[GateCheck], list[Failing]]:
    """All checks of documents, and the item-locations that fail them.

    `frames` are the day's partitions by feed; `known` earlier rows by feed, at least those of the documents named in `frames`, oldest
    first. Agreements are judged where earlier days show that the two feeds name documents alike.
    """
    results = [_check_kept(document, frames, known) for document in DOCUMENTS if document.feed in frames]
    dated = [feed for feed in sorted(frames) if load_contract(feed).date_column]
    results += [_check_own_day(feed, frames[feed], known.get(feed), business_date) for feed in dated]
    results += [_check_agreement(agreement, frames, known, business_date) for agreement in AGREEMENTS]
    if "wms_counts" in frames and "wms_stock" in frames:
        results.append(_check_counts(frames["wms_counts"], frames["wms_stock"], frames.get("wms_movements"), business_date))
    return [check for check, _ in results], [entry for _, failing in results for entry in failing]


def _check_kept(document: Document, frames: Frames, known: Frames) -> tuple[GateCheck, list[Failing]]:
    """A document that comes again says what it said before."""
    name, frame = f"document_kept:{document.feed}", frames[document.feed]
    frame = (frame[frame["lot_id"].notna()] if document.of_lots else frame).reset_index(drop=True)
    earlier = known.get(document.feed, frame[:0])
    about = document.key[-1 if document.of_lots else 0]
    # Looking up costs by what is looked for, a whole history on a first night, when nothing is known yet.
    earlier = earlier[earlier[about].isin(frame[about].unique())] if len(earlier) else earlier
    before = pd.concat([earlier, frame], ignore_index=True).drop_duplicates(list(document.key), keep="first")
    both = frame[[*document.key, *document.fixed]].merge(before, on=list(document.key), how="left", suffixes=("", "_before"))
    differs = {column: _differs(both[column], both[f"{column}_before"]) for column in document.fixed}
    wrong = np.column_stack(list(differs.values())).any(axis=1)
    said = [_changed_text(document, both.loc[row], differs, row) for row in np.flatnonzero(wrong)]
    failing = name_documents(document.feed, frame[wrong], name, said)
    observed = f"{int(wrong.sum())} of {len(frame)} rows differ from what was said of the document"
    return report_rows(name, int(wrong.sum()), len(frame), observed, "what was said before", said), failing


def _changed_text(document: Document, row: pd.Series, differs: Mapping[str, np.ndarray], at: int) -> str:
    key = ", ".join(str(row[name]) for name in document.key)
    changed = [f"{c} {row[f'{c}_before']} -> {row[c]}" for c in document.fixed if differs[c][at]]
    return f"{key}: {', '.join(changed)}"


def _differs(one: pd.Series, other: pd.Series) -> np.ndarray:
    both_empty = one.isna().to_numpy() & other.isna().to_numpy()
    return ~((one == other).fillna(False).to_numpy(dtype=bool) | both_empty)


def _check_own_day(feed: str, frame: pd.DataFrame, known: pd.DataFrame | None, day: datetime.date) -> tuple[GateCheck, list[Failing]]:
    """A snapshot is of the business date, and so is an event that nobody told of before; a first load brings its history."""
    contract, name = load_contract(feed), f"own_day:{feed}"
    expected = f"events of {day.isoformat()}, or earlier ones told again"
    if known is None or not len(known) or not contract.date_column:
        return GateCheck(name, True, "warn", "no earlier day", expected), []
    wrong = ~_is_on(frame[contract.date_column], day)
    if contract.kind == "event" and wrong.any():
        document = contract.key[0]
        told = known[known[document].isin(frame.loc[wrong, document])]
        wrong[wrong] = ~keys_of_rows(frame[wrong], contract.key).isin(keys_of_rows(told, contract.key))
    rows = frame[wrong]
    said = [f"{', '.join(map(str, row))}" for row in rows[[*contract.key, contract.date_column]].itertuples(index=False)]
    failing = name_documents(feed, rows, name, [f"first told of on {day.isoformat()}: {text}" for text in said])
    return report_rows(name, len(rows), len(frame), f"{len(rows)} of {len(frame)} rows are of another day", expected, said), failing


def _is_on(moments: pd.Series, day: datetime.date) -> np.ndarray:
    """Which moments or dates are of the day."""
    first = np.datetime64(day, "us")
    values = moments.to_numpy(dtype="datetime64[us]")
    return np.asarray((values >= first) & (values < first + np.timedelta64(1, "D")))


def keys_of_rows(frame: pd.DataFrame, key: tuple[str, ...]) -> pd.Index:
    """The rows' keys as texts, to be looked up in others'."""
    columns = [frame[name].astype(str) for name in key]
    return pd.MultiIndex.from_arrays(columns) if len(key) > 1 else pd.Index(columns[0])


def _check_agreement(agreement: Agreement, frames: Frames, known: Frames, day: datetime.date) -> tuple[GateCheck, list[Failing]]:
    """Both accounts of the day's goods have the same units for every document, place, item and moment."""
    name, expected = agreement.name, f"{agreement.one.feed} and {agreement.other.feed} alike"
    accounts = (agreement.one, agreement.other)
    if not _agreed_before(agreement, known, day):
        return GateCheck(name, True, "warn", "the feeds name documents differently, or no earlier day", expected), []
    one, other = (_told(account, frames.get(account.feed), day) for account in accounts)
    both = pd.concat({"one": one, "other": other}, axis=1).fillna(0)
    wrong = both[both["one"] != both["other"]]
    told = [account.feed for account in accounts]
    said = [
        f"{' '.join(map(str, key))}: {a:g} in {told[0]}, {b:g} in {told[1]}"
        for key, (a, b) in zip(wrong.index, wrong.to_numpy(), strict=True)
    ]
    failing = [Failing(str(key[-3]), str(key[-2]), name, text, told[0]) for key, text in zip(wrong.index, said, strict=True)]
    return report_rows(name, len(wrong), len(both), f"{len(wrong)} of {len(both)} documents differ", expected, said), failing


def _check_counts(
    counts: pd.DataFrame, stock: pd.DataFrame, movements: pd.DataFrame | None, day: datetime.date
) -> tuple[GateCheck, list[Failing]]:
    """What the system believed at a count is the closing stock less what moved between the count and the close."""
    name, pair = "counts_match_stock", ["location_id", "item_id"]
    counts = counts[pd.to_datetime(counts["at"]).dt.normalize() == pd.Timestamp(day)].reset_index(drop=True)
    closing = stock[pd.to_datetime(stock["date"]) == pd.Timestamp(day)].groupby(pair)["on_hand"].sum()
    system = counts.groupby([*pair, "at"], as_index=False)["system_qty"].sum()
    expected = closing.reindex(pd.MultiIndex.from_frame(system[pair])).fillna(0).to_numpy(dtype=float)
    if movements is not None and len(movements):
        later = system.merge(movements[[*pair, "at", "qty_units"]], on=pair, suffixes=("", "_moved"))
        moved = later[later["at_moved"] > later["at"]].groupby([*pair, "at"])["qty_units"].sum()
        expected = expected - moved.reindex(pd.MultiIndex.from_frame(system[[*pair, "at"]])).fillna(0).to_numpy(dtype=float)
    wrong = (system["system_qty"].to_numpy(dtype=float) != expected) if len(system) else np.zeros(0, dtype=bool)
    rows = system[wrong]
    said = [
        f"{row.location_id} {row.item_id}: system_qty {row.system_qty:g}, stock {e:g}"
        for row, e in zip(rows.itertuples(), expected[wrong], strict=True)
    ]
    failing = name_documents("wms_counts", rows, name, said)
    return report_rows(
        name, len(rows), len(system), f"{len(rows)} of {len(system)} counts differ", "system_qty = stock at the count", said
    ), failing


def _agreed_before(agreement: Agreement, known: Frames, day: datetime.date) -> bool:
    """Whether the newest earlier day of goods was told alike for most documents: only then do the two name them alike."""
    if any(account.feed not in known for account in (agreement.one, agreement.other)):
        return False
    moments = known[agreement.one.feed][agreement.one.at]
    column, words = agreement.one.where
    told = moments[(moments < pd.Timestamp(day)) & (known[agreement.one.feed][column].isin(words) if column else True)]
    if not len(told):
        return False
    one, other = (_told(account, known[account.feed], told.max().date()) for account in (agreement.one, agreement.other))
    both = pd.concat({"one": one, "other": other}, axis=1)
    return bool((both["one"] == both["other"]).mean() >= USUAL_SHARE)


def _told(account: Account, frame: pd.DataFrame | None, day: datetime.date) -> pd.Series:
    """Units by document, place, item and moment of the day."""
    names = [*account.document, account.place, "item_id", account.at]
    levels = [f"document_{n}" for n in range(len(account.document))] + ["location_id", "item_id", "at"]
    if frame is None or not len(frame):
        return pd.Series([], index=pd.MultiIndex.from_arrays([[]] * len(levels), names=levels), dtype=float)
    column, words = account.where
    rows = frame[_is_on(frame[account.at], day)]
    rows = rows[rows[column].isin(words)] if column else rows
    rows = rows.drop_duplicates(list(load_contract(account.feed).key), keep="last")
    units = rows[list(account.units)].sum(axis=1).astype(float) * account.sign
    keys = [rows[name].astype(str) if rows[name].dtype == object or name in account.document else rows[name] for name in names]
    return units.groupby([key.rename(level) for key, level in zip(keys, levels, strict=True)]).sum()


def report_rows(name: str, wrong: int, of: int, observed: str, expected: str, said: list[str]) -> GateCheck:
    """A check of rows: a few warn, more than 5 % and two block."""
    severity: Severity = "block" if is_too_many(wrong, of, BLOCK_SHARE) else "warn"
    return GateCheck(name, not wrong, severity, observed, expected, examples(said))


def name_documents(feed: str, rows: pd.DataFrame, rule: str, reasons: list[str]) -> list[Failing]:
    """Every item-location of the rows, both ends of a transfer included."""
    places = [name for name in ("location_id", "origin", "destination") if name in rows]
    lines = rows["_source_line"] if "_source_line" in rows else pd.Series(0, index=rows.index)
    return [
        Failing(str(row[place]), str(row["item_id"]), rule, reason, feed, int(line))
        for (_, row), line, reason in zip(rows.iterrows(), lines, reasons, strict=True)
        for place in places
    ]
