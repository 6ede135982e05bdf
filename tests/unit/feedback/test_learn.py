"""One run's learning end to end: only finished, known evidence; bounded steps; local effects; nothing new from repetition."""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.domain.policy import Policy
from pipelines.feedback.exposure import learn_exposure
from pipelines.feedback.learn import lane_parameters, learn
from pipelines.feedback.movement import FEEDBACK_COLUMNS, bound_step
from pipelines.feedback.yields import count_units, estimate_yield
from pipelines.store.ledger import open_ledger

AS_OF = date(2016, 4, 24)
NAMES = ("CA_1>TX_2:road", "CA_1>WI_3:road", "TX_2>CA_1:road")
LOCATIONS = pd.DataFrame({"location_id": ["CA_1", "TX_2", "WI_3"], "region": ["CA", "TX", None]})
LANES = pd.DataFrame(
    {
        "lane_id": NAMES,
        "origin": [name.split(">")[0] for name in NAMES],
        "destination": [name.split(">")[1].split(":")[0] for name in NAMES],
        "lead_time_days_mean": [4.0, 5.0, 4.0],
        "lead_time_days_sd": [1.0, 1.0, 0.0],
        "customs_days": 0,
    }
)
EMPTY = pd.DataFrame(columns=list(FEEDBACK_COLUMNS))
STOCK = pd.DataFrame(
    {"location_id": ["CA_1", "CA_1", "TX_2"], "item_id": ["I", "J", "I"], "date": AS_OF, "in_stock_share": [1.0, 0.5, 0.25]}
)


def transfers(*rows: tuple[str, int, int | None, int, float]) -> pd.DataFrame:
    """(lane, shipped days ago, lead days or None while open, units shipped, units good)."""
    frame = []
    for number, (lane, ago, lead, units, good) in enumerate(rows):
        shipped = pd.Timestamp(AS_OF) - pd.Timedelta(days=ago) + pd.Timedelta(hours=21)
        arrived = pd.NaT if lead is None else (shipped + pd.Timedelta(days=lead)).normalize() + pd.Timedelta(hours=6)
        own = {"line_id": f"L{number}", "transfer_id": f"T{number}", "lane_id": lane, "shipped_at": shipped, "received_at": arrived}
        counts = {"qty_shipped": units, "qty_received": np.nan if lead is None else good}
        frame.append(own | counts | {"state": "shipped" if lead is None else "received"})
    return pd.DataFrame(frame)


HISTORY = (
    (NAMES[0], 30, 6, 100, 90.0),
    (NAMES[0], 20, 6, 100, 100.0),
    (NAMES[1], 30, 5, 50, 50.0),
    (NAMES[2], 12, 3, 80, 76.0),
    (NAMES[2], 1, None, 40, 0.0),
)


def run(rows: pd.DataFrame, previous: pd.DataFrame = EMPTY, as_of: date = AS_OF, stock: pd.DataFrame = STOCK) -> pd.DataFrame:
    return learn(rows, LANES, LOCATIONS, stock, previous, as_of, Policy(), "run1")


def values(rows: pd.DataFrame) -> dict[tuple[str, str], float]:
    return {(row.parameter, row.scope): row.new_value for row in rows.itertuples()}


def test_rows_by_hand() -> None:
    rows = run(transfers(*HISTORY))
    assert list(rows.columns) == list(FEEDBACK_COLUMNS)
    found = values(rows)
    lane = f"lane:{NAMES[0]}"
    assert found[("lead_time_days_mean", lane)] == pytest.approx((20 * 4 + 12) / 22)
    assert found[("yield_share", lane)] == pytest.approx((200 + 190) / 400)
    assert found[("yield_share", "network")] == pytest.approx((200 + 90 + 100 + 50 + 76) / 530)
    assert found[("exposure_share", "location:CA_1")] == 0.75
    row = rows[(rows["parameter"] == "lead_time_days_mean") & (rows["scope"] == lane)].iloc[0]
    assert (row["old_value"], row["evidence_n"], row["as_of"], row["valid_from"]) == (4.0, 2.0, AS_OF, AS_OF + timedelta(days=1))
    assert json.loads(row["detail"])["prior_mean"] == 4.0


