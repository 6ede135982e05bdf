"""XLSX: the text that a person sees in a cell, the rows of the sheet, and nothing taken from a cell that has no value of its own."""

import datetime
import io
import re
import zipfile
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.domain.errors import InputRefused
from pipelines.extracts.reading import unpacking, xlsx_parts
from pipelines.extracts.reading.file_format import FileFormat, open_records
from pipelines.extracts.reading.xlsx_cells import Fault, moment_text, number_text

XLSX = FileFormat(kind="xlsx")
RELATIONS = "xl/_rels/workbook.xml.rels"


def book(rows, change=lambda workbook: None):
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    change(workbook)
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def edited(data, edits):
    """The archive with the bytes of some members changed: edits = {member: function}."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, edits.get(member, lambda body: body)(old.read(member)))
    return stream.getvalue()


def in_sheet(old, new):
    return {"xl/worksheets/sheet1.xml": lambda body: re.sub(old, new, body, count=1)}


def sharing(data, texts=None):
    """The same workbook with its texts in a shared table, as most programs write it."""
    found: list[bytes] = []

    def move(cell):
        found.append(cell[2])
        return b'<c %bt="s"><v>%d</v></c>' % (cell[1], len(found) - 1)

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheet = re.sub(rb'<c ([^>]*)t="inlineStr"><is>(.*?)</is></c>', move, archive.read("xl/worksheets/sheet1.xml"), flags=re.DOTALL)
    table = b"".join(b"<si>%b</si>" % (texts or {}).get(text, text) for text in found)
    table = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%b</sst>' % table
    relation = b'<Relationship Type="x/sharedStrings" Target="sharedStrings.xml" Id="rId9"/></Relationships>'
    stream = io.BytesIO(
        edited(data, {"xl/worksheets/sheet1.xml": lambda _: sheet, RELATIONS: lambda b: b.replace(b"</Relationships>", relation)})
    )
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", table)
    return stream.getvalue()


@pytest.fixture
def read(tmp_path):
    """read(data, format, wanted): (cells by row, broken, rows, notes)."""

    def build(data, file_format=XLSX, wanted=None):
        path = tmp_path / "sent.xlsx"
        path.write_bytes(data)
        with open_records(path, file_format, "sent.xlsx") as records:
            found, broken, rows = {}, [], 0
            for batch in records.batches({name: records.names.index(name) for name in wanted or records.names}):
                for row in batch.cells.to_pylist():
                    line = row.pop("_line")
                    found[line] = list(row.values())
                broken += [(b.line, b.column, b.reason, b.value) for b in batch.broken]
                rows += batch.rows
            assert set(records.raw_lines(set(found))) == set(found)
            return found, broken, rows, records.notes

    return build


def test_cells_become_canonical_text(read):
    moment = datetime.datetime(2026, 1, 5, 9, 30, 1)
    row = ["007", 7, 12.5, 0.1 + 0.2, -0.0, 1e-7, True, False, None, datetime.date(2026, 1, 5), moment, datetime.time(6, 30)]
    row += [" x ", "a\nb", "=", 100.0]
    names = [f"c{i}" for i in range(len(row))]
    found, broken, rows, _ = read(book([names, row]))
    expected = ["007", "7", "12.5", "0.3", "0", "0.0000001", "true", "false", "", "2026-01-05", "2026-01-05T09:30:01", "06:30:00"]
    expected += [" x ", "a\nb"]
    assert (found, broken, rows) == ({2: [*expected, "=", "100"]}, [], 1)


def test_lines_are_the_rows_of_the_sheet_and_empty_rows_are_none(read):
    found, _, rows, _ = read(book([["a", "b"], [1, 2], [], ["", None], [3, 4]]))
    assert (found, rows) == ({2: ["1", "2"], 5: ["3", "4"]}, 2)


def test_a_formula_counts_by_its_stored_value_and_is_broken_without_one(read):
    data = book([["a", "b"], [1, "=A2*2"], [1, "=A3*2"], [1, '=""']])
    data = edited(data, in_sheet(b"<f>A2\\*2</f><v ?/?>(</v>)?", b"<f>A2*2</f><v>2.5</v>"))
    data = edited(data, in_sheet(b'<c r="B4"([^>]*)><f>""</f><v ?/>', b'<c r="B4" t="str"><f>""</f><v></v>'))
    found, broken, rows, _ = read(data)
    assert found == {2: ["1", "2.5"], 4: ["1", ""]}
    assert [entry[:3] for entry in broken] == [(3, "b", "cell_error")]
    assert ("without a stored value" in broken[0][3], rows) == (True, 3)


@pytest.mark.parametrize("error", ["#REF!", "#N/A", "#DIV/0!", "#NAME?", "#VALUE!"])
def test_an_error_breaks_its_row_only_where_its_column_is_asked_for(error, read):
    data = book([["a", "b"], [1, error], [2, 5]])
    assert read(data)[:3] == ({3: ["2", "5"]}, [(2, "b", "cell_error", error)], 2)
    assert read(data, wanted=["a"])[:3] == ({2: ["1"], 3: ["2"]}, [], 2)


def test_codes_that_a_spreadsheet_cannot_hold_as_numbers_are_broken(read):
    found, broken, *_ = read(book([["a"], [123456789012345], [1234567890123456789], ["1234567890123456789"], [1e21]]))
    assert found == {2: ["123456789012345"], 4: ["1234567890123456789"]}
    assert [entry[0] for entry in broken] == [3, 5]


def test_merged_cells_have_a_value_in_their_first_cell_only(read):
    data = book([["a", "b"], ["X", 1], [None, 2], ["Y", 3]], lambda w: w.active.merge_cells("A2:A3"))
    found, broken, _, notes = read(data)
    assert (found, [entry[:3] for entry in broken]) == ({2: ["X", "1"], 4: ["Y", "3"]}, [(3, "a", "cell_error")])
    assert any("merged cells" in note for note in notes)
    assert read(data, wanted=["b"])[0] == {2: ["1"], 3: ["2"], 4: ["3"]}


def test_sheets_that_are_not_read_and_hidden_rows_are_noted(read):
    def change(workbook):
        workbook.create_sheet("More").sheet_state = "hidden"
        workbook.active.row_dimensions[2].hidden = True

    found, _, _, notes = read(book([["a"], [1], [2]], change))
    assert found == {2: ["1"], 3: ["2"]}
    assert any("'More' (hidden) not" in note for note in notes)
    assert any("hidden rows or columns" in note for note in notes)


def test_the_first_visible_sheet_is_read_unless_one_is_named(read):
    def change(workbook):
        workbook.active.sheet_state = "hidden"
        workbook.create_sheet("Stock & more").append(["b"])
        workbook["Stock & more"].append([2])

    data = book([["a"], [1]], change)
    assert read(data)[0] == {2: ["2"]}
    assert read(data, FileFormat(kind="xlsx", sheet="Sheet"))[0] == {2: ["1"]}
    with pytest.raises(InputRefused, match="no sheet 'Stok & more'; did you mean 'Stock & more'"):
        read(data, FileFormat(kind="xlsx", sheet="Stok & more"))


def test_rows_before_the_header_no_header_and_a_trailer(read):
    rows = [["Report"], [], ["a", "b"], [1, 2], [3, 4], ["TOTAL", 2]]
    file_format = FileFormat(kind="xlsx", skip_lines=2, trailer="TOTAL,(?P<rows>[0-9]+)")
    assert read(book(rows), file_format)[0] == {4: ["1", "2"], 5: ["3", "4"]}
    with pytest.raises(InputRefused, match="says 2 rows, the sheet has 3"):
        read(book([*rows[:5], [5, 6], rows[5]]), file_format)
    with pytest.raises(InputRefused, match="not the declared trailer"):
        read(book(rows[:5]), file_format)
    with pytest.raises(InputRefused, match="row 2: expected the header, the row is empty"):
        read(book(rows), FileFormat(kind="xlsx", skip_lines=1))
    assert read(book([[1, 2]]), FileFormat(kind="xlsx", header=False, names=("x", "y")))[0] == {1: ["1", "2"]}


def test_a_row_that_is_wider_than_the_header_is_broken(read):
    assert read(book([["a"], [1, 2], [3]]))[:2] == ({3: ["3"]}, [(2, "", "too_many_fields", "2 fields, expected 1")])


def test_the_calendar_of_1904_is_kept(read):
    def change(workbook):
        workbook.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904

    assert read(book([["a"], [datetime.date(2026, 1, 5)]], change))[0] == {2: ["2026-01-05"]}


def test_texts_that_are_shared_rich_or_in_place_read_alike(read):
    rich = "<r><t>Mö</t></r><r><t>bel_x000A_</t></r><rPh><t>furigana</t></rPh>".encode()
    data = book([["a"], ["x"], ["x"]])
    assert read(sharing(data, {b"<t>x</t>": rich}))[0] == {2: ["Möbel\n"], 3: ["Möbel\n"]}
    assert read(data)[0] == read(sharing(data))[0] == {2: ["x"], 3: ["x"]}


BOMB = b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><s>&b;</s>'
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE s SYSTEM "file:///etc/passwd"><s/>'
HOSTILE = {
    "entities": ({"xl/sharedStrings.xml": lambda _: BOMB}, "declares a document type"),
    "outside document type": ({"xl/workbook.xml": lambda _: OUTSIDE}, "declares a document type"),
    "entities in the sheet": ({"xl/worksheets/sheet1.xml": lambda _: BOMB}, "declares a document type"),
    "entities in styles": ({"xl/styles.xml": lambda _: BOMB}, "declares a document type"),
    "sheet that is no XML": ({"xl/worksheets/sheet1.xml": lambda _: b"\0\1"}, "is damaged or missing"),
    "sheet cut short": ({"xl/worksheets/sheet1.xml": lambda body: body[: len(body) // 2]}, "is damaged or missing"),
    "workbook without sheets": ({"xl/workbook.xml": lambda _: b"<workbook/>"}, "no sheet with cells"),
    "sheet elsewhere": ({RELATIONS: lambda b: b.replace(b"sheet1.xml", b"../../sheet9.xml")}, "damaged or missing"),
    "sheet outside": ({RELATIONS: lambda b: b.replace(b"Target=", b'TargetMode="External" Target=')}, "no sheet with cells"),
    "endless row number": (in_sheet(b'<row r="2"', b'<row r="99999999"'), "row 99999999 after row 1"),
    "rows backwards": (in_sheet(b'<row r="2"', b'<row r="1"'), "row 1 after row 1"),
    "column beyond the last": (in_sheet(b'r="A2"', b'r="XFE2"'), "cell XFE2"),
    "cell of another row": (in_sheet(b'r="A2"', b'r="A7"'), "cell A7 in row 2"),
    "no cell at all": (in_sheet(b'r="A2"', b'r="-"'), "cell - in row 2"),
    "shared text that is not there": (in_sheet(b'r="A2" t="n"', b'r="A2" t="s"'), "a shared text '1' that is not there"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_or_damaged_workbook_is_refused_by_name(case, read):
    edits, message = HOSTILE[case]
    with pytest.raises(InputRefused) as refusal:
        read(edited(sharing(book([["a"], [1]])), edits))
    assert str(refusal.value).startswith("sent.xlsx: ")
    assert message in str(refusal.value)


def test_a_workbook_over_the_limits_is_refused_before_it_is_unpacked(read, monkeypatch):
    bomb = edited(book([["a"], [1]]), {"xl/worksheets/sheet1.xml": lambda body: body + b" " * (70 << 20)})
    with pytest.raises(InputRefused, match="more than 250 times its size"):
        read(bomb)
    monkeypatch.setattr(xlsx_parts, "MAX_TEXT_PART_BYTES", 20)
    with pytest.raises(InputRefused, match=r"sharedStrings\.xml unpacks to more than 20 bytes"):
        read(sharing(book([["a"], [1]])))
    monkeypatch.setattr(unpacking, "MAX_WORKBOOK_MEMBERS", 3)
    with pytest.raises(InputRefused, match="parts, more than the 3 of any workbook"):
        read(book([["a"], [1]]))


def test_merges_without_end_are_refused(read):
    data = book([["a"], [1]], lambda w: w.active.merge_cells("A2:B3"))
    with pytest.raises(InputRefused, match="more than 1000000 merged cells"):
        read(edited(data, in_sheet(b'ref="A2:B3"', b'ref="A1:A1048576"')))


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
CELLS = st.one_of(
    TEXTS.filter(lambda text: not text.startswith("=") and "_x" not in text),
    st.integers(-(10**14), 10**14),
    st.decimals(-(10**6), 10**6, places=4).map(float),
    st.booleans(),
    st.dates(datetime.date(1990, 1, 1), datetime.date(2100, 1, 1)),
    st.datetimes(datetime.datetime(1990, 1, 1), datetime.datetime(2100, 1, 1)).map(lambda t: t.replace(microsecond=0)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CELLS, min_size=1, max_size=5))
def test_what_another_program_wrote_reads_back_equal(read, row):
    data = book([[f"c{i}" for i in range(len(row))], row])
    found, broken, *_ = read(data)
    assert broken == []
    assert read(sharing(data))[0] == found
    for text, value in zip(found[2], row, strict=True):
        if isinstance(value, bool | str):
            assert text == (value if isinstance(value, str) else str(value).lower())
        elif isinstance(value, datetime.date):
            assert text == value.isoformat()
        else:
            assert Decimal(text) == Decimal(str(value))


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", "-1e400", "abc", "1e-400", "12345678901234567890"])
def test_a_stored_number_that_is_none_is_a_fault(text):
    assert isinstance(number_text(text), Fault)


def test_a_zero_is_a_zero_however_it_is_written():
    assert {number_text(text) for text in ("0", "-0", "0.0", "0E-99", "-0.000")} == {"0"}


DAYS = [("60", "never was"), ("0", "never was"), ("-1", "outside"), ("2958466", "outside"), ("x", "not a date")]


@pytest.mark.parametrize(("serial", "says"), DAYS)
def test_a_day_that_never_was_is_a_fault(serial, says):
    assert says in moment_text(serial, "date", since_1904=False).says


def test_a_time_behind_a_date_is_not_dropped():
    assert moment_text("46027.5", "date", since_1904=False) == "2026-01-05T12:00:00"
    assert moment_text("46027.0000115740", "moment", since_1904=False) == "2026-01-05T00:00:01"
    assert moment_text("1.5", "time", since_1904=False) == "1900-01-01T12:00:00"
