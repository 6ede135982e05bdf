"""Reconciliation between feeds by location and item: do ERP and WMS tell the same story of one day, and if not, why? Nothing is repaired.

Frames are partitions as `pipelines.extracts.lake` gives them; rows of other days in them are left aside. Each wrong pair gets a cause.
Line by line, documents are compared in documents.py and fulfilment.py.
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipelines.domain.policy import GatePolicy
from quality.habits.values import USUAL_CASES
from quality.verdicts import MAX_EXAMPLES, Failing, GateCheck, Severity, freezes_too_much

PAIR = ["location_id", "item_id"]
Frames = Mapping[str, pd.DataFrame]
Found = tuple[GateCheck, list[Failing]]
Tally = Callable[[Frames, datetime.date], pd.Series]
# Feeds of few rows say nothing about a share of the network unless its size is known.
FEW_ROWS = ("receipts_match_movements", "transit_matches_transfers")
CAUSES = ("unknown key", "unit mix-up", "missing row", "timing", "unbooked", "unshipped", "quantity")


@dataclass(frozen=True)
class DayBook:
    """The day's units by location and item, and what is needed to tell causes.

    `earlier` holds the partitions of the business date before by feed; `packs` item_id, pack_units and pallet_units.
    """

    frames: Frames
    previous_stock: pd.DataFrame | None
    date: datetime.date
    earlier: Frames = field(default_factory=dict)
    packs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"item_id": [], "pack_units": [], "pallet_units": []}))
    policy: GatePolicy = field(default_factory=GatePolicy)

    def frame(self, feed: str) -> pd.DataFrame:
        """Today's partition; no rows where the feed was quiet."""
        return self.frames.get(feed, pd.DataFrame())

    @property
    def pairs(self) -> int:
        """Item-locations in today's stock, of which a share may be frozen."""
        stock = self.frame("wms_stock")
        return int(stock.groupby(PAIR, observed=True).ngroups) if len(stock) else 0


def reconcile_book(book: DayBook) -> tuple[list[GateCheck], list[Failing]]:
    """All reconciliations of one day whose feeds are there (receipts and shipments may be missing as quiet), and the pairs that fail."""
    found = [check_stock_replay(book)] if "wms_stock" in book.frames else []
    if "wms_shipments" in book.frames or len(book.frame("wms_movements")):
        found.append(check_shipments(book))
    found += [check_receipts(book), check_transit(book)]
    return [check for check, _ in found], [entry for _, failing in found for entry in failing]


def check_stock_replay(book: DayBook) -> Found:
    """on_hand(d) = on_hand(p) + sum of movements after p up to d, per location and item, p the newest earlier day in `previous_stock`.

    `previous_stock` may be the same frame as today's when an initial load holds history. Without an earlier snapshot there is nothing to
    compare and the check passes.
    """
    name, identity = "stock_replay", "on_hand = previous on_hand + movements"
    previous, stock = book.previous_stock, book.frame("wms_stock")
    if previous is None or (pd.to_datetime(previous["date"]) >= pd.Timestamp(book.date)).all():
        return GateCheck(name, True, "warn", "no earlier snapshot", identity), []
    days = pd.to_datetime(previous["date"])
    earlier = days[days < pd.Timestamp(book.date)].max()
    opening = previous[days == earlier].groupby(PAIR, observed=True)["on_hand"].sum()
    today = stock[pd.to_datetime(stock["date"]) == pd.Timestamp(book.date)]
    moved = _units(book.frame("wms_movements"), "at", "qty_units", earlier.date() + datetime.timedelta(days=1), book.date)
    wrong = _differences(today.groupby(PAIR, observed=True)["on_hand"].sum(), opening.add(moved, fill_value=0))
    causes = _Causes(book, wrong.table)
    if wrong.table.empty:
        return _report(book, name, identity, wrong, causes.done("quantity"), "wms_stock")
    causes.mark("missing row", (wrong.table["observed"] == 0) & ~wrong.table.index.isin(_index(today)))
    causes.mark("timing", _equals_tail(book, wrong.table))
    causes.mark("unbooked", wrong.table["gap"] == _unbooked(book).reindex(wrong.table.index).fillna(0))
    return _report(book, name, identity, wrong, causes.done("quantity"), "wms_stock")


def check_shipments(book: DayBook) -> Found:
    """Units shipped on customer orders = units that left as sales, per location and item."""
    wrong, causes = _compare_books(book, _shipped, _sold)
    causes.mark("unshipped", wrong.table["observed"] == 0)
    feed = "wms_shipments" if len(book.frame("wms_shipments")) else "wms_movements"
    return _report(book, "shipments_match_sales", "units shipped = units of sale movements", wrong, causes.done("quantity"), feed)


def check_receipts(book: DayBook) -> Found:
    """Good and damaged units received = units that came in by transfer or purchase order, per location and item."""
    wrong, causes = _compare_books(book, _received, _arrived)
    causes.mark("missing row", wrong.table["observed"] == 0)
    return _report(
        book, "receipts_match_movements", "units received = units of inbound movements", wrong, causes.done("quantity"), "wms_receipts"
    )


