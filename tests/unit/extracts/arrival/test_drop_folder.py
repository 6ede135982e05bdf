"""A drop folder as it lies there: whose each file is, what nobody knows, and whether all of it has come - by manifest, marker or quiet."""

import datetime
import gzip
import hashlib
import io
import json
import os

import openpyxl
import pytest

from pipelines.domain.errors import InputRefused
from pipelines.extracts.arrival.drop_folder import Expected, digest_drop, identify_drop, look_at_drop
from pipelines.extracts.arrival.settling import Settling, see_files
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.layouts.layout_reading import read_layout

DAY = datetime.date(2026, 1, 5)
NOW = 1_767_700_000.0
REQUIRED = ("erp_items", "erp_locations", "tms_lanes", "wms_stock")
LAYOUT = """layout: acme_stock
system: acme
feed: wms_stock
description: Stock as Acme writes it.
files: ["BESTAND*.txt"]
file: {delimiter: ";", trailer: 'END;(?P<rows>[0-9]+)'}
columns: {date: business_date, location_id: LAGER, item_id: ARTIKEL, on_hand: MENGE, reserved: 0, blocked: 0}
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "inbox" / "2026-01-05"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def put(folder, good_row, csv_text):
    """put(name, data, age): a file of the drop, last written `age` seconds before NOW; data defaults to a row of the feed of that name."""

    def build(name, data=None, age=3600.0):
        path = folder / name
        feed = name.split(".")[0].lower()
        path.write_bytes(csv_text(feed, [good_row(feed)]).encode() if data is None else data)
        os.utime(path, (NOW - age, NOW - age))
        return path

    return build


@pytest.fixture
def look(folder, tmp_path):
    """look(): the drop by one look at NOW, with a site layout of ours."""
    layouts = tmp_path / "layouts"
    layouts.mkdir()
    (layouts / "acme_stock.yaml").write_text(LAYOUT)

    def build(required=(), settling=None, landed=()):
        expected = Expected((layouts,), required, settling or Settling(1, 60.0))
        return look_at_drop(folder, DAY, expected, see_files(folder, {}, NOW), NOW, landed)

    return build


def feeds(drop):
    return {delivery.feed: delivery.path.name for delivery in drop.deliveries}


def test_quiet_files_of_known_names_are_a_complete_drop(put, look):
    for feed in REQUIRED:
        put(f"{feed}.csv")
    drop = look(REQUIRED)
    assert (drop.waiting, drop.remarks, drop.is_complete) == ((), (), True)
    assert feeds(drop) == {feed: f"{feed}.csv" for feed in REQUIRED}


def test_a_file_that_was_just_written_is_waited_for_until_a_marker_says_that_it_is_whole(put, look):
    put("wms_stock.csv", age=5)
    (waiting,) = look().waiting
    assert waiting.startswith("wms_stock.csv: seen unchanged 1 of 1 times, and whole 60 s after it last changed")
    put("wms_stock.csv.done", b"", age=4)
    assert look().is_complete
    put("erp_items.csv", age=3)
    assert [text.split(":")[0] for text in look().waiting] == ["erp_items.csv"]
    put("_SUCCESS", b"", age=2)
    assert look().is_complete and look().completed_by == "_SUCCESS"
    put("erp_items.csv", age=1)
    assert [text.split(":")[0] for text in look().waiting] == ["erp_items.csv"], "changed after the marker, so the marker is not about it"


def test_the_time_of_a_clock_that_runs_ahead_is_no_trap(put, look):
    put("wms_stock.csv", age=-7200)
    assert look().is_complete


@pytest.mark.parametrize("name", ["wms_stock.csv.filepart", ".wms_stock.csv.x7Hd2a", "wms_stock.csv~", "upload.TMP"])
def test_a_file_that_is_still_being_written_by_its_name_holds_the_drop_back(name, put, look):
    put("erp_items.csv")
    put(name, b"")
    assert look().waiting == (f"{name}: still being written, by its name",)


def test_a_done_file_without_its_file_holds_the_drop_back(put, look):
    put("erp_items.csv")
    put("wms_stock.csv.done", b"")
    assert look().waiting == ("wms_stock.csv.done is there, wms_stock.csv is not",)


def test_required_feeds_are_waited_for_unless_landed_or_the_sender_says_that_all_is_there(put, look):
    put("wms_stock.csv")
    assert look(("erp_items", "wms_stock")).waiting == ("no file of erp_items has come",)
    assert look(("erp_items", "wms_stock"), landed=("erp_items",)).is_complete
    put("_SUCCESS", b"")
    assert look(("erp_items", "wms_stock")).is_complete


def test_an_empty_folder_waits(look):
    assert "no file of a known feed yet" in look().waiting[0]


def test_a_layout_knows_its_files_by_name_and_its_trailer_says_when_they_are_whole(put, look):
    put("bestand_20260105.txt", b"LAGER;ARTIKEL;MENGE\nCA_1;I1;10\n")
    assert look().waiting == ("bestand_20260105.txt: the trailer line that layout acme_stock asks for has not come",)
    put("bestand_20260105.txt", b"LAGER;ARTIKEL;MENGE\nCA_1;I1;10\nEND;1\n", age=0)
    drop = look()
    assert drop.is_complete and feeds(drop) == {"wms_stock": "bestand_20260105.txt"}
    assert drop.deliveries[0].layout.layout.name == "acme_stock"


@pytest.mark.parametrize(
    ("data", "is_whole"),
    [
        (b"LAGER;ARTIKEL;MENGE\nCA_1;I1;10\nEND;1", True),
        (b"LAGER;ARTIKEL;MENGE\r\nCA_1;I1;10\r\nEND;1\r\n\r\n", True),
        (b"LAGER;ARTIKEL;MENGE\nCA_1;I1;10\nCA_1;WEEKEND;10\n", False),
        (b"LAGER;ARTIKEL;MENGE\nCA_1;I1;10\nEND;1;2\n", False),
        (b"LAGER;ARTIKEL;MENGE\nCA_1;I1;10\nCA_1;\xc2\x85END;1", False),
        (b"LAGER;ARTIKEL;MENGE\nCA_1;I1;10\nEND;1\n  \n", False),
    ],
)
def test_a_file_is_whole_by_its_trailer_exactly_when_it_can_be_read(data, is_whole, put, look):
    path = put("bestand_20260105.txt", data)
    drop = look()
    assert drop.is_complete == is_whole
    layout = read_layout(LAYOUT.encode(), "acme_stock.yaml")
    try:
        assert check_file(path, load_contract("wms_stock"), layout, business_date=DAY).accepted.num_rows == 1 and is_whole
    except InputRefused as refused:
        assert "not the declared trailer" in str(refused) and not is_whole


def test_a_workbook_with_a_trailer_is_whole_when_it_has_settled(put, look, tmp_path):
    text = LAYOUT.replace('delimiter: ";"', 'format: xlsx, delimiter: ";"').replace("txt", "xlsx")
    (tmp_path / "layouts" / "acme_stock.yaml").write_text(text)
    workbook, stream = openpyxl.Workbook(), io.BytesIO()
    for row in (["LAGER", "ARTIKEL", "MENGE"], ["CA_1", "I1", 10], ["END", 1]):
        workbook.active.append(row)
    workbook.save(stream)
    put("bestand_20260105.xlsx", stream.getvalue(), age=10)
    assert "seen unchanged" in look().waiting[0]
    put("bestand_20260105.xlsx", stream.getvalue())
    assert look().is_complete


def test_packed_and_dated_canonical_names_are_known(put, look, good_row, csv_text):
    put("erp_items_2026-01-05.csv.gz", gzip.compress(csv_text("erp_items", [good_row("erp_items")]).encode()))
    assert feeds(look()) == {"erp_items": "erp_items_2026-01-05.csv.gz"}


def test_a_companion_is_found_by_its_name_and_waited_for(put, look):
    put("LIPS.csv", b"VBELN;POSNR\n")
    assert any("looks things up in LIKP, which has not come" in text for text in look().waiting)
    put("LIKP_2026-01-05.csv", b"VBELN\n")
    (delivery,) = look().deliveries
    assert (delivery.feed, delivery.companions["LIKP"].name) == ("wms_shipments", "LIKP_2026-01-05.csv")


def test_two_layouts_that_know_a_name_are_not_chosen_between(put, look, tmp_path):
    (tmp_path / "layouts" / "acme_other.yaml").write_text(LAYOUT.replace("acme_stock", "acme_other"))
    put("BESTAND.txt", b"LAGER;ARTIKEL;MENGE\nCA_1;I1;10\nEND;1\n")
    assert "BESTAND.txt: layouts acme_other and acme_stock both know this name" in look().waiting[0]


def test_nothing_unknown_is_passed_over(put, look):
    put("wms_stock.csv")
    put("README.txt", b"hello")
    drop = look()
    assert drop.is_complete and drop.remarks == ("README.txt: no feed or layout knows this name, so nobody reads it",)
    (drop.deliveries[0].path.parent / "erp_items.csv").symlink_to("/etc/passwd")
    assert look().remarks[1:] == ("erp_items.csv: a link or a folder, so nobody reads it",)
    put("wms_shipment.csv", b"x")
    assert look().waiting == (
        "wms_shipment.csv: no feed or layout knows this name; did you mean wms_shipments.csv? Rename it or take it away",
    )


def test_two_files_of_one_feed_are_not_chosen_between(put, look):
    put("wms_stock.csv")
    put("BESTAND.txt", b"LAGER;ARTIKEL;MENGE\nCA_1;I1;10\nEND;1\n")
    assert look().waiting == (
        "BESTAND.txt, wms_stock.csv: wms_stock comes in one file per business date; put all rows into one, or take the others away",
    )


def test_another_date_in_a_name_is_told(put, look, good_row, csv_text):
    put("erp_items_2026-01-04.csv", csv_text("erp_items", [good_row("erp_items")]).encode())
    assert look().remarks == ("erp_items_2026-01-04.csv: its name says 2026-01-04, it lies under 2026-01-05",)


def announce(folder, *entries, date="2026-01-05"):
    """A manifest of files that lie in the folder; an entry is (feed, file) and changes of what is announced."""
    files = []
    for feed, name, changes in entries:
        data = (folder / name).read_bytes()
        files.append({"feed": feed, "file": name, "rows": 1, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} | changes)
    body = {"format": "evenstock-extract/1", "source_system": "t", "business_date": date, "files": files}
    (folder / "manifest.json").write_text(json.dumps(body))


def test_a_manifest_rules_over_names_and_quiet(folder, put, look):
    put("x.csv", (put("wms_stock.csv").read_bytes()), age=0)
    (folder / "wms_stock.csv").unlink()
    put("notes.txt", b"")
    announce(folder, ("wms_stock", "x.csv", {}))
    drop = look(REQUIRED)
    assert drop.is_complete and drop.is_announced and feeds(drop) == {"wms_stock": "x.csv"}
    assert drop.remarks == ("notes.txt: not announced by the manifest, so nobody reads it",)
    announce(folder, ("wms_stock", "x.csv", {"bytes": 10_000}))
    assert "of the 10000 bytes that the manifest announces have come" in look().waiting[0]


def test_a_manifest_of_another_date_is_refused(folder, put, look):
    put("wms_stock.csv")
    announce(folder, ("wms_stock", "wms_stock.csv", {}), date="2026-01-04")
    with pytest.raises(InputRefused, match="its manifest is about 2026-01-04, its folder about 2026-01-05"):
        look()


def test_the_digest_follows_contents_and_promises_alone(folder, put, look):
    def digest():
        drop = look()
        return digest_drop(drop, identify_drop(drop))

    data = put("wms_stock.csv").read_bytes()
    first = digest()
    put("wms_stock.csv", data, age=100)
    assert digest() == first
    (folder / "wms_stock.csv").unlink()
    put("wms_stock_2026-01-05.csv.gz", gzip.compress(data))
    assert digest() == first, "neither name nor packing"
    put("wms_stock_2026-01-05.csv.gz", gzip.compress(data.replace(b",10,", b",11,")))
    assert digest() != first
    (folder / "wms_stock_2026-01-05.csv.gz").unlink()
    put("wms_stock.csv", data)
    announce(folder, ("wms_stock", "wms_stock.csv", {}))
    promised = digest()
    announce(folder, ("wms_stock", "wms_stock.csv", {"rows": 2}))
    assert digest() not in (first, promised)
    announce(folder, ("wms_stock", "wms_stock.csv", {"sha256": "0" * 64}))
    with pytest.raises(InputRefused, match=r"wms_stock\.csv: its bytes are not those that the manifest announces"):
        digest()


def test_a_file_settles_over_looks_in_a_row(folder, put):
    rule, path = Settling(3, 60.0), put("wms_stock.csv", age=0)
    seen = see_files(folder, {}, NOW)
    for n, settled in ((1, False), (2, True)):
        seen = see_files(folder, seen, NOW + 40 * n)
        assert seen["wms_stock.csv"].is_settled(rule, NOW + 40 * n) is settled
    path.write_bytes(b"more")
    os.utime(path, (NOW + 90, NOW + 90))
    seen = see_files(folder, seen, NOW + 120)
    assert seen["wms_stock.csv"].times == 1 and not seen["wms_stock.csv"].is_settled(rule, NOW + 120)
