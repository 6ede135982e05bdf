"""`evenstock land` and `evenstock check`: files handed in, kept as they are or only looked at."""

import datetime as dt
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.dates import parse_date
from cli.screen import print_table, say
from pipelines.domain.errors import UsageError

MAX_ROWS_SHOWN = 20


def land(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Extracts of one feed.")],
    feed: Annotated[str, typer.Option("--feed", help="Name of the feed, such as wms_stock.")],
    business_date: Annotated[str | None, typer.Option("--business-date", metavar="D", help="YYYY-MM-DD; else read from the name.")] = None,
) -> None:
    """Keep files unchanged under their sha256 until the night of their business date: all of them, or none if one is refused.

    The newest version of a date is in force. Its own bytes again change nothing; those of an older version come back as a new one.
    """
    from pipelines.extracts.contract import load_contract
    from pipelines.extracts.landing import infer_business_date, land_files, list_landed
    from pipelines.settings import load_settings
    from pipelines.store.lease import hold_lease

    load_contract(feed)
    given = parse_date(business_date, "--business-date") if business_date else None
    dated = [(file, _date_of(file, given or infer_business_date(file))) for file in files]
    home, now = load_settings().folders, dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    with hold_lease(home.root, "evenstock land", now):
        before = {date: list_landed(home.landing, feed, date) for _, date in dated}
        for landed in land_files(home.landing, dated, feed, arrived_at=now):
            known = {file.version: file.sha256 for file in before[landed.business_date]}
            earlier = [version for version, sha256 in known.items() if sha256 == landed.sha256]
            change = f"brings back version {earlier[-1]}" if earlier else "new"
            said = "the same bytes, nothing changed" if landed.version in known else change
            which = f"{landed.feed} {landed.business_date} version {landed.version} is in force"
            say(f"{which} ({said}): {landed.bytes:,} bytes, sha256 {landed.sha256[:12]}")


def _date_of(file: Path, date: dt.date | None) -> dt.date:
    if date is None:
        raise UsageError(f"{file}: no business date in its name or a manifest beside it; give --business-date YYYY-MM-DD")
    return date


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Extract to look at.")],
    feed: Annotated[str, typer.Option("--feed", help="Name of the feed, such as wms_stock.")],
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON on stdout.")] = False,
) -> None:
    """Show which rows of a file would be accepted and which quarantined, and why. Touches nothing. Exit 0 if all are accepted, else 3."""
    from pipelines.extracts.checking import check_file
    from pipelines.extracts.contract import load_contract

    checked = check_file(file, load_contract(feed))
    refused = checked.quarantined.to_pylist()
    counts = {"rows_in": checked.rows_in, "accepted": checked.accepted.num_rows, "quarantined": len(refused)}
    if as_json:
        say_json({"file": str(file), "feed": feed, **counts, "warnings": list(checked.warnings), "rows": refused})
    else:
        say(f"{file}: {counts['rows_in']} rows, {counts['accepted']} accepted, {counts['quarantined']} quarantined")
        for warning in checked.warnings:
            say(f"  warning: {warning}")
        shown = [[row["line"], row["column"], row["reason"], row["value"]] for row in refused[:MAX_ROWS_SHOWN]]
        if shown:
            print_table(["line", "column", "reason", "value"], shown)
        if len(refused) > MAX_ROWS_SHOWN:
            say(f"  and {len(refused) - MAX_ROWS_SHOWN} more; --json shows all")
    raise typer.Exit(3 if refused else 0)


def say_json(value: Any) -> None:
    """JSON on stdout; what a terminal could take as a command is escaped by the format."""
    print(json.dumps(value, indent=1, sort_keys=True, default=str))
