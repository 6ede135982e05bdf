"""Generated and file worlds: plausible networks with something to learn and something to fix."""

import datetime as dt

import numpy as np
import pytest

from pipelines.domain.transfer import lane_id_of
from pipelines.extracts.contracts.contract import load_contract
from pipelines.twin.demand import DemandTable, generate_demand
from pipelines.twin.metrics import summarise
from pipelines.twin.simulate import Twin
from pipelines.twin.world import build_file_world, build_generated_world

START = dt.date(2026, 1, 5)


@pytest.fixture(scope="module")
def demand():
    return generate_demand(4, 40, 140, 1, START)


def columns_of(feed):
    return tuple(column.name for column in load_contract(feed).columns)


def test_frames_have_the_feeds_columns_and_order(demand):
    world = build_generated_world(demand, 1)
    assert tuple(world.items.columns) == columns_of("erp_items") and tuple(world.items["item_id"]) == demand.item_ids
    assert tuple(world.locations.columns) == columns_of("erp_locations") and tuple(world.locations["location_id"]) == demand.location_ids
    assert tuple(world.lanes.columns) == columns_of("tms_lanes") and len(world.lanes) == 12
    assert set(world.lane_truth["lane_id"]) == {lane_id_of(*row) for row in world.lanes[["origin", "destination", "mode"]].to_numpy()}


def test_values_are_plausible(demand):
    world = build_generated_world(demand, 1)
    assert (world.unit_margin_usd > 0).all() and (world.items["unit_cost_usd"] >= 2).all()
    assert set(world.items["units_per_pack"]) <= {1, 2, 6} and world.items["supplier_lead_time_days"].between(14, 28).all()
    near = world.lanes["origin"].str[:4] == world.lanes["destination"].str[:4]
    assert world.lanes.loc[near, "lead_time_days_mean"].max() < world.lanes.loc[~near, "lead_time_days_mean"].min()
    assert world.lanes.loc[near, "truck_cost_usd"].max() < world.lanes.loc[~near, "truck_cost_usd"].min()


def test_some_lanes_are_slower_than_they_say_and_lose_goods():
    world = build_generated_world(generate_demand(8, 5, 30, 1, START), 1)
    declared = world.lanes.set_axis([lane_id_of(*r) for r in world.lanes[["origin", "destination", "mode"]].to_numpy()])[
        "lead_time_days_mean"
    ]
    truth = world.lane_truth.set_index("lane_id")
    slower = truth["lead_time_days_mean"] / declared.reindex(truth.index)
    assert 0 < (slower > 1.2).mean() < 0.6 and (truth["short_share"] > 0).any() and (truth["damage_share"] > 0).any()


def test_a_file_world_takes_any_location_names():
    units = np.ones((30, 3, 2), dtype=np.int32)
    world = build_file_world(DemandTable(("10", "20", "x-1"), ("p/1", "p/2"), START, units), 4)
    assert world.name == "file" and world.locations["region"].tolist() == ["EAST", "EAST", "WEST"] and len(world.lanes) == 6


def test_the_default_world_has_imbalance_to_fix(demand):
    """Without transfers 85-95 % of demand is served, and on many item-days one place is empty while another has stock."""
    twin = Twin(build_generated_world(demand, 1), demand, 1)
    twin.warm_up(140)
    result = summarise(twin, demand.date_of(84), demand.date_of(139))
    assert 0.85 < result["fill_rate"] < 0.95
    empty = twin.closing_units[84:] == 0
    assert (empty.any(axis=1) & ~empty.all(axis=1)).mean() > 0.2


def test_other_supply_rules_leave_the_rest_of_the_world_alone(demand):
    world = build_generated_world(demand, 1)
    changed = world.with_parameters(service_z=3.0)
    assert changed.parameters.service_z == 3.0 and changed.items is world.items and world.parameters.service_z != 3.0


def test_more_safety_stock_serves_more(demand):
    rates = []
    for z in (0.0, 3.0):
        twin = Twin(build_generated_world(demand, 1).with_parameters(service_z=z), demand, 1)
        twin.warm_up(100)
        rates.append(summarise(twin, demand.date_of(50), demand.date_of(99))["fill_rate"])
    assert rates[1] > rates[0] + 0.02


def test_short_purchase_lines_are_reported_short(demand):
    twin = Twin(build_generated_world(demand, 1).with_parameters(po_short_share=1.0), demand, 1)
    days = twin.warm_up(60)
    lines = [row for day in days for row in day.frames["wms_receipts"].to_dict("records")]
    assert lines and all(row["qty_received"] <= 0.6 * row["qty_expected"] for row in lines if row["qty_expected"] > 0)
    assert all(row["qty_expected"] == row["qty_received"] + row["qty_damaged"] + row["qty_short"] - row["qty_over"] for row in lines)


def test_supplier_lead_times_vary_around_the_mean(demand):
    twin = Twin(build_generated_world(demand, 1), demand, 1)
    days = twin.warm_up(60)
    rows = [row for day in days for row in day.frames["erp_purchase_orders"].to_dict("records") if row["status"] == "received"]
    slip = [(dt.date.fromisoformat(row["received_at"]) - dt.date.fromisoformat(row["expected_date"])).days for row in rows]
    assert len(slip) > 50 and abs(np.mean(slip)) < 0.5 and 1.5 < np.std(slip) < 2.6


def test_a_fork_lives_its_own_life(demand):
    twin = Twin(build_generated_world(demand, 1), demand, 1)
    twin.warm_up(20)
    shadow = twin.fork()
    assert shadow.world is twin.world and shadow.demand is twin.demand
    a, b = twin.play_day([]), shadow.play_day([])
    assert all(a.frames[feed].equals(b.frames[feed]) for feed in a.frames)
    twin.stock.on_hand[0, 0] += 5
    assert twin.stock.on_hand[0, 0] == shadow.stock.on_hand[0, 0] + 5
