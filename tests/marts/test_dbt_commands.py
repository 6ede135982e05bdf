"""Through the real dbt: unit tests, the parity of `available`, repeatability, the lock on files, static docs."""

import datetime
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from pipelines.domain.stock import available_units
from pipelines.store.publication import publish
from pipelines.store.warehouse import create_store, put_tables


def test_dbt_unit_tests_pass(built_store: Path, dbt_scratch: Path, dbt_run):
    done = dbt_run(built_store, dbt_scratch, "test", "--select", "test_type:unit")
    assert done.returncode == 0, done.stdout
    assert "ERROR=0" in done.stdout
    assert "kpi_otif::otif_counts_orders_not_lines" in done.stdout


def test_available_is_the_same_in_dbt_and_in_python(built_store: Path, dbt_scratch: Path, dbt_run):
    random = np.random.default_rng(20260310)
    numbers = random.integers(0, [400, 200, 200, 200], size=(10_000, 4))
    call = "{{ available('on_hand', 'reserved', 'blocked', 'firm_out') }}"
    done = dbt_run(built_store, dbt_scratch, "compile", "--quiet", "--inline", f"select {call} as units from cases order by row_id")
    assert done.returncode == 0, done.stdout
    frame = pd.DataFrame(numbers, columns=["on_hand", "reserved", "blocked", "firm_out"])
    frame["row_id"] = range(len(frame))
    with duckdb.connect() as connection:
        connection.register("cases", frame)
        found = connection.execute(done.stdout[done.stdout.index("select") :]).df()["units"].to_numpy()
    expected = available_units(*numbers.T)
    assert (found == expected).all()
    assert 1_000 < int((expected == 0).sum()) < 9_000


def test_same_rows_in_another_order_give_the_same_bytes(feeds, lake_writer, store_builder, built_store: Path, tmp_path: Path):
    shuffled = {feed: [lake_writer(tmp_path / "lake", feed, rows[::-1])] for feed, rows in feeds.items()}
    other = store_builder(shuffled, tmp_path / "other")
    as_of = datetime.date(2026, 3, 10)
    first, second = (publish(tmp_path / name, "r", as_of, store, {}, {}) for name, store in (("a", built_store), ("b", other)))
    hashes = [{k: v["sha256"] for k, v in done.manifest["files"].items() if k.endswith(".parquet")} for done in (first, second)]
    assert len(hashes[0]) == 34
    assert hashes[0] == hashes[1]


def test_a_model_cannot_read_files_outside_the_lake(built_store: Path, dbt_scratch: Path, dbt_run, tmp_path: Path):
    canary = tmp_path / "secret" / "canary.csv"
    canary.parent.mkdir()
    canary.write_text("word\ntweet-tweet\n")
    project = shutil.copytree(
        Path(__file__).resolve().parents[2] / "dbt", tmp_path / "dbt", ignore=shutil.ignore_patterns("target", "logs")
    )
    (project / "models" / "staging" / "canary.sql").write_text(f"{{{{ config(materialized='table') }}}} select * from read_csv('{canary}')")
    store = shutil.copy(built_store, tmp_path / "store.duckdb")
    done = dbt_run(Path(store), tmp_path, "run", "--select", "canary", project=project)
    assert done.returncode != 0
    assert "Permission Error" in done.stdout


def test_hostile_text_is_only_text(built_store: Path):
    with duckdb.connect(str(built_store), read_only=True) as connection:
        assert connection.execute("select description from marts.dim_item where item_id = 'Q'").fetchone() == (
            "'); drop table x; -- {{ 7 * 7 }}",
        )


def test_static_docs_are_one_file_without_tracking(built_store: Path, dbt_scratch: Path, dbt_run):
    done = dbt_run(built_store, dbt_scratch, "docs", "generate", "--static")
    assert done.returncode == 0, done.stdout
    page = (dbt_scratch / "target" / "static_index.html").read_text()
    assert "Inventory turnover: COGS of the window" in page
    assert '"send_anonymous_usage_stats": false' in page


def test_an_empty_lake_still_builds(dbt_run, tmp_path: Path, run_parameters):
    store = tmp_path / "store.duckdb"
    create_store(store, {}, run_parameters, {})
    put_tables(store, {})
    done = dbt_run(store, tmp_path, "build", "--exclude-resource-type", "unit_test")
    assert done.returncode == 0, done.stdout
    with duckdb.connect(str(store), read_only=True) as connection:
        reasons = connection.execute("select count(*), count(null_reason), count(value) from marts.kpi_summary").fetchone()
    assert reasons is not None
    assert reasons[0] == 21
    assert reasons[1] + reasons[2] == 21


@pytest.mark.parametrize("name", ["DBT_TARGET_PATH", "DBT_LOG_PATH"])
def test_runs_leave_nothing_in_the_project(name: str, built_store: Path):
    folder = {"DBT_TARGET_PATH": "target", "DBT_LOG_PATH": "logs"}[name]
    project = Path(__file__).resolve().parents[2] / "dbt"
    if (project / folder).exists():
        newest = max((f.stat().st_mtime for f in (project / folder).rglob("*")), default=0)
        assert newest < built_store.stat().st_mtime - 600, f"dbt/{folder} was written during this run"
