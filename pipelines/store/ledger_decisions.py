"""Proposing plans and deciding on their lines: every rule that needs the stored state of a line is checked here.

Thresholds of the policy are approval's; effects outside the ledger are execution's.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from pipelines.domain.errors import DecisionRefused, UsageError
from pipelines.domain.transfer import FIRM_STATES, SERVING_STATES, LineAction, LineState, next_state, states_text, whole_packs
from pipelines.store.ledger_chain import append_decisions, canonical_json
from pipelines.store.ledger_runs import RunRecord, current_run, save_run
from pipelines.store.ledger_tables import plan_lines, runs

REQUIRED_COLUMNS = (
    *("line_id", "item_id", "lane_id", "origin", "destination", "mode", "packs", "units"),
    *("ship_date", "arrival_date", "benefit_usd", "cost_usd", "net_usd"),
)
_OWN_COLUMNS = ("run_id", "as_of", "state", "qty_now_units", "transfer_id")
PLANNED_COLUMNS = tuple(c.name for c in plan_lines.columns if c.name not in _OWN_COLUMNS)
_BY_PEOPLE = (LineAction.APPROVE, LineAction.EDIT, LineAction.REJECT, LineAction.CANCEL)


@dataclass(frozen=True)
class Proposal:
    """What proposing a plan did. `served` lines were not proposed: a firm line of the same day already serves the place."""

    run_id: str
    proposed: int
    expired: int
    served: int
    is_current: bool


@dataclass(frozen=True)
class Request:
    """One decision on several lines, all or nothing.

    `units` gives new quantities for `edit`; `reasons` may differ by line. `on` and `max_age_days` refuse plans that are too old.
    """

    line_ids: tuple[str, ...]
    action: LineAction
    actor: str
    reasons: Mapping[str, str]
    plan_digest: str
    decided_at: str
    units: Mapping[str, int] = field(default_factory=dict)
    on: date | None = None
    max_age_days: int | None = None


def propose_lines(connection: sa.Connection, run: RunRecord, lines: pd.DataFrame, plan_digest: str, decided_at: str) -> Proposal:
    """Store the lines of a published plan and expire older proposed lines; the same run again changes nothing.

    A plan restricted to items expires theirs alone: other items' lines wait on as they were proposed.
    """
    stored = save_run(connection, run, plan_digest)
    current = current_run(connection)
    if stored.proposed_seq is not None:
        return _count_proposal(connection, run.run_id, current)
    if current is not None and current.as_of > run.as_of:
        return Proposal(run.run_id, 0, 0, 0, is_current=False)
    proposed_seq = 1 + (connection.execute(sa.select(sa.func.max(runs.c.proposed_seq))).scalar() or 0)
    connection.execute(sa.update(runs).where(runs.c.run_id == run.run_id).values(proposed_seq=proposed_seq))
    serving = _serving_lines(connection, run.as_of)
    waiting = _lines_of_runs().where(plan_lines.c.state == str(LineState.PROPOSED)).order_by(plan_lines.c.run_id, plan_lines.c.line_id)
    if run.items:
        waiting = waiting.where(plan_lines.c.item_id.in_(run.items))
    effective = run.as_of + timedelta(days=1)
    reason = f"superseded by run {run.run_id}"
    older = connection.execute(waiting).all()
    steps = [step_row(line, LineAction.EXPIRE, "evenstock", reason, line.plan_digest, effective, decided_at) for line in older]
    records = _line_records(run, lines)
    if records:
        connection.execute(sa.insert(plan_lines), records)
    for record in records:
        by = serving.get((record["item_id"], record["destination"]))
        if by is not None:
            reason = f"line {by} of the same day already serves {record['item_id']} at {record['destination']}"
            steps.append(step_row(record, LineAction.EXPIRE, "evenstock", reason, plan_digest, effective, decided_at))
    append_decisions(connection, steps)
    served = sum(1 for step in steps if step["run_id"] == run.run_id)
    return Proposal(run.run_id, len(records) - served, len(steps) - served, served, is_current=True)


def decide_lines(connection: sa.Connection, request: Request) -> list[dict[str, Any]]:
    """Check every line, then append one decision per line; the first line that cannot follow refuses them all."""
    if request.action not in _BY_PEOPLE:
        raise DecisionRefused(f"{request.action} is not decided by people; choose one of: {', '.join(sorted(_BY_PEOPLE))}")
    if not request.line_ids:
        raise UsageError("no line named: give at least one line id")
    current = current_run(connection)
    steps = []
    for line_id in sorted(set(request.line_ids)):
        line = _find_line(connection, line_id, current)
        if current is None:
            raise DecisionRefused(f"there is no plan that line {line_id!r} could belong to")
        _refuse_stale(request, line, current)
        effective = current.as_of + timedelta(days=1)
        reason = request.reasons.get(line_id, "")
        units = _units_after(request, line)
        steps.append(step_row(line, request.action, request.actor, reason, line.plan_digest, effective, request.decided_at, units))
    return append_decisions(connection, steps)


def step_row(
    line: Any,
    action: LineAction,
    actor: str,
    reason: str,
    plan_digest: str,
    effective_from: date,
    decided_at: str,
    units: int = 0,
    transfer_id: str | None = None,
) -> dict[str, Any]:
    """A decision row that moves `line` by `action`; raises `DecisionRefused` naming the line when that is illegal.

    `effective_from` is the first as_of whose run may see it, so that a run repeated later reads what it read then.
    """
    now = dict(line._mapping) if isinstance(line, sa.Row) else dict(line)
    try:
        after = next_state(now["state"], action)
    except DecisionRefused as error:
        raise DecisionRefused(f"line {now['line_id']}: {error}") from None
    transfer = transfer_id or now["transfer_id"]
    return {
        "line_id": now["line_id"],
        "run_id": now["run_id"],
        "plan_digest": plan_digest,
        "from_state": str(now["state"]),
        "to_state": str(after),
        "action": str(action),
        "actor": actor,
        "reason": reason,
        "before": canonical_json({"state": str(now["state"]), "units": now["qty_now_units"], "transfer_id": now["transfer_id"]}),
        "after": canonical_json({"state": str(after), "units": units, "transfer_id": transfer}),
        "qty_units": units,
        "transfer_id": transfer,
        "effective_from": effective_from,
        "decided_at": decided_at,
    }


def _find_line(connection: sa.Connection, line_id: str, current: sa.Row | None) -> sa.Row:
    """The row that `line_id` means: the current plan's, else the one that is being executed, else the latest."""
    query = _lines_of_runs()
    found = connection.execute(query.where(plan_lines.c.line_id == line_id).order_by(runs.c.proposed_seq.desc())).all()
    if current is None or not found:
        raise DecisionRefused(f"there is no line {line_id!r}{_did_you_mean(connection, line_id, current)}")
    firm = [line for line in found if line.state in states_text(FIRM_STATES)]
    return (firm or [line for line in found if line.run_id == current.run_id] or found)[0]


