"""`evenstock layout`: list, draft, check and try layouts. Everything here only looks; `evenstock land --layout` lands."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.checking import load_whole_layout, site_layouts, try_file
from cli.screen import complain, print_table, say
from pipelines.domain.errors import UsageError
from pipelines.domain.foreign_text import clean

if TYPE_CHECKING:
    pass

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

    folders = site_layouts()
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

    loaded = load_whole_layout(layout)
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

    Exit 0 if none is quarantined, else 3. `evenstock check --layout` is the same.
    """
    try_file(data, layout=load_whole_layout(layout), companions=companions, date=date, limit=limit, as_json=as_json)
