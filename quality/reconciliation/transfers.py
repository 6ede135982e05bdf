"""Transfers state by state: none is skipped, what was picked and shipped stays, and what was released is what was dispatched."""

import datetime
from collections.abc import Mapping

import numpy as np
import pandas as pd

from quality.reconciliation.documents import keys_of_rows, name_documents, report_rows
from quality.verdicts import Failing, GateCheck

STATES = ("released", "picked", "shipped", "received", "closed")
# Units that a state settles, and the states that repeat them.
SETTLED = {"qty_picked": STATES[1:], "qty_shipped": STATES[2:]}
LINE = ["transfer_id", "line_id"]
# The columns of a dispatch, and how the warehouse calls its units.
DISPATCHED = ("item_id", "origin", "destination", "mode", "qty_requested")
USUAL_SHARE = 0.9
FEED = "wms_transfers"
Frames = Mapping[str, pd.DataFrame]


def check_transfers(
    frames: Frames, known: Frames, dispatched: pd.DataFrame, business_date: datetime.date
) -> tuple[list[GateCheck], list[Failing]]:
    """All checks of transfers that the day tells of; `known` holds earlier rows of the same transfers, oldest first.

    `dispatched` has the lines of our own transfer orders: transfer_id, line_id, item_id, origin, destination, mode, qty_requested and
    ship_date.
    """
    frame, before = frames.get(FEED), known.get(FEED)
    results = [] if frame is None else [_check_states(frame, before), _check_settled(frame, before)]
    if len(dispatched):
        results += [] if frame is None else [_check_dispatched(frame, before, dispatched)]
        results += [] if before is None else [_check_taken_on(before if frame is None else frame, before, dispatched, business_date)]
    return [check for check, _ in results], [entry for _, failing in results for entry in failing]


def _check_states(frame: pd.DataFrame, known: pd.DataFrame | None) -> tuple[GateCheck, list[Failing]]:
    """A transfer line that reaches a state was in the one before it; lines whose release nobody told of are left out if none was."""
    name, expected = "transfer_states", " -> ".join(STATES)
    if known is None or not len(known):
        return GateCheck(name, True, "warn", "no earlier day", expected), []
    frame = frame.reset_index(drop=True)
    key = ("transfer_id", "line_id", "state")
    told = keys_of_rows(pd.concat([known, frame], ignore_index=True), key)
    before = frame.assign(state=frame["state"].map(dict(zip(STATES[1:], STATES, strict=False))))
    wrong = (before["state"].notna() & ~keys_of_rows(before.fillna({"state": ""}), key).isin(told)).to_numpy()
    said = [
        f"{' '.join(map(str, row))}, not {state} before"
        for row, state in zip(frame.loc[wrong, list(key)].to_numpy(), before["state"][wrong], strict=True)
    ]
    failing = name_documents(FEED, frame[wrong], name, said)
    return report_rows(name, int(wrong.sum()), len(frame), f"{int(wrong.sum())} of {len(frame)} rows skip a state", expected, said), failing


def _check_settled(frame: pd.DataFrame, known: pd.DataFrame | None) -> tuple[GateCheck, list[Failing]]:
    """Units picked, and units shipped, are in every later state what they were in the one that settled them, lot by lot.

    Judged where nine in ten earlier rows keep to it.
    """
    name, expected = "transfer_units", "units picked and shipped as first told"
    if known is None or not len(known):
        return GateCheck(name, True, "warn", "no earlier day", expected), []
    both = pd.concat([known, frame], ignore_index=True)
    why = _unsettled(both)
    before, now = why[: len(known)], why[len(known) :].reset_index(drop=True)
    if before.eq("").mean() < USUAL_SHARE:
        return GateCheck(name, True, "warn", "units change from state to state here", expected), []
    frame, wrong = frame.reset_index(drop=True), now.ne("")
    said = [
        f"{' '.join(map(str, row))}: {text}" for row, text in zip(frame.loc[wrong, [*LINE, "state"]].to_numpy(), now[wrong], strict=True)
    ]
    failing = name_documents(FEED, frame[wrong], name, said)
    return report_rows(name, len(said), len(frame), f"{len(said)} of {len(frame)} rows differ", expected, said), failing


