"""What a file of an unknown system looks like, guessed from its first bytes, each guess with its evidence. A person confirms it.

Only drafts guess: a file that lands is read by what its layout declares, never by this.
"""

import csv
import gzip
import io
import re
import struct
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.domain.errors import InputRefused
from pipelines.extracts.drafting.draft_json import records_path
from pipelines.extracts.reading.file_format import CANONICAL, FileFormat, FixedField, open_records

SAMPLE_BYTES = 256 * 1024
SAMPLE_LINES = 200
TITLE_ROWS = 6
DELIMITER_WORDS = {";": "semicolon", "\t": "tab", "|": "pipe", ",": "comma", "^": "^", "~": "~"}
_NUMBER = re.compile(r"[-+(]?[0-9][0-9.,' ]*[-)]?%?")


@dataclass
class Dialect:
    """Keys of `file:` as a layout writes them, the evidence for each, and the same as a `FileFormat`."""

    keys: dict[str, Any] = field(default_factory=dict)
    evidence: dict[str, str] = field(default_factory=dict)
    format: FileFormat = CANONICAL

    def say(self, key: str, value: Any, why: str) -> None:
        """Note one key that differs from the canonical file."""
        self.keys[key], self.evidence[key] = value, why


def guess_dialect(path: Path) -> Dialect:
    """The dialect of a file. Raises `InputRefused` for a file that is empty, unreadable or of no kind that a layout can declare."""
    sample, whole = read_sample(path)
    if not sample.strip():
        raise InputRefused(f"{path.name}: the file is empty; a draft needs a header and some rows")
    dialect = Dialect()
    if sample.startswith(b"PAR1"):
        dialect.say("format", "parquet", "the file starts with PAR1")
        dialect.format = FileFormat(kind="parquet")
    elif sample.startswith(b"PK"):
        _guess_sheet(path, dialect)
    elif sample.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        _guess_json(sample, dialect)
    else:
        _guess_text(path, sample, whole, dialect)
    return dialect


def read_sample(path: Path) -> tuple[bytes, bool]:
    """The first unpacked bytes, and whether they are all of it. Of a zip file the only data file; a workbook is left packed."""
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
        if start[:2] == b"\x1f\x8b":
            with gzip.open(path, "rb") as packed:
                return _cut(packed)
        if start == b"PK\x03\x04":
            with zipfile.ZipFile(path) as archive:
                names = [entry for entry in archive.namelist() if not entry.endswith("/")]
                if "xl/workbook.xml" in names:
                    return start, False
                if len(names) != 1:
                    raise InputRefused(f"{path.name}: {len(names)} files in the zip file; pack one data file alone")
                with archive.open(names[0]) as packed:
                    return _cut(packed)
        with path.open("rb") as stream:
            return _cut(stream)
    except FileNotFoundError:
        raise InputRefused(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, ValueError, struct.error) as error:
        raise InputRefused(f"{path}: not readable ({getattr(error, 'strerror', None) or error}); name a file with some rows") from None


def _cut(stream: Any) -> tuple[bytes, bool]:
    data = stream.read(SAMPLE_BYTES + 1)
    return data[:SAMPLE_BYTES], len(data) <= SAMPLE_BYTES


