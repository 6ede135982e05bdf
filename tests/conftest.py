"""Shared fixtures. Real data comes through EVENSTOCK_REAL_DATA: absent means skip with a reason, set but missing means fail."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.shared import share

if TYPE_CHECKING:
    from dagster_project.closed_loop import LoopReport


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real data sets, or a skip that says how to get it."""
    value = os.environ.get("EVENSTOCK_REAL_DATA", "")
    if not value:
        pytest.skip("EVENSTOCK_REAL_DATA is not set: point it to the folder with m5/, proven/ and the other real data sets")
    folder = Path(value).resolve()
    assert folder.is_dir(), f"EVENSTOCK_REAL_DATA names {folder}, which is not a folder"
    return folder


# Modules whose tests take longest: they come first, so that no worker is left alone with one of them at the end.
LONGEST_MODULES = (
    "journeys/test_kills.py", "orchestration/test_backfill.py", "faults/test_mutations.py", "faults/test_fail_safe_arrival.py",
    "journeys/test_full_disk.py", "journeys/test_m5_loop.py", "journeys/test_determinism.py", "journeys/test_dirty_days.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules first, the rest as collected."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST_MODULES))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--soak-seed` shifts the seeds of long runs, so that each soak sees new cases."""
    parser.addoption("--soak-seed", type=int, default=0, help="first seed of the soak tests")


@pytest.fixture(scope="session")
def soak_seed(pytestconfig: pytest.Config) -> int:
    """First seed of a soak test."""
    return pytestconfig.getoption("--soak-seed")


@pytest.fixture(scope="session")
def parsed_dbt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One parsed dbt project for every test that builds marts through the orchestrator; children see it in the environment."""
    folder = tmp_path_factory.mktemp("parsed_dbt")
    os.environ["EVENSTOCK_DBT_TARGET"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def played_loop(parsed_dbt: Path, tmp_path_factory: pytest.TempPathFactory) -> "LoopReport":
    """Seven days of the closed loop on a small generated world: two nights, five landings. Read-only: copy its home to change it.

    The policy is bold, so that a world this small still finds moves worth a truck, and leaves dear lines to a person.
    """
    return share(tmp_path_factory, "played_loop", _play_loop)


def _play_loop(folder: Path) -> "LoopReport":
    from dagster_project.closed_loop import run_closed_loop
    from pipelines.settings import load_settings

    home = folder / "home"
    home.mkdir()
    (home / "policy.yaml").write_text("planning: {gamma: 1.0, eta: 1.0}\napproval: {max_line_cost_usd: 30.0}\n")
    return run_closed_loop(load_settings(home=home), items=24, days=7, seed=0, locations=4, spare_days=1)
