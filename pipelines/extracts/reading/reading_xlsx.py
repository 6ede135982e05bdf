"""One sheet of an XLSX file, its rows numbered as the sheet numbers them. Stored values are read; nothing is calculated.

An error value, a formula without stored value and the hollow part of merged cells are no values: where such a cell is asked for, its
row is broken and says so.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from pipelines.domain.errors import InputRefused, did_you_mean
from pipelines.extracts.reading.file_format import FileFormat
from pipelines.extracts.reading.plain_text import announced_rows
from pipelines.extracts.reading.records import MAX_COLUMNS, RAW_CHARS, Batch, Broken, text_table
from pipelines.extracts.reading.unpacking import open_workbook
from pipelines.extracts.reading.xlsx_cells import Fault
from pipelines.extracts.reading.xlsx_parts import Row, Sheet, SheetRows, column_index, parse, read_workbook

BATCH_ROWS = 20_000
MAX_MERGED_CELLS = 1_000_000
_RANGE = re.compile(r"([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})")


class XlsxRecords:
    """An open sheet; see `RecordSource`. Raises `InputRefused` for a file or sheet that cannot be read."""

    def __init__(self, path: Path, file_format: FileFormat, source: str) -> None:
        self._path, self._format, self._source = path, file_format, source
        with open_workbook(path, source) as archive:
            self._book = read_workbook(archive, source)
            self._sheet = self._choose_sheet()
            marks = _find_marks(archive, self._sheet, source)
            self.header_line: int = file_format.skip_lines + 1
            self.names: tuple[str, ...] = self._read_header(archive)
            self._hollow = self._merged_cells(archive) if marks["merged"] else {}
        self.notes: tuple[str, ...] = tuple(self._notes(marks["hidden"]))

    def batches(self, wanted: dict[str, int]) -> Iterator[Batch]:
        """Records in the sheet's order; see `RecordSource`. A row without any value is no record."""
        records, broken, rows = [], [], 0
        for line, cells in self._body():
            fault = self._fault(line, cells, wanted)
            rows += 1
            if fault:
                broken.append(fault)
            else:
                records.append((line, [str(cells.get(i, "")) for i in range(len(self.names))]))
            if len(records) + len(broken) >= BATCH_ROWS:
                yield Batch(text_table(records, wanted), broken, len(records) + len(broken))
                records, broken = [], []
        if records or broken:
            yield Batch(text_table(records, wanted), broken, len(records) + len(broken))
        if self._announced is not None and self._announced != rows:
            message = f"{self._source}: the trailer row says {self._announced} rows, the sheet has {rows}; ask for the file again"
            raise InputRefused(message)

    def raw_lines(self, lines: set[int]) -> dict[int, str]:
        """Rows as their cells joined by the delimiter; see `RecordSource`."""
        with open_workbook(self._path, self._source) as archive:
            rows = SheetRows(archive, self._sheet, self._book, self._source)
            return {line: self._joined(cells)[:RAW_CHARS] for line, cells in rows if line in lines}

    def _choose_sheet(self) -> Sheet:
        sheets, name = self._book.sheets, self._format.sheet
        if not sheets:
            raise InputRefused(f"{self._source}: the workbook has no sheet with cells")
        if not name:
            return next((sheet for sheet in sheets if not sheet.is_hidden), sheets[0])
        for sheet in sheets:
            if sheet.name == name:
                return sheet
        raise InputRefused(f"{self._source}: no sheet {name!r}{did_you_mean(name, [sheet.name for sheet in sheets])}")

    def _notes(self, has_hidden: bool) -> Iterator[str]:
        others = [f"{sheet.name!r}{' (hidden)' if sheet.is_hidden else ''}" for sheet in self._book.sheets if sheet != self._sheet]
        if others:
            yield f"{self._source}: sheet {self._sheet.name!r} is read, {', '.join(others)} not"
        if self._sheet.is_hidden:
            yield f"{self._source}: sheet {self._sheet.name!r} is hidden"
        if has_hidden:
            yield f"{self._source}: sheet {self._sheet.name!r} has hidden rows or columns; they are read like the others"
        if self._hollow:
            yield f"{self._source}: sheet {self._sheet.name!r} has merged cells; only the first cell of each has the value"

    def _read_header(self, archive: zipfile.ZipFile) -> tuple[str, ...]:
        if not self._format.header:
            return self._format.names
        where = f"{self._source}, sheet {self._sheet.name!r}, row {self.header_line}"
        for line, cells in SheetRows(archive, self._sheet, self._book, self._source):
            filled = {column: cell for column, cell in cells.items() if cell != ""}
            if line >= self.header_line and filled:
                if line > self.header_line:
                    break
                faults = [cell.says for cell in filled.values() if isinstance(cell, Fault)]
                if faults or max(filled) >= MAX_COLUMNS:
                    raise InputRefused(f"{where}: {faults[0] if faults else f'more than {MAX_COLUMNS} columns'}; correct the header")
                return tuple(str(cells.get(column, "")) for column in range(max(filled) + 1))
        raise InputRefused(f"{where}: expected the header, the row is empty; say skip_lines, or send the header")

    def _body(self) -> Iterator[Row]:
        """Rows with values after the header, the trailer taken off."""
        first = self._format.skip_lines + (2 if self._format.header else 1)
        self._announced: int | None = None
        waiting: Row | None = None
        with open_workbook(self._path, self._source) as archive:
            for line, cells in SheetRows(archive, self._sheet, self._book, self._source):
                if line >= first and any(cell != "" for cell in cells.values()):
                    if waiting is not None:
                        yield waiting
                    waiting = (line, cells)
        if self._format.trailer:
            self._announced = announced_rows(self._format.trailer, self._joined(waiting[1]) if waiting else "", self._source)
        elif waiting is not None:
            yield waiting

    def _joined(self, cells: dict[int, str | Fault]) -> str:
        last = max((column for column, cell in cells.items() if cell != ""), default=-1)
        shown = (cells.get(column, "") for column in range(last + 1))
        return self._format.delimiter.join(cell.says if isinstance(cell, Fault) else cell for cell in shown)

    def _fault(self, line: int, cells: dict[int, str | Fault], wanted: dict[str, int]) -> Broken | None:
        last = max(column for column, cell in cells.items() if cell != "")
        if last >= len(self.names):
            return Broken(line, "too_many_fields", f"{last + 1} fields, expected {len(self.names)}")
        for name, column in wanted.items():
            cell = cells.get(column, "")
            if isinstance(cell, Fault):
                return Broken(line, "cell_error", cell.says, name)
            if column in self._hollow.get(line, ()):
                return Broken(line, "cell_error", "merged cells: only their first one has a value", name)
        return None

    def _merged_cells(self, archive: zipfile.ZipFile) -> dict[int, set[int]]:
        """Columns by row of the cells that a merge leaves without a value."""
        hollow: dict[int, set[int]] = {}
        count = 0

        def start(name: str, about: dict[str, str]) -> None:
            nonlocal count
            found = _RANGE.fullmatch(about.get("ref", "")) if name == "mergeCell" else None
            if not found:
                return
            left, right = column_index(found[1]), min(column_index(found[3]), len(self.names) - 1)
            top, bottom = int(found[2]), int(found[4])
            count += max(0, right - left + 1) * max(0, bottom - top + 1)
            if count > MAX_MERGED_CELLS:
                raise InputRefused(f"{self._source}: more than {MAX_MERGED_CELLS} merged cells; send the sheet without merged cells")
            for row in range(top, bottom + 1):
                hollow.setdefault(row, set()).update(column for column in range(left, right + 1) if (row, column) != (top, left))

        parse(archive, self._sheet.member, self._source, start)
        return {row: columns for row, columns in hollow.items() if columns and row > self._format.skip_lines + self._format.header}


def _find_marks(archive: zipfile.ZipFile, sheet: Sheet, source: str) -> dict[str, bool]:
    """Whether a sheet has merged cells, or hidden rows or columns: a cheap look at its bytes."""
    marks, found, tail = {"merged": b"mergeCell ", "hidden": b'hidden="1"'}, {"merged": False, "hidden": False}, b""
    try:
        with archive.open(sheet.member) as stream:
            while chunk := stream.read(1024**2):
                data = tail + chunk
                found = {name: found[name] or mark in data for name, mark in marks.items()}
                tail = data[-16:]
    except (KeyError, zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise InputRefused(f"{source}: sheet {sheet.name!r} is damaged or missing ({error}); save the file again as .xlsx") from error
    return found
