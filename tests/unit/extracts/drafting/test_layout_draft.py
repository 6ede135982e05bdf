"""A draft fills in what a file says outright, leaves to do what it does not, and is a layout that reads the file right."""

import datetime as dt
import gzip
import itertools
import json
import re
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract, load_contracts
from pipelines.extracts.drafting.draft_matching import match_columns
from pipelines.extracts.drafting.draft_values import Profile
from pipelines.extracts.drafting.draft_yaml import scalar
from pipelines.extracts.drafting.layout_draft import Draft, draft_layout, layout_name
from pipelines.extracts.layouts.layout import LAYOUT_NAME
from pipelines.extracts.layouts.layout_document import read_document
from pipelines.extracts.layouts.layout_reading import read_layout

DAY = dt.date(2026, 1, 31)
STOCK = load_contract("wms_stock")
NAMES = ("Warehouse", "Item Number", "Bezeichnung", "Qty On Hand", "Allocated", "Qty Hold", "Expiration Date")
# The days tell day from month, the quantities decimals from thousands.
TRUTH = [
    ("DC1", "007", "Tür, groß", 1234567, 12, 0, dt.date(2026, 12, 31)),
    ("DC1", "A-8", "Ölkanne", 40, 0, 3, dt.date(2027, 1, 25)),
    ("DC2", "007", "Tür, groß", 0, 0, 0, dt.date(2026, 7, 30)),
]
ENCODINGS = itertools.cycle(itertools.product((";", "\t", "|"), ("utf-8", "utf-8-sig", "cp1252", "utf-16")))
WRITINGS = itertools.product((".", ",", "'", " ", ""), ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y%m%d", "%d-%b-%y"))
DIALECTS = [(*one, *other) for one, other in zip(ENCODINGS, WRITINGS, strict=False)]


def rows(mark: str = "", date: str = "%Y-%m-%d") -> list[list[str]]:
    return [
        [*words, *(f"{n:,}".replace(",", mark) for n in numbers), day.strftime(date)]
        for *words, a, b, c, day in TRUTH
        for numbers in [(a, b, c)]
    ]


def drafted(path: Path, feed: str = "wms_stock") -> Draft:
    return draft_layout(path, load_contract(feed), "acme_stock")


def assert_read_right(path: Path) -> None:
    draft = drafted(path)
    assert draft.left == 0, draft.text
    checked = check_file(path, STOCK, read_layout(draft.text.encode(), "acme_stock.yaml"), business_date=DAY)
    assert checked.quarantined.to_pylist() == [], draft.text
    names = ("location_id", "item_id", "on_hand", "reserved", "blocked", "expiry_date")
    found = [tuple(row[name] for name in names) for row in checked.accepted.to_pylist()]
    assert found == sorted((place, item, *rest) for place, item, _, *rest in TRUTH)


def write(path: Path, lines: list[list[str]], delimiter: str = ";", encoding: str = "utf-8") -> Path:
    path.write_bytes("".join(delimiter.join(line) + "\r\n" for line in lines).encode(encoding))
    return path


@pytest.mark.parametrize(("delimiter", "encoding", "mark", "date"), DIALECTS)
def test_a_file_of_known_names_is_read_right_in_any_dialect(delimiter, encoding, mark, date, tmp_path):
    assert_read_right(write(tmp_path / "stock.txt", [list(NAMES), *rows(mark, date)], delimiter, encoding))


def test_lines_before_and_after_the_table_are_found(tmp_path):
    lines = [["Stock of Friday"], ["printed by ana"], list(NAMES), *rows(), ["Rows", "3"]]
    draft = drafted(write(tmp_path / "stock.txt", lines, ";"))
    assert "skip_lines: 2" in draft.text and "trailer:" in draft.text
    assert_read_right(tmp_path / "stock.txt")


def test_every_format_is_drafted(tmp_path):
    csv = write(tmp_path / "stock.csv", [list(NAMES), *rows()], "\t").read_bytes()
    (tmp_path / "stock.csv.gz").write_bytes(gzip.compress(csv))
    with zipfile.ZipFile(tmp_path / "stock.zip", "w") as archive:
        archive.writestr("stock.txt", csv)
    records = [dict(zip(NAMES, row, strict=True)) for row in TRUTH]
    (tmp_path / "stock.jsonl").write_text("".join(json.dumps(record, default=str) + "\n" for record in records), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "stock.parquet")
    book = openpyxl.Workbook()
    for line in [NAMES, *rows()]:
        book.worksheets[0].append(list(line))
    book.save(tmp_path / "stock.xlsx")
    widths = [max(len(line[n]) for line in [NAMES, *rows()]) + 1 for n in range(len(NAMES))]
    fixed = ["".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in [NAMES, *rows()]]
    (tmp_path / "stock.fixed").write_text("\n".join(fixed) + "\n", encoding="utf-8")
    for name in ("csv.gz", "zip", "jsonl", "parquet", "xlsx", "fixed"):
        assert_read_right(tmp_path / f"stock.{name}")


def test_a_table_below_a_title_is_found_in_a_workbook(tmp_path):
    book = openpyxl.Workbook()
    for line in [["Stock of Friday"], [], ["printed by ana", "page 1"], NAMES, *rows()]:
        book.worksheets[0].append(list(line))
    book.save(tmp_path / "stock.xlsx")
    assert "skip_lines: 3" in drafted(tmp_path / "stock.xlsx").text
    assert_read_right(tmp_path / "stock.xlsx")


@pytest.mark.parametrize("feed", sorted(load_contracts()))
def test_a_header_of_canonical_names_maps_itself(feed):
    contract = load_contract(feed)
    names = [column.name for column in contract.columns]
    matches = match_columns(names, [Profile("empty")] * len(names), contract)
    assert {column: names[match.position] for column, match in matches.items()} == {name: name for name in names}


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        (("sku", "available"), {"blocked": "available", "on_hand": "available"}),
        (("Location Committed", "Item"), {"location_id": "Location Committed"}),
        (("Bin Number", "Item"), {"lot_id": "Bin Number"}),
        (("Qty On Order", "Item"), {"on_hand": "Qty On Order", "reserved": "Qty On Order"}),
        (("Order Date", "Item"), {"expiry_date": "Order Date", "date": "Order Date"}),
    ],
)
def test_a_name_that_is_merely_like_another_is_no_match(names, wrong):
    found = {column: names[match.position] for column, match in match_columns(names, [Profile("empty")] * 2, STOCK).items()}
    assert not set(found.items()) & set(wrong.items())


