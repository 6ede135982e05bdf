"""What the rows of a first load are held against: its own earlier days, as far as they tell of the newest."""

import datetime

import pandas as pd
import pytest

from pipelines.extracts.contracts.contract import load_contract
from quality.habits import history
from quality.habits.history import History, set_scene

DAY = datetime.date(2026, 1, 5)


@pytest.fixture
def movements() -> pd.DataFrame:
    """Ten rows of each of the six days up to `DAY`."""
    days = [pd.Timestamp(DAY) - pd.Timedelta(days=n % 6, hours=-9) for n in range(60)]
    return pd.DataFrame(
        {
            "event_id": [f"E{n}" for n in range(60)], "at": days, "location_id": "CA_1", "item_id": "I1",
            "lot_id": None, "type": "sale", "qty_units": -1, "reference": None,
        }
    )  # fmt: skip


@pytest.mark.parametrize(("most", "days"), [(200_000, 5), (30, 3), (39, 3), (1, 1)])
def test_a_first_load_is_held_against_its_newest_days(movements, monkeypatch, most, days):
    monkeypatch.setattr(history, "MAX_PAST_ROWS", most)
    scene = set_scene(load_contract("wms_movements"), movements, History(), DAY)
    assert scene.rows["at"].dt.date.unique().tolist() == [DAY]
    known = sorted(scene.history.recent["at"].dt.date.unique())
    assert known == [DAY - datetime.timedelta(days=n) for n in range(days, 0, -1)]
    assert len(scene.history.recent) == 10 * days


@pytest.mark.parametrize("extra", [None, "2062-01-04", "2026-01-05", "2026-01-02"])
def test_a_snapshot_is_held_against_the_newest_day_before(extra):
    """A row of another day, of a mistyped year above all, does not stand for the whole file before."""

    def stock(day):
        rows = {"date": pd.Timestamp(day), "location_id": "CA_1", "item_id": [f"I{n}" for n in range(5)], "lot_id": None}
        return pd.DataFrame(rows | {"on_hand": 9, "reserved": 0, "blocked": 0, "expiry_date": pd.NaT})

    before = pd.concat([stock(DAY - datetime.timedelta(days=1)), *([stock(extra)[:1]] if extra else [])], ignore_index=True)
    scene = set_scene(load_contract("wms_stock"), stock(DAY), History(before=before), DAY)
    assert (scene.match >= 0).sum() == 5


def test_a_first_load_of_one_day_has_no_past(movements):
    scene = set_scene(load_contract("wms_movements"), movements[movements["at"].dt.date == DAY], History(), DAY)
    assert len(scene.rows) == 10
    assert scene.history.recent.empty
