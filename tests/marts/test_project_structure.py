"""The dbt project as dbt itself understands it: tags, contracts, descriptions, unit tests, pairs of files."""

import json
from pathlib import Path

import pytest
import yaml

from pipelines.store.grains import MART_GRAINS

PROJECT = Path(__file__).resolve().parents[2] / "dbt"


@pytest.fixture(scope="module")
def manifest(built_store: Path, dbt_scratch: Path) -> dict:
    return json.loads((dbt_scratch / "target" / "manifest.json").read_text())


@pytest.fixture(scope="module")
def models(manifest: dict) -> dict[str, dict]:
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


@pytest.fixture(scope="module")
def marts(models: dict) -> dict[str, dict]:
    return {name: node for name, node in models.items() if node["schema"] == "marts"}


def test_every_model_is_built_in_exactly_one_of_the_two_steps(models: dict):
    assert len(models) > 40
    for name, node in models.items():
        assert len({"facts", "decisions"} & set(node["tags"])) == 1, name
        assert len(node["tags"]) == 1, name


def test_facts_never_wait_for_decisions(models: dict):
    for name, node in models.items():
        for parent in node["depends_on"]["nodes"]:
            above = models.get(parent.rsplit(".", 1)[-1])
            if above and "facts" in node["tags"]:
                assert "facts" in above["tags"], (name, parent)


def test_facts_read_neither_forecast_nor_plan(models: dict):
    for name, node in models.items():
        if "facts" in node["tags"]:
            read = {parent.rsplit(".", 1)[-1] for parent in node["depends_on"]["nodes"] if parent.startswith("source.")}
            early = {"forecast_weekly", "forecast_summary", "finished_horizons", "trigger_events", "plan_lines", "dispositions"}
            assert not read & early, name


def test_marts_are_those_that_python_knows_with_the_same_grain(marts: dict):
    assert {name: tuple(node["config"]["meta"]["grain"]) for name, node in marts.items()} == MART_GRAINS


def test_every_mart_has_an_enforced_contract_with_a_type_and_a_meaning_per_column(marts: dict):
    for name, node in marts.items():
        assert node["config"]["contract"]["enforced"] is True, name
        for column in node["columns"].values():
            assert column["data_type"], (name, column["name"])
            assert len(column["description"]) > 3, (name, column["name"])


def test_descriptions_end_with_the_grain(models: dict):
    for name, node in models.items():
        last = node["description"].strip().rsplit(". ", 1)[-1]
        assert last.startswith("Grain: "), name


def test_every_mart_checks_its_grain(manifest: dict, marts: dict):
    checked = {
        node["attached_node"].rsplit(".", 1)[-1]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and node["test_metadata"]["name"] == "unique_combination"
    }
    assert checked == set(marts)


def test_every_kpi_has_a_unit_test(manifest: dict, marts: dict):
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    kpis = {name for name in marts if name.startswith("kpi_")} - {"kpi_summary"}
    assert len(kpis) == 16
    assert kpis <= tested


def test_every_generic_test_of_ours_is_used(manifest: dict):
    ours = {file.stem for file in (PROJECT / "tests" / "generic").glob("*.sql")}
    used = {node["test_metadata"]["name"] for node in manifest["nodes"].values() if node["resource_type"] == "test"}
    assert used == ours


def test_models_come_in_pairs_of_sql_and_yml_and_no_python():
    sql = {file.with_suffix("") for file in (PROJECT / "models").rglob("*.sql")}
    described = {file.with_suffix("") for file in (PROJECT / "models").rglob("*.yml")}
    assert sql <= described
    assert {file.name for file in described - sql} == {"lake", "exposures"}
    for file in sql:
        declared = yaml.safe_load(file.with_suffix(".yml").read_text())["models"]
        assert [model["name"] for model in declared] == [file.name]
    assert not list(PROJECT.rglob("*.py"))


def test_layers_only_read_downwards_and_only_staging_reads_the_lake(models: dict):
    for name, node in models.items():
        for parent in node["depends_on"]["nodes"]:
            if parent.startswith("source."):
                assert node["schema"] == "staging", name
            elif node["schema"] == "staging":
                assert models[parent.rsplit(".", 1)[-1]]["schema"] == "staging", name


def test_exposures_name_the_consumers(manifest: dict):
    assert {exposure["name"] for exposure in manifest["exposures"].values()} == {
        "transfer_plan",
        "planners_command_line",
        "analyst_publication",
    }


def test_telemetry_is_off(manifest: dict):
    assert manifest["metadata"]["send_anonymous_usage_stats"] is False
