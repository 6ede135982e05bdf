"""Lead times per lane from transfers received and from transfers still on the road. Yields are in `yields.py`.

Open transfers are right-censored evidence: leaving them out would teach only the fast ones.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from pipelines.domain.frames import each_row
from pipelines.domain.policy import FeedbackPolicy
from pipelines.feedback.movement import Learned

# Receipts are booked by the day, so no lead time is known better than this, and a lane with no spread on paper may learn one.
SD_FLOOR_DAYS = 0.25
RATIO_PRIOR_SD = 0.3
RULE_LANE = "censored normal, shrunk to region and network"
RULE_POOLED = "censored normal of realised over listed lead time, shrunk"
NETWORK = "network"


@dataclass(frozen=True)
class Evidence:
    """Lead times in days that are over, and ages in days of those that are not, each with a weight (1 per transfer order)."""

    finished: tuple[float, ...] = ()
    finished_weights: tuple[float, ...] = ()
    open_ages: tuple[float, ...] = ()
    open_weights: tuple[float, ...] = ()

    @property
    def n(self) -> float:
        """Transfer orders behind the evidence, open ones included."""
        return float(sum(self.finished_weights) + sum(self.open_weights))


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation."""

    mean: float
    sd: float


def estimate_spread(evidence: Evidence, prior: Spread, prior_n: float, sd_floor: float = SD_FLOOR_DAYS) -> Spread:
    """Mean and sd of a normal lead time from finished and open transfers, shrunk with `prior_n` pseudo-observations.

    With finished x_i, weights w_i and prior (m0, s0):
    mean = (n0 m0 + sum w_i x_i) / (n0 + sum w_i), sd^2 = (n0 s0^2 + sum w_i (x_i - mean)^2) / (n0 + sum w_i).
    An open transfer of age a enters with its expected moments given L > a: E[L] = m + s h(z), E[(L-m)^2] = s^2 (1 + z h(z)),
    z = (a - m)/s, h = the normal hazard; iterated to a fixed point (EM). A young open transfer teaches next to nothing, one
    older than the mean pushes mean and sd up. Source: Schmee and Hahn, "A simple method for regression analysis with
    censored data", Technometrics 21 (1979), 417-432; Tobin (1958) for the likelihood.

    >>> evidence = Evidence((5, 5, 6, 6, 7, 7, 8, 8), (1,) * 8)
    >>> round(estimate_spread(evidence, Spread(4.0, 1.0), 20.0).mean, 6)  # (20 * 4 + 52) / 28
    4.714286
    """
    x, w = np.asarray(evidence.finished, dtype=float), np.asarray(evidence.finished_weights, dtype=float)
    ages, v = np.asarray(evidence.open_ages, dtype=float), np.asarray(evidence.open_weights, dtype=float)
    total = prior_n + w.sum() + v.sum()
    if total <= 0:
        return prior
    prior_sd = max(prior.sd, sd_floor)
    mean, sd = prior.mean, prior_sd
    for _ in range(1000):
        lift, square = _censored_moments(ages, mean, sd)
        new_mean = float((prior_n * prior.mean + (w * x).sum() + (v * (mean + lift)).sum()) / total)
        shift = mean - new_mean
        squares = (w * (x - new_mean) ** 2).sum() + (v * (square + 2 * shift * lift + shift**2)).sum()
        new_sd = max(float(math.sqrt((prior_n * prior_sd**2 + squares) / total)), sd_floor)
        change = abs(new_mean - mean) + abs(new_sd - sd)
        mean, sd = new_mean, new_sd
        if change < 1e-12 * (1.0 + mean):
            break
    return Spread(mean, sd)


def normal_hazard(z: float) -> float:
    """Density over survival of the standard normal, by its asymptote z + 1/z where the survival is too small to divide by.

    >>> round(normal_hazard(0.0), 6)  # sqrt(2 / pi)
    0.797885
    """
    if z > 25.0:
        return z + 1.0 / z
    survival = 0.5 * math.erfc(z / math.sqrt(2.0))
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) / survival


def gather_evidence(transfers: pd.DataFrame, lanes: pd.DataFrame, as_of: date, window_days: int) -> dict[str, Evidence]:
    """Evidence by lane id, from transfers shipped in the last `window_days` days and what was known of them at `as_of`.

    `transfers` are rows of fct_transfers. A receipt after `as_of` is not known yet: that transfer is still open. Lead times are
    whole calendar days from shipping to receipt without the lane's customs days, which the plan adds by itself. Lines of one
    transfer order share one weight, since one truck is one observation. Closed without a receipt is lost goods, no lead time.
    """
    frame = known_transfers(transfers, lanes, as_of, window_days)
    frame = frame[~((frame["state"] == "closed") & frame["received_day"].isna())]
    if frame.empty:
        return {}
    frame = frame.assign(weight=1.0 / frame.groupby(["lane_id", "transfer_id"])["line_id"].transform("size"))
    end = frame["received_day"].fillna(pd.Timestamp(as_of))
    customs = frame["lane_id"].map(lanes.set_index("lane_id")["customs_days"].fillna(0))
    frame = frame.assign(days=((end - frame["shipped_day"]).dt.days - customs).clip(lower=0).astype(float))
    found = {}
    for lane_id, rows in frame.sort_values(["lane_id", "line_id"]).groupby("lane_id", sort=True):
        done, waiting = rows[rows["received_day"].notna()], rows[rows["received_day"].isna()]
        found[str(lane_id)] = Evidence(tuple(done["days"]), tuple(done["weight"]), tuple(waiting["days"]), tuple(waiting["weight"]))
    return found


