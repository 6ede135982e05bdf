"""docs/marts.md: its snippets run on a publication as they stand, and its table of marts is the project's."""

import datetime
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import yaml

from pipelines.store.grains import MART_GRAINS
from pipelines.store.publication import Publication, publish

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "marts.md").read_text()


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture(scope="module")
def publication(built_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Publication:
    home = tmp_path_factory.mktemp("home")
    return publish(home / "published", "0123456789abcdef", datetime.date(2026, 3, 10), built_store, {"plan.json": b"{}"}, {})


@pytest.mark.parametrize("number", range(2))
def test_python_snippets_run_as_they_stand(number: int, publication: Publication):
    done = subprocess.run(
        [sys.executable, "-c", snippets("python")[number]], cwd=publication.path.parents[1], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert ("inventory_turnover", "280.0")[number] in done.stdout


@pytest.mark.parametrize("number", range(3))
def test_sql_snippets_give_rows(number: int, publication: Publication):
    with duckdb.connect(str(publication.path / "evenstock.duckdb"), read_only=True) as connection:
        assert connection.execute(snippets("sql")[number]).fetchall()


def test_no_snippet_is_left_out():
    assert (len(snippets("python")), len(snippets("sql"))) == (2, 3)


def test_the_table_of_marts_says_what_the_project_says():
    listed = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, flags=re.MULTILINE))
    assert set(listed) == set(MART_GRAINS)
    for file in (ROOT / "dbt" / "models" / "marts").rglob("*.yml"):
        if file.stem in MART_GRAINS:
            description = yaml.safe_load(file.read_text())["models"][0]["description"].strip()
            text, grain = description.rsplit(" Grain: ", 1)
            assert listed[file.stem] == f"{grain.rstrip('.')} | {text}"
