"""Temporary files and folders: locked by their maker for as long as it lives, and swept by the next run once it is dead.

The lock is the kernel's, so it ends with the process in every way of dying, and no process id can be mistaken for another's.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
SCRATCH = "evenstock-scratch-"
# A name of its own length: that of the target may already be as long as the disk allows.
_NAME_KEPT = 60


@contextmanager
def temporary_beside(target: Path) -> Generator[Path]:
    """A temporary path in the target's folder that is gone afterwards, unless it was renamed. Its name starts with a dot."""
    target.parent.mkdir(parents=True, exist_ok=True)

    def make() -> Path:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:_NAME_KEPT]}.", suffix=PARTIAL, dir=target.parent)
        os.close(handle)
        return Path(name)

    with _locked(make) as temporary:
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def temporary_folder_beside(target: Path) -> Generator[Path]:
    """A temporary folder beside the target that is gone afterwards, unless it was renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = _locked(lambda: Path(tempfile.mkdtemp(prefix=f".{target.name[:_NAME_KEPT]}.", suffix=PARTIAL, dir=target.parent)))
    with made as temporary:
        temporary.chmod(0o755)
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def scratch_folder() -> Generator[Path]:
    """A folder for files that only this process needs, in the machine's folder of temporary files; gone afterwards."""
    with _locked(lambda: Path(tempfile.mkdtemp(prefix=SCRATCH))) as folder:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def sweep(folders: Iterable[Path]) -> list[Path]:
    """Remove what dead processes left below `folders` and in the machine's folder of temporary files; returns what went.

    What a living process holds stays, and so does what cannot be removed.
    """
    found = [path for folder in folders for path in _partials(folder)]
    found += sorted(Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"))
    return [path for path in found if _remove_dead(path)]


def sweep_beside(target: Path) -> list[Path]:
    """Remove what dead processes left beside `target` while they made it, or anything whose name begins like its own; returns what went.

    For places outside the home, which no run sweeps. A folder that cannot be listed is left as it is.
    """
    started, here = f".{target.name[:_NAME_KEPT]}", []
    with contextlib.suppress(OSError):
        here = sorted(target.parent.iterdir())
    return [path for path in here if path.name.startswith(started) and path.name.endswith(PARTIAL) and _remove_dead(path)]


def _partials(folder: Path) -> list[Path]:
    found = []
    for place, folders, files in os.walk(folder):
        here = [name for name in (*folders, *files) if name.startswith(".") and name.endswith(PARTIAL)]
        found += [Path(place) / name for name in here]
        folders[:] = sorted(set(folders) - set(here))
    return sorted(found)


def _remove_dead(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        if os.fstat(handle).st_uid != os.geteuid() or not _lock(handle):
            return False
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        return not path.exists()
    except OSError:
        return False
    finally:
        os.close(handle)


@contextmanager
def _locked(make: Callable[[], Path]) -> Generator[Path]:
    """What `make` makes, locked; made again if a sweeper was faster than the lock."""
    while True:
        path = make()
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        if _lock(handle) and os.fstat(handle).st_nlink > 0 and path.exists():
            break
        os.close(handle)
    try:
        yield path
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