def known_transfers(transfers: pd.DataFrame, lanes: pd.DataFrame, as_of: date, window_days: int) -> pd.DataFrame:
    """Rows shipped within the window on known lanes, with `shipped_day` and `received_day` (null when later than `as_of`)."""
    shipped = pd.to_datetime(transfers["shipped_at"]).dt.normalize()
    received = pd.to_datetime(transfers["received_at"]).dt.normalize()
    today = pd.Timestamp(as_of)
    later = received > today
    frame = transfers.assign(
        shipped_day=shipped,
        received_day=received.where(~later),
        # A line that a later receipt closed was on the road at `as_of`.
        state=transfers["state"].where(~later, "shipped"),
    )
    is_known = shipped.notna() & (shipped <= today) & (shipped > today - timedelta(days=window_days))
    return frame[is_known & frame["lane_id"].isin(lanes["lane_id"]) & (frame["state"] != "cancelled")]


def learn_lead_times(
    evidence: Mapping[str, Evidence],
    lanes: pd.DataFrame,
    regions: Mapping[str, str],
    known: Mapping[tuple[str, str], float],
    policy: FeedbackPolicy,
) -> list[Learned]:
    """Lead time mean and sd per lane with evidence (or with an earlier row), and the pooled ratios of regions and network.

    `regions` maps lane id to its region scope. A lane is shrunk to listed mean x pooled ratio, where the ratio is the one
    already valid (`known`): within a run, one receipt moves its own lane and the pooled rows, and through them other lanes
    only from the next run on.
    """
    learned: list[Learned] = []
    for row in each_row(lanes.sort_values("lane_id")):
        scope = f"lane:{row.lane_id}"
        own = evidence.get(row.lane_id, Evidence())
        if own.n == 0 and ("lead_time_days_mean", scope) not in known:
            continue
        ratio = pooled_ratio(known, regions.get(row.lane_id))
        prior = Spread(float(row.lead_time_days_mean) * ratio, float(row.lead_time_days_sd))
        found = estimate_spread(own, prior, policy.lead_time_prior_n)
        detail = _detail(own, prior, policy)
        listed_sd = max(float(row.lead_time_days_sd), SD_FLOOR_DAYS)
        mean = Learned("lead_time_days_mean", scope, found.mean, own.n, RULE_LANE, float(row.lead_time_days_mean), detail)
        learned += [mean, Learned("lead_time_days_sd", scope, found.sd, own.n, RULE_LANE, listed_sd, detail)]
    return learned + _learn_ratios(evidence, lanes, regions, known, policy)


def pooled_ratio(known: Mapping[tuple[str, str], float], region: str | None) -> float:
    """Realised over listed lead time, of the region when it is known, else of the network, else 1."""
    network = known.get(("lead_time_ratio", NETWORK), 1.0)
    return network if region is None else known.get(("lead_time_ratio", region), network)


def _learn_ratios(
    evidence: Mapping[str, Evidence],
    lanes: pd.DataFrame,
    regions: Mapping[str, str],
    known: Mapping[tuple[str, str], float],
    policy: FeedbackPolicy,
) -> list[Learned]:
    listed = {row.lane_id: max(float(row.lead_time_days_mean), SD_FLOOR_DAYS) for row in each_row(lanes)}
    scopes: dict[str, list[Evidence]] = {}
    for lane_id in sorted(evidence):
        scaled = _scaled(evidence[lane_id], listed[lane_id])
        for scope in (NETWORK, regions.get(lane_id)):
            if scope is not None:
                scopes.setdefault(scope, []).append(scaled)
    for parameter, scope in known:
        if parameter == "lead_time_ratio":
            scopes.setdefault(scope, [])
    learned = []
    for scope, parts in sorted(scopes.items()):
        own = _joined(parts)
        prior = Spread(1.0 if scope == NETWORK else pooled_ratio(known, None), RATIO_PRIOR_SD)
        found = estimate_spread(own, prior, policy.lead_time_prior_n, sd_floor=0.05)
        learned.append(Learned("lead_time_ratio", scope, found.mean, own.n, RULE_POOLED, 1.0, _detail(own, prior, policy)))
    return learned


def _censored_moments(ages: np.ndarray, mean: float, sd: float) -> tuple[np.ndarray, np.ndarray]:
    """E[L - m | L > a] and E[(L - m)^2 | L > a] for each age."""
    z = (ages - mean) / sd
    hazard = np.array([normal_hazard(float(value)) for value in z])
    return sd * hazard, sd * sd * (1.0 + z * hazard)


def _scaled(evidence: Evidence, listed_days: float) -> Evidence:
    finished, ages = (tuple(x / listed_days for x in part) for part in (evidence.finished, evidence.open_ages))
    return Evidence(finished, evidence.finished_weights, ages, evidence.open_weights)


def _joined(parts: Iterable[Evidence]) -> Evidence:
    every = list(parts)
    return Evidence(
        tuple(x for part in every for x in part.finished),
        tuple(x for part in every for x in part.finished_weights),
        tuple(x for part in every for x in part.open_ages),
        tuple(x for part in every for x in part.open_weights),
    )


def _detail(evidence: Evidence, prior: Spread, policy: FeedbackPolicy) -> dict[str, float]:
    return {
        "finished": float(sum(evidence.finished_weights)),
        "open": float(sum(evidence.open_weights)),
        "prior_mean": prior.mean,
        "prior_sd": prior.sd,
        "prior_n": policy.lead_time_prior_n,
        "window_days": float(policy.window_days),
    }
