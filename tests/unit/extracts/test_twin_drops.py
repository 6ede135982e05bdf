"""The twin's drops are canonical: everything in them is accepted, every feed passes its gate, and the feeds reconcile to the unit."""

import datetime

import pytest

from pipelines.domain.policy import GatePolicy
from pipelines.extracts.contracts.contract import load_contracts
from pipelines.extracts.lake.partitions import ingest, read_frame, row_counts
from pipelines.extracts.landing.landing_zone import land_drop
from pipelines.twin.demand import generate_demand
from pipelines.twin.extracts import write_drop, write_history_drop
from pipelines.twin.simulate import Twin
from pipelines.twin.world import build_generated_world
from quality.judging.gates import run_gate
from quality.reconciliation.day_book import DayBook, reconcile_book


def dispatch(world, day):
    lane = world.lanes.iloc[0]
    ends = {name: str(lane[name]) for name in ("origin", "destination", "mode")}
    dates = {"as_of": day - datetime.timedelta(days=1), "ship_date": day, "expected_arrival_date": day + datetime.timedelta(days=4)}
    return {
        "format": "evenstock-dispatch/1", "transfer_id": "T000000000001", "idempotency_key": "k1",
        "lane_id": f"{ends['origin']}>{ends['destination']}:{ends['mode']}",
        "lines": [{"line_id": "L000000000001", "item_id": str(world.items["item_id"].iloc[3]), "units": 6}],
    } | ends | {name: value.isoformat() for name, value in dates.items()}  # fmt: skip


@pytest.fixture(scope="module")
def drops(tmp_path_factory):
    inbox = tmp_path_factory.mktemp("inbox")
    demand = generate_demand(4, 24, 40, 7, datetime.date(2025, 9, 1))
    world = build_generated_world(demand, 7)
    twin = Twin(world, demand, 7)
    written = [write_history_drop(twin.warm_up(28), world, inbox)]
    for n in range(8):
        released = [dispatch(world, twin.next_date)] if n == 0 else []
        written.append(write_drop(twin.play_day(released), world, inbox))
    return written


def test_everything_is_accepted_gated_and_reconciled(drops, tmp_path):
    contracts, previous, seen = load_contracts(), None, set()
    for drop in drops:
        day = datetime.date.fromisoformat(drop.name)
        results = {
            f.feed: ingest(f, contracts[f.feed], tmp_path / "lake", tmp_path / "quarantine") for f in land_drop(tmp_path / "landing", drop)
        }
        frames = {feed: read_frame(result.lake_path) for feed, result in results.items()}
        known = {"erp_items": set(frames["erp_items"]["item_id"]), "erp_locations": set(frames["erp_locations"]["location_id"])}
        for feed, result in results.items():
            assert (result.rows_quarantined, result.warnings) == (0, ()), feed
            trailing = list(row_counts(tmp_path / "lake", feed, day, 28).values())
            verdict = run_gate(
                contracts[feed], frames[feed], business_date=day, rows_in=result.rows_in, rows_quarantined=0,
                trailing_counts=trailing, known_keys=known, policy=GatePolicy(),
            )  # fmt: skip
            assert verdict.passed, verdict.failures
        earlier = frames["wms_stock"] if previous is None else previous
        assert [check for check in reconcile_book(DayBook(frames, earlier, day))[0] if not check.passed] == []
        previous = frames["wms_stock"]
        seen |= set(results)
    assert seen == set(contracts)
