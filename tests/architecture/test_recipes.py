"""The recipes of CONTRIBUTING.md name every place that knows all feeds, and no place that is not there."""

import re

import pytest

from pipelines.extracts.contracts.contract import CONTRACTS_DIR
from tests.architecture.test_house import ROOT, tracked

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
NEW = "wms_returns"


def recipe(title: str) -> str:
    return PAGE.split(f"## Recipe: {title}\n")[1].split("\n## ")[0]


def named_paths(text: str) -> set[str]:
    code = " ".join(re.findall(r"`([^`]+)`", text))
    return {path for path in re.findall(r"(?<![\w/.])[a-z_]+/[\w./<>-]+", code) if "<" not in path and NEW not in path}


@pytest.mark.parametrize("title", ["a source", "a KPI", "a constraint"])
def test_every_place_that_a_recipe_names_exists(title):
    named = named_paths(recipe(title))
    assert len(named) >= 2
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_a_source_is_named_wherever_all_feeds_are():
    feeds = [path.stem for path in CONTRACTS_DIR.glob("*.yaml")]
    assert len(feeds) == 14 and NEW not in feeds, "the recipe adds what is not there"
    every = re.compile("".join(rf"(?=.*\b{feed}\b)" for feed in feeds), re.S)
    files = tracked("*.py", "*.yml", "*.yaml", "*.json", "docs/contracts.md")
    knowing = {file.relative_to(ROOT).as_posix() for file in files if every.match(file.read_text(encoding="utf-8", errors="replace"))}
    assert knowing >= {"pipelines/flows/run.py", "pipelines/store/lake_schema.py"}
    assert sorted(knowing - named_paths(recipe("a source"))) == []
