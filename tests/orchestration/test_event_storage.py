"""Dagster's files over kept connections: what Dagster's own storages read while they are open, and whose storages win."""

import dagster as dg
import pytest

from dagster_project.event_storage import KeptEventStorage, open_kept_instance


@dg.asset
def counted() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset_check(asset=counted)
def has_rows() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


JOB = dg.Definitions(assets=[counted], asset_checks=[has_rows], jobs=[dg.define_asset_job("count")]).resolve_job_def("count")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    return tmp_path


def test_dagsters_own_storages_read_what_was_written_while_it_is_still_open(folder):
    with open_kept_instance(folder) as kept:
        runs = [JOB.execute_in_process(instance=kept).run_id for _ in range(4)]
        with dg.DagsterInstance.from_config(str(folder)) as plain:
            assert {run.run_id for run in plain.get_runs()} == set(runs)
            assert all(run.status == dg.DagsterRunStatus.SUCCESS for run in plain.get_runs())
            for run in runs:
                assert [e.message for e in plain.all_logs(run)] == [e.message for e in kept.all_logs(run)]
                assert len(plain.all_logs(run)) > 5
            latest = plain.get_latest_materialization_event(counted.key)
            assert latest is not None and latest.run_id == runs[-1]
            assert plain.event_log_storage.get_asset_check_execution_history(has_rows.check_key, limit=9)


def test_only_the_newest_runs_stay_open(folder):
    with open_kept_instance(folder) as kept:
        runs = [JOB.execute_in_process(instance=kept).run_id for _ in range(5)]
        storage = kept.event_log_storage
        assert isinstance(storage, KeptEventStorage)
        assert storage.open_files() == ["index", *runs[-2:]]
        assert len(kept.all_logs(runs[0])) > 5


def test_a_closed_instance_can_be_opened_again_and_wiped(folder):
    with open_kept_instance(folder) as kept:
        JOB.execute_in_process(instance=kept)
    with open_kept_instance(folder) as again:
        assert len(again.get_runs()) == 1
        again.wipe()
        assert again.get_runs() == []
        assert JOB.execute_in_process(instance=again).success


def test_storages_that_a_site_configures_are_left_alone(folder):
    (folder / "dagster.yaml").write_text(f"storage:\n  sqlite:\n    base_dir: {folder / 'elsewhere'}\n", encoding="utf-8")
    with open_kept_instance(folder) as instance:
        assert JOB.execute_in_process(instance=instance).success
        assert not isinstance(instance.event_log_storage, KeptEventStorage)
    assert (folder / "elsewhere").is_dir()
    assert not (folder / "history").exists()
