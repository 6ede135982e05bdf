"""The day after the played loop: dropped but not run, and run from end to end. Both are read-only: copy a home to change it."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from dagster_project.nights import Nights
from pipelines.settings import load_settings
from pipelines.twin.extracts import write_drop
from tests.journeys.killed_nights import NightServer, outcome
from tests.shared import share


@pytest.fixture(scope="session")
def next_day(played_loop):
    """The world plays one more day, with the transfer orders of the loop's last night."""
    twin = played_loop.twin.fork()
    orders = [json.loads(path.read_text()) for path in sorted((played_loop.home / "outbox" / str(played_loop.last_day)).glob("*.json"))]
    return twin.play_day(orders), twin


@pytest.fixture(scope="session")
def ready(played_loop, next_day, tmp_path_factory) -> Path:
    """A copy of the loop's home in which the day after has been dropped and nothing of it was run."""
    home = Path(shutil.copytree(played_loop.home, tmp_path_factory.mktemp("ready") / "home", symlinks=True))
    write_drop(next_day[0], next_day[1].world, home / "inbox")
    return home


@pytest.fixture(scope="session")
def uninterrupted(ready, next_day, tmp_path_factory) -> Path:
    """A copy of it in which the night was run from end to end."""

    def run(folder: Path) -> Path:
        home = Path(shutil.copytree(ready, folder / "home", symlinks=True))
        Nights(load_settings(home=home), persistent=False).run("nightly", next_day[0].date)
        return home

    return share(tmp_path_factory, "uninterrupted", run)


@pytest.fixture(scope="session")
def sending(ready, tmp_path_factory) -> Path:
    """A copy of `ready` with a policy that approves whatever is planned, so that the night also sends transfer orders."""
    home = Path(shutil.copytree(ready, tmp_path_factory.mktemp("sending") / "home", symlinks=True))
    limits = "max_line_cost_usd: 1000000.0, max_line_value_usd: 1000000.0, max_donor_share: 1.0, min_benefit_cost_ratio: 0.0"
    (home / "policy.yaml").write_text(f"planning: {{gamma: 1.0, eta: 1.0}}\napproval: {{{limits}}}\n")
    return home


@pytest.fixture(scope="session")
def witnessed(sending, next_day, tmp_path_factory):
    """An uninterrupted night on a copy of `sending`: its outcome, its seconds, and how often it crossed each boundary."""

    def run(folder: Path):
        home = Path(shutil.copytree(sending, folder / "home", symlinks=True))
        server = NightServer.start(folder / "night.log")
        ended = server.night(home, next_day[0].date, witness=str(folder / "seen"))
        server.stop()
        assert ended.code == 0, (folder / "night.log").read_text()[-3000:]
        return outcome(home), ended.seconds, Counter((folder / "seen").read_text().split())

    return share(tmp_path_factory, "witnessed", run)


@pytest.fixture
def at_home(played_loop, monkeypatch):
    """The played loop's own home, for commands that only look."""
    monkeypatch.setenv("EVENSTOCK_HOME", str(played_loop.home))
    return played_loop.home


@pytest.fixture
def own_home(played_loop, monkeypatch, tmp_path):
    """A copy of it, for commands that decide."""
    home = Path(shutil.copytree(played_loop.home, tmp_path / "home", symlinks=True))
    monkeypatch.setenv("EVENSTOCK_HOME", str(home))
    return home


@pytest.fixture
def one_line(capfd):
    """Call it for what stands on stderr, which must be one line without a traceback."""

    def read() -> str:
        said = capfd.readouterr().err
        assert said.startswith("evenstock: ") and said.count("\n") == 1 and "Traceback" not in said, said
        return said

    return read
