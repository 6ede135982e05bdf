"""Delimited and fixed-width text: dialects, encodings, preambles, headers and trailers, with exact lines and refusals that name a place."""

import pytest

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.extracts.reading.file_format import FileFormat, FixedField, open_records

FIXED = FileFormat(kind="fixed", fields=(FixedField("item", 1, 4), FixedField("qty", 5, 6)))


@pytest.fixture
def read(tmp_path):
    """read(data, format): (cells by line, broken, rows, names), each cell of the file asked for."""

    def build(data, file_format, block_bytes=1 << 24):
        path = tmp_path / "sent.txt"
        path.write_bytes(data)
        with open_records(path, file_format, "sent.txt", block_bytes) as records:
            found, broken, rows = {}, [], 0
            for batch in records.batches({f"c{i}": i for i in range(len(records.names))}):
                for row in batch.cells.to_pylist():
                    line = row.pop("_line")
                    found[line] = list(row.values())
                broken += [(b.line, b.reason) for b in batch.broken]
                rows += batch.rows
            raw = records.raw_lines(set(found) | {line for line, _ in broken})
            assert set(raw) == set(found) | {line for line, _ in broken}
            return found, sorted(broken), rows, records.names

    return build


DIALECTS = {
    "semicolon": (FileFormat(delimiter=";"), b'a;b\n1,5;"x;y"\n'),
    "tab": (FileFormat(delimiter="\t"), b'a\tb\n1,5\t"x;y"\n'),
    "pipe": (FileFormat(delimiter="|"), b'a|b\n"1,5"|x;y\n'),
    "caret, of meaning to regular expressions": (FileFormat(delimiter="^", quote="'"), b"a^b\n'1,5'^x;y\n"),
    "backslash": (FileFormat(delimiter="\\"), b"a\\b\n1,5\\x;y\n"),
    "unit separator": (FileFormat(delimiter="\x1f"), b"a\x1fb\n1,5\x1fx;y\n"),
    "single quote": (FileFormat(delimiter=";", quote="'"), b"a;b\n1,5;'x;y'\n"),
    "beyond ASCII": (FileFormat(delimiter="¦", encoding="latin-1"), "a¦b\n1,5¦x;y\n".encode("latin-1")),
    "beyond ASCII in UTF-8": (FileFormat(delimiter="§"), "a§b\n1,5§x;y\n".encode()),
}


@pytest.mark.parametrize("case", DIALECTS)
def test_any_single_character_may_delimit_or_quote(case, read):
    file_format, data = DIALECTS[case]
    found, broken, rows, names = read(data, file_format)
    assert (found, broken, rows, names) == ({2: ["1,5", "x;y"]}, [], 1, ("a", "b"))


def test_a_doubled_quote_stands_for_one_in_any_dialect(read):
    found, broken, *_ = read(b"a;b\n'O''Neill';1\nO'Neill;1\n", FileFormat(delimiter=";", quote="'"))
    assert (found, broken) == ({2: ["O'Neill", "1"]}, [(3, "bad_quoting")])


def test_without_quoting_a_quote_is_a_letter(read):
    found, broken, *_ = read(b'a|b\n"x|5" disc\n', FileFormat(delimiter="|", quote=""))
    assert (found, broken) == ({2: ['"x', '5" disc']}, [])


ENCODINGS = ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp437", "mac_roman"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_declared_encoding_is_read_exactly(encoding, read):
    text = "näme;qty\nMöbel;1\r\n\nÄpfel;2\n"
    found, broken, rows, names = read(text.encode(encoding), FileFormat(encoding=encoding, delimiter=";"))
    assert names == ("näme", "qty")
    assert (found, broken, rows) == ({2: ["Möbel", "1"], 4: ["Äpfel", "2"]}, [], 2)


