"""`python -m benchmarks [NAME...]` runs the registered benchmarks and prints their tables. No benchmark lives here."""

import argparse
import importlib
import json
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Benchmark:
    """A module with `run()`, what its table shows, and whether it ends within a few minutes."""

    module: str
    title: str
    is_quick: bool = False


REGISTRY = {
    "nightly": Benchmark("benchmarks.nightly", "where a nightly run's time goes, and the ratio to plain functions", is_quick=True),
    "forecast": Benchmark("benchmarks.forecast_accuracy", "held-out accuracy on real demand, against naive rules", is_quick=True),
    "estimate": Benchmark("benchmarks.demand_estimate", "bias of the demand behind simulated stock-outs, by evidence"),
    "stockouts": Benchmark("benchmarks.real_stock_outs", "bias on the real stock-outs of FreshRetailNet, in two views"),
    "triggers": Benchmark("benchmarks.trigger_detection", "false alarms and detection of changes of demand, by simulation"),
    "ingest": Benchmark("benchmarks.ingest", "11 M rows landed, checked and in the lake, against bare DuckDB"),
    "solver": Benchmark("benchmarks.solver", "plans on the proven instances, against bare HiGHS"),
    "panel": Benchmark("benchmarks.forecast_panel", "the stand-alone forecast on all of M5, against seasonal naive"),
    "sizes": Benchmark("benchmarks.solver_sizes", "certified gap, time and memory by size and seed, beside bare HiGHS and CBC"),
}


def quick_ones() -> list[str]:
    """Names of what runs where none is chosen, in order."""
    return [name for name, entry in REGISTRY.items() if entry.is_quick]


def main() -> None:
    """Run the chosen benchmarks (the quick ones by default), print each table and keep its rows under benchmarks/results/."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Benchmarks: ratios within one run.")
    said = f"any of: {', '.join(REGISTRY)}; none runs {' and '.join(quick_ones())}, the others take from minutes to hours"
    parser.add_argument("names", nargs="*", metavar="NAME", help=said)
    names = parser.parse_args().names or quick_ones()
    unknown = [n for n in names if n not in REGISTRY]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; known: {', '.join(REGISTRY)}")
    console = Console()
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    for name in names:
        rows = importlib.import_module(REGISTRY[name].module).run()
        (results / f"{name}.json").write_text(json.dumps(rows, indent=1, default=str))
        console.print(as_table(f"{name}: {REGISTRY[name].title}", rows))


def as_table(title: str, rows: list[dict]) -> Table:
    """One table whose columns are the rows' keys in order of appearance."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(title=title, title_justify="left")
    for column in columns:
        numeric = all(isinstance(row.get(column), int | float | None) for row in rows)
        table.add_column(column, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(format_value(row.get(column)) for column in columns))
    return table


def format_value(value: object) -> str:
    """Numbers to four significant places, nothing as a blank."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
