"""gzip and zip: read whatever the kind, and every hostile or damaged archive refused by name with a remedy."""

import gzip
import io
import struct
import zipfile
from pathlib import Path

import pytest

from pipelines.domain.errors import InputRefused
from pipelines.extracts.reading import records, unpacking, xlsx_parts
from pipelines.extracts.reading.file_format import KINDS, FileFormat, open_records

CSV = b"a,b\n1,2\n3,4\n"


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


def encrypted(data):
    at = data.index(b"PK\1\2")
    return data[:6] + b"\1" + data[7 : at + 8] + b"\1" + data[at + 9 :]


def read(tmp_path, data, kind="csv"):
    path = tmp_path / "sent.bin"
    path.write_bytes(data)
    with open_records(path, FileFormat(kind=kind), "sent.bin") as opened:
        return [list(row.values()) for batch in opened.batches({"a": 0, "b": 1}) for row in batch.cells.to_pylist()]


READABLE = {
    "gzip": gzip.compress(CSV),
    "gzip in two members": gzip.compress(CSV[:6]) + gzip.compress(CSV[6:]),
    "gzip with padding": gzip.compress(CSV) + b"\0" * 100,
    "zip": zipped([("stock.csv", CSV)]),
    "zip, stored": zipped([("stock.csv", CSV)], zipfile.ZIP_STORED),
    "zip of a Mac": zipped([("stock.csv", CSV), ("__MACOSX/._stock.csv", b"\0\5")]),
}


@pytest.mark.parametrize("case", READABLE)
def test_a_packed_file_reads_like_a_plain_one_with_lines_of_the_unpacked_text(case, tmp_path):
    assert read(tmp_path, READABLE[case]) == [["1", "2", 2], ["3", "4", 3]]


