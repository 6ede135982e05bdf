"""After the publication: what a night or a person decides goes out once, on the stock that is there, with dates that can be kept."""

import datetime as dt
import json
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from pipelines import flows
from pipelines.domain.errors import DecisionRefused
from pipelines.domain.policy import Policy
from pipelines.store.home import Home
from pipelines.store.ledger import Ledger, RunRecord, open_ledger

DAY = dt.date(2016, 4, 24)
NEXT = DAY + dt.timedelta(days=1)
LINE = {"line_id": "L1", "item_id": "A", "lane_id": "CA_1>TX_2:road", "origin": "CA_1", "destination": "TX_2", "mode": "road"}
LINE |= {"packs": 2, "units": 10, "benefit_usd": 30.0, "cost_usd": 5.0, "net_usd": 25.0, "donor_share": 0.1}


def lines(*line_ids: str, day: dt.date = DAY) -> pd.DataFrame:
    dates = {"ship_date": day + dt.timedelta(days=1), "arrival_date": day + dt.timedelta(days=4)}
    return pd.DataFrame([LINE | dates | {"line_id": name} for name in line_ids], columns=[*LINE, *dates])


def stock(on_hand: int, firm_out: int) -> pd.DataFrame:
    row = {"location_id": "CA_1", "item_id": "A", "on_hand_units": on_hand, "reserved_units": 0, "blocked_units": 0}
    return pd.DataFrame([row | {"firm_out_units": firm_out, "available_units": max(0, on_hand - firm_out)}])


def built(root: Path, day: dt.date, run_id: str, plan_inputs: pd.DataFrame) -> flows.Run:
    """A run of `day` whose store holds nothing but the mart that dispatch reads."""
    run = flows.Run(Home(root), day, Policy())
    store = run.work.begin(run.attempt, run_id, day)
    with duckdb.connect(str(store)) as connection:
        connection.register("plan_inputs", plan_inputs)
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.fct_plan_inputs AS FROM plan_inputs")
    return run


def published(root: Path, run_id: str, plan_inputs: pd.DataFrame, landed: dt.date) -> Home:
    """A home that shows the plan of DAY, with extracts judged up to `landed`."""
    home = Home(root)
    folder = home.published / run_id
    (folder / "marts").mkdir(parents=True)
    plan_inputs.to_parquet(folder / "marts" / "fct_plan_inputs.parquet")
    (folder / "manifest.json").write_text(json.dumps({"run_id": run_id, "as_of": DAY.isoformat(), "plan_digest": "d1"}))
    (home.published / "current").symlink_to(run_id)
    (home.gates / landed.isoformat()).mkdir(parents=True)
    (home.gates / landed.isoformat() / "wms_stock.json").touch()
    return home


def states(ledger: Ledger, run_id: str) -> dict[str, tuple[str, int]]:
    return {row.line_id: (row.state, row.qty_approved_units) for row in ledger.current_lines(run_id).itertuples()}


def bodies(root: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((root / "outbox").glob("*/*.json"))]


def test_an_approved_line_of_an_older_plan_ships_what_is_kept_for_it(tmp_path: Path) -> None:
    run = built(tmp_path, NEXT, "r2", stock(on_hand=10, firm_out=10))
    run.ledger.propose(RunRecord("r1", DAY), lines("L1"), "d1", "t")
    run.ledger.decide("L1", "approve", "ana", "", "d1", "t")
    run.ledger.propose(RunRecord("r2", NEXT), lines(day=NEXT), "d2", "t")
    assert flows.dispatch(run) == {"sent": 1, "healed": 0, "reduced": {}, "refused": {}}
    assert states(run.ledger, "r1") == {"L1": ("released", 10)}


def test_an_older_date_run_again_sends_nothing_of_the_newer_plan(tmp_path: Path) -> None:
    old, new = (built(tmp_path, day, run_id, stock(on_hand=50, firm_out=0)) for day, run_id in ((DAY, "r1"), (NEXT, "r2")))
    old.ledger.propose(RunRecord("r1", DAY), lines(), "d1", "t")
    old.ledger.propose(RunRecord("r2", NEXT), lines("L2", day=NEXT), "d2", "t")
    old.ledger.decide("L2", "approve", "ana", "", "d2", "t")
    assert flows.dispatch(old) == {"sent": 0, "healed": 0, "reduced": {}, "refused": {}}
    assert states(old.ledger, "r2") == {"L2": ("approved", 10)} and bodies(tmp_path) == []
    assert flows.dispatch(new)["sent"] == 1


