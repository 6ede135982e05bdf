"""What the ledger remembers of dispatches and of their outcomes. Files and warehouse frames are execution's business.

A dispatch is recorded as an intent before any file exists and as released after, so that a crash in between can be healed.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from pipelines.domain.errors import DecisionRefused
from pipelines.domain.frames import each_row
from pipelines.domain.outcome import LineOutcome
from pipelines.domain.transfer import LineAction, LineState, next_state, path_to, states_text
from pipelines.store.ledger_chain import append_decisions
from pipelines.store.ledger_decisions import step_row
from pipelines.store.ledger_runs import current_run
from pipelines.store.ledger_tables import dispatches, outcomes, plan_lines, runs

_APPROVED = states_text([LineState.APPROVED, LineState.EDITED])
_OUTCOME_UNITS = tuple(c.name for c in outcomes.columns if c.name.startswith("qty_"))


@dataclass(frozen=True)
class DispatchRecord:
    """A dispatch as stored: `body` is the exact text of the file."""

    transfer_id: str
    idempotency_key: str
    run_id: str
    as_of: date
    lane_id: str
    body: str
    status: str


@dataclass(frozen=True)
class Progress:
    """What a reconciliation changed: line ids that moved, and outcomes written."""

    moved: tuple[str, ...]
    outcomes_written: int


def lines_to_dispatch(connection: sa.Connection) -> pd.DataFrame:
    """Approved and edited lines that no dispatch has taken yet, with `units_per_pack`; ordered by plan date, lane and line."""
    taken = {line_id for record in open_dispatches(connection) for line_id in _line_units(record.body)}
    query = sa.select(plan_lines).where(plan_lines.c.state.in_(_APPROVED))
    query = query.order_by(plan_lines.c.as_of, plan_lines.c.lane_id, plan_lines.c.line_id)
    rows = [dict(row._mapping) for row in connection.execute(query) if row.line_id not in taken]
    frame = pd.DataFrame(rows, columns=[c.name for c in plan_lines.columns])
    return frame.assign(units_per_pack=frame["units"] // frame["packs"])


def committed_lines(connection: sa.Connection, as_of: date) -> pd.DataFrame:
    """Units of lines of the plan of `as_of` that dispatches have taken, by origin and item, unless cancelled since."""
    query = sa.select(dispatches).where(dispatches.c.as_of == as_of).order_by(dispatches.c.transfer_id)
    units = {k: n for record in connection.execute(query) for k, n in _line_units(record.body).items()}
    lines = sa.select(plan_lines).where(plan_lines.c.as_of == as_of, plan_lines.c.state != str(LineState.CANCELLED))
    taken = (row for row in connection.execute(lines) if row.line_id in units and _is_taken(row.state))
    rows = [(row.origin, row.item_id, units[row.line_id]) for row in taken]
    frame = pd.DataFrame(rows, columns=["location_id", "item_id", "units"])
    return frame.groupby(["location_id", "item_id"], as_index=False)["units"].sum()


def open_dispatches(connection: sa.Connection) -> list[DispatchRecord]:
    """Dispatches recorded as an intent whose release is still due, ordered by transfer id."""
    query = sa.select(dispatches).where(dispatches.c.status == "intended").order_by(dispatches.c.transfer_id)
    return [_record(row) for row in connection.execute(query)]


def count_waves(connection: sa.Connection) -> dict[tuple[date, str], int]:
    """Dispatches so far by plan date and lane."""
    query = sa.select(dispatches.c.as_of, dispatches.c.lane_id, sa.func.count()).group_by(dispatches.c.as_of, dispatches.c.lane_id)
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def save_dispatch(connection: sa.Connection, record: DispatchRecord, decided_at: str) -> DispatchRecord:
    """Record the intent to send `record`. The same key and body again gives the stored answer.

    Raises `DecisionRefused` when the key or the transfer id is known with another body, a line is on another intent, or may not be
    released.
    """
    same = sa.or_(dispatches.c.transfer_id == record.transfer_id, dispatches.c.idempotency_key == record.idempotency_key)
    for row in connection.execute(sa.select(dispatches).where(same)):
        stored = _record(row)
        if (stored.transfer_id, stored.idempotency_key, stored.body) != (record.transfer_id, record.idempotency_key, record.body):
            raise DecisionRefused(
                f"transfer {record.transfer_id} was already dispatched with other contents under key {stored.idempotency_key[:12]}; "
                "a document once sent never changes: send the difference as a new transfer order"
            )
        return stored
    taken = {line_id: intent.transfer_id for intent in open_dispatches(connection) for line_id in _line_units(intent.body)}
    for line in _lines(connection, record.run_id, _line_units(record.body)).values():
        if line.line_id in taken:
            taker = taken[line.line_id]
            raise DecisionRefused(f"line {line.line_id} is being sent with transfer {taker} at this moment; look again after it")
        try:
            next_state(line.state, LineAction.RELEASE)
        except DecisionRefused as error:
            raise DecisionRefused(f"line {line.line_id}: {error}") from None
    connection.execute(sa.insert(dispatches).values(**asdict(record), decided_at=decided_at))
    return record


def release_dispatch(connection: sa.Connection, transfer_id: str, decided_at: str, reasons: Mapping[str, str]) -> int:
    """Mark a dispatch as sent and release its lines with the units it carries; again: nothing. Returns the lines released."""
    row = connection.execute(sa.select(dispatches).where(dispatches.c.transfer_id == transfer_id)).one_or_none()
    if row is None:
        raise DecisionRefused(f"transfer {transfer_id!r} was never recorded; record the dispatch first")
    if row.status != "intended":
        return 0
    units = _line_units(row.body)
    steps = []
    for line_id, line in sorted(_lines(connection, row.run_id, units).items()):
        if line.state in _APPROVED:
            reason = reasons.get(line_id, "sent to the warehouse")
            digest, effective = line.plan_digest, _effective(connection)
            steps.append(step_row(line, LineAction.RELEASE, "dispatch", reason, digest, effective, decided_at, units[line_id], transfer_id))
    append_decisions(connection, steps)
    connection.execute(sa.update(dispatches).where(dispatches.c.transfer_id == transfer_id).values(status="released"))
    return len(steps)


def cancel_lines(connection: sa.Connection, reasons: Mapping[tuple[str, str], str], actor: str, decided_at: str) -> int:
    """Cancel approved lines, by (run id, line id), that cannot be sent, each with its reason; lines that moved on are left alone."""
    steps = []
    for (run_id, line_id), reason in sorted(reasons.items()):
        line = _lines(connection, run_id, {line_id: 0}).get(line_id)
        if line is not None and line.state in _APPROVED:
            steps.append(step_row(line, LineAction.CANCEL, actor, reason, line.plan_digest, _effective(connection), decided_at))
    return len(append_decisions(connection, steps))


def dispatched_lines(connection: sa.Connection) -> pd.DataFrame:
    """Every line that a dispatch carries: line_id, run_id, transfer_id, item_id, destination, dispatched units, state."""
    columns = [plan_lines.c[name] for name in ("run_id", "line_id", "item_id", "destination", "state")]
    states = {(row.run_id, row.line_id): row for row in connection.execute(sa.select(*columns))}
    rows = []
    for record in connection.execute(sa.select(dispatches).order_by(dispatches.c.transfer_id)):
        for line_id, units in _line_units(record.body).items():
            line = states[(record.run_id, line_id)]
            rows.append((line_id, record.run_id, record.transfer_id, line.item_id, line.destination, units, line.state))
    names = ["line_id", "run_id", "transfer_id", "item_id", "destination", "qty_dispatched_units", "state"]
    return pd.DataFrame(rows, columns=names).sort_values("line_id", ignore_index=True)


def record_progress(connection: sa.Connection, found: Iterable[LineOutcome], as_of: date, decided_at: str) -> Progress:
    """Move lines as far as the warehouse's evidence proves, and store outcomes that changed. Again: nothing."""
    by_line = {row.line_id: row for row in each_row(dispatched_lines(connection))}
    outcomes_now = sorted(found, key=lambda o: o.line_id)
    moving = [o for o in outcomes_now if o.state is not None and path_to(by_line[o.line_id].state, o.state)]
    lines: dict[tuple[str, str], sa.Row] = {}
    for run_id in sorted({by_line[o.line_id].run_id for o in moving}):
        own = _lines(connection, run_id, [o.line_id for o in moving if by_line[o.line_id].run_id == run_id])
        lines |= {(run_id, line_id): line for line_id, line in own.items()}
    steps: list[dict[str, Any]] = []
    for outcome in moving:
        place = by_line[outcome.line_id]
        steps.extend(_walk(lines[(place.run_id, outcome.line_id)], place, outcome, as_of, decided_at))
    append_decisions(connection, steps)
    written = _save_outcomes(connection, {o.line_id: by_line[o.line_id].run_id for o in outcomes_now}, outcomes_now, as_of)
    return Progress(tuple(sorted({step["line_id"] for step in steps})), written)


