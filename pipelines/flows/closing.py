"""After the publication: the policy approves, warehouses get their orders. What comes back is tomorrow's extract."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import DecisionRefused
from pipelines.domain.policy import Policy
from pipelines.flows.run import Run
from pipelines.store.home import Home, newest_judged_date, read_publication

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.execution.dispatch import DispatchResult
    from pipelines.store.ledger import Ledger
    from pipelines.store.publication import Publication

SENDING_ACTIONS = ("approve", "edit")
MAX_CORRECTIONS_SHOWN = 3
# The parts, not `available_units`: what is firm for an approved line is there for that very line.
STOCK_COLUMNS = ("location_id", "item_id", "on_hand_units", "reserved_units", "blocked_units", "firm_out_units")


@dataclass(frozen=True)
class Decided:
    """What followed from a decision: transfer orders sent, and lines (id to reason) that ship less or were cancelled instead."""

    sent: int
    reduced: dict[str, str]
    refused: dict[str, str]


def approve(run: Run) -> dict[str, Any]:
    """Let the policy approve what is within its limits; the other proposed lines wait for a person."""
    from pipelines.approval.workflow import decisions_due

    current = _current_run(run)
    if current is None:
        return {"approved_lines": 0, "waiting_lines": 0}
    _refuse_outdated(run.home, _published(run))
    due = decisions_due(run.ledger.current_lines(run.work.run_id), run.policy)
    if due.line_ids:
        run.ledger.decide(due.line_ids, due.action, due.actor, due.reasons, current["plan_digest"], run.decided_at)
    return {"approved_lines": len(due.line_ids), "waiting_lines": len(due.waiting)}


def dispatch(run: Run) -> dict[str, Any]:
    """Send approved lines to the warehouses, each once: intent in the ledger, file in the outbox, then release.

    A date that is run again after a newer plan sends nothing: its stock is not what the newer plan's lines were made of.
    """
    from pipelines.store.warehouse import read_mart

    if _current_run(run) is None:
        return {"sent": 0, "healed": 0, "reduced": {}, "refused": {}}
    _refuse_outdated(run.home, _published(run))
    stock = read_mart(run.work.store, "fct_plan_inputs", [*STOCK_COLUMNS])
    done = _send(run.ledger, run.home, stock, run.as_of, run.as_of, run.decided_at)
    return {"sent": len(done.sent), "healed": len(done.healed), "reduced": done.reduced, "refused": done.refused}


def decide(
    home: Home, ledger_url: str, policy: Policy, line_ids: list[str], action: str, actor: str, reason: str, decided_at: str
) -> Decided:
    """A person's decision on lines of the published plan; approved lines go out at once, and what had to give is told.

    Plans age by the newest landed business date. Raises `DecisionRefused` for a stale plan, for a line that cannot be decided, and
    for approving lines of a plan whose extracts were corrected since.
    """
    from pipelines.store.ledger import open_ledger

    publication, ledger = read_publication(home), open_ledger(home.root, ledger_url or None)
    if action in SENDING_ACTIONS:
        _refuse_outdated(home, publication)
    on, age = newest_judged_date(home) or publication.as_of, policy.approval.max_plan_age_days
    ledger.decide(line_ids, action, actor, reason, publication.manifest["plan_digest"], decided_at, on=on, max_age_days=age)
    if action != "approve":
        return Decided(0, {}, {})
    done = _send(ledger, home, _published_stock(publication), publication.as_of, on, decided_at)
    return Decided(len(done.sent), done.reduced, done.refused)


def _refuse_outdated(home: Home, publication: "Publication | None") -> None:
    """Raise `DecisionRefused` if an extract that the plan was made of was corrected since, or came late."""
    from pipelines.extracts.lake.corrections import find_corrections

    changed = find_corrections(publication.partitions, home.landing, home.lake, publication.as_of) if publication else []
    if publication and changed:
        said = "; ".join(str(correction) for correction in changed[:MAX_CORRECTIONS_SHOWN])
        more = f" and {len(changed) - MAX_CORRECTIONS_SHOWN} more" if len(changed) > MAX_CORRECTIONS_SHOWN else ""
        raise DecisionRefused(
            f"the plan of {publication.as_of} is outdated: {said}{more}; make a new plan first: evenstock run --as-of {publication.as_of}"
        )


def _published(run: Run) -> "Publication | None":
    """The publication of this very run, if there is one."""
    from pipelines.store.publication import read_run

    return read_run(run.home.published, run.work.run_id)


def _current_run(run: Run) -> dict[str, Any] | None:
    """The ledger's current run if it is this one; none when a newer plan has been proposed since."""
    current = run.ledger.current_run()
    return current if current is not None and current["run_id"] == run.work.run_id else None


def _published_stock(publication: "Publication") -> "pd.DataFrame":
    import pandas as pd

    with publication.reading() as folder:
        return pd.read_parquet(folder / "marts" / "fct_plan_inputs.parquet", columns=[*STOCK_COLUMNS])


def _send(ledger: "Ledger", home: Home, stock: "pd.DataFrame", as_of: dt.date, on: dt.date, decided_at: str) -> "DispatchResult":
    from pipelines.execution.dispatch import dispatch as send

    return send(ledger, home.outbox, stock, as_of, decided_at, on=on)
