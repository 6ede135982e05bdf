"""The parts of an XLSX archive that reading needs: sheets, shared texts, number formats and the cells of one sheet, all streamed.

XML is read by the standard library's expat, with document types and entities refused: nothing is ever fetched or expanded.
"""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from pipelines.domain.errors import InputRefused
from pipelines.extracts.reading.xlsx_cells import Fault, kind_of_format, text_of

MAX_TEXT_PART_BYTES = 256 * 1024**2
MAX_SMALL_PART_BYTES = 64 * 1024**2
MAX_SHEET_ROWS, MAX_SHEET_COLUMNS = 1_048_576, 16_384
CHUNK_BYTES = 256 * 1024
_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


@dataclass(frozen=True)
class Sheet:
    """A sheet of the workbook and the archive member that holds its cells."""

    name: str
    member: str
    is_hidden: bool


@dataclass
class Workbook:
    """What the cells of any sheet refer to: shared texts, the kind of number format by style, and the calendar."""

    sheets: list[Sheet] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    since_1904: bool = False


Row = tuple[int, dict[int, str | Fault]]
Handlers = tuple[Callable[[str, dict[str, str]], None], Callable[[str], None] | None, Callable[[str], None] | None]


def read_workbook(archive: zipfile.ZipFile, source: str) -> Workbook:
    """Sheets, shared texts and formats of a workbook."""
    book, targets = Workbook(), {}

    def relation(name: str, about: dict[str, str]) -> None:
        if name == "Relationship" and about.get("TargetMode") != "External":
            target = about.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join("xl", target))
            targets[about.get("Id", "")] = (about.get("Type", "").rsplit("/", 1)[-1], path)

    def sheet(name: str, about: dict[str, str]) -> None:
        if name == "workbookPr":
            book.since_1904 = about.get("date1904", "0") in ("1", "true")
        if name == "sheet":
            kind, member = targets.get(about.get("id", ""), ("", ""))
            if kind == "worksheet":
                book.sheets.append(Sheet(about.get("name", ""), member, about.get("state", "visible") != "visible"))

    if "xl/_rels/workbook.xml.rels" in archive.namelist():
        parse(archive, "xl/_rels/workbook.xml.rels", source, relation, limit=MAX_SMALL_PART_BYTES)
    parse(archive, "xl/workbook.xml", source, sheet, limit=MAX_SMALL_PART_BYTES)
    parts = {kind: path for kind, path in targets.values() if path in archive.namelist()}
    if "sharedStrings" in parts:
        book.texts = _shared_texts(archive, parts["sharedStrings"], source)
    if "styles" in parts:
        book.formats = _formats(archive, parts["styles"], source)
    return book


def parse(
    archive: zipfile.ZipFile,
    member: str,
    source: str,
    on_start: Callable[[str, dict[str, str]], None],
    on_end: Callable[[str], None] | None = None,
    on_text: Callable[[str], None] | None = None,
    limit: int | None = None,
) -> None:
    """Parse a whole part, giving local names of elements and attributes to the handlers."""
    for _ in parse_steps(archive, member, source, (on_start, on_end, on_text), limit):
        pass


