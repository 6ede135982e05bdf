"""`evenstock gates ...`: what the quality gates of a business date said, what they froze, and what fixing it is worth."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.dates import parse_date
from cli.screen import complain, print_table, say
from pipelines.domain.errors import GateBlocked

if TYPE_CHECKING:
    from pipelines.flows.gate_report import GateReport

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def gates() -> None:
    """Look at the quality gates."""


@app.command("show", epilog="Example: evenstock gates show --as-of 2026-01-31")
def show(
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="DATE", help="Business date, YYYY-MM-DD; the newest judged one if not given.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Frozen item-locations to show, the most valuable first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print verdicts and frozen item-locations as JSON.")] = False,
) -> None:
    """Show verdicts, failed checks with examples, and frozen item-locations with their worth; exit code 4 if a gate blocks."""
    from pipelines.flows.gate_report import read_gate_report
    from pipelines.settings import load_settings

    report = read_gate_report(load_settings().folders, parse_date(as_of, "--as-of") if as_of else None)
    if as_json:
        body = {"business_date": report.date.isoformat(), "blocked": report.blocked, "verdicts": report.verdicts, "frozen": report.frozen}
        say(json.dumps(body, indent=1, sort_keys=True))
    else:
        _show_verdicts(report)
        _show_failures(report)
        _show_frozen(report.frozen, limit)
    if report.blocked:
        raise GateBlocked(
            f"the gate of {report.date} blocks: {', '.join(report.blocked)}. The publication before it stands; "
            "correct the extract and land it again"
        )


def _show_verdicts(report: "GateReport") -> None:
    rows = []
    for body in report.verdicts:
        failed = [check for check in body["checks"] if not check["passed"]]
        state = "blocks" if not body["passed"] else ("warns" if failed else "passes")
        rows.append([body["feed"], state, body["rows"], body["rows_quarantined"], f"{len(failed)} of {len(body['checks'])}"])
    print_table(["feed", "gate", "rows", "quarantined", "failed checks"], rows, f"Gates of {report.date}:")


def _show_failures(report: "GateReport") -> None:
    for body in report.verdicts:
        for check in sorted(body["checks"], key=lambda check: check["severity"] != "block"):
            if not check["passed"]:
                say(f"{check['severity']}  {body['feed']} {check['name']}: {check['observed']}; expected {check['expected']}")
                for example in check["examples"]:
                    say(f"         {example}")


def _show_frozen(frozen: dict[str, Any], limit: int) -> None:
    pairs = frozen["pairs"]
    if not pairs:
        return
    say()
    rows = [
        [entry["location_id"], entry["item_id"], f"{entry['usd']:,.2f}", len(entry["plan_lines"]), entry["reasons"][0][:60], _row(entry)]
        for entry in pairs[:limit]
    ]
    names = ["location", "item", "USD", "plan lines", "why", "first row to fix"]
    print_table(names, rows, f"Frozen item-locations: {len(pairs)}; {frozen['says']}")
    if len(pairs) > limit:
        complain(f"{len(pairs) - limit} more frozen item-locations; --limit shows more of them")


def _row(entry: dict[str, Any]) -> str:
    if not entry["rows"]:
        return ""
    row = entry["rows"][0]
    return f"{row['file']} line {row['line']}" if row["line"] else f"{row['file']}, which lacks it"
