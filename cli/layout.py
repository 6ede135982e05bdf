"""`evenstock layout`: list, draft, check and try layouts. Everything here only looks; `evenstock land --layout` lands."""

import datetime as dt
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.dates import parse_date
from cli.landing import parse_companions, say_json
from cli.screen import complain, print_table, say
from pipelines.domain.errors import UsageError
from pipelines.domain.foreign_text import clean

if TYPE_CHECKING:
    from pipelines.extracts.checking.contract_check import CheckedFile
    from pipelines.extracts.layouts.layout import Layout

WIDEST_CELL = 36
ROWS_SHOWN = 5

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
LayoutArgument = Annotated[str, typer.Argument(metavar="LAYOUT", help="Path of a .yaml file, or the name of a layout that `list` shows.")]


@app.command("list", epilog="Example: evenstock layout list --feed wms_stock")
def list_layouts(
    feed: Annotated[str | None, typer.Option("--feed", help="Only layouts of this feed.")] = None,
) -> None:
    """List the layouts at hand: those of the site (EVENSTOCK_HOME/layouts), then the shipped ones."""
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.layouts.layout import layout_names, load_layout

    folders = _site_layouts()
    wanted = load_contract(feed).feed if feed else None
    rows = []
    for name in layout_names(folders):
        try:
            layout = load_layout(name, folders)
        except UsageError as error:
            complain(f"warning: {error}")
            continue
        if wanted in (None, layout.feed):
            rows.append([layout.name, layout.system, layout.feed, ", ".join(layout.companions())])
    if wanted or not feed:
        rows.append(["(none)", "canonical", wanted or "every feed", ""])
    print_table(["layout", "system", "feed", "companion files"], rows)


@app.command("draft", epilog="Example: evenstock layout draft bestand.csv --feed wms_stock --out acme_stock.yaml")
def draft(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Extract with a header and some rows, in any format that can be read.")],
    feed: Annotated[str, typer.Option("--feed", help="Name of the feed that it should become, such as wms_stock.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.yaml", help="Where the layout goes; otherwise stdout.")] = None,
) -> None:
    """Draft a layout from a file: what it looks like, which column is which, and why. What is not sure is marked FILL_IN."""
    from cli.files import check_writable, write_whole
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.drafting.layout_draft import draft_layout, layout_name
    from pipelines.extracts.layouts.layout import LAYOUT_NAME

    contract = load_contract(feed)
    if out is not None and (out.suffix not in (".yaml", ".yml") or not re.fullmatch(LAYOUT_NAME, out.stem)):
        raise UsageError(
            f"{out}: a layout's file is called <name>.yaml, lower-case letters, digits and '_', such as {layout_name(out.stem)}.yaml"
        )
    if out is not None and check_writable(out).exists():
        raise UsageError(f"{out}: is there already; name another file or remove it, a draft overwrites nothing")
    made = draft_layout(file, contract, out.stem if out else layout_name(file.stem))
    if out is None:
        print(made.text, end="")
        return
    write_whole(out, made.text.encode())
    say(f"{out}: {made.mapped} of {made.columns} columns found in {made.rows} rows, {made.left} lines to fill in")
    say(f"next: evenstock layout check {out}")


@app.command("check", epilog="Example: evenstock layout check acme_stock.yaml")
def check(layout: LayoutArgument) -> None:
    """Check a layout without data: what is wrong, on which line, and where every column comes from. Exit 2 if it cannot be used."""
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.layouts.layout_words import describe_columns, describe_condition

    loaded = _load(layout)
    say(f"{loaded.name}: {loaded.system} to {loaded.feed}, {loaded.file.kind}")
    described = describe_columns(loaded, load_contract(loaded.feed))
    print_table(["column", "comes from"], [[name, said or "stays empty"] for name, said in described])
    for condition in loaded.where:
        say(clean(f"  only rows where {describe_condition(condition)}"))
    if loaded.group:
        say(f"  rows of one key are added up: {', '.join(loaded.group.sum)}")
    for name in loaded.companions():
        say(clean(f"  needs a companion file {name}: --with {name}=FILE"))
    say("the layout is complete")


