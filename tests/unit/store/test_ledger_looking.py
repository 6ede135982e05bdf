"""Looking at a ledger creates and migrates nothing, works on a read-only disk, and reads a missing ledger as an empty one."""

import os

import pytest
import sqlalchemy as sa

from pipelines.domain.errors import MachineFailed, UsageError
from pipelines.store import ledger_tables
from pipelines.store.ledger import open_ledger


def test_a_missing_ledger_reads_as_empty_and_stays_missing(tmp_path):
    looked = open_ledger(tmp_path / "home", read_only=True)
    assert looked.current_run() is None and len(looked.current_lines("none")) == 0
    assert not (tmp_path / "home").exists()


def test_a_file_without_tables_reads_as_empty(tmp_path):
    (tmp_path / "ledger.sqlite").touch()
    assert open_ledger(tmp_path, read_only=True).current_run() is None
    assert (tmp_path / "ledger.sqlite").stat().st_size == 0


@pytest.mark.parametrize("is_read_only", [False, True])
def test_what_was_written_is_read_and_writing_fails(tmp_path, monkeypatch, is_read_only):
    folder = tmp_path / "a #?% home"
    folder.mkdir()
    open_ledger(folder)
    before = (folder / "ledger.sqlite").read_bytes()
    if is_read_only:
        monkeypatch.setattr(os, "access", lambda *_: False)
    looked = open_ledger(folder, read_only=True)
    assert looked.verify_chain().ok and looked.current_run() is None
    with (
        pytest.raises(MachineFailed, match=r"ledger\.sqlite: cannot be written .*readonly"),
        ledger_tables.writing(looked._engine) as connection,
    ):
        connection.execute(sa.delete(ledger_tables.runs))
    assert (folder / "ledger.sqlite").read_bytes() == before


@pytest.mark.parametrize("url", ["postgresql+nosuchdriver://u@localhost/ledger"])
def test_a_missing_driver_is_one_clear_line(tmp_path, url):
    for read_only in (False, True):
        with pytest.raises(UsageError, match="EVENSTOCK_LEDGER_URL: the driver"):
            open_ledger(tmp_path, url, read_only=read_only)
