"""The demo on the command line: what it says, what it never clears, how it is interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from cli.main import call
from dagster_project.closed_loop import begin_demo
from pipelines.settings import load_settings

EVENSTOCK = Path(sys.executable).with_name("evenstock")


def test_m5_without_its_data_says_where_it_comes_from(monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("EVENSTOCK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("EVENSTOCK_REAL_DATA", raising=False)
    assert call(["demo", "--demand", "m5"]) == 3
    said = capfd.readouterr().err
    assert "EVENSTOCK_REAL_DATA" in said and "m5/units_daily.parquet" in said
    assert not (tmp_path / "home").exists()


def test_a_demo_never_clears_work_that_is_not_a_demo(monkeypatch, tmp_path, capfd):
    home = tmp_path / "home"
    (home / "landing" / "wms_stock").mkdir(parents=True)
    monkeypatch.setenv("EVENSTOCK_HOME", str(home))
    assert call(["demo", "--items", "2", "--days", "1"]) == 2
    assert "EVENSTOCK_HOME=" in capfd.readouterr().err
    assert (home / "landing" / "wms_stock").is_dir()


def test_interrupting_a_demo_is_clean(parsed_dbt, tmp_path):
    env = {**os.environ, "EVENSTOCK_HOME": str(tmp_path / "home")}
    demo = subprocess.Popen([EVENSTOCK, "demo", "--items", "3"], env=env, stderr=subprocess.PIPE, text=True)
    started = time.monotonic()
    while not list((tmp_path / "home" / "gates").glob("*/*.json")):
        assert demo.poll() is None and time.monotonic() - started < 120
        time.sleep(0.05)
    demo.send_signal(signal.SIGINT)
    errors = demo.communicate(timeout=60)[1]
    assert demo.returncode == 130, errors
    assert "Traceback" not in errors and errors.splitlines()[-1] == "evenstock: stopped; nothing half-done is kept"


def test_a_demo_ends_with_the_plan(parsed_dbt, tmp_path):
    env = {**os.environ, "EVENSTOCK_HOME": str(tmp_path / "home")}
    demo = subprocess.run([EVENSTOCK, "demo", "--items", "4", "--days", "1"], env=env, capture_output=True, text=True)
    assert demo.returncode == 0, demo.stderr
    for said in ("Plan of ", "Network, 28 days to ", "without transfers", "Learned from what came back", "Where to look next"):
        assert said in demo.stdout
    assert "dagster" not in demo.stderr and "DEBUG" not in demo.stderr, "what libraries print is in the logs"


def test_a_second_demo_starts_from_nothing_but_the_policy(own_home, played_loop):
    home = load_settings(home=own_home).folders
    begin_demo(home, {"seed": 2})
    kept = {path.name for path in own_home.iterdir()}
    assert kept == {"policy.yaml", "demo.json", "dagster", "lease.lock"}
    assert json.loads((own_home / "demo.json").read_text()) == {"seed": 2}
