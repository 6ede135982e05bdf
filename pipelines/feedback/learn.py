"""One run's learning: evidence in, rows for the feedback ledger out; and learned rows back into parameters of a plan.

Nothing is stored here; the estimators are in the modules beside.
"""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from pipelines.domain.frames import each_row
from pipelines.domain.policy import Policy
from pipelines.feedback.exposure import learn_exposure
from pipelines.feedback.lead_times import gather_evidence, learn_lead_times, pooled_ratio
from pipelines.feedback.movement import feedback_rows, read_values
from pipelines.feedback.yields import count_units, learn_yields

LANE_PARAMETER_COLUMNS = ("lane_id", "lead_time_days_mean", "lead_time_days_sd", "yield_share", "evidence_n")


def learn(
    transfers: pd.DataFrame,
    lanes: pd.DataFrame,
    locations: pd.DataFrame,
    stock_daily: pd.DataFrame,
    previous: pd.DataFrame,
    as_of: date,
    policy: Policy,
    run_id: str,
) -> pd.DataFrame:
    """Every parameter that moves on what is known at `as_of`, as rows of the feedback ledger valid from the next day.

    `transfers`: fct_transfers; `lanes`: dim_lane; `locations`: dim_location; `stock_daily`: fct_stock_daily or its average by
    location and day; `previous`: the rows valid at `as_of`. Only receipts up to `as_of` count. Each number moves by at most
    x0.5 to x2 per run, and moves below a relative 1e-6 are not written. The same call gives the same rows.
    """
    settings = policy.feedback
    known = read_values(previous)
    evidence = gather_evidence(transfers, lanes, as_of, settings.window_days)
    learned = learn_lead_times(evidence, lanes, region_scopes(lanes, locations), known, settings)
    learned += learn_yields(count_units(transfers, lanes, as_of, settings.window_days), known, settings)
    learned += learn_exposure(stock_daily, as_of, settings.window_days)
    return feedback_rows(learned, known, as_of, run_id, settings.max_step_ratio)


def lane_parameters(lanes: pd.DataFrame, feedback: pd.DataFrame, locations: pd.DataFrame | None = None) -> pd.DataFrame:
    """lane_id, lead_time_days_mean, lead_time_days_sd (days, without customs), yield_share, evidence_n (transfer orders) per lane.

    A lane's own row wins; a lane without one has its listed lead time times the pooled ratio of its region (when `locations`
    are given) or of the network, its listed sd, and the network's yield. Ordered by lane id.
    """
    known = read_values(feedback)
    counts = {} if not len(feedback) else {(row.parameter, row.scope): float(row.evidence_n) for row in each_row(feedback)}
    regions = {} if locations is None else region_scopes(lanes, locations)
    rows = []
    for row in each_row(lanes.sort_values("lane_id")):
        scope = f"lane:{row.lane_id}"
        listed = float(row.lead_time_days_mean) * pooled_ratio(known, regions.get(row.lane_id))
        mean = known.get(("lead_time_days_mean", scope), listed)
        sd = known.get(("lead_time_days_sd", scope), float(row.lead_time_days_sd))
        share = known.get(("yield_share", scope), known.get(("yield_share", "network"), 1.0))
        rows.append((row.lane_id, mean, sd, share, counts.get(("lead_time_days_mean", scope), 0.0)))
    return pd.DataFrame(rows, columns=list(LANE_PARAMETER_COLUMNS))


def region_scopes(lanes: pd.DataFrame, locations: pd.DataFrame) -> Mapping[str, str]:
    """Lane id to the scope of its pair of regions; lanes at a location without a region have none.

    >>> lanes = pd.DataFrame({"lane_id": ["A>B:road"], "origin": ["A"], "destination": ["B"]})
    >>> region_scopes(lanes, pd.DataFrame({"location_id": ["A", "B"], "region": ["CA", "TX"]}))
    {'A>B:road': 'region:CA>TX'}
    """
    region = {row.location_id: row.region for row in each_row(locations) if isinstance(row.region, str) and row.region}
    return {
        row.lane_id: f"region:{region[row.origin]}>{region[row.destination]}"
        for row in each_row(lanes.sort_values("lane_id"))
        if row.origin in region and row.destination in region
    }
