"""Backups: as of one moment while people decide, whole or not at all, linked where nothing changed, and honest about damage."""

import json
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from pipelines.domain.errors import Busy, InputRefused, UsageError
from pipelines.store.backup import hold_retention, make_backup
from pipelines.store.backup_list import LIST, STATE, check_names, find_backup, read_list
from pipelines.store.home import Home
from pipelines.store.lease import hold_lease
from pipelines.store.ledger import RunRecord, open_ledger

DAY = date(2016, 4, 24)
LINES = 60
MOMENT = "2016-04-25T08:00:{:02d}+00:00"

# Each decision is one turn under the lease, as on the command line: approve a line, then send it.
HAND = """
import sys
from datetime import date
from pathlib import Path
import pandas as pd
from pipelines.domain.errors import Busy
from pipelines.execution.dispatch import dispatch
from pipelines.store.lease import hold_lease
from pipelines.store.ledger import open_ledger
home, day = Path(sys.argv[1]), date(2016, 4, 24)
ledger = open_ledger(home)
stock = pd.DataFrame({"location_id": ["A"], "item_id": ["I"], "available_units": [10**6]})
for number in range(int(sys.argv[2])):
    while True:
        try:
            with hold_lease(home, "hand", "now"):
                ledger.decide(f"L{number:03d}", "approve", "ana", "", "d1", "t")
                dispatch(ledger, home / "outbox", stock, day, "t")
            break
        except Busy:
            pass
print("done")
"""


def noted(said: str, share: float) -> None:
    assert said and 0 <= share <= 1


