"""Named write boundaries: every write that matters crosses one, and tests may let the process or the disk fail there.

In production nothing is armed and crossing costs one comparison; the settings refuse to arm a fault outside tests.
"""

import ctypes
import errno
import os
import signal
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import UsageError
from pipelines.machine.failures import machine_explained

BOUNDARIES: dict[str, str] = {
    "landing.copy": "private copy of what a sender handed over",
    "landing.bytes": "landed bytes under their sha256",
    "landing.layout": "copy of the layout that landed with them",
    "landing.version": "sidecar that makes the bytes a version of their date",
    "quarantine.rows": "refused rows of a landed version",
    "lake.partition": "accepted rows of a landed version",
    "lake.manifest": "sidecar that makes the rows count",
    "gates.verdict": "verdict on a feed, on the feeds between each other, or on the arrival",
    "gates.digest": "digests of what a verdict is about",
    "gates.frozen": "item-locations that a date freezes",
    "work.attempt": "pointer to the attempt that counts",
    "work.store": "fresh DuckDB store of an attempt",
    "work.tables": "tables of forecast and plan in the store",
    "work.facts": "marts of facts, built by dbt",
    "work.decisions": "marts of decisions, built by dbt",
    "work.document": "JSON of a step",
    "work.frame": "Parquet of a step",
    "work.done": "mark that a step is done",
    "solver.run": "nothing on disk: the search for a plan, in a process of its own",
    "ledger.commit": "one transaction of the ledger",
    "publication.duckdb": "marts of a publication as DuckDB file",
    "publication.parquet": "one mart of a publication as Parquet",
    "publication.files": "plan and explanations of a publication",
    "publication.manifest": "manifest of a publication",
    "publication.folder": "rename that makes a publication appear",
    "publication.current": "link that readers follow",
    "forecasts.kept": "what a published run forecast, to be judged later",
    "outbox.order": "transfer order for a warehouse",
    "health.rows": "quarantined rows of a date as CSV",
    "health.page": "data health of a date as a page",
    "health.document": "data health of a date as JSON",
    "run_log.entry": "wall times of a run",
    "dagster.config": "configuration of the home's Dagster instance",
    "dagster.project": "dbt project as parsed once",
    "demo.marker": "mark that a home is a demo",
    "backup.file": "one file of a backup, or of a home that is restored",
    "backup.folder": "rename that makes a backup appear",
    "restore.home": "rename that puts a restored home in its place",
    "rebuild.policy": "policy of a past run that is made again, and the prices that it started from",
    "rebuild.folder": "rename that makes a rebuilt run appear",
    "export.file": "file that a person named",
}

FAULT_VARIABLE, TESTING_VARIABLE = "EVENSTOCK_FAULT", "EVENSTOCK_TESTING"
BEFORE, HALFWAY, AFTER = "before", "halfway", "after"
# Mode to the stage where it strikes. Halfway: written under a temporary name, or inside the transaction; nobody sees it yet.
MODES = {
    "kill_before": BEFORE,
    "kill_halfway": HALFWAY,
    "kill_after": AFTER,
    "disk_full": BEFORE,
    "read_only": BEFORE,
    "short_write": HALFWAY,
    "hang": BEFORE,
}
_ERRNO = {"disk_full": errno.ENOSPC, "read_only": errno.EROFS, "short_write": errno.ENOSPC}


@dataclass(frozen=True)
class Fault:
    """What is to happen at the `nth` crossing of a boundary: the process is killed, or the disk is full or read-only."""

    boundary: str
    mode: str
    nth: int = 1

    def __post_init__(self) -> None:
        """Refuse names that nobody crosses."""
        if self.boundary not in BOUNDARIES or self.mode not in MODES or self.nth < 1:
            raise UsageError(f"no such fault: {self}; boundaries: {', '.join(BOUNDARIES)}; modes: {', '.join(MODES)}")

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """A fault from `boundary:mode` or `boundary:mode:nth`.

        >>> Fault.parse("lake.partition:kill_before:3")
        Fault(boundary='lake.partition', mode='kill_before', nth=3)
        """
        boundary, mode, nth = f"{text}::".split(":")[:3]
        return cls(boundary, mode, int(nth) if nth.isdecimal() else int(not nth))


_armed: Fault | None = None
_witness: Callable[[str], object] | None = None
_crossed: Counter[str] = Counter()


def arm(fault: Fault | None, witness: Callable[[str], object] | None = None) -> None:
    """Arm a fault in this process, or none; `witness` is told every boundary that is crossed. For tests."""
    global _armed, _witness
    _armed, _witness = fault, witness
    _crossed.clear()


def arm_from_environment(environ: Mapping[str, str]) -> None:
    """Arm the fault of `EVENSTOCK_FAULT`. Raises `UsageError` unless `EVENSTOCK_TESTING` is 1: faults are for tests."""
    text = environ.get(FAULT_VARIABLE, "")
    if text and environ.get(TESTING_VARIABLE) != "1":
        raise UsageError(f"{FAULT_VARIABLE} makes the process fail on purpose and is for tests alone; unset it")
    if text:
        arm(Fault.parse(text))


def armed_environment() -> dict[str, str]:
    """Variables by which a child of this process arms the same fault."""
    return {FAULT_VARIABLE: f"{_armed.boundary}:{_armed.mode}:{_armed.nth}", TESTING_VARIABLE: "1"} if _armed else {}


@contextmanager
def crossing(boundary: str, path: Path) -> Generator[Callable[..., None]]:
    """Cross a named boundary while the block writes `path`.

    The block calls what it is given between writing under a temporary name and making it seen, with the temporary file if there is
    one. Raises `MachineFailed` naming file and remedy in place of what the operating system says of a full or read-only disk.
    """
    if boundary not in BOUNDARIES:
        raise ValueError(f"{boundary} is not a named boundary")
    fault = _due(boundary) if _armed or _witness else None
    with machine_explained(path, OSError, MemoryError):
        _strike(fault, BEFORE, path, None)
        yield lambda partial=None: _strike(fault, HALFWAY, path, partial)
    _strike(fault, AFTER, path, None)


def _due(boundary: str) -> Fault | None:
    """The armed fault if this is its crossing."""
    _crossed[boundary] += 1
    if _witness:
        _witness(boundary)
    return _armed if _armed and _armed.boundary == boundary and _armed.nth == _crossed[boundary] else None


def _strike(fault: Fault | None, stage: str, path: Path, partial: Path | None) -> None:
    if fault is None or MODES[fault.mode] != stage:
        return
    if fault.mode.startswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if fault.mode == "hang":
        # Called with the interpreter's lock held: neither threads nor signal handlers get a turn, as in a native loop.
        ctypes.PyDLL(None).pause()
    if partial is not None and partial.is_file():
        os.truncate(partial, partial.stat().st_size // 2)
    code = _ERRNO[fault.mode]
    raise OSError(code, os.strerror(code), str(path))