def _did_you_mean(connection: sa.Connection, line_id: str, current: sa.Row | None) -> str:
    if current is None:
        return ": no plan has been proposed yet; run the nightly flow first"
    known = connection.execute(sa.select(plan_lines.c.line_id).where(plan_lines.c.run_id == current.run_id)).scalars().all()
    close = difflib.get_close_matches(line_id, sorted(known), n=3)
    if close:
        return f" in run {current.run_id}; did you mean {' or '.join(close)}?"
    return f"; the current plan is run {current.run_id} with {len(known)} lines: list them and take an id from there"


def _refuse_stale(request: Request, line: sa.Row, current: sa.Row) -> None:
    """Refuse decisions on a plan that is not the one people are looking at, or that is too old. Cancelling needs neither.

    A line of an earlier plan that is still proposed was left alone by plans restricted to other items: it can be decided.
    """
    if request.action is LineAction.CANCEL and line.state != LineState.PROPOSED:
        return
    where = f"line {line.line_id} ({line.state})"
    if line.run_id != current.run_id and line.state == LineState.EXPIRED:
        raise DecisionRefused(
            f"{where} is stale: it belongs to run {line.run_id}, the current plan is run {current.run_id}; decide on that one"
        )
    if request.plan_digest != current.plan_digest:
        raise DecisionRefused(
            f"{where} is stale: you decide on plan {request.plan_digest[:12]}, the current plan is {str(current.plan_digest)[:12]} "
            f"of run {current.run_id}; pull the current plan and decide again"
        )
    if request.on is not None and request.max_age_days is not None:
        age = (request.on - current.as_of).days
        if age > request.max_age_days:
            raise DecisionRefused(
                f"{where} is stale: its plan is {age} days old, the policy allows {request.max_age_days}; make a new plan first"
            )


