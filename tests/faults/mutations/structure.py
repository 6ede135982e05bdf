"""Structure gone wrong: lines, fields, delimiters, quotes, headers, packing and encoding of a whole file."""

import csv
import gzip
import io
import random
import zipfile
from collections.abc import Callable

from tests.faults.mutations.sheet import Case, Sheet, operator


def some(case: Case, most: float = 0.3) -> list[list[str]]:
    """One row, a few, or up to a share of all: luck decides."""
    count = case.rng.choice([1, 1, 2, 5, max(1, int(most * len(case.sheet.rows)))])
    return case.rng.sample(case.sheet.rows, min(count, len(case.sheet.rows)))


def _lines(name: str, change: Callable[[list[str], Case], list[str] | None], kind: str = "structure", harmless: bool = False) -> None:
    """Register a change of the lines of the file; the first is the header."""

    def apply(case: Case) -> bytes | None:
        lines = change(case.sheet.text().splitlines(), case)
        return None if lines is None else ("\n".join(lines) + "\n").encode()

    operator(kind, name, harmless)(apply)


def _data(name: str, change: Callable[[bytes, random.Random], bytes | None], kind: str = "structure", harmless: bool = False) -> None:
    operator(kind, name, harmless)(lambda case: change(case.sheet.data(), case.rng))


def _body_line(lines: list[str], case: Case) -> int:
    return case.rng.randrange(1, len(lines))


def _at_line(change: Callable[[str, Case], str | None]) -> Callable[[list[str], Case], list[str] | None]:
    def apply(lines: list[str], case: Case) -> list[str] | None:
        at = _body_line(lines, case)
        new = change(lines[at], case)
        return None if new is None else [*lines[:at], *new.split("\x00"), *lines[at + 1 :]]

    return apply


def _insert(make: Callable[[list[str], Case], str]) -> Callable[[list[str], Case], list[str]]:
    def apply(lines: list[str], case: Case) -> list[str]:
        at = _body_line(lines, case)
        return [*lines[:at], make(lines, case), *lines[at:]]

    return apply


def _split_cell(line: str, case: Case) -> str:
    cells = line.split(",")
    at = case.rng.randrange(len(cells))
    return ",".join([*cells[:at], cells[at][:1] + "," + cells[at][1:], *cells[at + 1 :]])


def _shift(line: str, case: Case) -> str:
    cells = line.split(",")
    at = case.rng.randrange(len(cells))
    return ",".join([*cells[:at], "", *cells[at:-1]])


def _shift_left(line: str, case: Case) -> str:
    cells = line.split(",")
    at = case.rng.randrange(len(cells))
    return ",".join([*cells[:at], *cells[at + 1 :], ""])


