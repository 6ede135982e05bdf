"""Lead times learned from finished and open transfers: hand-computed shrinkage, censoring that pushes up, published hazards."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from pipelines.domain.policy import FeedbackPolicy
from pipelines.feedback.lead_times import Evidence, Spread, estimate_spread, gather_evidence, learn_lead_times, normal_hazard

AS_OF = date(2016, 4, 24)
PRIOR = Spread(4.0, 1.0)
EIGHT = Evidence((5, 5, 6, 6, 7, 7, 8, 8), (1.0,) * 8)


def with_open(*ages: float) -> Evidence:
    return Evidence(EIGHT.finished, EIGHT.finished_weights, ages, (1.0,) * len(ages))


def lanes(*names: str, mean: float = 4.0, sd: float = 1.0, customs: int = 0) -> pd.DataFrame:
    ends = [name.split(":")[0].split(">") for name in names]
    return pd.DataFrame(
        {
            "lane_id": list(names),
            "origin": [pair[0] for pair in ends],
            "destination": [pair[1] for pair in ends],
            "lead_time_days_mean": mean,
            "lead_time_days_sd": sd,
            "customs_days": customs,
        }
    )


def transfer(
    line_id: str,
    shipped: str,
    received: str | None,
    transfer_id: str | None = None,
    lane: str = "A>B:road",
    state: str | None = None,
    units: tuple[int, float] = (10, 10),
) -> dict[str, object]:
    return {
        "line_id": line_id,
        "transfer_id": transfer_id or f"T{line_id}",
        "lane_id": lane,
        "shipped_at": pd.Timestamp(f"{shipped}T21:00:00"),
        "received_at": pd.NaT if received is None else pd.Timestamp(f"{received}T06:00:00"),
        "qty_shipped": units[0],
        "qty_received": units[1] if received else np.nan,
        "state": state or ("shipped" if received is None else "received"),
    }


def test_shrinkage_by_hand() -> None:
    found = estimate_spread(EIGHT, PRIOR, 20.0)
    mean = (20 * 4 + 52) / 28
    squares = sum((x - mean) ** 2 for x in EIGHT.finished)
    assert found.mean == pytest.approx(mean, rel=1e-12)
    assert found.sd == pytest.approx(((20 * 1.0 + squares) / 28) ** 0.5, rel=1e-12)


def test_without_a_prior_it_is_the_sample_mean_and_without_evidence_the_prior() -> None:
    assert estimate_spread(EIGHT, PRIOR, 0.0).mean == pytest.approx(6.5)
    assert estimate_spread(Evidence(), PRIOR, 20.0) == PRIOR


def test_evidence_wins_as_it_grows() -> None:
    means = [estimate_spread(Evidence((8.0,) * n, (1.0,) * n), PRIOR, 20.0).mean for n in (0, 1, 20, 2000)]
    assert means == sorted(means)
    assert means[2] == pytest.approx(6.0)
    assert means[3] > 7.9


@pytest.mark.parametrize("age", [6.6, 9.0, 30.0, 110.0])
def test_an_open_transfer_older_than_the_mean_pushes_mean_and_spread_up(age: float) -> None:
    base, pushed = estimate_spread(EIGHT, PRIOR, 20.0), estimate_spread(with_open(age), PRIOR, 20.0)
    assert pushed.mean > base.mean
    assert pushed.sd > base.sd or age < 8
    assert estimate_spread(with_open(age + 1), PRIOR, 20.0).mean > pushed.mean


def test_a_transfer_that_only_just_left_teaches_next_to_nothing() -> None:
    base = estimate_spread(EIGHT, PRIOR, 20.0)
    assert estimate_spread(with_open(0.0), PRIOR, 20.0).mean == pytest.approx(base.mean, abs=0.01)


def test_leaving_out_open_transfers_would_teach_too_short_lead_times() -> None:
    luck = np.random.default_rng(7)
    true = luck.normal(8.0, 2.0, 4000)
    age = luck.uniform(0.0, 12.0, 4000)
    done = true <= age
    finished = tuple(true[done])
    evidence = Evidence(finished, (1.0,) * len(finished), tuple(age[~done]), (1.0,) * int((~done).sum()))
    found = estimate_spread(evidence, Spread(8.0, 2.0), 0.0)
    assert np.mean(finished) < 7.2
    assert found.mean == pytest.approx(8.0, abs=0.15)
    assert found.sd == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize(("z", "hazard"), [(0.0, 0.7978846), (1.0, 1.5251353), (2.0, 2.3732155), (3.0, 3.2830987), (-2.0, 0.0552479)])
def test_hazard_against_tabled_values(z: float, hazard: float) -> None:
    assert normal_hazard(z) == pytest.approx(hazard, abs=1e-6)


def test_hazard_is_smooth_where_it_changes_its_formula() -> None:
    assert normal_hazard(25.0 + 1e-9) == pytest.approx(normal_hazard(25.0 - 1e-9), rel=1e-5)
    assert normal_hazard(1e6) == pytest.approx(1e6)


def test_evidence_counts_whole_days_one_truck_once_and_customs_apart() -> None:
    rows = [
        transfer("L1", "2016-04-10", "2016-04-15", "T1"),
        transfer("L2", "2016-04-10", "2016-04-15", "T1"),
        transfer("L3", "2016-04-12", "2016-04-18", "T2"),
        transfer("L4", "2016-04-20", None, "T3"),
    ]
    found = gather_evidence(pd.DataFrame(rows), lanes("A>B:road", customs=2), AS_OF, 112)["A>B:road"]
    assert found == Evidence((3.0, 3.0, 4.0), (0.5, 0.5, 1.0), (2.0,), (1.0,))
    assert found.n == 3.0


def test_a_receipt_after_as_of_is_not_known_yet() -> None:
    rows = [transfer("L1", "2016-04-20", "2016-04-25", state="closed"), transfer("L2", "2016-04-20", "2016-04-24")]
    found = gather_evidence(pd.DataFrame(rows), lanes("A>B:road"), AS_OF, 112)["A>B:road"]
    assert (found.finished, found.open_ages) == ((4.0,), (4.0,))


def test_what_is_outside_the_window_cancelled_lost_unknown_or_not_shipped_is_left_out() -> None:
    unshipped = transfer("L5", "2016-04-20", None)
    unshipped["shipped_at"] = pd.NaT
    rows = [
        transfer("L1", "2016-01-03", "2016-01-08"),
        transfer("L2", "2016-04-20", None, state="cancelled"),
        transfer("L3", "2016-04-20", None, state="closed"),
        transfer("L4", "2016-04-20", "2016-04-22", lane="A>Z:road"),
        unshipped,
        transfer("L6", "2016-04-25", None),
    ]
    assert gather_evidence(pd.DataFrame(rows), lanes("A>B:road"), AS_OF, 112) == {}
    assert gather_evidence(pd.DataFrame(rows), lanes("A>B:road"), AS_OF, 113)["A>B:road"].finished == (5.0,)


def test_pooled_ratios_already_known_move_the_prior_of_a_lane() -> None:
    known = {("lead_time_ratio", "network"): 1.5, ("lead_time_ratio", "region:CA>TX"): 2.0}
    policy, regions = FeedbackPolicy(), {"A>B:road": "region:CA>TX"}
    for scopes, expected in ((regions, 8.0), ({}, 6.0)):
        learned = learn_lead_times({"A>B:road": Evidence((10.0,), (1.0,))}, lanes("A>B:road"), scopes, known, policy)
        mean = next(x for x in learned if (x.parameter, x.scope) == ("lead_time_days_mean", "lane:A>B:road"))
        assert mean.estimate == pytest.approx((20 * expected + 10) / 21)


def test_pooled_ratios_by_hand() -> None:
    evidence = {"A>B:road": Evidence((8.0, 8.0), (1.0, 1.0)), "A>C:road": Evidence((4.0,), (1.0,))}
    learned = learn_lead_times(evidence, lanes("A>B:road", "A>C:road"), {"A>B:road": "region:CA>TX"}, {}, FeedbackPolicy())
    ratios = {x.scope: x.estimate for x in learned if x.parameter == "lead_time_ratio"}
    assert ratios["network"] == pytest.approx((20 + 2 + 2 + 1) / 23)
    assert ratios["region:CA>TX"] == pytest.approx((20 + 2 + 2) / 22)