MANY = zipped([(f"{n}.csv", b"") for n in range(3)])
BIG_DIRECTORY = b"PK\3\4" + b"\0" * 26 + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 50_000_000, 0, 0)
BIG_DIRECTORY_64 = b"PK\3\4" + struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, 5_000_000_000, 0) + b"PK\6\7" + b"\0" * 16
BIG_DIRECTORY_64 += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 0xFFFFFFFF, 0xFFFFFFFF, 0)
REFUSED = {
    "gzip cut short": (gzip.compress(CSV)[:-9], "damaged or cut short"),
    "gzip with a flipped bit": (gzip.compress(CSV * 50)[:30] + b"\xff" + gzip.compress(CSV * 50)[31:], "damaged or cut short"),
    "gzip with a wrong checksum": (gzip.compress(CSV)[:-8] + b"\0\0\0\0" + gzip.compress(CSV)[-4:], "damaged or cut short"),
    "gzip with garbage behind": (gzip.compress(CSV) + b"garbage", "damaged or cut short"),
    "gzip of nothing": (gzip.compress(b""), "the file is empty"),
    "gzip in gzip": (gzip.compress(gzip.compress(CSV)), "an archive inside an archive"),
    "zip in gzip": (gzip.compress(zipped([("a.csv", CSV)])), "an archive inside an archive"),
    "tar in gzip": (gzip.compress(b"\0" * 257 + b"ustar" + b"\0" * 512), "an archive inside an archive"),
    "gzip in zip": (zipped([("a.csv.gz", gzip.compress(CSV))]), "an archive inside an archive"),
    "zip in zip": (zipped([("a.zip", zipped([("a.csv", CSV)]))]), "an archive inside an archive"),
    "xlsx in zip": (zipped([("a.xlsx", zipped([("xl/workbook.xml", b"<x/>")]))]), "an archive inside an archive"),
    "zip cut short": (zipped([("a.csv", CSV)])[:-30], "the zip file is damaged"),
    "zip with a wrong checksum": (zipped([("a.csv", CSV)], zipfile.ZIP_STORED).replace(b"1,2", b"1,9", 1), "the zip file is damaged"),
    "empty zip": (zipped([]), "holds 0 files; pack exactly one"),
    "zip of three": (MANY, "holds 3 files; pack exactly one"),
    "zip with a folder": (zipped([("out/", b""), ("out/a.csv", CSV)]), "holds 2 files"),
    "zip with a path": (zipped([("out/a.csv", CSV)]), "'out/a.csv', no plain file name"),
    "zip that climbs": (zipped([("../../etc/passwd", CSV)]), "'../../etc/passwd', no plain file name"),
    "zip with an absolute path": (zipped([("/etc/passwd", CSV)]), "no plain file name"),
    "zip with a Windows path": (zipped([("C:\\a.csv", CSV)]), "no plain file name"),
    "zip with a hidden name": (zipped([(".a.csv", CSV)]), "no plain file name"),
    "zip with a password": (encrypted(zipped([("a.csv", CSV)])), "'a.csv' is encrypted"),
    "zip packed with bzip2": (zipped([("a.csv", CSV)], zipfile.ZIP_BZIP2), "packed in an unusual way"),
    "zip with an endless list": (BIG_DIRECTORY, "list of files takes 50000000 bytes"),
    "zip64 with an endless list": (BIG_DIRECTORY_64, "list of files takes 5000000000 bytes"),
    "bzip2": (b"BZh91AY", "this is bzip2; send it plain"),
    "xz": (b"\xfd7zXZ\0\0", "this is xz"),
    "zstd": (b"\x28\xb5\x2f\xfd\0", "this is zstd"),
    "7z": (b"7z\xbc\xaf\x27\x1c", "this is 7z"),
    "rar": (b"Rar!\x1a", "this is rar"),
    "pdf": (b"%PDF-1.7", "this is PDF"),
    "parquet": (b"PAR1....PAR1", "this is Parquet, not csv; say `format: parquet`"),
    "parquet in gzip": (gzip.compress(b"PAR1....PAR1"), "this is Parquet, not csv"),
    "xlsx": (zipped([("xl/workbook.xml", b"<x/>")]), "this is XLSX, not csv; say `format: xlsx`"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old or encrypted Excel file; save it as .xlsx"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_unpacked_safely_is_refused_by_name(case, tmp_path):
    data, message = REFUSED[case]
    with pytest.raises(InputRefused) as refusal:
        read(tmp_path, data)
    assert str(refusal.value).startswith("sent.bin: ")
    assert message in str(refusal.value)


BOMBS = {"gzip": gzip.compress(b"0" * (70 << 20)), "zip": zipped([("a.csv", b"0" * (70 << 20))])}


@pytest.mark.parametrize("case", BOMBS)
def test_a_bomb_is_refused_by_its_ratio(case, tmp_path):
    with pytest.raises(InputRefused, match="more than 250 times its size"):
        read(tmp_path, BOMBS[case])


@pytest.mark.parametrize("case", ["gzip", "zip"])
def test_a_file_that_unpacks_beyond_the_limit_is_refused_while_unpacking(case, tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "MAX_FILE_BYTES", 1000)
    data = CSV * 100
    with pytest.raises(InputRefused, match="unpacks to more than the limit of 1000 bytes"):
        read(tmp_path, gzip.compress(data) if case == "gzip" else zipped([("a.csv", data)]))


def test_a_zip_that_lies_about_its_size_gives_no_more_than_it_said(tmp_path):
    data = zipped([("a.csv", CSV * 100)])
    at = data.index(b"PK\1\2")
    lying = data[: at + 24] + struct.pack("<L", 12) + data[at + 28 :]
    with pytest.raises(InputRefused, match="the zip file is damaged"):
        read(tmp_path, lying)


def test_nothing_unpacked_stays_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    read(tmp_path, READABLE["gzip"])
    with pytest.raises(InputRefused):
        read(tmp_path, REFUSED["gzip cut short"][0])
    assert list((tmp_path / "t").iterdir()) == []


def test_the_limits_in_the_docs_are_those_of_the_code():
    page = (Path(__file__).parents[4] / "docs" / "file-formats.md").read_text(encoding="utf-8")
    rows = {
        "a file, packed or unpacked": f"{records.MAX_FILE_BYTES >> 30} GiB",
        f"ratio of unpacked to packed above {unpacking.FREE_BYTES >> 20} MiB": str(unpacking.MAX_RATIO),
        "a line": f"{records.MAX_LINE_BYTES >> 10} KiB (the record is quarantined); {records.BLOCK_BYTES >> 20} MiB without a line end "
        "refuses the file",
        "columns": f"{records.MAX_COLUMNS:,}",
        "parts of a workbook, shared texts": f"{unpacking.MAX_WORKBOOK_MEMBERS:,}; {xlsx_parts.MAX_TEXT_PART_BYTES >> 20} MiB",
    }
    assert [what for what, limit in rows.items() if f"| {what} | {limit} |" not in page] == []
    assert [kind for kind in KINDS if f"| `{kind}` |" not in page] == []


@pytest.mark.parametrize("kind", ["parquet", "xlsx"])
def test_a_file_of_another_kind_than_declared_is_refused(kind, tmp_path):
    with pytest.raises(InputRefused, match="say its format in the layout"):
        read(tmp_path, CSV, kind)