def _guess_text(path: Path, sample: bytes, whole: bool, dialect: Dialect) -> None:
    encoding = _guess_encoding(sample, dialect)
    text = sample.decode(encoding, "replace")
    if "\0" in text:
        raise InputRefused(f"{path.name}: a NUL byte; this is no text, workbook, Parquet or JSON file that can be drafted from")
    every = text.splitlines()
    lines = every[: len(every) if whole else -1][:SAMPLE_LINES] or every
    delimiter, width = _guess_delimiter(lines)
    shape: dict[str, Any] = {"encoding": "utf-8" if encoding == "utf-8-sig" else encoding}
    if not delimiter:
        dialect.format = _guess_fixed(lines, dialect, shape)
        return
    if delimiter != ",":
        word = DELIMITER_WORDS[delimiter]
        dialect.say("delimiter", word, f"{width - 1} of them in most of the first {len(lines)} lines")
    shape |= {"delimiter": delimiter, "quote": _guess_quote(lines, delimiter, dialect)}
    rows = [_cells(line, delimiter, shape["quote"]) for line in lines]
    skip = _header_line(rows, width)
    if skip:
        dialect.say("skip_lines", skip, f"the lines before line {skip + 1} have other fields")
        shape["skip_lines"] = skip
    if _looks_like_data(rows[skip]):
        shape |= {"header": False, "names": tuple(f"column_{n}" for n in range(1, width + 1))}
        dialect.say("header", False, f"line {skip + 1} holds values, no names")
        dialect.say("names", list(shape["names"]), "name the columns in their order")
    if whole and len(rows) > skip + 2:
        last = _cells(every[-1], delimiter, shape["quote"])
        plain = len(last) != width and all(len(row) == width for row in rows[skip : len(every) - 1])
        shape |= _guess_trailer(every[-1], len(every) - skip - 2, dialect) if plain else {}
    dialect.format = FileFormat(**shape)


def _header_line(rows: list[list[str]], width: int) -> int:
    """The first line of the table's width in which half of the fields hold something: a title line may be filled up with delimiters."""
    wide = [n for n, row in enumerate(rows) if len(row) == width]
    return next((n for n in wide if 2 * sum(bool(cell.strip()) for cell in rows[n]) >= width), wide[0])


def _guess_sheet(path: Path, dialect: Dialect) -> None:
    """A workbook, whose table may stand below some title rows: the first row that is half as wide as the widest is the header."""
    dialect.say("format", "xlsx", "a zip file that holds a workbook")
    filled = []
    for skip in range(TITLE_ROWS + 1):
        try:
            with open_records(path, FileFormat(kind="xlsx", skip_lines=skip), path.name) as records:
                filled.append(sum(bool(name.strip()) for name in records.names))
        except InputRefused:
            filled.append(0)  # an empty row, or one that no header could be; if all are, reading says so
    skip = next(n for n, count in enumerate(filled) if 2 * count >= max(filled))
    if skip:
        dialect.say("skip_lines", skip, f"the rows before row {skip + 1} hold a title at most")
    dialect.format = FileFormat(kind="xlsx", skip_lines=skip)


def _guess_json(sample: bytes, dialect: Dialect) -> None:
    """JSON lines or a document; the records may be lists inside, such as the lines of orders."""
    dialect.say("format", "jsonl", "the file starts like JSON")
    path = records_path(sample.decode("utf-8", "replace"))
    if path:
        dialect.say("records", path, "a list of objects; plain fields around it are parent.<name>")
    dialect.format = FileFormat(kind="jsonl", records=path)


def _guess_encoding(sample: bytes, dialect: Dialect) -> str:
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        dialect.say("encoding", "utf-16", "the file starts with the byte order mark of UTF-16")
        return "utf-16"
    try:
        io.TextIOWrapper(io.BytesIO(sample[: sample.rfind(b"\n") + 1] or sample), "utf-8-sig").read()
        return "utf-8-sig"
    except UnicodeDecodeError as error:
        place = sample.count(b"\n", 0, error.start) + 1
        try:
            sample.decode("cp1252")
            found = "cp1252"
        except UnicodeDecodeError:
            found = "latin-1"
        dialect.say(
            "encoding", found, f"byte 0x{sample[error.start]:02x} on line {place} is not UTF-8; see that its letter comes out right"
        )
        return found


