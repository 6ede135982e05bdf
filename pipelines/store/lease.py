"""One writer per home: an advisory file lock with a readable owner. Nothing about what the owner does lives here.

The kernel frees the lock when its owner dies, so no clean-up and no time-out is ever needed.
"""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pipelines.domain.errors import Busy

_held_here: set[str] = set()


@contextmanager
def hold_lease(home: Path, what: str, now: datetime | str) -> Generator[Path]:
    """Hold the writer's lease of `home` while the block runs; yields the path of the lock file.

    `what` says what the owner does and `now` since when; both are shown to whoever finds the lease taken. Raises `Busy`
    naming the holder, also when the same process asks twice: a run never nests in a run.
    """
    path, descriptor = _take_lock(home)
    try:
        try:
            _held_here.add(str(path))
            _write_owner(descriptor, {"pid": os.getpid(), "host": socket.gethostname(), "what": what, "since": str(now)})
            yield path
        finally:
            _held_here.discard(str(path))
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take_lock(home: Path) -> tuple[Path, int]:
    """The lock file, locked, by its open descriptor; taken anew if the home was put aside between opening it and locking it."""
    while True:
        home.mkdir(parents=True, exist_ok=True)
        path = (home / "lease.lock").resolve()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, descriptor):
                return path, descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise Busy(_holder_text(path)) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def _write_owner(descriptor: int, owner: dict[str, object]) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(owner, sort_keys=True).encode(), 0)


def _holder_text(path: Path) -> str:
    """Who holds the lock; the owner may be between taking it and writing its name."""
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
        who = f"{owner['what']} (process {owner['pid']} on {owner['host']}) since {owner['since']}"
    except (ValueError, KeyError, TypeError, OSError):
        who = "another process that has only just started"
    if str(path) in _held_here:
        return f"{path.parent} is in use by {who}: that is this very process, and leases do not nest"
    return f"{path.parent} is in use by {who}; wait for it to end, then try again"