def test_a_lane_that_keeps_its_promise_gets_no_row() -> None:
    found = values(run(transfers((NAMES[1], 30, 5, 50, 50.0))))
    assert ("lead_time_days_mean", f"lane:{NAMES[1]}") not in found
    assert ("yield_share", f"lane:{NAMES[1]}") not in found


def test_one_receipt_moves_only_its_lane_and_the_pooled_scopes() -> None:
    later = list(HISTORY)
    later[1] = (NAMES[0], 20, 7, 100, 99.0)
    before, after = values(run(transfers(*HISTORY))), values(run(transfers(*later)))
    moved = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert moved == {
        ("lead_time_days_mean", f"lane:{NAMES[0]}"),
        ("lead_time_days_sd", f"lane:{NAMES[0]}"),
        ("yield_share", f"lane:{NAMES[0]}"),
        ("lead_time_ratio", "network"),
        ("lead_time_ratio", "region:CA>TX"),
        ("yield_share", "network"),
    }


def test_a_single_receipt_a_day_later_changes_a_parameter_even_among_many() -> None:
    many = [(NAMES[0], 10 + n % 90, 4, 10, 10.0) for n in range(2000)]
    before = run(transfers(*many, (NAMES[0], 20, 6, 10, 10.0)))
    after = run(transfers(*many, (NAMES[0], 20, 7, 10, 10.0)))
    key = ("lead_time_days_mean", f"lane:{NAMES[0]}")
    assert values(after)[key] > values(before)[key]


def test_the_order_of_rows_is_no_evidence() -> None:
    frame = transfers(*HISTORY)
    shuffled = frame.sample(frac=1.0, random_state=3).reset_index(drop=True)
    pd.testing.assert_frame_equal(run(frame), run(shuffled, stock=STOCK.iloc[::-1]))


def test_receipts_after_as_of_do_not_exist_yet() -> None:
    frame = transfers(*HISTORY, (NAMES[1], 3, 9, 50, 10.0))
    still_open = transfers(*HISTORY, (NAMES[1], 3, None, 50, 0.0))
    pd.testing.assert_frame_equal(run(frame), run(still_open))


def test_steps_are_bounded_and_converge_over_runs() -> None:
    slow = transfers(*[(NAMES[0], 40 + n % 30, 30, 10, 1.0) for n in range(400)])
    key, previous, seen = ("lead_time_days_mean", f"lane:{NAMES[0]}"), EMPTY, []
    for night in range(12):
        rows = run(slow, previous, AS_OF + timedelta(days=night))
        both = pd.concat([previous, rows]).drop_duplicates(["parameter", "scope"], keep="last")
        for row in rows.itertuples():
            if row.old_value is not None and row.old_value == row.old_value:
                assert row.old_value / 2 - 1e-12 <= row.new_value <= row.old_value * 2 + 1e-12
        previous = both.reset_index(drop=True)
        seen.append(values(previous)[key])
    assert seen[:2] == [8.0, 16.0]
    assert 27.0 < seen[-1] < 31.0
    assert seen[-1] == pytest.approx(seen[-2], rel=1e-3)


def test_a_lane_without_new_evidence_returns_to_its_prior() -> None:
    rows = run(transfers(*HISTORY))
    is_lane = (rows["scope"] == f"lane:{NAMES[0]}") & (rows["parameter"] == "lead_time_days_mean")
    rows.loc[is_lane, "new_value"] = 6.0
    much_later = AS_OF + timedelta(days=200)
    found = values(run(transfers(*HISTORY), rows, much_later))
    ratio = values(rows)[("lead_time_ratio", "region:CA>TX")]
    assert found[("lead_time_days_mean", f"lane:{NAMES[0]}")] == pytest.approx(4.0 * ratio)
    assert found[("lead_time_ratio", "network")] == pytest.approx(1.0)


def test_learning_from_what_is_already_learned_is_a_fixed_point() -> None:
    previous = EMPTY
    for _ in range(80):
        rows = run(transfers(*HISTORY), previous)
        if not len(rows):
            break
        previous = pd.concat([previous, rows]).drop_duplicates(["parameter", "scope"], keep="last").reset_index(drop=True)
    assert len(rows) == 0


