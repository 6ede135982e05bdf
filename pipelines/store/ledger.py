"""The ledger: proposals, decisions, dispatches, outcomes and learned parameters, each write in one transaction.

This is the door; the rules behind it are in the modules `ledger_*` beside it.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from pipelines.domain.errors import UsageError
from pipelines.domain.outcome import LineOutcome
from pipelines.domain.transfer import LineAction, next_state
from pipelines.store import (
    ledger_chain,
    ledger_decisions,
    ledger_execution,
    ledger_frames,
    ledger_overrides,
    ledger_runs,
    ledger_snapshot,
)
from pipelines.store.home import LEDGER_FILE
from pipelines.store.ledger_chain import ChainCheck
from pipelines.store.ledger_decisions import Proposal, Request
from pipelines.store.ledger_execution import DispatchRecord, Progress
from pipelines.store.ledger_migration import bring_to_head, readable
from pipelines.store.ledger_runs import RunRecord
from pipelines.store.ledger_tables import make_engine, make_reading_engine, reading, writing

__all__ = ["ChainCheck", "DispatchRecord", "Ledger", "Progress", "Proposal", "RunRecord", "open_ledger"]


class Ledger:
    """One ledger by its database URL, brought to the newest tables on opening. Safe to share between threads.

    With `read_only` nothing is created or migrated, and every write fails.
    """

    def __init__(self, url: str | sa.URL, read_only: bool = False) -> None:
        self._engine = readable(make_reading_engine(url)) if read_only else make_engine(url)
        if not read_only:
            bring_to_head(self._engine)

    # What was planned

    def propose(self, run: RunRecord, lines: pd.DataFrame, plan_digest: str, decided_at: datetime | str) -> Proposal:
        """Propose the lines of a published plan and expire every older proposed line, of a restricted plan those of its items.

        `lines` is the plan_lines frame (units are whole, money in USD). Idempotent per run. A plan older than the current one
        is recorded but proposes nothing. A line whose item and destination are already served by a firm line of the same day
        is stored as expired, so that a repeated day never moves goods twice.
        Raises `DecisionRefused` when the run was recorded with another plan, `UsageError` when columns are missing.
        """
        with writing(self._engine) as connection:
            return ledger_decisions.propose_lines(connection, run, lines, plan_digest, _text_of(decided_at))

    def current_run(self) -> dict[str, Any] | None:
        """The run proposed last: run_id, as_of, status, plan_digest and what else was recorded."""
        with reading(self._engine) as connection:
            row = ledger_runs.current_run(connection)
            return None if row is None else dict(row._mapping)

    def current_lines(self, run_id: str) -> pd.DataFrame:
        """Lines of a run as proposed, with `state`, `qty_approved_units` and `transfer_id` of now; ordered by line id."""
        with reading(self._engine) as connection:
            return ledger_frames.plan_line_frame(connection, run_id)

    def find_run(self, run_id: str) -> dict[str, Any] | None:
        """A run as recorded, or None."""
        with reading(self._engine) as connection:
            row = ledger_runs.find_run(connection, run_id)
            return None if row is None else dict(row._mapping)

    def last_runs(self, first: date, last: date) -> dict[date, str]:
        """The run proposed last for each business date from `first` to `last` that has one."""
        with reading(self._engine) as connection:
            return ledger_runs.last_runs(connection, first, last)

    def run_before(self, as_of: date) -> dict[str, Any] | None:
        """The run of the latest date before `as_of` whose plan was proposed, of several the last; None if there is none."""
        with reading(self._engine) as connection:
            row = ledger_runs.run_before(connection, as_of)
            return None if row is None else dict(row._mapping)

    def proposed_runs(self) -> list[dict[str, Any]]:
        """Every run whose plan was proposed, in that order: run_id, as_of, plan_digest, provenance and `is_open`.

        A run is open while one of its lines can still change state: proposed, approved, or on its way.
        """
        with reading(self._engine) as connection:
            return ledger_runs.proposed_runs(connection)

    # What was decided

    def decide(
        self,
        line_ids: Iterable[str] | str,
        action: str,
        actor: str,
        reason: str | Mapping[str, str],
        plan_digest_current: str,
        decided_at: datetime | str,
        *,
        units: Mapping[str, int] | None = None,
        on: date | None = None,
        max_age_days: int | None = None,
    ) -> pd.DataFrame:
        """Approve, edit, reject or cancel lines of the current plan, all or nothing; returns the decision rows.

        `plan_digest_current` is the digest of the plan the decider looks at, `units` the new quantities of an edit (whole packs,
        not above what the donor has), `on` with `max_age_days` refuses old plans. Cancelling approved lines needs no current plan.
        Raises `DecisionRefused` naming the line, its state and the remedy when a line is stale, unknown or in no such state.
        """
        _check_action(action)
        ids = ledger_decisions.as_line_ids(line_ids)
        reasons = ledger_decisions.reasons_for(ids, reason)
        text = _text_of(decided_at)
        request = Request(ids, LineAction(action), actor, reasons, plan_digest_current, text, dict(units or {}), on, max_age_days)
        with writing(self._engine) as connection:
            rows = ledger_decisions.decide_lines(connection, request)
        return pd.DataFrame(rows)

    def decisions(self, line_id: str | None = None) -> pd.DataFrame:
        """The trail of decisions in order, of one line or of all."""
        with reading(self._engine) as connection:
            return ledger_frames.decision_frame(connection, line_id)

    def verify_chain(self) -> ChainCheck:
        """Recompute the chain of decisions; `problems` names every edited, inserted or removed row."""
        with reading(self._engine) as connection:
            return ledger_chain.verify_chain(connection)

    # What was sent and what came of it

    def lines_to_dispatch(self) -> pd.DataFrame:
        """Approved and edited lines that no dispatch has taken; `qty_now_units` is what was approved."""
        with reading(self._engine) as connection:
            return ledger_execution.lines_to_dispatch(connection)

    def committed_units(self, as_of: date) -> pd.DataFrame:
        """location_id, item_id, units that dispatches of the plan of `as_of` already took."""
        with reading(self._engine) as connection:
            return ledger_execution.committed_lines(connection, as_of)

    def count_waves(self) -> dict[tuple[date, str], int]:
        """Dispatches so far by plan date and lane id."""
        with reading(self._engine) as connection:
            return ledger_execution.count_waves(connection)

    def open_dispatches(self) -> list[DispatchRecord]:
        """Intents whose file may be missing: a crash came between recording and releasing."""
        with reading(self._engine) as connection:
            return ledger_execution.open_dispatches(connection)

    def record_dispatch(
        self, *, transfer_id: str, idempotency_key: str, run_id: str, as_of: date, lane_id: str, body: str, decided_at: datetime | str
    ) -> DispatchRecord:
        """Record the intent to send `body`; the same key and body again gives the stored answer, another body `DecisionRefused`."""
        record = DispatchRecord(transfer_id, idempotency_key, run_id, as_of, lane_id, body, "intended")
        with writing(self._engine) as connection:
            return ledger_execution.save_dispatch(connection, record, _text_of(decided_at))

    def release_dispatch(self, transfer_id: str, decided_at: datetime | str, reasons: Mapping[str, str] | None = None) -> int:
        """Release the lines of a dispatch whose file is written; again: nothing. Returns the lines released."""
        with writing(self._engine) as connection:
            return ledger_execution.release_dispatch(connection, transfer_id, _text_of(decided_at), reasons or {})

    def cancel_undeliverable(self, reasons: Mapping[tuple[str, str], str], decided_at: datetime | str, actor: str = "dispatch") -> int:
        """Cancel approved lines, by (run id, line id), whose donor has nothing left; returns the lines cancelled."""
        with writing(self._engine) as connection:
            return ledger_execution.cancel_lines(connection, reasons, actor, _text_of(decided_at))

    def dispatched_lines(self) -> pd.DataFrame:
        """Every line a dispatch carries with its units and state: what warehouse reports are matched against."""
        with reading(self._engine) as connection:
            return ledger_execution.dispatched_lines(connection)

    def record_progress(self, outcomes: Iterable[LineOutcome], as_of: date, decided_at: datetime | str) -> Progress:
        """Move lines as far as the evidence known at `as_of` proves and store changed outcomes; again: nothing."""
        with writing(self._engine) as connection:
            return ledger_execution.record_progress(connection, outcomes, as_of, _text_of(decided_at))

    def outcomes(self, as_of: date) -> pd.DataFrame:
        """Latest outcome per line as known at `as_of`, units of every place it can be."""
        with reading(self._engine) as connection:
            return ledger_frames.outcome_frame(connection, as_of)

    # What a run reads

    def transfer_lines(self, as_of: date) -> pd.DataFrame:
        """Lines of plans made before `as_of` in the state known then: the frame behind `lake.ledger_transfer_lines`."""
        with reading(self._engine) as connection:
            return ledger_frames.transfer_lines(connection, as_of)

    def append_feedback(self, rows: pd.DataFrame | Iterable[Mapping[str, Any]], as_of: date) -> int:
        """Append everything the run at `as_of` learned; returns the rows added. Again with the same evidence: nothing."""
        plain = rows.to_dict("records") if isinstance(rows, pd.DataFrame) else list(rows)
        with writing(self._engine) as connection:
            return ledger_frames.add_feedback(connection, plain, as_of)

    def feedback_at(self, as_of: date) -> pd.DataFrame:
        """Learned parameters valid at `as_of`: the latest row per parameter and scope."""
        with reading(self._engine) as connection:
            return ledger_frames.feedback_frame(connection, as_of)

    def ledger_digest(self, as_of: date) -> str:
        """sha256 of the transfer lines that a run at `as_of` reads."""
        with reading(self._engine) as connection:
            return ledger_frames.ledger_digest(connection, as_of)

    def add_override(self, row: Mapping[str, Any]) -> str:
        """Append a person's override of a forecast; the same again adds nothing. Returns its id."""
        with writing(self._engine) as connection:
            return ledger_overrides.add_override(connection, row)

    def overrides(self, as_of: date | None = None) -> pd.DataFrame:
        """Overrides in the order in which they were made: all, or those that a run at `as_of` reads."""
        with reading(self._engine) as connection:
            return ledger_overrides.override_frame(connection, as_of)

    def override_digest(self, as_of: date) -> str:
        """sha256 of the overrides that a run at `as_of` reads, empty where there are none."""
        with reading(self._engine) as connection:
            return ledger_overrides.override_digest(connection, as_of)

    def marks(self) -> dict[str, int]:
        """How far the ledger has come; `copy_until` takes it back to there."""
        with reading(self._engine) as connection:
            return ledger_snapshot.read_marks(connection)

    def copy_until(self, target: Path, marks: Mapping[str, int]) -> None:
        """Write a ledger of its own of all that stood in this one at `marks`."""
        with reading(self._engine) as connection:
            ledger_snapshot.copy_until(connection, target, marks)

    def feedback_digest(self, as_of: date) -> str:
        """sha256 of the learned parameters that a run at `as_of` reads."""
        with reading(self._engine) as connection:
            return ledger_frames.feedback_digest(connection, as_of)


def open_ledger(home: Path, url: str | None = None, read_only: bool = False) -> Ledger:
    """The ledger of a home: `ledger.sqlite` in it, or the database of `url`; with `read_only` for looking, also on a read-only disk."""
    return Ledger(url or sa.URL.create("sqlite", database=str(home.resolve() / LEDGER_FILE)), read_only)


def _check_action(action: str) -> None:
    # next_state names the known actions in its refusal
    if action not in set(LineAction):
        next_state("proposed", action)


def _text_of(moment: datetime | str) -> str:
    text = moment.isoformat() if isinstance(moment, datetime) else moment
    if not text:
        raise UsageError("decided_at is empty: pass the moment of the decision")
    return text
