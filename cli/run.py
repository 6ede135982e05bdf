"""`evenstock run`: the whole night of one business date, in this process."""

import datetime as dt
from typing import Annotated

import typer

from cli.dates import parse_date
from cli.screen import complain, gap_text, progress_bar, say


def run(as_of: Annotated[str, typer.Option("--as-of", metavar="DATE", help="Business date, YYYY-MM-DD.")]) -> None:
    """Run the night of a business date: land its drop folder, gate, build marts, forecast, plan, audit, publish, approve, dispatch."""
    from dagster_project.nights import Nights
    from pipelines.settings import load_settings

    day = parse_date(as_of, "--as-of")
    with progress_bar() as tell:
        tell("loading", 0.0)
        nights = Nights(load_settings())
        tell(f"running the night of {day}", 0.1)
        done = nights.run("nightly", day)
    report_night(day, done)


def report_night(day: dt.date, done: dict) -> None:
    """Say what a night did; a fallback plan is done, and said so."""
    for told in (*done["landing/drop"]["remarks"], *done["landing/drop"]["reopened"], *done["gate/reconciliation"]["reopened"]):
        complain(f"warning: {told}")
    plan, approvals, sent = done["lake/plan_lines"], done["ledger/approvals"], done["outbox/transfer_orders"]
    say(
        f"{day}: plan {plan['status']} with {plan['lines']} lines worth {plan['objective_usd']:,.2f} USD "
        f"(gap {gap_text(plan['gap_share'])}), run {done['published/current']['run_id']}"
    )
    approved, waiting = approvals["approved_lines"], approvals["waiting_lines"]
    say(f"{approved} lines approved by policy, {waiting} wait for a person, {sent['sent']} transfer orders sent")
    if plan["status"] == "FALLBACK":
        complain("warning: no plan was found within the limits, so this one moves nothing new (FALLBACK); see evenstock plan show")
