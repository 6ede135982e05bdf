"""The house keeps its shape: import rules, file sizes, names, and nothing in the tree that breaks installs or leaks machines."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pipelines", "quality", "dagster_project", "cli")
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "core", "base"}

MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_FUNCTION = 300, 40
LONG_ON_PURPOSE = {
    "pipelines/store/migrations/versions/0001_ledger.py:_create_plan_lines": "one table, column by column, as it was made then",
    "tests/properties/test_audit_faults.py:check_faults": "every clause of the audit tried at one place of one plan",
    "tests/properties/drawn_problems.py:draw_problem": "one document, key by key, from one stream of luck",
}


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


def sources() -> list[Path]:
    return modules() + [p for folder in ("benchmarks", "tests") for p in tracked(f"{folder}/*.py", f"{folder}/**/*.py")]


def test_import_rules_hold():
    run = subprocess.run([Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def layers_of(package: str) -> dict[str, int]:
    """Height of each room of a package: 1 is what the others stand on."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract.get("containers") == [package]]
    return {room: height for height, layer in enumerate(reversed(layers), 1) for room in re.findall(r"\w+", layer)}


@pytest.mark.parametrize("package", ["pipelines/extracts", "quality"])
def test_the_page_of_rooms_shows_the_arrows_that_hold(package):
    page = (ROOT / "docs/architecture.md").read_text()
    table = page.split(f"| in `{package}` |")[1].split("\n\n")[0]
    told = {
        room: int(height)
        for names, height in re.findall(r"^\| (`.*?`) \|.*\| (\d+) \|$", table, re.M)
        for room in re.findall(r"`(\w+)`", names)
    }
    assert told == layers_of(package.replace("/", "."))


def test_every_room_of_the_domain_has_its_row():
    page = (ROOT / "docs/architecture.md").read_text().split("## Rooms")[1].split("### ")[0]
    rooms = {p.parent.name for p in tracked("pipelines/*/__init__.py") if p.parent.parent == ROOT / "pipelines"}
    assert sorted(room for room in rooms if f"`pipelines/{room}`" not in page) == []


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


def long_functions(path: Path) -> list[str]:
    """Functions of more than 40 lines, from `def` to the last line."""
    found = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [f"{path.relative_to(ROOT)}:{node.name}" for node in found if (node.end_lineno or 0) - node.lineno >= MOST_LINES_OF_A_FUNCTION]


def test_files_hold_one_concept():
    long = {str(p.relative_to(ROOT)): n for p in sources() if (n := len(p.read_text().splitlines())) > MOST_LINES_OF_A_FILE}
    assert long == {}


def test_functions_do_one_thing():
    long = {name for path in sources() for name in long_functions(path)}
    assert sorted(long - set(LONG_ON_PURPOSE)) == []
    assert sorted(set(LONG_ON_PURPOSE) - long) == [], "short by now: take them off the list"


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


def test_decisions_are_numbered_once_and_as_their_files_say():
    pages = tracked("docs/adr/*.md")
    numbers = [int(page.name[:4]) for page in pages]
    assert sorted(numbers) == list(range(1, len(pages) + 1))
    assert [int(re.match(r"# (\d+)\. ", page.read_text())[1]) for page in pages] == numbers


def test_no_link_is_tracked():
    """A link in the tree replaces the ignored folder of its name wherever it is checked out, an environment of a gigabyte included."""
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [line for line in listed.splitlines() if line.startswith("120000")] == []
