"""What the twin writes beyond what a run needs: customer lanes, events, counts and finance parameters, without touching the rest."""

import datetime as dt
import hashlib

import numpy as np
import pandas as pd
import pytest

from pipelines.domain.policy import FinancePolicy
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.twin.demand import generate_demand
from pipelines.twin.extracts import write_drop, write_history_drop
from pipelines.twin.feeds import FEEDS, OPTIONAL_MASTER_FEEDS
from pipelines.twin.masters import ANNOUNCED_DAYS, customer_lanes, event_rows, finance_parameters
from pipelines.twin.simulate import Twin
from pipelines.twin.world import build_generated_world

OPTIONAL = {*OPTIONAL_MASTER_FEEDS, "wms_counts"}


def read_feed(folder, feed):
    return pd.read_csv(folder / f"{feed}.csv", dtype=str, keep_default_na=False)


def digests(folder, feeds):
    return {feed: hashlib.sha256((folder / f"{feed}.csv").read_bytes()).hexdigest() for feed in feeds if (folder / f"{feed}.csv").exists()}


def test_every_count_of_a_world_without_phantoms_finds_the_closing_stock(generated, tmp_path):
    twin = generated()
    folder = write_history_drop(twin.warm_up(35), twin.world, tmp_path)
    counts, stock = read_feed(folder, "wms_counts"), read_feed(folder, "wms_stock")
    counts["date"] = counts["at"].str[:10]
    both = counts.merge(stock, on=["date", "location_id", "item_id", "lot_id"], how="left")
    assert both["on_hand"].notna().all()
    assert (both["system_qty"] == both["on_hand"]).all() and (both["counted_qty"] == both["on_hand"]).all()
    assert set(counts["at"].str[11:]) == {"22:00:00"}
    pairs = set(map(tuple, stock.loc[stock["date"] == folder.name, ["location_id", "item_id"]].to_numpy()))
    assert set(map(tuple, counts.loc[counts["date"] > "2026-01-12", ["location_id", "item_id"]].to_numpy())) == pairs, "once in four weeks"


def test_phantoms_show_in_counts_and_nowhere_else(generated, tmp_path):
    twins = [generated(), generated()]
    twins[1] = Twin(twins[1].world.with_parameters(phantom_share=0.5), twins[1].demand, twins[1].seed)
    folders = [write_history_drop(twin.warm_up(35), twin.world, tmp_path / str(n)) for n, twin in enumerate(twins)]
    same = set(FEEDS) - {"wms_counts"}
    assert digests(folders[0], same) == digests(folders[1], same)
    counts = read_feed(folders[1], "wms_counts").astype({"system_qty": int, "counted_qty": int})
    missing = counts["system_qty"] - counts["counted_qty"]
    assert missing.between(0, 3).all() and (counts["counted_qty"] >= 0).all()
    stocked = counts["system_qty"] >= 3
    assert 0.3 < (missing[stocked] > 0).mean() < 0.7
    for twin in twins:
        twin.assert_conserved()


def test_optional_masters_come_with_the_history_and_on_mondays(generated, tmp_path):
    twin = generated()
    sent = {"2026-01-08": read_names(write_history_drop(twin.warm_up(3), twin.world, tmp_path))}
    for _ in range(7):
        folder = write_drop(twin.play_day([]), twin.world, tmp_path)
        sent[folder.name] = read_names(folder)
    with_masters = {date for date, feeds in sent.items() if set(OPTIONAL_MASTER_FEEDS) <= feeds}
    assert with_masters == {"2026-01-08", "2026-01-12"}
    assert all("wms_counts" in feeds for feeds in sent.values())
    assert dt.date(2026, 1, 12).isoweekday() == 1


def read_names(folder):
    return {path.stem for path in folder.glob("*.csv")}


def test_everything_optional_keeps_its_contract(generated, tmp_path):
    twin = generated(locations=8, items=30, days=200)
    folder = write_history_drop(twin.warm_up(60), twin.world, tmp_path)
    for feed in OPTIONAL:
        checked = check_file(folder / f"{feed}.csv", load_contract(feed))
        assert checked.rows_in == checked.accepted.num_rows > 0, feed


def test_customer_lanes_join_every_location_to_every_region(generated):
    world = generated(locations=8, items=3).world
    lanes, locations = customer_lanes(world), world.locations.set_index("location_id")
    assert len(lanes) == len(locations) * locations["region"].nunique()
    own = lanes["ship_to_region"] == lanes["location_id"].map(locations["region"])
    assert set(lanes.loc[own, "transit_days"]) == {2}, "1 to 5 days with 35, 42, 13, 7 and 3 %: half have come on day 2"
    assert (lanes.loc[~own, "transit_days"] > 2).all()
    costs = lanes.groupby(own)["cost_usd_per_order"]
    assert costs.min()[False] > costs.max()[True]


def test_rates_of_finance_are_those_of_the_policy(generated):
    row = finance_parameters(generated().world).iloc[0]
    policy = FinancePolicy()
    assert (row["scope"], row["scope_id"]) == ("network", None)
    assert [row[name] for name in ("capital_rate", "insurance_rate", "obsolescence_rate")] == [
        policy.capital_rate, policy.insurance_rate, policy.obsolescence_rate
    ]  # fmt: skip


def test_events_are_launches_and_seasons_as_they_become_known():
    demand = generate_demand(3, 40, 300, 5, dt.date(2026, 1, 6))
    world, date = build_generated_world(demand, 5), dt.date(2026, 4, 1)
    rows = event_rows(world, date)
    assert rows["event_id"].is_unique and rows["event_id"].is_monotonic_increasing
    assert rows["start_date"].max() <= (date + dt.timedelta(days=ANNOUNCED_DAYS)).isoformat()
    launched = {(item, day.isoformat()) for item, day in zip(world.items["item_id"], world.items["launch_date"], strict=True) if day}
    told = rows[rows["kind"] == "launch"]
    assert set(zip(told["scope_id"], told["start_date"], strict=True)) == {pair for pair in launched if pair[1] <= "2026-05-27"}
    assert set(event_rows(world, demand.date_of(299))["event_id"]) > set(rows["event_id"])


def test_a_season_lifts_demand_by_as_much_as_its_event_says():
    start = dt.date(2024, 1, 1)
    demand = generate_demand(6, 120, 731, 3, start)
    index = {name: i for i, name in enumerate(demand.item_ids)}
    steady = np.flatnonzero(demand.launch_days() == 0)
    lifts, expected = [], []
    for event in demand.events:
        first, last = (event.first - start).days, (event.last - start).days
        if index[event.scope_id] in steady and first >= 0 and last < demand.days:
            units = demand.units[:, :, index[event.scope_id]].sum(axis=1)
            lifts.append(units[first : last + 1].mean() / units.mean() - 1)
            expected.append(event.uplift_share)
    assert len(lifts) > 50
    assert np.mean(lifts) == pytest.approx(np.mean(expected), abs=0.05)
    assert np.corrcoef(lifts, expected)[0, 1] > 0.3
