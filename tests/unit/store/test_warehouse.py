"""The store: typed lake views, tables of a run, reading marts, and what a connection is kept from."""

import datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.store.lake_schema import FEED_SCHEMAS, LINEAGE, TABLE_SCHEMAS
from pipelines.store.warehouse import DBT_ENV, RunParameters, create_store, open_store, put_tables, read_mart

PARAMETERS = RunParameters(as_of=datetime.date(2026, 3, 10), run_id="abc")


def parquet(file: Path, query: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet)")
    return file


def columns_of(store: Path, table: str) -> list[tuple[str, str]]:
    with open_store(store, read_only=True) as connection:
        return [(row[0], row[1]) for row in connection.execute(f"DESCRIBE lake.{table}").fetchall()]


def rows_of(store: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(store), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("feed", sorted(FEED_SCHEMAS))
def test_a_feed_without_files_is_an_empty_view_of_its_types(feed: str, tmp_path: Path):
    store = tmp_path / "store.duckdb"
    create_store(store, {}, PARAMETERS, {})
    assert columns_of(store, feed) == [*FEED_SCHEMAS[feed], *LINEAGE]
    assert rows_of(store, f"SELECT count(*) FROM lake.{feed}") == [(0,)]


@pytest.mark.parametrize("table", sorted(TABLE_SCHEMAS))
def test_tables_that_nobody_filled_are_there_and_empty(table: str, tmp_path: Path):
    store = tmp_path / "store.duckdb"
    create_store(store, {}, PARAMETERS, {})
    assert columns_of(store, table) == TABLE_SCHEMAS[table]


def test_files_of_a_feed_are_one_view_and_a_column_that_one_lacks_is_null(tmp_path: Path):
    lineage = "DATE '2026-03-10' AS _business_date, 1 AS _version, 2 AS _source_line"
    old = parquet(tmp_path / "lake" / "old.parquet", f"SELECT 'A' AS location_id, 'Alpha' AS name, 1.5 AS lat, {lineage}")
    new = parquet(tmp_path / "lake" / "new.parquet", f"SELECT 'B' AS location_id, 'it''s' AS name, 'US' AS country, {lineage}")
    store = tmp_path / "store.duckdb"
    create_store(store, {"erp_locations": [old, new]}, PARAMETERS, {})
    assert columns_of(store, "erp_locations") == [*FEED_SCHEMAS["erp_locations"], *LINEAGE]
    found = rows_of(store, "SELECT location_id, name, lat, country, owner FROM lake.erp_locations ORDER BY 1")
    assert found == [("A", "Alpha", 1.5, None, None), ("B", "it's", None, "US", None)]


def test_schemas_can_be_handed_in(tmp_path: Path):
    store = tmp_path / "store.duckdb"
    create_store(store, {}, PARAMETERS, {}, schemas={"wms_counts": [("at", "TIMESTAMP"), ("counted_qty", "BIGINT")]})
    assert columns_of(store, "wms_counts")[:2] == [("at", "TIMESTAMP"), ("counted_qty", "BIGINT")]


def test_the_store_is_always_fresh(tmp_path: Path):
    store = tmp_path / "store.duckdb"
    create_store(store, {}, PARAMETERS, {"extra": pd.DataFrame({"a": [1]})})
    store.with_name("store.duckdb.wal").write_bytes(b"an old log that must not be replayed")
    create_store(store, {}, PARAMETERS, {})
    names = {row[0] for row in rows_of(store, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'lake'")}
    assert "extra" not in names
    assert not store.with_name("store.duckdb.wal").exists()


def test_run_parameters_are_one_typed_row(tmp_path: Path):
    store = tmp_path / "store.duckdb"
    create_store(store, {}, PARAMETERS, {})
    assert rows_of(store, "SELECT as_of, run_id, window_days, capital_rate FROM lake.run_parameters") == [
        (datetime.date(2026, 3, 10), "abc", 28, 0.12)
    ]


def test_what_cannot_be_right_is_refused(tmp_path: Path):
    store = tmp_path / "store.duckdb"
    with pytest.raises(UsageError, match="wms_stok"):
        create_store(store, {"wms_stok": []}, PARAMETERS, {})
    with pytest.raises(InputRefused, match=r"gone\.parquet"):
        create_store(store, {"wms_stock": [tmp_path / "gone.parquet"]}, PARAMETERS, {})
    with pytest.raises(UsageError, match="window_days"):
        RunParameters(as_of=datetime.date(2026, 3, 10), run_id="abc", window_days=0)
    create_store(store, {}, PARAMETERS, {})
    with pytest.raises(ValueError, match="mean_units"):
        put_tables(
            store, {"forecast_weekly": pd.DataFrame({"location_id": ["A"], "item_id": ["p"], "week_index": [0], "week_start": [None]})}
        )


def test_tables_are_replaced_together_or_not_at_all(tmp_path: Path):
    store = tmp_path / "store.duckdb"
    week = pd.DataFrame(
        {"location_id": ["A"], "item_id": ["p"], "week_index": [0], "week_start": [datetime.date(2026, 3, 11)], "mean_units": [7.0]}
    )
    create_store(store, {}, PARAMETERS, {})
    put_tables(store, {"forecast_weekly": week})
    put_tables(store, {"forecast_weekly": week.assign(mean_units=8.0)})
    with pytest.raises(ValueError, match="plan_lines"):
        put_tables(store, {"forecast_weekly": week.assign(mean_units=9.0), "plan_lines": week})
    assert rows_of(store, "SELECT mean_units FROM lake.forecast_weekly") == [(8.0,)]


def test_reading_a_mart_sorts_by_its_grain_and_knows_its_columns(tmp_path: Path):
    store = tmp_path / "store.duckdb"
    create_store(store, {}, PARAMETERS, {})
    with duckdb.connect(str(store)) as connection:
        connection.execute(
            "CREATE SCHEMA marts; CREATE TABLE marts.dim_location AS SELECT * FROM (VALUES ('B', 'x'), ('A', 'y')) AS v(location_id, name)"
        )
    assert read_mart(store, "dim_location")["location_id"].tolist() == ["A", "B"]
    assert read_mart(store, "dim_location", ["name"]).to_dict("list") == {"name": ["y", "x"]}
    with pytest.raises(UsageError, match="nam"):
        read_mart(store, "dim_location", ["nam"])
    with pytest.raises(UsageError, match="unknown mart"):
        read_mart(store, "dim_location; DROP TABLE x")
    with pytest.raises(UsageError, match="not been built"):
        read_mart(store, "dim_item")


def test_a_connection_reads_its_own_folders_only(tmp_path: Path):
    secret = tmp_path / "secret" / "canary.csv"
    secret.parent.mkdir()
    secret.write_text("word\ntweet\n")
    store = tmp_path / "work" / "store.duckdb"
    store.parent.mkdir()
    create_store(store, {}, PARAMETERS, {})
    with open_store(store) as connection:
        with pytest.raises(duckdb.PermissionException):
            connection.execute(f"SELECT * FROM read_csv('{secret}')")
        with pytest.raises(duckdb.InvalidInputException):
            connection.execute("SET memory_limit = '100GB'")
        assert connection.execute("SELECT current_setting('threads'), current_setting('memory_limit')").fetchone() == (2, "1.8 GiB")


def test_dbt_gets_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert DBT_ENV(Path("work/store.duckdb"))["EVENSTOCK_STORE"] == str(tmp_path / "work" / "store.duckdb")


def test_types_are_those_of_the_extract_contracts():
    from pipelines.extracts.contracts.contract import load_contracts

    contracts = {feed: [(column.name, column.sql_type) for column in contract.columns] for feed, contract in load_contracts().items()}
    assert contracts == FEED_SCHEMAS
