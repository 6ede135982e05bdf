"""What a dead process left is swept; what a living one holds is not, however the two meet."""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from pipelines.machine.temporary import scratch_folder, sweep, temporary_beside, temporary_folder_beside

MAKER = """
import sys, time
from pathlib import Path
from pipelines.machine.temporary import scratch_folder, temporary_beside, temporary_folder_beside
home = Path(sys.argv[1])
with temporary_beside(home / "lake" / "f") as a, temporary_folder_beside(home / "published" / "r") as b, scratch_folder() as c:
    (b / "half").write_bytes(b"1"); (c / "half").write_bytes(b"1")
    print(*(a, b, c), sep="\\n", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def maker(tmp_path: Path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    process = subprocess.Popen(
        [sys.executable, "-c", MAKER, str(tmp_path)], stdout=subprocess.PIPE, text=True, env={"TMPDIR": str(tmp_path / "tmp")}
    )
    process.made = [Path(process.stdout.readline().strip()) for _ in range(3)]
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(maker, tmp_path: Path):
    assert all(path.exists() for path in maker.made)
    assert sweep([tmp_path]) == []
    assert all(path.exists() for path in maker.made)
    maker.kill()
    maker.wait()
    assert set(sweep([tmp_path])) == set(maker.made)
    assert not any(path.exists() for path in maker.made)


def test_only_our_own_names_are_swept(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    kept = [tmp_path / "notes.partial", tmp_path / ".hidden", tmp_path / "lake.parquet"]
    for path in kept:
        path.write_bytes(b"1")
    (tmp_path / ".link.partial").symlink_to(kept[0])
    assert sweep([tmp_path]) == []
    assert all(path.exists() for path in kept)


def test_what_was_renamed_is_no_leftover(tmp_path: Path):
    with temporary_beside(tmp_path / "f") as path:
        path.write_bytes(b"1")
        path.replace(tmp_path / "f")
    with temporary_folder_beside(tmp_path / "d") as folder, scratch_folder() as scratch:
        folder.rename(tmp_path / "d")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d", "f"] and not scratch.exists()


def test_a_sweeper_and_a_writer_never_take_from_one_another(tmp_path: Path, monkeypatch):
    """The sweeper may meet a file between its making and its locking: then the writer makes another."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    stop = threading.Event()

    def keep_sweeping() -> None:
        while not stop.is_set():
            sweep([tmp_path])

    sweeper = threading.Thread(target=keep_sweeping)
    sweeper.start()
    try:
        for number in range(400):
            with temporary_beside(tmp_path / "f") as path:
                path.write_bytes(str(number).encode())
                path.replace(tmp_path / "f")
            assert (tmp_path / "f").read_bytes() == str(number).encode()
    finally:
        stop.set()
        sweeper.join()
