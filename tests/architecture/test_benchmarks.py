"""Every benchmark is registered, runs by its name, and what the docs call one is one."""

import importlib
import io
import json
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


def test_the_benchmark_of_sizes_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    sizes = importlib.import_module("benchmarks.solver_sizes")
    monkeypatch.setattr(sizes, "RESULTS", tmp_path / "sizes.json")
    monkeypatch.setattr(sizes, "SIZES", ((20, 4, 0.8), (30, 4, 0.8)))
    monkeypatch.setattr(sizes, "ARCS", (100, 200))
    monkeypatch.setattr(sizes, "SOLVERS", ("evenstock",))
    monkeypatch.setenv("EVENSTOCK_BENCH_ARCS", "100")
    monkeypatch.setenv("EVENSTOCK_BENCH_SEEDS", "1")
    first = sizes.run()
    assert [(row["items"], row["seed"]) for row in first] == [(20, 0)]
    assert {"gap_share", "bound_usd", "stopped_by", "seconds", "cpu_seconds", "peak_mb"} <= set(first[0])
    monkeypatch.setenv("EVENSTOCK_BENCH_ARCS", "200")
    rows = sizes.run()
    assert [row["items"] for row in rows] == [20, 30]
    assert rows[0] == first[0], "measured once"
    assert json.loads((tmp_path / "sizes.json").read_text()) == rows
    monkeypatch.setattr(sizes, "solver_code", lambda: "changed")
    assert [row["code"] for row in sizes.run()] == ["changed", "changed"]
