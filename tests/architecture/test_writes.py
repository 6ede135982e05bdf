"""Every write goes through the one home of atomic writes, under a name that is registered; every database is opened within limits."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from pipelines.machine.boundaries import BOUNDARIES

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pipelines", "quality", "dagster_project", "cli")
# The home itself, and the twin, which plays the senders of extracts and not us.
APART = ("pipelines/machine/", "pipelines/twin/")
CROSSERS = {"write_file", "write_bytes", "write_text", "move_into_place", "claim_file", "claim_folder", "point_link", "crossing", "_put"}
METHODS = {"write_text", "write_bytes", "to_parquet", "to_csv", "symlink_to", "hardlink_to", "write_table"}
CALLS = {"mkstemp", "mkdtemp", "truncate", "ftruncate", "pwrite", "link", "copy", "copyfile", "copytree", "move"}
MAKERS = {"ParquetWriter", "TemporaryDirectory", "NamedTemporaryFile"}
MODULES = {"os", "shutil", "tempfile", "pq", "pd"}
# Writes that need no boundary, by module and function, with the reason.
EXEMPT = {
    ("cli/main.py", "_write_log"): "the story of a crash, told as well as a broken machine lets us",
    ("cli/main.py", "_temporary_folder"): "where it is told if the home cannot be written",
    ("cli/main.py", "_open_streams"): "stdout and stderr",
    ("quality/reconciliation/documents.py", "_told"): "names of an index",
    ("cli/commands_page.py", "<module>"): "writes a page of the repository",
    ("pipelines/extracts/contract_page.py", "<module>"): "writes a page of the repository",
    ("pipelines/extracts/layout_page.py", "<module>"): "writes a page of the repository",
    ("pipelines/extracts/layouts/layout_schema.py", "<module>"): "writes a page of the repository",
    ("pipelines/extracts/lake/partitions.py", "_write_parquet"): "fills what write_file makes appear",
    ("pipelines/extracts/reading/unpacking.py", "_write"): "into a scratch folder",
    ("pipelines/extracts/reading/plain_text.py", "_transcode"): "into a scratch folder",
    ("pipelines/extracts/reading/reading_jsonl.py", "_spool"): "into a scratch folder",
    ("pipelines/flows/forecast_files.py", "write_batches"): "fills what move_into_place makes appear",
    ("pipelines/store/backup.py", "link"): "into the draft of a backup",
    ("pipelines/store/contents.py", "digest_tables"): "into a scratch folder",
    ("pipelines/flows/restoring.py", "_unpack"): "into a home that nobody reads yet",
    ("pipelines/flows/restoring.py", "_swap"): "inside the crossing of restore.home",
    ("pipelines/flows/retention.py", "remove"): "on the way out",
    ("pipelines/store/publication.py", "_install"): "inside the crossing of publication.folder",
    ("pipelines/store/lease.py", "hold_lease"): "the lock of the lease is no document",
    ("pipelines/store/lease.py", "_write_owner"): "the lock of the lease is no document",
    ("dagster_project/nights.py", "spare_the_screen"): "a log",
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(APART):
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def calls_by_function(tree: ast.AST, function: str = "<module>", inside: bool = False) -> Iterator[tuple[str, ast.Call, bool]]:
    """Every call with the function it stands in, and whether it stands in what is handed to, or in a block of, a crossing."""
    for node in ast.iter_child_nodes(tree):
        here, within = function, inside
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            here = node.name
        if isinstance(node, ast.With):
            within = inside or any(is_crosser(item.context_expr) for item in node.items)
        if isinstance(node, ast.Call):
            yield here, node, inside
            within = inside or is_crosser(node)
        yield from calls_by_function(node, here, within)


def is_crosser(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and name_of(node.func) in CROSSERS and not isinstance(node.func, ast.Attribute)


def name_of(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def writes(call: ast.Call) -> bool:
    """Whether a call looks like one that writes a file, renames or makes one. Better one too many: `EXEMPT` says why it may."""
    name, owner = name_of(call.func), name_of(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if name == "open":
        return any(re.fullmatch(r"[wax]b?\+?|r\+b?", text) for text in texts)
    if name in ("replace", "rename") and isinstance(call.func, ast.Attribute):
        return owner in MODULES or (len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], ast.Dict))
    if name in METHODS:
        goes_nowhere = call.args[:1] and isinstance(call.args[0], ast.Constant) and not call.args[0].value
        return isinstance(call.func, ast.Attribute) and not goes_nowhere
    if name in CALLS | MAKERS:
        return owner in MODULES or name in MAKERS
    return any(isinstance(part, str) and re.match(r"\s*(COPY|EXPORT)\b.*\bTO\b", part, re.S) for part in sql_of(call))


def sql_of(call: ast.Call) -> list[object]:
    joined = [a for a in call.args if isinstance(a, ast.JoinedStr)]
    whole = ["".join(v.value if isinstance(v, ast.Constant) else "x" for v in a.values) for a in joined]
    return [*whole, *(a.value for a in call.args if isinstance(a, ast.Constant))]


def test_no_write_goes_past_its_boundary():
    past, used = [], set()
    for name, tree in sources():
        for function, call, inside in calls_by_function(tree):
            if writes(call) and not inside and not is_crosser(call):
                if (name, function) in EXEMPT:
                    used.add((name, function))
                else:
                    past.append(f"{name}:{call.lineno} in {function}: {ast.unparse(call)[:80]}")
    assert past == [], "\n".join(past)
    assert set(EXEMPT) == used, "an exemption that nobody needs any more"


def test_the_scan_finds_writes():
    code = """