@app.command("try", epilog="Example: evenstock layout try acme_stock.yaml bestand.csv --date 2026-01-31")
def try_layout(
    layout: LayoutArgument,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Extract to map.")],
    companions: Annotated[list[str] | None, typer.Option("--with", metavar="NAME=FILE", help="A companion file; repeat for more.")] = None,
    date: Annotated[
        str | None, typer.Option("--date", metavar="D", help="Business date, YYYY-MM-DD; else read from the file's name.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, max=1000, help="Rows shown of each kind.")] = ROWS_SHOWN,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON on stdout.")] = False,
) -> None:
    """Show what a layout makes of a file: rows accepted, quarantined with line and reason, left out, merged.

    Exit 0 if none is quarantined, else 3.
    """
    from pipelines.extracts.checking.contract_check import check_file
    from pipelines.extracts.contracts.contract import load_contract

    loaded = _load(layout)
    checked = check_file(
        data, load_contract(loaded.feed), loaded, business_date=_business_date(data, date), companions=parse_companions(companions or [])
    )
    if as_json:
        say_json(_as_json(loaded, data, checked, limit))
    else:
        _show(loaded, data, checked, limit)
    raise typer.Exit(3 if checked.quarantined.num_rows else 0)


def _site_layouts() -> tuple[Path, ...]:
    from pipelines.settings import load_settings

    folder = load_settings().folders.root / "layouts"
    return (folder,) if folder.is_dir() else ()


def _load(layout: str) -> "Layout":
    """The layout; what is wrong with it or still to do is told line by line before the call is refused."""
    from pipelines.extracts.layouts.layout import load_layout
    from pipelines.extracts.layouts.layout_words import lines_to_fill_in

    path = Path(layout)
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    left = [f"{path}, line {number}: {key}: still to be filled in" for number, key in lines_to_fill_in(text)]
    try:
        loaded = load_layout(layout, _site_layouts())
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
    from pipelines.extracts.landing.landing_zone import infer_business_date

    return parse_date(given, "--date") if given else infer_business_date(data)


def _counts(checked: "CheckedFile") -> dict[str, int]:
    return {
        "rows_in": checked.rows_in, "accepted": checked.accepted.num_rows, "quarantined": checked.quarantined.num_rows,
        "left_out": checked.left_out, "merged": checked.merged,
    }  # fmt: skip


def _by_reason(refused: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    counted = Counter((row["reason"], row["column"]) for row in refused)
    return [(reason, column, n) for (reason, column), n in sorted(counted.items(), key=lambda item: (-item[1], item[0]))]


def _as_json(layout: "Layout", data: Path, checked: "CheckedFile", limit: int) -> dict[str, Any]:
    refused = checked.quarantined.to_pylist()
    reasons = [{"reason": reason, "column": column, "rows": n} for reason, column, n in _by_reason(refused)]
    accepted = checked.accepted.slice(0, limit).to_pylist()
    return {
        "file": str(data), "layout": layout.name, "feed": layout.feed, **_counts(checked), "warnings": list(checked.warnings),
        "reasons": reasons, "accepted_rows": accepted, "rows": refused,
    }  # fmt: skip


def _show(layout: "Layout", data: Path, checked: "CheckedFile", limit: int) -> None:
    n = _counts(checked)
    say(
        f"{data} as {layout.feed}: {n['rows_in']:,} rows in = {n['accepted']:,} accepted + {n['quarantined']:,} quarantined"
        f" + {n['left_out']:,} left out + {n['merged']:,} merged"
    )
    for warning in checked.warnings:
        say(f"  warning: {warning}")
    rows = checked.accepted.slice(0, limit).to_pylist()
    if rows:
        names = [name for name in checked.accepted.column_names if name != "_source_line" and any(row[name] is not None for row in rows)]
        print_table(["line", *names], [[row["_source_line"], *(_short(row[name]) for name in names)] for row in rows], "accepted, by key:")
    refused = checked.quarantined.to_pylist()
    if refused:
        _show_quarantine(refused, limit)


def _show_quarantine(refused: list[dict[str, Any]], limit: int) -> None:
    from pipelines.extracts.contracts.text_rules import REASONS
    from pipelines.extracts.layouts.layout_words import REMEDIES
    from pipelines.extracts.mapping.mapping_stages import REASONS as MAPPING_REASONS

    counted = _by_reason(refused)
    print_table(["reason", "column", "rows"], [[reason, _short(column), n] for reason, column, n in counted], "quarantined, by reason:")
    for reason in dict.fromkeys(reason for reason, _, _ in counted):
        meaning = (REASONS | MAPPING_REASONS).get(reason, "a rule between columns of the contract")
        helps = f" In the layout, {REMEDIES[reason]}." if reason in REMEDIES else ""
        say(f"  {reason}: {meaning}.{helps}")
    shown = [[row["line"], row["reason"], _short(row["column"]), _short(row["value"])] for row in refused[:limit]]
    if shown:
        print_table(["line", "reason", "column", "text"], shown, "the first of them:")
    if len(refused) > limit:
        say(f"  and {len(refused) - limit:,} more; --limit shows more, --json all")


def _short(value: Any) -> str:
    text = "" if value is None else clean(value)
    return text if len(text) <= WIDEST_CELL else f"{text[: WIDEST_CELL - 3]}..."
