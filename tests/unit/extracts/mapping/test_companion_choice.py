"""A companion file with several rows of a key: `where` leaves some out, `latest` chooses by day, and what is still doubled is refused."""

import datetime as dt
from pathlib import Path

import pytest

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.landing.control import verify_control
from pipelines.extracts.layouts.layout_reading import read_layout

LAYOUT = """layout: acme
system: acme
feed: wms_shipments
description: Shipments of Acme.
lookups:
  proof: {{file: PROOF, on: {{id: id}}{choice}}}
columns:
  shipment_id: id
  order_id: id
  line_no: 1
  location_id: {{value: DC1}}
  item_id: {{value: A}}
  qty_units: 1
  shipped_at: {{value: "2026-01-01T00:00:00"}}
  delivered_at: {{from: lookup.proof.day, times: {dates}, optional: true}}
values: {{dates: {dates}}}
"""


def deliveries(
    folder: Path, proof: str, choice: str = "", dates: str = "YYYY-MM-DD", columns: tuple[str, str] = ("", "")
) -> dict[str, object]:
    """Shipment to its delivery, or to (column, reason) where it is quarantined. `columns` replaces one rule by another."""
    (folder / "main.csv").write_text("id\ns1\ns2\n")
    (folder / "proof.csv").write_text(proof)
    layout = read_layout(LAYOUT.format(choice=choice, dates=dates).replace(*columns).encode(), "acme.yaml")
    checked = check_file(folder / "main.csv", load_contract("wms_shipments"), layout, companions={"PROOF": folder / "proof.csv"})
    found = {row["shipment_id"]: row["delivered_at"] and row["delivered_at"].date() for row in checked.accepted.to_pylist()}
    return found | {f"s{row['line'] - 1}": (row["column"], row["reason"]) for row in checked.quarantined.to_pylist()}


@pytest.mark.parametrize("choice", ["", ", where: [{column: kind, in: [proof]}], latest: day"])
def test_a_companion_with_a_header_alone_has_no_row_for_anything(choice, tmp_path):
    assert deliveries(tmp_path, "id,day,kind\n", choice) == {"s1": None, "s2": None}


def test_a_sum_is_held_against_a_file_whose_companion_has_a_header_alone(tmp_path):
    (tmp_path / "main.csv").write_text("id\ns1\ns2\n")
    (tmp_path / "proof.csv").write_text("id,day\n")
    layout = read_layout(LAYOUT.format(choice="", dates="YYYY-MM-DD").encode(), "acme.yaml")
    contract, files = load_contract("wms_shipments"), {"PROOF": tmp_path / "proof.csv"}
    verify_control(tmp_path / "main.csv", contract, {"sums": {"qty_units": 2}}, "main.csv", layout, companions=files)
    with pytest.raises(InputRefused, match="says qty_units sums to 3, the file has 2"):
        verify_control(tmp_path / "main.csv", contract, {"sums": {"qty_units": 3}}, "main.csv", layout, companions=files)


def test_without_a_choice_a_doubled_key_is_refused(tmp_path):
    with pytest.raises(InputRefused, match="lines 2 and 3: id 's1' comes twice"):
        deliveries(tmp_path, "id,day\ns1,2026-01-02\ns1,2026-01-03\ns2,2026-01-02\n")


def test_where_leaves_rows_out(tmp_path):
    proof = "id,day,kind\ns1,2026-01-02,copy\ns1,2026-01-03,proof\ns2,2026-01-02,copy\n"
    found = deliveries(tmp_path, proof, ", where: [{column: kind, not_in: [copy]}]")
    assert found == {"s1": dt.date(2026, 1, 3), "s2": None}


@pytest.mark.parametrize(
    ("dates", "days"),
    [
        ("YYYY-MM-DD", ("2026-01-31", "2026-02-01")),
        ("DD.MM.YYYY", ("31.01.2026", "01.02.2026")),
        ("MM/DD/YYYY", ("01/31/2026", "02/01/2026")),
    ],
)
def test_latest_is_the_later_day_however_days_are_written(dates, days, tmp_path):
    for order in (days, days[::-1]):
        proof = "id,day\n" + "".join(f"s1,{day}\n" for day in order) + "s2,\n"
        assert deliveries(tmp_path, proof, ", latest: day", dates) == {"s1": dt.date(2026, 2, 1), "s2": None}


def test_no_day_is_before_any_and_what_is_no_day_is_never_passed_over(tmp_path):
    proof = "id,day\ns1,\ns1,2026-01-02\ns2,2026-01-02\ns2,soon\n"
    assert deliveries(tmp_path, proof, ", latest: day") == {"s1": dt.date(2026, 1, 2), "s2": ("PROOF.day", "bad_time")}


@pytest.mark.parametrize("other", ["n2", "n1"])
def test_rows_of_the_latest_day_are_one_if_they_say_the_same_of_what_is_read(other, tmp_path):
    """Two trucks on one day are two receipts of one order line, and both are of that day."""
    proof = f"id,day,n\ns1,2026-01-01,n1\ns1,2026-01-02,n1\ns1,2026-01-02,{other}\ns2,2026-01-02,n1\n"
    assert deliveries(tmp_path, proof, ", latest: day") == {"s1": dt.date(2026, 1, 2), "s2": dt.date(2026, 1, 2)}


def test_rows_of_the_latest_day_that_differ_in_what_is_read_are_refused(tmp_path):
    proof = "id,day,place\ns1,2026-01-02,A\ns1,2026-01-02,B\ns2,2026-01-02,A\n"
    columns = "{value: A}", "lookup.proof.place"
    with pytest.raises(InputRefused, match="lines 2 and 3: id 's1' comes twice"):
        deliveries(tmp_path, proof, ", latest: day", columns=columns)


def test_both_together(tmp_path):
    proof = "id,day,kind\ns1,2026-01-02,proof\ns1,2026-01-05,proof\ns1,2026-01-09,copy\ns2,2026-01-02,proof\n"
    found = deliveries(tmp_path, proof, ", where: [{column: kind, in: [proof]}], latest: day")
    assert found == {"s1": dt.date(2026, 1, 5), "s2": dt.date(2026, 1, 2)}


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (", where: [{column: kind}]", "lookups.proof.where.0.: has exactly one of"),
        (", where: [{column: kind, matches: '('}]", "is no regular expression"),
        (", latst: day", "did you mean 'latest'?"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_named(choice, said, tmp_path):
    with pytest.raises(UsageError, match=said):
        deliveries(tmp_path, "id,day\n", choice)


def test_a_column_that_the_companion_lacks_is_named(tmp_path):
    with pytest.raises(InputRefused, match=r"PROOF .*column 'dai' is missing"):
        deliveries(tmp_path, "id,day\ns1,2026-01-02\n", ", latest: dai")
