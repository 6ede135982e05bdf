"""What spreadsheets, report writers, terminals and transports make of a file: spoilt codes, layouts for people, foreign wrappings."""

import base64
import bz2
import csv
import gzip
import html
import io
import itertools
import json
import quopri
import random
import re
import unicodedata
import urllib.parse
from collections.abc import Callable

from pipelines.extracts.contracts.contract import Column
from tests.faults.mutations.numerals import number
from tests.faults.mutations.selections import at_of
from tests.faults.mutations.sheet import Case, Sheet, operator

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _column(kind: str, name: str, pick: Callable[[Case], list[Column]], write: Callable[[str, Case], str | None]) -> None:
    """Register a change of a whole column, whichever of its cells it can change."""

    @operator(kind, name)
    def change(case: Case) -> bytes | None:
        for column in case.rng.sample(columns := pick(case), len(columns)):
            at, done = case.sheet.at(column.name), 0
            for row in case.sheet.rows:
                new = write(row[at], case) if row[at] else None
                if new is not None and new != row[at]:
                    row[at], done = new, done + 1
            if done:
                return case.sheet.data()
        return None


def _ids(case: Case) -> list[Column]:
    return case.columns("id")


def _texts(case: Case) -> list[Column]:
    return case.columns("id", "free", "enum")


def _as_date(cell: str) -> str | None:
    """What a spreadsheet takes for a date: MAR1, 5-11."""
    found = re.fullmatch(r"([A-Z]{3})(\d{1,2})|(\d{1,2})-(\d{1,2})", cell)
    if not found:
        return None
    if found[1]:
        return f"{int(found[2])}-{found[1].title()}" if found[1].title() in MONTHS else None
    return f"{int(found[4])}-{MONTHS[int(found[3]) - 1]}" if 1 <= int(found[3]) <= 12 else None


_column("key", "codes as numbers", _ids, lambda cell, _: str(int(cell)) if cell.isdigit() else None)
_column("key", "codes as floats", _ids, lambda cell, _: f"{float(cell):g}" if re.fullmatch(r"\d+(E\d+)?", cell) else None)
_column("key", "codes as dates", _ids, lambda cell, _: _as_date(cell))
_column("key", "codes padded to eight digits", _ids, lambda cell, _: cell.zfill(8) if cell.isdigit() else None)
_column("key", "codes cut to a width", _ids, lambda cell, _: cell[:5])
_column("key", "codes without their last part", _ids, lambda cell, _: re.sub(r"[-_./][^-_./]*$", "", cell))
_column("key", "codes without their prefix", _ids, lambda cell, _: re.sub(r"^[A-Za-z]+[-_]?", "", cell) or None)
_column("key", "codes without marks", _ids, lambda cell, _: re.sub(r"[-_./:]", "", cell) or None)
_column("key", "codes in lower case", _ids, lambda cell, _: cell.lower())
_column("key", "codes of fifteen figures", _ids, lambda cell, _: re.sub(r"\d{8,}", lambda m: m[0][:-3] + "000", cell))
_column("key", "hashes of a narrow column", lambda case: case.contract.columns, lambda cell, _: "#" * max(5, len(cell)))
_column("number", "every number a float", lambda case: case.numbers(), lambda cell, _: f"{float(cell):.1f}")
_column("number", "numbers as text", lambda case: case.numbers(), lambda cell, _: f"'{cell}")
_column("number", "bracketed negatives", lambda case: case.numbers(), lambda cell, _: f"({cell[1:]})" if cell.startswith("-") else None)
_column("key", "words in capitals", lambda case: case.columns("enum", "free"), lambda cell, _: cell.upper())
_column("key", "first letters only", lambda case: case.columns("enum"), lambda cell, _: cell[:1].upper())
_column("encoding", "URL-encoded", _texts, lambda cell, _: urllib.parse.quote(cell))
_column("encoding", "escapes of JSON", _texts, lambda cell, _: json.dumps(cell)[1:-1])
_column("encoding", "HTML entities everywhere", _texts, lambda cell, _: html.escape(cell.encode("ascii", "xmlcharrefreplace").decode()))
_column("encoding", "base64 cells", _texts, lambda cell, _: base64.b64encode(cell.encode()).decode())
_column("encoding", "accents taken apart", _texts, lambda cell, _: unicodedata.normalize("NFD", cell))
_column("encoding", "twice decoded", _texts, lambda cell, _: None if cell.isascii() else cell.encode().decode("cp1252", "replace"))
_column("encoding", "soft hyphens in codes", _ids, lambda cell, _: cell.replace("-", "\u00ad"))
_column("encoding", "spaces that do not break", _texts, lambda cell, _: cell.replace(" ", "\u00a0") if " " in cell else cell + "\u00a0")
_column("encoding", "Greek and Cyrillic capitals", _ids, lambda cell, _: cell.translate(str.maketrans("AEOPTKMHBX", "ΑΕΟΡΤΚΜΗΒΧ")))


