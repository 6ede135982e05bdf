"""Bringing a backup back: checked file by file, laid out beside, the lake read anew, and only then put in the home's place."""

import datetime as dt
import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.flows.rebuild import restore_lake
from pipelines.machine.boundaries import crossing
from pipelines.machine.temporary import sweep_beside, temporary_folder_beside
from pipelines.machine.writing import exchange, sync
from pipelines.store.backup_list import STATE, BackupList, check_names, find_backup, read_list
from pipelines.store.home import Home

Tell = Callable[[str, float], None]
# Left by a command that failed before there was a home; nobody's work.
TRACES = {"lease.lock", "logs"}


@dataclass(frozen=True)
class RestoredHome:
    """A home that was brought back. `aside` is where the one before lies, `remarks` what its owner should know."""

    backup: Path
    contents: BackupList
    aside: Path | None
    remarks: tuple[str, ...]


def restore_backup(home: Home, backup: Path, now: str, *, force: bool = False, tell: Tell) -> RestoredHome:
    """Put the home as a backup holds it in its place. Without `force` the home must be empty; with it, the one before is kept aside.

    Nothing is written into a folder that was there before, so no left-over write-ahead log can be replayed into a restored database.
    Raises `InputRefused` for a backup that is damaged or of a newer release, `UsageError` for a home that holds something, `Busy` while
    somebody writes in it.
    """
    from pipelines.store.lease import hold_lease

    folder = find_backup(backup)
    contents = read_list(folder)
    check_names(folder, contents.files)
    _refuse_held(home, force)
    sweep_beside(home.root)
    with temporary_folder_beside(home.root) as draft:
        staging = Home(draft / "home")
        _unpack(folder, contents, staging, tell)
        remarks = [*_check_ledger(staging, contents), *_make_lake(staging, contents, tell)]
        tell("putting it in place", 0.98)
        os.sync()
        with hold_lease(home.root, "evenstock restore", now), crossing("restore.home", home.root) as halfway:
            _refuse_held(home, force)
            aside = _swap(staging.root, home.root, now, halfway)
    return RestoredHome(folder, contents, aside, tuple(remarks))


def _refuse_held(home: Home, force: bool) -> None:
    """Raise `UsageError` for a home that holds something, unless it may be put aside."""
    held = sorted({path.name for path in home.root.glob("*")} - TRACES)
    if held and not force:
        raise UsageError(
            f"{home.root} holds {held[0]}: give --force, which keeps all of it aside, or set EVENSTOCK_HOME to a folder that is empty"
        )


def _unpack(folder: Path, contents: BackupList, staging: Home, tell: Tell) -> None:
    """Copy every file and hold its sha256 against the list; the link to the current publication comes last."""
    from pipelines.store.backup import copy_file

    for position, (name, entry) in enumerate(sorted(contents.files.items())):
        if position % 50 == 0:
            tell("copying and checking files", 0.6 * position / len(contents.files))
        if copy_file(folder / STATE / name, staging.root / name) != entry:
            raise InputRefused(f"{folder / STATE / name}: not the file that was backed up (its sha256 differs); take another backup")
    staging.root.mkdir(parents=True, exist_ok=True)
    if contents.current and (staging.published / contents.current).is_dir():
        (staging.published / "current").symlink_to(contents.current)


def _check_ledger(staging: Home, contents: BackupList) -> list[str]:
    """Open the ledger, which brings an older one to the newest tables, and recompute its chain; what is wrong is told, not hidden."""
    from pipelines.store.ledger import open_ledger

    if not contents.ledger_revision:
        return [f"the ledger was on a server and is not in this backup: restore its own dump of {contents.made_at} or before"]
    check = open_ledger(staging.root).verify_chain()
    return [] if check.ok else [f"the chain of decisions was broken when the backup was made: {check.problems[0]}"]


def _make_lake(staging: Home, contents: BackupList, tell: Tell) -> list[str]:
    """Read what had been read of the landed files, and hold the lake against the list."""
    from pipelines.store.backup import list_lake

    unjudged = restore_lake(staging, lambda said, share: tell(said, 0.6 + 0.6 * share))
    found = list_lake(staging)
    differing = sorted(name for name, digest in contents.lake.items() if found.get(name, digest) != digest)
    if not (unjudged or differing):
        return []
    days = sorted({day.isoformat() for day in unjudged} | {Path(name).name[:10] for name in differing})
    return [f"{len(days)} dates have to be judged again, the first {days[0]}: run evenstock rebuild --all"]


def _swap(staging: Path, home: Path, now: str, halfway: Callable[[], None]) -> Path | None:
    """Let the new home and the old one trade places. The old one is kept under a name that says when; None if there was nothing to keep.

    The path of the home is never empty: whoever starts meanwhile would make a home of their own there.
    """
    stamp = dt.datetime.fromisoformat(now).strftime("%Y%m%dT%H%M%S")
    aside = home.with_name(f"{home.name}.before-restore-{stamp}")
    staging.rename(aside)
    try:
        halfway()
        exchange(aside, home)
    except OSError as error:
        aside.rename(staging)
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        raise UsageError(
            f"{home}: cannot be put aside ({error.strerror}); set EVENSTOCK_HOME to a folder below it and restore there"
        ) from None
    sync(home.parent)
    if {path.name for path in aside.iterdir()} <= TRACES:
        shutil.rmtree(aside)
        return None
    return aside
