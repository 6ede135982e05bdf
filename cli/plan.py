"""`evenstock plan ...`: solve and audit problem files, look at the published plan, decide on its lines."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import decisions, problems
from cli.files import check_writable, write_whole
from cli.screen import complain, gap_text, print_table, say
from pipelines.domain.errors import UsageError
from pipelines.domain.foreign_text import to_csv

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.queries import PlanHeader
    from pipelines.store.home import Home

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.command("solve", epilog="Example: evenstock plan solve --problem p.json.gz --out plan.json --time-limit 60")(problems.solve)
app.command("generate-problem", epilog="Example: evenstock plan generate-problem --items 1000 --locations 10 --out p.json.gz")(
    problems.generate
)
app.command("audit", epilog="Example: evenstock plan audit --problem p.json.gz --plan plan.json")(problems.audit)
app.command("approve", epilog='Example: evenstock plan approve L0a1b2c3d4e5f --by ana --reason "dock is free"')(decisions.approve)
app.command("reject", epilog='Example: evenstock plan reject L0a1b2c3d4e5f --by ana --reason "promotion next week"')(decisions.reject)
MAX_CORRECTIONS_SHOWN = 3
FORMATS = ("csv", "json", "parquet")


@app.command("show", epilog="Example: evenstock plan show --limit 50")
def show(
    limit: Annotated[int, typer.Option("--limit", min=1, help="Lines to show, most valuable first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Totals, age and corrections alone, as JSON.")] = False,
) -> None:
    """Show the published plan: totals, age, whether its extracts were corrected since, lines and KPIs."""
    from pipelines.queries import read_header
    from pipelines.settings import load_settings

    settings = load_settings()
    if as_json:
        print(json.dumps(read_header(settings.folders).to_json(), indent=1, sort_keys=True))
        return
    show_header(settings.folders)
    show_lines(settings.folders, settings.ledger_url, limit)
    say()
    show_kpis(settings.folders)


@app.command("explain", epilog="Example: evenstock plan explain L0a1b2c3d4e5f")
def explain(line: Annotated[str, typer.Argument(metavar="LINE", help="Line id, as evenstock plan show lists it.")]) -> None:
    """Say why the plan moves a line: value, cost, stock before and after, and what would change the answer."""
    from pipelines import queries
    from pipelines.settings import load_settings

    say(queries.explain(load_settings().folders, line))


@app.command("diff", epilog="Example: evenstock plan diff 2025-04-20 2025-04-27")
def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="Run id or business date of a published plan.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Run id or business date of the plan to compare with it.")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="Lines to show, the largest change of money first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="All changed lines as JSON.")] = False,
) -> None:
    """Say which lines plan B adds, drops or changes against plan A, by cause: stock, demand, tariff, policy, or other lines."""
    from pipelines import queries
    from pipelines.planning.diff import sum_by_cause
    from pipelines.settings import load_settings

    changes = queries.diff(load_settings().folders, first, second)
    if as_json:
        print(_to_text(changes, "json"), end="")
        return
    if not len(changes):
        say("the plans move the same units")
        return
    sums = [
        [row["cause"], row["lines"], f"{row['units']:+,}", f"{row['net_usd']:+,.2f}"] for row in sum_by_cause(changes).to_dict("records")
    ]
    print_table(["cause", "lines", "units", "net USD"], sums)
    order = (changes["net_usd_after"] - changes["net_usd_before"]).abs().sort_values(ascending=False, kind="stable").index
    rows = [
        [row["item_id"], row["lane_id"], row["change"], f"{row['units_before']} > {row['units_after']}", row["cause"], row["because"]]
        for row in changes.loc[order].head(limit).to_dict("records")
    ]
    print_table(["item", "lane", "change", "units", "cause", "because"], rows)
    if len(changes) > limit:
        say(f"  and {len(changes) - limit} more; --json lists all")


@app.command("pull", epilog="Example: evenstock plan pull --format csv --out lines.csv")
def pull(
    form: Annotated[str, typer.Option("--format", metavar="csv|json|parquet", help="Format of the lines.")] = "csv",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="F", help="File to write, gzipped if its name ends in .gz; else stdout.")
    ] = None,
) -> None:
    """Hand out the lines of the published plan with their state, most valuable first."""
    from pipelines.queries import read_lines
    from pipelines.settings import load_settings

    if form not in FORMATS:
        raise UsageError(f"--format: {form!r} is not one of {', '.join(FORMATS)}")
    if form == "parquet" and out is None:
        raise UsageError("--format parquet is not for the screen; give --out FILE")
    if out is not None:
        check_writable(out)
    settings = load_settings()
    lines = read_lines(settings.folders, settings.ledger_url)
    if out is None:
        print(_to_text(lines, form), end="")
    else:
        write_whole(out, lines.to_parquet(None, index=False) if form == "parquet" else _to_text(lines, form).encode())


def _to_text(lines: "pd.DataFrame", form: str) -> str:
    if form == "csv":
        return to_csv(list(lines.columns), lines.astype(object).itertuples(index=False))
    rows = [{name: None if value != value else value for name, value in row.items()} for row in lines.to_dict("records")]
    return json.dumps(rows, indent=1, default=str) + "\n"


def show_header(home: "Home") -> "PlanHeader":
    """Print the plan's totals; a stale or outdated plan is said to be so on stderr as well."""
    from pipelines.queries import read_header

    header = read_header(home)
    say(
        f"Plan of {header.as_of} (run {header.run_id}): {header.status}, gap {gap_text(header.gap_share)}, "
        f"{header.lines} lines, {header.units:,} units"
    )
    say(f"  benefit {header.benefit_usd:,.2f} USD - cost {header.cost_usd:,.2f} USD = net {header.net_usd:,.2f} USD")
    if header.is_stale:
        complain(f"warning: this plan is {header.age_days} days older than the newest extract; run evenstock run --as-of for that date")
    if header.is_outdated:
        said = "; ".join(header.corrections[:MAX_CORRECTIONS_SHOWN])
        more = len(header.corrections) - MAX_CORRECTIONS_SHOWN
        said += f" and {more} more" if more > 0 else ""
        complain(f"warning: this plan is outdated: {said}; run evenstock run --as-of {header.as_of}")
    if header.status == "FALLBACK":
        complain("warning: no plan was found within the limits, so this one moves nothing new (FALLBACK)")
    return header


