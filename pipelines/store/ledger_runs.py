"""Runs as the ledger records them: once each, in the order of their proposals. Their lines and decisions are in the modules beside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from pipelines.domain.errors import DecisionRefused
from pipelines.domain.transfer import ENDED_STATES, states_text
from pipelines.store.ledger_chain import canonical_json
from pipelines.store.ledger_tables import plan_lines, runs


@dataclass(frozen=True)
class RunRecord:
    """A run as the ledger knows it. `detail` holds anything else worth keeping, without wall times; `provenance` what it was made of.

    `items`: what a restricted plan is about; empty for a plan of everything.
    """

    run_id: str
    as_of: date
    status: str = "OPTIMAL"
    objective_usd: float | None = None
    gap_share: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] | None = None
    items: tuple[str, ...] = ()


def save_run(connection: sa.Connection, run: RunRecord, plan_digest: str | None) -> sa.Row:
    """Record `run` once; later calls may add a plan digest but never replace one. Returns the stored row."""
    stored = connection.execute(sa.select(runs).where(runs.c.run_id == run.run_id)).one_or_none()
    if stored is None:
        values = {"run_id": run.run_id, "as_of": run.as_of, "status": run.status, "objective_usd": run.objective_usd}
        values |= {"gap_share": run.gap_share, "detail": canonical_json(dict(run.detail)), "plan_digest": plan_digest}
        values["provenance"] = None if run.provenance is None else canonical_json(dict(run.provenance))
        connection.execute(sa.insert(runs).values(**values))
    elif stored.plan_digest is None and plan_digest is not None:
        connection.execute(sa.update(runs).where(runs.c.run_id == run.run_id).values(plan_digest=plan_digest))
    elif plan_digest not in (None, stored.plan_digest):
        raise DecisionRefused(
            f"run {run.run_id} was recorded with plan {stored.plan_digest[:12]}, now it brings plan {plan_digest[:12]}: "
            "the same run must give the same plan; report it and keep the recorded one"
        )
    return connection.execute(sa.select(runs).where(runs.c.run_id == run.run_id)).one()


def current_run(connection: sa.Connection) -> sa.Row | None:
    """The run whose plan was proposed last."""
    newest = sa.select(runs).where(runs.c.proposed_seq.is_not(None)).order_by(runs.c.proposed_seq.desc()).limit(1)
    return connection.execute(newest).one_or_none()


def find_run(connection: sa.Connection, run_id: str) -> sa.Row | None:
    """A run as recorded."""
    return connection.execute(sa.select(runs).where(runs.c.run_id == run_id)).one_or_none()


def last_runs(connection: sa.Connection, first: date, last: date) -> dict[date, str]:
    """The run proposed last for each business date from `first` to `last` that has one."""
    between = sa.and_(runs.c.proposed_seq.is_not(None), runs.c.as_of.between(first, last))
    found = connection.execute(sa.select(runs.c.as_of, runs.c.run_id).where(between).order_by(runs.c.proposed_seq))
    return {row.as_of: row.run_id for row in found}


def run_before(connection: sa.Connection, as_of: date) -> sa.Row | None:
    """The run of the latest date before `as_of` whose plan was proposed; of several of that date the last."""
    before = sa.select(runs).where(runs.c.proposed_seq.is_not(None), runs.c.as_of < as_of)
    return connection.execute(before.order_by(runs.c.as_of.desc(), runs.c.proposed_seq.desc()).limit(1)).one_or_none()


def proposed_runs(connection: sa.Connection) -> list[dict[str, Any]]:
    """Runs in the order of their proposals, with `is_open`: whether a line of theirs can still change state."""
    moving = sa.select(plan_lines.c.run_id).where(plan_lines.c.state.not_in(states_text(ENDED_STATES))).distinct()
    still = set(connection.execute(moving).scalars())
    found = connection.execute(sa.select(runs).where(runs.c.proposed_seq.is_not(None)).order_by(runs.c.proposed_seq))
    return [dict(row._mapping) | {"is_open": row.run_id in still} for row in found]