def lines() -> pd.DataFrame:
    names = [f"L{i:03d}" for i in range(LINES)]
    shared = {"item_id": "I", "origin": "A", "destination": "B", "mode": "road", "packs": 1, "units": 5}
    money = {"ship_date": DAY, "arrival_date": DAY + timedelta(days=3), "benefit_usd": 9.0, "cost_usd": 1.0, "net_usd": 8.0}
    return pd.DataFrame({"line_id": names, "lane_id": [f"A>B:road{name}" for name in names]}).assign(**shared, **money)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a ledger, a policy and some landed files."""
    home = Home(tmp_path / "home")
    open_ledger(home.root).propose(RunRecord("r1", DAY), lines(), "d1", "t")
    home.policy_file.write_text("planning: {gamma: 1.0}\n")
    for number in range(40):
        file = home.landing / "wms_stock" / f"{DAY + timedelta(days=number)}.v0001.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"number": number}))
    (home.landing / "wms_stock" / ".incoming.partial").write_text("half")
    return home


def test_every_backup_taken_while_people_decide_is_of_one_moment(home: Home, tmp_path: Path):
    command = [sys.executable, "-c", HAND, str(home.root), str(LINES)]
    hand = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    sent, taken = [], 0
    try:
        while hand.poll() is None or taken < 3:
            done = make_backup(home, tmp_path / "backups", MOMENT.format(taken), patience_s=60, tell=noted)
            copy = Home(done.path / STATE)
            ledger = open_ledger(copy.root, read_only=True)
            assert ledger.verify_chain().ok and ledger.open_dispatches() == []
            released = ledger.dispatched_lines()
            orders = [json.loads(path.read_text()) for path in copy.outbox.glob("*/*.json")]
            assert {line["line_id"] for order in orders for line in order["lines"]} == set(released["line_id"])
            approved = ledger.decisions().query("action == 'approve'")["line_id"]
            assert set(approved) == set(released["line_id"]), "a decision without its order, or an order without its decision"
            sent.append(len(released))
            taken += 1
            time.sleep(0.05)
    finally:
        hand.kill()
        hand.wait()
    assert hand.stdout.read() == "done\n"
    assert sent == sorted(sent) and sent[-1] == LINES and len(set(sent)) > 1, f"no backup was taken while people decided: {sent}"


def test_a_second_backup_links_what_never_changes_and_copies_the_rest(home: Home, tmp_path: Path):
    first = make_backup(home, tmp_path / "backups", MOMENT.format(0), tell=noted)
    open_ledger(home.root).decide("L000", "approve", "ana", "", "d1", "t")
    second = make_backup(home, tmp_path / "backups", MOMENT.format(1), tell=noted)
    assert first.reused == 0 and second.reused == 40
    name = "landing/wms_stock/2016-04-24.v0001.json"
    assert (first.path / STATE / name).stat().st_ino == (second.path / STATE / name).stat().st_ino
    assert first.contents.files["ledger.sqlite"] != second.contents.files["ledger.sqlite"]
    assert find_backup(tmp_path / "backups") == second.path and read_list(second.path) == second.contents
    assert not any(".partial" in name for name in second.contents.files)
    check_names(second.path, second.contents.files)


def test_a_backup_waits_for_a_decision_and_tells_who_holds_it_up(home: Home, tmp_path: Path):
    with hold_lease(home.root, "the night of 2016-04-24", "now"), pytest.raises(Busy, match="the night of 2016-04-24"):
        make_backup(home, tmp_path / "backups", MOMENT.format(0), patience_s=0.3, tell=noted)
    with hold_retention(home, "evenstock prune", "now"), pytest.raises(Busy, match="evenstock prune"):
        make_backup(home, tmp_path / "backups", MOMENT.format(0), tell=noted)
    assert list((tmp_path / "backups").iterdir()) == [], "nothing half-done is left"


def test_people_decide_while_publications_are_held_against_their_digests(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """That takes as long as reading all of them does."""
    (home.published / "r1").mkdir(parents=True)
    looked = []

    def look(folder: Path) -> list[str]:
        with hold_lease(home.root, "hand", "now"):
            looked.append(folder.name)
        return ["manifest.json"]

    monkeypatch.setattr("pipelines.store.backup.verify", look)
    done = make_backup(home, tmp_path / "backups", MOMENT.format(0), patience_s=0, tell=noted)
    assert looked == ["r1"] and len(done.contents.left_out) == 1


def test_a_landed_file_that_changed_on_disk_is_left_out_and_named(home: Home, tmp_path: Path):
    bad = home.landing / "wms_stock" / f"{'0' * 64}.csv"
    bad.write_text("not what its name says")
    done = make_backup(home, tmp_path / "backups", MOMENT.format(0), tell=noted)
    assert [said.split(":")[0] for said in done.contents.left_out] == [f"landing/wms_stock/{'0' * 64}.csv"]
    check_names(done.path, done.contents.files)


def test_a_file_of_the_same_name_and_size_is_not_taken_for_the_same(home: Home, tmp_path: Path):
    """The newest backup in a folder may be one of another home, or of this one before it was restored."""
    first = make_backup(home, tmp_path / "backups", MOMENT.format(0), tell=noted)
    name = "landing/wms_stock/2016-04-24.v0001.json"
    (home.root / name).write_text('{"number": 7}')
    second = make_backup(home, tmp_path / "backups", MOMENT.format(1), tell=noted)
    assert first.contents.files[name]["bytes"] == second.contents.files[name]["bytes"] and second.reused == 39
    assert (second.path / STATE / name).read_text() == '{"number": 7}'
    assert (first.path / STATE / name).read_text() == '{"number": 0}'


KILLED = """
import sys
from pathlib import Path
from pipelines.machine.boundaries import Fault, arm
from pipelines.store.backup import make_backup
from pipelines.store.home import Home
arm(Fault.parse("backup.file:kill_halfway:9"))
make_backup(Home(Path(sys.argv[1])), Path(sys.argv[2]), "2016-04-25T07:00:00+00:00", tell=lambda *told: None)
"""


def test_what_a_killed_backup_left_is_removed_by_the_next(home: Home, tmp_path: Path):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(home.root), str(tmp_path / "backups")], check=False)
    assert killed.returncode == -9 and len(list((tmp_path / "backups").iterdir())) == 1
    done = make_backup(home, tmp_path / "backups", MOMENT.format(0), tell=noted)
    assert list((tmp_path / "backups").iterdir()) == [done.path]


def test_a_backup_that_is_refused_does_no_harm_to_the_one_that_runs(home: Home, tmp_path: Path):
    refused = []

    def meanwhile(said: str, share: float) -> None:
        with pytest.raises(Busy, match="evenstock backup"):
            make_backup(home, tmp_path / "backups", MOMENT.format(0), tell=noted)
        refused.append(said)

    done = make_backup(home, tmp_path / "backups", MOMENT.format(0), tell=meanwhile)
    assert refused and list((tmp_path / "backups").iterdir()) == [done.path]
    check_names(done.path, done.contents.files)


def test_targets_that_cannot_be_are_refused(home: Home, tmp_path: Path):
    with pytest.raises(UsageError, match="inside the home"):
        make_backup(home, home.root / "backups", MOMENT.format(0), tell=noted)
    with pytest.raises(UsageError, match="nothing to back up"):
        make_backup(Home(tmp_path / "elsewhere"), tmp_path / "backups", MOMENT.format(0), tell=noted)
    with pytest.raises(InputRefused, match=r"no backup \(no backup\.json\)"):
        find_backup(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda body: body | {"format": "evenstock-backup/2"}, "format evenstock-backup/2, made by Evenstock .*: install that version"),
        (lambda body: body | {"ledger_revision": "0999"}, "revision 0999, this Evenstock knows up to .*: install the newer version"),
        (lambda body: {"format": "evenstock-backup/1"}, "not the list of a backup"),
        (lambda body: body | {"format": "other/1", "files": None}, "not the list of a backup"),
    ],
)
def test_backups_of_newer_releases_and_other_files_are_refused(home: Home, tmp_path: Path, change, said: str):
    done = make_backup(home, tmp_path / "backups", MOMENT.format(0), tell=noted)
    file = done.path / LIST
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(InputRefused, match=said):
        read_list(done.path)