def _compare_books(book: DayBook, document: Tally, ledger: Tally) -> tuple["_Differences", "_Causes"]:
    """Where documents and ledger of a day differ; a gap that the day before left the other way is timing, one no ledger holds unbooked."""
    wrong = _differences(document(book.frames, book.date), ledger(book.frames, book.date))
    if wrong.table.empty:
        return wrong, _Causes(book, wrong.table)
    before = book.date - datetime.timedelta(days=1)
    gap_before = document(book.earlier, before).sub(ledger(book.earlier, before), fill_value=0)
    causes = _Causes(book, wrong.table)
    causes.mark("timing", wrong.table["gap"] == -gap_before.reindex(wrong.table.index).fillna(0))
    causes.mark("unbooked", wrong.table["expected"] == 0)
    return wrong, causes


def check_transit(book: DayBook) -> Found:
    """Transit against open transfers: what `wms_transfers` says was shipped and received is what the ledger sent out and took in.

    Per location and item and day: transfer_out units = units that reached `shipped` there, and transfer_in units = units received on
    transfers there; their difference is what is in transit, so that both documents and ledger hold the same units on the road.
    """
    transfers, receipts, movements = book.frame("wms_transfers"), book.frame("wms_receipts"), book.frame("wms_movements")
    shipped = transfers[transfers["state"] == "shipped"].rename(columns={"origin": "location_id"}) if len(transfers) else transfers
    came = receipts[receipts["reference_type"] == "transfer"] if len(receipts) else receipts
    came = came.assign(qty_units=came["qty_received"] + came["qty_damaged"]) if len(came) else came
    out = movements[movements["type"] == "transfer_out"] if len(movements) else movements
    taken = movements[movements["type"] == "transfer_in"] if len(movements) else movements
    told = _units(shipped, "at", "qty_shipped", book.date, book.date).sub(
        _units(came, "received_at", "qty_units", book.date, book.date), fill_value=0
    )
    booked = (-_units(out, "at", "qty_units", book.date, book.date)).sub(
        _units(taken, "at", "qty_units", book.date, book.date), fill_value=0
    )
    wrong = _differences(told, booked)
    causes = _Causes(book, wrong.table)
    causes.mark("unbooked", wrong.table["expected"] == 0)
    causes.mark("unshipped", wrong.table["observed"] == 0)
    identity = "shipped - received in documents = sent out - taken in by the ledger"
    return _report(book, "transit_matches_transfers", identity, wrong, causes.done("quantity"), "wms_transfers")


@dataclass(frozen=True)
class _Differences:
    """Pairs of which two sums differ, of `of` compared; `table` has observed, expected and gap = observed - expected."""

    table: pd.DataFrame
    of: int


class _Causes:
    """One cause per wrong pair: the first mark that fits stays."""

    def __init__(self, book: DayBook, table: pd.DataFrame) -> None:
        self.table = table
        self.causes = pd.Series("", index=table.index, dtype=object)
        if table.empty:
            return
        items, places = book.frame("erp_items"), book.frame("erp_locations")
        unknown = np.zeros(len(table), dtype=bool)
        for level, master in (("item_id", items), ("location_id", places)):
            if len(master):
                unknown |= ~table.index.get_level_values(level).isin(master[level])
        self.mark("unknown key", pd.Series(unknown, index=table.index))
        self.mark("unit mix-up", _is_mixed_up(book, table))

    def mark(self, cause: str, pairs: pd.Series) -> None:
        """Give the pairs without a cause this one."""
        self.causes[(self.causes == "") & np.asarray(pairs, dtype=bool)] = cause

    def done(self, rest: str) -> pd.Series:
        """All causes, `rest` for the pairs that nothing else explains."""
        return self.causes.where(self.causes != "", rest)


def _is_mixed_up(book: DayBook, table: pd.DataFrame) -> pd.Series:
    """Pairs of which one sum is a pack, a pallet or a usual case times the other."""
    known = book.packs.drop_duplicates("item_id").set_index("item_id")
    mixed = np.zeros(len(table), dtype=bool)
    large, small = table[["observed", "expected"]].abs().max(axis=1), table[["observed", "expected"]].abs().min(axis=1)
    for column in ("pack_units", "pallet_units"):
        factor = known[column].reindex(table.index.get_level_values("item_id")).to_numpy(dtype=float)
        mixed |= (factor >= 2) & (small.to_numpy() > 0) & (small.to_numpy() * factor == large.to_numpy())
    for case in USUAL_CASES:
        mixed |= (small.to_numpy() > 0) & (small.to_numpy() * case == large.to_numpy())
    return pd.Series(mixed, index=table.index)


