"""A corrected file of an earlier day: the plan is outdated until its night runs again, which reads that one partition anew and no other.

The night runs on the same drop without its manifest, which changes nothing either.
"""

import datetime as dt
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from cli import decisions
from cli.plan import show
from dagster_project.nights import Nights
from pipelines.domain.errors import DecisionRefused
from pipelines.queries import read_header, read_lines
from pipelines.settings import load_settings
from tests.landed import land_files


def written(home: Path, *folders: str) -> dict[str, tuple[int, str]]:
    """Every file below the folders: when it was last written, and the sha256 of its bytes."""
    paths = [path for folder in folders for path in (home / folder).rglob("*") if path.is_file()]
    return {str(p.relative_to(home)): (p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).hexdigest()) for p in paths}


def test_a_correction_outdates_the_plan_until_its_night_runs_again(played_loop, tmp_path, monkeypatch, capsys):
    home = Path(shutil.copytree(played_loop.home, tmp_path / "home", symlinks=True))
    folders, corrected = load_settings(home=home).folders, played_loop.last_day - dt.timedelta(days=2)
    before = written(home, "lake", "quarantine")
    assert not read_header(folders).is_outdated

    file = tmp_path / f"erp_items_{corrected}.csv"
    lines = (home / "inbox" / str(corrected) / "erp_items.csv").read_text().splitlines()
    file.write_text("\n".join([lines[0], *(line.replace("active", "phase_out", 1) for line in lines[1:])]) + "\n")
    (landed,) = land_files(folders.landing, [(file, corrected)], "erp_items")
    assert landed.version == 2

    monkeypatch.setenv("EVENSTOCK_HOME", str(home))
    show(limit=1)
    said = f"this plan is outdated: erp_items of {corrected} was corrected since (version 2, not read yet); run evenstock run --as-of"
    assert f"{said} {played_loop.last_day}" in capsys.readouterr().err
    show(limit=1, as_json=True)
    header = json.loads(capsys.readouterr().out)
    assert header["is_outdated"] and not header["is_stale"] and len(header["corrections"]) == 1
    waiting = read_lines(folders).query("state == 'proposed'")["line_id"].tolist()
    with pytest.raises(DecisionRefused, match="is outdated: erp_items") as refused:
        decisions.approve(waiting[:1] or ["L0"], "ana", "dock is free")
    assert refused.value.exit_code == 7

    drop = folders.inbox_of(played_loop.last_day)
    (drop / "manifest.json").unlink()
    (drop / "notes.txt").touch()
    (drop / "_SUCCESS").touch()
    old = read_header(folders).run_id
    done = Nights(load_settings(home=home), persistent=False).run("nightly", played_loop.last_day)
    assert done["landing/drop"]["reopened"] == [f"{corrected}: read and judged anew: erp_items"]
    assert done["landing/drop"]["remarks"] == ["notes.txt: no feed or layout knows this name, so nobody reads it"]
    header, after = read_header(folders), written(home, "lake", "quarantine")
    assert not header.is_outdated and header.run_id != old
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed and all(f"erp_items/{corrected}.v0002" in path for path in changed), "only the partition that was corrected is new"
    assert not set(before) - set(after)
