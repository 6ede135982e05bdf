"""The loop closed through a simulated world: the twin writes extracts, the jobs land and plan them, the twin executes what was dispatched.

A second twin meets the same customers, suppliers and luck without any transfer, so that what transfers changed can be told apart.
"""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.machine.writing import write_text
from pipelines.settings import Settings
from pipelines.store.home import Home

if TYPE_CHECKING:
    from dagster_project.dirty_days import Caught, DirtyDays
    from pipelines.twin.demand import DemandTable
    from pipelines.twin.dirt import Dirt
    from pipelines.twin.simulate import Twin
    from pipelines.twin.world import World

Progress = Callable[[str, float], None]
GENERATED_START = dt.date(2025, 1, 6)
GENERATED_LOCATIONS = 4
WARM_UP_DAYS = 84
PLAN_EVERY_DAYS = 7
MARKER = "demo.json"
STATE = ("inbox", "landing", "lake", "quarantine", "gates", "work", "published", "forecasts", "outbox", "health", "run_log", "logs")
# Left by any command that failed; nobody's work.
TRACES = ("run_log", "logs")
LEDGER_FILES = ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm")


@dataclass(frozen=True)
class NightReport:
    """One night's plan: its date and header."""

    as_of: dt.date
    run_id: str
    figures: dict[str, Any]


@dataclass(frozen=True)
class LoopReport:
    """What a closed loop did. `with_transfers` and `without_transfers` are the twins' totals of the same days in units and USD.

    `caught` tells of every file that came dirty and what became of it.
    """

    home: Path
    demand: str
    locations: int
    items: int
    first_day: dt.date
    last_day: dt.date
    nights: list[NightReport]
    with_transfers: dict[str, Any]
    without_transfers: dict[str, Any]
    refused_dispatches: list[str] = field(default_factory=list)
    caught: "list[Caught]" = field(default_factory=list)
    twin: "Twin | None" = field(default=None, compare=False, repr=False)


def run_closed_loop(
    settings: Settings,
    demand: str = "generated",
    items: int = 40,
    days: int = 28,
    seed: int = 0,
    progress: Progress | None = None,
    locations: int = GENERATED_LOCATIONS,
    spare_days: int = 0,
    dirt: "Dirt | None" = None,
) -> LoopReport:
    """Play `days` days after a warm-up: every day lands, every seventh is a full night with a plan; returns what came of it.

    `demand` is generated, m5 or the path of a Parquet file; `spare_days` of it stay unplayed, for a caller that plays on. With `dirt`
    some days come dirty and are corrected a day later. Raises `InputRefused` without its data, `UsageError` for impossible sizes.
    """
    from dagster_project.dirty_days import DirtyDays
    from pipelines.twin.dirt import Dirt
    from pipelines.twin.extracts import write_history_drop
    from pipelines.twin.metrics import summarise
    from pipelines.twin.simulate import Twin

    tell = progress or (lambda said, share: None)
    if days < 1:
        raise UsageError(f"a demo of {days} days has nothing to show; give --days 1 or more")
    tell("making demand", 0.0)
    table, world, warm_up = make_world(settings, demand, items, days + spare_days, seed, locations)
    begin_demo(settings.folders, {"demand": demand, "items": items, "days": days, "seed": seed})
    tell(f"playing {warm_up} days of history", 0.0)
    twin = Twin(world, table, seed)
    write_history_drop(twin.warm_up(warm_up), world, settings.folders.inbox)
    shadow, first = twin.fork(), twin.next_date
    dirty = DirtyDays(settings.folders, dirt or Dirt(), seed)
    nights, refused = _play_days(settings, twin, shadow, days, tell, dirty)
    last = twin.next_date - dt.timedelta(days=1)
    with_transfers, without = summarise(twin, first, last), summarise(shadow, first, last)
    locations, items = len(table.location_ids), len(table.item_ids)
    return LoopReport(
        settings.home, demand, locations, items, first, last, nights, with_transfers, without, refused, caught=dirty.caught, twin=twin
    )


