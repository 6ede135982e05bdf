"""`evenstock health`: whether today's data and plan can be trusted, as text, JSON and one page."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.dates import parse_date
from cli.screen import print_table, say
from pipelines.domain.errors import GateBlocked

if TYPE_CHECKING:
    from pipelines.store.home import Home

MAX_SHOWN = 10


def health(
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Business date; else the newest with a verdict.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole document (evenstock-health/1) on stdout.")] = False,
) -> None:
    """Say whether planners can trust today's plan and what to fix first, and write the page of the date anew, as every run does."""
    from pipelines.health import write_health
    from pipelines.settings import load_policy, load_settings

    home = load_settings().folders
    day = parse_date(as_of, "--as-of") if as_of else _newest_date(home)
    if not _is_known(home, day):
        raise GateBlocked(f"nothing is known of {day}: land its extracts and run evenstock run --as-of {day}, or give another --as-of")
    files = write_health(home, day, load_policy(home))
    if as_json:
        print(files.document.read_text(encoding="utf-8"), end="")
        return
    _show(files.body)
    say(f"\n{files.page}")


def _newest_date(home: "Home") -> dt.date:
    """The newest date that a gate has judged or whose run has left a page."""
    from pipelines.store.home import newest_judged_date

    pages = [path.parent.name for path in home.health.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]/health.json")]
    judged = newest_judged_date(home)
    known = [judged] if judged else []
    known += [parse_date(max(pages), "health")] if pages else []
    if not known:
        raise GateBlocked(f"no run has left anything in {home.root}: land extracts and run evenstock run --as-of DATE")
    return max(known)


def _is_known(home: "Home", day: dt.date) -> bool:
    from pipelines.extracts.landing.landing_zone import list_landed

    return home.health_of(day).is_dir() or (home.gates / day.isoformat()).is_dir() or bool(list_landed(home.landing, business_date=day))


def _show(body: dict[str, Any]) -> None:
    headline, gates, fixes = body["headline"], body["gates"], body["fixes"]
    say(f"{headline['answer']}. {headline['says']}")
    for reason in headline["why"][:MAX_SHOWN]:
        say(f"  - {reason}")
    say(headline["next"])
    feeds = [_feed_row(feed) for feed in body["feeds"]]
    if feeds:
        print_table(["feed", "gate", "rows in", "accepted", "quarantined", "change"], feeds, f"\nFeeds of {body['as_of']}:")
    failed = [[check[name] for name in ("severity", "feed", "title", "observed")] for check in gates["failed"][:MAX_SHOWN]]
    if failed:
        print_table(["severity", "feed", "check", "found"], failed, f"\nFailed checks ({len(gates['failed'])} of {gates['checks']}):")
    fixable = [_fix_row(fix, body["glossary"]) for fix in fixes["rows"][:MAX_SHOWN]]
    if fixable:
        print_table(
            ["worth USD", "row", "column", "text", "reason"], fixable, f"\nRows to fix ({len(fixable)} of {fixes['rows_total']:,}):"
        )
    for problem in body["problems"]:
        say(f"  not read: {problem}")


def _feed_row(feed: dict[str, Any]) -> list[str]:
    rows, change = feed["rows"], feed["change_share"]
    counts = ["-" if rows[name] is None else f"{rows[name]:,}" for name in ("in", "accepted", "quarantined")]
    return [feed["feed"], feed["state"], *counts, "-" if change is None else f"{change:+.0%}"]


def _fix_row(fix: dict[str, Any], meanings: dict[str, str]) -> list[str]:
    from pipelines.health.advice import reason_text

    worth = "-" if fix["usd"] is None else f"{fix['usd']:,.2f}"
    row = f"{fix['file']}:{fix['line']}" if fix["line"] else f"{fix['file']}: no row of {', '.join(fix['frees'])}"
    return [worth, row, fix["column"], fix["value"], reason_text(fix["reasons"][0], meanings) if fix["reasons"] else ""]