_data("file cut short", lambda data, rng: data[: rng.randrange(1, len(data))])
_data("cut at a line end", lambda data, rng: b"".join(data.splitlines(True)[: rng.randrange(1, data.count(b"\n"))]))
_data("last line cut", lambda data, rng: data[: -rng.randrange(2, 12)])
_data("last cell cut by a character", lambda data, _: data[:-2])
_data("first bytes lost", lambda data, rng: data[rng.randrange(1, 200) :])
_data("a block of bytes lost", lambda data, rng: (lambda a, n: data[:a] + data[a + n :])(rng.randrange(len(data)), rng.randrange(1, 400)))
_data(
    "a block of bytes repeated", lambda data, rng: (lambda a, n: data[: a + n] + data[a:])(rng.randrange(len(data)), rng.randrange(1, 400))
)
_data("a block zeroed", lambda data, rng: (lambda a: data[:a] + bytes(64) + data[a + 64 :])(rng.randrange(len(data))))
_data(
    "one bit flipped",
    lambda data, rng: (lambda a: data[:a] + bytes([data[a] ^ (1 << rng.randrange(8))]) + data[a + 1 :])(rng.randrange(len(data))),
)
_data("one byte lost", lambda data, rng: (lambda a: data[:a] + data[a + 1 :])(rng.randrange(len(data))))
_data("CR only", lambda data, _: data.replace(b"\n", b"\r"))
_data("stray CR in a line", lambda data, rng: (lambda a: data[:a] + b"\r" + data[a:])(rng.randrange(len(data) - 1)))
_data("newline in a line", lambda data, rng: (lambda a: data[:a] + b"\n" + data[a:])(rng.randrange(len(data) - 1)))
_data(
    "line end lost",
    lambda data, rng: (
        (lambda cut: b"".join([*cut[:1], cut[1].rstrip(b"\n"), *cut[2:]]))(data.splitlines(True)) if data.count(b"\n") > 2 else None
    ),
)
_data("delimiter semicolon", lambda data, _: data.replace(b",", b";"))
_data("delimiter tab", lambda data, _: data.replace(b",", b"\t"))
_data("delimiter pipe", lambda data, _: data.replace(b",", b"|"))
_data("spaces after commas", lambda data, _: data.replace(b",", b", "))
_data("UTF-16", lambda data, rng: data.decode().encode(rng.choice(["utf-16", "utf-16-le", "utf-16-be"])), "encoding")
_data("UTF-32", lambda data, _: data.decode().encode("utf-32"), "encoding")
_data("latin-1", lambda data, _: None if data.isascii() else data.decode().encode("latin-1", "replace"), "encoding")
_data("cp1252", lambda data, _: None if data.isascii() else data.decode().encode("cp1252", "replace"), "encoding")
_data("mac-roman", lambda data, _: None if data.isascii() else data.decode().encode("mac-roman", "replace"), "encoding")
_data(
    "double-encoded file", lambda data, rng: None if data.isascii() else data.decode(rng.choice(["latin-1", "cp437"])).encode(), "encoding"
)
_data("EBCDIC", lambda data, _: data.decode().encode("cp500", "replace"), "encoding")
_data("lossy ASCII", lambda data, _: None if data.isascii() else data.decode().encode("ascii", "replace"), "encoding")
_data("accents stripped", lambda data, _: None if data.isascii() else data.decode().encode("ascii", "ignore"), "encoding")
_data("a byte order mark inside", lambda data, rng: (lambda a: data[:a] + b"\xef\xbb\xbf" + data[a:])(data.index(b"\n") + 1), "encoding")
_data("NUL padding at the end", lambda data, _: data + bytes(512), "encoding")
_data("Ctrl-Z at the end", lambda data, _: data + b"\x1a", "encoding")
_data("gzip cut short", lambda data, rng: (lambda packed: packed[: rng.randrange(20, len(packed))])(gzip.compress(data, mtime=0)))
_data(
    "gzip damaged",
    lambda data, rng: (lambda p, a: p[:a] + bytes([p[a] ^ 1]) + p[a + 1 :])(
        *(lambda p: (p, rng.randrange(20, len(p))))(gzip.compress(data, mtime=0))
    ),
)
_data(
    "gzip of two halves",
    lambda data, _: gzip.compress(data[: len(data) // 2], mtime=0) + gzip.compress(data[len(data) // 2 - 40 :], mtime=0),
)
_data("HTML error page", lambda data, _: b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>\n")
_data("JSON error body", lambda data, _: b'{"error": {"code": 429, "message": "Too many requests, retry later"}}\n')
_data("binary rubbish", lambda data, rng: rng.randbytes(2000))
_data("file twice in a row", lambda data, _: data + data)
_data("file resumed", lambda data, rng: (lambda a: data[:a] + data[max(0, a - 300) :])(rng.randrange(len(data) // 2, len(data))))
_data("line endings doubled", lambda data, _: data.replace(b"\n", b"\r\r\n"))
_data("title line before the header", lambda data, _: b"Daily export,,\n" + data)
_data("sep line before the header", lambda data, rng: rng.choice([b"sep=,\n", b"#version 2\n", b"\n"]) + data)

_lines(
    "rows dropped",
    lambda lines, case: (lambda gone: [line for i, line in enumerate(lines) if i not in gone])(
        set(case.rng.sample(range(1, len(lines)), case.rng.choice([1, 1, 2, min(9, len(lines) - 1)]) if len(lines) > 3 else 1))
    ),
)
_lines("tail dropped", lambda lines, case: lines[: -case.rng.randint(1, max(1, len(lines) // 3))])
_lines("every second row dropped", lambda lines, _: [lines[0], *lines[1::2]] if len(lines) > 2 else None)
_lines("field dropped in a row", _at_line(lambda line, case: ",".join(line.split(",")[:-1])))
_lines("field added to a row", _at_line(lambda line, case: line + case.rng.choice([",", ",x", ",0,0"])))
_lines("cells shifted right", _at_line(_shift))
_lines("cells shifted left", _at_line(_shift_left))
_lines("comma inside a cell", _at_line(_split_cell))
_lines("quote opened", _at_line(lambda line, case: '"' + line))
_lines("quote in a cell", _at_line(lambda line, case: (lambda at: line[:at] + '"' + line[at:])(case.rng.randrange(1, len(line)))))
_lines("quotes around a line", _at_line(lambda line, case: f'"{line}"'))
_lines("line broken in two", _at_line(lambda line, case: (lambda at: line[:at] + "\x00" + line[at:])(case.rng.randrange(1, len(line)))))
_lines("two lines joined", lambda lines, case: [*lines[:1], lines[1] + lines[2], *lines[3:]] if len(lines) > 3 else None)
_lines("comment line", _insert(lambda lines, case: case.rng.choice(["# end of page 1", "-- 50 rows", "//"])))
_lines("header again in the middle", _insert(lambda lines, _: lines[0]))
_lines("ruler line", _insert(lambda lines, _: ",".join("-" * 5 for _ in lines[0].split(","))))
_lines("empty record", _insert(lambda lines, _: "," * lines[0].count(",")))
_lines("merge conflict marks", _insert(lambda lines, case: case.rng.choice(["<<<<<<< HEAD", "=======", ">>>>>>> theirs"])))
_lines("footer with totals", lambda lines, case: [*lines, f"TOTAL,{len(lines) - 1}" + "," * (lines[0].count(",") - 1)])
_lines(
    "footer of one cell",
    lambda lines, case: [*lines, case.rng.choice([f"({len(lines) - 1} rows affected)", "EOF", "Total: 99", "SQL> spool off"])],
)
_lines("trailing comma in every row", lambda lines, _: [lines[0], *(line + "," for line in lines[1:])])
_lines("header lost", lambda lines, _: lines[1:])
_lines("header of other names", lambda lines, _: [",".join(f"col{i}" for i, _ in enumerate(lines[0].split(","))), *lines[1:]])
_lines(
    "header translated", lambda lines, _: [lines[0].replace("item", "artikel").replace("qty", "menge").replace("date", "datum"), *lines[1:]]
)
_lines("backslash continuation", _at_line(lambda line, case: line[: len(line) // 2] + "\\\x00" + line[len(line) // 2 :]))


@operator("structure", "header column renamed")
def _header_renamed(case: Case) -> bytes | None:
    at = case.rng.randrange(len(case.sheet.header))
    case.sheet.header[at] += case.rng.choice(["_new", "2", "s", "_code"])
    return case.sheet.data()


@operator("structure", "header column doubled")
def _header_doubled(case: Case) -> bytes | None:
    one, two = case.rng.sample(range(len(case.sheet.header)), 2)
    case.sheet.header[one] = case.sheet.header[two]
    return case.sheet.data()


@operator("structure", "header names exchanged")
def _header_exchanged(case: Case) -> bytes | None:
    header = case.sheet.header
    one, two = case.rng.sample(range(len(header)), 2)
    header[one], header[two] = header[two], header[one]
    return case.sheet.data()


@operator("structure", "column missing")
def _column_missing(case: Case) -> bytes | None:
    at = case.rng.randrange(len(case.sheet.header))
    return Sheet(
        *(lambda cut: (cut(case.sheet.header), [cut(row) for row in case.sheet.rows]))(lambda row: row[:at] + row[at + 1 :])
    ).data()


@operator("structure", "alias beside its column")
def _alias_beside(case: Case) -> bytes | None:
    named = [column for column in case.contract.columns if column.aliases]
    if not named:
        return None
    column = case.rng.choice(named)
    rows = [[*row, row[case.sheet.at(column.name)]] for row in case.rng.sample(case.sheet.rows, len(case.sheet.rows))]
    return Sheet([*case.sheet.header, column.aliases[0]], rows).data()


@operator("structure", "rows duplicated", harmless=False)
def _duplicated(case: Case) -> bytes:
    return case.sheet.with_rows([*case.sheet.rows, *some(case)]).data()


@operator("structure", "row added")
def _row_added(case: Case) -> bytes | None:
    """A made-up row: another's, with the key's last text changed a little."""
    row = list(case.rng.choice(case.sheet.rows))
    ids = [case.sheet.at(c.name) for c in case.columns("id") if c.name in case.contract.key]
    if not ids:
        return None
    row[ids[-1]] += "9"
    return case.sheet.with_rows([*case.sheet.rows, row]).data()


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


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


# Harmless: a reader that refuses these refuses good files.
_data("CRLF", lambda data, _: data.replace(b"\n", b"\r\n"), "harmless", True)
_data(
    "CRLF here and there",
    lambda data, rng: b"".join(line[:-1] + rng.choice([b"\r\n", b"\n"]) for line in data.splitlines(True)),
    "harmless",
    True,
)
_data("byte order mark", lambda data, _: b"\xef\xbb\xbf" + data, "harmless", True)
_data("no newline at the end", lambda data, _: data[:-1], "harmless", True)
_data("blank lines at the end", lambda data, rng: data + b"\n" * rng.randint(1, 3), "harmless", True)
_data("gzip", lambda data, _: gzip.compress(data, mtime=0), "harmless", True)
_lines(
    "blank lines between rows",
    lambda lines, case: [part for line in lines for part in ([line, ""] if case.rng.random() < 0.1 else [line])],
    "harmless",
    True,
)
_lines("header in capitals", lambda lines, _: [lines[0].upper(), *lines[1:]], "harmless", True)
_lines("header padded", lambda lines, _: [lines[0].replace(",", " , "), *lines[1:]], "harmless", True)
_lines("header quoted", lambda lines, _: [",".join(f'"{name}"' for name in lines[0].split(",")), *lines[1:]], "harmless", True)


@operator("harmless", "rows in another order", harmless=True)
def _reordered(case: Case) -> bytes:
    return case.sheet.with_rows(case.rng.sample(case.sheet.rows, len(case.sheet.rows))).data()


@operator("harmless", "columns in another order", harmless=True)
def _columns_reordered(case: Case) -> bytes:
    order = case.rng.sample(range(len(case.sheet.header)), len(case.sheet.header))
    return Sheet([case.sheet.header[i] for i in order], [[row[i] for i in order] for row in case.sheet.rows]).data()


@operator("harmless", "everything quoted", harmless=True)
def _all_quoted(case: Case) -> bytes:
    return case.sheet.text(quoting=csv.QUOTE_ALL).encode()


@operator("harmless", "numbers bare, text quoted", harmless=True)
def _text_quoted(case: Case) -> bytes:
    numbers = {case.sheet.at(column.name) for column in case.numbers()}
    quoted = [[cell if i in numbers else '"' + cell.replace('"', '""') + '"' for i, cell in enumerate(row)] for row in case.sheet.rows]
    return "".join(",".join(row) + "\n" for row in [case.sheet.header, *quoted]).encode()


@operator("harmless", "header by aliases", harmless=True)
def _aliases(case: Case) -> bytes | None:
    spelled = {column.name: case.rng.choice([column.name, *column.aliases]) for column in case.contract.columns}
    return Sheet([spelled[name] for name in case.sheet.header], case.sheet.rows).data()


@operator("harmless", "an unknown column more", harmless=True)
def _unknown_column(case: Case) -> bytes:
    at = case.rng.randrange(len(case.sheet.header) + 1)
    rows = [[*row[:at], f"x{i}", *row[at:]] for i, row in enumerate(case.sheet.rows)]
    return Sheet([*case.sheet.header[:at], "exported_by", *case.sheet.header[at:]], rows).data()


@operator("harmless", "zip", harmless=True)
def _zipped(case: Case) -> bytes:
    return zipped({f"{case.feed}.csv": case.sheet.data()})
