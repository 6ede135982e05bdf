"""What changed under a publication is told by content: corrected, come late, or landed and not read yet; everything else is no change."""

import datetime

import pytest

from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.lake.corrections import find_corrections, record_partitions
from pipelines.extracts.lake.partitions import current_files, ingest
from tests.landed import land_files

DAY = datetime.date(2026, 1, 5)
NEXT = DAY + datetime.timedelta(days=1)


@pytest.fixture
def land(tmp_path, good_row, write_feed):
    """land(day, rows..., feed, read): land a file of rows given as changes of the good row; `read` takes it into the lake."""

    def build(day, *rows, feed="wms_stock", read=True, change=str):
        path = write_feed(feed, [good_row(feed, **row) for row in rows])
        path.write_text(change(path.read_text()))
        landed = land_files(tmp_path / "landing", [(path, day)], feed)[0]
        if read:
            ingest(landed, load_contract(feed), tmp_path / "lake", tmp_path / "quarantine")
        return landed

    return build


@pytest.fixture
def published(tmp_path, land):
    """Two days of stock as a publication read them."""
    land(DAY, {"item_id": "A"}, {"item_id": "B"})
    land(NEXT, {"item_id": "A"})
    return {"wms_stock": record_partitions(current_files(tmp_path / "lake", "wms_stock", NEXT)), "wms_receipts": {}}


def told(tmp_path, published, as_of=NEXT):
    return [str(found) for found in find_corrections(published, tmp_path / "landing", tmp_path / "lake", as_of)]


def test_nothing_changed(tmp_path, published):
    assert told(tmp_path, published) == []


def test_a_corrected_file_is_told_before_and_after_it_is_read(tmp_path, published, land):
    land(DAY, {"item_id": "A", "on_hand": "11"}, {"item_id": "B"}, read=False)
    assert told(tmp_path, published) == ["wms_stock of 2026-01-05 was corrected since (version 2, not read yet)"]
    land(DAY, {"item_id": "A", "on_hand": "12"}, {"item_id": "B"})
    assert told(tmp_path, published) == ["wms_stock of 2026-01-05 was corrected since (version 3)"]


def test_what_came_back_or_is_only_written_otherwise_is_no_correction(tmp_path, published, land):
    land(DAY, {"item_id": "A", "on_hand": "11"}, {"item_id": "B"})
    assert land(DAY, {"item_id": "A"}, {"item_id": "B"}).version == 3
    assert told(tmp_path, published) == []
    assert land(DAY, {"item_id": "B"}, {"item_id": "A"}, change=lambda text: text.replace(",A,", ',"A",')).version == 4
    assert told(tmp_path, published) == []


def test_a_feed_that_came_late_is_told(tmp_path, published, land):
    land(DAY, {}, feed="wms_receipts")
    assert told(tmp_path, published) == ["wms_receipts of 2026-01-05 came since (version 1)"]


def test_later_dates_and_dates_that_no_night_read_are_no_matter_of_this_publication(tmp_path, published, land):
    land(NEXT + datetime.timedelta(days=1), {"item_id": "A"})
    land(datetime.date(2025, 1, 5), {"item_id": "A"}, read=False)
    assert told(tmp_path, published) == []
    land(datetime.date(2025, 1, 5), {"item_id": "A"})
    assert told(tmp_path, published) == ["wms_stock of 2025-01-05 came since (version 1)"]


def test_a_publication_of_an_older_release_recorded_nothing(tmp_path, published):
    assert told(tmp_path, {}) == []
