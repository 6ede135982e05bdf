"""M5 worlds: real demand and prices, simulated everything else, as the yardstick says."""

import datetime as dt

import numpy as np
import pytest

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.twin import m5
from pipelines.twin.demand import read_m5_demand
from pipelines.twin.metrics import summarise
from pipelines.twin.simulate import Twin
from pipelines.twin.world import build_m5_world


@pytest.fixture(scope="module")
def demand(real_data):
    return read_m5_demand(real_data, items=12, days=28, warmup_days=56, seed=0)


def test_missing_data_is_refused_naming_where_to_get_it(tmp_path):
    with pytest.raises(
        InputRefused, match=r"units_daily\.parquet: not found; set EVENSTOCK_REAL_DATA .* github\.com/functime-org/functime"
    ) as refusal:
        read_m5_demand(tmp_path, 5, 28, 28, 0)
    assert refusal.value.exit_code == 3


def test_more_days_than_the_data_has_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="M5 covers 413 days from 2015-03-04"):
        read_m5_demand(tmp_path, 5, 400, 84, 0)


def test_seeds_take_disjoint_samples():
    eligible = [f"I{n:02d}" for n in range(25)]
    samples = [m5.choose_items(eligible, 6, seed) for seed in range(5)]
    assert len({item for sample in samples[:4] for item in sample}) == 24
    assert samples[4] not in samples[:4] and m5.choose_items(eligible, 6, 2) == samples[2]
    with pytest.raises(UsageError, match="26 items asked for; 25"):
        m5.choose_items(eligible, 26, 0)


def test_the_published_number_of_items_is_sold_everywhere(real_data):
    assert len(m5.eligible_items(real_data / "m5/units_daily.parquet")) == 1637


def test_demand_is_that_of_ten_stores(real_data, demand):
    import pyarrow.parquet as pq

    assert demand.units.shape == (84, 10, 12) and demand.start == dt.date(2015, 3, 4)
    assert demand.location_ids == ("CA_1", "CA_2", "CA_3", "CA_4", "TX_1", "TX_2", "TX_3", "WI_1", "WI_2", "WI_3")
    last = demand.date_of(83)
    filters = [("item_id", "=", demand.item_ids[3]), ("store_id", "=", "TX_2"), ("date", ">=", demand.start), ("date", "<=", last)]
    rows = pq.read_table(real_data / "m5/units_daily.parquet", columns=["units"], filters=filters)
    assert sum(rows["units"].to_pylist()) == int(demand.units[:, 5, 3].sum()) > 0


def test_holidays_of_the_calendar_are_told_for_every_store(real_data, demand):
    world = build_m5_world(demand, real_data, "A", seed=0)
    first, last = demand.start, demand.date_of(83)
    assert {(event.kind, event.scope) for event in world.events} == {("holiday", "location")}
    assert all(first <= event.first == event.last <= last for event in world.events)
    for holiday in (dt.date(2015, 4, 5), dt.date(2015, 5, 25)):  # Easter, Memorial Day
        assert [event.scope_id for event in world.events if event.first == holiday] == list(demand.location_ids)


def test_world_a_has_the_yardsticks_numbers(real_data, demand):
    world = build_m5_world(demand, real_data, "A", seed=0)
    lanes = world.lanes.set_index(["origin", "destination"])
    assert len(lanes) == 90
    home = lanes.loc[("CA_1", "CA_2")]
    assert (home["truck_cost_usd"], home["cost_usd_per_unit"], home["line_cost_usd"], home["lead_time_days_mean"]) == (
        15.0,
        0.06,
        0.25,
        7.0,
    )
    away = lanes.loc[("CA_1", "TX_2")]
    km = (away["truck_cost_usd"] - 15) / 0.04
    assert (
        2000 < km < 2200 and away["cost_usd_per_unit"] == pytest.approx(0.06 + 0.00008 * km, abs=1e-4) and away["lead_time_days_mean"] == 14
    )
    assert home["pallet_kg"] * home["pallets_per_truck"] / world.items["weight_kg"].iloc[0] == 2500
    assert np.allclose(world.unit_margin_usd, 0.35 * world.items["unit_price_usd"], atol=1e-3)
    assert set(world.items["units_per_pack"]) == {1, 6} and set(world.items["supplier_lead_time_days"]) <= {14, 21, 28}
    assert (world.parameters.opening_split_noise, world.parameters.service_z, world.parameters.holding_rate_per_year) == (0.6, 0.8, 0.25)


def test_variants_differ_as_the_yardstick_says(real_data, demand):
    b, c = (build_m5_world(demand, real_data, variant) for variant in "BC")
    assert (b.parameters.opening_split_noise, b.parameters.po_short_share) == (0.3, 0.25)
    assert (c.parameters.service_z, c.parameters.po_short_share) == (1.3, 0.10)
    assert set(c.items["supplier_lead_time_days"]) <= {21, 28} and set(c.items["review_period_days"]) == {28}
    with pytest.raises(UsageError, match="choose one of A, B, C"):
        build_m5_world(demand, real_data, "D")


def test_world_a_runs_and_loses_a_plausible_share(real_data, demand):
    twin = Twin(build_m5_world(demand, real_data, "A"), demand, 0)
    twin.warm_up(84)
    assert 0.75 < summarise(twin, demand.date_of(56), demand.date_of(83))["fill_rate"] < 0.98
