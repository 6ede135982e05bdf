"""The landing sensor: a night per content of a complete drop, and a reason for every drop that is not."""

import datetime as dt
import gzip
import hashlib
import json
import os
import uuid
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from dagster_project.definitions import build_defs
from dagster_project.jobs import nightly_job
from dagster_project.partitions import business_dates
from dagster_project.sensors import landing_sensor
from pipelines.extracts.contracts.contract import load_contract
from pipelines.settings import load_settings
from tests.landed import land_file

START = 1_767_700_000.0  # 2026-01-06
DAY = "2026-01-05"
FEEDS = ("erp_items", "erp_locations", "tms_lanes", "wms_stock")


class Watch:
    """A sensor with a clock of its own, asked again and again as the daemon does."""

    def __init__(self, home: Path) -> None:
        self.settings = load_settings(home=home)
        self.now, self.cursor = START, None
        self.instance = dg.DagsterInstance.ephemeral()
        self.sensor = landing_sensor(nightly_job(), self.settings, business_dates(self.settings.start_date), lambda: self.now)

    def look(self, seconds: float = 30.0) -> dg.SensorResult:
        self.now += seconds
        moment = dt.datetime.fromtimestamp(self.now, dt.UTC)
        with partition_loading_context(moment):
            result = self.sensor(dg.build_sensor_context(instance=self.instance, cursor=self.cursor))
        self.cursor = result.cursor
        return result

    def told(self, seconds: float = 30.0) -> str:
        reason = self.look(seconds).skip_reason
        return reason.skip_message if isinstance(reason, dg.SkipReason) else str(reason)

    def started(self, seconds: float = 30.0) -> list[tuple[str, str]]:
        return [(request.partition_key, request.run_key.split(":")[0]) for request in self.look(seconds).run_requests or []]


@pytest.fixture
def watch(tmp_path) -> Watch:
    (tmp_path / "home").mkdir()
    return Watch(tmp_path / "home")


def put(watch: Watch, name: str, data: bytes | None = None, day: str = DAY) -> Path:
    """A file of a drop, written now by the sensor's clock."""
    folder = watch.settings.folders.inbox / day
    folder.mkdir(parents=True, exist_ok=True)
    header = ",".join(column.name for column in load_contract(name.split(".")[0]).columns) if data is None else ""
    (folder / name).write_bytes(f"{header}\n{name}\n".encode() if data is None else data)
    os.utime(folder / name, (watch.now, watch.now))
    return folder / name


