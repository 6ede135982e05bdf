"""Files handed over on purpose: all or none, older bytes brought back, and no replay of a drop that undoes a correction."""

import datetime
import hashlib
import json
import resource

import pytest

from pipelines.domain.errors import InputRefused, MachineFailed, UsageError
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.lake.partitions import current_files, ingest
from pipelines.extracts.landing.landing_zone import land_drop, list_landed
from tests.landed import land_file, land_files

DAY = datetime.date(2026, 1, 5)
NEXT = datetime.date(2026, 1, 6)


@pytest.fixture
def right(good_row, write_feed):
    return write_feed("wms_stock", [good_row("wms_stock")], "right.csv")


@pytest.fixture
def wrong(good_row, write_feed):
    return write_feed("wms_stock", [good_row("wms_stock", on_hand="99")], "wrong.csv")


def drop_of(folder, file):
    """A drop folder of one stock file."""
    folder.mkdir()
    data = file.read_bytes()
    (folder / "wms_stock.csv").write_bytes(data)
    entry = {"feed": "wms_stock", "file": "wms_stock.csv", "rows": 1, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest = {"format": "evenstock-extract/1", "source_system": "twin", "business_date": str(DAY), "files": [entry]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def versions(landing):
    return [file.version for file in list_landed(landing, "wms_stock", DAY)]


def test_a_day_returns_to_its_original_bytes_after_a_wrong_file(tmp_path, right, wrong):
    landing = tmp_path / "landing"
    landed = [land_files(landing, [(file, DAY)], "wms_stock")[0] for file in (right, wrong, right, right)]
    assert [file.version for file in landed] == [1, 2, 3, 3]
    assert landed[2].path == landed[0].path and versions(landing) == [1, 2, 3]
    for file in list_landed(landing, "wms_stock", DAY):
        ingest(file, load_contract("wms_stock"), tmp_path / "lake", tmp_path / "quarantine")
    in_force = current_files(tmp_path / "lake", "wms_stock", DAY)[0]
    assert (in_force.version, landed[2].sha256[:12] in in_force.path.name) == (3, True)


def test_a_drop_that_is_played_again_does_not_undo_a_correction(tmp_path, right, wrong):
    landing, drop = tmp_path / "landing", drop_of(tmp_path / str(DAY), wrong)
    land_drop(landing, drop)
    land_files(landing, [(right, DAY)], "wms_stock")
    assert [file.version for file in land_drop(landing, drop)] == [1]
    assert versions(landing) == [1, 2]


def test_two_files_of_one_date_are_refused_and_several_dates_land_together(tmp_path, right, wrong):
    landing = tmp_path / "landing"
    with pytest.raises(UsageError, match=r"right\.csv and .*wrong\.csv are both wms_stock of 2026-01-05.*put all rows"):
        land_files(landing, [(right, DAY), (wrong, DAY)], "wms_stock")
    assert list_landed(landing) == []
    assert [file.business_date for file in land_files(landing, [(right, DAY), (wrong, NEXT)], "wms_stock")] == [DAY, NEXT]


def test_one_bad_file_keeps_all_from_landing(tmp_path, right, good_row, write_feed):
    landing, other = tmp_path / "landing", write_feed("erp_items", [good_row("erp_items")])
    with pytest.raises(InputRefused, match=r"erp_items\.csv, line 1: column 'date' is missing"):
        land_files(landing, [(right, DAY), (other, NEXT)], "wms_stock")
    with pytest.raises(InputRefused, match="no such file"):
        land_files(landing, [(right, DAY), (tmp_path / "none.csv", NEXT)], "wms_stock")
    assert [path for path in landing.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("date", [datetime.date(1989, 12, 31), datetime.date(2101, 1, 1), datetime.date(9999, 12, 31)])
def test_dates_that_no_feed_may_name_are_refused(date, tmp_path, right):
    for land in (
        lambda: land_files(tmp_path / "landing", [(right, date)], "wms_stock"),
        lambda: land_file(tmp_path, right, "wms_stock", date),
    ):
        with pytest.raises(UsageError, match="outside 1990-01-01 to 2100-12-31; correct the year"):
            land()
    folder = drop_of(tmp_path / "drop", right)
    (folder / "manifest.json").write_text((folder / "manifest.json").read_text().replace(str(DAY), str(date)))
    with pytest.raises(InputRefused, match="outside the years 1990 to 2100"):
        land_drop(tmp_path / "landing", folder)


def test_a_disk_that_is_full_while_landing_or_ingesting_leaves_no_file_behind(tmp_path, good_row, write_feed):
    small = write_feed("wms_stock", [good_row("wms_stock")], "small.csv")
    noise = (hashlib.sha256(str(n).encode()).hexdigest() for n in range(4000))
    large = write_feed("wms_stock", [good_row("wms_stock", item_id=item[:60]) for item in noise], "large.csv")
    landed = land_files(tmp_path / "landing", [(small, DAY), (large, NEXT)], "wms_stock")[1]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(MachineFailed, match=r"too large.*free some space"):
            land_files(tmp_path / "full", [(small, DAY), (large, NEXT)], "wms_stock")
        with pytest.raises(MachineFailed, match=r"too large.*free some space"):
            ingest(landed, load_contract("wms_stock"), tmp_path / "full/lake", tmp_path / "full/quarantine")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    left = [path.relative_to(tmp_path / "full") for path in (tmp_path / "full").rglob("*") if path.is_file()]
    assert {path.parts[0] for path in left} <= {"quarantine"}, "an empty quarantine is whole, and read only beside its lake file"
    assert not [path for path in left if path.name.startswith(".")]