def _equals_tail(book: DayBook, table: pd.DataFrame) -> pd.Series:
    """Pairs whose gap is the day's last movements, left out: the snapshot was taken before the day was over."""
    movements = book.frame("wms_movements")
    if not len(movements) or not len(table):
        return pd.Series(False, index=table.index)
    rows = movements[pd.to_datetime(movements["at"]).dt.normalize() == pd.Timestamp(book.date)]
    rows = rows[_index(rows).isin(table.index)].sort_values("at", ascending=False, kind="stable")
    tails = -rows.groupby(PAIR, observed=True)["qty_units"].cumsum()
    hit = rows.loc[tails.to_numpy() == table["gap"].reindex(_index(rows)).to_numpy()]
    return pd.Series(table.index.isin(_index(hit)), index=table.index)


def _unbooked(book: DayBook) -> pd.Series:
    """What stock would differ by if shipments or receipts had moved it without being booked."""
    left = _sold(book.frames, book.date).sub(_shipped(book.frames, book.date), fill_value=0)
    came = _received(book.frames, book.date).sub(_arrived(book.frames, book.date), fill_value=0)
    total = left.add(came, fill_value=0)
    return total[total != 0]


def _shipped(frames: Frames, day: datetime.date) -> pd.Series:
    return _units(frames.get("wms_shipments", pd.DataFrame()), "shipped_at", "qty_units", day, day)


def _sold(frames: Frames, day: datetime.date) -> pd.Series:
    movements = frames.get("wms_movements", pd.DataFrame())
    return -_units(movements[movements["type"] == "sale"] if len(movements) else movements, "at", "qty_units", day, day)


def _received(frames: Frames, day: datetime.date) -> pd.Series:
    receipts = frames.get("wms_receipts", pd.DataFrame())
    came = receipts.assign(qty_units=receipts["qty_received"] + receipts["qty_damaged"]) if len(receipts) else receipts
    return _units(came, "received_at", "qty_units", day, day)


def _arrived(frames: Frames, day: datetime.date) -> pd.Series:
    movements = frames.get("wms_movements", pd.DataFrame())
    inbound = movements[movements["type"].isin(["transfer_in", "po_receipt"])] if len(movements) else movements
    return _units(inbound, "at", "qty_units", day, day)


def _units(frame: pd.DataFrame, at: str, qty: str, first: datetime.date, last: datetime.date) -> pd.Series:
    """Sum of `qty` by location and item over the days first..last."""
    if frame.empty:
        return pd.Series([], index=pd.MultiIndex.from_arrays([[], []], names=PAIR), dtype="int64", name=qty)
    days = pd.to_datetime(frame[at]).dt.normalize()
    return frame[(days >= pd.Timestamp(first)) & (days <= pd.Timestamp(last))].groupby(PAIR, observed=True)[qty].sum()


def _index(frame: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(frame[PAIR]) if len(frame) else pd.MultiIndex.from_arrays([[], []], names=PAIR)


def _differences(observed: pd.Series, expected: pd.Series) -> _Differences:
    """Pairs in which the two sums differ; a pair that one side lacks counts as 0 there."""
    both = pd.concat({"observed": observed, "expected": expected}, axis=1).fillna(0).sort_index()
    both["gap"] = both["observed"] - both["expected"]
    return _Differences(both[both["gap"] != 0], len(both))


def _report(book: DayBook, name: str, identity: str, wrong: _Differences, causes: pd.Series, feed: str) -> Found:
    """Wrong pairs up to the share of item-locations that may be frozen warn and are named, more of them block."""
    table = wrong.table
    of = max(wrong.of, book.pairs)
    is_small = name in FEW_ROWS and not book.pairs
    severity: Severity = "block" if freezes_too_much(len(table), of, book.policy.max_frozen_share) and not is_small else "warn"
    lines = _first_lines(book.frame(feed), table.index)
    sums = zip(table["observed"], table["expected"], table["gap"], strict=True)
    failing = [
        Failing(place, item, name, f"{cause}: {observed:g}, expected {expected:g}", feed, line, int(gap))
        for (place, item), (observed, expected, gap), cause, line in zip(table.index, sums, causes, lines, strict=True)
    ]
    counts = causes.value_counts()
    by_cause = ", ".join(f"{counts[cause]} {cause}" for cause in CAUSES if cause in counts)
    said = f"{len(table)} of {wrong.of} location-items differ ({len(table) / wrong.of if wrong.of else 0.0:.2%})"
    shown = tuple(f"{entry.location_id}/{entry.item_id}: {entry.reason}" for entry in failing[:MAX_EXAMPLES])
    check = GateCheck(name, table.empty, severity, said + (f": {by_cause}" if by_cause else ""), identity, shown)
    return check, failing


def _first_lines(frame: pd.DataFrame, pairs: pd.Index) -> list[int]:
    """The source line of each pair's first row in a partition, 0 where it has none."""
    if not len(frame) or not len(pairs) or "_source_line" not in frame or "location_id" not in frame:
        return [0] * len(pairs)
    chosen = frame[_index(frame).isin(pairs)]
    return [int(line) for line in chosen.groupby(PAIR, observed=True)["_source_line"].min().reindex(pairs).fillna(0)]
