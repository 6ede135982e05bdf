"""A repeated run proposes what it published, and the audit measures a plan by the format, not by the policy."""

import datetime as dt
import json
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from pipelines import flows
from pipelines.domain.policy_reading import parse_policy
from pipelines.flows.last_plan import last_prices
from pipelines.flows.night import PUBLISHED, identify_run, policy_of_finance
from pipelines.flows.provenance import FORMAT, describe_inputs, digest_known
from pipelines.flows.rebuild import PastRun, lay_out
from pipelines.store.home import Home
from pipelines.store.ledger import RunRecord

DAY = dt.date(2016, 4, 24)
LINE = {"item_id": "A", "lane_id": "CA_1>TX_2:road", "origin": "CA_1", "destination": "TX_2", "mode": "road", "packs": 2, "units": 10}
LINE |= {"ship_date": DAY, "arrival_date": DAY, "benefit_usd": 30.0, "cost_usd": 5.0, "net_usd": 25.0}
PLAN = {"status": "FEASIBLE", "objective_usd": 25.0, "bound_usd": 30.0, "bound_kind": "mip", "gap_share": 0.2}


def solved(root: Path, attempt: str, *line_ids: str) -> flows.Run:
    """An attempt at the same run whose solver, stopped by the clock, found these lines."""
    run = flows.Run(Home(root), DAY, parse_policy({}), attempt=attempt)
    with duckdb.connect(str(run.work.begin(attempt, "r1", DAY))) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.dim_item AS SELECT 'A' AS item_id")
    for name in PUBLISHED:
        if name.endswith(".json"):
            run.work.write_json(name.removesuffix(".json"), {"signature": "s"})
        else:
            run.work.write_frame(name.removesuffix(".parquet"), pd.DataFrame({"item_id": ["A"]}))
    run.work.write_json("provenance", {"format": FORMAT})
    run.work.write_json("plan", PLAN | {"shipments": list(line_ids)})
    run.work.write_frame("plan_lines", pd.DataFrame([LINE | {"line_id": name} for name in line_ids]))
    for name in ("forecast_horizons", "triggers"):
        run.work.write_frame(name, pd.DataFrame({"item_id": ["A"]}))
    for step in ("audit", "decisions"):
        run.work.finish(step)
    return run


def test_the_same_run_with_another_plan_keeps_the_published_one(tmp_path: Path) -> None:
    first = flows.publish_run(solved(tmp_path, "one", "L1", "L2"))
    again = solved(tmp_path, "two", "L3")
    assert flows.publish_run(again) == first
    assert again.ledger.current_lines("r1")["line_id"].tolist() == ["L1", "L2"]
    assert again.ledger.current_run()["plan_digest"] == first.manifest["plan_digest"]


