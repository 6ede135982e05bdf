"""What the gates of a business date said, as people read it: verdicts by feed, failed checks, frozen item-locations. Nothing is judged."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from pipelines.domain.errors import GateBlocked, UsageError
from pipelines.flows.frozen import FROZEN, read_frozen
from pipelines.flows.gate_inputs import read_verdict
from pipelines.store.home import Home


@dataclass(frozen=True)
class GateReport:
    """Verdicts of a date (bodies as written, reconciliation last) and its frozen item-locations."""

    date: dt.date
    verdicts: list[dict[str, Any]]
    frozen: dict[str, Any]

    @property
    def blocked(self) -> list[str]:
        """Names of the verdicts that block."""
        return [body["feed"] for body in self.verdicts if not body["passed"]]


def read_gate_report(home: Home, as_of: dt.date | None = None) -> GateReport:
    """The report of a date, by default of the newest that gates judged.

    Raises `GateBlocked` before the first judged date and `UsageError`, naming the nearest, for one that was not judged.
    """
    dates = sorted({path.parent.name for path in home.gates.glob("*/*.json")})
    if not dates:
        raise GateBlocked(f"no gate has judged anything in {home.root}: run evenstock run --as-of DATE")
    wanted = dates[-1] if as_of is None else as_of.isoformat()
    if wanted not in dates:
        near = min(dates, key=lambda date: abs((dt.date.fromisoformat(date) - dt.date.fromisoformat(wanted)).days))
        raise UsageError(f"--as-of: no gate has judged {wanted}; the nearest judged date is {near}")
    day = dt.date.fromisoformat(wanted)
    names = sorted(path.stem for path in (home.gates / wanted).glob("*.json") if path.name != FROZEN)
    names.sort(key=lambda name: name == "reconciliation")
    bodies = [body for name in names if (body := read_verdict(home, name, day))]
    return GateReport(day, bodies, read_frozen(home, day))
