"""Playing contenders in a small generated world: equal luck for all, nothing moved for those who look on, results kept as they come."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipelines.backtest import compare as comparing
from pipelines.backtest.compare import Wanted, compare, run
from pipelines.backtest.evening import forecast, foresee, look
from pipelines.backtest.play import dispatches, play
from pipelines.backtest.policies import CONTENDERS, contenders
from pipelines.backtest.worlds import Yardstick, start
from pipelines.domain.errors import InputRefused, UsageError
from pipelines.domain.policy import PlanningPolicy, Policy
from pipelines.forecasting.forecast import make_forecast

SMALL = Yardstick("generated", 3, 12, 3)
BOLD = Policy(planning=PlanningPolicy(gamma=1.0, eta=1.0))


@pytest.fixture(scope="module")
def twin():
    return start(SMALL, None)


def test_the_forecast_is_that_of_the_nightly_run(twin):
    weeks = BOLD.planning.horizon_weeks
    sold, share = twin.replenishment.evidence
    days, places, items = np.indices((twin.day, *twin.stock.shape))
    rows = pd.DataFrame(
        {
            "location_id": np.array(twin.demand.location_ids, dtype=object)[places.ravel()],
            "item_id": np.array(twin.demand.item_ids, dtype=object)[items.ravel()],
            "date": [twin.demand.date_of(int(day)) for day in days.ravel()],
            "qty_sold_units": sold[: twin.day].ravel(),
            "in_stock_share": share[: twin.day].ravel(),
        }
    )
    rows = rows[rows["in_stock_share"] >= 0].sample(frac=1.0, random_state=1)
    nightly = make_forecast(rows, twin.world.items.assign(abc_class="B"), look(twin, forecast(twin, 1)).as_of, BOLD, 0)
    wanted = nightly.weekly["mean_units"].to_numpy().reshape(-1, weeks)
    found = forecast(twin, weeks)
    np.testing.assert_allclose(found.weekly_units, wanted, rtol=1e-6, atol=1e-9)
    assert found.is_held.tolist() == nightly.backtest["is_tripped"].tolist()


def test_what_planning_sees_is_what_the_books_say(twin):
    evening = look(twin, forecast(twin, 4))
    row = {(r.item_id, r.location_id): r for r in evening.stock.itertuples()}
    for place, location in enumerate(twin.demand.location_ids):
        for item, name in enumerate(twin.demand.item_ids):
            assert row[name, location].on_hand_units == twin.stock.on_hand[place, item]
    due = evening.inbound.groupby(["item_id", "location_id"])["qty_units"].sum()
    ordered = twin.replenishment.on_order()
    assert due.sum() == ordered.sum()
    assert evening.stock["next_review_days"].between(1, 14).all()


def test_foresight_sees_the_weeks_to_come_and_believes_beyond_the_table(twin):
    believed = forecast(twin, SMALL.weeks + 2)
    known = foresee(twin, believed)
    coming = twin.demand.units[twin.day :].sum(axis=0)
    at = {key: n for n, key in enumerate(zip(*(look(twin, believed).keys[name] for name in ("location_id", "item_id")), strict=True))}
    for place, location in enumerate(twin.demand.location_ids):
        for item, name in enumerate(twin.demand.item_ids):
            assert known.weekly_units[at[location, name], : SMALL.weeks].sum() == coming[place, item]
    assert np.array_equal(known.weekly_units[:, SMALL.weeks :], believed.weekly_units[:, SMALL.weeks :])


def test_contenders_meet_the_same_world_and_leave_it_as_it_was(twin):
    before = twin.stock.on_hand.copy(), twin.day
    nothing = play(twin, CONTENDERS["none"], BOLD, SMALL.weeks)
    results = {name: play(twin, CONTENDERS[name], BOLD, SMALL.weeks).totals for name in ("evenstock", "foresight", "days_of_supply")}
    assert np.array_equal(twin.stock.on_hand, before[0]) and twin.day == before[1]
    assert {one["demand_units"] for one in (nothing.totals, *results.values())} == {nothing.totals["demand_units"]}
    assert nothing.totals["transfer_cost_usd"] == 0
    assert all(one["transfer_units"] > 0 for one in results.values())
    assert results["foresight"]["total_cost_usd"] < nothing.totals["total_cost_usd"]
    assert play(twin, CONTENDERS["evenstock"], BOLD, SMALL.weeks).totals == results["evenstock"]


def test_moves_leave_as_one_order_per_lane(twin):
    moves = CONTENDERS["days_of_supply"].decide(twin, BOLD)
    orders = dispatches(twin, moves)
    lanes = {order["origin"] + ">" + order["destination"] + ":" + order["mode"]: order for order in orders}
    assert sorted(lanes) == sorted(set(moves["lane_id"]))
    assert sum(line["units"] for order in orders for line in order["lines"]) == moves["units"].sum()
    played = twin.fork().play_day(orders)
    assert played.refused == ()


def wanted(*names: str) -> Wanted:
    return Wanted((SMALL,), names, BOLD, None, {"evenstock": "1"})


def test_results_are_kept_and_not_played_again(tmp_path, monkeypatch):
    told = []
    rows = run(wanted("none", "excess"), tmp_path, 1, lambda said, share: told.append(share))
    assert [row["contender"] for row in rows] == ["none", "excess"]
    assert told == [0.5, 1.0]
    monkeypatch.setattr(comparing, "start", None)  # nothing may be played
    assert run(wanted("excess", "none"), tmp_path, 1, lambda *_: None) == rows[::-1]
    next(tmp_path.iterdir()).write_text("{")
    with pytest.raises(InputRefused, match="not a result"):
        run(wanted("none", "excess"), tmp_path, 1, lambda *_: None)


def test_another_policy_or_version_is_another_result():
    first = wanted("none")
    keys = {first.key(SMALL, "none"), first.key(SMALL, "excess"), replace(first, policy=Policy()).key(SMALL, "none")}
    assert len(keys | {replace(first, versions={"evenstock": "2"}).key(SMALL, "none")}) == 4


def test_costs_are_compared_in_pairs():
    parts = dict.fromkeys(comparing.SHOWN, 0.0)
    rows = [
        {"world": "A", "sample": sample, "contender": name, "total_cost_usd": usd, **parts}
        for sample, costs in enumerate([(100.0, 90.0), (200.0, 220.0)])
        for name, usd in zip(("none", "plan"), costs, strict=True)
    ]
    found = {row["contender"]: row for row in compare(rows)}
    assert found["plan"]["cost_share"] == pytest.approx(1.0)
    assert found["plan"]["half_share"] == pytest.approx(12.7062047 * 0.1, rel=1e-6)  # shares 0.9 and 1.1, Student's t of one degree
    assert found["plan"]["won"] == 1
    assert found["none"]["cost_share"] == 1.0


def test_a_sample_without_its_base_is_not_compared():
    rows = [{"world": "A", "sample": 0, "contender": "plan", "total_cost_usd": 1.0, **dict.fromkeys(comparing.SHOWN, 0.0)}]
    assert compare(rows) == []


def test_unknown_names_and_missing_data_are_refused_with_the_remedy():
    with pytest.raises(UsageError, match="did you mean 'evenstock'"):
        contenders(["evenstok"])
    with pytest.raises(UsageError, match="not one of A, B, C, generated"):
        start(Yardstick("D", 0, 5, 1), None)
    with pytest.raises(InputRefused, match="EVENSTOCK_REAL_DATA"):
        start(Yardstick("A", 0, 5, 1), None)