def test_through_the_ledger_a_repeated_day_adds_nothing_and_shows_the_next_day(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    frame = transfers(*HISTORY)
    for expected in (True, False):
        rows = run(frame, ledger.feedback_at(AS_OF))
        assert (ledger.append_feedback(rows, AS_OF) > 0) is expected
    assert len(ledger.feedback_at(AS_OF)) == 0
    learned = lane_parameters(LANES, ledger.feedback_at(AS_OF + timedelta(days=1)), LOCATIONS)
    pd.testing.assert_frame_equal(learned, lane_parameters(LANES, rows, LOCATIONS))


def test_lane_parameters_prefer_own_rows_then_pooled_then_listed() -> None:
    listed = lane_parameters(LANES.iloc[::-1], EMPTY)
    assert listed["lane_id"].tolist() == sorted(NAMES)
    assert listed["lead_time_days_mean"].tolist() == [4.0, 5.0, 4.0]
    assert listed["yield_share"].tolist() == [1.0] * 3
    assert listed["evidence_n"].tolist() == [0.0] * 3
    rows = run(transfers((NAMES[0], 30, 6, 100, 90.0)))
    learned = lane_parameters(LANES, rows, LOCATIONS).set_index("lane_id")
    assert learned.loc[NAMES[0], "lead_time_days_mean"] == pytest.approx((80 + 6) / 21)
    assert learned.loc[NAMES[0], "evidence_n"] == 1.0
    # A lane without evidence of its own follows the network: (20 + 6/4) / 21 of its listed five days.
    assert learned.loc[NAMES[1], "lead_time_days_mean"] == pytest.approx(5.0 * 21.5 / 21)
    assert learned.loc[NAMES[1], "yield_share"] == pytest.approx(290 / 300)


def test_nothing_happened_teaches_nothing_about_lanes() -> None:
    rows = run(transfers(*HISTORY).iloc[:0])
    assert set(rows["parameter"]) == {"exposure_share"}


def test_surplus_does_not_make_up_for_losses_and_lost_lines_count() -> None:
    frame = transfers((NAMES[0], 30, 4, 10, 14.0), (NAMES[0], 20, 4, 10, 4.0), (NAMES[0], 15, None, 10, 0.0))
    frame.loc[2, "state"] = "closed"
    counts = count_units(frame, LANES, AS_OF, 112).iloc[0]
    assert (counts["good_units"], counts["shipped_units"]) == (14.0, 30.0)


@pytest.mark.parametrize(("good", "shipped", "expected"), [(0, 0, 1.0), (90, 100, 290 / 300), (0, 200, 0.5)])
def test_yield_by_hand(good: float, shipped: float, expected: float) -> None:
    assert estimate_yield(good, shipped, 1.0, 200.0) == pytest.approx(expected)


def test_exposure_of_raw_rows_and_of_daily_averages_agree() -> None:
    luck = np.random.default_rng(5)
    days = pd.date_range("2016-03-01", "2016-04-30").date
    raw = pd.DataFrame([("CA_1", f"I{n}", day, luck.random()) for day in days for n in range(4)], columns=STOCK.columns[[0, 1, 2, 3]])
    daily = raw.groupby(["location_id", "date"], as_index=False).agg(in_stock_share=("in_stock_share", "mean"), pairs=("item_id", "size"))
    first, second = learn_exposure(raw, AS_OF, 28)[0], learn_exposure(daily, AS_OF, 28)[0]
    assert first.evidence_n == second.evidence_n == 28 * 4
    assert first.estimate == pytest.approx(second.estimate, rel=1e-12)


def test_exposure_leaves_out_what_is_unknown() -> None:
    stock = pd.concat([STOCK, STOCK.assign(in_stock_share=np.nan, location_id="WI_3")])
    assert [x.scope for x in learn_exposure(stock, AS_OF, 28)] == ["location:CA_1", "location:TX_2"]


@pytest.mark.parametrize(("old", "new", "expected"), [(4.0, 100.0, 8.0), (4.0, 0.1, 2.0), (4.0, 5.0, 5.0)])
def test_bounded_step(old: float, new: float, expected: float) -> None:
    assert bound_step(old, new, 2.0) == expected
