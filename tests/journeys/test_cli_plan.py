"""Plans on the command line: shown, pulled, explained and decided on."""

import csv
import datetime as dt
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from cli.main import call
from pipelines.planning.diff import CAUSES
from pipelines.store.publication import current, list_publications

EVENSTOCK = Path(sys.executable).with_name("evenstock")


def test_show_and_pull_agree(at_home, capfd, tmp_path):
    assert call(["plan", "show", "--limit", "500"]) == 0
    shown = capfd.readouterr().out
    assert call(["plan", "pull"]) == 0
    rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
    assert rows and all(row["line_id"] in shown for row in rows)
    assert "Network, last 28 days" in shown and "otif" in shown
    for form in ("csv", "json", "parquet"):
        assert call(["plan", "pull", "--format", form, "--out", str(tmp_path / f"lines.{form}")]) == 0
    read = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}
    ids = {form: list(load(tmp_path / f"lines.{form}")["line_id"]) for form, load in read.items()}
    assert ids["csv"] == ids["json"] == ids["parquet"] == [row["line_id"] for row in rows]


def test_explain_tells_one_line(at_home, capfd, one_line):
    line = pd.read_parquet(current(at_home / "published").path / "plan_lines.parquet")["line_id"].iloc[0]
    assert call(["plan", "explain", line]) == 0
    assert len(capfd.readouterr().out.splitlines()) >= 3
    assert call(["plan", "explain", line[:-1] + ("0" if line[-1] != "0" else "1")]) == 2
    assert f"did you mean {line}?" in one_line()


def test_two_plans_differ_by_cause(at_home, capfd, one_line):
    dates = [one.as_of.isoformat() for one in list_publications(at_home / "published")]
    assert call(["plan", "diff", dates[-1], dates[-1]]) == 0
    assert "move the same units" in capfd.readouterr().out
    assert call(["plan", "diff", dates[0], dates[-1], "--json"]) == 0
    changes = json.loads(capfd.readouterr().out)
    assert len(dates) >= 2 and changes, "the loop's plans are the same: choose another seed"
    assert all(row["cause"] in CAUSES and row["because"] for row in changes)
    assert call(["plan", "diff", dates[-1], "1999-01-01"]) == 2
    assert "no plan '1999-01-01' is published; the latest are" in one_line()


def test_no_control_character_of_an_argument_reaches_the_terminal(at_home, one_line):
    assert call(["plan", "explain", "\x1b[2JL1"]) == 2
    assert "\x1b" not in one_line()


def test_a_closed_pipe_is_no_error(at_home):
    command = f"{EVENSTOCK} plan pull | head -c 20 >/dev/null; echo ${{PIPESTATUS[0]}}"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env={**os.environ})
    assert run.stdout.strip() == "0" and run.stderr == ""


def test_decisions_are_kept_once(own_home, capfd, one_line):
    """Approve goes out at once; a second word on the same line, an unknown line and an empty name are refused."""
    states = lines_by_state(own_home, capfd)
    waiting = states.get("proposed", [])
    assert len(waiting) >= 2, "the loop's last plan leaves too few lines to a person: choose another seed"
    refused, taken = waiting[:2]
    assert call(["plan", "reject", refused, "--by", "ana", "--reason", "promotion"]) == 0
    assert refused in lines_by_state(own_home, capfd)["rejected"]
    assert call(["plan", "approve", taken, "--by", "ana", "--reason", "dock is free"]) == 0
    assert taken in lines_by_state(own_home, capfd)["released"]
    done = [refused, taken]
    assert call(["plan", "approve", done[0], "--by", "ana", "--reason", "again"]) == 7
    assert done[0] in one_line()
    assert call(["plan", "approve", "Lnothere", "--by", "ana", "--reason", "x"]) == 7
    assert call(["plan", "approve", done[0], "--by", " ", "--reason", "x"]) == 2


def lines_by_state(home: Path, capfd) -> dict[str, list[str]]:
    capfd.readouterr()
    assert call(["plan", "pull", "--format", "json"]) == 0
    found: dict[str, list[str]] = {}
    for line in json.loads(capfd.readouterr().out):
        found.setdefault(line["state"], []).append(line["line_id"])
    return found


def test_a_plan_too_old_for_the_newest_extract_is_not_decided_on(own_home, played_loop, capfd, one_line):
    file = own_home / "inbox" / str(played_loop.last_day) / "wms_stock.csv"
    later = played_loop.last_day + dt.timedelta(days=30)
    assert call(["land", str(file), "--feed", "wms_stock", "--business-date", str(later)]) == 0
    assert call(["plan", "show"]) == 0
    assert "older than the newest extract" not in capfd.readouterr().err, (
        "what merely landed, under a date that may be mistyped, ages nothing"
    )
    assert call(["run", "--as-of", str(later)]) == 4
    line = pd.read_parquet(current(own_home / "published").path / "plan_lines.parquet")["line_id"].iloc[0]
    capfd.readouterr()
    assert call(["plan", "reject", line, "--by", "ana", "--reason", "late"]) == 7
    one_line()
    assert call(["plan", "show"]) == 0
    assert "30 days older than the newest extract" in capfd.readouterr().err
