"""Where state lives under one home, and what a glance at it tells: the current publication and the newest landed date.

What the folders hold is their owners' business.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.domain.errors import GateBlocked

if TYPE_CHECKING:
    from pipelines.store.publication import Publication

LEDGER_FILE = "ledger.sqlite"


@dataclass(frozen=True)
class Home:
    """The folders under `EVENSTOCK_HOME`; every path is absolute."""

    root: Path

    @property
    def inbox(self) -> Path:
        """Drop folders, one per business date."""
        return self.root / "inbox"

    @property
    def layouts(self) -> Path:
        """The site's own layouts, which come before the shipped ones."""
        return self.root / "layouts"

    @property
    def landing(self) -> Path:
        """Bytes as they arrived, under their sha256."""
        return self.root / "landing"

    @property
    def lake(self) -> Path:
        """Accepted rows as Parquet."""
        return self.root / "lake"

    @property
    def quarantine(self) -> Path:
        """Refused rows as Parquet."""
        return self.root / "quarantine"

    @property
    def gates(self) -> Path:
        """Verdicts of the quality gates."""
        return self.root / "gates"

    @property
    def published(self) -> Path:
        """Publications and the link to the current one."""
        return self.root / "published"

    @property
    def forecasts(self) -> Path:
        """What published runs forecast, one folder per business date."""
        return self.root / "forecasts"

    @property
    def health(self) -> Path:
        """Pages and documents of data health, one folder per business date."""
        return self.root / "health"

    @property
    def outbox(self) -> Path:
        """Transfer orders for the warehouses."""
        return self.root / "outbox"

    @property
    def dagster(self) -> Path:
        """Dagster's own instance."""
        return self.root / "dagster"

    @property
    def logs(self) -> Path:
        """Tracebacks that the screen is spared."""
        return self.root / "logs"

    @property
    def run_log(self) -> Path:
        """Wall times of runs, outside every digest."""
        return self.root / "run_log"

    @property
    def rebuilt(self) -> Path:
        """Past runs made again, one folder per run."""
        return self.root / "rebuilt"

    @property
    def retention(self) -> Path:
        """What those hold who read or remove what is kept: backups and prunes, beside nights."""
        return self.root / "retention"

    @property
    def ledger_file(self) -> Path:
        """The ledger, unless it is on a server."""
        return self.root / LEDGER_FILE

    @property
    def policy_file(self) -> Path:
        """What people decided, if they wrote it down."""
        return self.root / "policy.yaml"

    @property
    def prices_file(self) -> Path:
        """Prices of the plan before, where a past run is made again."""
        return self.root / "last_prices.json"

    @property
    def own_folders(self) -> list[Path]:
        """Folders that nobody but Evenstock writes; the inbox is the senders', the layouts are the site's."""
        mine = ("landing", "lake", "quarantine", "gates", "work", "published", "forecasts", "health", "outbox")
        return [self.root / name for name in (*mine, "dagster", "run_log", "rebuilt")]

    def work(self, as_of: dt.date) -> Path:
        """Disposable folder of one business date."""
        return self.root / "work" / as_of.isoformat()

    def health_of(self, as_of: dt.date) -> Path:
        """Data health of one business date."""
        return self.health / as_of.isoformat()

    def inbox_of(self, as_of: dt.date) -> Path:
        """Drop folder of one business date."""
        return self.inbox / as_of.isoformat()


def read_publication(home: Home) -> "Publication":
    """The current publication; raises `GateBlocked` with the remedy before the first."""
    from pipelines.store.publication import current

    publication = current(home.published)
    if publication is None:
        raise GateBlocked(f"nothing is published in {home.root}: run evenstock demo, or land extracts and run evenstock run --as-of DATE")
    return publication


def newest_judged_date(home: Home) -> dt.date | None:
    """The latest business date whose landed files a gate has judged: the clock that plans age by.

    A file that merely landed does not count: a mistyped year would make every plan look old.
    """
    dates = [path.parent.name for path in home.gates.glob("*/*.json")]
    return dt.date.fromisoformat(max(dates)) if dates else None
