"""Overrides in the ledger: kept once, read as known at a date, and taken along when a run is made again."""

from datetime import date, timedelta
from pathlib import Path

from pipelines.store.ledger import open_ledger

DAY = date(2026, 3, 29)


def row(value: float = 1.5, effective: date = DAY, **more: object) -> dict:
    place = {"author": "ana", "reason": "fair", "location_id": "A", "item_id": "p", "kind": "factor", "value": value}
    when = {"start_date": DAY, "end_date": DAY + timedelta(days=13), "effective_from": effective, "decided_at": "2026-03-28T20:00:00+00:00"}
    return place | when | more


def test_the_same_override_is_kept_once_and_another_beside_it(tmp_path: Path):
    ledger = open_ledger(tmp_path)
    first = ledger.add_override(row())
    assert ledger.add_override(row(decided_at="2026-03-28T21:00:00+00:00")) == first
    second = ledger.add_override(row(2.0))
    kept = ledger.overrides()
    assert kept["override_id"].tolist() == [first, second] and kept["seq"].tolist() == [1, 2]
    assert kept["author"].tolist() == ["ana", "ana"] and kept["reason"].tolist() == ["fair", "fair"]


def test_a_night_reads_what_was_known_and_is_not_over(tmp_path: Path):
    ledger = open_ledger(tmp_path)
    assert ledger.override_digest(DAY) == ""
    ledger.add_override(row())
    digest = ledger.override_digest(DAY)
    ledger.add_override(row(3.0, effective=DAY + timedelta(days=1)))
    assert ledger.overrides(DAY - timedelta(days=1)).empty and ledger.overrides(DAY + timedelta(days=13)).empty
    assert ledger.overrides(DAY)["value"].tolist() == [1.5] and ledger.override_digest(DAY) == digest, "a night that is repeated"
    assert ledger.overrides(DAY + timedelta(days=1))["value"].tolist() == [1.5, 3.0]


def test_a_copy_as_of_a_moment_holds_the_overrides_of_then(tmp_path: Path):
    ledger = open_ledger(tmp_path / "live")
    ledger.add_override(row())
    marks = ledger.marks()
    ledger.add_override(row(9.0))
    ledger.copy_until(tmp_path / "then.sqlite", marks)
    ledger.copy_until(tmp_path / "old.sqlite", {name: mark for name, mark in marks.items() if name != "overrides"})
    for name, values in (("then", [1.5]), ("old", [])):
        copied = open_ledger(tmp_path, f"sqlite:///{tmp_path / name}.sqlite")
        assert copied.overrides()["value"].tolist() == values