@pytest.mark.parametrize(
    ("name", "cells", "left"),
    [
        ("Expiration Date", ["03/04/2026", "05/06/2026"], "dates: FILL_IN"),
        ("Qty On Hand", ["1.234", "2.000"], "decimal: FILL_IN"),
        ("Warehouse", ["Zürich", "W1"], 'codes: {W1: W1, "Zürich": [FILL_IN]}'),
    ],
)
def test_what_no_sample_can_tell_is_left_to_do(name, cells, left, tmp_path):
    draft = drafted(write(tmp_path / "stock.csv", [[name, "SKU"], *([cell, "A"] for cell in cells)]))
    line = next(line for line in draft.text.splitlines() if name in line)
    assert left in line
    with pytest.raises(UsageError):
        read_layout(draft.text.encode(), "acme_stock.yaml")


def test_units_are_never_taken_for_single_ones(tmp_path):
    lines = [["SKU", "Qty On Hand", "UOM"], ["A", "5", "EA"], ["B", "5", "CS"], ["C", "5", "Kasten 20"]]
    text = drafted(write(tmp_path / "stock.csv", lines)).text
    assert "unit: {from: UOM, factors: {CS: FILL_IN, EA: 1, Kasten 20: FILL_IN}}" in text


def test_rows_of_one_key_suggest_a_group(tmp_path):
    lines = [["Warehouse", "SKU", "Bin", "Qty On Hand"], ["W", "A", "1", "5"], ["W", "A", "2", "6"]]
    text = drafted(write(tmp_path / "stock.csv", lines)).text
    assert "# group: {by: key, sum: [on_hand, reserved, blocked], one_row_per: [Warehouse, SKU, Bin]}" in text


def test_a_day_gets_its_time_and_a_quantity_its_sign(tmp_path):
    names = ["Trans ID", "Trans Date", "Trans Time", "Trans Type", "Whse", "Item No", "Qty", "Direction"]
    lines = [
        names,
        ["1", "01-31-2026", "08:15", "adjust", "DC1", "A", "5", "OUT"],
        ["2", "01-31-2026", "23:59", "adjust", "DC1", "A", "2", "IN"],
    ]
    path = write(tmp_path / "moves.csv", lines, ",")
    draft = drafted(path, "wms_movements")
    assert draft.left == 0, draft.text
    checked = check_file(path, load_contract("wms_movements"), read_layout(draft.text.encode(), "acme_stock.yaml"))
    found = [(row["at"], row["qty_units"]) for row in checked.accepted.to_pylist()]
    assert found == [(dt.datetime(2026, 1, 31, 8, 15), -5), (dt.datetime(2026, 1, 31, 23, 59), 2)]


