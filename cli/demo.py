"""`evenstock demo`: the whole loop on a simulated world, ending with the plan on the screen."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.plan import show_header, show_kpis, show_lines
from cli.screen import print_table, progress_bar, say

if TYPE_CHECKING:
    from dagster_project.closed_loop import LoopReport
    from pipelines.settings import Settings

COMPARED = (
    ("fill rate", "fill_rate", "{:.2%}"),
    ("lost units", "lost_units", "{:,.0f}"),
    ("lost margin, USD", "lost_margin_usd", "{:,.2f}"),
    ("transfer cost, USD", "transfer_cost_usd", "{:,.2f}"),
    ("holding cost, USD", "holding_cost_usd", "{:,.2f}"),
    ("total cost, USD", "total_cost_usd", "{:,.2f}"),
    ("units moved", "transfer_units", "{:,.0f}"),
)


def demo(
    demand: Annotated[
        str, typer.Option("--demand", metavar="generated|m5|FILE", help="Where demand comes from; FILE is Parquet.")
    ] = "generated",
    items: Annotated[int, typer.Option("--items", min=1, max=5000, help="Items (a FILE brings its own).")] = 40,
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="Days to play after the warm-up.")] = 28,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the world's luck.")] = 0,
    dirt: Annotated[
        str,
        typer.Option(
            "--dirt",
            metavar="LEVEL|KINDS",
            help="Let extracts come dirty: light, heavy, or some of late, duplicate, partial, malformed, unit_mix_up, phantom_stock, "
            "each with a share of days if wanted (late,partial=0.5).",
        ),
    ] = "",
) -> None:
    """Play a simulated world day by day: its extracts land daily, a plan is made weekly, warehouses execute it, and the loop learns."""
    from dagster_project.closed_loop import run_closed_loop
    from pipelines.settings import load_settings
    from pipelines.twin.dirt import read_dirt

    settings, wanted = load_settings(), read_dirt(dirt)
    with progress_bar() as tell:
        report = run_closed_loop(settings, demand, items, days, seed, tell, dirt=wanted)
    _show(report, settings)
    if wanted:
        _show_caught(report)


def _show(report: "LoopReport", settings: "Settings") -> None:
    home = settings.folders
    header = show_header(home)
    show_lines(home, settings.ledger_url, limit=15)
    say()
    show_kpis(home, report.nights[0].run_id)
    _compare(report)
    _show_learned(settings)
    say(f"Where to look next (EVENSTOCK_HOME={home.root}):")
    say("  evenstock plan show | evenstock plan explain LINE | evenstock plan pull --format csv")
    say(f"  {home.published / 'current'}: plan.json, manifest.json, marts/*.parquet, evenstock.duckdb (run {header.run_id})")
    say("  make dev: the asset graph, every run and every check in Dagster")


def _compare(report: "LoopReport") -> None:
    """Before and after: the same days, customers, suppliers and luck, without and with transfers."""
    without, moved = report.without_transfers, report.with_transfers
    rows = [[said, pattern.format(without[key] or 0), pattern.format(moved[key] or 0)] for said, key, pattern in COMPARED]
    title = (
        f"\n{report.first_day} to {report.last_day}, the same simulated days twice ({report.items} items, {report.locations} locations):"
    )
    print_table(["", "without transfers", "with transfers"], rows, title)
    before, after = without["total_cost_usd"], moved["total_cost_usd"]
    share = abs(after - before) / max(before, 1e-9)
    say(f"  Total cost {'fell' if after <= before else 'rose'} by {abs(after - before):,.2f} USD ({share:.1%}).")
    source = {
        "generated": "Demand, stock and transfers are simulated.",
        "m5": "Only demand and prices are real (M5); the rest is simulated.",
    }
    say(f"  {source.get(report.demand, 'Only the demand is yours; the rest is simulated.')}")
    for refused in report.refused_dispatches[:3]:
        say(f"  {refused}")


def _show_caught(report: "LoopReport") -> None:
    """What came dirty, what became of it, and how often."""
    from collections import Counter

    rows = [[f"{c.spoiled.date}", c.spoiled.kind, c.spoiled.feed, c.spoiled.said, c.outcome] for c in report.caught]
    shown = rows or [["-", "", "", "nothing came dirty: play more --days", ""]]
    print_table(["day", "dirt", "feed", "what was done to it", "what became of it"], shown, "\nExtracts that came dirty:")
    counts = Counter(c.outcome for c in report.caught)
    said = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "nothing"
    say(f"  {len(rows)} dirty files: {said}. Every one came clean a day later.")


def _show_learned(settings: "Settings") -> None:
    from pipelines.queries import read_learned

    rows = read_learned(settings.folders, settings.ledger_url)
    lanes = rows[rows["scope"].str.startswith("lane:")].assign(
        rank=lambda f: f["parameter"].map({"lead_time_days_mean": 0, "yield_share": 1})
    )
    lanes = lanes.dropna(subset=["rank"]).sort_values(["rank", "evidence_n"], ascending=[True, False], kind="stable")
    shown = [row for rank in (0, 1) for row in lanes[lanes["rank"] == rank].head(4).to_dict("records")]
    cells = [
        [
            row["parameter"],
            row["scope"].removeprefix("lane:"),
            _number(row["old_value"]),
            _number(row["new_value"]),
            f"{row['evidence_n']:g}",
        ]
        for row in shown
    ]
    title = f"\nLearned from what came back ({len(rows)} parameters; lanes with the most evidence):"
    print_table(["parameter", "lane", "before", "now", "evidence"], cells or [["nothing yet", "", "", "", ""]], title)
    say()


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"
