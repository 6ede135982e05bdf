"""The warm process that forks dbt's builds: builds end as they should, and none outlives whoever wanted it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dagster_project.dbt_bridge import PROJECT_DIR, DbtProjectFiles, dbt_environment
from dagster_project.dbt_host import DbtHost, warm_host
from dagster_project.mart_docs import empty_run
from pipelines.store.warehouse import DBT_ENV, create_store

ONE_MODEL = ["run", "--select", "stg_erp__items"]
LONG_BUILD = ["run", "--select", "tag:facts"]
PATIENCE_S = 60


@pytest.fixture(scope="module")
def parsed(parsed_dbt) -> Path:
    return DbtProjectFiles(parsed_dbt).parsed


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    store = tmp_path / "store.duckdb"
    create_store(store, {}, empty_run(), {})
    return dbt_environment(tmp_path / "target", DBT_ENV(store))


@pytest.fixture
def host(parsed, environment) -> DbtHost:
    return warm_host(parsed, PROJECT_DIR, environment)


def run(host: DbtHost, arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
    with host.build(arguments, environment) as build:
        printed = build.stdout.read().decode()
        return build.wait(), printed


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_until_gone(*pids: int) -> None:
    since = time.monotonic()
    while any(is_there(pid) for pid in pids):
        assert time.monotonic() - since < PATIENCE_S, "a process outlived the one that wanted it"
        time.sleep(0.01)


def test_builds_follow_one_another_and_say_how_they_ended(host, environment):
    returncode, printed = run(host, ONE_MODEL, environment)
    assert returncode == 0
    assert "Completed successfully" in printed
    returncode, printed = run(host, ["run", "--select", "stg_erp__items", "--no-such-option"], environment)
    assert returncode == 1
    assert "no-such-option" in printed
    broken = environment | {"EVENSTOCK_STORE": "/nowhere/store.duckdb"}
    returncode, printed = run(host, ONE_MODEL, broken)
    assert returncode == 1
    assert "/nowhere" in printed
    assert run(host, ONE_MODEL, environment)[0] == 0


def test_the_host_imports_nothing_of_ours_but_the_rules_of_processes(host, environment):
    """dbt imports every top-level module whose name begins with dbt_; the bridge would bring Dagster along."""
    assert run(host, ONE_MODEL, environment)[0] == 0
    mapped = Path(f"/proc/{host.pid}/maps").read_text()
    assert "duckdb" in mapped
    assert "grpc" not in mapped


def test_a_build_that_nobody_waits_for_is_killed_and_the_host_lives_on(host, environment):
    with host.build(LONG_BUILD, environment) as build:
        build.stdout.readline()
    assert build.returncode == -signal.SIGKILL
    wait_until_gone(build.pid)
    assert run(host, ONE_MODEL, environment)[0] == 0


def test_a_signal_reaches_the_build(host, environment):
    with host.build(LONG_BUILD, environment) as build:
        build.stdout.readline()
        build.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            build.wait(timeout=0)
        assert build.wait() == -signal.SIGTERM
        build.send_signal(signal.SIGTERM)


def test_a_host_that_died_took_its_build_along_and_is_replaced(parsed, host, environment):
    with host.build(LONG_BUILD, environment) as build:
        build.stdout.readline()
        assert build.poll() is None
        os.kill(host.pid, signal.SIGKILL)
        assert build.wait() == -signal.SIGKILL
    wait_until_gone(build.pid, host.pid)
    again = warm_host(parsed, PROJECT_DIR, environment)
    assert again.pid != host.pid
    assert run(again, ONE_MODEL, environment)[0] == 0


def own_host(parsed: Path) -> str:
    """The start of a script that warms a host of its own; the environment stands in the file that it is given."""
    return f"""
import json, resource, sys, time
from pathlib import Path
from dagster_project.dbt_bridge import PROJECT_DIR
from dagster_project.dbt_host import close_hosts, warm_host
environment = json.loads(Path(sys.argv[1]).read_text())
host = warm_host(Path({str(parsed)!r}), PROJECT_DIR, environment)
"""


def test_host_and_build_die_with_the_process_that_wanted_them(parsed, environment, tmp_path):
    script = (
        own_host(parsed)
        + f"""
with host.build({LONG_BUILD!r}, environment) as build:
    build.stdout.readline()
    build.poll()
    print(host.pid, build.pid, flush=True)
    time.sleep(600)
"""
    )
    (tmp_path / "environment.json").write_text(json.dumps(environment))
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "environment.json")], stdout=subprocess.PIPE, text=True)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 2
    assert all(is_there(pid) for pid in pids)
    process.kill()
    process.wait()
    process.stdout.close()
    wait_until_gone(*pids)


def test_a_host_ends_with_a_process_that_ends_and_its_work_counts_as_that_processes(parsed, environment, tmp_path):
    script = (
        own_host(parsed)
        + f"""
with host.build({ONE_MODEL!r}, environment) as build:
    build.stdout.read()
    build.wait()
close_hosts()
print(host.is_alive(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime > 0.2)
"""
    )
    (tmp_path / "environment.json").write_text(json.dumps(environment))
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "environment.json")], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("False True\n", "")
