"""Whole files: what is refused with place and remedy, what is harmless, and that line numbers stay right whatever stands before."""

import gzip

import pytest

from pipelines.domain.errors import InputRefused
from pipelines.extracts.checking.contract_check import check_file
from pipelines.extracts.contracts.contract import load_contract

STOCK = load_contract("wms_stock")
HEADER = b"date,location_id,item_id,lot_id,on_hand,reserved,blocked,expiry_date\n"
ROWS = b"2026-01-05,CA_1,007,,10,2,1,\n2026-01-05,CA_1,1E5,L-1,0,0,0,2026-03-01\n2026-01-05,CA_1,NA,,3,0,0,\n"


def check(tmp_path, data, **options):
    path = tmp_path / "stock.csv"
    path.write_bytes(data)
    return check_file(path, STOCK, **options)


def rows_of(checked):
    return checked.accepted.drop_columns(["_source_line"]).to_pylist()


REFUSED = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\n\n", "the file is empty"),
    "mark only": (b"\xef\xbb\xbf", "the file is empty"),
    "header only": (HEADER, "a header and no rows"),
    "header without line end": (HEADER.rstrip(), "a header and no rows"),
    "blank rows only": (HEADER + b"\n\r\n\n", "a header and no rows"),
    "semicolons": ((HEADER + ROWS).replace(b",", b";"), "separated by semicolon, expected comma"),
    "tabs": ((HEADER + ROWS).replace(b",", b"\t"), "separated by tab"),
    "no header": (ROWS, "column 'date' is missing"),
    "missing column": (HEADER.replace(b",blocked", b"") + ROWS, "line 1: column 'blocked' is missing"),
    "misspelt column": (HEADER.replace(b"on_hand", b"on_hnad") + ROWS, "column 'on_hand' is missing, found 'on_hnad'"),
    "doubled column": (HEADER.replace(b"reserved", b"on_hand") + ROWS, "column 'on_hand' comes twice"),
    "doubled through alias": (HEADER.replace(b"reserved", b"qty_on_hand") + ROWS, "column 'on_hand' comes twice"),
    "doubled unknown column": (HEADER.replace(b"\n", b",x,x\n") + ROWS, "column 'x' comes twice"),
    "broken header": (HEADER.replace(b"date", b'"date') + ROWS, "header is not well-formed"),
    "latin-1": (HEADER + ROWS.replace(b"007", b"caf\xe9"), r"line 2, byte 88: 0xe9 is not UTF-8"),
    "latin-1 later": (HEADER + ROWS + b"2026-01-05,CA_1,\xfcber,,1,0,0,\n", r"line 5, byte \d+: 0xfc is not UTF-8"),
    "cut inside a character": (HEADER + ROWS + b"2026-01-05,CA_1,\xc3", r"line 5, byte \d+: 0xc3 is not UTF-8"),
    "nul byte": (HEADER + ROWS.replace(b"NA", b"N\0"), r"line 4, byte \d+: a NUL byte"),
    "utf-16": ((HEADER + ROWS).decode().encode("utf-16"), "this is UTF-16"),
    "cut zip or xlsx": (b"PK\x03\x04" + ROWS, "the zip file is damaged"),
    "old mac line ends": ((HEADER + ROWS).replace(b"\n", b"\r"), "header is not well-formed"),
    "endless header": (b"x" * 70_000, "no line end within"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_no_canonical_extract_is_refused_by_name(case, tmp_path):
    data, message = REFUSED[case]
    with pytest.raises(InputRefused, match=message) as refusal:
        check(tmp_path, data, source_name="sent.csv")
    assert str(refusal.value).startswith("sent.csv")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputRefused, match="no such file"):
        check_file(tmp_path / "none.csv", STOCK)


