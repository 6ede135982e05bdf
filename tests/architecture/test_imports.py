"""Who imports what, by lists of what is allowed: a new module is held to them before anybody thinks of it.

The arrows between rooms stand in pyproject.toml; here stand the rules that such lists of forbidden pairs leave holes in.
"""

import ast
import sys

import pytest

from tests.architecture.test_house import ROOT, modules

LIBRARIES = {
    "pulp": ("pipelines/planning/",),
    "highspy": ("pipelines/planning/",),
    "great_expectations": ("quality/",),
    "duckdb": ("pipelines/store/", "pipelines/extracts/"),
    "sqlalchemy": ("pipelines/store/", "dagster_project/event_storage.py"),
    "alembic": ("pipelines/store/",),
    "dagster": ("dagster_project/", "cli/"),
    "dagster_dbt": ("dagster_project/",),
    "dbt": ("dagster_project/",),
}
OPENS_THE_STORE = ("pipelines/store/", "pipelines/flows/", "pipelines/health/", "pipelines/queries.py", "dagster_project/", "cli/")
NAMES_FOLDERS = (*OPENS_THE_STORE, "pipelines/settings.py", "quality/judging/")


def imported(source: str) -> set[str]:
    """Full names that a module imports anywhere in it, also inside functions; `from a import b` is `a.b`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    return {path.relative_to(ROOT).as_posix(): imported(path.read_text()) for path in modules()}


def test_every_way_to_import_is_seen():
    source = "import a.b\nfrom c import d\ndef f():\n    if x:\n        from e.f import g as h\n"
    assert imported(source) == {"a.b", "c.d", "e.f.g"}


def test_the_audit_knows_the_domain_numpy_and_the_standard_library(imports):
    audit = {file: names for file, names in imports.items() if file.startswith("pipelines/planning/audit")}
    assert len(audit) >= 4
    own = ("pipelines.domain.", *(file.removesuffix(".py").replace("/", ".") for file in audit))
    foreign = {
        (file, name)
        for file, names in audit.items()
        for name in names
        if not name.startswith(own) and name.split(".")[0] not in {"numpy", *sys.stdlib_module_names}
    }
    assert foreign == set()


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_a_library_lives_in_its_rooms(imports, library):
    users = {file for file, names in imports.items() if any(name.split(".")[0] == library for name in names)}
    assert sorted(file for file in users if not file.startswith(LIBRARIES[library])) == []


def test_the_store_is_opened_by_flows_queries_health_and_the_shells(imports):
    inside = {file: {name for name in names if name.startswith("pipelines.store")} for file, names in imports.items()}
    opens = {file for file, names in inside.items() if any(not name.startswith("pipelines.store.home.") for name in names)}
    assert sorted(file for file in opens if not file.startswith(OPENS_THE_STORE)) == []
    assert sorted(file for file, names in inside.items() if names and not file.startswith(NAMES_FOLDERS)) == []