def announce(watch: Watch, *names: str, day: str = DAY) -> None:
    """A manifest of files that lie in the drop."""
    folder, files = watch.settings.folders.inbox / day, []
    for name in names:
        data = (folder / name).read_bytes()
        entry = {"feed": name.split(".")[0], "file": name, "rows": 1, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        files.append(entry)
    body = {"format": "evenstock-extract/1", "source_system": "t", "business_date": day, "files": files}
    (folder / "manifest.json").write_text(json.dumps(body))


def test_a_drop_with_manifest_starts_its_night_at_once_and_once(watch):
    put(watch, "wms_stock.csv")
    announce(watch, "wms_stock.csv")
    assert watch.started() == [(DAY, DAY)]
    assert watch.started() == [] and "no drop that is new" in watch.told()


def test_without_manifest_the_files_settle_first_and_every_reason_is_given(watch):
    for feed in FEEDS[:3]:
        put(watch, f"{feed}.csv")
    said = watch.told()
    assert "2026-01-05: erp_items.csv: seen unchanged 1 of 2 times" in said and "no file of wms_stock has come" in said
    put(watch, "wms_stock.csv")
    assert [watch.started(), watch.started(), watch.started()] == [[], [(DAY, DAY)], []]
    put(watch, "_SUCCESS", b"", day="2026-01-04")
    said = watch.told()
    assert "2026-01-04: " in said and "no file of a known feed yet" in said


def test_a_marker_saves_the_wait(watch):
    put(watch, "wms_stock.csv")
    put(watch, "_SUCCESS", b"")
    assert watch.started() == [(DAY, DAY)]


def test_a_corrected_drop_starts_the_night_again_and_a_repeated_one_does_not(watch):
    data = put(watch, "wms_stock.csv").read_bytes()
    announce(watch, "wms_stock.csv")
    (first,) = watch.look().run_requests
    put(watch, "wms_stock.csv", data)
    assert watch.started() == [], "the same bytes, written again"
    put(watch, "wms_stock.csv", data + b"more\n")
    said = watch.told()
    assert "wms_stock.csv: its bytes are not those that the manifest announces" in said
    announce(watch, "wms_stock.csv")
    (second,) = watch.look().run_requests
    assert first.partition_key == second.partition_key == DAY and first.run_key != second.run_key
    (watch.settings.folders.inbox / DAY / "wms_stock.csv").unlink()
    put(watch, "wms_stock.csv.gz", gzip.compress(data + b"more\n"))
    announce(watch, "wms_stock.csv.gz")
    assert watch.started() == [], "packed, and the same inside"


def test_a_drop_that_has_landed_and_was_judged_starts_nothing_even_for_a_sensor_that_forgot(watch):
    path = put(watch, "wms_stock.csv")
    put(watch, "_SUCCESS", b"")
    land_file(watch.settings.folders.landing, path, "wms_stock", dt.date.fromisoformat(DAY))
    assert watch.started() == [(DAY, DAY)], "landed, and no gate has judged it"
    gates = watch.settings.folders.gates / DAY
    gates.mkdir(parents=True)
    (gates / "reconciliation.json").write_text("{}")
    watch.cursor = None
    assert watch.started() == []


def test_whatever_lies_in_the_inbox_and_is_no_drop_is_told(watch):
    put(watch, "wms_stock.csv", day="yesterday")
    put(watch, "wms_stock.csv", day="2031-01-01")
    put(watch, "_SUCCESS", b"", day="2031-01-01")
    put(watch, "wms_stock.csv")
    (watch.settings.folders.inbox / DAY / "manifest.json").write_text("{")
    said = watch.told()
    assert "yesterday: not a folder of a business date" in said
    assert "2031-01-01: no business date that can be planned yet" in said
    assert "manifest.json: not valid JSON" in said


def test_several_drops_start_oldest_first(watch):
    for day in ("2026-01-05", "2026-01-04"):
        put(watch, "wms_stock.csv", day=day)
        put(watch, "_SUCCESS", b"", day=day)
    assert watch.started() == [("2026-01-04", "2026-01-04"), ("2026-01-05", "2026-01-05")]


def test_the_same_looks_give_the_same_answers(tmp_path):
    told = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        watch = Watch(tmp_path / name)
        put(watch, "wms_stock.csv")
        put(watch, "_SUCCESS", b"")
        result = watch.look()
        told.append(([request.run_key for request in result.run_requests], result.cursor))
    assert told[0] == told[1]


def test_it_is_part_of_the_definitions_and_off_until_switched_on(parsed_dbt, tmp_path):
    defs = build_defs(home=tmp_path / "home")
    sensor = defs.get_repository_def().get_sensor_def("landing")
    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED and sensor.job_name == "nightly"
    folder = tmp_path / "home" / "inbox" / DAY
    folder.mkdir(parents=True)
    (folder / "wms_stock.csv").write_text("x\n")
    (folder / "_SUCCESS").touch()
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, repository_def=defs.get_repository_def())
        requests = sensor.evaluate_tick(context).run_requests
    assert [(request.partition_key, request.tags["dagster/partition"]) for request in requests] == [(DAY, DAY)]


def fail(watch: Watch, request: dg.RunRequest, status: dg.DagsterRunStatus = dg.DagsterRunStatus.FAILURE) -> None:
    """Let the night that a request asks for be over."""
    tags = {**request.tags, "dagster/partition": str(request.partition_key)}
    watch.instance.add_run(dg.DagsterRun(job_name="nightly", run_id=str(uuid.uuid4()), tags=tags, status=status))


def test_a_failed_night_starts_again_after_a_while_and_three_times_at_most(watch):
    put(watch, "wms_stock.csv")
    put(watch, "_SUCCESS", b"")
    requests = list(watch.look().run_requests)
    for pause in (300, 1800):
        fail(watch, requests[-1])
        assert watch.started(60) == [], "not yet"
        requests += watch.look(pause).run_requests
    assert [request.run_key.split(":")[2:] for request in requests] == [[], ["2"], ["3"]]
    fail(watch, requests[-1])
    assert "2026-01-05: the night failed 3 times and is not started again; run evenstock run --as-of 2026-01-05" in watch.told(7200)
    assert "failed" not in watch.told(90_000)


def test_a_night_that_a_verdict_stopped_or_that_is_over_is_not_started_again(watch):
    put(watch, "wms_stock.csv")
    put(watch, "_SUCCESS", b"")
    (request,) = watch.look().run_requests
    fail(watch, request)
    gates = watch.settings.folders.gates / DAY
    gates.mkdir(parents=True)
    (gates / "wms_stock.json").write_text(json.dumps({"passed": False}))
    assert "the night failed on the verdict on wms_stock; it starts again when the drop is corrected" in watch.told(3600)
    (gates / "wms_stock.json").write_text(json.dumps({"passed": True}))
    fail(watch, request, dg.DagsterRunStatus.SUCCESS)
    assert watch.started(3600) == []


def test_a_corrected_drop_is_a_night_of_its_own_after_a_failed_one(watch):
    put(watch, "wms_stock.csv")
    announce(watch, "wms_stock.csv")
    (request,) = watch.look().run_requests
    fail(watch, request)
    put(watch, "wms_stock.csv", b"other\n")
    assert watch.started(3600) == [], "neither what failed nor what is not whole yet"
    announce(watch, "wms_stock.csv")
    (corrected,) = watch.look(3600).run_requests
    assert corrected.run_key != request.run_key and corrected.run_key.count(":") == 1
