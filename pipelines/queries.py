"""Read models of what is published: the plan's header, its lines, one line's story, KPIs. Nothing is computed anew and nothing written."""

import datetime as dt
import difflib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import UsageError, shown
from pipelines.store.home import Home, newest_judged_date, read_publication

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.planning.diff import PlanGround
    from pipelines.store.publication import Publication

LINE_COLUMNS = (
    *("line_id", "item_id", "origin", "destination", "mode", "packs", "units", "ship_date", "arrival_date"),
    *("benefit_usd", "cost_usd", "net_usd", "state", "qty_approved_units", "transfer_id", "reason"),
)


@dataclass(frozen=True)
class PlanHeader:
    """The published plan in numbers. `age_days` counts from its date to the newest landed one; a newer landing makes it stale.

    `corrections` says which extracts that the plan was made of were corrected, or came, since: then it is outdated.
    """

    run_id: str
    as_of: dt.date
    status: str
    objective_usd: float
    bound_usd: float | None
    gap_share: float | None
    lines: int
    units: int
    benefit_usd: float
    cost_usd: float
    net_usd: float
    plan_digest: str
    age_days: int
    corrections: tuple[str, ...] = ()

    @property
    def is_outdated(self) -> bool:
        """True when the plan was made of extracts that are no longer in force."""
        return bool(self.corrections)

    @property
    def is_stale(self) -> bool:
        """True when extracts newer than the plan have landed."""
        return self.age_days > 0

    def to_json(self) -> dict[str, Any]:
        """The header as plain values, with `is_stale` and `is_outdated`."""
        body = asdict(self) | {"as_of": self.as_of.isoformat(), "corrections": list(self.corrections)}
        return body | {"is_stale": self.is_stale, "is_outdated": self.is_outdated}


def read_header(home: Home) -> PlanHeader:
    """The plan's header with the totals of its lines."""
    from pipelines.extracts.lake.corrections import find_corrections

    publication = read_publication(home)
    manifest, lines = publication.manifest, read_published(publication, "plan_lines")
    totals = {name: float(lines[name].sum()) for name in ("benefit_usd", "cost_usd", "net_usd")}
    newest = newest_judged_date(home) or publication.as_of
    changed = find_corrections(publication.partitions, home.landing, home.lake, publication.as_of)
    return PlanHeader(
        run_id=publication.run_id,
        as_of=publication.as_of,
        status=manifest["status"],
        objective_usd=manifest["objective_usd"],
        bound_usd=manifest["bound_usd"],
        gap_share=manifest["gap_share"],
        lines=len(lines),
        units=int(lines["units"].sum()),
        plan_digest=manifest["plan_digest"],
        age_days=max(0, (newest - publication.as_of).days),
        corrections=tuple(map(str, changed)),
        **totals,
    )


def read_lines(home: Home, ledger_url: str = "") -> "pd.DataFrame":
    """Lines of the published plan with the state of now, the most valuable first; columns `LINE_COLUMNS`."""
    from pipelines.store.ledger import open_ledger

    publication = read_publication(home)
    lines = read_published(publication, "plan_lines")
    known = open_ledger(home.root, ledger_url or None, read_only=True).current_lines(publication.run_id)
    states = known[["line_id", "state", "qty_approved_units", "transfer_id"]]
    joined = lines.merge(states, on="line_id", how="left").fillna({"state": "proposed"})
    return joined.sort_values(["net_usd", "line_id"], ascending=[False, True], ignore_index=True)[list(LINE_COLUMNS)]


def explain(home: Home, line_id: str) -> str:
    """Why the published plan moves this line. Raises `UsageError` with the nearest line for an unknown one."""
    publication = read_publication(home)
    with publication.reading() as folder:
        stories = json.loads((folder / "explanations.json").read_text(encoding="utf-8"))
    if line_id not in stories:
        near = difflib.get_close_matches(line_id, list(stories), n=1)
        meant = f"did you mean {near[0]}?" if near else "evenstock plan show lists the lines"
        raise UsageError(f"the plan of {publication.as_of} has no line {shown(line_id)}; {meant}")
    return stories[line_id]


def diff(home: Home, first: str, second: str) -> "pd.DataFrame":
    """Lines that plan `second` adds, drops or changes against plan `first`, with their cause; plans by run id or business date.

    Raises `UsageError` with the plans there are for an unknown one.
    """
    from pipelines.planning.diff import diff_by_cause

    return diff_by_cause(*(_ground(_find_publication(home, name)) for name in (first, second)))


def _find_publication(home: Home, name: str) -> "Publication":
    """The publication of a run id, or the one that a business date ended with."""
    from pipelines.store.publication import list_publications

    found = list_publications(home.published)
    named = [one for one in found if name in (one.run_id, one.as_of.isoformat())]
    if not named:
        known = ", ".join(f"{one.as_of} ({one.run_id})" for one in found[-6:]) or "none; run evenstock run --as-of DATE"
        raise UsageError(f"no plan {shown(name)} is published; the latest are {known}")
    return named[-1]


def _ground(publication: "Publication") -> "PlanGround":
    import pandas as pd

    from pipelines.planning.diff import PlanGround

    places = pd.read_parquet(publication.path / "marts" / "fct_surplus_deficit.parquet")
    places = places.assign(stock_units=places["position_units"], daily_units=places["mean_daily_units"])
    problem = json.loads((publication.path / "problem.json").read_text(encoding="utf-8"))
    policy = str(publication.manifest.get("policy", ""))
    return PlanGround.of(read_published(publication, "plan_lines"), places, problem, policy)


def read_kpis(home: Home, run_id: str = "") -> "pd.DataFrame":
    """The network's KPIs of the publication, or of an earlier one: position, kpi, value, unit, null_reason, window_days, as_of."""
    import pandas as pd

    folder = home.published / run_id if run_id else read_publication(home).path
    frame = pd.read_parquet(folder / "marts" / "kpi_summary.parquet")
    return frame.sort_values("position", ignore_index=True)


def read_learned(home: Home, ledger_url: str = "") -> "pd.DataFrame":
    """What was learned so far, latest row per parameter and scope, the strongest evidence first."""
    from pipelines.store.ledger import open_ledger

    publication = read_publication(home)
    rows = open_ledger(home.root, ledger_url or None, read_only=True).feedback_at(publication.as_of + dt.timedelta(days=1))
    return rows.sort_values(["evidence_n", "scope", "parameter"], ascending=[False, True, True], ignore_index=True)


def read_published(publication: "Publication", name: str) -> "pd.DataFrame":
    """One Parquet file of a publication."""
    import pandas as pd

    with publication.reading() as folder:
        return pd.read_parquet(folder / f"{name}.parquet")