def _unsettled(rows: pd.DataFrame) -> pd.Series:
    """Of each row the units that differ from those of the state that settled them; an empty text where none do."""
    why = pd.Series("", index=rows.index)
    lot = rows["lot_id"].fillna("")
    for column, states in SETTLED.items():
        first = rows.assign(lot_id=lot)[rows["state"] == states[0]].drop_duplicates([*LINE, "lot_id"])
        settled = pd.MultiIndex.from_frame(rows[LINE].assign(lot_id=lot))
        told = first.set_index([*LINE, "lot_id"])[column].astype(float).reindex(settled).to_numpy()
        now = rows[column].to_numpy(dtype=float)
        wrong = rows["state"].isin(states).to_numpy() & ~np.isnan(told) & (now != told)
        why[wrong] = [f"{column} {b:g}, {a:g} when {states[0]}" for a, b in zip(told[wrong], now[wrong], strict=True)]
    return why


def _check_dispatched(frame: pd.DataFrame, known: pd.DataFrame | None, dispatched: pd.DataFrame) -> tuple[GateCheck, list[Failing]]:
    """What the warehouse says of our transfer orders is what they said: item, ends, mode and units asked for, for lines that they have.

    Transfers of other systems are left aside, unless every earlier one was ours.
    """
    name, expected = "transfers_dispatched", "lines as their transfer orders have them"
    orders = dispatched.drop_duplicates(LINE).set_index(LINE)
    frame = frame.reset_index(drop=True)
    told = orders.reindex(pd.MultiIndex.from_frame(frame[LINE]))
    ours = frame["transfer_id"].isin(dispatched["transfer_id"]).to_numpy()
    is_known = told["item_id"].notna().to_numpy()
    only_ours = known is not None and len(known) > 0 and bool(known["transfer_id"].isin(dispatched["transfer_id"]).all())
    why = pd.Series(np.where(is_known, "", "no such line was dispatched"), index=frame.index).where(ours | only_ours, "")
    for column in DISPATCHED:
        one, other = frame[column].astype(object).to_numpy(), told[column].astype(object).to_numpy()
        differs = is_known & (one != other)
        texts = [f"{column} {a}, {b} in the order" for a, b in zip(one[differs], other[differs], strict=True)]
        why[differs] = [f"{old}, {text}" if old else text for old, text in zip(why[differs], texts, strict=True)]
    wrong = why.ne("")
    said = [f"{' '.join(map(str, row))}: {text}" for row, text in zip(frame.loc[wrong, LINE].to_numpy(), why[wrong], strict=True)]
    failing = name_documents(FEED, frame[wrong], name, said)
    return report_rows(name, len(said), int(ours.sum()), f"{len(said)} of {int(ours.sum())} rows differ", expected, said), failing


def _check_taken_on(
    frame: pd.DataFrame, known: pd.DataFrame, dispatched: pd.DataFrame, day: datetime.date
) -> tuple[GateCheck, list[Failing]]:
    """Lines that were to leave today have been taken on, if the warehouses took on every earlier one by the day that it was to leave."""
    name, expected = "transfers_taken_on", "a row for each line that was to leave"
    told = pd.concat([known, frame], ignore_index=True)
    first = told.groupby(LINE)["at"].min().dt.normalize()
    taken = first.reindex(pd.MultiIndex.from_frame(dispatched[LINE])).to_numpy()
    late = ~(taken <= dispatched["ship_date"].to_numpy())
    due = dispatched["ship_date"] == pd.Timestamp(day)
    earlier = (dispatched["ship_date"] < pd.Timestamp(day)) & (dispatched["ship_date"] >= first.min())
    if not earlier.any() or late[earlier].any():
        return GateCheck(name, True, "warn", "warehouses take lines on later, or no earlier day", expected), []
    lines = dispatched[due & late]
    said = [f"{row.transfer_id} {row.line_id}: {row.item_id} from {row.origin} to {row.destination}, no row" for row in lines.itertuples()]
    failing = name_documents(FEED, lines, name, said)
    return report_rows(
        name, len(said), int(due.sum()), f"{len(said)} of {int(due.sum())} lines that were to leave", expected, said
    ), failing
