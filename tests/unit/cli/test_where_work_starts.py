"""Which dates and homes a night or a demo starts on, and what whoever waits for it is told."""

import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from dagster_project.closed_loop import begin_demo
from dagster_project.nights import Nights
from dagster_project.partitions import business_dates
from dagster_project.resources import EvenstockHome
from pipelines.domain.errors import GateBlocked, UsageError
from pipelines.store.home import Home


def check_date(day: str) -> None:
    job = SimpleNamespace(partitions_def=business_dates(dt.date(2011, 1, 1)))
    Nights._check_date(SimpleNamespace(jobs={"nightly": job}), "nightly", dt.date.fromisoformat(day))


def test_a_date_outside_the_partitions_is_told_the_range():
    check_date("2011-01-01")
    with pytest.raises(UsageError, match=r"^2010-12-31 is before .* from 2011-01-01 to "):
        check_date("2010-12-31")
    with pytest.raises(GateBlocked, match=r"^nothing has landed for 9999-12-31.* from 2011-01-01 to "):
        check_date("9999-12-31")


def test_traces_of_a_failed_command_are_no_work_and_are_kept(tmp_path):
    for name in ("logs", "run_log", "dagster"):
        (tmp_path / name).mkdir()
    begin_demo(Home(tmp_path), {"seed": 1})
    assert {path.name for path in tmp_path.iterdir()} == {"logs", "run_log", "dagster", "demo.json", "lease.lock"}


def test_work_is_still_work(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "landing").mkdir()
    with pytest.raises(UsageError, match="landing"):
        begin_demo(Home(tmp_path), {})


def test_a_run_holds_the_lease_by_job_and_business_date(tmp_path):
    said = {}

    @dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
    def look(home: EvenstockHome) -> None:
        said.update(json.loads((Path(home.home) / "lease.lock").read_text()))

    done = dg.materialize([look], resources={"home": EvenstockHome(home=str(tmp_path))}, partition_key="2026-01-31")
    assert done.success and f"for 2026-01-31, run {done.run_id[:8]}" in said["what"]
