"""Files that appear whole or not at all: temporary name, fsync, rename. What is written is the callers' business."""

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
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


@contextmanager
def temporary_beside(target: Path) -> Generator[Path]:
    """A temporary path in the target's folder that is gone afterwards, unless it was renamed. Its name starts with a dot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Force a file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def move_into_place(temporary: Path, target: Path) -> None:
    """Make `temporary` appear as `target`, replacing what is there, and survive a power cut."""
    temporary.chmod(0o644)
    sync_file(temporary)
    os.replace(temporary, target)  # noqa: PTH105 - the atomic call, by its own name
    sync_file(target.parent)


def claim_place(temporary: Path, target: Path) -> bool:
    """Like `move_into_place`, but only if `target` does not exist: False if another writer was first."""
    temporary.chmod(0o644)
    sync_file(temporary)
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    sync_file(target.parent)
    return True


def write_file(target: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file, then move it to `target`."""
    with temporary_beside(target) as temporary:
        write(temporary)
        move_into_place(temporary, target)
