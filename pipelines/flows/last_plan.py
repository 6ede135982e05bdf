"""The plan of the date before and what a new one takes over from it. What is done with that is planning's business."""

import json
from typing import Any

import pandas as pd

from pipelines.domain.errors import InputRefused
from pipelines.flows.run import Run


def last_digest(run: Run) -> str:
    """The digest of the plan proposed last for an earlier date; empty if there is none.

    The ledger says which that was, and not what is published: publications go, and a past run is made again beside none at all.
    """
    last = run.ledger.run_before(run.as_of)
    return last["plan_digest"] if last else ""


def last_lines(run: Run) -> pd.DataFrame | None:
    """The lines of that plan, which churn is counted from."""
    last = run.ledger.run_before(run.as_of)
    return run.ledger.current_lines(last["run_id"]) if last else None


def last_prices(run: Run) -> dict[str, Any] | None:
    """The prices of that plan, which a large problem starts from; None where it kept none or is gone, or the policy wants none.

    A rebuild has those that the run was given then.
    """
    if not run.policy.planning.start_from_last_plan:
        return None
    if run.is_rebuild:
        return json.loads(run.home.prices_file.read_bytes()) if run.home.prices_file.is_file() else None
    last = run.ledger.run_before(run.as_of)
    document = _published_plan(run, last["run_id"]) if last else {}
    return document.get("solve_info", {}).get("prices")


def _published_plan(run: Run, run_id: str) -> dict[str, Any]:
    """The plan that a run published; empty where that is gone or damaged: a start is worth no failed night."""
    from pipelines.store.publication import read_run

    try:
        published = read_run(run.home.published, run_id)
        return json.loads((published.path / "plan.json").read_bytes()) if published else {}
    except (InputRefused, FileNotFoundError, ValueError):
        return {}
