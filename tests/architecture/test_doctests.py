"""Every example in a docstring of the packages is run."""

import doctest
import importlib
import pkgutil

import pytest

PACKAGES = ("pipelines", "quality", "cli", "dagster_project")
# Started as a script inside dbt's process: it has no examples and acts when imported.
SCRIPTS = {"dagster_project.dbt_child"}


def names() -> list[str]:
    found = []
    for package in PACKAGES:
        module = importlib.import_module(package)
        found += [name for _, name, _ in pkgutil.walk_packages(module.__path__, f"{package}.") if "migrations" not in name]
    return sorted(set(found) - SCRIPTS)


@pytest.mark.parametrize("name", names())
def test_examples_hold(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0


def test_there_are_examples_to_run():
    finder = doctest.DocTestFinder(exclude_empty=True)
    count = sum(len(test.examples) for name in names() for test in finder.find(importlib.import_module(name)))
    assert count > 50
