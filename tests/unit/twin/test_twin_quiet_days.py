"""A day on which nobody buys and nothing moves passes from the twin's drop to the gates, with a warning and no block."""

import datetime as dt
import json

import numpy as np
import pytest

from pipelines import flows
from pipelines.domain.policy import Policy
from pipelines.extracts.contracts.contract import load_contract
from pipelines.flows.run import FEEDS, MASTER_FEEDS, OPTIONAL_FEEDS
from pipelines.store.home import Home
from pipelines.twin.extracts import write_drop, write_history_drop
from pipelines.twin.simulate import Twin
from quality.judging.gates import run_gate
from quality.reconciliation.day_book import DayBook, reconcile_book

DAILY = {"erp_sales_orders", "wms_shipments", "wms_movements"}
WARM_UP = 14


@pytest.fixture
def world_home(tmp_path, small_world):
    """A home with an inbox of a history, two days as usual (the second quiet) and one more; `quiet_days` have no demand at all."""

    def build(*quiet_days):
        units = np.full((WARM_UP + 3, 2), 4)
        units[list(quiet_days)] = 0
        world, demand = small_world(units.tolist())
        home, twin = Home(tmp_path / "home"), Twin(world, demand, 1)
        days = [write_history_drop(twin.warm_up(WARM_UP), world, home.inbox)]
        days += [write_drop(twin.play_day([]), world, home.inbox) for _ in range(3)]
        return home, [dt.date.fromisoformat(day.name) for day in days]

    return build


def judge(home, as_of):
    """Failed checks of a day by feed, as the night finds them, and whether all gates pass."""
    flows.land_inbox(home, as_of)
    failed, passes = {}, True
    for feed in FEEDS:
        inputs = flows.read_gate_inputs(home, feed, as_of, flows.ingest_feed(home, feed, as_of), Policy())
        verdict = run_gate(
            load_contract(feed), inputs.frame, business_date=as_of, rows_in=inputs.rows_in, rows_quarantined=inputs.rows_quarantined,
            trailing_counts=inputs.trailing_counts, known_keys=inputs.known_keys, policy=Policy().gate, is_delivered=inputs.is_delivered,
        )  # fmt: skip
        failed |= {feed: {(check.name, check.severity) for check in verdict.failures}} if verdict.failures else {}
        passes &= verdict.passed
    between = [check for check in reconcile_book(DayBook(*flows.read_day(home, as_of), as_of))[0] if not check.passed]
    return failed, passes and not between


def test_a_quiet_day_passes_from_drop_to_gate_with_a_warning(world_home):
    home, days = world_home(WARM_UP + 1)
    quiet = days[2]
    entries = {entry["feed"]: entry for entry in json.loads((home.inbox_of(quiet) / "manifest.json").read_text())["files"]}
    assert quiet.isoweekday() == 3, "masters that need not come are sent on Mondays"
    assert set(entries) == set(FEEDS) - (set(OPTIONAL_FEEDS) - {"wms_counts"})
    silent = {feed for feed, entry in entries.items() if entry["rows"] == 0}
    assert {"erp_sales_orders", "wms_shipments"} <= silent and not silent & {*MASTER_FEEDS, "wms_stock"}
    found = {day: judge(home, day) for day in days}
    assert all(passes for _, passes in found.values()), found
    assert found[quiet][0] == {feed: {("rows_present", "warn")} for feed in silent & DAILY}
    assert found[days[3]][0] == {}


def test_a_history_may_end_on_a_quiet_day(world_home):
    home, days = world_home(WARM_UP - 1)
    failed, passes = judge(home, days[0])
    assert passes, failed
    assert failed["erp_sales_orders"] == {("fresh", "warn")}


def test_a_feed_that_did_not_come_blocks(world_home):
    home, days = world_home()
    judge(home, days[0])
    folder = home.inbox_of(days[1])
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = [entry for entry in manifest["files"] if entry["feed"] != "erp_sales_orders"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "erp_sales_orders.csv").unlink()
    failed, passes = judge(home, days[1])
    assert failed["erp_sales_orders"] == {("rows_present", "block")} and not passes
