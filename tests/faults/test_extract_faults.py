"""Faults around extracts: kills between write and rename, full disks, racing deliveries, and mutated files that must not pass silently."""

import datetime
import hashlib
import json
import os
import pathlib
import random
import threading

import pytest

from pipelines.domain.errors import InputRefused, MachineFailed
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.lake import partitions
from pipelines.extracts.landing import landing_zone
from pipelines.machine import writing
from pipelines.machine.reading import file_sha256
from tests.landed import land_file

DAY = datetime.date(2026, 1, 5)
STOCK = load_contract("wms_stock")
HEADER = ",".join(column.name for column in STOCK.columns)


class Killed(BaseException):
    """Stands for the process dying: no handler of ours may catch it."""


def stock_file(folder, rows=20, name="stock.csv"):
    path = folder / name
    path.write_text(HEADER + "\n" + "".join(f"2026-01-05,CA_1,I{n},,{n},0,0,\n" for n in range(rows)))
    return path


def visible(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


@pytest.mark.parametrize("boundary", ["sync", "rename", "link"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5, 6])
def test_a_kill_at_any_write_leaves_no_half_file_and_a_rerun_ends_the_same(boundary, nth, tmp_path, monkeypatch):
    source = stock_file(tmp_path)

    def run(home):
        landed = land_file(home / "landing", source, "wms_stock", DAY)
        return partitions.ingest(landed, STOCK, home / "lake", home / "quarantine")

    run(tmp_path / "undisturbed")
    calls = 0
    place, name = {"sync": (writing, "sync"), "rename": (pathlib.Path, "replace"), "link": (os, "link")}[boundary]
    real = getattr(place, name)

    def dying(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == nth:
            raise Killed
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(place, name, dying)
        try:
            run(tmp_path / "killed")
        except Killed:
            for file in partitions.current_files(tmp_path / "killed/lake", "wms_stock", DAY):
                assert file_sha256(file.path) == file.sha256
            for landed in landing_zone.list_landed(tmp_path / "killed/landing"):
                assert file_sha256(landed.path) == landed.sha256
        else:
            assert calls < nth
    run(tmp_path / "killed")
    for part in ("lake", "quarantine", "landing"):
        one, two = (
            {p.relative_to(home): p.read_bytes() for p in home.rglob("*") if p.is_file()}
            for home in (tmp_path / "killed" / part, tmp_path / "undisturbed" / part)
        )
        assert one == two


def test_parquet_without_its_sidecar_does_not_count(tmp_path):
    landed = land_file(tmp_path / "landing", stock_file(tmp_path), "wms_stock", DAY)
    result = partitions.ingest(landed, STOCK, tmp_path / "lake", tmp_path / "quarantine")
    sidecar = result.lake_path.with_name(result.lake_path.name + ".json")
    sidecar.unlink()
    assert partitions.current_files(tmp_path / "lake", "wms_stock", DAY) == []
    assert partitions.ingest(landed, STOCK, tmp_path / "lake", tmp_path / "quarantine") == result


def test_a_sidecar_without_its_parquet_is_an_error_not_an_empty_day(tmp_path):
    landed = land_file(tmp_path / "landing", stock_file(tmp_path), "wms_stock", DAY)
    partitions.ingest(landed, STOCK, tmp_path / "lake", tmp_path / "quarantine").lake_path.unlink()
    with pytest.raises(InputRefused, match="listed in the lake but missing"):
        partitions.current_files(tmp_path / "lake", "wms_stock", DAY)


def test_a_failing_write_leaves_no_temporary_file(tmp_path):
    def fail(path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(MachineFailed, match=r"file\.parquet.*No space left on device.*free some space"):
        writing.write_file("lake.partition", tmp_path / "out" / "file.parquet", fail)
    assert list((tmp_path / "out").iterdir()) == []


def test_racing_deliveries_of_one_file_land_once_and_of_different_files_all_land(tmp_path):
    same = stock_file(tmp_path)
    others = [stock_file(tmp_path, rows, f"stock-{rows}.csv") for rows in (1, 2, 3)]
    start = threading.Barrier(8)
    landed, failures = [], []

    def deliver(path):
        start.wait()
        try:
            landed.append(land_file(tmp_path / "landing", path, "wms_stock", DAY))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=deliver, args=(path,)) for path in [same] * 5 + others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [file.version for file in landing_zone.list_landed(tmp_path / "landing")] == [1, 2, 3, 4]
    assert len({(file.version, file.sha256) for file in landed}) == 4


def test_a_source_that_changes_while_it_lands_cannot_break_the_promise_of_its_name(tmp_path, monkeypatch):
    source = stock_file(tmp_path)
    real = landing_zone.copy_source

    def copy_then_change(path, target):
        result = real(path, target)
        path.write_text("changed")
        return result

    monkeypatch.setattr(landing_zone, "copy_source", copy_then_change)
    landed = land_file(tmp_path / "landing", source, "wms_stock", DAY)
    assert hashlib.sha256(landed.path.read_bytes()).hexdigest() == landed.sha256


CELL_MUTATIONS = {
    "exponent": lambda cell, _: cell + "e1",
    "fraction": lambda cell, _: cell + ".5",
    "hexadecimal": lambda cell, _: "0x" + cell,
    "underscore": lambda cell, _: cell + "_0",
    "thousands": lambda cell, _: f'"{cell},000"',
    "padding": lambda cell, _: f" {cell}",
    "leading zero": lambda cell, _: "0" + cell,
    "minus": lambda cell, _: "-" + cell,
    "letter": lambda cell, _: cell + "O",
    "empty": lambda cell, _: "",
    "null word": lambda cell, _: "NULL",
    "newline": lambda cell, _: f'"{cell}\n"',
    "full-width digits": lambda cell, _: cell.translate({ord(d): 0xFF10 + i for i, d in enumerate("0123456789")}),
}
LINE_MUTATIONS = {
    "field dropped": lambda line, rng: ",".join(line.split(",")[:-1]),
    "field added": lambda line, rng: line + ",x",
    "quote opened": lambda line, rng: '"' + line,
    "quote in the middle": lambda line, rng: line.replace("I", 'I"', 1),
    "delimiter changed": lambda line, rng: line.replace(",", ";"),
    "cut": lambda line, rng: line[: rng.randrange(1, 12)],
}


@pytest.mark.parametrize("name", [*CELL_MUTATIONS, *LINE_MUTATIONS])
@pytest.mark.parametrize("seed", range(4))
def test_a_mutated_row_is_quarantined_and_its_neighbours_are_not(name, seed, tmp_path):
    rng = random.Random(seed)
    path = stock_file(tmp_path, rows=30)
    lines = path.read_text().splitlines()
    victim = rng.randrange(10, 30)
    if name in CELL_MUTATIONS:
        cells = lines[victim].split(",")
        cells[4] = CELL_MUTATIONS[name](cells[4], rng)
        lines[victim] = ",".join(cells)
    else:
        lines[victim] = LINE_MUTATIONS[name](lines[victim], rng)
    path.write_text("\n".join(lines) + "\n")
    checked = check_file(path, STOCK)
    assert (checked.rows_in, checked.accepted.num_rows) == (30, 29)
    assert checked.quarantined["line"].to_pylist() == [victim + 1]
    assert {row["item_id"]: row["on_hand"] for row in checked.accepted.to_pylist()} == {f"I{n}": n for n in range(30) if n != victim - 1}


FILE_MUTATIONS = {
    "one digit": lambda data: data.replace(b",7,0,0", b",8,0,0"),
    "row lost": lambda data: data.replace(b"2026-01-05,CA_1,I7,,7,0,0,\n", b""),
    "row doubled": lambda data: data + b"2026-01-05,CA_1,I7,,7,0,0,\n",
    "tail cut": lambda data: data[:-30],
    "item swapped": lambda data: data.replace(b"I7,,7", b"I99,,7"),
    "bit flipped": lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
}


@pytest.mark.parametrize("name", FILE_MUTATIONS)
def test_nothing_wrong_passes_a_senders_manifest(name, tmp_path):
    folder = tmp_path / "2026-01-05"
    folder.mkdir()
    data = stock_file(folder, name="wms_stock.csv").read_bytes()
    announced = {
        "feed": "wms_stock",
        "file": "wms_stock.csv",
        "rows": 20,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "sums": {"on_hand": 190},
    }
    manifest = {"format": "evenstock-extract/1", "source_system": "test", "business_date": "2026-01-05", "files": [announced]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert landing_zone.land_drop(tmp_path / "good", folder)
    mutated = FILE_MUTATIONS[name](data)
    assert mutated != data
    (folder / "wms_stock.csv").write_bytes(mutated)
    with pytest.raises(InputRefused, match=r"wms_stock\.csv: the manifest says"):
        landing_zone.land_drop(tmp_path / "landing", folder)
    assert visible(tmp_path / "landing") == []
