"""What a run reads of the ledger: transfer lines as known at a date, learned parameters, and digests of both.

Everything here is bitemporal: a run repeated later for the same date reads the same rows.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from pipelines.domain.errors import UsageError
from pipelines.domain.transfer import SERVING_STATES, LineState, states_text, transfer_id_of
from pipelines.store.ledger_chain import canonical_json, digest_of
from pipelines.store.ledger_tables import decisions, dispatches, feedback, outcomes, plan_lines, runs

TRANSFER_LINE_COLUMNS = (
    *("line_id", "run_id", "plan_as_of", "transfer_id", "item_id", "origin", "destination", "mode", "lane_id"),
    *("qty_planned_units", "qty_approved_units", "expected_ship_date", "expected_arrival_date"),
    *("net_usd", "benefit_usd", "cost_usd", "state"),
)
FEEDBACK_COLUMNS = (
    *("feedback_id", "parameter", "scope", "old_value", "new_value", "evidence_n"),
    *("rule", "run_id", "as_of", "valid_from", "detail"),
)
_CONTENT = ("parameter", "scope", "old_value", "new_value", "evidence_n", "rule", "as_of", "valid_from")
REVERTED = "reverted: no longer supported by the evidence of the day"


def transfer_lines(connection: sa.Connection, as_of: date) -> pd.DataFrame:
    """Lines of plans made before `as_of` in the state known at `as_of`, one row per line id, ordered by it.

    Expired lines are left out: nothing follows from them. Undecided lines stand for no units. A line that was sent has the
    dates of its transfer order, which leaves later than planned if people decided late.
    """
    newest_first = decisions.c.seq.desc()
    rank = sa.func.row_number().over(partition_by=[decisions.c.run_id, decisions.c.line_id], order_by=newest_first).label("rank")
    known = sa.select(decisions.c.run_id, decisions.c.line_id, decisions.c.to_state, decisions.c.qty_units, decisions.c.transfer_id, rank)
    last = known.where(decisions.c.effective_from <= as_of).subquery()
    on_last = sa.and_(last.c.run_id == plan_lines.c.run_id, last.c.line_id == plan_lines.c.line_id, last.c.rank == 1)
    query = (
        sa.select(plan_lines, runs.c.proposed_seq, last.c.to_state, last.c.qty_units, last.c.transfer_id.label("sent_as"))
        .join(runs, runs.c.run_id == plan_lines.c.run_id)
        .join(last, on_last, isouter=True)
        .where(plan_lines.c.as_of < as_of)
        .order_by(plan_lines.c.line_id, runs.c.proposed_seq)
    )
    sent = _sent_dates(connection)
    chosen: dict[str, dict[str, Any]] = {}
    for row in connection.execute(query):
        line = _transfer_line(dict(row._mapping), sent)
        if line["state"] != LineState.EXPIRED and not _is_serving(chosen.get(line["line_id"])):
            chosen[line["line_id"]] = line
    return pd.DataFrame(list(chosen.values()), columns=list(TRANSFER_LINE_COLUMNS))


def plan_line_frame(connection: sa.Connection, run_id: str) -> pd.DataFrame:
    """All lines of one run as proposed, with their state, units and transfer id of now; ordered by line id."""
    rows = connection.execute(sa.select(plan_lines).where(plan_lines.c.run_id == run_id).order_by(plan_lines.c.line_id)).all()
    frame = pd.DataFrame([tuple(row) for row in rows], columns=[c.name for c in plan_lines.columns])
    return frame.rename(columns={"qty_now_units": "qty_approved_units"})


def decision_frame(connection: sa.Connection, line_id: str | None = None) -> pd.DataFrame:
    """The trail of decisions, of one line or of all, in order."""
    query = sa.select(decisions).order_by(decisions.c.seq)
    if line_id is not None:
        query = query.where(decisions.c.line_id == line_id)
    return pd.DataFrame([tuple(row) for row in connection.execute(query)], columns=[c.name for c in decisions.columns])


def outcome_frame(connection: sa.Connection, as_of: date) -> pd.DataFrame:
    """The latest outcome of every line as known at `as_of`, ordered by line id."""
    query = sa.select(outcomes).where(outcomes.c.as_of <= as_of).order_by(outcomes.c.line_id, outcomes.c.as_of)
    latest = {row.line_id: tuple(row) for row in connection.execute(query)}
    return pd.DataFrame(list(latest.values()), columns=[c.name for c in outcomes.columns])


def feedback_frame(connection: sa.Connection, as_of: date) -> pd.DataFrame:
    """The learned parameters that a run at `as_of` reads: latest row per parameter and scope with valid_from <= as_of."""
    query = sa.select(feedback).where(feedback.c.valid_from <= as_of)
    ordered = query.order_by(feedback.c.parameter, feedback.c.scope, feedback.c.valid_from, feedback.c.seq)
    latest = {(row.parameter, row.scope): tuple(row._mapping[name] for name in FEEDBACK_COLUMNS) for row in connection.execute(ordered)}
    return pd.DataFrame(list(latest.values()), columns=list(FEEDBACK_COLUMNS))


def add_feedback(connection: sa.Connection, rows: Iterable[Mapping[str, Any]], as_of: date) -> int:
    """Append what the run at `as_of` learned; `rows` is everything it learned. Returns the rows added.

    Running a day again with the same evidence adds nothing. With corrected evidence, changed parameters get a new row and
    parameters that were moved earlier that day but are no longer supported get a row that takes the move back.
    """
    query = sa.select(feedback).where(feedback.c.as_of == as_of).order_by(feedback.c.seq)
    known = {(row.parameter, row.scope): dict(row._mapping) for row in connection.execute(query)}
    wanted = {(row["parameter"], row["scope"]): _feedback_row(row, as_of) for row in rows}
    for key, row in known.items():
        if key not in wanted and row["old_value"] is not None and row["rule"] != REVERTED:
            wanted[key] = {**row, "new_value": row["old_value"], "old_value": row["new_value"], "evidence_n": 0.0, "rule": REVERTED}
    seq = connection.execute(sa.select(sa.func.max(feedback.c.seq))).scalar() or 0
    fresh = []
    for key, row in sorted(wanted.items()):
        before = known.get(key)
        if before is not None and all(before[name] == row[name] for name in _CONTENT):
            continue
        seq += 1
        replaces = None if before is None else before["feedback_id"]
        fresh.append({**row, "seq": seq, "feedback_id": digest_of([{name: row[name] for name in _CONTENT}, replaces])[:32]})
    if fresh:
        connection.execute(sa.insert(feedback), fresh)
    return len(fresh)


def ledger_digest(connection: sa.Connection, as_of: date) -> str:
    """sha256 of the transfer lines a run at `as_of` reads; no wall times in it."""
    return digest_of(transfer_lines(connection, as_of).to_dict("split", index=False)["data"])


def feedback_digest(connection: sa.Connection, as_of: date) -> str:
    """sha256 of the learned parameters a run at `as_of` reads; no wall times in it."""
    frame = feedback_frame(connection, as_of)
    return digest_of(frame[["parameter", "scope", "new_value", "evidence_n", "valid_from"]].to_dict("split", index=False)["data"])


def _sent_dates(connection: sa.Connection) -> dict[str, tuple[date, date]]:
    """Ship and expected arrival date of every transfer order by its id."""
    bodies = connection.execute(sa.select(dispatches.c.transfer_id, dispatches.c.body))
    found = ((row.transfer_id, json.loads(row.body)) for row in bodies)
    dated = ((name, x["ship_date"], x["expected_arrival_date"]) for name, x in found if "ship_date" in x)
    return {name: (date.fromisoformat(ship), date.fromisoformat(arrival)) for name, ship, arrival in dated}


def _transfer_line(row: Mapping[str, Any], sent: Mapping[str, tuple[date, date]]) -> dict[str, Any]:
    ship_date, arrival_date = sent.get(row["sent_as"], (row["ship_date"], row["arrival_date"]))
    return {
        "line_id": row["line_id"],
        "run_id": row["run_id"],
        "plan_as_of": row["as_of"],
        "transfer_id": row["sent_as"] or transfer_id_of(row["as_of"], row["lane_id"]),
        "item_id": row["item_id"],
        "origin": row["origin"],
        "destination": row["destination"],
        "mode": row["mode"],
        "lane_id": row["lane_id"],
        "qty_planned_units": row["units"],
        "qty_approved_units": row["qty_units"] or 0,
        "expected_ship_date": ship_date,
        "expected_arrival_date": arrival_date,
        "net_usd": row["net_usd"],
        "benefit_usd": row["benefit_usd"],
        "cost_usd": row["cost_usd"],
        "state": row["to_state"] or str(LineState.PROPOSED),
    }


def _is_serving(line: Mapping[str, Any] | None) -> bool:
    return line is not None and line["state"] in states_text(SERVING_STATES)


def _feedback_row(row: Mapping[str, Any], as_of: date) -> dict[str, Any]:
    if pd.Timestamp(row["as_of"]).date() != as_of:
        raise UsageError(f"feedback row {row['parameter']} of {row['scope']} is known at {row['as_of']}, not at {as_of}")
    detail = row["detail"]
    old = row["old_value"]
    return {
        "parameter": str(row["parameter"]),
        "scope": str(row["scope"]),
        "old_value": None if old is None or old != old else float(old),
        "new_value": float(row["new_value"]),
        "evidence_n": float(row["evidence_n"]),
        "rule": str(row["rule"]),
        "run_id": str(row["run_id"]),
        "as_of": as_of,
        "valid_from": pd.Timestamp(row["valid_from"]).date(),
        "detail": canonical_json(json.loads(detail) if isinstance(detail, str) else detail),
    }
