"""`evenstock check` and `evenstock layout try`: what becomes of a file's rows. Everything here only looks."""

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.dates import parse_date
from cli.screen import print_table, say
from pipelines.domain.errors import UsageError
from pipelines.domain.foreign_text import clean

if TYPE_CHECKING:
    from pipelines.extracts.checking.contract_check import CheckedFile
    from pipelines.extracts.layouts.layout import Layout

WIDEST_CELL = 36
ROWS_SHOWN = 5
MAX_ROWS_SHOWN = 20


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Extract to look at.")],
    feed: Annotated[str, typer.Option("--feed", help="Name of the feed, such as wms_stock; a layout names its own.")] = "",
    layout: Annotated[str, typer.Option("--layout", metavar="NAME", help="Layout that reads the file, or its .yaml file.")] = "",
    companions: Annotated[
        list[str] | None, typer.Option("--with", metavar="NAME=FILE", help="A file that the layout looks things up in; repeat for more.")
    ] = None,
    date: Annotated[
        str | None, typer.Option("--date", metavar="D", help="Business date, YYYY-MM-DD; else read from the file's name.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON on stdout.")] = False,
) -> None:
    """Show which rows of a file would be accepted and which quarantined, and why. Touches nothing. Exit 0 if all are accepted, else 3."""
    if not feed and not layout:
        raise UsageError("name the feed with --feed, or a layout with --layout; evenstock layout list shows them")
    loaded = load_whole_layout(layout) if layout else None
    if loaded and feed not in ("", loaded.feed):
        raise UsageError(f"--layout {layout} is for {loaded.feed}, not for {feed}; leave --feed away or name the right layout")
    try_file(file, feed=feed, layout=loaded, companions=companions, date=date, limit=MAX_ROWS_SHOWN, as_json=as_json, is_terse=True)


def try_file(
    data: Path,
    *,
    feed: str = "",
    layout: "Layout | None" = None,
    companions: list[str] | None = None,
    date: str | None = None,
    limit: int = ROWS_SHOWN,
    as_json: bool = False,
    is_terse: bool = False,
) -> None:
    """Check a file by a layout, or as a canonical one of `feed`, say what becomes of its rows, and exit: 0 if all are accepted, else 3.

    A terse answer leaves the accepted rows out.
    """
    from pipelines.extracts.checking.contract_check import check_file
    from pipelines.extracts.contracts.contract import load_contract

    contract = load_contract(layout.feed if layout else feed)
    beside = parse_companions(companions or [])
    if beside and layout is None:
        raise UsageError("--with: only a layout looks things up; name it with --layout")
    checked = check_file(data, contract, layout, business_date=_business_date(data, date), companions=beside)
    if as_json:
        say_json(_as_json(contract.feed, layout.name if layout else "", data, checked, limit))
    else:
        _show(contract.feed, data, checked, 0 if is_terse else limit)
        _show_quarantine(checked.quarantined.to_pylist(), limit, has_layout=layout is not None)
    raise typer.Exit(3 if checked.quarantined.num_rows else 0)


def parse_companions(words: list[str]) -> dict[str, Path]:
    """`NAME=FILE` words as paths by name. Raises `UsageError` for any other word and for a name that comes twice."""
    found: dict[str, Path] = {}
    for word in words:
        name, equals, file = word.partition("=")
        if not (name and equals and file):
            raise UsageError(f"--with {word!r}: write NAME=FILE, such as --with MKPF=mkpf.csv")
        if name in found:
            raise UsageError(f"--with {name}: named twice; keep one file")
        found[name] = Path(file)
    return found


def site_layouts() -> tuple[Path, ...]:
    """The folder of the site's own layouts, if there is one."""
    from pipelines.settings import load_settings

    folder = load_settings().folders.root / "layouts"
    return (folder,) if folder.is_dir() else ()


