"""Text files before their records: UTF-8 whatever they were, the lines of header and trailer found, the rest in blocks of whole lines.

Line numbers are physical and count from 1; byte offsets in messages are those of the unpacked file.
"""

import codecs
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipelines.domain.errors import InputRefused, shown
from pipelines.extracts.reading.file_format import FileFormat
from pipelines.extracts.reading.records import BLOCK_BYTES, MAX_LINE_BYTES, NEWLINE, RAW_CHARS
from pipelines.extracts.reading.unpacking import check_size

MARK = codecs.BOM_UTF8
STAND_IN = "\x1f"
_WIDE_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass
class PlainText:
    """A UTF-8 file: bytes from `start` to `end` are its records' lines, of which the first has number `first_line`.

    `header` is the header's text without line end if the format has one, on `header_line`. `delimiter` is the one to split at: a
    stand-in where the declared one is not ASCII.
    """

    path: Path
    source: str
    start: int
    end: int
    first_line: int
    header: str = ""
    header_line: int = 1
    delimiter: str = ","
    delimiter_shown: str = ","
    announced_rows: int | None = None

    def check_rows(self, rows: int) -> None:
        """Raise `InputRefused` unless the trailer, if any, says as many rows as were read."""
        if self.announced_rows is not None and self.announced_rows != rows:
            message = f"{self.source}: the trailer line says {self.announced_rows} rows, the file has {rows}; ask for the file again"
            raise InputRefused(message)

    def raw_lines(self, lines: set[int]) -> dict[int, str]:
        """The text of given physical lines, cut at `RAW_CHARS`."""
        found: dict[int, str] = {}
        with self.path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if number in lines:
                    text = line[: 4 * RAW_CHARS + 2].decode("utf-8", "replace").rstrip("\r\n")[:RAW_CHARS]
                    found[number] = text.replace(self.delimiter, self.delimiter_shown) if self.delimiter == STAND_IN else text
                    if len(found) == len(lines):
                        break
        return found


@dataclass(frozen=True)
class LineBlock:
    """Some whole lines, each with its end."""

    data: bytes
    first_line: int
    lines: int


def plain_text(path: Path, file_format: FileFormat, source: str, folder: Path) -> PlainText:
    """Find header, body and trailer of a text file. Raises `InputRefused` for an empty, undecodable or shapeless one."""
    delimiter = file_format.delimiter
    if not file_format.is_utf8 or not delimiter.isascii():
        path = _transcode(path, file_format, source, folder)
        delimiter = delimiter if delimiter.isascii() else STAND_IN
    text = PlainText(path, source, 0, path.stat().st_size, 1, delimiter=delimiter, delimiter_shown=file_format.delimiter)
    has_header = file_format.kind == "csv" and file_format.header
    with path.open("rb") as stream:
        first = stream.read(MAX_LINE_BYTES)
        _refuse_foreign(first, text.end, source, "header line" if has_header else "record")
        text.start = len(MARK) if first.startswith(MARK) else 0
        for _ in range(file_format.skip_lines):
            _next_line(stream, text, "preamble")
        if has_header:
            text.header_line = text.first_line
            text.header = _next_line(stream, text, "header")
    if file_format.trailer:
        _take_trailer(text, file_format.trailer)
    return text


def _refuse_foreign(start: bytes, size: int, source: str, expected: str) -> None:
    for magic, kind in _WIDE_MARKS.items():
        if start.startswith(magic):
            raise InputRefused(f"{source}: this is UTF-16, not plain UTF-8 text; say `encoding: {kind}` in the layout, or export UTF-8")
    if not start.removeprefix(MARK).strip() and size <= MAX_LINE_BYTES:
        raise InputRefused(f"{source}: the file is empty; expected a {expected}")


def _next_line(stream: BinaryIO, text: PlainText, what: str) -> str:
    stream.seek(text.start)
    raw = stream.readline(MAX_LINE_BYTES + 1)
    if not raw:
        raise InputRefused(f"{text.source}: the file ends on line {text.first_line} before its {what}; expected more lines")
    if not raw.endswith(NEWLINE) and text.start + len(raw) < text.end:
        where = f"{text.source}, line {text.first_line}"
        raise InputRefused(f"{where}: no line end within {MAX_LINE_BYTES} bytes; lines must end with LF or CRLF")
    raw_line = raw.removesuffix(NEWLINE)
    check_utf8(raw_line, text.source, text.first_line, text.start)
    text.start += len(raw)
    text.first_line += 1
    return raw_line.decode().removesuffix("\r")


def _take_trailer(text: PlainText, pattern: str) -> None:
    """Cut the last line off the body and read the number of rows in it."""
    with text.path.open("rb") as stream:
        stream.seek(max(text.start, text.end - MAX_LINE_BYTES))
        offset, tail = stream.tell(), stream.read()
    begin, line = last_line(tail)
    shown_line = line.replace(text.delimiter, text.delimiter_shown) if text.delimiter == STAND_IN else line
    text.announced_rows = announced_rows(pattern, shown_line, text.source)
    text.end = offset + begin