def _guess_delimiter(lines: list[str]) -> tuple[str, int]:
    """The character that comes equally often in most lines, and how many fields it makes; "" where none does."""
    best, found = (0.0, 0), ("", 1)
    for delimiter in DELIMITER_WORDS:
        counts = Counter(len(_cells(line, delimiter, '"')) for line in lines if line.strip())
        counts.pop(1, None)
        if not counts:
            continue
        width, agreeing = max(counts.items(), key=lambda item: (item[1], item[0]))
        score = (round(agreeing / len(lines), 2), width)
        if agreeing * 2 > len(lines) and score > best:
            best, found = score, (delimiter, width)
    return found


def _guess_quote(lines: list[str], delimiter: str, dialect: Dialect) -> str:
    opened = any(re.search(rf'(^|{re.escape(delimiter)})"', line) for line in lines)
    stray = next((n for n, line in enumerate(lines, 1) if '"' in line), 0)
    if stray and not opened:
        dialect.say("quote", "", f"line {stray} has a quote inside a field, and no field starts with one")
        return ""
    return '"'


def _cells(line: str, delimiter: str, quote: str) -> list[str]:
    try:
        if quote:
            return next(csv.reader([line], delimiter=delimiter, quotechar=quote), [])
        return next(csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE), [])
    except csv.Error:
        return line.split(delimiter)


def _looks_like_data(cells: list[str]) -> bool:
    """A header has a name for each column, all different and none of them a number."""
    names = [cell.strip() for cell in cells]
    return any(_NUMBER.fullmatch(name) for name in names) or len(set(names)) < len(names)


def _guess_trailer(last: str, rows: int, dialect: Dialect) -> dict[str, str]:
    """The last line where it alone has other fields; that it says the number of rows is best."""
    count = str(rows)
    if count in re.findall(r"[0-9]+", last):
        before, after = last.split(count, 1)
        pattern = f"{re.escape(before)}(?P<rows>[0-9]+){re.escape(after)}".replace("\\ ", " ")
        dialect.say("trailer", pattern, f"the last line says {count}, the number of rows")
        return {"trailer": pattern}
    word = re.match(r"[^0-9]*[^0-9 ]", last)
    if not word:
        return {}
    pattern = re.escape(word[0]).replace("\\ ", " ") + ".*"
    dialect.say("trailer", pattern, "the last line alone has other fields; a file without it was cut short")
    return {"trailer": pattern}


def _cell(line: str, start: int, starts: list[int]) -> str:
    return line[start : next((n for n in starts if n > start), len(line))].strip()


def _guess_fixed(lines: list[str], dialect: Dialect, shape: dict[str, Any]) -> FileFormat:
    """Fields between the columns of characters that are blank in every line; one column if there are none."""
    lengths = {len(line) for line in lines[1:]}
    if len(lengths) != 1 or len(lines[0]) > max(lengths) or max(lengths) < 2:
        return FileFormat(**shape)
    size = lengths.pop()
    lines = [line.ljust(size) for line in lines]
    blank = [all(line[n] == " " for line in lines) for n in range(size)]
    starts = [n for n in range(size) if not blank[n] and (n == 0 or blank[n - 1])]
    # A name of two words over a column that is narrower than it: the second word has no cells of its own.
    starts = [n for n in starts if n < 2 or lines[0][n - 2] == " " or any(_cell(line, n, starts) for line in lines[1:])]
    ends = [*starts[1:], size]
    named = not _looks_like_data([lines[0][a:b] for a, b in zip(starts, ends, strict=True)])
    names = [lines[0][a:b].strip() if named else f"field_{n}" for n, (a, b) in enumerate(zip(starts, ends, strict=True), 1)]
    fields = {name: [a + 1, b - a] for name, a, b in zip(names, starts, ends, strict=True)}
    dialect.say("format", "fixed", f"all lines have {size} characters and no delimiter")
    dialect.say("fields", fields, "borders where every line is blank; a field that touches its neighbour is not seen")
    if named:
        dialect.say("skip_lines", 1, "the first line holds names")
    fixed = tuple(FixedField(name, *place) for name, place in fields.items())
    return FileFormat(kind="fixed", encoding=shape["encoding"], skip_lines=int(named), header=False, fields=fixed)
