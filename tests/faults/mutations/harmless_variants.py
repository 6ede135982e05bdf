"""Other ways to write the same rows: a reader that refuses these refuses good files."""

import csv
import gzip

from tests.faults.mutations.raw_files import byte_operator, line_operator, zipped
from tests.faults.mutations.sheet import Case, Sheet, operator

byte_operator("CRLF", lambda data, _: data.replace(b"\n", b"\r\n"), "harmless", True)
byte_operator(
    "CRLF here and there",
    lambda data, rng: b"".join(line[:-1] + rng.choice([b"\r\n", b"\n"]) for line in data.splitlines(True)),
    "harmless",
    True,
)
byte_operator("byte order mark", lambda data, _: b"\xef\xbb\xbf" + data, "harmless", True)
byte_operator("no newline at the end", lambda data, _: data[:-1], "harmless", True)
byte_operator("blank lines at the end", lambda data, rng: data + b"\n" * rng.randint(1, 3), "harmless", True)
byte_operator("gzip", lambda data, _: gzip.compress(data, mtime=0), "harmless", True)
line_operator(
    "blank lines between rows",
    lambda lines, case: [part for line in lines for part in ([line, ""] if case.rng.random() < 0.1 else [line])],
    "harmless",
    True,
)
line_operator("header in capitals", lambda lines, _: [lines[0].upper(), *lines[1:]], "harmless", True)
line_operator("header padded", lambda lines, _: [lines[0].replace(",", " , "), *lines[1:]], "harmless", True)
line_operator("header quoted", lambda lines, _: [",".join(f'"{name}"' for name in lines[0].split(",")), *lines[1:]], "harmless", True)


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