def _walk(stored: sa.Row, place: Any, outcome: LineOutcome, as_of: date, decided_at: str) -> list[dict[str, Any]]:
    """One decision per step from where the line is to where the evidence puts it."""
    line = dict(stored._mapping)
    reason = "; ".join(outcome.notes) or f"warehouse reports {outcome.state}"
    steps = []
    for action in path_to(place.state, str(outcome.state)):
        units = 0 if action is LineAction.CANCEL else place.qty_dispatched_units
        step = step_row(line, action, "warehouse", reason, line["plan_digest"], as_of, decided_at, units, place.transfer_id)
        line |= {"state": step["to_state"], "qty_now_units": units, "transfer_id": place.transfer_id}
        steps.append(step)
    return steps


def _known_outcomes(connection: sa.Connection, as_of: date) -> dict[str, sa.Row]:
    """The latest stored outcome of every line, as known at `as_of`."""
    query = sa.select(outcomes).where(outcomes.c.as_of <= as_of).order_by(outcomes.c.line_id, outcomes.c.as_of)
    return {row.line_id: row for row in connection.execute(query)}


def _save_outcomes(connection: sa.Connection, run_of: Mapping[str, str], found: Iterable[LineOutcome], as_of: date) -> int:
    """Store outcomes that differ from what is known; the same day again replaces its own row. Returns the rows written."""
    known = _known_outcomes(connection, as_of)
    fresh, again = [], []
    for outcome in found:
        values = _outcome_values(outcome)
        stored = known.get(outcome.line_id)
        if stored is not None and all(stored._mapping[name] == value for name, value in values.items()):
            continue
        rows = again if stored is not None and stored.as_of == as_of else fresh
        rows.append({"line_id": outcome.line_id, "as_of": as_of, "run_id": run_of[outcome.line_id], **values})
    for row in again:
        same = sa.and_(outcomes.c.line_id == row["line_id"], outcomes.c.as_of == as_of)
        connection.execute(sa.update(outcomes).where(same).values(**row))
    if fresh:
        connection.execute(sa.insert(outcomes), fresh)
    return len(fresh) + len(again)


