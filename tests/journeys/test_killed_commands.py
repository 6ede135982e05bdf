"""kill -9 at the boundaries that no night crosses: files landed with a layout, exports, a demo's mark, Dagster's files, backups, rebuilds.

Each command is killed before, halfway and after its write, and run again: it does what it would have done, and nothing half-done is seen.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.machine.temporary import sweep
from tests.journeys.killed_nights import leftovers

MODES = ("kill_before", "kill_halfway", "kill_after")
BEGIN = """
import datetime as dt, os, sys
from pathlib import Path
from pipelines.settings import load_settings
settings = load_settings()
home, out = settings.folders, Path(sys.argv[1])
"""
COMMANDS = {
    "landing.layout": """
from pipelines.extracts.landing.kept_layouts import find_layout, keep_layout
keep_layout(home.landing, find_layout("sap_mard"))
assert len(list((home.landing / "layouts").glob("*/sap_mard.yaml"))) == 1
""",
    "export.file": """
from cli.files import write_whole
write_whole(out / "lines.csv", b"line" * 1000)
assert (out / "lines.csv").read_bytes() == b"line" * 1000
""",
    "demo.marker": """
from dagster_project.closed_loop import MARKER, begin_demo
begin_demo(home, {"items": 8})
assert (home.root / MARKER).read_text() == '{"items": 8}\\n'
""",
    "dagster.config": """
from dagster_project.nights import INSTANCE_FILE, open_instance
with open_instance(settings):
    assert (home.dagster / "dagster.yaml").read_bytes() == INSTANCE_FILE.read_bytes()
""",
    "health.rows": """
from pipelines.domain.policy import Policy
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.lake.partitions import ingest
from pipelines.extracts.landing.landing_zone import Delivery, land_on_purpose
from pipelines.health import write_health
day, stock = dt.date(2026, 1, 5), load_contract("wms_stock")
(out / "stock.csv").write_text(",".join(c.name for c in stock.columns) + "\\n2026-01-05,A,I1,,1,0,0,\\n2026-01-05,A,I2,,one,0,0,\\n")
landed = land_on_purpose(home.landing, [(Delivery("wms_stock", out / "stock.csv"), day)])[0]
assert ingest(landed, stock, home.lake, home.quarantine).rows_quarantined == 1
write_health(home, day, Policy())
assert (home.health_of(day) / "quarantine.csv").read_text().count("I2") == 1
""",
}
PARSE = """
from dagster_project.dbt_bridge import DbtProjectFiles
assert DbtProjectFiles(out / "parsed").mart_keys()
"""
BACKUP = """
from cli.main import call
assert call(["backup", str(out)]) == 0
"""
RESTORE = """
from cli.main import call
assert call(["restore", str(out), "--force"]) == 0
"""
REBUILD = """
from cli.main import call
from pipelines.store.ledger import open_ledger
import shutil
run = open_ledger(home.root, read_only=True).current_run()["run_id"]
shutil.rmtree(home.root / "rebuilt", ignore_errors=True)
assert call(["rebuild", "--run", run]) == 0
assert (home.root / "rebuilt" / run / "manifest.json").is_file()
"""


def run(code: str, home: Path, out: Path, fault: str = "") -> subprocess.CompletedProcess:
    env = {**os.environ, "EVENSTOCK_HOME": str(home), **({"EVENSTOCK_FAULT": fault, "EVENSTOCK_TESTING": "1"} if fault else {})}
    return subprocess.run([sys.executable, "-c", BEGIN + code, str(out)], env=env, capture_output=True, text=True)


def kill_and_run_again(code: str, boundary: str, mode: str, home: Path, out: Path) -> None:
    out.mkdir(exist_ok=True)
    killed = run(code, home, out, f"{boundary}:{mode}")
    assert killed.returncode == -9, killed.stderr[-2000:]
    again = run(code, home, out)
    assert again.returncode == 0, again.stderr[-2000:]
    sweep([home, out / "parsed"])
    assert leftovers(home) == leftovers(out) == leftovers(home.parent) == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("boundary", COMMANDS)
def test_a_killed_command_run_again_does_what_it_would_have_done(boundary, mode, tmp_path):
    (tmp_path / "home").mkdir()
    kill_and_run_again(COMMANDS[boundary], boundary, mode, tmp_path / "home", tmp_path / "out")


LONGER = [
    *(("dagster.project", PARSE), ("backup.file", BACKUP), ("backup.folder", BACKUP)),
    *(("rebuild.policy", REBUILD), ("rebuild.folder", REBUILD)),
]


@pytest.mark.soak
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("boundary", "code"), LONGER)
def test_killed_parses_backups_and_rebuilds_run_again(boundary, code, mode, played_loop, tmp_path):
    if (boundary, mode) == ("rebuild.folder", "kill_halfway"):
        pytest.skip("one rename has no halfway")
    home = Path(shutil.copytree(played_loop.home, tmp_path / "home", symlinks=True))
    kill_and_run_again(code, boundary, mode, home, tmp_path / "out")


@pytest.mark.soak
@pytest.mark.parametrize("mode", MODES)
def test_killed_restores_run_again(mode, played_loop, tmp_path):
    home = Path(shutil.copytree(played_loop.home, tmp_path / "home", symlinks=True))
    (tmp_path / "out").mkdir()
    assert run(BACKUP, home, tmp_path / "out").returncode == 0
    kill_and_run_again(RESTORE, "restore.home", mode, home, tmp_path / "out")
