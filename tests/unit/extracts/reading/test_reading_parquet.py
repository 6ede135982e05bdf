"""Parquet: typed cells to canonical text, rows numbered from 1, and what has no text or is hostile refused."""

import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.domain.errors import InputRefused
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.layouts.layout import Layout
from pipelines.extracts.reading import reading_parquet
from pipelines.extracts.reading.file_format import FileFormat, open_records

PARQUET = FileFormat(kind="parquet")
MOMENT = datetime.datetime(2026, 1, 5, 9, 30)


@pytest.fixture
def read(tmp_path):
    """read(table or bytes, wanted): (columns, broken, rows)."""

    def build(table, wanted=None):
        path = tmp_path / "sent.parquet"
        if isinstance(table, bytes):
            path.write_bytes(table)
        else:
            pq.write_table(table, path)
        with open_records(path, PARQUET, "sent.parquet") as records:
            batches = list(records.batches({name: records.names.index(name) for name in wanted or records.names}))
            cells = pa.concat_tables([batch.cells for batch in batches]).to_pydict() if batches else {}
            broken = [(b.line, b.column, b.reason) for batch in batches for b in batch.broken]
            assert set(records.raw_lines({1})) <= {1}
            return cells, broken, sum(batch.rows for batch in batches)

    return build


TYPES = {
    "int": (pa.array([1, None, -5], pa.int8()), ["1", "", "-5"]),
    "uint64": (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
    "double": (pa.array([1.0, 0.1, None, 1e21, 1e-7, -0.0, 12.50]), ["1", "0.1", "", "1000000000000000000000", "0.0000001", "0", "12.5"]),
    "float": (pa.array([0.1, 3.0], pa.float32()), ["0.1", "3"]),
    "half": (pa.array(np.array([0.5, 2], np.float16)), ["0.5", "2"]),
    "decimal": (pa.array([Decimal("10.0000"), Decimal("-0.5000"), Decimal("100.0000")]), ["10", "-0.5", "100"]),
    "wide decimal": (pa.array([Decimal("9" * 60)], pa.decimal256(60, 0)), ["9" * 60]),
    "whole decimal": (pa.array([Decimal("100"), Decimal("0")], pa.decimal128(10, 0)), ["100", "0"]),
    "text": (pa.array(["007", "", None, "NA", "1E5", "ä"]), ["007", "", "", "NA", "1E5", "ä"]),
    "large text": (pa.array(["x", None], pa.large_string()), ["x", ""]),
    "categories": (pa.array(["b", "a", None, "b"]).dictionary_encode(), ["b", "a", "", "b"]),
    "truth": (pa.array([True, False, None]), ["true", "false", ""]),
    "date": (pa.array([datetime.date(2026, 1, 5), None]), ["2026-01-05", ""]),
    "date64": (pa.array([datetime.date(2026, 1, 5)], pa.date64()), ["2026-01-05"]),
    "moment": (pa.array([MOMENT, MOMENT.replace(microsecond=500_000), None]), ["2026-01-05T09:30:00", "2026-01-05T09:30:00.5", ""]),
    "nanoseconds": (pa.array([MOMENT], pa.timestamp("ns")), ["2026-01-05T09:30:00"]),
    "zoned": (pa.array([MOMENT], pa.timestamp("ms", "Europe/Berlin")), ["2026-01-05T09:30:00Z"]),
    "time": (pa.array([datetime.time(9, 30), None]), ["09:30:00", ""]),
    "nothing": (pa.nulls(2), ["", ""]),
}


@pytest.mark.parametrize("name", TYPES)
def test_every_flat_type_has_one_text(name, read):
    values, texts = TYPES[name]
    cells, broken, rows = read(pa.table({"x": values}))
    assert (cells, broken, rows) == ({"x": texts, "_line": list(range(1, len(texts) + 1))}, [], len(texts))


def test_no_number_is_a_broken_row_where_its_column_is_asked_for(read):
    table = pa.table({"a": [1.0, float("nan"), float("inf")], "b": ["x", "y", "z"]})
    assert read(table) == ({"a": ["1"], "b": ["x"], "_line": [1]}, [(2, "a", "cell_error"), (3, "a", "cell_error")], 3)
    assert read(table, ["b"])[1:] == ([], 3)


NESTED = {
    "list": pa.array([[1], [2]]),
    "struct": pa.array([{"a": 1}, {"a": 2}]),
    "binary": pa.array([b"a", b"b"]),
    "duration": pa.array([1, 2], pa.duration("s")),
}


@pytest.mark.parametrize("name", NESTED)
def test_a_column_that_is_no_single_text_is_refused_only_if_asked_for(name, read):
    table = pa.table({"x": NESTED[name], "y": [1, 2]})
    assert read(table, ["y"])[0]["y"] == ["1", "2"]
    with pytest.raises(InputRefused, match="column 'x' is of type"):
        read(table)


def test_rows_are_numbered_through_batches_and_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(reading_parquet, "BATCH_ROWS", 70)
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"n": range(500)}), path, row_group_size=130)
    with open_records(path, PARQUET) as records:
        batches = list(records.batches({"n": 0}))
        assert len(batches) > 5
        pairs = [pair for batch in batches for pair in zip(batch.cells["n"].to_pylist(), batch.cells["_line"].to_pylist(), strict=True)]
        assert pairs == [(str(n), n + 1) for n in range(500)]
        assert records.raw_lines({3, 400}) == {3: "n=2", 400: "n=399"}


