"""Properties of the check: no row is lost, valid rows come back equal, and the order of rows changes nothing but line numbers."""

import csv
import datetime
import io
from decimal import Decimal

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract

MOVEMENTS, ITEMS = load_contract("wms_movements"), load_contract("erp_items")
RELAXED = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
IDS = st.one_of(
    st.sampled_from(["007", "1E5", "NA", "null", "true", "-1", "0x1F", "2024-01-01"]),
    st.from_regex(r"[A-Za-z0-9_./\-]{1,60}", fullmatch=True),
)
SAFE = st.characters(codec="utf-8", exclude_categories=["C", "Z"])
TEXTS = st.text(st.one_of(SAFE, st.sampled_from(" \"',;|")), min_size=1, max_size=30).filter(lambda text: text == text.strip())
MONEY = st.integers(1, 10**9).map(lambda n: Decimal(n) / 10_000)
NOISE = st.text(st.sampled_from('ab01,"\n\r \t;-.é'), max_size=60)


def named(contract, rows):
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.name for column in contract.columns])
    writer.writerows(rows)
    return stream.getvalue()


def check(tmp_path, contract, text, block_bytes=256):
    path = tmp_path / "feed.csv"
    path.write_bytes(text.encode())
    return check_file(path, contract, block_bytes=block_bytes)


@RELAXED
@given(
    st.lists(
        st.tuples(IDS, TEXTS, st.integers(1, 10**6), MONEY, st.dates(datetime.date(1990, 1, 1), datetime.date(2100, 12, 31))),
        min_size=1,
        unique_by=lambda row: row[0],
    )
)
def test_valid_rows_come_back_equal(tmp_path, rows):
    cells = [[i, t, t, "", "EA", n, "0.5", "0.000001", m, m, "", "active", d, "", "", "", ""] for i, t, n, m, d in rows]
    checked = check(tmp_path, ITEMS, named(ITEMS, cells))
    assert checked.quarantined.to_pylist() == []
    found = checked.accepted.select(["item_id", "description", "units_per_pack", "unit_cost_usd", "launch_date"]).to_pylist()
    assert sorted(map(tuple, (row.values() for row in found))) == sorted(rows)


@RELAXED
@given(
    st.lists(
        st.one_of(NOISE, st.tuples(IDS, st.integers(-5, 5)).map(lambda r: f"{r[0]},2026-01-05T09:30:00,CA_1,I1,,adjust,{r[1]},")),
        min_size=1,
        max_size=30,
    )
)
def test_rows_in_are_accepted_plus_quarantined_for_any_text(tmp_path, lines):
    header = ",".join(column.name for column in MOVEMENTS.columns)
    text = header + "\nE0,2026-01-05T09:30:00,CA_1,I1,,adjust,1,\n" + "".join(line + "\n" for line in lines)
    checked = check(tmp_path, MOVEMENTS, text)
    accepted, quarantined = checked.accepted["_source_line"].to_pylist(), checked.quarantined["line"].to_pylist()
    assert len(accepted) + len(quarantined) == checked.rows_in
    assert len(set(accepted) | set(quarantined)) == checked.rows_in
    physical = text.split("\n")
    plain = {n for n, line in enumerate(physical, 1) if n > 1 and line.removesuffix("\r") and '"' not in line}
    if '"' not in text:
        assert set(accepted) | set(quarantined) == plain
    for line, event in zip(accepted, checked.accepted["event_id"].to_pylist(), strict=True):
        assert event in physical[line - 1]


@RELAXED
@given(st.data())
def test_row_order_changes_line_numbers_only(tmp_path, data):
    rows = data.draw(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["1", "2", "x", ""])), min_size=1, max_size=12))
    lines = [[i, "2026-01-05T09:30:00", "CA_1", "I1", "", "adjust", q, ""] for i, q in rows]
    shuffled = data.draw(st.permutations(lines))
    one, other = (check(tmp_path, MOVEMENTS, named(MOVEMENTS, order)) for order in (lines, shuffled))
    assert one.accepted.drop_columns(["_source_line"]).equals(other.accepted.drop_columns(["_source_line"]))
    assert faults_of(one) == faults_of(other)


def faults_of(checked):
    return sorted(tuple(row.values()) for row in checked.quarantined.drop_columns(["line"]).to_pylist())


@RELAXED
@given(st.text(st.sampled_from("0123456789.eE+-_x, "), min_size=1, max_size=8))
def test_an_accepted_number_is_written_the_way_it_was(tmp_path, text):
    rows = [
        ["E1", "2026-01-05T09:30:00", "CA_1", "I1", "", "adjust", text, ""],
        ["E2", "2026-01-05T09:30:00", "CA_1", "I1", "", "adjust", "7", ""],
    ]
    checked = check(tmp_path, MOVEMENTS, named(MOVEMENTS, rows))
    taken = {row["event_id"]: str(row["qty_units"]) for row in checked.accepted.to_pylist()}
    assert taken in ({"E2": "7"}, {"E1": text, "E2": "7"})


def test_twelve_thousand_rows_keep_their_arrow_types(tmp_path):
    rows = [[f"E{i}", "2026-01-05T09:30:00", "CA_1", "I1", "", "adjust", i + 1, ""] for i in range(12_000)]
    table = check(tmp_path, MOVEMENTS, named(MOVEMENTS, rows), 100_000).accepted
    assert table.schema.field("at").type == pa.timestamp("us")
    assert sum(table["qty_units"].to_pylist()) == 12_000 * 12_001 // 2
