"""A private copy of what a sender hands over: what is checked is what is kept, whoever writes to the source meanwhile."""

import hashlib
from pathlib import Path

from pipelines.domain.errors import InputRefused
from pipelines.extracts.reading.records import MAX_FILE_BYTES
from pipelines.machine.boundaries import crossing
from pipelines.machine.reading import CHUNK_BYTES, require_file


def copy_source(source: Path, target: Path) -> tuple[str, int]:
    """Copy the bytes; returns their sha256 and number. Raises `InputRefused` for a file that is too big or changes meanwhile."""
    require_file(source, str(source))
    digest, size, before = hashlib.sha256(), 0, source.stat()
    with crossing("landing.copy", target) as halfway, source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK_BYTES):
            size += len(chunk)
            if size > MAX_FILE_BYTES:
                raise InputRefused(f"{source}: more than the limit of {MAX_FILE_BYTES} bytes; send the feed in several business dates")
            digest.update(chunk)
            writer.write(chunk)
        halfway(target)
    after = source.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InputRefused(f"{source}: it changed while it was read, so it is still being written; try again when it is complete")
    return digest.hexdigest(), size