@pytest.mark.parametrize(("landed", "days_late"), [(DAY, 0), (NEXT, 1), (DAY + dt.timedelta(days=4), 4)])
def test_a_late_decision_moves_both_dates_in_the_file_and_in_the_ledger(tmp_path: Path, landed: dt.date, days_late: int) -> None:
    home, ledger = published(tmp_path, "r1", stock(on_hand=50, firm_out=0), landed), open_ledger(tmp_path)
    ledger.propose(RunRecord("r1", DAY), lines("L1"), "d1", "t")
    assert flows.decide(home, "", Policy(), ["L1"], "approve", "ana", "ok", "t") == flows.Decided(1, {}, {})
    dates = [day + dt.timedelta(days=days_late) for day in (DAY + dt.timedelta(days=1), DAY + dt.timedelta(days=4))]
    (body,) = bodies(tmp_path)
    assert [body["ship_date"], body["expected_arrival_date"]] == [day.isoformat() for day in dates]
    line = ledger.transfer_lines(landed + dt.timedelta(days=1)).iloc[0]
    assert [line["expected_ship_date"], line["expected_arrival_date"]] == dates
    said = ledger.decisions("L1").iloc[-1]["reason"]
    assert said == (f"ships {dates[0]} instead of 2016-04-25: decided after that day" if days_late else "sent to the warehouse")
    assert ledger.verify_chain().ok


def test_a_person_is_told_what_dispatch_cut_and_cancelled(tmp_path: Path) -> None:
    home, ledger = published(tmp_path, "r1", stock(on_hand=17, firm_out=0), DAY), open_ledger(tmp_path)
    ledger.propose(RunRecord("r1", DAY), lines("L1", "L2", "L3"), "d1", "t")
    done = flows.decide(home, "", Policy(), ["L1", "L2", "L3"], "approve", "ana", "ok", "t")
    assert done == flows.Decided(
        sent=1,
        reduced={"L2": "sent 5: CA_1 has 7 units of A available for 10 approved"},
        refused={"L3": "not sent: CA_1 has 2 units of A available for 10 approved"},
    )
    assert states(ledger, "r1") == {"L1": ("released", 10), "L2": ("released", 5), "L3": ("cancelled", 0)}


def test_a_rejection_sends_nothing(tmp_path: Path) -> None:
    home, ledger = published(tmp_path, "r1", stock(on_hand=17, firm_out=0), DAY), open_ledger(tmp_path)
    ledger.propose(RunRecord("r1", DAY), lines("L1"), "d1", "t")
    assert flows.decide(home, "", Policy(), ["L1"], "reject", "ana", "no", "t") == flows.Decided(0, {}, {})


def correct_an_input(home: Home) -> None:
    """The stock that the plan of DAY was made of comes again with other contents."""
    inputs = {"partitions": {"wms_stock": {DAY.isoformat(): "0" * 16}}}
    (home.published / "r1" / "inputs.json").write_text(json.dumps(inputs))
    (home.landing / "wms_stock").mkdir(parents=True)
    (home.landing / "wms_stock" / f"{DAY}.v0002.json").touch()


def test_lines_of_an_outdated_plan_are_rejected_but_not_approved_or_released(tmp_path: Path) -> None:
    home, ledger = published(tmp_path, "r1", stock(on_hand=50, firm_out=0), DAY), open_ledger(tmp_path)
    ledger.propose(RunRecord("r1", DAY), lines("L1", "L2"), "d1", "t")
    ledger.decide("L2", "approve", "ana", "", "d1", "t")
    correct_an_input(home)
    said = r"plan of 2016-04-24 is outdated: wms_stock of 2016-04-24 was corrected since \(version 2, not read yet\); .*--as-of 2016-04-24"
    with pytest.raises(DecisionRefused, match=said) as refused:
        flows.decide(home, "", Policy(), ["L1"], "approve", "ana", "ok", "t")
    assert refused.value.exit_code == 7
    run = built(tmp_path, DAY, "r1", stock(on_hand=50, firm_out=0))
    for step in (flows.approve, flows.dispatch):
        with pytest.raises(DecisionRefused, match="is outdated"):
            step(run)
    assert bodies(tmp_path) == [] and states(ledger, "r1")["L2"] == ("approved", 10)
    flows.decide(home, "", Policy(), ["L1"], "reject", "ana", "no", "t")
    assert states(ledger, "r1")["L1"] == ("rejected", 0)