def show_lines(home: "Home", ledger_url: str, limit: int) -> None:
    """Print the most valuable lines."""
    from pipelines.queries import read_lines

    lines = read_lines(home, ledger_url)
    names = ["line", "item", "from", "to", "units", "ships", "arrives", "net USD", "state"]
    rows = [
        [
            *(row[name] for name in ("line_id", "item_id", "origin", "destination", "units")),
            *(str(row[name])[:10] for name in ("ship_date", "arrival_date")),
            f"{row['net_usd']:,.2f}",
            row["state"],
        ]
        for row in lines.head(limit).to_dict("records")
    ]
    if rows:
        print_table(names, rows)
    if len(lines) > limit:
        say(f"  and {len(lines) - limit} more; evenstock plan pull hands out all")


def show_kpis(home: "Home", first_run_id: str = "") -> None:
    """Print the network's KPIs of the publication, beside those of an earlier run if one is given."""
    from pipelines.queries import read_kpis

    kpis = read_kpis(home)
    window = int(kpis["window_days"].iloc[0]) if len(kpis) else 0
    rows = [[row["kpi"].replace("_", " "), _figure(row["value"]), row["unit"]] for row in kpis.to_dict("records")]
    columns, title = ["KPI", "value", "unit"], f"Network, last {window} days:"
    if first_run_id:
        first = read_kpis(home, first_run_id)
        earlier = first.set_index("kpi")["value"].to_dict()
        rows = [[row[0], _figure(earlier.get(kpi)), *row[1:]] for row, kpi in zip(rows, kpis["kpi"], strict=True)]
        columns, title = ["KPI", "before", "after", "unit"], f"Network, {window} days to {first['as_of'].iloc[0]:%Y-%m-%d} and to the plan:"
    print_table(columns, rows, title)


def _figure(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:,.3f}"
