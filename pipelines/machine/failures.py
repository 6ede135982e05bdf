"""What a full disk, a read-only folder or too little memory is called: one error with file and remedy, whoever noticed it first."""

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pipelines.domain.errors import EvenstockError, MachineFailed

FREE_SPACE = "free some space there, then try again: what was there before is untouched"
MAKE_WRITABLE = "make it writable or set EVENSTOCK_HOME to a folder that is"
ASK_FOR_RIGHTS = "ask for the right to it or set EVENSTOCK_HOME to a folder of yours"
LOOK_AT_DISK = "look at the disk: it is full or failing; then try again"
GIVE_MEMORY = "give it more (EVENSTOCK_DUCKDB_MEMORY, EVENSTOCK_DUCKDB_TEMP, ulimit -v), then try again"
# As operating system, SQLite and DuckDB put it; failures inside a step arrive as text.
REMEDIES = {
    "No space left on device": FREE_SPACE,
    "disk is full": FREE_SPACE,
    "Disk quota exceeded": FREE_SPACE,
    "File too large": FREE_SPACE,
    "Read-only file system": MAKE_WRITABLE,
    "readonly database": MAKE_WRITABLE,
    "unable to open database file": MAKE_WRITABLE,
    "disk I/O error": LOOK_AT_DISK,
    "Permission denied": ASK_FOR_RIGHTS,
    "Out of Memory": GIVE_MEMORY,
    "Cannot allocate memory": GIVE_MEMORY,
}
_ERRNOS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOMEM),
    *(errno.EMFILE, errno.ENFILE),
)
LONGEST = 300


def remedy_of(said: str) -> str | None:
    """The remedy for what a machine said, or None if it does not sound like one.

    >>> remedy_of("sqlite3.OperationalError: attempt to write a readonly database")
    'make it writable or set EVENSTOCK_HOME to a folder that is'
    """
    return next((remedy for cause, remedy in REMEDIES.items() if cause in said), None)


@contextmanager
def machine_explained(path: Path, *kinds: type[BaseException]) -> Generator[None]:
    """Raise `MachineFailed` in place of errors of these kinds as far as the machine is at fault; `path` is what the block works on."""
    try:
        yield
    except kinds as error:
        explained = explain_failure(error, path)
        if explained is None:
            raise
        raise explained from error


def explain_failure(error: BaseException, path: Path) -> MachineFailed | None:
    """The failure of the machine that `error` is, naming the file and the remedy; None if the machine is not at fault."""
    if isinstance(error, EvenstockError):
        return None
    if isinstance(error, MemoryError):
        return MachineFailed(f"{path}: not enough memory; {GIVE_MEMORY}")
    if isinstance(error, OSError):
        if error.errno not in _ERRNOS:
            return None
        said = error.strerror or str(error)
        where = path if str(error.filename or "").endswith(".partial") else error.filename or path
        return MachineFailed(f"{where}: cannot be written ({said}); {remedy_of(said) or LOOK_AT_DISK}")
    said = " ".join(str(getattr(error, "orig", None) or error).split())
    remedy = remedy_of(said)
    return MachineFailed(f"{path}: cannot be written ({said[:LONGEST]}); {remedy}") if remedy else None
