"""The health document of a home made by hand: every figure is known, every state has its sentence, what cannot be read is said."""

import csv
import datetime as dt
import json
import shutil

import pytest

from pipelines.domain.policy import GatePolicy, Policy
from pipelines.extracts.contracts.contract import load_contract
from pipelines.health import RunEnd, read_health, write_health
from pipelines.health.charts import bar_chart, line_chart
from pipelines.health.verdicts import Verdict
from pipelines.store.home import Home
from quality.judging.gates import GateCheck, check_row_count

DAY = dt.timedelta(days=1)
FILE = "stock <b>& co</b>.csv"


def write(made, run_end: RunEnd | None = None) -> dict:
    return write_health(made.home, made.as_of, Policy(), run_end).body


def by_feed(body: dict) -> dict:
    return {feed["feed"]: feed for feed in body["feeds"]}


def test_a_feed_shows_what_arrived_and_what_became_of_it(hand_made):
    body = write(hand_made)
    stock = by_feed(body)["wms_stock"]
    assert stock["rows"] == {"in": 103, "accepted": 90, "quarantined": 10, "left_out": 2, "merged": 1}
    assert stock["arrived"] == {
        "file": "stock <b>& co</b>.csv", "version": 1, "bytes": 10, "source_system": "erp", "layout": "sap_mard",
        "has_manifest": True, "arrived_at": "2026-03-10T02:03:04+00:00",
    }  # fmt: skip
    assert (stock["state"], stock["trailing_median"], stock["change_share"], stock["age_days"]) == ("blocked", 100.0, -0.1, 0)
    assert stock["trend"] == [None] * 23 + [100, 100, 100, 100, 90]
    assert stock["checks"] == {"all": 3, "blocked": 1, "warned": 1}
    assert stock["warnings"] == ["odd header"]
    assert body["totals"] == {
        "feeds": 3, "feeds_arrived": 2, "rows_in": 103, "rows_accepted": 90, "rows_quarantined": 10, "rows_left_out": 2, "rows_merged": 1,
    }  # fmt: skip


def test_a_late_feed_a_file_not_read_and_a_feed_never_sent(hand_made):
    body = write(hand_made)
    items, movements = by_feed(body)["erp_items"], by_feed(body)["wms_movements"]
    assert (items["state"], items["age_days"], items["arrived"], items["rows"]["in"]) == ("absent", 1, None, None)
    assert (movements["state"], movements["arrived"]["version"], movements["rows"]["in"]) == ("waiting", 2, None)
    assert "wms_receipts" in body["feeds_never_sent"]
    refused = write(hand_made, RunEnd("nightly", (("landing__drop", "no comma"),)))
    assert by_feed(refused)["wms_movements"]["state"] == "refused"


def test_checks_say_what_failed_and_what_to_do(hand_made):
    gates = write(hand_made)["gates"]
    assert [gates[name] for name in ("checks", "passed", "warned", "blocked")] == [5, 2, 2, 1]
    first = gates["failed"][0]
    assert (first["feed"], first["check"], first["severity"], first["examples"]) == ("wms_stock", "quarantine_share", "block", ["on_hand"])
    assert all(check["title"] and check["remedy"] for check in gates["failed"])


def test_reconciliation_is_shown_check_by_check(hand_made):
    shown = {check["check"]: check for check in write(hand_made)["reconciliation"]}
    assert shown["stock_replay"]["passed"] is False and shown["stock_replay"]["examples"] == ["A/1"]
    assert shown["shipments_match_sales"]["passed"] is True


def test_quarantine_counts_by_reason_with_trend_and_first_rows(hand_made):
    quarantine = write(hand_made)["quarantine"]
    assert (quarantine["rows"], quarantine["rows_in_window"]) == (10, 12)
    assert quarantine["trend"] == [0] * 25 + [2, 0, 10]
    integer, date = quarantine["reasons"]
    assert (integer["reason"], integer["rows"], integer["rows_in_window"], integer["trend"][-3:]) == ("not_integer", 7, 8, [1, 0, 7])
    assert (date["reason"], date["rows"], date["rows_in_window"]) == ("not_date", 3, 4)
    first = {"file": "stock <b>& co</b>.csv", "line": 2, "column": "on_hand", "value": "=1+1", "raw": "line 2"}
    assert integer["examples"][0] == first and len(integer["examples"]) == 3


