"""`evenstock forecast`: demand in one Parquet file, its forecast in another; no home needed. What a forecast is, is not known here."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import overrides
from cli.dates import parse_date
from cli.files import check_writable
from cli.screen import progress_bar, say
from pipelines.domain.errors import UsageError, shown

if TYPE_CHECKING:
    from pipelines.flows.forecast_files import ForecastInputs, ForecastMethod

METHODS = ("core", "ml")
FREQUENCIES = ("D", "W")

app = typer.Typer(rich_markup_mode=None)
app.add_typer(overrides.app, name="override", help="Override the nightly forecast for some days, and list what was overridden.")

DemandFile = Annotated[
    Path | None, typer.Option("--demand", metavar="FILE", help="Parquet: location_id, item_id, date, units[, in_stock_share]. Required.")
]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Last day that is known, YYYY-MM-DD. Required.")]
Horizon = Annotated[int | None, typer.Option("--horizon", metavar="PERIODS", help="Periods to forecast. Required.")]
Freq = Annotated[str, typer.Option("--freq", metavar="D|W", help="Days, or weeks named by their first day.")]
Items = Annotated[Path | None, typer.Option("--items", metavar="FILE", help="Parquet: item_id and groups such as category.")]
Locations = Annotated[Path | None, typer.Option("--locations", metavar="FILE", help="Parquet: location_id and groups such as region.")]
Prices = Annotated[
    Path | None, typer.Option("--prices", metavar="FILE", help="Parquet: item_id, date, price[, location_id]; in force from that day on.")
]
Events = Annotated[
    Path | None,
    typer.Option("--events", metavar="FILE", help="Parquet: scope, kind, start_date[, scope_id, end_date, expected_uplift_share]."),
]
Method = Annotated[str, typer.Option("--method", metavar="core|ml", help="ml adds one global LightGBM (extra ml), half and half.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the paths.")]
IgnoreFuture = Annotated[bool, typer.Option("--ignore-future", help="Leave rows after --as-of out instead of refusing them.")]


@app.callback(
    invoke_without_command=True,
    epilog="Example: evenstock forecast --demand demand.parquet --as-of 2026-01-31 --horizon 28 --out forecast.parquet",
)
def forecast(
    context: typer.Context,
    demand: DemandFile = None,
    as_of: AsOf = None,
    horizon: Horizon = None,
    freq: Freq = "D",
    items: Items = None,
    locations: Locations = None,
    prices: Prices = None,
    events: Events = None,
    method: Method = "core",
    seed: Seed = 0,
    ignore_future: IgnoreFuture = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Parquet to write: mean and quantiles. Required.")] = None,
    paths: Annotated[Path | None, typer.Option("--paths", metavar="FILE", help="Parquet to write: 80 weekly demand paths.")] = None,
    estimates: Annotated[Path | None, typer.Option("--estimates", metavar="FILE", help="Parquet to write: estimated past demand.")] = None,
) -> None:
    """Forecast every item-location of a demand file: mean, q05, q50 and q95 per period, weekly paths, and the demand behind sales."""
    if context.invoked_subcommand is not None:
        return
    from pipelines.flows.forecast_files import ForecastOutputs, forecast_files

    if out is None:
        raise UsageError("--out is missing; name the Parquet file to write")
    if horizon is None:
        raise UsageError("--horizon is missing; give the number of periods")
    files = name_inputs(demand, as_of, freq, items, locations, prices, events, ignore_future)
    read = [path for path in (demand, items, locations, prices, events) if path is not None]
    wanted = ForecastOutputs(*_targets(out, paths, estimates, read))
    done = forecast_files(files, horizon, name_method(method, seed), wanted)
    say(f"{done['series']:,} series x {done['periods']} periods from {done['first']}, {done['method']}: {out}")


@app.command(
    "backtest",
    epilog="Example: evenstock forecast backtest --demand demand.parquet --as-of 2026-01-31 --horizon 28 --origins 4 --out report.html",
)
def backtest(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Page to write (HTML, self-contained).")],
    demand: DemandFile = None,
    as_of: AsOf = None,
    horizon: Horizon = None,
    freq: Freq = "D",
    items: Items = None,
    locations: Locations = None,
    prices: Prices = None,
    events: Events = None,
    method: Method = "core",
    seed: Seed = 0,
    ignore_future: IgnoreFuture = False,
    origins: Annotated[int, typer.Option("--origins", min=1, max=52, help="Past dates to forecast from.")] = 4,
    step: Annotated[int | None, typer.Option("--step", min=1, help="Periods between them; default: the horizon.")] = None,
    figures: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="All figures as JSON, gzipped if it ends in .gz.")] = None,
) -> None:
    """Forecast from past dates and score against what came: by level, rate class and quantile, beside simple rules."""
    import json

    from cli.files import write_whole
    from pipelines.flows.forecast_files import backtest_files
    from pipelines.forecast_report.page import render_report

    if horizon is None:
        raise UsageError("--horizon is missing; give the number of periods")
    files = name_inputs(demand, as_of, freq, items, locations, prices, events, ignore_future)
    for path in (out, figures):
        if path is not None:
            check_writable(path)
    with progress_bar() as tell:
        document = backtest_files(files, horizon, origins, step or horizon, name_method(method, seed), tell)
    write_whole(out, render_report(document).encode())
    if figures is not None:
        write_whole(figures, (json.dumps(document, indent=1, sort_keys=True) + "\n").encode())
    means = {rule: [one["wrmsse"][rule]["mean"] for one in document["origins"]] for rule in ("evenstock", "seasonal naive")}
    ours, theirs = (sum(values) / len(values) for values in means.values())
    say(f"weighted error {ours:.3f}, seasonal naive {theirs:.3f}, mean of {origins} origins: {out}")


def name_inputs(
    demand: Path | None,
    as_of: str | None,
    freq: str,
    items: Path | None,
    locations: Path | None,
    prices: Path | None,
    events: Path | None,
    ignore_future: bool,
) -> "ForecastInputs":
    """What was named on the command line, with what is required; raises `UsageError`."""
    from pipelines.domain.demand import Frequency
    from pipelines.flows.forecast_files import ForecastInputs

    if demand is None:
        raise UsageError("--demand is missing; name the Parquet file of demand")
    if as_of is None:
        raise UsageError("--as-of is missing; give the last known day as YYYY-MM-DD")
    if freq not in FREQUENCIES:
        raise UsageError(f"--freq: {shown(freq)} is not one of {', '.join(FREQUENCIES)}")
    day = parse_date(as_of, "--as-of")
    return ForecastInputs(demand, day, Frequency(freq), items, locations, prices, events, ignore_future)


def name_method(method: str, seed: int) -> "ForecastMethod":
    """The method with its seed and the threads that the settings allow it; raises `UsageError`."""
    from pipelines.flows.forecast_files import ForecastMethod
    from pipelines.settings import load_settings

    if method not in METHODS:
        raise UsageError(f"--method: {shown(method)} is not one of {', '.join(METHODS)}")
    return ForecastMethod(method, seed, load_settings().forecast_threads)


def _targets(out: Path, paths: Path | None, estimates: Path | None, read: list[Path]) -> tuple[Path, Path | None, Path | None]:
    """The files to write, links followed; raises `UsageError` where one cannot be written, is read as well, or two are the same."""
    found = [check_writable(path) if path is not None else None for path in (out, paths, estimates)]
    named = [path for path in found if path is not None]
    special = [path for path in named if path.exists() and not path.is_file()]
    if special:
        raise UsageError(f"{special[0]}: cannot be replaced (no regular file); name a file in a folder")
    if len(set(named)) < len(named):
        raise UsageError("--out, --paths and --estimates name the same file; give each its own")
    if {path.resolve() for path in read} & set(named):
        raise UsageError("a file that is read cannot be written as well; name another")
    return found[0] or out, found[1], found[2]