def test_a_sign_in_unknown_words_is_left_to_do(tmp_path):
    lines = [["Trans ID", "Qty", "Direction"], ["1", "5", "C"], ["2", "5", "D"]]
    text = drafted(write(tmp_path / "moves.csv", lines), "wms_movements").text
    assert "sign: {from: Direction, minus: [FILL_IN], plus: [FILL_IN]}" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Weight (lb)", "multiply: 0.45359237, round: half_even"),
        ("Weight kg", "weight_kg: Weight kg"),
        ("Weight", "multiply: FILL_IN, round: half_even"),
        ("Gross_Weight_G", "multiply: 0.001, round: half_even"),
    ],
)
def test_weights_are_in_the_unit_that_their_name_says(name, said, tmp_path):
    text = drafted(write(tmp_path / "items.csv", [["SKU", name], ["A", "1.5"], ["B", "0.25"]]), "erp_items").text
    assert said in next(line for line in text.splitlines() if "weight_kg" in line)


def test_a_few_strays_change_no_kind_and_are_named(tmp_path):
    lines = [["SKU", "Qty On Hand"], ["A", "1"], ["B", "2"], ["C", "3"], ["D", "see note"]]
    line = next(line for line in drafted(write(tmp_path / "stock.csv", lines)).text.splitlines() if "on_hand" in line)
    assert line.startswith("  on_hand: Qty On Hand") and "see note will be quarantined" in line


def test_numbers_of_columns_that_nobody_knows_tell_the_dialect(tmp_path):
    lines = [["SKU", "Zwtk", "Fgh"], ["A", "1.234,50", "31.12.2026"], ["B", "0,75", "01.02.2027"]]
    text = drafted(write(tmp_path / "stock.csv", lines)).text
    assert 'decimal: ","' in text and 'thousands: "."' in text and "dates: DD.MM.YYYY" in text


def test_a_file_without_header_gets_names(tmp_path):
    text = drafted(write(tmp_path / "stock.csv", [["DC1", "7", "2026-01-31"], ["DC2", "8", "2026-01-31"]])).text
    assert "header: false" in text and "names: [column_1, column_2, column_3]" in text


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("absent.csv", None, "no such file"),
        ("empty.csv", b"", "the file is empty"),
        ("blank.csv", b" \r\n\r\n", "the file is empty"),
        ("binary.csv", b"a;b\0c\n1;2;3\n" * 9, "NUL"),
        ("damaged.gz", b"\x1f\x8b\x08\x00\x00", "not readable"),
        ("damaged.zip", b"PK\x03\x04 and no more", "not readable"),
        ("header.csv", b"SKU;Qty\n", None),
        ("one.txt", b"x", None),
    ],
)
def test_what_cannot_be_drafted_is_refused_by_name(name, data, said, tmp_path):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    if said is None:
        assert drafted(tmp_path / name).rows == 0
        return
    with pytest.raises(InputRefused, match=name) as refused:
        drafted(tmp_path / name)
    assert said in str(refused.value)


def test_a_zip_of_two_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "x")
        archive.writestr("b.csv", "x")
    with pytest.raises(InputRefused, match="2 files"):
        drafted(tmp_path / "two.zip")


def test_hostile_names_and_cells_stay_text(tmp_path):
    names = ["SKU\x1b[2J", "Qty: On Hand #1", "- {a: !!python/object}", "business_date", "&x *x", "Qty On Hand"]
    cells = ["\u202eevil", "=1+1", "'; DROP TABLE x", "2026-01-31", "[", "7"]
    path = write(tmp_path / "stock\u202e.csv", [names, cells, cells], "|")
    text = drafted(path).text
    assert "\x1b" not in text and "\u202e" not in text
    body = read_document(text.encode(), "acme_stock.yaml").data
    assert body["columns"]["on_hand"] == "Qty On Hand" and body["columns"]["date"] == {"from": "business_date"}


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=40))
def test_any_text_survives_being_written_as_yaml(text):
    written = f"key: {scalar(text)}\nflow: {{a: {scalar(text)}, b: [{scalar(text)}]}}\n"
    assert read_document(written.encode(), "x.yaml").data == {"key": text, "flow": {"a": text, "b": [text]}}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_any_file_name_gives_a_layout_name(stem):
    assert re.fullmatch(LAYOUT_NAME, layout_name(stem))


def test_the_same_file_gives_the_same_draft(tmp_path):
    path = write(tmp_path / "stock.csv", [list(NAMES), *rows(",", "%d.%m.%Y")])
    assert drafted(path) == drafted(path)
