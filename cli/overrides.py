"""`evenstock forecast override ...`: what people know better than the statistics, with their name, a reason and an end."""

import datetime as dt
from typing import Annotated

import typer

from cli.dates import parse_date
from cli.decisions import check_words
from cli.screen import print_table, say
from pipelines.domain.errors import UsageError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
LARGEST = 1e9


@app.command(
    "add",
    epilog='Example: evenstock forecast override add --item F3 --factor 1.5 --from 2026-04-01 --until 2026-04-14 --by ana --reason "fair"',
)
def add(
    item: Annotated[str, typer.Option("--item", metavar="ITEM", help="Item that is overridden.")],
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="First day that is overridden.")],
    last: Annotated[str, typer.Option("--until", metavar="DATE", help="Last day; the override ends with it.")],
    by: Annotated[str, typer.Option("--by", metavar="WHO", help="Who says so; kept with the override.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with the override.")],
    location: Annotated[str, typer.Option("--location", metavar="LOCATION", help="Only there; without it at every location.")] = "",
    factor: Annotated[float | None, typer.Option("--factor", metavar="F", help="Times the statistical forecast.")] = None,
    units: Annotated[float | None, typer.Option("--units-per-week", metavar="N", help="Instead of it; needs --location.")] = None,
) -> None:
    """Override the forecast of an item for some days, from the next night on. A later override of the same days takes its place."""
    from pipelines.flows.forecast_overrides import Override, add_override
    from pipelines.forecasting.overrides import FACTOR, UNITS
    from pipelines.settings import load_settings
    from pipelines.store.lease import hold_lease

    check_words({"--item": item, "--by": by, "--reason": reason})
    start, end = parse_date(first, "--from"), parse_date(last, "--until")
    kind, value = (FACTOR, factor) if factor is not None else (UNITS, units)
    if (factor is None) == (units is None) or value is None:
        raise UsageError("give either --factor or --units-per-week")
    if not 0 <= value <= LARGEST:
        raise UsageError(f"{'--factor' if kind == FACTOR else '--units-per-week'}: must be a number from 0 to {LARGEST:.0f}, found {value}")
    if kind == UNITS and not location:
        raise UsageError("--units-per-week says what one location sells: name it with --location, or give --factor for all")
    if end < start:
        raise UsageError(f"--until {end} is before --from {start}")
    settings, now = load_settings(), dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    with hold_lease(settings.folders.root, f"evenstock forecast override add by {by}", now):
        override = Override(by, reason, location, item, kind, float(value), start, end)
        name, effective = add_override(settings.folders, settings.ledger_url, override, now)
    say(f"override {name} holds from the night of {effective} on")


@app.command("list", epilog="Example: evenstock forecast override list --json")
def list_(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List every override with author, reason and end; mart_forecast_accuracy says whether they were better than the statistics."""
    from pipelines.flows.forecast_overrides import list_overrides
    from pipelines.settings import load_settings

    settings = load_settings()
    frame = list_overrides(settings.folders, settings.ledger_url).drop(columns="seq")
    frame = frame.astype({name: str for name in ("start_date", "end_date", "effective_from")})
    if as_json:
        print(frame.to_json(orient="records", indent=1))
        return
    print_table([str(name) for name in frame.columns], frame.astype(str).to_numpy().tolist())
