"""Files before they are read: are they files that can be read, and which bytes are they. Writing is `machine.writing`'s business."""

import hashlib
import stat
from pathlib import Path

from pipelines.domain.errors import InputRefused

CHUNK_BYTES = 1024**2


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def require_file(path: Path, name: str) -> None:
    """Raise `InputRefused` saying what stands at `path` unless it is a regular file that can be read."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb") as stream:
                stream.read(1)
            return
    except FileNotFoundError:
        raise InputRefused(f"{name}: no such file") from None
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise InputRefused(f"{name[:120]}: cannot be read ({cause}); give the path of a readable file") from None
    kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or device"
    raise InputRefused(f"{name}: this is {kind}; give the path of a file")
