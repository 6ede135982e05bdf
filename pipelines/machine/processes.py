"""Processes: children that never outlive their parent, and telling a living process from another that got its number later.

Used by whoever starts dbt or the solver; what they do is said there.
"""

import ctypes
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
ORPHANED = 3
# Position of the start time in /proc/<pid>/stat, counted after the name, which may hold anything (proc(5), field 22).
_START_TIME = 19


@contextmanager
def child_process(command: list[str], **options: Any) -> Generator[subprocess.Popen]:
    """Start a child in a group of its own while the block runs; afterwards the whole group is dead. `options` go to `Popen`.

    The child calls `die_with_parent(<this process>)` first of all, so that it also dies when this process is killed.
    """
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        yield process
    finally:
        end_group(process)


def end_group(process: subprocess.Popen) -> None:
    """Kill a child's whole group and wait for the child; one that has ended by itself is left alone."""
    if process.poll() is not None:
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:
        process.kill()
    process.wait()


def die_with_parent(parent: int) -> None:
    """In a child: ask the kernel to kill this process when its parent ends, and end now if it already has.

    Elsewhere than on Linux there is no such request, and the parent's own clean-up has to do.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(ORPHANED)


def limit_address_space(megabytes: int) -> None:
    """Let this process have no more than so much address space; 0 leaves it as it is."""
    if megabytes:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = megabytes * 1024**2
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def name_process(pid: int | None = None) -> str:
    """A name that no other process ever has: its number, when it started, and the boot of the machine; empty if it is gone."""
    pid = pid or os.getpid()
    started = _start_time(pid)
    return f"{pid}:{started}:{_boot()}" if started is not None else ""


def is_alive(name: str) -> bool:
    """Whether the process that `name_process` named still runs on this machine."""
    number = name.partition(":")[0]
    return number.isdecimal() and name_process(int(number)) == name


def _start_time(pid: int) -> str | None:
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return rest[_START_TIME - 1] if state not in "ZX" else None
    except FileNotFoundError:
        return _start_time_elsewhere(pid)
    except ProcessLookupError:
        return None


def _start_time_elsewhere(pid: int) -> str | None:
    """Where there is no /proc, a process that takes a signal is taken for the one that was named."""
    if Path("/proc/self").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return "0"
    return "0"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    except OSError:
        return "-"
