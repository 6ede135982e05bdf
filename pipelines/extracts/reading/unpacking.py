"""gzip and zip, recognised by their first bytes: one data file out, or a refusal. What stands in the data file is not looked at.

A packed file is hostile until shown otherwise: sizes, ratio, member names and nesting are limited before and while it is unpacked.
"""

import gzip
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO

from pipelines.domain.errors import InputRefused, shown
from pipelines.extracts.reading.records import MAX_FILE_BYTES

MAX_RATIO = 250
FREE_BYTES = 64 * 1024**2
MAX_DIRECTORY_BYTES = 1024**2
MAX_WORKBOOK_MEMBERS = 1000
CHUNK_BYTES = 1024**2
GZIP, ZIP, PARQUET, OLD_OFFICE = b"\x1f\x8b", b"PK", b"PAR1", b"\xd0\xcf\x11\xe0"
_UNREADABLE = {
    b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "rar",
    b"\x04\x22\x4d\x18": "lz4", b"%PDF": "PDF", b"SQLite format 3": "an SQLite database",
}  # fmt: skip
_KIND_OF = {PARQUET: "parquet", OLD_OFFICE: "an old or encrypted Excel file"}


def unpack(path: Path, source: str, kind: str, folder: Path) -> Path:
    """The data file itself: `path` if it is not packed, else its unpacked copy in `folder`.

    Raises `InputRefused` for a file over the limits, damaged or cut short, encrypted, nested, of several members, with paths in
    their names, or of another kind than was declared.
    """
    check_size(path.stat().st_size, source)
    start = _first_bytes(path)
    if start.startswith(GZIP):
        path = _gunzip(path, source, folder)
    elif start.startswith(ZIP) and not (kind == "xlsx" and is_workbook(path)):
        path = _unzip(path, source, kind, folder)
    else:
        _check_kind(path, start, source, kind)
        return path
    start = _first_bytes(path)
    if start.startswith((GZIP, *_UNREADABLE)) or (start.startswith(ZIP) and not (kind == "xlsx" and is_workbook(path))) or _is_tar(path):
        raise InputRefused(f"{source}: an archive inside an archive; send the data file packed once, or plain")
    _check_kind(path, start, source, kind)
    return path


def check_size(size: int, source: str) -> None:
    """Raise `InputRefused` for more bytes than a file may have."""
    if size > MAX_FILE_BYTES:
        raise InputRefused(f"{source}: {size} bytes, more than the limit of {MAX_FILE_BYTES}; send the feed in several business dates")


def is_workbook(path: Path) -> bool:
    """Whether a zip archive is an XLSX file."""
    try:
        _check_directory(path, str(path))
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, InputRefused, OSError, ValueError, struct.error):
        return False


def open_workbook(path: Path, source: str) -> zipfile.ZipFile:
    """A workbook's archive whose members are within the limits; reading a member never gives more than its announced size."""
    try:
        _check_directory(path, source)
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, struct.error) as error:
        raise InputRefused(f"{source}: not a readable XLSX file ({error}); save it again as .xlsx") from error
    members = archive.infolist()
    if len(members) > MAX_WORKBOOK_MEMBERS:
        raise InputRefused(f"{source}: {len(members)} parts, more than the {MAX_WORKBOOK_MEMBERS} of any workbook; save it again as .xlsx")
    for member in members:
        _check_member(member, source)
    _check_unpacked(sum(m.file_size for m in members), path.stat().st_size, source)
    return archive


def _check_kind(path: Path, start: bytes, source: str, kind: str) -> None:
    for magic, word in _UNREADABLE.items():
        if start.startswith(magic):
            raise InputRefused(f"{source}: this is {word}; send it plain, or packed with gzip or zip")
    if start.startswith(OLD_OFFICE):
        raise InputRefused(f"{source}: this is {_KIND_OF[OLD_OFFICE]}; save it as .xlsx without a password")
    is_parquet = start.startswith(PARQUET)
    if is_parquet and kind != "parquet":
        raise InputRefused(f"{source}: this is Parquet, not {kind}; say `format: parquet` in the layout, or send {kind}")
    if kind == "parquet" and not is_parquet and path.stat().st_size:
        raise InputRefused(f"{source}: this is not Parquet; say its format in the layout, or send Parquet")
    if kind == "xlsx" and not start.startswith(ZIP):
        raise InputRefused(f"{source}: this is no XLSX file; say its format in the layout, or save it as .xlsx")


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(16)


def _is_tar(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(257)
        return stream.read(5) == b"ustar"


def _gunzip(path: Path, source: str, folder: Path) -> Path:
    try:
        with gzip.open(path) as stream:
            return _write(stream, folder / "unpacked", path.stat().st_size, source)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputRefused(f"{source}: the gzip file is damaged or cut short ({error}); send it again") from error


def _unzip(path: Path, source: str, kind: str, folder: Path) -> Path:
    try:
        _check_directory(path, source)
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.filename.startswith("__MACOSX/._")]
            if any(m.filename == "xl/workbook.xml" for m in members):
                raise InputRefused(f"{source}: this is XLSX, not {kind}; say `format: xlsx` in the layout, or send {kind}")
            if len(members) != 1:
                raise InputRefused(f"{source}: the zip file holds {len(members)} files; pack exactly one data file")
            _check_member(members[0], source)
            _check_name(members[0].filename, source)
            _check_unpacked(members[0].file_size, path.stat().st_size, source)
            with archive.open(members[0]) as stream:
                return _write(stream, folder / "unpacked", path.stat().st_size, source)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, struct.error) as error:
        raise InputRefused(f"{source}: the zip file is damaged, cut short or of an unknown kind ({error}); send it again") from error


def _check_directory(path: Path, source: str) -> None:
    """Refuse a directory of members that is itself a bomb, before the library reads all of it into memory."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 66_000))
        tail = stream.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or end + 22 > len(tail):
        raise zipfile.BadZipFile("no end of the directory")
    (size,) = struct.unpack_from("<L", tail, end + 12)
    large = tail.rfind(b"PK\6\6")
    if large >= 0 and large + 48 <= len(tail):
        (size,) = struct.unpack_from("<Q", tail, large + 40)
    if size > MAX_DIRECTORY_BYTES:
        raise InputRefused(f"{source}: the archive's list of files takes {size} bytes; pack exactly one data file")


def _check_member(member: zipfile.ZipInfo, source: str) -> None:
    if member.flag_bits & 1:
        raise InputRefused(f"{source}: {shown(member.filename)} is encrypted; send it without a password")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputRefused(f"{source}: {shown(member.filename)} is packed in an unusual way; use ordinary zip (deflate)")


def _check_name(name: str, source: str) -> None:
    if "/" in name or "\\" in name or ":" in name or not name.isprintable() or name.startswith("."):
        raise InputRefused(f"{source}: the zip file holds {shown(name)}, no plain file name; pack the file without its folder")


def _check_unpacked(size: int, packed: int, source: str) -> None:
    if size > MAX_FILE_BYTES:
        raise InputRefused(f"{source}: unpacks to more than the limit of {MAX_FILE_BYTES} bytes; send the feed in several business dates")
    if size > FREE_BYTES and size > MAX_RATIO * max(packed, 1):
        raise InputRefused(f"{source}: unpacks to more than {MAX_RATIO} times its size, as no honest extract does; send it plain")


def _write(stream: IO[bytes] | gzip.GzipFile, target: Path, packed: int, source: str) -> Path:
    size = 0
    with target.open("wb") as writer:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            _check_unpacked(size, packed, source)
            writer.write(chunk)
    return target
