"""`evenstock plan approve` and `plan reject`: a person's word on lines of the published plan."""

import datetime as dt
from typing import Annotated

import typer

from cli.screen import say
from pipelines.domain.errors import UsageError

Lines = Annotated[list[str], typer.Argument(metavar="LINE...", help="Line ids, as evenstock plan show lists them.")]
By = Annotated[str, typer.Option("--by", metavar="WHO", help="Who decides; kept with the decision.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the decision.")]


def approve(lines: Lines, by: By, reason: Reason) -> None:
    """Approve proposed lines and send them to the warehouses. All lines or none; exit 7 if one is stale, unknown or already decided."""
    decided = _decide(lines, "approve", by, reason)
    say(f"approved {len(lines)} lines; {decided} transfer orders sent")


def reject(lines: Lines, by: By, reason: Reason) -> None:
    """Reject proposed lines. All lines or none; exit 7 if one is stale, unknown or already decided."""
    _decide(lines, "reject", by, reason)
    say(f"rejected {len(lines)} lines")


def _decide(lines: list[str], action: str, by: str, reason: str) -> int:
    from pipelines import flows
    from pipelines.settings import load_policy, load_settings
    from pipelines.store.lease import hold_lease

    for option, text in (("--by", by), ("--reason", reason)):
        if not text.strip():
            raise UsageError(f"{option} is empty; a decision names who and why")
    settings = load_settings()
    home, now = settings.folders, dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    with hold_lease(home.root, f"evenstock plan {action} by {by}", now):
        return flows.decide(home, settings.ledger_url, load_policy(home), lines, action, by, reason, now)
