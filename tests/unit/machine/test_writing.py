"""Files appear whole or not at all, whatever fails at which boundary, and the failure names file and remedy."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.domain.errors import MachineFailed, UsageError
from pipelines.machine import boundaries
from pipelines.machine.boundaries import BOUNDARIES, MODES, Fault, arm, arm_from_environment, crossing
from pipelines.machine.failures import remedy_of
from pipelines.machine.writing import claim_file, claim_folder, exchange, move_into_place, point_link, write_bytes, write_file
from pipelines.settings import load_settings

KILLED = """
import sys
from pathlib import Path
from pipelines.machine.boundaries import Fault, arm
from pipelines.machine.writing import write_bytes
arm(Fault.parse(sys.argv[1]))
write_bytes("lake.partition", Path(sys.argv[2]), b"new" * 1000)
"""


@pytest.fixture(autouse=True)
def disarmed():
    yield
    arm(None)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("mode", "left"), [("kill_before", b"old"), ("kill_halfway", b"old"), ("kill_after", b"new" * 1000)])
def test_a_kill_leaves_the_old_file_or_the_new_one(mode, left, tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    run = subprocess.run([sys.executable, "-c", KILLED, f"lake.partition:{mode}", str(target)])
    assert run.returncode == -9
    assert target.read_bytes() == left


WRITERS = {
    "write": lambda target: write_bytes("lake.partition", target, b"new"),
    "fill": lambda target: write_file("lake.partition", target, lambda path: path.write_bytes(b"new")),
    "claim": lambda target: claim_file("lake.partition", target.with_name("claimed"), b"new"),
    "folder": lambda target: claim_folder("lake.partition", target.with_name("claimed"), lambda path: (path / "a").write_bytes(b"new")),
    "link": lambda target: point_link("lake.partition", target.with_name("link"), "elsewhere"),
}


@pytest.mark.parametrize("mode", ["disk_full", "read_only", "short_write"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_failing_disk_leaves_what_was_there_and_names_file_and_remedy(writer, mode, tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    before = names(tmp_path)
    arm(Fault("lake.partition", mode))
    with pytest.raises(MachineFailed, match=rf"{tmp_path}.*(free some space|make it writable)"):
        WRITERS[writer](target)
    assert names(tmp_path) == before
    assert (target.read_bytes(), (tmp_path / "link").readlink()) == (b"old", Path("file"))
    arm(None)
    WRITERS[writer](target)


def test_a_fault_strikes_at_its_own_crossing_only(tmp_path):
    seen = []
    arm(Fault("lake.manifest", "disk_full", 2), seen.append)
    write_bytes("lake.partition", tmp_path / "a", b"1")
    write_bytes("lake.manifest", tmp_path / "b", b"1")
    with pytest.raises(MachineFailed):
        write_bytes("lake.manifest", tmp_path / "c", b"1")
    write_bytes("lake.manifest", tmp_path / "d", b"1")
    assert (names(tmp_path), seen) == (["a", "b", "d"], ["lake.partition", "lake.manifest", "lake.manifest", "lake.manifest"])


def test_what_another_writer_claimed_first_stays(tmp_path):
    assert claim_file("landing.version", tmp_path / "v1", b"mine") and not claim_file("landing.version", tmp_path / "v1", b"yours")
    assert claim_folder("dagster.project", tmp_path / "d", lambda path: (path / "mine").touch())
    assert not claim_folder("dagster.project", tmp_path / "d", lambda path: (path / "yours").touch())
    assert ((tmp_path / "v1").read_bytes(), names(tmp_path / "d"), names(tmp_path)) == (b"mine", ["mine"], ["d", "v1"])


def test_errors_of_the_caller_stay_what_they_are(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write_file("lake.partition", tmp_path / "a", lambda path: 1 / 0)
    with pytest.raises(FileNotFoundError):
        move_into_place("landing.bytes", tmp_path / "no such file", tmp_path / "b")
    with pytest.raises(ValueError, match="not a named boundary"), crossing("lake.partitoin", tmp_path):
        pytest.fail("crossed what nobody named") if arm(Fault("lake.partition", "hang", 99)) else None


def test_the_longest_name_a_disk_takes_can_be_written(tmp_path):
    target = tmp_path / ("x" * 255)
    assert write_bytes("export.file", target, b"1", 0o600).read_bytes() == b"1"
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["lake.partition", "lake.partition:explode", "nowhere:disk_full", "lake.partition:disk_full:0", ":", "a:b:c:d"]
)
def test_a_fault_that_cannot_happen_is_refused(text):
    with pytest.raises(UsageError, match="no such fault"):
        Fault.parse(text)


def test_every_boundary_and_mode_can_be_named():
    assert all(Fault.parse(f"{name}:{mode}:7") == Fault(name, mode, 7) for name in BOUNDARIES for mode in MODES)


def test_production_refuses_to_arm_a_fault(monkeypatch, tmp_path):
    monkeypatch.setenv("EVENSTOCK_FAULT", "lake.partition:kill_before")
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="EVENSTOCK_FAULT makes the process fail on purpose and is for tests alone"):
        load_settings()
    assert boundaries._armed is None
    arm_from_environment({"EVENSTOCK_FAULT": "lake.partition:disk_full", "EVENSTOCK_TESTING": "1"})
    assert boundaries.armed_environment() == {"EVENSTOCK_FAULT": "lake.partition:disk_full:1", "EVENSTOCK_TESTING": "1"}


def test_what_machines_say_has_a_remedy():
    said = (os.strerror(28), "database or disk is full", "attempt to write a readonly database", "Out of Memory Error: x")
    assert all(remedy_of(text) for text in said)
    assert remedy_of("Binder Error: no such column") is None


@pytest.mark.parametrize("is_linux", [True, False])
def test_two_folders_trade_places(is_linux, tmp_path, monkeypatch):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not is_linux:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    exchange(tmp_path / "new", tmp_path / "old")
    assert names(tmp_path) == ["new", "old"]
    assert names(tmp_path / "old") == ["new"] and names(tmp_path / "new") == ["old"]


def test_trading_places_with_nothing_fails_and_changes_nothing(tmp_path):
    (tmp_path / "new").mkdir()
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "new", tmp_path / "old")
    assert names(tmp_path) == ["new"]
