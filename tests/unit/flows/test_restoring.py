"""A restored home takes the place of the one before in one step: whatever else happens meanwhile, one whole home stands there."""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.domain.errors import MachineFailed, UsageError
from pipelines.flows.restoring import RestoredHome, restore_backup
from pipelines.machine.boundaries import Fault, arm
from pipelines.machine.temporary import PARTIAL
from pipelines.store.backup import make_backup
from pipelines.store.home import Home
from pipelines.store.ledger import open_ledger

BEFORE = "2026-01-05T00:00:00+00:00"
KILLED = """
import sys
from pathlib import Path
from pipelines.flows.restoring import restore_backup
from pipelines.machine.boundaries import Fault, arm
from pipelines.store.home import Home
arm(Fault.parse(sys.argv[3]))
restore_backup(Home(Path(sys.argv[1])), Path(sys.argv[2]), "2026-01-06T00:00:00+00:00", force=True, tell=lambda *told: None)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder for the home, in which nothing stands yet; backups of another home lie beside it."""
    other = Home(tmp_path / "other")
    open_ledger(other.root)
    other.policy_file.write_text("planning: {gamma: 0.5}\n")
    make_backup(other, tmp_path / "backups", BEFORE, tell=lambda *told: None)
    (tmp_path / "disk").mkdir()
    yield tmp_path / "disk"
    arm(None)


def restore(disk: Path, second: int, tell: Callable = lambda *told: None, *, force: bool = False) -> RestoredHome:
    return restore_backup(Home(disk / "home"), disk.parent / "backups", f"2026-01-06T00:00:{second:02d}+00:00", force=force, tell=tell)


def contents(folder: Path) -> dict[str, str]:
    """Every file by its digest; the ledger must be sound, and SQLite stamps its own."""
    assert open_ledger(folder, read_only=True).verify_chain().ok
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in (".lock", ".sqlite")]
    files = [path for path in files if "-" not in path.suffix]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def live(disk: Path) -> dict[str, str]:
    """A home that stood there before; its contents."""
    open_ledger(disk / "home")
    (disk / "home" / "policy.yaml").write_text("planning: {gamma: 1.0}\n")
    return contents(disk / "home")


def test_two_restores_at_once_end_in_one_whole_home(disk: Path):
    """The second begins, and ends, while the first is about to put its home in place."""
    done = []

    def meanwhile(said: str, _share: float) -> None:
        if said == "putting it in place":
            done.append(restore(disk, 0))

    with pytest.raises(UsageError, match="give --force, which keeps all of it aside"):
        restore(disk, 1, meanwhile)
    assert len(done) == 1 and done[0].aside is None
    assert contents(disk / "home") == contents(disk.parent / "other")
    assert [path.name for path in disk.iterdir()] == ["home"]


def test_a_restore_that_fails_halfway_leaves_the_home_where_it_was(disk: Path):
    before = live(disk)
    arm(Fault("restore.home", "short_write"))
    with pytest.raises(MachineFailed, match="free some space"):
        restore(disk, 0, force=True)
    assert contents(disk / "home") == before and [path.name for path in disk.iterdir()] == ["home"]


@pytest.mark.parametrize("fault", ["backup.file:kill_halfway", "restore.home:kill_before", "restore.home:kill_halfway"])
def test_a_killed_restore_leaves_the_home_where_it_was_and_nothing_to_the_next(disk: Path, fault: str):
    before = live(disk)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(disk / "home"), str(disk.parent / "backups"), fault], check=False)
    assert killed.returncode == -9 and contents(disk / "home") == before
    assert any(path.name.endswith(PARTIAL) for path in disk.iterdir())
    done = restore(disk, 1, force=True)
    assert contents(disk / "home") == contents(disk.parent / "other") and done.aside and contents(done.aside) == before
    assert not any(path.name.endswith(PARTIAL) for path in disk.iterdir())
