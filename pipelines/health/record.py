"""Health on disk: one folder per business date with the document, the page and the day's quarantined rows."""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.domain.policy import Policy
from pipelines.health.document import make_health
from pipelines.health.quarantined import quarantine_csv
from pipelines.health.run_end import RunEnd
from pipelines.machine.writing import write_text
from pipelines.store.home import Home

HEALTH_JSON = "health.json"
HEALTH_PAGE = "health.html"
QUARANTINE_CSV = "quarantine.csv"


@dataclass(frozen=True)
class HealthFiles:
    """What was written, and where; `page` and `document` are absolute paths."""

    page: Path
    document: Path
    body: dict[str, Any]


def write_health(home: Home, as_of: dt.date, policy: Policy, run_end: RunEnd | None = None) -> HealthFiles:
    """Write document, page and CSV of a date, each in one stroke, the document last. The same state of the home gives the same bytes.

    Without `run_end`, what an earlier page said about the run's end is kept.
    """
    from pipelines.health.page import render_page

    folder = home.health_of(as_of)
    body, tables = make_health(home, as_of, policy, run_end or _known_end(home, as_of))
    table = folder / QUARANTINE_CSV
    if tables:
        text, rows = quarantine_csv(tables)
        write_text("health.rows", table, text)
        body["quarantine"]["csv"] = {"file": QUARANTINE_CSV, "rows": rows}
    else:
        table.unlink(missing_ok=True)
        body["quarantine"]["csv"] = None
    page = render_page(body)
    write_text("health.page", folder / HEALTH_PAGE, page)
    write_text("health.document", folder / HEALTH_JSON, to_json(body))
    return HealthFiles(folder / HEALTH_PAGE, folder / HEALTH_JSON, body)


def read_health(home: Home, as_of: dt.date) -> dict[str, Any] | None:
    """The document of a date as it was last written, or None."""
    try:
        body = json.loads((home.health_of(as_of) / HEALTH_JSON).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return body if isinstance(body, dict) else None


def to_json(body: dict[str, Any]) -> str:
    """Canonical JSON in ASCII: keys sorted, and no character that could steer a terminal or a page."""
    return json.dumps(body, sort_keys=True, indent=1, allow_nan=False) + "\n"


def _known_end(home: Home, as_of: dt.date) -> RunEnd | None:
    return RunEnd.from_json((read_health(home, as_of) or {}).get("run"))
