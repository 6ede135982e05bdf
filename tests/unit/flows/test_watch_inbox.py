"""One look at the inbox: a folder that is odd, or goes while it is looked at, never keeps the others from being seen."""

import datetime as dt

import pytest

from pipelines.extracts.arrival.settling import Settling
from pipelines.flows.watch import watch_inbox
from pipelines.store.home import Home

DAY = "2026-01-05"


@pytest.fixture
def home(tmp_path) -> Home:
    home = Home(tmp_path / "home")
    (home.inbox / DAY).mkdir(parents=True)
    (home.inbox / DAY / "wms_stock.csv").write_text("x\n")
    (home.inbox / DAY / "_SUCCESS").touch()
    return home


@pytest.mark.parametrize("name", ["2026-W01-1", "20260105--", "2026-005-1", "2026-1-005", "２０２６-01-05", "2026-02-30", "2026-01-05 "])
def test_a_folder_that_is_no_date_is_told_and_the_others_are_seen(name, home):
    (home.inbox / name).mkdir()
    report = watch_inbox(home, {}, 0.0, Settling())
    assert [day for day, _ in report.ready] == [dt.date(2026, 1, 5)]
    assert f"{name}: not a folder of a business date YYYY-MM-DD, so nobody reads it" in report.remarks


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_drop_that_goes_while_it_is_looked_at_waits_and_the_others_are_seen(what, home, monkeypatch):
    from pipelines.flows import watch

    gone = home.inbox / "2026-01-04"
    gone.mkdir()
    (gone / "wms_stock.csv").write_text("x\n")
    (gone / "_SUCCESS").touch()

    def take_away(*look):
        """Somebody moves the drop between two looks of ours."""
        seen = see_files(*look) if what == "file" else {}
        if look[0] == gone:
            (gone / "wms_stock.csv").unlink()
            (gone / "_SUCCESS").unlink()
            gone.rmdir()
        return seen or see_files(*look)

    see_files = watch.see_files
    monkeypatch.setattr(watch, "see_files", take_away)
    report = watch_inbox(home, {}, 0.0, Settling())
    assert [day for day, _ in report.ready] == [dt.date(2026, 1, 5)]
    assert report.waiting[0].startswith("2026-01-04: ") and "2026-01-04" in report.waiting[0][12:]
    again = watch_inbox(home, report.memory, 60.0, Settling())
    assert (again.ready, again.waiting, list(again.memory)) == ([], [], [DAY])