def _whole(kind: str, name: str, change: Callable[[Sheet, random.Random], str | bytes | None]) -> None:
    """Register a rewriting of the file as a text or as bytes."""

    @operator(kind, name)
    def apply(case: Case) -> bytes | None:
        made = change(case.sheet, case.rng)
        return made.encode("utf-8") if isinstance(made, str) else made


def _lines_of(sheet: Sheet) -> list[str]:
    return sheet.text().splitlines()


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def _merged_cells(sheet: Sheet, _: random.Random) -> str:
    """Repeated values below each other stand once, as merged cells are written."""
    rows = [["" if at and row[i] == sheet.rows[at - 1][i] else row[i] for i in range(len(row))] for at, row in enumerate(sheet.rows)]
    return sheet.with_rows(rows).text()


def _filled_down(sheet: Sheet, rng: random.Random) -> str:
    """Sorted by one column, then empty cells filled from above."""
    by = rng.randrange(len(sheet.header))
    rows = sorted((list(row) for row in sheet.rows), key=lambda row: row[by])
    for above, row in itertools.pairwise(rows):
        row[:] = [cell or over for cell, over in zip(row, above, strict=True)]
    return sheet.with_rows(rows).text()


def _grouped_report(sheet: Sheet, _: random.Random) -> str:
    lines = [",".join(sheet.header)]
    for at, row in enumerate(sheet.rows):
        if at == 0 or row[0] != sheet.rows[at - 1][0]:
            lines.append(f"{sheet.header[0]}: {row[0]}" + "," * (len(row) - 1))
        lines.append(",".join(["", *row[1:]]))
    return _joined(lines)


def _transposed(sheet: Sheet, _: random.Random) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(zip(sheet.header, *sheet.rows, strict=True))
    return out.getvalue()


def _concatenated(sheet: Sheet, rng: random.Random) -> str:
    """Two neighbouring columns in one cell, the second one empty."""
    at, mark = rng.randrange(len(sheet.header) - 1), rng.choice(["-", "/", " ", "_", ""])
    return sheet.with_rows([[*row[:at], row[at] + mark + row[at + 1], "", *row[at + 2 :]] for row in sheet.rows]).text()


def _units_row(sheet: Sheet, _: random.Random) -> str:
    return sheet.with_rows([["[" + name[:3] + "]" for name in sheet.header], *sheet.rows]).text()


def _two_headers(sheet: Sheet, _: random.Random) -> str:
    return _joined(["Group A" + "," * (len(sheet.header) - 1), *_lines_of(sheet)])


def _german(sheet: Sheet, _: random.Random) -> str:
    rows = [[cell.replace(".", ",") if number(cell) is not None else cell for cell in row] for row in sheet.rows]
    return sheet.with_rows(rows).text(delimiter=";")


def _second_table(sheet: Sheet, _: random.Random) -> str:
    width = len(sheet.header)
    return sheet.text() + "\nSummary" + "," * (width - 1) + f"\nrows,{len(sheet.rows)}" + "," * (width - 2) + "\n"


def _numbered(sheet: Sheet, rng: random.Random) -> str:
    """A row number in front, with a name of its own or with none."""
    name = rng.choice(["", "Unnamed: 0", "#", "row"])
    return Sheet([name, *sheet.header], [[str(at), *row] for at, row in enumerate(sheet.rows)]).text()


def _numbered_body(sheet: Sheet, _: random.Random) -> str:
    return _joined([",".join(sheet.header), *(f"{at},{line}" for at, line in enumerate(_lines_of(sheet)[1:]))])


def _blocks_exchanged(sheet: Sheet, rng: random.Random) -> bytes | None:
    data, size = sheet.data(), 256
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    if len(blocks) < 4:
        return None
    one, two = rng.sample(range(1, len(blocks) - 1), 2)
    blocks[one], blocks[two] = blocks[two], blocks[one]
    return b"".join(blocks)


def _wrapped_lines(sheet: Sheet, _: random.Random) -> str:
    return _joined([line[at : at + 76] for line in _lines_of(sheet) for at in range(0, len(line), 76)])


