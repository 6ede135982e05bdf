"""Between Dagster and dbt: the parsed project, the process that builds it, and the events that come back. No SQL here."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliInvocation
from packaging.version import Version

from dagster_project.dbt_host import warm_host
from pipelines.domain.errors import EvenstockError
from pipelines.machine.boundaries import crossing
from pipelines.machine.writing import claim_folder

PROJECT_DIR = Path(__file__).resolve().parents[1] / "dbt"
SOURCE_SUFFIXES = (".sql", ".yml", ".yaml", ".csv")
OUTPUT_FOLDERS = ("target", "logs")


class DbtProjectFiles:
    """The dbt project as parsed once: `manifest.json` for Dagster and `partial_parse.msgpack` for dbt, cached by content."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir

    @cached_property
    def folder(self) -> Path:
        """Folder of the parsed project; parses it if no one has before, and swaps it in with one rename."""
        target = self._cache_dir / source_digest(PROJECT_DIR)
        if not (target / "manifest.json").is_file():
            claim_folder("dagster.project", target, _parse)
        return target

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The manifest as dagster-dbt reads it."""
        return json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))

    def mart_keys(self) -> dict[str, dg.AssetKey]:
        """Asset key of every mart by its model name."""
        nodes = [node for node in self.manifest["nodes"].values() if node["resource_type"] == "model" and "marts" in node["fqn"]]
        return {node["name"]: MartTranslator().get_asset_key(node) for node in sorted(nodes, key=lambda node: node["name"])}

    @property
    def parsed(self) -> Path:
        """The parsed project as dbt reads it."""
        return self.folder / "partial_parse.msgpack"


def source_digest(project_dir: Path) -> str:
    """First 16 hex of sha256 over names and bytes of every file dbt reads, and over dbt's own version."""
    from importlib.metadata import version

    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')} {project_dir}".encode())
    for path in sorted(p for p in project_dir.rglob("*") if p.suffix in SOURCE_SUFFIXES):
        relative = path.relative_to(project_dir)
        if relative.parts[0] not in OUTPUT_FOLDERS:
            digest.update(relative.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _parse(target: Path) -> None:
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", "parse", "--no-partial-parse"]
    environment = dbt_environment(target, {"EVENSTOCK_STORE": str(target / "store.duckdb")})
    run = subprocess.run(command, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True)
    if run.returncode:
        raise EvenstockError(f"dbt cannot read its project in {PROJECT_DIR}:\n{run.stdout}{run.stderr}")


def dbt_environment(target: Path, store: Mapping[str, str]) -> dict[str, str]:
    """Environment of a dbt process: telemetry off, output in `target`, the store's variables from `store`."""
    return {
        **os.environ,
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_PROJECT_DIR": str(PROJECT_DIR),
        "DBT_PROFILES_DIR": str(PROJECT_DIR),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
        "DBT_LOG_FORMAT": "json",
        "DBT_VERSION_CHECK": "false",
        "PYTHONUNBUFFERED": "1",
        **store,
    }


class MartTranslator(DagsterDbtTranslator):
    """Where dbt models stand in the asset graph: under their own name, in the stage that builds them, one partition per business date.

    Sources keep dagster-dbt's key `[source, table]`, which is the key of the ingest and planning assets that fill them.
    """

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=False))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The stage: facts come before the plan, what reads decisions after it."""
        return "reporting" if "decisions" in dbt_resource_props.get("tags", []) else "marts"


def build_models(
    context: dg.AssetExecutionContext, project: DbtProjectFiles, tag: str, target: Path, store: Mapping[str, str]
) -> Iterator[Any]:
    """Build and test the selected models of `tag` in a child process that dies with this run; yields their Dagster events.

    `target` is dbt's own output folder of this attempt, `store` the environment that names the DuckDB file. Raises dagster-dbt's
    error with dbt's messages when a model or a test of severity error fails.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    dbt = ["build", "--exclude-resource-type", "unit_test", *_selection(context, project, tag)]
    environment = dbt_environment(target, store) | {"DBT_WRITE_JSON": "false"}
    host = warm_host(project.parsed, PROJECT_DIR, environment)
    with crossing(f"work.{tag}", target) as halfway, host.build(dbt, environment) as process:
        invocation = DbtCliInvocation(
            process=cast("subprocess.Popen", process),
            manifest=project.manifest,
            dagster_dbt_translator=MartTranslator(),
            project_dir=PROJECT_DIR,
            target_path=target,
            raise_on_error=True,
            cli_version=Version("1.11.0"),
            context=context,
        )
        for number, event in enumerate(invocation.stream()):
            if number == 0:
                halfway()
            _tell_warning(context, event)
            yield event


def _tell_warning(context: dg.AssetExecutionContext, event: Any) -> None:
    """A dbt test of severity warn that found rows, as a line of the run's log; it comes once per model that the test reads."""
    found = {name: entry.value for name, entry in event.metadata.items()} if isinstance(event, dg.AssetObservation) else {}
    if found.get("status") == "warn":
        rows = found.get("dagster_dbt/failed_row_count", "some")
        context.log.warning(f"dbt test {str(found['unique_id']).split('.')[2]} warns about {rows} rows ({event.asset_key.path[-1]})")


def excluded(tag: str) -> str:
    """What a build of `tag` leaves out: unit tests always, and decisions from facts, since folders hand their tags down."""
    return "resource_type:unit_test" + (" tag:decisions" if tag == "facts" else "")


def _selection(context: dg.AssetExecutionContext, project: DbtProjectFiles, tag: str) -> list[str]:
    """The tag, or the names of the models that a partial run selected; facts are tested alone, decisions against the facts."""
    translator, nodes = MartTranslator(), project.manifest["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model" and _is_built_by(tag, node["tags"])]
    chosen = [node["name"] for node in models if translator.get_asset_key(node) in context.selected_asset_keys]
    whole = len(chosen) == len(models)
    tests = "cautious" if tag == "facts" else "eager"
    return ["--select", f"tag:{tag}" if whole else " ".join(sorted(chosen)), "--exclude", excluded(tag), "--indirect-selection", tests]


def _is_built_by(tag: str, tags: list[str]) -> bool:
    return "decisions" in tags if tag == "decisions" else "decisions" not in tags