def _outcome_values(outcome: LineOutcome) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(outcome, name) for name in _OUTCOME_UNITS}
    return values | {
        "state": None if outcome.state is None else str(outcome.state),
        "shipped_at": None if outcome.shipped_at is None else outcome.shipped_at.isoformat(),
        "received_at": None if outcome.received_at is None else outcome.received_at.isoformat(),
        "notes": "; ".join(outcome.notes),
    }


def _lines(connection: sa.Connection, run_id: str, line_ids: Iterable[str]) -> dict[str, sa.Row]:
    """Rows of plan lines of one run by line id, in portions that every database accepts as parameters."""
    wanted = sorted(line_ids)
    query = sa.select(plan_lines, runs.c.plan_digest).join(runs, runs.c.run_id == plan_lines.c.run_id).where(plan_lines.c.run_id == run_id)
    found: dict[str, sa.Row] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        found |= {row.line_id: row for row in connection.execute(query.where(plan_lines.c.line_id.in_(part)))}
    return found


def _line_units(body: str) -> dict[str, int]:
    return {line["line_id"]: line["units"] for line in json.loads(body)["lines"]}


def _record(row: sa.Row) -> DispatchRecord:
    return DispatchRecord(row.transfer_id, row.idempotency_key, row.run_id, row.as_of, row.lane_id, row.body, row.status)


def _effective(connection: sa.Connection) -> date:
    current = current_run(connection)
    if current is None:
        raise DecisionRefused("nothing was proposed yet, so nothing can be dispatched")
    return current.as_of + timedelta(days=1)


def _is_taken(state: str) -> bool:
    return state not in states_text([LineState.PROPOSED, LineState.REJECTED, LineState.EXPIRED])
