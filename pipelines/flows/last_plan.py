"""The plan of the date before and what a new one takes over from it. What is done with that is planning's business."""

import json
from typing import TYPE_CHECKING, Any

from pipelines.flows.run import Run

if TYPE_CHECKING:
    from pipelines.store.publication import Publication


def last_publication(run: Run) -> "Publication | None":
    """The plan of the date before, which churn is counted from."""
    from pipelines.store.publication import read_before

    return read_before(run.home.published, run.as_of)


def last_prices(run: Run) -> dict[str, Any] | None:
    """Prices of the plan of the date before, which a large problem starts from; None where it kept none or the policy wants none."""
    last = last_publication(run) if run.policy.planning.start_from_last_plan else None
    if last is None:
        return None
    with last.reading() as folder:
        document = json.loads((folder / "plan.json").read_bytes()) if (folder / "plan.json").is_file() else {}
    return document.get("solve_info", {}).get("prices")