def last_line(data: bytes) -> tuple[int, str]:
    r"""Where the last line of UTF-8 text starts, and the line; empty lines behind it do not count.

    >>> last_line(b"rows\nEND;1\r\n\n")
    (5, 'END;1')
    """
    kept = data.rstrip(b"\r\n")
    begin = kept.rfind(NEWLINE) + 1
    return begin, kept[begin:].decode("utf-8", "replace")


def match_trailer(pattern: str, line: str) -> re.Match[str] | None:
    """The declared trailer, if a line is it from end to end."""
    return re.fullmatch(pattern, line)


def announced_rows(pattern: str, line: str, source: str) -> int | None:
    """The number in the trailer line, None if it has none to tell; `InputRefused` if the last line is not the trailer."""
    found = match_trailer(pattern, line)
    if not found:
        raise InputRefused(f"{source}: the last line is not the declared trailer, but {shown(line)}; the file was cut short")
    if "rows" not in found.groupdict():
        return None
    digits = (found["rows"] or "").strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise InputRefused(f"{source}: the trailer line says {shown(digits)} rows, which is no number; ask for the file again")
    return int(digits)


def line_blocks(text: PlainText, block_bytes: int) -> Generator[LineBlock]:
    """The body in blocks of whole lines, UTF-8 checked; the last line gets its missing end. The block size changes nothing else."""
    line, offset, carry, left = text.first_line, text.start, b"", text.end - text.start
    with text.path.open("rb") as stream:
        stream.seek(text.start)
        while left or carry:
            block = stream.read(min(block_bytes, left))
            left = left - len(block) if block else 0
            data = carry + block if carry else block
            if not left and data and not data.endswith(NEWLINE):
                data += NEWLINE
            cut = data.rfind(NEWLINE) + 1
            if len(data) - cut > BLOCK_BYTES:
                where = f"{text.source}, line {line + data.count(NEWLINE, 0, cut)}, byte {offset + cut}"
                raise InputRefused(f"{where}: no line end within {BLOCK_BYTES} bytes; lines must end with LF or CRLF")
            carry = data[cut:]
            if cut:
                data = data[:cut] if carry else data
                check_utf8(data, text.source, line, offset)
                lines = data.count(NEWLINE)
                yield LineBlock(data, line, lines)
                line, offset = line + lines, offset + cut


def check_utf8(data: bytes, source: str, first_line: int, offset: int) -> None:
    """Raise `InputRefused` with byte offset and line for a NUL byte or a byte that is not UTF-8."""
    position = data.find(b"\0")
    if position >= 0:
        where = _place(data, position, first_line, offset)
        raise InputRefused(f"{source}, {where}: a NUL byte; the file is binary, UTF-16 or damaged")
    if data.isascii():
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        where = _place(data, error.start, first_line, offset)
        found = f"0x{data[error.start]:02x}"
        raise InputRefused(f"{source}, {where}: {found} is not UTF-8; export the file as UTF-8 (it looks like Latin-1)") from error


def _place(data: bytes, position: int, first_line: int, offset: int) -> str:
    return f"line {first_line + data.count(NEWLINE, 0, position)}, byte {offset + position}"


def _transcode(path: Path, file_format: FileFormat, source: str, folder: Path) -> Path:
    """A UTF-8 copy; a delimiter beyond ASCII becomes a control character that the text must not hold."""
    target, size = folder / "utf-8", 0
    with target.open("wb") as writer:
        for text in _decoded(path, file_format.encoding, source):
            if not file_format.delimiter.isascii():
                if STAND_IN in text:
                    raise InputRefused(f"{source}: a unit separator (0x1f) stands in the text; the file is binary or damaged")
                text = text.replace(file_format.delimiter, STAND_IN)
            data = text.encode()
            size += len(data)
            check_size(size, source)
            writer.write(data)
    return target


def _decoded(path: Path, encoding: str, source: str) -> Iterator[str]:
    decoder, lines, done = codecs.getincrementaldecoder(encoding)("strict"), 1, 0
    with path.open("rb") as stream:
        while True:
            chunk = stream.read(1024**2)
            waiting = decoder.getstate()[0]
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                before = bytes(error.object[: error.start]).decode(encoding, "ignore").count("\n")
                where = f"line {lines + before}, byte {done - len(waiting) + error.start}"
                found = f"0x{error.object[error.start]:02x}" if error.start < len(error.object) else "the end"
                raise InputRefused(f"{source}, {where}: {found} is not {encoding}; say the file's real encoding in the layout") from error
            except UnicodeError as error:
                raise InputRefused(f"{source}, line {lines}: not {encoding} ({error}); say its real encoding in the layout") from error
            yield text
            lines, done = lines + text.count("\n"), done + len(chunk)
            if not chunk:
                return