def test_several_bytes_a_character_across_chunks_and_blocks(read):
    text = "a,b\n" + "".join(f"在庫{n},{n}\n" for n in range(300))
    for encoding in ("shift_jis", "gb18030", "euc_jp", "iso2022_jp"):
        found, *_ = read(text.encode(encoding), FileFormat(encoding=encoding), block_bytes=100)
        assert found == {n + 2: [f"在庫{n}", str(n)] for n in range(300)}


UNDECODABLE = {
    "UTF-8 as ASCII": ("ascii", "a,b\n1,2\n3,é\n".encode(), "line 3, byte 10: 0xc3 is not ascii"),
    "undefined byte": ("cp1252", b"a,b\n1,\x81\n", "line 2, byte 6: 0x81 is not cp1252"),
    "half a character at the end": ("utf-16-le", "a,b\n1,2\n".encode("utf-16-le") + b"3", "line 3, byte 16"),
    "lone surrogate": ("utf-16-le", "a,b\n1,2\n".encode("utf-16-le") + b"\x00\xd8a\x00", "line 3, byte 16"),
    "wrong double byte": ("shift_jis", "a,b\n在,1\n".encode("shift_jis") + b"\x81", "line 3"),
    "nul after decoding": ("latin-1", b"a,b\n1,\x00\n", "line 2, byte 6: a NUL byte"),
}


@pytest.mark.parametrize("case", UNDECODABLE)
def test_a_byte_outside_the_encoding_names_line_and_offset(case, read):
    encoding, data, message = UNDECODABLE[case]
    with pytest.raises(InputRefused, match=f"sent.txt, {message}"):
        read(data, FileFormat(encoding=encoding))


def test_lines_before_the_header_are_skipped_and_counted(read):
    data = b'Stock report "as of" today\n\na,b\n1,2\n'
    assert read(data, FileFormat(skip_lines=2))[0] == {4: ["1", "2"]}
    with pytest.raises(InputRefused, match="ends on line 5 before its header"):
        read(data, FileFormat(skip_lines=4))


def test_a_file_without_header_takes_its_names_from_the_format(read):
    found, broken, _, names = read(b"\xef\xbb\xbf1,2\n3,4\n5\n", FileFormat(header=False, names=("x", "y")))
    assert (found, broken, names) == ({1: ["1", "2"], 2: ["3", "4"]}, [(3, "too_few_fields")], ("x", "y"))


TRAILER = FileFormat(trailer=r"TRAILER,(?P<rows>[0-9]+)")


@pytest.mark.parametrize("end", [b"TRAILER,2", b"TRAILER,2\n", b"TRAILER,0002\r\n\r\n"])
def test_a_trailer_is_no_record_and_says_how_many_there_are(end, read):
    assert read(b"a,b\n1,2\n3,4\n" + end, TRAILER)[0] == {2: ["1", "2"], 3: ["3", "4"]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,b\n1,2\nTRAILER,2\n", "says 2 rows, the file has 1"),
        (b"a,b\n1,2\nx,y,z\nTRAILER,1\n", "says 1 rows, the file has 2"),
        (b"a,b\n1,2\n3,4\n", "the last line is not the declared trailer, but '3,4'"),
        (b"a,b\n", "the last line is not the declared trailer"),
        (b"a,b\n1,2\nTRAILER,2\n3,4\n", "the last line is not the declared trailer"),
    ],
)
def test_a_cut_or_padded_file_fails_its_trailer(data, message, read):
    with pytest.raises(InputRefused, match=message):
        read(data, TRAILER)


def test_a_trailer_alone_says_that_there_are_no_rows(read):
    assert read(b"a,b\nTRAILER,0\n", TRAILER)[2] == 0


def test_fixed_width_counts_characters_and_drops_the_filling(read):
    data = "Ä1      12\r\nB 2   -3.5\n\nB3        \n".encode("cp1252")
    found, broken, rows, names = read(data, FileFormat(kind="fixed", encoding="cp1252", fields=FIXED.fields))
    assert names == ("item", "qty")
    assert (found, broken, rows) == ({1: ["Ä1", "12"], 2: ["B 2", "-3.5"], 4: ["B3", ""]}, [], 3)


