"""The one home of atomic writes: a temporary name in the same folder, flushed to disk, renamed, and the folder flushed after it.

A reader sees the whole of a file or what was there before, also after a kill, a power cut or a full disk.
"""

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path

from pipelines.machine.boundaries import crossing
from pipelines.machine.temporary import temporary_beside, temporary_folder_beside

READABLE = 0o644
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def write_file(boundary: str, target: Path, write: Callable[[Path], object], mode: int = READABLE) -> Path:
    """Let `write` fill a temporary file, then make it appear as `target`. Raises `MachineFailed` naming file and remedy."""
    with crossing(boundary, target) as halfway, temporary_beside(target) as temporary:
        write(temporary)
        _appear(temporary, target, mode, halfway)
    return target


def write_bytes(boundary: str, target: Path, content: bytes, mode: int = READABLE) -> Path:
    """Write a file of known content."""
    return write_file(boundary, target, lambda path: path.write_bytes(content), mode)


def write_text(boundary: str, target: Path, text: str) -> Path:
    """Write a file of known text in UTF-8, its line ends as they are."""
    return write_bytes(boundary, target, text.encode())


def move_into_place(boundary: str, temporary: Path, target: Path) -> Path:
    """Make a temporary file of the same folder appear as `target`, replacing what is there."""
    with crossing(boundary, target) as halfway:
        _appear(temporary, target, READABLE, halfway)
    return target


def claim_file(boundary: str, target: Path, content: bytes) -> bool:
    """Write a file only if `target` does not exist: False if another writer was first."""
    with crossing(boundary, target) as halfway, temporary_beside(target) as temporary:
        temporary.write_bytes(content)
        temporary.chmod(READABLE)
        sync(temporary)
        halfway(temporary)
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        sync(target.parent)
    return True


def claim_folder(boundary: str, target: Path, fill: Callable[[Path], object]) -> bool:
    """Let `fill` fill a temporary folder, then make it appear as `target`: False if another writer was first."""
    with crossing(boundary, target) as halfway, temporary_folder_beside(target) as temporary:
        fill(temporary)
        sync_tree(temporary)
        halfway()
        try:
            temporary.rename(target)
        except OSError:
            if target.is_dir():
                return False
            raise
        sync(target.parent)
    return True


def point_link(boundary: str, link: Path, to: str) -> None:
    """Let a symbolic link point to `to` from one moment to the next."""
    with crossing(boundary, link) as halfway:
        # A link cannot be locked; the folder that it is made in can, so that a sweeper tells a living one from a dead one.
        with temporary_folder_beside(link) as folder:
            (folder / "next").symlink_to(to)
            halfway()
            (folder / "next").replace(link)
        sync(link.parent)


def exchange(one: Path, other: Path) -> None:
    """Let two paths of one disk trade places: in one step on Linux, in three elsewhere."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is not None and rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
        return
    code = errno.ENOSYS if rename is None else ctypes.get_errno()
    if code not in (errno.ENOSYS, errno.EINVAL):
        raise OSError(code, os.strerror(code), str(other))
    between = other.with_name(f"{other.name}.exchanged")
    other.rename(between)
    one.rename(other)
    between.rename(one)


def _appear(temporary: Path, target: Path, mode: int, halfway: Callable[..., None]) -> None:
    temporary.chmod(mode)
    sync(temporary)
    halfway(temporary)
    temporary.replace(target)
    sync(target.parent)


def sync_tree(folder: Path) -> None:
    """Force every file and folder below `folder`, and itself, to disk."""
    for path in sorted(folder.rglob("*")):
        if not path.is_symlink():
            sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """Force a file or folder to disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