def parse_steps(archive: zipfile.ZipFile, member: str, source: str, handlers: Handlers, limit: int | None = None) -> Iterator[None]:
    """Parse a part chunk by chunk, pausing after each."""
    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.ordered_attributes = False
    on_start, on_end, on_text = handlers

    def refuse(*_: object) -> None:
        raise InputRefused(f"{source}: {member} declares a document type, as no spreadsheet program does; save the file again as .xlsx")

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda name, about: on_start(_local(name), {_local(key): value for key, value in about.items()})
    if on_end:
        parser.EndElementHandler = lambda name: on_end(_local(name))
    if on_text:
        parser.CharacterDataHandler = on_text
    try:
        if limit is not None and archive.getinfo(member).file_size > limit:
            raise InputRefused(f"{source}: {member} unpacks to more than {limit} bytes; send the feed as CSV")
        with archive.open(member) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                parser.Parse(chunk, False)
                yield
            parser.Parse(b"", True)
            yield
    except (expat.ExpatError, zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise InputRefused(f"{source}: {member} is damaged or missing ({str(error)[:200]}); save the file again as .xlsx") from error


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _shared_texts(archive: zipfile.ZipFile, member: str, source: str) -> list[str]:
    texts: list[str] = []
    pieces: list[str] = []
    inside = {"t": 0, "rPh": 0}

    def start(name: str, _: dict[str, str]) -> None:
        if name == "si":
            pieces.clear()
        elif name in inside:
            inside[name] += 1

    def end(name: str) -> None:
        if name == "si":
            texts.append("".join(pieces))
        elif name in inside:
            inside[name] -= 1

    def text(data: str) -> None:
        if inside["t"] and not inside["rPh"]:
            pieces.append(data)

    parse(archive, member, source, start, end, text, MAX_TEXT_PART_BYTES)
    return texts


def _formats(archive: zipfile.ZipFile, member: str, source: str) -> list[str]:
    codes: dict[str, str] = {}
    kinds: list[str] = []
    inside = {"cellXfs": False}

    def start(name: str, about: dict[str, str]) -> None:
        if name == "numFmt":
            codes[about.get("numFmtId", "")] = about.get("formatCode", "")
        elif name == "cellXfs":
            inside[name] = True
        elif name == "xf" and inside["cellXfs"]:
            number = about.get("numFmtId", "0")
            kinds.append(kind_of_format(int(number) if number.isdigit() else 0, codes.get(number)))

    def end(name: str) -> None:
        if name in inside:
            inside[name] = False

    parse(archive, member, source, start, end, limit=MAX_SMALL_PART_BYTES)
    return kinds


class SheetRows:
    """The rows of one sheet that have cells, in order, as (row number, cells by column from 0)."""

    def __init__(self, archive: zipfile.ZipFile, sheet: Sheet, book: Workbook, source: str) -> None:
        self._archive, self._sheet, self._book, self._source = archive, sheet, book, source
        self._ready: list[Row] = []
        self._row, self._column, self._cells = 0, -1, dict[int, str | Fault]()
        self._about: dict[str, str] = {}
        self._value, self._inline, self._formula, self._in = list[str](), list[str](), False, ""

    def __iter__(self) -> Iterator[Row]:
        for _ in parse_steps(self._archive, self._sheet.member, self._source, (self._start, self._end, self._text)):
            ready, self._ready = self._ready, []
            yield from ready

    def _start(self, name: str, about: dict[str, str]) -> None:
        if name == "c":
            self._about, self._value, self._inline, self._formula = about, [], [], False
            self._column = self._column_of(about.get("r"))
        elif name == "row":
            number = about.get("r", str(self._row + 1))
            following = int(number) if number.isdigit() and len(number) < 9 else 0
            if not self._row < following <= MAX_SHEET_ROWS:
                raise self._refused(f"row {number[:20]} after row {self._row}")
            self._row, self._column, self._cells = following, -1, {}
        elif name == "f":
            self._formula, self._in = True, name
        elif name in ("v", "t", "rPh"):
            self._in = name

    def _end(self, name: str) -> None:
        if name == "c":
            self._cells[self._column] = self._read_cell()
        elif name == "row":
            self._ready.append((self._row, self._cells))
        elif name in ("v", "t", "f", "rPh"):
            self._in = ""

    def _text(self, data: str) -> None:
        if self._in == "v":
            self._value.append(data)
        elif self._in == "t":
            self._inline.append(data)

    def _column_of(self, place: str | None) -> int:
        if place is None:
            column = self._column + 1
        else:
            found = _CELL.fullmatch(place)
            if not found or int(found[2]) != self._row:
                raise self._refused(f"cell {place[:20]} in row {self._row}")
            column = column_index(found[1])
        if not self._column < column < MAX_SHEET_COLUMNS:
            raise self._refused(f"cell {str(place)[:20]} after column {self._column + 1}")
        return column

    def _read_cell(self) -> str | Fault:
        kind, stored, style = self._about.get("t", "n"), "".join(self._value) if self._value else None, self._about.get("s", "0")
        if kind == "inlineStr":
            return text_of("".join(self._inline), "str", "", False, False)
        if kind == "s":
            number = (stored or "").strip()
            if not number.isdigit() or int(number) >= len(self._book.texts):
                raise self._refused(f"a shared text {number[:20]!r} that is not there")
            return text_of(self._book.texts[int(number)], "str", "", False, False)
        formats = self._book.formats
        number_format = formats[int(style)] if style.isdigit() and int(style) < len(formats) else ""
        return text_of(stored, kind, number_format, self._formula, self._book.since_1904)

    def _refused(self, what: str) -> InputRefused:
        return InputRefused(f"{self._source}: sheet {self._sheet.name!r} has {what}; the file is damaged, save it again as .xlsx")


def column_index(letters: str) -> int:
    """Column from 0.

    >>> column_index("A"), column_index("AB")
    (0, 27)
    """
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1
