"""After the publication: the policy approves, warehouses get their orders. What comes back is tomorrow's extract."""

from typing import Any

from pipelines.flows.run import Run


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
    from pipelines.execution.dispatch import dispatch as send
    from pipelines.store.warehouse import read_mart

    available = read_mart(run.work.store, "fct_plan_inputs", ["location_id", "item_id", "available_units"])
    sent = send(run.ledger, run.home.outbox, available, run.as_of, run.decided_at)
    return {"sent": len(sent.sent), "healed": len(sent.healed), "reduced": sent.reduced, "refused": sent.refused}
