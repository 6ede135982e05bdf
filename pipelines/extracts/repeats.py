"""Whether a delivery brings anything new: its contents without packing, and the same lines in another order. Nothing is read as data."""

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

import numpy as np

from pipelines.extracts.durable import CHUNK_BYTES
from pipelines.extracts.file_format import CANONICAL, FileFormat
from pipelines.extracts.layout import Layout
from pipelines.extracts.records import MAX_FILE_BYTES

TAIL_BYTES = 64 * 1024
_LINE_KINDS = ("csv", "fixed", "jsonl")
_BAD_PACKING = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)


def content_sha256(path: Path, sha256: str) -> str:
    """sha256 of a file's bytes without gzip or zip around them; `sha256`, that of the file itself, where it is not packed.

    So it is for what cannot be unpacked, which is refused when it is read, not when it lands.
    """
    try:
        with _unpacked(path) as stream:
            if stream is None:
                return sha256
            digest, size = hashlib.sha256(), 0
            while chunk := stream.read(CHUNK_BYTES):
                size += len(chunk)
                if size > MAX_FILE_BYTES:
                    return sha256
                digest.update(chunk)
            return digest.hexdigest()
    except _BAD_PACKING:
        return sha256


def is_reordered(known: Path, arrived: Path, layout: Layout | None = None) -> bool:
    """Whether two files hold the same lines in another order, below the same header and above the same trailer.

    Only where a line is a record: no workbook, no encoding of several bytes per line end, no quotes that are open at the end of a line.
    """
    form = layout.file if layout else CANONICAL
    if form.kind not in _LINE_KINDS or "\n".encode(form.encoding) != b"\n":
        return False
    try:
        if not np.array_equal(_count_bytes(known), _count_bytes(arrived)):
            return False
        tally = _tally_lines(known, form)
        return tally is not None and tally == _tally_lines(arrived, form)
    except _BAD_PACKING:
        return False


def last_line(path: Path, encoding: str) -> str:
    """The last line of a text file that is not blank, packed or not; empty where there is none, or it cannot be read yet."""
    last = b""
    try:
        with _opened(path) as stream:
            if stream.seekable() and isinstance(stream, BufferedReader):
                stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
            while chunk := stream.read(CHUNK_BYTES):
                last = (last + chunk)[-TAIL_BYTES:]
        lines = [line for line in last.decode(encoding, "replace").splitlines() if line.strip()]
    except (*_BAD_PACKING, LookupError):
        return ""
    return lines[-1] if lines else ""


def _count_bytes(path: Path) -> np.ndarray:
    """How often each of the 256 byte values occurs: the cheap way to tell most files apart."""
    counts = np.zeros(256, dtype=np.int64)
    with _opened(path) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            counts += np.bincount(np.frombuffer(chunk, dtype=np.uint8), minlength=256)
    return counts


def _tally_lines(path: Path, form: FileFormat) -> tuple[bytes, bytes, int, int] | None:
    """What re-ordering leaves alone: head, trailer, number of lines and the sum of their digests; None where a record may span lines."""
    quote = form.quote.encode() if form.kind == "csv" else b""
    head, last, count, total = [], b"", 0, 0
    with _opened(path) as stream:
        for line in stream:
            if quote and line.count(quote) % 2:
                return None
            last = line.rstrip(b"\r\n")
            if len(head) < form.skip_lines + form.header:
                head.append(last)
            else:
                count, total = count + 1, total + int.from_bytes(hashlib.blake2b(last, digest_size=32).digest(), "big")
    return b"\n".join(head), last if form.trailer else b"", count, total % 2**256


@contextmanager
def _opened(path: Path) -> Generator[IO[bytes]]:
    """The bytes of a file without their packing."""
    with _unpacked(path) as stream:
        if stream is not None:
            yield stream
        else:
            with path.open("rb") as plain:
                yield plain


@contextmanager
def _unpacked(path: Path) -> Generator[IO[bytes] | None]:
    """What is inside a gzip file, or a zip file of one member; None for anything else."""
    with path.open("rb") as stream:
        start = stream.read(4)
    if start.startswith(b"\x1f\x8b"):
        with gzip.open(path, "rb") as inner:
            yield cast(IO[bytes], inner)
        return
    members = _only_member(path) if start == b"PK\x03\x04" else None
    if members is None:
        yield None
        return
    with zipfile.ZipFile(path) as archive, archive.open(members) as inner:
        yield inner


def _only_member(path: Path) -> zipfile.ZipInfo | None:
    """The one file of an archive; workbooks are archives of many."""
    with zipfile.ZipFile(path) as archive:
        files = [info for info in archive.infolist() if not info.is_dir()]
        return files[0] if len(files) == 1 else None
