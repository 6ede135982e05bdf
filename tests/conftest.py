"""Shared fixtures. Real data comes through EVENSTOCK_REAL_DATA: absent means skip with a reason, set but missing means fail."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real data sets, or a skip that says how to get it."""
    value = os.environ.get("EVENSTOCK_REAL_DATA", "")
    if not value:
        pytest.skip("EVENSTOCK_REAL_DATA is not set: point it to the folder with m5/, proven/ and the other real data sets")
    folder = Path(value).resolve()
    assert folder.is_dir(), f"EVENSTOCK_REAL_DATA names {folder}, which is not a folder"
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--soak-seed` shifts the seeds of long runs, so that each soak sees new cases."""
    parser.addoption("--soak-seed", type=int, default=0, help="first seed of the soak tests")


@pytest.fixture(scope="session")
def soak_seed(pytestconfig: pytest.Config) -> int:
    """First seed of a soak test."""
    return pytestconfig.getoption("--soak-seed")