def _play_days(
    settings: Settings, twin: "Twin", shadow: "Twin", days: int, tell: Progress, dirty: "DirtyDays"
) -> tuple[list[NightReport], list[str]]:
    """A night before the first day, then every day landed and every seventh, and the last, planned; nights and refused dispatches.

    What dirt held up is made up for before the next day lands, and after the last.
    """
    from dagster_project.nights import Nights
    from pipelines.twin.extracts import write_drop

    jobs, outbox, refused = Nights(settings), Outbox(settings.folders.outbox), []
    nights = [play_night(jobs, twin.next_date - dt.timedelta(days=1), tell, 0.0)]
    for day in range(1, days + 1):
        played = twin.play_day(outbox.take_new())
        shadow.play_day([])
        refused += played.refused
        write_drop(played, twin.world, settings.folders.inbox)
        nights += _make_up(jobs, dirty)
        job = "nightly" if day % PLAN_EVERY_DAYS == 0 or day == days else "ingest_day"
        tell(f"{'planning' if job == 'nightly' else 'landing'} {played.date}", day / days)
        figures = dirty.run(jobs.run, job, played.date)
        nights += [read_night(played.date, figures)] if figures and job == "nightly" else []
    return nights + _make_up(jobs, dirty), refused


def _make_up(jobs: Any, dirty: "DirtyDays") -> list[NightReport]:
    """Run what the day before could not; a night if that was one."""
    done = dirty.make_up(jobs.run)
    return [read_night(done[1], done[2])] if done and done[0] == "nightly" else []


def make_world(settings: Settings, demand: str, items: int, days: int, seed: int, locations: int) -> "tuple[DemandTable, World, int]":
    """Demand table, world and days of warm-up of a kind of demand."""
    from pipelines.twin import demand as demands
    from pipelines.twin import world as worlds

    if demand == "generated":
        table = demands.generate_demand(locations, items, WARM_UP_DAYS + days, seed, GENERATED_START)
        return table, worlds.build_generated_world(table, seed), WARM_UP_DAYS
    if demand == "m5":
        if settings.real_data is None:
            from pipelines.twin.m5 import ORIGINS

            wanted = "; ".join(f"{name} made from {origin}" for name, origin in ORIGINS.items())
            where = "set EVENSTOCK_REAL_DATA to a folder that holds"
            raise InputRefused(f"the M5 data is not here: {where} {wanted} (benchmarking only; docs/real-data.md)")
        table = demands.read_m5_demand(settings.real_data, items, days, WARM_UP_DAYS, seed)
        world = worlds.build_m5_world(table, settings.real_data, seed=seed)
        # The yardstick's opening split noise must stand when planning begins, and not have been traded away by twelve weeks of orders.
        return table, world.with_parameters(noisy_split_days=WARM_UP_DAYS), WARM_UP_DAYS
    table = demands.read_demand_file(Path(demand))
    warm_up = table.days - days
    if warm_up < PLAN_EVERY_DAYS:
        raise InputRefused(f"{demand}: {table.days} days of demand are too few for {days} days after a warm-up; give fewer --days")
    return table, worlds.build_file_world(table, seed), warm_up


def begin_demo(home: Home, what: dict[str, Any]) -> None:
    """Clear the state of an earlier demo and mark the home as one; raises `UsageError` for a home that holds anything else."""
    from pipelines.store.lease import hold_lease

    marker = home.root / MARKER
    is_demo = marker.is_file()
    held = [name for name in (*STATE, *LEDGER_FILES) if (is_demo or name not in TRACES) and (home.root / name).exists()]
    if held and not is_demo:
        raise UsageError(
            f"{home.root} holds work that is not a demo ({held[0]}); a demo starts from nothing, so give it a home of its own: "
            "EVENSTOCK_HOME=./var-demo evenstock demo"
        )
    with hold_lease(home.root, "evenstock demo", dt.datetime.now(dt.UTC).isoformat(timespec="seconds")):
        for name in held:
            path = home.root / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        write_text("demo.marker", marker, json.dumps(what, sort_keys=True) + "\n")


def play_night(jobs: Any, as_of: dt.date, tell: Progress, share: float) -> NightReport:
    """Run the whole night of a date and keep its figures."""
    tell(f"planning {as_of}", share)
    return read_night(as_of, jobs.run("nightly", as_of))


def read_night(as_of: dt.date, done: dict[str, Any]) -> NightReport:
    """The figures of a night from those of its assets."""
    figures = dict(done["lake/plan_lines"]) | done["ledger/approvals"] | done["feedback/learned_parameters"]
    return NightReport(as_of, str(done["published/current"]["run_id"]), figures)


@dataclass
class Outbox:
    """Transfer orders as the warehouses pick them up: each file once."""

    folder: Path
    seen: set[Path] = field(default_factory=set)

    def take_new(self) -> list[dict[str, Any]]:
        """Orders that were not there before, oldest plan first."""
        fresh = [path for path in sorted(self.folder.glob("*/*.json")) if path not in self.seen]
        self.seen.update(fresh)
        return [json.loads(path.read_text(encoding="utf-8")) for path in fresh]