def f(path, frame, con):
    path.write_text("x"); open(path, "wb"); path.open("a"); os.replace(path, path); path.replace(path); path.rename(path)
    frame.to_parquet(path); tempfile.mkstemp(); shutil.copy(path, path); con.execute(f"COPY (FROM t) TO '{path}'"); os.link(path, path)
    with crossing("lake.partition", path): path.write_bytes(b"")
    write_file("lake.partition", path, lambda p: p.write_text("x")); frame.rename(columns={}); "a".replace("a", "b"); open(path)
"""
    found = [call for _, call, inside in calls_by_function(ast.parse(code)) if writes(call) and not inside and not is_crosser(call)]
    assert len(found) == 11


def test_every_boundary_is_crossed_somewhere_and_every_crossing_is_named():
    crossed = set()
    for name, tree in sources():
        for _, call, _ in calls_by_function(tree):
            if is_crosser(call) and call.args and name_of(call.func) != "_put":
                first = call.args[0]
                texts = [first.value] if isinstance(first, ast.Constant) else []
                if isinstance(first, ast.JoinedStr):
                    assert ast.unparse(first) == "f'work.{tag}'", f"{name}:{call.lineno}: a boundary's name must be readable"
                    texts = ["work.facts", "work.decisions"]
                crossed |= set(texts)
            elif is_crosser(call):
                crossed.add(call.args[0].value)
    assert crossed == set(BOUNDARIES)


def test_databases_are_opened_within_the_limits_of_the_process():
    opened = {}
    for name, tree in sources():
        for function, call, _ in calls_by_function(tree):
            if ast.unparse(call.func) in ("duckdb.connect", "duckdb.sql", "duckdb.query", "duckdb.execute"):
                opened[name, function] = ast.unparse(call)
    assert set(opened) == {
        ("pipelines/store/warehouse.py", "open_store"),
        ("pipelines/extracts/memory_database.py", "open_memory"),
    }
    assert all("config=" in call for call in opened.values())


def test_only_settings_and_the_solvers_child_arm_faults():
    armed = {
        name for name, tree in sources() for _, call, _ in calls_by_function(tree) if name_of(call.func) in ("arm", "arm_from_environment")
    }
    assert armed == {"pipelines/settings.py", "pipelines/flows/solver_child.py"}


def test_every_crossing_of_a_night_can_be_struck_halfway():
    """A fault that a boundary cannot strike would be counted as a night that survived it."""
    whole = {"export.file", "rebuild.folder", "solver.run"}
    deaf = set()
    for _name, tree in sources():
        for node in ast.walk(tree):
            for item in node.items if isinstance(node, ast.With) else []:
                call = item.context_expr
                if is_crosser(call) and name_of(call.func) == "crossing" and item.optional_vars is None:
                    deaf.add(ast.unparse(call.args[0]).strip("'"))
    assert deaf <= whole, "name what the crossing gives, and call it before the write is seen"
