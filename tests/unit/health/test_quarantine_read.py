"""A quarantine of any size is read in bounded memory: its first rows, and examples of every reason that comes later."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.health import window
from pipelines.health.window import CheckedDay, read_quarantine


@pytest.fixture
def day(tmp_path) -> CheckedDay:
    """Ninety rows refused as no date, then ten of two other reasons in turn."""
    reasons = ["not_date"] * 90 + ["not_integer", "below_minimum"] * 5
    path = tmp_path / "2026-01-05.v0001.parquet"
    pq.write_table(pa.table({"line": range(2, 102), "reason": reasons}), path, row_group_size=7)
    return CheckedDay(1, 100, 0, 100, 0, 0, (), "", path)


def test_a_small_quarantine_is_read_whole(day):
    assert read_quarantine(day, [])["line"].to_pylist() == list(range(2, 102))


def test_of_a_large_one_every_reason_has_its_examples(day, monkeypatch):
    monkeypatch.setattr(window, "MAX_QUARANTINE_ROWS", 20)
    monkeypatch.setattr(window, "BATCH_ROWS", 8)
    found = read_quarantine(day, [])
    lines = found["line"].to_pylist()
    assert lines == sorted(lines) and lines[:20] == list(range(2, 22))
    late = found.filter(pa.array([line > 91 for line in lines]))
    assert late["reason"].to_pylist() == ["not_integer", "below_minimum"] * 3
    assert len(lines) <= 20 + 8 + 6


def test_wanted_lines_are_found_wherever_they_are(day, monkeypatch):
    monkeypatch.setattr(window, "MAX_QUARANTINE_ROWS", 20)
    monkeypatch.setattr(window, "BATCH_ROWS", 8)
    lines = read_quarantine(day, [], [5, 77, 101, 4000])["line"].to_pylist()
    assert {5, 77, 101} < set(lines) and len(lines) == len(set(lines)) <= 20 + 8 + 6 + 2


def test_a_large_quarantine_without_reasons_is_said(day, monkeypatch):
    monkeypatch.setattr(window, "MAX_QUARANTINE_ROWS", 20)
    monkeypatch.setattr(window, "BATCH_ROWS", 8)
    pq.write_table(pa.table({"line": range(100)}), day.quarantine)
    problems: list[str] = []
    assert read_quarantine(day, problems) is None
    assert len(problems) == 1 and "reason" in problems[0]


def test_a_quarantine_that_cannot_be_read_is_said(day):
    day.quarantine.write_bytes(b"PAR1 torn")
    problems: list[str] = []
    assert read_quarantine(day, problems) is None
    assert problems[0].startswith("quarantine 2026-01-05.v0001.parquet cannot be read")
