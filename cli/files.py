"""Files that a person names on the command line: a document read whole, a result written whole. What is in them is not known here."""

import errno
import gzip
import io
import json
import os
import stat
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipelines.domain.errors import InputRefused, MachineFailed, UsageError, shown
from pipelines.machine.boundaries import crossing
from pipelines.machine.temporary import sweep_beside
from pipelines.machine.writing import write_bytes

MAX_JSON_BYTES = 4_000_000_000
# Writing to these fails through the state of the machine, not through the name that was given.
MACHINE_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE, errno.ENOMEM)


def read_document(path: Path) -> dict[str, Any]:
    """A JSON object from a file, gunzipped if its name ends in .gz. Raises `InputRefused` naming the file, place and remedy."""
    try:
        opener: Any = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            data = file.read(MAX_JSON_BYTES + 1)
        if len(data) > MAX_JSON_BYTES:
            raise InputRefused(f"{path}: more than {MAX_JSON_BYTES} bytes unpacked; split the problem")
        value = json.loads(data, object_pairs_hook=_refuse_doubled)
    except FileNotFoundError:
        raise InputRefused(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputRefused(f"{path}: not readable ({getattr(error, 'strerror', None) or error}); name a file of JSON") from None
    except (UnicodeDecodeError, RecursionError, MemoryError) as error:
        raise InputRefused(f"{path}: not JSON in UTF-8 of a size and depth that can be read ({type(error).__name__})") from None
    except json.JSONDecodeError as error:
        raise InputRefused(f"{path}: line {error.lineno}, column {error.colno}: not JSON ({error.msg})") from None
    except ValueError as error:
        raise InputRefused(f"{path}: not readable ({str(error).split(';')[0]}); correct the value") from None
    if not isinstance(value, dict):
        raise InputRefused(f"{path}: expected a JSON object, found {type(value).__name__}")
    return value


def _refuse_doubled(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; of a key that comes twice nobody knows which value was meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {shown(doubled)} comes twice in one object")
    return found


def check_writable(path: Path) -> Path:
    """The file that a name leads to, links followed; raises `UsageError` with the remedy where none can be written."""
    try:
        target = path if _is_special(path) else path.resolve()
        if target.is_dir():
            raise UsageError(f"{path}: cannot be written (a folder); name a file in it")
        if not target.parent.is_dir():
            raise UsageError(f"{path}: cannot be written ({target.parent} is no folder); name a file in a folder that exists")
        with_rights = target if target.exists() and _is_special(path) else target.parent
        if not os.access(with_rights, os.W_OK):
            raise UsageError(f"{path}: cannot be written ({with_rights} is read-only for you); name a file elsewhere")
    except (OSError, RuntimeError, ValueError) as error:
        raise _refusal(path, error) from None
    return target


def write_whole(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file the user named, whole or not at all; gzipped if its name ends in .gz, the same bytes for the same content. Content may
    come in pieces; of what is gzipped only the packed bytes are then held in memory.

    A link keeps pointing where it did, and a device or pipe is written to, never replaced. Raises `UsageError` where the name cannot
    be written, and `MachineFailed` or the `OSError` itself where the machine is at fault.
    """
    target = check_writable(path)
    pieces = [content] if isinstance(content, bytes) else content
    data = _packed(pieces) if path.suffix == ".gz" else b"".join(pieces)
    try:
        if _is_special(target):
            with crossing("export.file", target), target.open("wb") as file:
                file.write(data)
        else:
            sweep_beside(target)
            write_bytes("export.file", target, data, _mode_of(target))
    except (OSError, MachineFailed) as error:
        cause = error.__cause__ if isinstance(error, MachineFailed) else error
        if getattr(cause, "errno", errno.ENOMEM) in MACHINE_FAULTS:
            raise
        raise _refusal(path, cause) from None


def _packed(pieces: Iterable[bytes]) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as packed:
        packed.writelines(pieces)
    return buffer.getvalue()


def _mode_of(target: Path) -> int:
    """The rights of the file that is replaced, or those that a new file would get."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _is_special(path: Path) -> bool:
    """True for what exists and is neither file nor folder: a device, a pipe, a socket. Its name must not be resolved: /dev/stdout."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _refusal(path: Path, error: BaseException | None) -> UsageError:
    said = getattr(error, "strerror", None) or str(error)
    return UsageError(f"{shown(str(path), 200)}: cannot be written ({shown(said, 200)}); name a file in a folder that exists")
