"""Days on which the twin's extracts come dirty: spoil the drop, run the job, tell what became of it, and let the clean files come next day.

A run that refuses or blocks does not end the loop: the publication stands, and the job is made up for when the correction is there.
"""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.domain.errors import GateBlocked, InputRefused
from pipelines.store.home import Home
from pipelines.twin.dirt import Dirt, Spoiled, clean_drop, spoil_drop

OUTCOMES = ("refused", "blocked", "frozen", "quarantined", "warned", "harmless")
Figures = dict[str, Any]
Run = Callable[[str, dt.date], Figures]


@dataclass(frozen=True)
class Caught:
    """One spoiled file and what became of it: refused at landing, blocked by a gate, item-locations frozen, rows quarantined, warned of,
    or harmless (every row as it should be). `said` is the product's own word.
    """

    spoiled: Spoiled
    outcome: str
    said: str


@dataclass
class DirtyDays:
    """Runs jobs of a home on drops that may be dirty. `waiting` is the job that has to be made up for with clean files, if any."""

    home: Home
    dirt: Dirt
    seed: int
    caught: list[Caught] = field(default_factory=list)
    waiting: tuple[str, dt.date] | None = None

    def run(self, run: Run, job: str, date: dt.date) -> Figures | None:
        """Run the job of a date on its drop, which may be spoiled first; None if the dirt stopped it. A clean day fails as ever."""
        spoiled = spoil_drop(self.home.inbox_of(date), self.dirt, self.seed) if self.dirt else []
        if not spoiled:
            return run(job, date)
        try:
            figures = run(job, date)
        except (GateBlocked, InputRefused) as error:
            outcome = "refused" if isinstance(error, InputRefused) else "blocked"
            self.caught += [Caught(each, outcome, str(error)) for each in spoiled]
            self.waiting = (job, date)
            return None
        self.caught += [self._judge(each, figures) for each in spoiled]
        self.waiting = ("ingest_day", date)
        return figures

    def make_up(self, run: Run) -> tuple[str, dt.date, Figures] | None:
        """Let the clean files of the dirty day before arrive, and run what they hold up; None if nothing waits."""
        if self.waiting is None:
            return None
        job, date = self.waiting
        self.waiting = None
        clean_drop(self.home.inbox_of(date))
        return job, date, run(job, date)

    def _judge(self, spoiled: Spoiled, figures: Figures) -> Caught:
        """What a run that went through says of a spoiled file."""
        frozen = read_frozen(self.home, spoiled.date)
        touched = sorted(spoiled.pairs & frozen)
        if touched:
            return Caught(spoiled, "frozen", f"{len(touched)} of {len(spoiled.pairs)} item-locations, as {'/'.join(touched[0])}")
        rows = int(figures.get(f"lake/{spoiled.feed}", {}).get("rows_quarantined", 0))
        if rows:
            return Caught(spoiled, "quarantined", f"{rows} rows")
        failed = read_warnings(self.home, spoiled.date, spoiled.feed)
        return Caught(spoiled, "warned", "; ".join(failed)) if failed else Caught(spoiled, "harmless", "")


def read_frozen(home: Home, date: dt.date) -> set[tuple[str, str]]:
    """Item-locations that the gates of a date keep out of the plan."""
    path = home.gates / date.isoformat() / "frozen.json"
    body = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"pairs": []}
    return {(pair["location_id"], pair["item_id"]) for pair in body["pairs"]}


def read_warnings(home: Home, date: dt.date, feed: str) -> list[str]:
    """Checks of the feed's gate and of the reconciliation that failed without blocking."""
    folder: Path = home.gates / date.isoformat()
    bodies = [
        json.loads(path.read_text(encoding="utf-8")) for path in (folder / f"{feed}.json", folder / "reconciliation.json") if path.is_file()
    ]
    return [f"{check['name']}: {check['observed']}" for body in bodies for check in body["checks"] if not check["passed"]]
