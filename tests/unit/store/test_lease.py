"""One writer per home: the second is told who holds it, and a dead owner holds nothing."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.domain.errors import Busy
from pipelines.store.lease import hold_lease

OWNER = """
import sys, time
from pathlib import Path
from pipelines.store.lease import hold_lease
with hold_lease(Path(sys.argv[1]), "nightly 2016-04-24", "2016-04-24T22:00:00"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def owner(tmp_path: Path):
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_is_told_who_holds_the_lease(tmp_path: Path, owner: subprocess.Popen) -> None:
    with (
        pytest.raises(Busy, match=rf"nightly 2016-04-24 \(process {owner.pid} on .+\) since 2016-04-24T22:00:00; wait"),
        hold_lease(tmp_path, "mine", "now"),
    ):
        pytest.fail("two writers at once")


def test_a_killed_owner_holds_nothing(tmp_path: Path, owner: subprocess.Popen) -> None:
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    with hold_lease(tmp_path, "heir", "now") as path:
        assert "heir" in path.read_text()


def test_a_lease_does_not_nest(tmp_path: Path) -> None:
    with hold_lease(tmp_path, "outer", "now"):
        with pytest.raises(Busy, match="this very process"), hold_lease(tmp_path, "inner", "now"):
            pytest.fail("nested")
        with pytest.raises(Busy), hold_lease(tmp_path / ".." / tmp_path.name, "by another path", "now"):
            pytest.fail("nested")


def test_the_lease_is_free_after_the_block_even_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold_lease(tmp_path, "first", "now"):
        raise ZeroDivisionError
    with hold_lease(tmp_path, "second", "now") as path:
        assert "second" in path.read_text()
    assert path.read_text() == ""


def test_homes_do_not_block_one_another(tmp_path: Path) -> None:
    with hold_lease(tmp_path / "a", "a", "now"), hold_lease(tmp_path / "b", "b", "now"):
        pass


def test_a_lease_is_on_the_home_that_stands_there_and_not_on_one_put_aside_meanwhile(tmp_path: Path, monkeypatch) -> None:
    """A restore puts another home in the place of the one whose lock file was just opened."""
    home, plain = tmp_path / "home", fcntl.flock
    with hold_lease(home, "before", "now"):
        pass

    def put_aside_first(descriptor: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", plain)
        home.rename(tmp_path / "aside")
        home.mkdir()
        plain(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", put_aside_first)
    with hold_lease(home, "mine", "now") as path:
        assert "mine" in path.read_text() and (tmp_path / "aside" / "lease.lock").read_text() == ""
        with pytest.raises(Busy), hold_lease(home, "another", "now"):
            pytest.fail("two writers at once")