def _two_writers(sheet: Sheet, rng: random.Random) -> str:
    """Two processes wrote to one file: somewhere a line starts before the other ends."""
    lines = _lines_of(sheet)
    at = rng.randrange(1, len(lines))
    cut = rng.randrange(1, len(lines[at]) + 1)
    other = lines[rng.randrange(1, len(lines))]
    return _joined([*lines[:at], lines[at][:cut] + other, lines[at][cut:], *lines[at + 1 :]])


_whole("structure", "merged cells", _merged_cells)
_whole("mixed", "sorted and filled down", _filled_down)
_whole("structure", "a report in groups", _grouped_report)
_whole("structure", "transposed", _transposed)
_whole("structure", "two columns in one", _concatenated)
_whole("structure", "a row of units below the header", _units_row)
_whole("structure", "two rows of headers", _two_headers)
_whole("structure", "semicolons and decimal commas", _german)
_whole("structure", "a second table below", _second_table)
_whole("structure", "row numbers below another header", _numbered_body)
_whole("structure", "blocks of the file exchanged", _blocks_exchanged)
_whole("structure", "lines wrapped", _wrapped_lines)
_whole("structure", "two writers", _two_writers)
_whole("structure", "a diff", lambda sheet, rng: _joined([rng.choice("+- ") + line for line in _lines_of(sheet)]))
_whole("structure", "log lines", lambda sheet, _: _joined([f"2026-02-06 02:00:01 INFO {line}" for line in _lines_of(sheet)]))
_whole("structure", "colours of a terminal", lambda sheet, _: _joined([f"\x1b[32m{line}\x1b[0m" for line in _lines_of(sheet)]))
_whole(
    "structure", "fixed width", lambda sheet, _: _joined(["".join(cell.ljust(24) for cell in row) for row in [sheet.header, *sheet.rows]])
)
_whole("structure", "a Markdown table", lambda sheet, _: _joined(["|" + "|".join(row) + "|" for row in [sheet.header, *sheet.rows]]))
_whole("structure", "JSON lines", lambda sheet, _: _joined([json.dumps(dict(zip(sheet.header, row, strict=True))) for row in sheet.rows]))
_whole("structure", "SQL inserts", lambda sheet, _: _joined([f"INSERT INTO t VALUES {tuple(row)};" for row in sheet.rows]))
_whole("structure", "a pointer to a large file", lambda sheet, _: "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n")
_whole("structure", "gzip twice", lambda sheet, _: gzip.compress(gzip.compress(sheet.data(), mtime=0), mtime=0))
_whole("structure", "bzip2", lambda sheet, _: bz2.compress(sheet.data()))
_whole("encoding", "quoted printable", lambda sheet, _: quopri.encodestring(sheet.data()))
_whole("encoding", "base64 file", lambda sheet, _: base64.encodebytes(sheet.data()))
_whole("encoding", "UTF-7", lambda sheet, _: sheet.text().encode("utf-7"))
_whole("encoding", "UTF-8 applied three times", lambda sheet, _: None if sheet.data().isascii() else _thrice(sheet.data()))
_whole("encoding", "a mark before every line", lambda sheet, _: _joined(["\ufeff" + line for line in _lines_of(sheet)]))


def _thrice(data: bytes) -> bytes:
    for _ in range(2):
        data = data.decode("latin-1").encode("utf-8")
    return data


@operator("structure", "row numbers in a column of their own")
def _row_numbers(case: Case) -> bytes:
    return _numbered(case.sheet, case.rng).encode()


@operator("mixed", "two files with their rows interleaved")
def _interleaved(case: Case) -> bytes | None:
    """Rows of yesterday's file between today's."""
    old = case.yesterday.get(case.feed)
    if old is None:
        return None
    rows = [row for pair in zip(Sheet.read(old).rows, case.sheet.rows, strict=False) for row in pair]
    return case.sheet.with_rows(rows).data()


@operator("key", "codes of a sister company")
def _sister(case: Case) -> bytes | None:
    """The codes of one place or item end on another figure, which may be another's."""
    at = at_of(case, *case.rng.sample(["item_id", "location_id", "origin"], 3))
    if at is None:
        return None
    chosen = case.rng.choice(case.sheet.rows)[at]
    new = chosen[:-1] + str((int(chosen[-1]) + 1) % 10) if chosen[-1].isdigit() else chosen + "1"
    for row in case.sheet.rows:
        row[at] = new if row[at] == chosen else row[at]
    return case.sheet.data()
