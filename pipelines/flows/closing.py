"""After the publication: the policy approves, warehouses get their orders. What comes back is tomorrow's extract."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from pipelines.domain.policy import Policy
from pipelines.flows.run import Run
from pipelines.store.home import Home, newest_landed_date, read_publication

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.store.ledger import Ledger
    from pipelines.store.publication import Publication


def approve(run: Run) -> dict[str, Any]:
    """Let the policy approve what is within its limits; the other proposed lines wait for a person."""
    from pipelines.approval.workflow import decisions_due

    current = run.ledger.current_run()
    if current is None or current["run_id"] != run.work.run_id:
        return {"approved_lines": 0, "waiting_lines": 0}
    due = decisions_due(run.ledger.current_lines(run.work.run_id), run.policy)
    if due.line_ids:
        run.ledger.decide(due.line_ids, due.action, due.actor, due.reasons, current["plan_digest"], run.decided_at)
    return {"approved_lines": len(due.line_ids), "waiting_lines": len(due.waiting)}


def dispatch(run: Run) -> dict[str, Any]:
    """Send approved lines to the warehouses, each once: intent in the ledger, file in the outbox, then release."""
    from pipelines.store.warehouse import read_mart

    available = read_mart(run.work.store, "fct_plan_inputs", ["location_id", "item_id", "available_units"])
    return _send(run.ledger, run.home, available, run.as_of, run.decided_at)


def decide(home: Home, ledger_url: str, policy: Policy, line_ids: list[str], action: str, actor: str, reason: str, decided_at: str) -> int:
    """A person's decision on lines of the published plan; approved lines go out at once. Returns the transfer orders sent.

    Plans age by the newest landed business date. Raises `DecisionRefused` for a stale plan or a line that cannot be decided.
    """
    from pipelines.store.ledger import open_ledger

    publication, ledger = read_publication(home), open_ledger(home.root, ledger_url or None)
    on, age = newest_landed_date(home) or publication.as_of, policy.approval.max_plan_age_days
    ledger.decide(line_ids, action, actor, reason, publication.manifest["plan_digest"], decided_at, on=on, max_age_days=age)
    if action != "approve":
        return 0
    return _send(ledger, home, _published_stock(publication), publication.as_of, decided_at)["sent"]


def _published_stock(publication: "Publication") -> "pd.DataFrame":
    import pandas as pd

    return pd.read_parquet(publication.path / "marts" / "fct_plan_inputs.parquet", columns=["location_id", "item_id", "available_units"])


def _send(ledger: "Ledger", home: Home, available: "pd.DataFrame", as_of: dt.date, decided_at: str) -> dict[str, Any]:
    from pipelines.execution.dispatch import dispatch as send

    sent = send(ledger, home.outbox, available, as_of, decided_at)
    return {"sent": len(sent.sent), "healed": len(sent.healed), "reduced": sent.reduced, "refused": sent.refused}