def test_a_fixed_width_line_that_lost_or_gained_a_character_is_broken(read):
    data = b"A1      12\nB2      1\nC3       12\nD4      34\n"
    found, broken, rows, _ = read(data, FIXED)
    assert found == {1: ["A1", "12"], 4: ["D4", "34"]}
    assert (broken, rows) == ([(2, "too_few_fields"), (3, "too_many_fields")], 4)


@pytest.mark.parametrize("block_bytes", [1, 25, 1000])
def test_the_block_size_changes_nothing_for_fixed_width(block_bytes, read):
    data = b"".join(b"I%-3d%6d\n" % (n, n) for n in range(50)) + b"short\n"
    assert read(data, FIXED, block_bytes) == read(data, FIXED)


def test_fixed_width_with_preamble_and_trailer(read):
    file_format = FileFormat(kind="fixed", fields=FIXED.fields, skip_lines=1, trailer="T(?P<rows>[0-9]{4})")
    assert read(b"STOCK 2026\nA1      12\nT0001\n", file_format)[0] == {2: ["A1", "12"]}


@pytest.mark.parametrize(
    "body",
    [b"1,2\n3,4\n", b"1,2\r\n3,4\r\n", b"\xef\xbb\xbf1,2\n3,4\n", b"1,2\n\n3,4\n", b'1,"2"\n3,4\n', b"1,2\n3\n3,4\n", b"1,\r2\n3,4\n"],
)
def test_a_quiet_block_reads_like_one_with_a_quote_in_it(body, read):
    odd = b'"q","q"\n'
    quiet, noisy = read(b"a,b\n" + body, FileFormat()), read(b"a,b\n" + body + odd, FileFormat())
    line, cells = noisy[0].popitem()
    assert cells == ["q", "q"]
    assert quiet[:2] == noisy[:2]
    assert quiet[2] == noisy[2] - 1
    assert line == body.count(b"\n") + 2


def test_a_byte_order_mark_inside_the_file_is_kept_for_the_contract_to_judge(read):
    found, *_ = read(b"a,b\n" + "\ufeff1,2\n".encode() * 3, FileFormat(), block_bytes=8)
    assert found == {n: ["\ufeff1", "2"] for n in (2, 3, 4)}


def test_too_many_columns_and_endless_lines_are_refused(read):
    with pytest.raises(InputRefused, match="3000 columns, more than the limit"):
        read(b",".join(b"c%d" % n for n in range(3000)) + b"\n", FileFormat())
    with pytest.raises(InputRefused, match="no line end within"):
        read(b"a\n" + b"x" * (33 << 20), FileFormat())


WRONG_FORMATS = {
    "two characters": {"delimiter": "||"},
    "no delimiter": {"delimiter": ""},
    "newline": {"delimiter": "\n"},
    "same marks": {"delimiter": '"'},
    "wide quote": {"quote": "«"},
    "unknown kind": {"kind": "pdf"},
    "unknown encoding": {"encoding": "utf-99"},
    "no text encoding": {"encoding": "base64"},
    "escapes": {"encoding": "unicode_escape"},
    "headerless without names": {"header": False},
    "names beside a header": {"names": ("a",)},
    "fixed without fields": {"kind": "fixed"},
    "field from 0": {"kind": "fixed", "fields": (FixedField("a", 0, 3),)},
    "trailer no expression": {"trailer": "(?P<rows>["},
    "trailer of parquet": {"kind": "parquet", "trailer": "(?P<rows>.)"},
    "negative skip": {"skip_lines": -1},
}


@pytest.mark.parametrize("case", WRONG_FORMATS)
def test_a_format_that_cannot_be_read_is_a_usage_error(case):
    with pytest.raises(UsageError, match="file format: "):
        FileFormat(**WRONG_FORMATS[case])