def _units_after(request: Request, line: sa.Row) -> int:
    """Units the line stands for after the decision."""
    if request.action is LineAction.APPROVE:
        return line.units
    if request.action is not LineAction.EDIT:
        return 0
    units, pack, limit = request.units.get(line.line_id), line.units // line.packs, line.donor_available_units
    where = f"line {line.line_id} ({line.state})"
    if isinstance(units, bool) or not isinstance(units, int) or units < 1:
        raise DecisionRefused(f"{where}: an edit needs a whole number of units of 1 or more, found {units!r}; to ship none, reject it")
    if units % pack:
        lower, upper = units // pack * pack, (units // pack + 1) * pack
        raise DecisionRefused(f"{where}: {units} units are not whole packs of {pack}; the nearest are {lower or upper} and {upper}")
    if limit is not None and units > limit:
        most = whole_packs(limit, pack)
        raise DecisionRefused(f"{where}: {line.origin} has {limit} units available, {units} asked; take {most} or less")
    return units


def _serving_lines(connection: sa.Connection, as_of: date) -> dict[tuple[str, str], str]:
    """Item and destination of lines of the same day, from an earlier run, that are firm or already moved."""
    query = sa.select(plan_lines.c.item_id, plan_lines.c.destination, plan_lines.c.line_id).where(plan_lines.c.as_of == as_of)
    rows = connection.execute(query.where(plan_lines.c.state.in_(states_text(SERVING_STATES))).order_by(plan_lines.c.line_id.desc()))
    return {(row.item_id, row.destination): row.line_id for row in rows}


def _lines_of_runs() -> sa.Select:
    return sa.select(plan_lines, runs.c.proposed_seq, runs.c.plan_digest).join(runs, runs.c.run_id == plan_lines.c.run_id)


def _count_proposal(connection: sa.Connection, run_id: str, current: sa.Row | None) -> Proposal:
    total = connection.execute(sa.select(sa.func.count()).select_from(plan_lines).where(plan_lines.c.run_id == run_id)).scalar_one()
    return Proposal(run_id, total, 0, 0, is_current=current is not None and current.run_id == run_id)


def _line_records(run: RunRecord, lines: pd.DataFrame) -> list[dict[str, Any]]:
    missing = [name for name in REQUIRED_COLUMNS if name not in lines.columns]
    if missing:
        raise UsageError(f"plan lines lack the columns {', '.join(missing)}")
    own = {"run_id": run.run_id, "as_of": run.as_of, "state": str(LineState.PROPOSED), "qty_now_units": 0, "transfer_id": None}
    present = [name for name in PLANNED_COLUMNS if name in lines.columns]
    ordered = lines.sort_values("line_id")[present]
    return [
        {**dict.fromkeys(PLANNED_COLUMNS), **{k: stored_value(plan_lines.c[k], v) for k, v in zip(present, row, strict=True)}, **own}
        for row in ordered.itertuples(index=False, name=None)
    ]


def stored_value(column: sa.Column, value: Any) -> Any:
    """`value` as the database stores it: null for NaN, plain ints and dates, never a silent rounding."""
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    if isinstance(column.type, sa.Date):
        return pd.Timestamp(value).date()
    if isinstance(column.type, sa.Integer):
        if value != int(value):
            raise UsageError(f"{column.name} must be whole units, found {value!r}")
        return int(value)
    return float(value) if isinstance(column.type, sa.Float) else str(value)


def reasons_for(line_ids: Sequence[str], reason: str | Mapping[str, str]) -> dict[str, str]:
    """One reason per line from one text or a mapping."""
    return {line_id: reason if isinstance(reason, str) else reason.get(line_id, "") for line_id in line_ids}


def as_line_ids(line_ids: str | Iterable[str]) -> tuple[str, ...]:
    """Line ids as given, one text counting as one id."""
    return (line_ids,) if isinstance(line_ids, str) else tuple(line_ids)
