"""Every benchmark is registered, runs by its name, and what the docs call one is one."""

import importlib
import io
import re

import pytest
from rich.console import Console

from benchmarks.__main__ import REGISTRY, as_table, quick_ones
from tests.architecture.test_house import ROOT, tracked


def test_every_module_is_registered_and_every_entry_runs():
    modules = {f"benchmarks.{path.stem}" for path in tracked("benchmarks/*.py") if not path.stem.startswith("__")}
    assert {entry.module for entry in REGISTRY.values()} == modules
    for entry in REGISTRY.values():
        assert callable(importlib.import_module(entry.module).run), entry.module
        assert entry.title


def test_without_a_name_the_nightly_run_is_measured_and_nothing_that_takes_long():
    assert quick_ones()[0] == "nightly"
    assert set(REGISTRY) - set(quick_ones()) >= {"ingest", "solver", "sizes", "panel"}
    assert re.search(r"-m benchmarks \$\(PART\)", (ROOT / "Makefile").read_text())


def test_the_nightly_run_is_told_by_stage():
    told = " ".join(re.findall(r'stages\.stage\("(.+?)"\)', (ROOT / "benchmarks" / "nightly.py").read_text()))
    assert [stage for stage in ("ingest", "gate", "dbt", "forecast", "plan", "publish") if stage not in told] == []


@pytest.mark.parametrize("words", ["python -m benchmarks", "make bench PART="])
def test_the_pages_name_benchmarks_that_there_are(words):
    pages = [*tracked("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    named = {name for page in pages for name in re.findall(rf"{re.escape(words)} *(\w+)", page.read_text())}
    assert named and named <= set(REGISTRY), named - set(REGISTRY)


def test_a_table_shows_every_column_of_every_row():
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(as_table("t", [{"step": "gate", "cpu_s": 1.23456}, {"step": "dbt", "share": None}]))
    shown = console.export_text()
    assert all(word in shown for word in ("step", "cpu_s", "share", "gate", "1.235"))
