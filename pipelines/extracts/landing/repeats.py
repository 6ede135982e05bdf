"""Whether a delivery brings anything new: its contents without packing, and the same lines in another order. Nothing is read as data."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pipelines.domain.errors import InputRefused
from pipelines.extracts.layouts.layout import Layout
from pipelines.extracts.reading.file_format import CANONICAL, FileFormat
from pipelines.extracts.reading.plain_text import MARK, last_line, match_trailer
from pipelines.extracts.reading.records import MAX_LINE_BYTES
from pipelines.extracts.reading.unpacking import GZIP, ZIP, unpack
from pipelines.machine.reading import CHUNK_BYTES, file_sha256
from pipelines.machine.temporary import scratch_folder

_LINE_KINDS = ("csv", "fixed", "jsonl")


def content_sha256(path: Path, sha256: str, layout: Layout | None = None) -> str:
    """sha256 of a file's bytes without gzip or zip around them; `sha256`, that of the file itself, where it is not packed.

    So it is for what cannot be unpacked, which is refused when it is read, not when it lands.
    """
    try:
        with _unpacked(path, _format(layout).kind) as plain:
            return file_sha256(plain) if plain != path else sha256
    except InputRefused:
        return sha256


def is_reordered(known: Path, arrived: Path, layout: Layout | None = None) -> bool:
    """Whether two files hold the same lines in another order, below the same header and above the same trailer.

    Only where a line is a record: no workbook, no encoding of several bytes per line end, no quotes that are open at the end of a line,
    no JSON that may be a document of many lines.
    """
    form = _format(layout)
    if form.kind not in _LINE_KINDS or form.records or "\n".encode(form.encoding) != b"\n":
        return False
    try:
        with _unpacked(known, form.kind) as one, _unpacked(arrived, form.kind) as other:
            if one.stat().st_size != other.stat().st_size or not np.array_equal(_count_bytes(one), _count_bytes(other)):
                return False
            tally = _tally_lines(one, form)
            return tally is not None and tally == _tally_lines(other, form)
    except InputRefused:
        return False


def has_trailer(path: Path, form: FileFormat) -> bool:
    """Whether a text file, packed or not, ends with the trailer that its format declares; false where it cannot be read yet."""
    try:
        with _unpacked(path, form.kind) as plain, plain.open("rb") as stream:
            stream.seek(max(0, plain.stat().st_size - MAX_LINE_BYTES))
            tail = stream.read().decode(form.encoding, "replace").encode()
    except InputRefused:
        return False
    return match_trailer(form.trailer, last_line(tail)[1]) is not None


def _format(layout: Layout | None) -> FileFormat:
    return layout.file if layout else CANONICAL


def _count_bytes(path: Path) -> np.ndarray:
    """How often each of the 256 byte values occurs: the cheap way to tell most files apart."""
    counts = np.zeros(256, dtype=np.int64)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            counts += np.bincount(np.frombuffer(chunk, dtype=np.uint8), minlength=256)
    return counts


def _tally_lines(path: Path, form: FileFormat) -> tuple[bytes, bytes, int, int] | None:
    """What re-ordering leaves alone: head, trailer, number of lines and the sum of their digests; None where a record may span lines."""
    quote = form.quote.encode() if form.kind == "csv" else b""
    head, last, count, total = [], b"", 0, 0
    with path.open("rb") as stream:
        for line in stream:
            if (quote and line.count(quote) % 2) or (form.kind == "jsonl" and line.removeprefix(MARK).lstrip().startswith(b"[")):
                return None
            last = line.rstrip(b"\r\n")
            if len(head) < form.skip_lines + form.header:
                head.append(last)
            else:
                count, total = count + 1, total + int.from_bytes(hashlib.blake2b(last, digest_size=32).digest(), "big")
    return b"\n".join(head), last if form.trailer else b"", count, total % 2**256


@contextmanager
def _unpacked(path: Path, kind: str) -> Generator[Path]:
    """The data file itself, for a while. Raises `InputRefused` for a packed file that is damaged, cut short or over the limits."""
    with path.open("rb") as stream:
        is_packed = stream.read(4).startswith((GZIP, ZIP)) and kind != "xlsx"
    if not is_packed:
        yield path
        return
    with scratch_folder() as folder:
        yield unpack(path, path.name, kind, folder)