def good(tmp_path, rows=2000):
    path = tmp_path / "good.parquet"
    pq.write_table(pa.table({"n": [f"I{n}" for n in range(rows)]}), path)
    return path.read_bytes()


@pytest.mark.parametrize("cut", [8, 100, 1000])
def test_a_damaged_file_is_refused(cut, tmp_path, read):
    data = good(tmp_path)
    for damaged in (data[:-cut], data[:4] + data[4 + cut :], data[:-20] + b"\xff" * 12 + data[-8:]):
        with pytest.raises(InputRefused, match="damaged or cut short"):
            read(damaged)


@pytest.mark.parametrize("dictionary", [True, False])
def test_a_text_that_is_not_utf8_is_refused(dictionary, tmp_path, read):
    pq.write_table(pa.table({"a": ["xxMARKyy", "b"]}), tmp_path / "whole.parquet", use_dictionary=dictionary, write_statistics=False)
    data = (tmp_path / "whole.parquet").read_bytes()
    assert data.count(b"MARK") == 1
    with pytest.raises(InputRefused, match="damaged or cut short"):
        read(data.replace(b"MARK", b"MA\xffK"))


def test_files_over_the_limits_are_refused(tmp_path, read, monkeypatch):
    monkeypatch.setattr(reading_parquet, "MAX_ROWS", 1999)
    with pytest.raises(InputRefused, match="2000 rows, more than the limit of 1999"):
        read(good(tmp_path))
    monkeypatch.setattr(reading_parquet, "MAX_COLUMNS", 3)
    with pytest.raises(InputRefused, match="4 columns, more than the limit of 3"):
        read(pa.table({f"c{i}": [1] for i in range(4)}))


def test_few_stored_bytes_that_stand_for_very_many_are_refused(read):
    bomb = pa.table({"x": pa.DictionaryArray.from_arrays(pa.array([0] * 60_000, pa.int32()), pa.array(["x" * 10_000]))})
    with pytest.raises(InputRefused, match="600000000 bytes of text in 60000 rows"):
        read(bomb)


def test_a_doubled_column_is_refused(read):
    with pytest.raises(InputRefused, match="column 'a' comes twice"):
        read(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), ["a"])


def test_a_typed_stock_file_passes_the_contract_like_its_text(tmp_path):
    table = pa.table(
        {
            "date": [datetime.date(2026, 1, 5)] * 3, "location_id": ["CA_1"] * 3, "item_id": ["007", "1E5", "NA"],
            "lot_id": [None, "L-1", None],             "on_hand": [10.0, 0.0, 2.5], "reserved": [2, 0, 0],
            "blocked": [Decimal("1.000"), Decimal("0.000"), Decimal("0.000")],
            "expiry_date": [None, datetime.date(2026, 3, 1), None],
        }
    )  # fmt: skip
    path = tmp_path / "stock.parquet"
    pq.write_table(table, path)
    checked = check_file(
        path, load_contract("wms_stock"), Layout("typed", "acme", "wms_stock", "The contract's columns, typed.", file=PARQUET)
    )
    assert checked.accepted["item_id"].to_pylist() == ["007", "1E5"]
    assert checked.quarantined.select(["line", "column", "reason", "value"]).to_pylist() == [
        {"line": 3, "column": "on_hand", "reason": "not_integer", "value": "2.5"}
    ]
