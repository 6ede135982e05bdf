"""What gates are handed: columns that are new in a file's header, rows of counts of many days, and the lines that were dispatched."""

import datetime as dt
import json

import pandas as pd
import pytest

from pipelines import flows
from pipelines.domain.policy import Policy
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.landing.kept_layouts import find_layout
from pipelines.flows.dispatched import read_dispatched
from pipelines.flows.gate_inputs import read_new_columns
from pipelines.flows.known import read_known
from pipelines.store.home import Home
from quality.judging.gates import check_columns_read
from quality.judging.judge import judge_feed
from tests.faults.mutations.judge import cheap_suites
from tests.landed import land_file, land_files

DAY = dt.date(2026, 1, 5)
HEADER = "location_id,item_id,lot_id,system_qty,counted_qty,at"
POSTINGS = b"""layout: acme_postings
system: acme
feed: wms_movements
description: Postings of Acme, of which only some move stock.
where:
  - {column: KIND, in: [S]}
columns:
  event_id: ID
  at: AT
  location_id: PLANT
  item_id: SKU
  type: {value: sale}
  qty_units: QTY
"""


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home")


def count(home: Home, day: dt.date, more: str = "") -> None:
    """A file of one count, with more columns."""
    path = home.root / f"wms_counts_{day}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}{more}\nA,I0,,5,5,{day}T22:00:00{',x' * more.count(',')}\n")
    land_files(home.landing, [(path, day)], "wms_counts")
    assert flows.ingest_feed(home, "wms_counts", day) is not None


def test_a_column_that_nobody_reads_is_new_once(home):
    count(home, DAY, ",bin")
    assert read_new_columns(home, "wms_counts", DAY) == ("bin",)
    count(home, DAY + dt.timedelta(days=1), ",bin,Counter name")
    assert read_new_columns(home, "wms_counts", DAY + dt.timedelta(days=1)) == ("Counter name",)
    count(home, DAY + dt.timedelta(days=2), ",Counter name,bin")
    assert read_new_columns(home, "wms_counts", DAY + dt.timedelta(days=2)) == ()
    check = check_columns_read(("bin",))
    assert (check.passed, check.severity, check.examples) == (False, "warn", ("bin",))
    assert check_columns_read(()).passed


@pytest.mark.parametrize(("kinds", "passed", "failed"), [("XXXXX", True, ["rows_present"]), ("SXXXX", False, ["rows_present"])])
def test_rows_that_a_layout_leaves_out_are_not_of_the_feed(kinds, passed, failed, home):
    """Five postings that move nothing are a quiet day; one refused row beside four of them is all that the feed had."""
    path = home.root / "postings.csv"
    home.layouts.mkdir(parents=True)
    (home.layouts / "acme_postings.yaml").write_bytes(POSTINGS)
    rows = [f"E{n},{DAY} 10:00,A,I0,many,{kind}" for n, kind in enumerate(kinds)]
    path.write_text("\n".join(["ID,AT,PLANT,SKU,QTY,KIND", *rows, ""]))
    land_file(home.landing, path, "wms_movements", DAY, layout=find_layout("acme_postings", (home.layouts,)))
    inputs = flows.read_gate_inputs(home, "wms_movements", DAY, flows.ingest_feed(home, "wms_movements", DAY), Policy())
    assert (inputs.rows_in, inputs.rows_left_out) == (5, kinds.count("X"))
    with cheap_suites():
        said = judge_feed(inputs, DAY, Policy().gate)
    assert (said.passed, [check.name for check in said.failures][:1]) == (passed, failed)


def test_refused_rows_are_named_unless_they_are_too_many_to_plan_around(home):
    """One of forty rows is frozen by the location that it names; forty of forty block, and none of them is looked at."""
    for day, bad in ((DAY, 1), (DAY + dt.timedelta(days=1), 40)):
        path = home.root / "wms_counts.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [f"A,I{n},,{'many' if n < bad else 5},5,{day}T22:00:00" for n in range(40)]
        path.write_text("\n".join([HEADER, *rows, ""]))
        land_files(home.landing, [(path, day)], "wms_counts")
    known = {"location_id": "A", "name": "A", "kind": "dc", "country": "US", "storage_cost_usd_per_m3_day": "0.1", "time_zone": "UTC"}
    columns = [column.name for column in load_contract("erp_locations").columns]
    path.write_text(f"{','.join(columns)}\n{','.join(known.get(name, '') for name in columns)}\n")
    land_files(home.landing, [(path, DAY)], "erp_locations")
    assert flows.ingest_feed(home, "erp_locations", DAY).rows_accepted == 1
    named = []
    for day in (DAY, DAY + dt.timedelta(days=1)):
        inputs = flows.read_gate_inputs(home, "wms_counts", day, flows.ingest_feed(home, "wms_counts", day), Policy())
        named.append([entry[:2] for entry in inputs.quarantined_pairs])
    assert named == [[("A", "")], []]


def test_counts_are_known_from_many_days(home):
    for days in range(4):
        count(home, DAY + dt.timedelta(days=days))
    known = read_known(home, {"wms_counts": pd.DataFrame()}, DAY + dt.timedelta(days=3))
    assert sorted(known["wms_counts"]["at"].dt.day) == [5, 6, 7]


def test_lines_in_the_outbox_are_read_back_for_sixty_days(home):
    for days, name in ((-70, "OLD"), (-1, "T1"), (0, "T2")):
        day = DAY + dt.timedelta(days=days)
        order = {
            "transfer_id": name, "origin": "A", "destination": "B", "mode": "road", "ship_date": "2026-01-05",
            "lines": [{"line_id": "L1", "item_id": "I0", "units": 6}, {"line_id": "L2", "item_id": "I1", "units": 2}],
        }  # fmt: skip
        (home.outbox / day.isoformat()).mkdir(parents=True)
        (home.outbox / day.isoformat() / f"{name}.json").write_text(json.dumps(order))
    found = read_dispatched(home, DAY)
    assert found[["transfer_id", "line_id", "qty_requested"]].to_numpy().tolist() == [["T1", "L1", 6], ["T1", "L2", 2]]
    assert found["ship_date"].tolist() == [pd.Timestamp(DAY)] * 2
    assert read_dispatched(home, DAY - dt.timedelta(days=200)).empty