def test_a_run_killed_before_it_proposed_proposes_what_it_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = solved(tmp_path, "one", "L1")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(killed.ledger, "propose", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        flows.publish_run(killed)
    again = solved(tmp_path, "two", "L3")
    flows.publish_run(again)
    assert again.ledger.current_lines("r1")["line_id"].tolist() == ["L1"]


def test_the_last_plan_is_the_last_one_proposed_for_an_earlier_date_whatever_is_published(tmp_path: Path) -> None:
    """A past run is made again beside an empty folder of publications; a date that was planned twice counts once."""
    run = flows.Run(Home(tmp_path), DAY, parse_policy({"terms": {"churn_usd_per_unit": 0.5}}))
    assert identify_run(run, {})["last_plan"] == ""
    plans = ((3, "z", "d1"), (3, "a", "d2"), (1, "q", "d3"), (1, "b", "d4"), (0, "y", "d5"), (-1, "x", "d6"))
    for ago, run_id, digest in plans:
        lines = pd.DataFrame([LINE | {"line_id": f"L{run_id}"}])
        run.ledger.propose(RunRecord(run_id, DAY - dt.timedelta(days=ago)), lines, digest, "t")
    run.ledger.propose(RunRecord("late", DAY - dt.timedelta(days=1)), lines, "d7", "t")
    assert identify_run(run, {})["last_plan"] == "d4", "d7 was older than the current plan and was never proposed"
    run.ledger.copy_until(tmp_path / "again" / "ledger.sqlite", run.ledger.marks())
    assert identify_run(replace(run, home=Home(tmp_path / "again")), {})["last_plan"] == "d4"


def test_a_rebuild_starts_from_the_prices_that_the_run_was_given_then(tmp_path: Path) -> None:
    """Beside a ledger and a policy alone, when the plan that left them is long gone."""
    prices = {"budget": 0.25, "lanes": {"A>B:road": [1.0, 0.125, 0.0]}, "locations": {"A": [0.5, 0.0]}}
    before = solved(tmp_path, "one", "L1")
    before.work.write_json("plan", PLAN | {"shipments": [], "solve_info": {"prices": prices}})
    flows.publish_run(before)
    run = flows.Run(Home(tmp_path), DAY + dt.timedelta(days=1), parse_policy({}))
    known = identify_run(run, {})
    made_of = json.loads(json.dumps(describe_inputs(run, known, {})))
    shutil.rmtree(tmp_path / "published")
    again = replace(run, home=Home(tmp_path / "again"), is_rebuild=True)
    lay_out(run.home, run.ledger, PastRun("r2", run.as_of, "", made_of), again.home, lambda *told: None)
    assert "last_prices" in known and identify_run(again, {}) == known
    assert last_prices(again) == prices and last_prices(run) is None


@pytest.mark.parametrize("damage", [b"", b"{", None])
def test_a_damaged_plan_of_the_date_before_stops_no_night(tmp_path: Path, damage: bytes | None) -> None:
    done = flows.publish_run(solved(tmp_path, "one", "L1"))
    (done.path / "plan.json").unlink()
    if damage is not None:
        (done.path / "plan.json").write_bytes(damage)
    (done.path.parent / "older").mkdir()
    (done.path.parent / "older" / "manifest.json").write_bytes(b"{")
    assert last_prices(flows.Run(Home(tmp_path), DAY + dt.timedelta(days=1), parse_policy({}))) is None


@pytest.mark.parametrize(("rows", "budget"), [([900.5, 900.5], 900.5), ([0], 0.0), ([None, None], 77.0), ([], 77.0)])
def test_finance_sets_the_budget_of_a_plan_if_it_sets_one(tmp_path: Path, rows: list, budget: float) -> None:
    run = flows.Run(Home(tmp_path), DAY, parse_policy({"planning": {"weekly_budget_usd": 77.0, "eta": 0.4}}))
    with duckdb.connect(str(run.work.begin(run.attempt, "r1", DAY))) as connection:
        connection.execute(
            "CREATE SCHEMA marts; CREATE TABLE marts.dim_finance"
            " (location_id VARCHAR, category VARCHAR, transfer_budget_usd_per_week DECIMAL(18, 4))"
        )
        for number, row in enumerate(rows):
            connection.execute("INSERT INTO marts.dim_finance VALUES ('A', ?, ?)", [f"c{number}", row])
    policy = policy_of_finance(run)
    assert policy.planning.weekly_budget_usd == budget
    assert (policy.planning.eta, policy.finance) == (0.4, run.policy.finance)


@pytest.mark.parametrize(("allowed", "gap", "ok"), [(0.05, 0.009, False), (0.05, 2e-4, False), (0.05, 5e-5, True), (0.0, 5e-5, True)])
def test_a_plan_is_optimal_within_the_gap_of_the_format_whatever_the_policy_allows_a_search(
    tmp_path: Path, allowed: float, gap: float, ok: bool
) -> None:
    run = flows.Run(Home(tmp_path), DAY, parse_policy({"planning": {"gap_share": allowed}}))
    run.work.begin(run.attempt, "r1", DAY)
    problem = {"format": "evenstock-problem/1", "budget_usd": None, "locations": [], "lanes": [], "items": [], "arcs": []}
    problem |= {"handling_units": {"pallet_kg": 600, "pallet_m3": 1.8, "pallets_per_truck": 26}, "gains": [], "losses": []}
    money = {"objective_usd": 0, "bound_usd": gap, "bound_kind": "mip", "gap_share": gap}
    plan = {"format": "evenstock-plan/1", "status": "OPTIMAL", **money, "shipments": [], "solve_info": {}}
    run.work.write_json("problem", problem)
    run.work.write_json("plan", plan)
    run.work.finish("plan")
    assert flows.audit(run)["ok"] is ok, json.dumps(flows.audit(run))


def test_prices_of_the_plan_of_the_date_before_are_read_back_and_name_the_run(tmp_path: Path) -> None:
    prices = {"lanes": {"A>B": [1.0, 2.0, 0.0]}, "locations": {"A": [0.0, 0.0]}, "budget": 0.0}
    yesterday = solved(tmp_path, "one", "L1")
    yesterday.work.write_json("plan", PLAN | {"shipments": [], "solve_info": {"prices": prices}})
    flows.publish_run(yesterday)
    today, off = (
        flows.Run(Home(tmp_path), DAY + dt.timedelta(days=1), parse_policy({"planning": {"start_from_last_plan": wanted}}))
        for wanted in (True, False)
    )
    assert last_prices(today) == prices
    assert last_prices(off) is None
    assert last_prices(yesterday) is None, "of its own date it reads nothing"
    assert identify_run(today, {})["last_prices"] == digest_known(prices)
    assert "last_prices" not in identify_run(off, {}) and "last_prices" not in identify_run(yesterday, {})
