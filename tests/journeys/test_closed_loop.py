"""The loop closes: units are conserved from the simulated world to the marts, and what came back changes what is planned next."""

import csv
import datetime as dt
import hashlib
import json
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from dagster_project.nights import Nights
from pipelines.domain.policy import Policy
from pipelines.flows import Run
from pipelines.flows.night import _read_case
from pipelines.queries import read_lines
from pipelines.settings import load_settings
from pipelines.store.ledger import open_ledger
from pipelines.store.publication import current, verify
from tests.landed import land_file

PAIR = ["location_id", "item_id"]


def mart(home: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(current(home / "published").path / "marts" / f"{name}.parquet")


def test_marts_hold_the_units_of_the_world(played_loop):
    """On hand and in transit per item-location, as the warehouse has them, as the marts say them."""
    twin, plan_inputs = played_loop.twin, mart(played_loop.home, "fct_plan_inputs").set_index(PAIR)
    for at, location in enumerate(twin.demand.location_ids):
        for of, item in enumerate(twin.demand.item_ids):
            if (location, item) in plan_inputs.index:
                row = plan_inputs.loc[(location, item)]
                assert (row.on_hand_units, row.blocked_units) == (twin.stock.on_hand[at, of], twin.stock.blocked[at, of]), (location, item)
                assert row.in_transit_in_units == twin.stock.in_transit[at, of], (location, item)
            else:
                assert twin.stock.on_hand[at, of] == 0 and twin.stock.in_transit[at, of] == 0


def test_the_loop_really_moved_something(played_loop):
    assert played_loop.with_transfers["transfer_units"] > 0
    assert played_loop.without_transfers["transfer_units"] == 0
    assert played_loop.with_transfers["demand_units"] == played_loop.without_transfers["demand_units"], "the same customers came twice"
    transfers = mart(played_loop.home, "fct_transfers")
    assert transfers["qty_shipped"].sum() == played_loop.with_transfers["transfer_units"]
    done = transfers[transfers["received_at"].notna()]
    assert len(done) > 0, "something that was dispatched has come home"
    whole = done[["qty_received", "qty_damaged", "qty_short"]].fillna(0).sum(axis=1) - done["qty_over"].fillna(0)
    assert (whole == done["qty_shipped"]).all()


def test_every_dispatch_file_was_executed_or_waits(played_loop):
    files = sorted((played_loop.home / "outbox").glob("*/*.json"))
    assert files and played_loop.refused_dispatches == []
    sent = {line["line_id"]: line["units"] for path in files for line in json.loads(path.read_text())["lines"]}
    known = open_ledger(played_loop.home, read_only=True).dispatched_lines().set_index("line_id")["qty_dispatched_units"].to_dict()
    assert sent == known


def test_the_publication_is_whole_and_the_ledger_unbroken(played_loop):
    publication = current(played_loop.home / "published")
    assert publication.as_of == played_loop.last_day and verify(publication.path) == []
    assert publication.run_id == played_loop.nights[-1].run_id
    check = open_ledger(played_loop.home, read_only=True).verify_chain()
    assert check.ok and check.rows > 0


def test_lines_are_the_plan_and_carry_their_state(played_loop):
    lines = read_lines(load_settings(home=played_loop.home).folders)
    plan = json.loads((current(played_loop.home / "published").path / "plan.json").read_text())
    assert len(lines) == len(plan["shipments"])
    assert list(lines["net_usd"]) == sorted(lines["net_usd"], reverse=True)
    assert set(lines["state"]) <= {"proposed", "approved", "released", "cancelled", "expired"}


def test_one_receipt_changes_a_learned_parameter_and_the_next_plan_and_nothing_else(played_loop, ready, next_day, uninterrupted, tmp_path):
    """One good unit of one receipt turns out damaged. The yield of its lane moves, and with it the next plan's money. Demand, stock
    and every lead time stay as they were.
    """
    home = Path(shutil.copytree(ready, tmp_path / "home", symlinks=True))
    day, lane = correct_one_receipt(home)
    nights = Nights(load_settings(home=home), persistent=False)
    nights.run("ingest_day", day)
    for date in (played_loop.last_day, next_day[0].date):
        nights.run("nightly", date)
    feedback = [open_ledger(where, read_only=True).feedback_at(next_day[0].date) for where in (uninterrupted, home)]
    before, after = (frame.set_index(["parameter", "scope"])["new_value"].to_dict() for frame in feedback)
    moved = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert ("yield_share", f"lane:{lane}") in moved
    assert {parameter for parameter, _ in moved} == {"yield_share"}
    assert after["yield_share", f"lane:{lane}"] < before.get(("yield_share", f"lane:{lane}"), 1.0)
    problems = [json.loads((current(where / "published").path / "problem.json").read_text()) for where in (uninterrupted, home)]
    changed = {key for key in problems[0] if problems[0][key] != problems[1][key]}
    assert changed and changed <= {"arcs"}, changed
    plans = [json.loads((current(where / "published").path / "plan.json").read_text()) for where in (uninterrupted, home)]
    assert plans[0]["objective_usd"] != plans[1]["objective_usd"], "the plan's own money moves with the yield"
    for name in ("fct_demand_daily", "fct_stock_daily", "fct_plan_inputs", "fct_inbound", "dim_item", "dim_lane"):
        pd.testing.assert_frame_equal(mart(uninterrupted, name), mart(home, name))


def test_the_penalty_of_finance_reaches_the_plan(own_home, played_loop):
    """50 USD for every sale that one location loses: its units alone gain more, and it gives its own away more dearly."""
    run = Run(load_settings(home=own_home).folders, played_loop.last_day, Policy())
    before = _read_case(run)
    assert (before.context.rows["unit_value_usd"] == before.context.rows["unit_margin_usd"]).all()
    place = before.problem["gains"][0]["location_id"]
    with duckdb.connect(str(run.work.store)) as connection:
        connection.execute("UPDATE marts.dim_finance SET lost_sale_penalty_usd_per_unit = 50 WHERE location_id = ?", [place])
    after = _read_case(run)
    dearer = (after.context.rows["unit_value_usd"] - before.context.rows["unit_value_usd"]).groupby(after.context.rows["location_id"])
    assert dearer.agg(["min", "max"]).loc[place].tolist() == pytest.approx([50.0, 50.0])
    assert dearer.max().drop(place).max() == 0.0
    gains = [{(row["item_id"], row["location_id"]): row["segments"] for row in case.problem["gains"]} for case in (before, after)]
    changed = {key for key in gains[0] if gains[0][key] != gains[1][key]}
    assert changed == {key for key in gains[0] if key[1] == place}


def correct_one_receipt(home: Path) -> tuple[dt.date, str]:
    """Land a corrected receipts file: one unit of the first transfer receipt was damaged, not good. Returns its date and lane."""
    for path in sorted((home / "inbox").glob("*/wms_receipts.csv"), reverse=True)[1:]:
        rows = list(csv.DictReader(path.open(newline="")))
        for row in rows:
            if row["reference_type"] == "transfer" and int(row["qty_received"]) > 0:
                row["qty_received"], row["qty_damaged"] = str(int(row["qty_received"]) - 1), str(int(row["qty_damaged"]) + 1)
                corrected = home / "corrected.csv"
                with corrected.open("w", newline="") as file:
                    writer = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(rows)
                day = dt.date.fromisoformat(path.parent.name)
                assert land_file(home / "landing", corrected, "wms_receipts", day).version == 2
                lines = mart(home, "fct_transfers").set_index("line_id")
                return day, lines.loc[row["line_id"], "lane_id"]
    raise AssertionError("no transfer was received in the loop: choose another seed")


def test_the_same_night_again_changes_no_byte(uninterrupted, next_day, tmp_path):
    home = Path(shutil.copytree(uninterrupted, tmp_path / "home", symlinks=True))
    before = snapshot(home)
    said = Nights(load_settings(home=home), persistent=False).run("nightly", next_day[0].date)
    assert snapshot(home) == before
    figures = next(told for told in said.values() if "textbook_safety_stock_units" in told)
    assert 0 < figures["textbook_safety_stock_units"] < 3 * figures["safety_stock_units"], "shown beside ours"
    assert 0 <= figures["pairs_tripped"] <= figures["pairs"] and figures["is_tripped_overall"] in (True, False)


def snapshot(home: Path) -> dict[str, str]:
    """What a night leaves for others: plan, manifest and marts of the publication, and the dispatch files. DuckDB stamps its file."""
    folder = current(home / "published").path
    found = {}
    for path in [*sorted(folder.rglob("*.parquet")), *sorted(folder.glob("*.json")), *sorted((home / "outbox").rglob("*.json"))]:
        if path.name != "run_log.json":
            found[str(path.relative_to(home))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
