"""The same lines in another order bring nothing new only where a line is a record; figures that change places are a correction."""

import datetime

import pytest

from pipelines.extracts.landing.kept_layouts import find_layout
from pipelines.extracts.landing.repeats import is_reordered
from pipelines.extracts.layouts.layout import Layout
from pipelines.extracts.reading.file_format import FileFormat
from tests.landed import land_file

DAY = datetime.date(2026, 1, 5)
LIST = '[{"sku": "A",\n"qty": 5},\n{"sku": "B",\n"qty": 7},\n{"sku": "C",\n"qty": 9}]\n'
OBJECT = '{"stock":\n[{"sku": "A",\n"qty": 5},\n{"sku": "B",\n"qty": 7},\n{"sku": "C",\n"qty": 9}]}\n'
LINES = '{"sku": "A", "qty": 5}\n{"sku": "B", "qty": 7}\n{"sku": "C", "qty": 9}\n'


def json_layout(records: str = ""):
    return Layout("acme", "acme", "wms_stock", "Stock of Acme.", FileFormat(kind="jsonl", records=records))


@pytest.mark.parametrize(
    ("text", "records"),
    [(LIST, ""), ("\ufeff" + LIST, ""), ("\n  \n" + LIST, ""), (OBJECT, "stock"), (LIST.replace("[", '{"stock": [') + "}\n", "stock")],
)
def test_figures_that_change_places_in_a_document_are_another_document(text, records, tmp_path):
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.write_text(text)
    other.write_text(text.translate(str.maketrans("57", "75")))
    assert not is_reordered(one, other, json_layout(records))


def test_lines_of_json_in_another_order_are_the_same(tmp_path):
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    first, second, third = LINES.splitlines(keepends=True)
    one.write_text(LINES)
    other.write_text(first + third + second)
    assert is_reordered(one, other, json_layout())
    other.write_text(LINES.translate(str.maketrans("79", "97")))
    assert not is_reordered(one, other, json_layout())


def test_a_correction_inside_a_document_lands_as_a_new_version(tmp_path):
    folder, file = tmp_path / "layouts", tmp_path / "stock.json"
    folder.mkdir()
    (folder / "acme.yaml").write_text(
        "layout: acme\nsystem: acme\nfeed: wms_stock\ndescription: Stock of Acme.\nfile: {format: jsonl}\n"
        "columns: {date: business_date, location_id: {value: CA_1}, item_id: sku, on_hand: qty, reserved: 0, blocked: 0}\n"
    )
    layout = find_layout("acme", (folder,))
    for version, text in enumerate([LIST, LIST.translate(str.maketrans("57", "75")), LIST], start=1):
        file.write_text(text)
        landed = land_file(tmp_path / "landing", file, "wms_stock", DAY, layout=layout)
        assert landed.version == (version if version < 3 else 1), "the correction is new, the first document again is not"
