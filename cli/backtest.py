"""`evenstock backtest`: policies side by side on simulated worlds, before anybody trusts a plan. What is played is not known here."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.screen import print_table, progress_bar, say
from pipelines.domain.errors import UsageError, shown

ALL_POLICIES = "none,days_of_supply,greedy,excess,totals,evenstock,foresight"


def backtest(
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of results; what it holds already is not played again.")],
    world: Annotated[
        str, typer.Option("--world", metavar="A,B,C,generated", help="Worlds to play; A, B, C need real demand.")
    ] = "generated",
    samples: Annotated[int, typer.Option("--samples", min=1, max=100, help="Disjoint samples of items per world.")] = 1,
    first: Annotated[int, typer.Option("--first-sample", min=0, help="Number of the first sample.")] = 0,
    items: Annotated[int, typer.Option("--items", min=1, max=5000, help="Items per sample.")] = 250,
    weeks: Annotated[int, typer.Option("--weeks", min=1, max=520, help="Weeks to play after twelve of warm-up.")] = 47,
    policies: Annotated[str, typer.Option("--policies", metavar="NAMES", help="What to play, besides no transfers.")] = ALL_POLICIES,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes; figures do not depend on it.")] = 2,
) -> None:
    """Play policies side by side with the same customers, suppliers and luck, and compare what they cost.

    Total cost = lost margin + transfers + holding, as a share of no transfers on the same sample. Only demand and prices of A, B and C
    are real, the rest is simulated; a benchmark of ours, no claim about anybody's product.
    """
    from pipelines.backtest.compare import Wanted, compare, run
    from pipelines.backtest.policies import contenders
    from pipelines.backtest.worlds import Yardstick
    from pipelines.flows.run import versions
    from pipelines.settings import load_policy, load_settings

    settings = load_settings()
    names = ("none", *(name for name in _names(policies, "--policies") if name != "none"))
    contenders(names)
    yardsticks = tuple(
        Yardstick(name, sample, items, weeks) for name in _names(world, "--world") for sample in range(first, first + samples)
    )
    wanted = Wanted(yardsticks, names, load_policy(settings.folders), settings.real_data, versions())
    _make_folder(out)
    with progress_bar() as tell:
        rows = run(wanted, out, workers, tell)
    show(compare(rows))
    say(f"{len(rows)} results in {out}; the same command goes on from there")


def _names(text: str, option: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError(f"{option}: {shown(text)} names nothing; separate names with commas")
    return list(dict.fromkeys(names))


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out: {out}: {error.strerror}; name a folder that can be made") from None


def show(found: list[dict[str, Any]]) -> None:
    """One table per world, cheapest first."""
    from pipelines.backtest.policies import CONTENDERS

    for world in dict.fromkeys(row["world"] for row in found):
        own = sorted((row for row in found if row["world"] == world), key=lambda row: row["cost_share"])
        cells = [[CONTENDERS[row["contender"]].said, *_cells(row)] for row in own]
        columns = ["policy", "cost", "+-", "samples won", "fill rate", "lost margin", "transfers", "holding", "lines"]
        print_table(columns, cells, f"World {world}: total cost in % of no transfers, USD per sample")
        say()


def _cells(row: dict[str, Any]) -> list[str]:
    half = "" if row["half_share"] is None else f"{100 * row['half_share']:.1f}"
    shares = [f"{100 * row['cost_share']:.1f}", half, f"{row['won']}/{row['samples']}", f"{row['fill_rate']:.2%}"]
    money = [f"{row[name]:,.0f}" for name in ("lost_margin_usd", "transfer_cost_usd", "holding_cost_usd")]
    return [*shares, *money, f"{row['transfer_lines']:,.0f}"]
