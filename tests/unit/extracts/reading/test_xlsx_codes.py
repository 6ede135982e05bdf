"""Codes that a spreadsheet keeps as numbers and shows with the zeros of their format: what a person sees is what is read."""

import io

import openpyxl
import pytest

from pipelines.extracts.reading.file_format import FileFormat, open_records

SHOWN = [
    (7, "00000", "00007"),
    (2134, "00000", "02134"),
    (123456, "00000", "123456"),
    (0, "000", "000"),
    (-7, "000", "-007"),
    (7, "00000;-00000", "00007"),
    (7, "[$-409]00000", "00007"),
    (7, "[Red]000;[Blue]-000", "007"),
    (2.5, "000", "2.5"),
    (7, "0", "7"),
    (7, "0.00", "7"),
    (7, "#,##0", "7"),
    (7, "General", "7"),
    (7, "0" * 50, "7"),
    ("7", "00000", "7"),
]


@pytest.fixture
def sheet(tmp_path):
    """The texts read from a sheet of one column, whose cells have a value and a number format each."""
    workbook = openpyxl.Workbook()
    workbook.active.append(["code"])
    for row, (value, number_format, _) in enumerate(SHOWN, start=2):
        cell = workbook.active.cell(row, 1, value)
        cell.number_format = number_format
    stream = io.BytesIO()
    workbook.save(stream)
    (tmp_path / "codes.xlsx").write_bytes(stream.getvalue())
    with open_records(tmp_path / "codes.xlsx", FileFormat(kind="xlsx"), "codes.xlsx") as records:
        return [text for batch in records.batches({"code": 0}) for text in batch.cells["code"].to_pylist()]


def test_a_format_of_zeros_pads_to_its_width_and_no_other_does(sheet):
    assert sheet == [shown for _, _, shown in SHOWN]