HARMLESS = {
    "gzip": gzip.compress(HEADER + ROWS),
    "byte order mark": b"\xef\xbb\xbf" + HEADER + ROWS,
    "crlf": (HEADER + ROWS).replace(b"\n", b"\r\n"),
    "mixed line ends": HEADER + ROWS.replace(b"\n", b"\r\n", 1),
    "no last line end": (HEADER + ROWS)[:-1],
    "blank lines": HEADER + b"\n" + ROWS + b"\n\r\n",
    "all quoted": b"".join(b",".join(b'"' + cell + b'"' for cell in line.split(b",")) + b"\n" for line in (HEADER + ROWS).splitlines()),
    "columns in another order": b"\n".join(b",".join(line.split(b",")[::-1]) for line in (HEADER + ROWS).splitlines()),
    "alias": HEADER.replace(b"item_id", b"sku").replace(b"on_hand", b"qty_on_hand") + ROWS,
    "upper case header": HEADER.upper() + ROWS,
    "spaces in the header": HEADER.replace(b",", b", ") + ROWS,
    "unknown column": b"\n".join(line + b",x" for line in (HEADER + ROWS).splitlines()),
    "rows reversed": HEADER + b"\n".join(ROWS.splitlines()[::-1]),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_a_harmless_variant_is_accepted_equal(case, tmp_path):
    checked = check(tmp_path, HARMLESS[case])
    assert checked.quarantined.num_rows == 0
    assert rows_of(checked) == rows_of(check(tmp_path, HEADER + ROWS))
    assert [row["item_id"] for row in rows_of(checked)] == ["007", "1E5", "NA"]
    assert [warning for warning in checked.warnings if "'x' is ignored" in warning] == list(checked.warnings)
    assert bool(checked.warnings) == (case == "unknown column")


def test_a_quiet_day_is_accepted_where_the_contract_allows_it(tmp_path):
    contract = load_contract("wms_receipts")
    path = tmp_path / "receipts.csv"
    path.write_text(",".join(column.name for column in contract.columns) + "\n")
    checked = check_file(path, contract)
    assert (checked.rows_in, checked.accepted.num_rows, checked.quarantined.num_rows) == (0, 0, 0)
    assert checked.accepted.schema.field("qty_expected").type == "int64"


def test_line_numbers_are_physical_behind_cells_that_span_lines(tmp_path):
    data = HEADER + b'2026-01-05,CA_1,"A\nB\n\nC",,1,0,0,\n' + ROWS + b"2026-01-05,CA_1,X,,no,0,0,\n"
    checked = check(tmp_path, data)
    assert [(r["line"], r["reason"]) for r in checked.quarantined.to_pylist()] == [(2, "control_character"), (9, "not_integer")]
    assert checked.accepted["_source_line"].to_pylist() == [6, 7, 8]
    assert checked.rows_in == 5


def test_an_unclosed_quote_costs_its_own_line_and_no_other(tmp_path):
    rows = b"".join(b"2026-01-05,CA_1,I%d,,1,0,0,\n" % i for i in range(100))
    data = HEADER + rows + b'2026-01-05,CA_1,"X,,1,0,0,\n' + rows.replace(b",I", b",J") + b'2026-01-05,CA_1,"Y",,1,0,0,\n'
    checked = check(tmp_path, data)
    assert (checked.rows_in, checked.accepted.num_rows) == (202, 201)
    assert checked.quarantined.select(["line", "reason"]).to_pylist() == [{"line": 102, "reason": "bad_quoting"}]


def test_two_stray_quotes_lose_no_row_between_them(tmp_path):
    data = HEADER + b'2026-01-05,CA_1,"X,,1,0,0,\n' + ROWS + b'2026-01-05,CA_1,Y",,1,0,0,\n'
    checked = check(tmp_path, data)
    assert checked.accepted.num_rows == 3
    assert checked.quarantined.select(["line", "reason"]).to_pylist() == [{"line": n, "reason": "bad_quoting"} for n in (2, 6)]


@pytest.mark.parametrize("block_bytes", [7, 40, 333])
def test_the_block_size_changes_nothing(block_bytes, tmp_path):
    data = (
        HEADER
        + ROWS
        + b'2026-01-05,CA_1,"A\nB",,1,0,0,\n\n2026-01-05,"CA_1",Q,,1,0,0,\n2026-01-05,CA_1,"Z,,1\nx,y\n'
        + ROWS.replace(b"CA_1", b"TX_2")
    )
    whole, pieces = check(tmp_path, data), check(tmp_path, data, block_bytes=block_bytes)
    assert pieces.accepted.equals(whole.accepted)
    assert pieces.quarantined.equals(whole.quarantined)
    assert pieces.rows_in == whole.rows_in == 10


def test_an_oversized_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.extracts.reading.unpacking.MAX_FILE_BYTES", 100)
    with pytest.raises(InputRefused, match="more than the limit of 100"):
        check(tmp_path, HEADER + ROWS)


def test_text_in_a_cell_is_never_run_as_sql(tmp_path):
    contract = load_contract("erp_locations")
    evil = "x'); DROP TABLE accepted; --"
    row = ["CA_1", evil, "dc", "", "", "US", "", "", "", "", "", "", "0", "UTC"]
    path = tmp_path / "locations.csv"
    path.write_text(",".join(column.name for column in contract.columns) + "\n" + ",".join(row) + "\n")
    assert check_file(path, contract).accepted["name"].to_pylist() == [evil]
