"""The lake: typed, deterministic, idempotent, versioned; its digest follows the content and nothing else."""

import datetime
from dataclasses import replace

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipelines.domain.errors import InputRefused
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.lake.partitions import current_files, ingest, lake_digest, read_partition, row_counts
from tests.landed import land_file

DAY = datetime.date(2026, 1, 5)
STOCK = load_contract("wms_stock")


@pytest.fixture
def put(tmp_path, good_row, write_feed):
    """put(rows, day, feed): land and ingest rows given as changes of the good row."""

    def build(rows, day=DAY, feed="wms_stock", home=None):
        home = home or tmp_path / "home"
        path = write_feed(feed, [good_row(feed, **changes) for changes in rows])
        landed = land_file(home / "landing", path, feed, day)
        return ingest(landed, load_contract(feed), home / "lake", home / "quarantine")

    return build


def bytes_below(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_both_sides_are_written_and_add_up(put, tmp_path):
    result = put([{"item_id": "B"}, {"item_id": "A"}, {"item_id": "C", "on_hand": "2.5"}])
    assert (result.rows_in, result.rows_accepted, result.rows_quarantined) == (3, 2, 1)
    assert pq.read_table(result.quarantine_path)["reason"].to_pylist() == ["not_integer"]
    assert read_partition(tmp_path / "home/lake", "wms_stock", DAY)["item_id"].tolist() == ["A", "B"]
    assert result.lake_path.name.startswith("2026-01-05.v0001-")


def test_parquet_has_the_stores_types_and_lineage(put):
    result = put([{}])
    found = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{result.lake_path}')").fetchall()
    expected = [(column.name, column.sql_type) for column in STOCK.columns]
    assert [(name, kind) for name, kind, *_ in found] == [
        *expected,
        ("_business_date", "DATE"),
        ("_version", "INTEGER"),
        ("_source_line", "INTEGER"),
    ]
    lineage = duckdb.sql(f"SELECT _business_date, _version, _source_line FROM read_parquet('{result.lake_path}')").fetchall()
    assert lineage == [(DAY, 1, 2)]


def test_the_same_bytes_again_write_nothing(put, tmp_path):
    first = put([{}])
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "home").rglob("*") if path.is_file()}
    assert put([{}]) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "home").rglob("*") if path.is_file()} == before


def test_two_homes_hold_identical_bytes(put, tmp_path):
    for name in ("one", "two"):
        put([{"item_id": item} for item in "CAB"], home=tmp_path / name)
    assert bytes_below(tmp_path / "one/lake") == bytes_below(tmp_path / "two/lake")
    assert bytes_below(tmp_path / "one/quarantine") == bytes_below(tmp_path / "two/quarantine")


def test_rows_written_otherwise_are_a_new_version_with_the_same_digest(put, tmp_path):
    lake = tmp_path / "home/lake"
    put([{"item_id": item} for item in "ABC"])
    before = current_files(lake, "wms_stock", DAY)
    written_otherwise = tmp_path / "other.csv"
    written_otherwise.write_text((tmp_path / "wms_stock.csv").read_text().replace(",C,", ',"C",'))
    landed = land_file(tmp_path / "home/landing", written_otherwise, "wms_stock", DAY)
    ingest(landed, STOCK, lake, tmp_path / "home/quarantine")
    after = current_files(lake, "wms_stock", DAY)
    assert ([file.version for file in before], [file.version for file in after]) == ([1], [2])
    assert lake_digest(before) == lake_digest(after)


@pytest.mark.parametrize("change", [{"on_hand": "11"}, {"lot_id": "L1"}, {"item_id": "I2"}, {"expiry_date": "2026-03-01"}])
def test_any_changed_cell_changes_the_digest(change, put, tmp_path):
    lake = tmp_path / "home/lake"
    put([{}])
    before = lake_digest(current_files(lake, "wms_stock", DAY))
    put([change])
    assert lake_digest(current_files(lake, "wms_stock", DAY)) != before


def test_the_highest_version_of_each_date_is_current(put, tmp_path):
    lake = tmp_path / "home/lake"
    days = [DAY + datetime.timedelta(days=n) for n in range(3)]
    for n, day in enumerate(days):
        put([{"item_id": f"I{i}", "date": day.isoformat()} for i in range(n + 1)], day)
    put([{"item_id": f"J{i}"} for i in range(5)])
    files = current_files(lake, "wms_stock", days[1])
    assert [(file.business_date, file.version, file.rows) for file in files] == [(days[0], 2, 5), (days[1], 1, 2)]
    assert row_counts(lake, "wms_stock", days[2], 28) == {days[0]: 5, days[1]: 2}
    assert row_counts(lake, "wms_stock", days[2], 1) == {days[1]: 2}
    assert lake_digest(files) == lake_digest(files[::-1])
    assert current_files(lake, "erp_items", DAY) == []


def test_frames_have_the_promised_types(put, tmp_path):
    put([{"shelf_life_days": ""}, {"item_id": "I2", "shelf_life_days": "30"}], feed="erp_items")
    frame = read_partition(tmp_path / "home/lake", "erp_items", DAY)
    assert frame["unit_cost_usd"].dtype == "float64"
    assert frame["units_per_pack"].dtype == "int64"
    assert frame["shelf_life_days"].dtype == "Int64"
    assert frame["launch_date"].dtype == "datetime64[us]"
    assert frame["item_id"].dtype == "str"
    assert frame["shelf_life_days"].tolist() == [pd.NA, 30]


def test_no_accepted_row_is_still_written_for_the_gate_to_see(put):
    result = put([{"on_hand": "x"}])
    assert (result.rows_in, result.rows_accepted) == (1, 0)
    assert pq.read_metadata(result.lake_path).num_rows == 0


def test_a_damaged_lake_file_is_rebuilt_from_the_landed_bytes(put):
    first = put([{}])
    first.lake_path.write_bytes(b"half a file")
    assert put([{}]) == first
    assert pq.read_metadata(first.lake_path).num_rows == 1


def test_changed_landed_bytes_are_refused(tmp_path, good_row, write_feed):
    landed = land_file(tmp_path / "landing", write_feed("wms_stock", [good_row("wms_stock")]), "wms_stock", DAY)
    landed.path.write_text(landed.path.read_text().replace(",10,", ",99,"))
    with pytest.raises(InputRefused, match="missing or changed"):
        ingest(landed, STOCK, tmp_path / "lake", tmp_path / "quarantine")


def test_a_new_contract_checks_the_same_bytes_again(put, tmp_path, good_row, write_feed):
    put([{}])
    landed = land_file(tmp_path / "home/landing", write_feed("wms_stock", [good_row("wms_stock")]), "wms_stock", DAY)
    stricter = replace(STOCK, rules=(replace(STOCK.rules[0], name="less", holds="on_hand < 5"),), digest="other")
    result = ingest(landed, stricter, tmp_path / "home/lake", tmp_path / "home/quarantine")
    assert (result.rows_accepted, result.rows_quarantined) == (0, 1)


def test_nothing_in_the_lake_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(InputRefused, match="ingest its extract first"):
        read_partition(tmp_path, "wms_stock", DAY)
