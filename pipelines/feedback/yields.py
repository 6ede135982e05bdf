"""Yield of lanes: the share of shipped units that arrives good. Lead times are in `lead_times.py`."""

from collections.abc import Mapping
from datetime import date

import pandas as pd

from pipelines.domain.policy import FeedbackPolicy
from pipelines.feedback.lead_times import NETWORK, known_transfers
from pipelines.feedback.movement import Learned

RULE = "beta, shrunk to network"


def estimate_yield(good_units: float, shipped_units: float, prior_share: float, prior_units: float) -> float:
    """Posterior mean of a beta yield: (n0 y0 + good) / (n0 + shipped).

    Source: Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.4 (beta prior with n0 pseudo-units).

    >>> estimate_yield(90, 100, 1.0, 200.0)  # 290 / 300
    0.9666666666666667
    """
    total = prior_units + shipped_units
    return prior_share if total <= 0 else (prior_units * prior_share + good_units) / total


def count_units(transfers: pd.DataFrame, lanes: pd.DataFrame, as_of: date, window_days: int) -> pd.DataFrame:
    """good_units and shipped_units by lane_id, of transfers shipped in the window and finished by `as_of`.

    Good units beyond what was shipped are a counting surplus and do not make up for losses elsewhere. A line closed without
    any receipt is lost whole.
    """
    frame = known_transfers(transfers, lanes, as_of, window_days)
    is_finished = frame["state"].isin(["received", "closed"])
    frame = frame[is_finished & (frame["received_day"].notna() | (frame["state"] == "closed"))]
    shipped = frame["qty_shipped"].fillna(0).astype(float)
    good = frame["qty_received"].fillna(0).astype(float).clip(lower=0.0)
    counted = frame.assign(shipped_units=shipped, good_units=good.where(good <= shipped, shipped))
    return counted.groupby("lane_id", sort=True)[["good_units", "shipped_units"]].sum().reset_index()


def learn_yields(counts: pd.DataFrame, known: Mapping[tuple[str, str], float], policy: FeedbackPolicy) -> list[Learned]:
    """Yield per lane with evidence (or with an earlier row) and of the network.

    A lane is shrunk to the network's yield that is already valid (`known`), the network to 1.
    """
    good = dict(zip(counts["lane_id"], counts["good_units"], strict=True))
    shipped = dict(zip(counts["lane_id"], counts["shipped_units"], strict=True))
    network_prior = known.get(("yield_share", NETWORK), 1.0)
    lanes = {lane_id for lane_id in shipped if shipped[lane_id] > 0}
    lanes |= {scope.removeprefix("lane:") for name, scope in known if name == "yield_share" and scope.startswith("lane:")}
    learned = [_learned(f"lane:{x}", good.get(x, 0.0), shipped.get(x, 0.0), network_prior, policy) for x in sorted(lanes)]
    if lanes:
        learned.append(_learned(NETWORK, sum(good.values()), sum(shipped.values()), 1.0, policy))
    return learned


def _learned(scope: str, good: float, shipped: float, prior: float, policy: FeedbackPolicy) -> Learned:
    share = min(1.0, estimate_yield(good, shipped, prior, policy.yield_prior_units))
    detail = {"good_units": good, "shipped_units": shipped, "prior_share": prior, "prior_units": policy.yield_prior_units}
    return Learned("yield_share", scope, share, shipped, RULE, 1.0, detail)
