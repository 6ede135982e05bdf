"""The house keeps its shape: import rules, file sizes, names, and nothing in the tree that breaks installs or leaks machines."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pipelines", "quality", "dagster_project", "cli")
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "core", "base"}


def tracked(*patterns: str) -> list[Path]:
    out = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [ROOT / line for line in out.splitlines() if (ROOT / line).is_file()]


def modules() -> list[Path]:
    return [p for package in PACKAGES for p in tracked(f"{package}/*.py", f"{package}/**/*.py")]


def test_import_rules_hold():
    run = subprocess.run([Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_python_shadows_dbt():
    assert tracked("dbt/*.py", "dbt/**/*.py") == [], "a .py file inside dbt/ breaks every import of the installed dbt"
    assert not (ROOT / "dbt.py").exists()
    assert not (ROOT / "tests" / "dbt").exists()


@pytest.mark.parametrize("name", sorted(VAGUE))
def test_no_vague_module_names(name):
    assert [p for p in modules() if p.stem == name or p.parent.name == name] == []


def test_every_module_says_what_lives_in_it():
    silent = [str(p.relative_to(ROOT)) for p in modules() if not ast.get_docstring(ast.parse(p.read_text()))]
    assert silent == []


def test_files_hold_one_concept():
    long = {str(p.relative_to(ROOT)): n for p in modules() if (n := len(p.read_text().splitlines())) > 300}
    assert long == {}


def test_lock_is_hashed_and_names_no_registry():
    text = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^[A-Za-z0-9_.\[\]-]+==", text, flags=re.M)
    assert len(pins) > 100
    assert text.count("--hash=sha256:") >= len(pins)
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)
    assert tracked("uv.lock", "package-lock.json", "**/uv.lock", "**/package-lock.json") == []


def test_tree_names_no_machine_and_no_registry():
    bad = re.compile(r"/(work|root|home)/[a-z]+/|" + "pypi" + r"\.org|" + "files.pythonhosted" + r"|registry\.npmjs")
    hits = []
    for path in tracked("*"):
        if path.suffix in {".png", ".parquet", ".gz"}:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if bad.search(line) and "bad = re.compile" not in line:
                hits.append(f"{path.relative_to(ROOT)}:{number}")
    assert hits == []


def test_no_unfinished_work_is_left():
    # Built from parts so that this file does not find itself.
    words = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error", "assert " + "True", "[A-Z]+_OUT" + "PUT"]))
    hits = [
        f"{p.relative_to(ROOT)}" for p in tracked("*.py", "*.sql", "*.md", "**/*.py", "**/*.sql", "**/*.md") if words.search(p.read_text())
    ]
    assert hits == []


def test_test_files_do_not_need_packages():
    assert tracked("tests/**/__init__.py", "tests/__init__.py") == []
