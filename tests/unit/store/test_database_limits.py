"""Every DuckDB connection keeps to the limits of the process and to its own folders, and nothing talks it out of that."""

import duckdb
import pytest

from pipelines.domain.errors import MachineFailed
from pipelines.extracts.memory_database import open_memory
from pipelines.machine.limits import ProcessLimits, use_limits
from pipelines.settings import load_settings
from pipelines.store.warehouse import open_store

BIG = "CREATE TABLE big AS SELECT range AS n, hash(range) AS h, md5(range::VARCHAR) AS t FROM range(400000) ORDER BY t"


@pytest.fixture(autouse=True)
def small():
    use_limits(ProcessLimits(memory="24MB", temporary="64MB", threads=1))
    yield
    use_limits(ProcessLimits())


def openers(folder):
    return {"store": lambda: open_store(folder / "store.duckdb"), "memory": open_memory}


@pytest.fixture(params=["store", "memory"])
def connection(request, tmp_path):
    with openers(tmp_path)[request.param]() as opened:
        yield opened


def setting(connection, name):
    return connection.execute(f"SELECT current_setting('{name}')").fetchone()[0]


def test_limits_of_the_process_reach_the_connection(connection):
    assert setting(connection, "threads") == 1
    assert setting(connection, "memory_limit") == "22.8 MiB"
    assert setting(connection, "max_temp_directory_size") == "61.0 MiB"
    assert setting(connection, "enable_external_access") is False and setting(connection, "lock_configuration") is True


@pytest.mark.parametrize("name", ["memory_limit = '9GB'", "threads = 9", "enable_external_access = true", "temp_directory = '/tmp'"])
def test_nothing_can_be_set_any_more(connection, name):
    with pytest.raises(duckdb.Error, match="locked"):
        connection.execute(f"SET {name}")


def test_other_files_can_neither_be_read_nor_written(connection, tmp_path):
    outside = tmp_path.parent / "outside.csv"
    outside.write_text("a\n1\n")
    for statement in (f"FROM read_csv('{outside}')", f"COPY (SELECT 1) TO '{outside}'", f"ATTACH '{tmp_path.parent / 'x.duckdb'}'"):
        with pytest.raises(duckdb.Error, match="disabled"):
            connection.execute(statement)


def test_work_larger_than_memory_goes_to_the_temporary_folder_and_leaves_nothing(tmp_path):
    with open_store(tmp_path / "store.duckdb") as connection:
        connection.execute(BIG)
        assert connection.execute("SELECT count(*), sum(n) FROM big").fetchone() == (400_000, 79_999_800_000)


@pytest.mark.parametrize("opener", ["store", "memory"])
def test_too_little_memory_and_temporary_space_is_told_with_the_remedy(opener, tmp_path):
    use_limits(ProcessLimits(memory="8MB", temporary="1MB", threads=1))
    with pytest.raises(MachineFailed, match=r"give it more \(EVENSTOCK_DUCKDB_MEMORY"), openers(tmp_path)[opener]() as connection:
        connection.execute(BIG)


def test_settings_say_the_limits(monkeypatch, tmp_path):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path))
    for name, value in {"DUCKDB_MEMORY": "3GB", "DUCKDB_TEMP": "5GB", "DUCKDB_THREADS": "3", "SOLVER_MEGABYTES": "900"}.items():
        monkeypatch.setenv(f"EVENSTOCK_{name}", value)
    assert load_settings().limits == ProcessLimits("3GB", "5GB", 3, 900, 30.0)
