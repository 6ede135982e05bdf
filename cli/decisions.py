"""`evenstock plan approve` and `plan reject`: a person's word on lines of the published plan."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from cli.screen import complain, say
from pipelines.domain.errors import UsageError, shown

if TYPE_CHECKING:
    from pipelines.flows import Decided


def _name_once(lines: list[str]) -> list[str]:
    return list(dict.fromkeys(lines))


Lines = Annotated[list[str], typer.Argument(metavar="LINE...", help="Line ids, as evenstock plan show lists them.", callback=_name_once)]
By = Annotated[str, typer.Option("--by", metavar="WHO", help="Who decides; kept with the decision.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the decision.")]


def approve(lines: Lines, by: By, reason: Reason) -> None:
    """Approve proposed lines and send them to the warehouses. All lines or none; exit 7 if one is stale, unknown or already decided."""
    done = _decide(lines, "approve", by, reason)
    say(f"approved {len(lines)} lines; {done.sent} transfer orders sent")
    for line_id, told in sorted({**done.reduced, **done.refused}.items()):
        complain(f"line {line_id}: {told}")


def reject(lines: Lines, by: By, reason: Reason) -> None:
    """Reject proposed lines. All lines or none; exit 7 if one is stale, unknown or already decided."""
    _decide(lines, "reject", by, reason)
    say(f"rejected {len(lines)} lines")


def _decide(lines: list[str], action: str, by: str, reason: str) -> "Decided":
    from pipelines import flows
    from pipelines.settings import load_policy, load_settings
    from pipelines.store.lease import hold_lease

    for line in lines:
        check_words({"LINE": line})
    check_words({"--by": by, "--reason": reason})
    settings = load_settings()
    home, now = settings.folders, dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    with hold_lease(home.root, f"evenstock plan {action} by {by}", now):
        return flows.decide(home, settings.ledger_url, load_policy(home), lines, action, by, reason, now)


def check_words(words: Mapping[str, str]) -> None:
    """Raise `UsageError` for an option whose text is empty or no UTF-8."""
    for option, text in words.items():
        if not text.strip():
            raise UsageError(f"{option} is empty; a decision names what it is about, who and why")
        # Bytes of an argument that are not UTF-8 come in as lone surrogates, which no ledger can store.
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise UsageError(f"{option}: {shown(text)} is not text in UTF-8; write it in a UTF-8 terminal")