def test_the_csv_holds_every_row_of_the_day_and_no_formula(hand_made):
    body = write(hand_made)
    assert body["quarantine"]["csv"] == {"file": "quarantine.csv", "rows": 10}
    with (hand_made.home.health_of(hand_made.as_of) / "quarantine.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["line"]) for row in rows] == list(range(2, 12))
    assert {row["value"] for row in rows} == {"'=1+1"}


def test_rows_to_fix_come_by_worth_with_the_cell_that_is_wrong(hand_made):
    fixes = write(hand_made)["fixes"]
    told = [(fix["line"], fix["usd"], fix["frees"]) for fix in fixes["rows"][:3]]
    assert told == [(3, 350.0, ["EAST / I-2", "EAST / I-1"]), (4, 300.0, ["EAST / I-2"]), (2, None, [])]
    assert (fixes["rows"][0]["column"], fixes["rows"][0]["value"], fixes["rows"][0]["reasons"]) == (
        "on_hand", "=1+1", ["not_integer", "unit_mixup"],
    )  # fmt: skip
    assert (fixes["rows_total"], fixes["rows_that_free"]) == (10, 2)


def test_a_missing_row_is_named_by_its_pair(hand_made):
    pair = {
        "location_id": "EAST",
        "reasons": ["quarantine_share: refused for on_hand: not_date", "stock_replay: missing row: 0, expected 5"],
    }
    lacking = {"feed": "wms_stock", "file": FILE, "line": 0}
    hand_made.freeze(
        pair | {"item_id": "I-1", "usd": 9.0, "rows": [lacking | {"line": 4}]},
        pair | {"item_id": "I-2", "usd": 5.0, "rows": [lacking]},
        pair | {"item_id": "I-3", "usd": 7.0, "rows": [lacking]},
    )
    fixes = write(hand_made)["fixes"]
    assert [(fix["line"], fix["usd"], fix["frees"]) for fix in fixes["rows"][:3]] == [
        (4, 9.0, ["EAST / I-1"]), (0, 7.0, ["EAST / I-3"]), (0, 5.0, ["EAST / I-2"]),
    ]  # fmt: skip
    assert fixes["rows"][0]["reasons"] == ["not_integer", "stock_replay: missing row: 0, expected 5"]
    assert (fixes["rows_that_free"], fixes["rows_total"]) == (3, 12)


def test_frozen_pairs_come_by_worth(hand_made):
    frozen = write(hand_made)["frozen"]
    assert [(pair["item_id"], pair["usd"]) for pair in frozen["pairs"]] == [("I-2", 300.0), ("I-1", 50.0)]
    assert (frozen["usd"], frozen["pairs_total"], frozen["units"]) == (350.0, 2, 6.0)


def test_a_blocked_day_names_the_plan_in_force_and_its_age(hand_made):
    headline = write(hand_made)["headline"]
    assert headline["state"] == "blocked"
    assert headline["says"] == (
        "1 check stopped the data of Tuesday 10 March 2026, so the plan of Monday 9 March 2026 stays in force; it is 1 day old."
    )
    assert headline["why"] == ["wms_stock: Rows in quarantine — found 10 of 103 rows (9.71%), expected at most 5%"]


def test_a_plan_too_old_to_approve_is_called_so(hand_made):
    hand_made.publish(hand_made.as_of - 8 * DAY)
    assert "8 days old, more than the 7 at which lines can still be approved" in write(hand_made)["headline"]["says"]


@pytest.mark.parametrize(
    ("plan_age", "state", "answer"),
    [
        (0, "fresh", "Yes, except for 2 item-locations"),
        (3, "stale", "With care: the plan is 3 days old"),
        (-2, "superseded", "A newer plan is in force"),
        (None, "none", "There is no plan yet"),
    ],
)
def test_a_day_without_a_blocking_check_has_its_own_sentence(hand_made, plan_age, state, answer):
    hand_made.judge("wms_stock", GateCheck("row_count", True, "warn", "90 rows", "within 30%"))
    (hand_made.home.published / "current").unlink()
    if plan_age is not None:
        hand_made.publish(hand_made.as_of - plan_age * DAY)
    headline = write(hand_made)["headline"]
    assert (headline["state"], headline["answer"]) == (state, answer)


def test_a_corrected_extract_makes_the_plan_outdated(hand_made):
    hand_made.judge("wms_stock", GateCheck("row_count", True, "warn", "90 rows", "within 30%"))
    hand_made.publish(hand_made.as_of)
    inputs = {"partitions": {"wms_movements": {str(hand_made.as_of): "f" * 16}}}
    (hand_made.home.published / "run1" / "inputs.json").write_text(json.dumps(inputs))
    (hand_made.home.lake / "wms_movements" / f"{hand_made.as_of}.v0001-{'0' * 12}.parquet").write_bytes(b"")
    side = hand_made.home.lake / "wms_movements" / f"{hand_made.as_of}.v0001-{'0' * 12}.parquet.json"
    told = {"feed": "wms_movements", "business_date": str(hand_made.as_of), "content_sha256": "e" * 64}
    side.write_text(json.dumps(json.loads(side.read_text()) | told))
    headline = write(hand_made)["headline"]
    assert headline["state"] == "outdated"
    assert headline["why"] == ["wms_movements of 2026-03-10 was corrected since (version 2, not read yet)"]


def test_what_stopped_a_run_is_told_and_kept_when_the_page_is_made_anew(hand_made):
    stopped = RunEnd("nightly", (("landing__drop", "wms_stock.csv: the file is empty"),))
    hand_made.judge("wms_stock", GateCheck("row_count", True, "warn", "90 rows", "within 30%"))
    assert write(hand_made, stopped)["headline"]["why"] == ["wms_stock.csv: the file is empty"]
    again = write(hand_made)
    assert again["run"] == {"job": "nightly", "stopped_by": [{"step": "landing__drop", "says": "wms_stock.csv: the file is empty"}]}
    assert again["headline"]["says"].startswith("The run of Tuesday 10 March 2026 was stopped, so")
    assert write(hand_made, RunEnd("nightly"))["headline"]["state"] == "stale"


def test_the_same_home_gives_the_same_bytes_wherever_it_lies(hand_made, tmp_path):
    write(hand_made)
    folder = hand_made.home.health_of(hand_made.as_of)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(first) == {"health.html", "health.json", "quarantine.csv"}
    moved = Home(shutil.copytree(hand_made.home.root, tmp_path / "elsewhere", symlinks=True))
    shutil.rmtree(moved.health)
    write_health(moved, hand_made.as_of, Policy())
    assert {path.name: path.read_bytes() for path in moved.health_of(hand_made.as_of).iterdir()} == first
    assert json.loads(first["health.json"]) == read_health(hand_made.home, hand_made.as_of)
    assert first["health.json"].isascii()


def test_files_before_the_window_stay_shut(hand_made):
    old = hand_made.as_of - 28 * DAY
    hand_made.check("wms_stock", old, 3, ("not_date",) * 3)
    for path in hand_made.home.root.rglob(f"{old}*"):
        path.write_text("not what it should be")
    body = write(hand_made)
    assert body["problems"] == [] and body["quarantine"]["rows_in_window"] == 12


@pytest.mark.parametrize("name", ["wms_stock.json", "reconciliation.json", "frozen.json"])
@pytest.mark.parametrize("text", ["{", "[]", '{"format": "evenstock-gate/1"}', '{"format": "evenstock-frozen/1"}', '{"format": "else"}'])
def test_a_damaged_verdict_is_said_and_stops_nothing(hand_made, name, text):
    (hand_made.home.gates / str(hand_made.as_of) / name).write_text(text)
    body = write(hand_made)
    assert len(body["problems"]) == 1 and name in body["problems"][0]
    assert "What could not be read" in (hand_made.home.health_of(hand_made.as_of) / "health.html").read_text()


@pytest.mark.parametrize("where", ["lake", "landing", "quarantine", "published"])
def test_damaged_state_is_said_and_stops_nothing(hand_made, where):
    files = {
        "lake": f"lake/wms_stock/{hand_made.as_of}.v0001-{'0' * 12}.parquet.json",
        "landing": f"landing/wms_stock/{hand_made.as_of}.v0001.json",
        "quarantine": f"quarantine/wms_stock/{hand_made.as_of}.v0001.parquet",
        "published": "published/run1/manifest.json",
    }
    (hand_made.home.root / files[where]).write_text('{"version": ')
    body = write(hand_made)
    assert body["problems"] != [] and body["headline"]["answer"]


def test_an_empty_home_still_gets_a_page(tmp_path):
    made = write_health(Home(tmp_path / "home"), dt.date(2026, 3, 10), Policy())
    assert made.body["headline"]["state"] == "none" and made.body["feeds"] == []
    assert "No feed has ever arrived" in made.page.read_text()


def test_the_median_is_the_one_that_the_gate_names():
    check = check_row_count(load_contract("wms_stock"), 90, [100, 100, 101], GatePolicy())
    verdict = Verdict("wms_stock", "passed", ({"check": check.name, "observed": check.observed},), "")
    assert verdict.trailing_median == 100.0


def test_charts_leave_gaps_and_never_hide_a_small_count():
    line = line_chart([5, None, 10, 10], 36, 16, reference=10)
    assert line.dots == ((3.0, 8.0),) and line.stretches == ("23,3 33,3",) and line.reference == 3.0 and line.last == (33.0, 3.0)
    assert line_chart([None, None], 36, 16).last is None
    assert [bar.height for bar in bar_chart([1, 0, 1000], 30, 20)] == [2.0, 20.0]