def load_whole_layout(layout: str) -> "Layout":
    """The layout; what is wrong with it or still to do is told line by line before the call is refused."""
    from pipelines.extracts.layouts.layout import load_layout
    from pipelines.extracts.layouts.layout_words import lines_to_fill_in

    path = Path(layout)
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    left = [f"{path}, line {number}: {key}: still to be filled in" for number, key in lines_to_fill_in(text)]
    try:
        loaded = load_layout(layout, site_layouts())
    except UsageError as error:
        lines = {line.split(":")[0] for line in left}
        problems = left + [line for line in str(error).splitlines() if line.split(":")[0] not in lines]
    else:
        problems = left
        if not left:
            return loaded
    if len(problems) > 1:
        for problem in problems:
            say(clean(problem))
        raise UsageError(f"{layout}: {len(problems)} things to put right")
    raise UsageError(problems[0])


def _business_date(data: Path, given: str | None) -> dt.date | None:
    from pipelines.extracts.landing.handed_over import infer_business_date

    return parse_date(given, "--date") if given else infer_business_date(data)


def _counts(checked: "CheckedFile") -> dict[str, int]:
    return {
        "rows_in": checked.rows_in, "accepted": checked.accepted.num_rows, "quarantined": checked.quarantined.num_rows,
        "left_out": checked.left_out, "merged": checked.merged,
    }  # fmt: skip


def _by_reason(refused: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    counted = Counter((row["reason"], row["column"]) for row in refused)
    return [(reason, column, n) for (reason, column), n in sorted(counted.items(), key=lambda item: (-item[1], item[0]))]


def _as_json(feed: str, layout: str, data: Path, checked: "CheckedFile", limit: int) -> dict[str, Any]:
    refused = checked.quarantined.to_pylist()
    reasons = [{"reason": reason, "column": column, "rows": n} for reason, column, n in _by_reason(refused)]
    accepted = checked.accepted.slice(0, limit).to_pylist()
    return {
        "file": str(data), "layout": layout, "feed": feed, **_counts(checked), "warnings": list(checked.warnings),
        "reasons": reasons, "accepted_rows": accepted, "rows": refused,
    }  # fmt: skip


def _show(feed: str, data: Path, checked: "CheckedFile", limit: int) -> None:
    n = _counts(checked)
    say(
        f"{data} as {feed}: {n['rows_in']:,} rows in = {n['accepted']:,} accepted + {n['quarantined']:,} quarantined"
        f" + {n['left_out']:,} left out + {n['merged']:,} merged"
    )
    for warning in checked.warnings:
        say(f"  warning: {warning}")
    rows = checked.accepted.slice(0, limit).to_pylist()
    if rows:
        names = [name for name in checked.accepted.column_names if name != "_source_line" and any(row[name] is not None for row in rows)]
        print_table(["line", *names], [[row["_source_line"], *(_short(row[name]) for name in names)] for row in rows], "accepted, by key:")


def _show_quarantine(refused: list[dict[str, Any]], limit: int, *, has_layout: bool) -> None:
    if not refused:
        return
    from pipelines.extracts.contracts.text_rules import REASONS
    from pipelines.extracts.layouts.layout_words import REMEDIES
    from pipelines.extracts.mapping.mapping_stages import REASONS as MAPPING_REASONS

    counted = _by_reason(refused)
    print_table(["reason", "column", "rows"], [[reason, _short(column), n] for reason, column, n in counted], "quarantined, by reason:")
    for reason in dict.fromkeys(reason for reason, _, _ in counted):
        meaning = (REASONS | MAPPING_REASONS).get(reason, "a rule between columns of the contract")
        helps = f" In the layout, {REMEDIES[reason]}." if has_layout and reason in REMEDIES else ""
        say(f"  {reason}: {meaning}.{helps}")
    shown = [[row["line"], row["reason"], _short(row["column"]), _short(row["value"])] for row in refused[:limit]]
    if shown:
        print_table(["line", "reason", "column", "text"], shown, "the first of them:")
    if len(refused) > limit:
        say(f"  and {len(refused) - limit:,} more; --json shows all")


def _short(value: Any) -> str:
    text = "" if value is None else clean(value)
    return text if len(text) <= WIDEST_CELL else f"{text[: WIDEST_CELL - 3]}..."


def say_json(value: Any) -> None:
    """JSON on stdout; what a terminal could take as a command is escaped by the format."""
    print(json.dumps(value, indent=1, sort_keys=True, default=str))
