"""Where the published plan stands: its date and figures, and what was corrected under it since. Publishing is not done here."""

import datetime as dt
from typing import Any

from pipelines.domain.errors import InputRefused
from pipelines.extracts.lake.corrections import find_corrections
from pipelines.store.home import Home
from pipelines.store.publication import current

UNREADABLE = (InputRefused, OSError, KeyError, TypeError, ValueError)


def read_standing_plan(home: Home, as_of: dt.date, problems: list[str]) -> tuple[dict[str, Any] | None, list[str]]:
    """The current publication's header, and in words each extract that was corrected or came since; none where a newer plan is out."""
    try:
        publication = current(home.published)
        if publication is None:
            return None, []
        manifest = publication.manifest
        header = {name: manifest.get(name) for name in ("status", "lines", "objective_usd", "gap_share")}
        plan = {"run_id": publication.run_id, "as_of": publication.as_of.isoformat(), **header}
    except UNREADABLE as error:
        problems.append(f"the publication cannot be read: {error}"[:200])
        return None, []
    try:
        newer = publication.as_of > as_of
        found = [] if newer else find_corrections(publication.partitions, home.landing, home.lake, publication.as_of)
    except UNREADABLE as error:
        problems.append(f"what was corrected since the plan cannot be told: {error}"[:200])
        return plan, []
    return plan, [str(correction) for correction in found]
