"""Bytes gone wrong on the way: cut, damaged, in another encoding, with other delimiters, badly packed, or another file altogether."""

import gzip
import io
import zipfile

from tests.faults.mutations.raw_files import byte_operator, zipped
from tests.faults.mutations.sheet import Case, operator

byte_operator("file cut short", lambda data, rng: data[: rng.randrange(1, len(data))])
byte_operator("cut at a line end", lambda data, rng: b"".join(data.splitlines(True)[: rng.randrange(1, data.count(b"\n"))]))
byte_operator("last line cut", lambda data, rng: data[: -rng.randrange(2, 12)])
byte_operator("last cell cut by a character", lambda data, _: data[:-2])
byte_operator("first bytes lost", lambda data, rng: data[rng.randrange(1, 200) :])
byte_operator(
    "a block of bytes lost", lambda data, rng: (lambda a, n: data[:a] + data[a + n :])(rng.randrange(len(data)), rng.randrange(1, 400))
)
byte_operator(
    "a block of bytes repeated", lambda data, rng: (lambda a, n: data[: a + n] + data[a:])(rng.randrange(len(data)), rng.randrange(1, 400))
)
byte_operator("a block zeroed", lambda data, rng: (lambda a: data[:a] + bytes(64) + data[a + 64 :])(rng.randrange(len(data))))
byte_operator(
    "one bit flipped",
    lambda data, rng: (lambda a: data[:a] + bytes([data[a] ^ (1 << rng.randrange(8))]) + data[a + 1 :])(rng.randrange(len(data))),
)
byte_operator("one byte lost", lambda data, rng: (lambda a: data[:a] + data[a + 1 :])(rng.randrange(len(data))))
byte_operator("CR only", lambda data, _: data.replace(b"\n", b"\r"))
byte_operator("stray CR in a line", lambda data, rng: (lambda a: data[:a] + b"\r" + data[a:])(rng.randrange(len(data) - 1)))
byte_operator("newline in a line", lambda data, rng: (lambda a: data[:a] + b"\n" + data[a:])(rng.randrange(len(data) - 1)))
byte_operator(
    "line end lost",
    lambda data, rng: (
        (lambda cut: b"".join([*cut[:1], cut[1].rstrip(b"\n"), *cut[2:]]))(data.splitlines(True)) if data.count(b"\n") > 2 else None
    ),
)
byte_operator("delimiter semicolon", lambda data, _: data.replace(b",", b";"))
byte_operator("delimiter tab", lambda data, _: data.replace(b",", b"\t"))
byte_operator("delimiter pipe", lambda data, _: data.replace(b",", b"|"))
byte_operator("spaces after commas", lambda data, _: data.replace(b",", b", "))
byte_operator("UTF-16", lambda data, rng: data.decode().encode(rng.choice(["utf-16", "utf-16-le", "utf-16-be"])), "encoding")
byte_operator("UTF-32", lambda data, _: data.decode().encode("utf-32"), "encoding")
byte_operator("latin-1", lambda data, _: None if data.isascii() else data.decode().encode("latin-1", "replace"), "encoding")
byte_operator("cp1252", lambda data, _: None if data.isascii() else data.decode().encode("cp1252", "replace"), "encoding")
byte_operator("mac-roman", lambda data, _: None if data.isascii() else data.decode().encode("mac-roman", "replace"), "encoding")
byte_operator(
    "double-encoded file", lambda data, rng: None if data.isascii() else data.decode(rng.choice(["latin-1", "cp437"])).encode(), "encoding"
)
byte_operator("EBCDIC", lambda data, _: data.decode().encode("cp500", "replace"), "encoding")
byte_operator("lossy ASCII", lambda data, _: None if data.isascii() else data.decode().encode("ascii", "replace"), "encoding")
byte_operator("accents stripped", lambda data, _: None if data.isascii() else data.decode().encode("ascii", "ignore"), "encoding")
byte_operator(
    "a byte order mark inside", lambda data, rng: (lambda a: data[:a] + b"\xef\xbb\xbf" + data[a:])(data.index(b"\n") + 1), "encoding"
)
byte_operator("NUL padding at the end", lambda data, _: data + bytes(512), "encoding")
byte_operator("Ctrl-Z at the end", lambda data, _: data + b"\x1a", "encoding")
byte_operator("gzip cut short", lambda data, rng: (lambda packed: packed[: rng.randrange(20, len(packed))])(gzip.compress(data, mtime=0)))
byte_operator(
    "gzip damaged",
    lambda data, rng: (lambda p, a: p[:a] + bytes([p[a] ^ 1]) + p[a + 1 :])(
        *(lambda p: (p, rng.randrange(20, len(p))))(gzip.compress(data, mtime=0))
    ),
)
byte_operator(
    "gzip of two halves",
    lambda data, _: gzip.compress(data[: len(data) // 2], mtime=0) + gzip.compress(data[len(data) // 2 - 40 :], mtime=0),
)
byte_operator("HTML error page", lambda data, _: b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>\n")
byte_operator("JSON error body", lambda data, _: b'{"error": {"code": 429, "message": "Too many requests, retry later"}}\n')
byte_operator("binary rubbish", lambda data, rng: rng.randbytes(2000))
byte_operator("file twice in a row", lambda data, _: data + data)
byte_operator("file resumed", lambda data, rng: (lambda a: data[:a] + data[max(0, a - 300) :])(rng.randrange(len(data) // 2, len(data))))
byte_operator("line endings doubled", lambda data, _: data.replace(b"\n", b"\r\r\n"))
byte_operator("title line before the header", lambda data, _: b"Daily export,,\n" + data)
byte_operator("sep line before the header", lambda data, rng: rng.choice([b"sep=,\n", b"#version 2\n", b"\n"]) + data)


@operator("structure", "xlsx renamed to csv")
def _workbook(case: Case) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as book:
        for name in ("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/worksheets/sheet1.xml"):
            book.writestr(zipfile.ZipInfo(name), "<xml/>")
    return packed.getvalue()


@operator("structure", "zip of two files")
def _zip_of_two(case: Case) -> bytes:
    return zipped({f"{case.feed}.csv": case.sheet.data(), "old.csv": case.sheet.with_rows(case.sheet.rows[:1]).data()})
