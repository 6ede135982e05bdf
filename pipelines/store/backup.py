"""Backups: the truth of a home (landed files, ledger, forecasts) and what readers see, copied as of one moment, with every sha256.

What can be made again is left out: lake, quarantine, work folders. Bringing a backup back is `flows.restoring`'s business.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.domain.errors import Busy, InputRefused, UsageError
from pipelines.machine.boundaries import crossing
from pipelines.machine.reading import file_sha256
from pipelines.machine.temporary import sweep_beside, temporary_folder_beside
from pipelines.machine.writing import sync
from pipelines.store.backup_list import LIST, PREFIX, STATE, BackupList, find_backup, read_list
from pipelines.store.home import LEDGER_FILE, Home
from pipelines.store.lease import hold_lease
from pipelines.store.ledger_snapshot import copy_ledger
from pipelines.store.ledger_tables import HEAD_REVISION
from pipelines.store.publication import MANIFEST, verify

Tell = Callable[[str, float], None]
# Small, and written again and again: copied while nobody writes.
CHANGING = ("layouts", "gates", "outbox", "health")
SINGLE = ("policy.yaml", "demo.json")
CHUNK_BYTES = 1024**2
_POLL_S = 0.1


@dataclass(frozen=True)
class Backup:
    """A backup that was made: its folder, its list, and how many of its files an earlier backup already had."""

    path: Path
    contents: BackupList
    reused: int


@contextmanager
def hold_retention(home: Home, what: str, now: str) -> Generator[None]:
    """Keep files from being pruned while the block reads them; raises `Busy` while another backup or a prune runs."""
    with hold_lease(home.retention, what, now):
        yield


def make_backup(home: Home, target: Path, made_at: str, *, ledger_url: str = "", patience_s: float = 30.0, tell: Tell) -> Backup:
    """Write a backup into a new folder of `target`, whole or not at all.

    The writer's lease is held only while the ledger and small files are copied, and waited for up to `patience_s` seconds; landed files
    and publications never change and are copied while people decide and nights run. Files that the newest backup in `target` has are
    linked to it. A damaged landed file or publication is left out and named in `left_out`.
    Raises `UsageError` for a target inside the home or a home that is none, `Busy` naming who holds the lease.
    """
    target = target.resolve()
    if target == home.root or home.root in target.parents:
        raise UsageError(f"{target}: a backup inside the home would be lost with it; name a folder elsewhere")
    if not (home.ledger_file.is_file() or home.landing.is_dir() or home.published.is_dir()):
        raise UsageError(f"{home.root}: there is nothing to back up; set EVENSTOCK_HOME to the home that you mean")
    folder = target / f"{PREFIX}{made_at.replace('-', '').replace(':', '').split('+')[0]}"
    if folder.exists():
        raise UsageError(f"{folder}: a backup of this second is there already; try again")
    sweep_beside(target / PREFIX)
    with hold_retention(home, "evenstock backup", made_at), temporary_folder_beside(folder) as draft:
        contents, reused = _fill(home, draft, target, made_at, ledger_url, patience_s, tell)
        with crossing("backup.folder", folder) as halfway:
            (draft / LIST).write_text(contents.to_text(), encoding="utf-8")
            tell("flushing to disk", 0.98)
            os.sync()
            halfway()
            draft.rename(folder)
            sync(target)
    return Backup(folder, contents, reused)


def _fill(home: Home, draft: Path, target: Path, made_at: str, ledger_url: str, patience_s: float, tell: Tell) -> tuple[BackupList, int]:
    state, known = draft / STATE, _Known.newest_of(target)
    state.mkdir(parents=True)
    files: dict[str, dict[str, Any]] = {}
    tell("copying the ledger", 0.0)
    with _patient_lease(home, made_at, patience_s):
        if not ledger_url and home.ledger_file.is_file():
            copy_ledger(home.ledger_file, state / LEDGER_FILE)
        small = [home.root / name for name in SINGLE if (home.root / name).is_file()]
        small += [path for name in CHANGING for path in _files_below(home.root / name)]
        for path in small:
            copy_file(path, state / path.relative_to(home.root))
        link = home.published / "current"
        current = link.resolve().name if link.exists() else ""
        lake = list_lake(home)
        landed, forecasts = list(_files_below(home.landing)), list(_files_below(home.forecasts))
        published = [folder for folder in sorted(home.published.glob("[!.]*")) if folder.is_dir() and not folder.is_symlink()]
    fixed, left_out = _fixed_files(landed, published)
    fixed |= dict.fromkeys(forecasts, "")
    for path in _files_below(state):
        files[str(path.relative_to(state))] = _describe(path)
    for position, (path, wanted) in enumerate(sorted(fixed.items())):
        if position % 50 == 0:
            tell("copying landed files and publications", 0.05 + 0.9 * position / len(fixed))
        name = str(path.relative_to(home.root))
        entry = known.link(name, path, wanted, state / name) or copy_file(path, state / name)
        if wanted and entry["sha256"] != wanted:
            (state / name).unlink()
            left_out.append(f"{name}: its bytes are not those that it had when it was written")
        else:
            files[name] = entry
    revision = "" if ledger_url else HEAD_REVISION
    return BackupList(made_at, version("evenstock"), revision, current, files, lake, tuple(left_out)), known.links


def _fixed_files(landed: list[Path], published: list[Path]) -> tuple[dict[Path, str], list[str]]:
    """Files that never change once they are there, each with the sha256 that it must have, or an empty text; and what is damaged."""
    fixed: dict[Path, str] = {}
    for path in landed:
        stem = path.name.split(".")[0]
        fixed[path] = stem if len(stem) == hashlib.sha256().digest_size * 2 else ""
    left_out = []
    for folder in published:
        wrong = verify(folder)
        if wrong:
            left_out.append(f"published/{folder.name}: damaged ({', '.join(wrong[:3])}); evenstock rebuild --all makes it again")
            continue
        listed = json.loads((folder / MANIFEST).read_bytes())["files"]
        for path in _files_below(folder):
            fixed[path] = listed.get(str(path.relative_to(folder)), {}).get("sha256", "")
    return fixed, left_out


def list_lake(home: Home) -> dict[str, str]:
    """sha256 of every lake file by its path below the lake, as its sidecar says."""
    sidecars = sorted(home.lake.glob("*/*.parquet.json"))
    return {str(path.relative_to(home.lake)).removesuffix(".json"): json.loads(path.read_bytes())["sha256"] for path in sidecars}


@dataclass
class _Known:
    """The newest backup beside: files of the same name and bytes are linked instead of copied. It may be one of another home."""

    folder: Path | None
    files: Mapping[str, Mapping[str, Any]]
    links: int = 0

    @classmethod
    def newest_of(cls, target: Path) -> "_Known":
        try:
            folder = find_backup(target)
            return cls(folder, read_list(folder).files)
        except InputRefused:
            return cls(None, {})

    def link(self, name: str, source: Path, wanted: str, copy: Path) -> dict[str, Any] | None:
        """Link the file if it has the sha256 that is wanted, or the source's own where that is not known; None if it has not."""
        entry = self.files.get(name)
        if self.folder is None or entry is None or entry["bytes"] != source.stat().st_size:
            return None
        if entry["sha256"] != (wanted or file_sha256(source)):
            return None
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(self.folder / STATE / name, copy)
        except OSError:
            return None  # another disk, or a file system without links
        self.links += 1
        return dict(entry)


@contextmanager
def _patient_lease(home: Home, now: str, patience_s: float) -> Generator[None]:
    """The writer's lease, waited for: a person's decision takes a moment."""
    until = time.monotonic() + patience_s
    while True:
        try:
            lease = hold_lease(home.root, "evenstock backup", now)
            lease.__enter__()
            break
        except Busy:
            if time.monotonic() > until:
                raise
            time.sleep(_POLL_S)
    try:
        yield
    finally:
        lease.__exit__(None, None, None)


def _files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder in order, but for what somebody is still writing."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return (path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _describe(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def copy_file(source: Path, target: Path) -> dict[str, Any]:
    """Copy a file; returns its size and the sha256 of what was written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with crossing("backup.file", target) as halfway, source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
            size += len(chunk)
        halfway(target)
    return {"bytes": size, "sha256": digest.hexdigest()}
