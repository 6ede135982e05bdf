"""A past run made again from landed files and the ledger, and a home whose lake and publications are gone brought back: same digests."""

import hashlib
import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from cli.main import call
from pipelines.store.contents import digest_publication
from pipelines.store.ledger import open_ledger
from pipelines.store.publication import current, read_run, verify

STATE = ("landing", "lake", "quarantine", "gates", "published", "outbox", "work", "inbox", "layouts")


def state(home: Path) -> dict[str, tuple[int, str]]:
    """Every file of the live state: when it was last written, and the sha256 of its bytes."""
    files = [path for name in STATE for path in sorted((home / name).rglob("*")) if path.is_file()]
    files += [home / "ledger.sqlite", home / "policy.yaml"]
    return {str(p.relative_to(home)): (p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).hexdigest()) for p in files}


def test_an_earlier_run_comes_out_the_same_beside_the_live_state(own_home, played_loop, capfd):
    run = played_loop.nights[0].run_id
    (own_home / "policy.yaml").write_text("planning: {gamma: 0.2}\n")
    before = state(own_home)
    assert call(["rebuild", "--run", run, "--dry-run"]) == 0
    assert f"would make run {run} of {played_loop.nights[0].as_of} again from " in capfd.readouterr().out
    assert call(["rebuild", "--run", run]) == 0
    said = re.search(rf"run {run} came out the same: ([0-9]+) files agree", capfd.readouterr().out)
    assert said and int(said[1]) == len(digest_publication(read_run(own_home / "published", run)))
    assert state(own_home) == before
    rebuilt = own_home / "rebuilt" / run
    assert verify(rebuilt) == [] and [path.name for path in (own_home / "rebuilt").iterdir()] == [run]
    live = read_run(own_home / "published", run)
    assert digest_publication(live) == digest_publication(read_run(own_home / "rebuilt", run))
    assert call(["rebuild", "--run", run]) == 2, "a folder that is there is not overwritten"


def test_lake_and_publications_come_back_when_they_are_gone(own_home, played_loop, capfd):
    runs = [night.run_id for night in played_loop.nights]
    wanted = {run: digest_publication(read_run(own_home / "published", run)) for run in runs}
    lake = {name: entry[1] for name, entry in state(own_home).items() if name.startswith(("lake", "quarantine"))}
    judged = own_home / "gates" / "2025-04-02"
    verdicts = {path.name: path.read_text() for path in judged.iterdir()}
    for gone in (own_home / "lake", own_home / "quarantine", own_home / "published", own_home / "work", judged):
        shutil.rmtree(gone)
    assert call(["rebuild", "--all"]) == 0
    assert "1 dates judged again, 2 publications made again" in capfd.readouterr().out
    assert {name: entry[1] for name, entry in state(own_home).items() if name.startswith(("lake", "quarantine"))} == lake
    assert {path.name: path.read_text() for path in judged.iterdir() if path.stem in ("wms_stock", "reconciliation")} == {
        name: text for name, text in verdicts.items() if Path(name).stem in ("wms_stock", "reconciliation")
    }
    assert {run: digest_publication(read_run(own_home / "published", run)) for run in runs} == wanted
    assert current(own_home / "published").run_id == runs[-1] and verify(current(own_home / "published").path) == []
    before = state(own_home)
    assert call(["rebuild", "--all"]) == 0
    assert "0 dates judged again, 0 publications made again" in capfd.readouterr().out
    assert state(own_home) == before, "what is intact is left alone"


def test_what_cannot_be_made_again_is_said(own_home, played_loop, capfd):
    run = played_loop.nights[0].run_id
    assert call(["rebuild", "--run", run[:-1] + "x"]) == 2
    assert f"did you mean {run}?" in capfd.readouterr().err
    assert call(["rebuild"]) == 2 and call(["rebuild", "--run", run, "--all"]) == 2
    for path in (own_home / "landing" / "wms_stock").glob("*.json"):
        path.unlink()
    capfd.readouterr()
    assert call(["rebuild", "--run", run]) == 3
    assert "wms_stock: version 1 of " in capfd.readouterr().err
    assert not (own_home / "rebuilt").exists() or list((own_home / "rebuilt").iterdir()) == []


def test_a_run_that_comes_out_otherwise_is_told_with_its_cause(own_home, played_loop, capfd):
    """The ledger is told that the policy was another one; what it keeps of runs is not append-only as decisions are."""
    run = played_loop.nights[0].run_id
    made_of = json.loads(open_ledger(own_home).find_run(run)["provenance"])
    made_of["policy_values"]["planning"]["gamma"] = 0.123
    with closing(sqlite3.connect(own_home / "ledger.sqlite")) as connection, connection:
        connection.execute("UPDATE runs SET provenance = ? WHERE run_id = ?", (json.dumps(made_of), run))
    assert call(["rebuild", "--run", run]) == 5
    said = capfd.readouterr().err
    assert f"run {run} came out as " in said and f"because of the policy: {made_of['policy'][:12]}... then" in said


def test_a_forecast_that_was_judged_has_to_be_there_as_it_was(own_home, played_loop, capfd):
    first, last = played_loop.nights[0], played_loop.nights[-1]
    kept = own_home / "forecasts" / str(first.as_of) / f"{first.run_id}.parquet"
    kept.write_bytes(kept.read_bytes() + b"changed")
    assert call(["rebuild", "--run", last.run_id]) == 3
    assert f"{kept}: the forecast of that date is not there as it was judged" in capfd.readouterr().err
    kept.unlink()
    assert call(["rebuild", "--run", last.run_id]) == 3
    assert not (own_home / "rebuilt").exists() or list((own_home / "rebuilt").iterdir()) == []
