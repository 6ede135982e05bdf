"""Proposing and deciding on a real SQLite ledger: all or nothing, stale plans refused with a remedy, trail complete."""

import json
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipelines.domain.errors import DecisionRefused, InputRefused, UsageError
from pipelines.store.ledger import Ledger, RunRecord, open_ledger

DAY = date(2016, 4, 24)
NOW = "2016-04-25T08:00:00"


def plan(*names: str, item: str = "I", day: date = DAY, destination: str = "TX_2") -> pd.DataFrame:
    rows = [
        {
            "line_id": name,
            "item_id": f"{item}_{name}",
            "lane_id": f"CA_1>{destination}:road",
            "origin": "CA_1",
            "destination": destination,
            "mode": "road",
            "packs": 2,
            "units": 12,
            "ship_date": day + timedelta(days=1),
            "arrival_date": day + timedelta(days=5),
            "benefit_usd": 90.5,
            "cost_usd": 10.25,
            "net_usd": 80.25,
            "donor_available_units": 24,
            "donor_cover_after_days": float("nan"),
            "donor_share": 0.5,
            "reason": "serves demand",
        }
        for name in names
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = open_ledger(tmp_path)
    opened.propose(RunRecord("r1", DAY), plan("L1", "L2", "L3"), "digest-1", NOW)
    return opened


def states(ledger: Ledger, run_id: str) -> dict[str, str]:
    lines = ledger.current_lines(run_id)
    return dict(zip(lines["line_id"], lines["state"], strict=True))


def test_proposing_the_same_run_again_changes_nothing(ledger: Ledger) -> None:
    before = ledger.current_lines("r1")
    again = ledger.propose(RunRecord("r1", DAY), plan("L1", "L2", "L3"), "digest-1", "later")
    assert again.is_current
    pd.testing.assert_frame_equal(before, ledger.current_lines("r1"))
    assert len(ledger.decisions()) == 0


def test_what_was_proposed_is_kept_as_it_was(ledger: Ledger) -> None:
    line = ledger.current_lines("r1").iloc[0]
    assert (line["units"], line["benefit_usd"], line["ship_date"], line["reason"]) == (12, 90.5, DAY + timedelta(days=1), "serves demand")
    assert pd.isna(line["donor_cover_after_days"])


def test_one_run_never_has_two_plans(ledger: Ledger) -> None:
    with pytest.raises(DecisionRefused, match="run r1 was recorded with plan digest-1, now it brings plan digest-2"):
        ledger.propose(RunRecord("r1", DAY), plan("L1"), "digest-2", NOW)


def test_approve_writes_one_row_with_before_and_after(ledger: Ledger) -> None:
    rows = ledger.decide(["L2", "L1"], "approve", "ana", {"L1": "cheap", "L2": "needed"}, "digest-1", NOW)
    assert list(rows["line_id"]) == ["L1", "L2"]
    row = ledger.decisions("L1").iloc[0]
    assert (row["actor"], row["reason"], row["plan_digest"], row["decided_at"]) == ("ana", "cheap", "digest-1", NOW)
    assert json.loads(row["before"]) == {"state": "proposed", "units": 0, "transfer_id": None}
    assert json.loads(row["after"]) == {"state": "approved", "units": 12, "transfer_id": None}
    assert states(ledger, "r1") == {"L1": "approved", "L2": "approved", "L3": "proposed"}


def test_one_bad_line_refuses_them_all(ledger: Ledger) -> None:
    ledger.decide("L3", "reject", "ana", "no", "digest-1", NOW)
    with pytest.raises(DecisionRefused, match="line L3: cannot approve a line that is rejected"):
        ledger.decide(["L1", "L2", "L3"], "approve", "ana", "", "digest-1", NOW)
    assert states(ledger, "r1") == {"L1": "proposed", "L2": "proposed", "L3": "rejected"}
    assert len(ledger.decisions()) == 1


def test_an_unknown_line_gets_a_suggestion(ledger: Ledger) -> None:
    with pytest.raises(DecisionRefused, match="no line 'L11' in run r1; did you mean L1"):
        ledger.decide("L11", "approve", "ana", "", "digest-1", NOW)
    with pytest.raises(DecisionRefused, match="no line 'zzz'; the current plan is run r1 with 3 lines"):
        ledger.decide("zzz", "approve", "ana", "", "digest-1", NOW)


def test_nothing_can_be_decided_before_a_plan(tmp_path: Path) -> None:
    with pytest.raises(DecisionRefused, match="no plan has been proposed yet"):
        open_ledger(tmp_path).decide("L1", "approve", "ana", "", "x", NOW)


def test_a_decision_on_another_plan_is_stale(ledger: Ledger) -> None:
    with pytest.raises(DecisionRefused, match=r"line L1 \(proposed\) is stale: you decide on plan digest-0, the current plan is digest-1"):
        ledger.decide("L1", "approve", "ana", "", "digest-0", NOW)


def test_a_newer_plan_expires_open_lines_and_makes_them_stale(ledger: Ledger) -> None:
    ledger.decide("L1", "approve", "ana", "", "digest-1", NOW)
    later = DAY + timedelta(days=1)
    done = ledger.propose(RunRecord("r2", later), plan("M1", day=later), "digest-2", NOW)
    assert (done.proposed, done.expired, done.served) == (1, 2, 0)
    assert states(ledger, "r1") == {"L1": "approved", "L2": "expired", "L3": "expired"}
    with pytest.raises(DecisionRefused, match=r"line L2 \(expired\) is stale: it belongs to run r1, the current plan is run r2"):
        ledger.decide("L2", "approve", "ana", "", "digest-2", NOW)
    assert ledger.decisions("L2").iloc[0]["reason"] == "superseded by run r2"


def test_an_old_plan_is_refused_by_age_on_request(ledger: Ledger) -> None:
    kwargs = {"on": DAY + timedelta(days=8), "max_age_days": 7}
    with pytest.raises(DecisionRefused, match="its plan is 8 days old, the policy allows 7; make a new plan"):
        ledger.decide("L1", "approve", "ana", "", "digest-1", NOW, **kwargs)
    ledger.decide("L1", "approve", "ana", "", "digest-1", NOW, on=DAY + timedelta(days=7), max_age_days=7)


@pytest.mark.parametrize(
    ("units", "message"),
    [
        (7, "7 units are not whole packs of 6; the nearest are 6 and 12"),
        (3, "3 units are not whole packs of 6; the nearest are 6 and 6"),
        (30, "CA_1 has 24 units available, 30 asked; take 24 or less"),
        (0, "whole number of units of 1 or more, found 0; to ship none, reject it"),
        (6.0, "found 6.0"),
        (True, "found True"),
        (None, "found None"),
    ],
)
def test_edits_that_cannot_ship_are_refused(ledger: Ledger, units: object, message: str) -> None:
    with pytest.raises(DecisionRefused, match=message):
        ledger.decide("L1", "edit", "ana", "", "digest-1", NOW, units={"L1": units})
    assert states(ledger, "r1")["L1"] == "proposed"


def test_an_edit_keeps_the_plan_and_stores_the_new_units(ledger: Ledger) -> None:
    ledger.decide("L1", "edit", "ana", "half", "digest-1", NOW, units={"L1": 6})
    line = ledger.current_lines("r1").iloc[0]
    assert (line["units"], line["qty_approved_units"], line["state"]) == (12, 6, "edited")


def test_only_people_actions_are_decided_by_people(ledger: Ledger) -> None:
    for action in ("release", "ship", "expire", "correct"):
        with pytest.raises(DecisionRefused, match=f"{action} is not decided by people; choose one of: approve, cancel, edit, reject"):
            ledger.decide("L1", action, "ana", "", "digest-1", NOW)
    with pytest.raises(DecisionRefused, match="unknown action 'aprove'"):
        ledger.decide("L1", "aprove", "ana", "", "digest-1", NOW)
    with pytest.raises(UsageError, match="no line named"):
        ledger.decide([], "approve", "ana", "", "digest-1", NOW)


def test_an_approved_line_can_be_cancelled_under_a_newer_plan(ledger: Ledger) -> None:
    ledger.decide("L1", "approve", "ana", "", "digest-1", NOW)
    later = DAY + timedelta(days=1)
    ledger.propose(RunRecord("r2", later), plan("M1", day=later), "digest-2", NOW)
    ledger.decide("L1", "cancel", "ben", "shop closed", "digest-2", NOW)
    assert states(ledger, "r1")["L1"] == "cancelled"
    assert ledger.decisions("L1").iloc[-1]["plan_digest"] == "digest-1"


def test_a_repeated_day_never_serves_the_same_place_twice(ledger: Ledger) -> None:
    ledger.decide("L1", "approve", "ana", "", "digest-1", NOW)
    done = ledger.propose(RunRecord("r1b", DAY), plan("L1", "L2", "L4"), "digest-1b", NOW)
    assert (done.proposed, done.expired, done.served) == (2, 2, 1)
    assert states(ledger, "r1b") == {"L1": "expired", "L2": "proposed", "L4": "proposed"}
    assert "already serves I_L1 at TX_2" in ledger.decisions("L1").iloc[-1]["reason"]
    with pytest.raises(DecisionRefused, match="line L1: cannot approve a line that is approved"):
        ledger.decide("L1", "approve", "ana", "", "digest-1b", NOW)
    ledger.decide("L2", "approve", "ana", "", "digest-1b", NOW)


def test_a_plan_older_than_the_current_one_proposes_nothing(ledger: Ledger) -> None:
    early = DAY - timedelta(days=3)
    done = ledger.propose(RunRecord("r0", early), plan("K1", day=early), "digest-0", NOW)
    assert (done.proposed, done.is_current) == (0, False)
    assert ledger.current_run()["run_id"] == "r1"
    assert len(ledger.current_lines("r0")) == 0


def test_a_plan_restricted_to_items_leaves_the_lines_of_others_to_be_decided(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.propose(RunRecord("full", DAY), plan("L1", "L2", "L3"), "d1", "t")
    done = ledger.propose(RunRecord("part", DAY, items=("I_L2",)), plan("L2", destination="CA_2"), "d2", "t")
    assert (done.proposed, done.expired) == (1, 1)
    assert states(ledger, "full") == {"L1": "proposed", "L2": "expired", "L3": "proposed"}
    ledger.decide("L1", "approve", "ana", "dock is free", "d2", "t")
    ledger.propose(RunRecord("next", DAY + timedelta(days=1)), plan("L4", day=DAY + timedelta(days=1)), "d3", "t")
    assert states(ledger, "full") == {"L1": "approved", "L2": "expired", "L3": "expired"}, "a full plan supersedes them all"
    assert states(ledger, "part") == {"L2": "expired"} and ledger.verify_chain().ok


def test_an_empty_plan_is_a_plan(ledger: Ledger) -> None:
    later = DAY + timedelta(days=1)
    done = ledger.propose(RunRecord("r2", later), plan("M1").iloc[:0], "digest-2", NOW)
    assert (done.proposed, done.expired, done.is_current) == (0, 3, True)


def test_lines_without_needed_columns_or_with_part_units_are_refused(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    with pytest.raises(UsageError, match="lack the columns units, net_usd"):
        ledger.propose(RunRecord("r1", DAY), plan("L1").drop(columns=["units", "net_usd"]), "d", NOW)
    with pytest.raises(UsageError, match=r"units must be whole units, found 12\.5"):
        ledger.propose(RunRecord("r1", DAY), plan("L1").assign(units=12.5), "d", NOW)
    assert ledger.current_run() is None


def test_a_ledger_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    import sqlite3

    open_ledger(tmp_path)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(InputRefused, match="revision 9999, this Evenstock knows up to 0003"):
        open_ledger(tmp_path)


def test_the_migrated_tables_are_the_declared_tables(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from pipelines.store.ledger_migration import MIGRATIONS
    from pipelines.store.ledger_tables import HEAD_REVISION, make_engine, metadata, reading

    open_ledger(tmp_path)
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD_REVISION
    with reading(make_engine(f"sqlite:///{tmp_path / 'ledger.sqlite'}")) as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []
