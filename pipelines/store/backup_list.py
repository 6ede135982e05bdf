"""The list of a backup, `backup.json`: which files it holds with their sha256, and who can read it. Copying them is done beside."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.domain.errors import InputRefused
from pipelines.store.ledger_migration import refuse_newer

FORMAT, VERSION = "evenstock-backup", 1
LIST = "backup.json"
STATE = "home"
PREFIX = "evenstock-"


@dataclass(frozen=True)
class BackupList:
    """What a backup holds. `files` maps a path below the home to bytes and sha256, `lake` the lake files that landed files were read into.

    `ledger_revision` is empty where the ledger is on a server and not part of the backup; `current` is the run that readers saw.
    """

    made_at: str
    evenstock: str
    ledger_revision: str
    current: str
    files: dict[str, dict[str, Any]]
    lake: dict[str, str]
    left_out: tuple[str, ...] = ()
    format: str = field(default=f"{FORMAT}/{VERSION}")

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(entry["bytes"] for entry in self.files.values())

    def to_text(self) -> str:
        """The file's text."""
        return json.dumps(asdict(self), sort_keys=True, indent=1) + "\n"


def find_backup(path: Path) -> Path:
    """The folder of one backup: the one named, or the newest in a folder of backups. Raises `InputRefused` where there is none."""
    if (path / LIST).is_file():
        return path
    found = sorted(folder for folder in path.glob(f"{PREFIX}*") if (folder / LIST).is_file())
    if not found:
        raise InputRefused(f"{path}: no backup (no {LIST}) in it; name a folder that evenstock backup made")
    return found[-1]


def read_list(folder: Path) -> BackupList:
    """The list of a backup. Raises `InputRefused` for one that cannot be read, or that only a newer Evenstock can."""
    file = folder / LIST
    try:
        body = json.loads(file.read_bytes())
        version = re.fullmatch(rf"{FORMAT}/([0-9]+)", body["format"])
        if version is None:
            raise ValueError(body["format"])
        if int(version[1]) > VERSION:
            made_by = f"Evenstock {body.get('evenstock')}"
            raise InputRefused(f"{file}: a backup of format {body['format']}, made by {made_by}: install that version or a newer one")
        body["left_out"] = tuple(body["left_out"])
        found = BackupList(**body)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputRefused(f"{file}: not the list of a backup ({type(error).__name__}); take another backup") from error
    refuse_newer(found.ledger_revision or None, f"the ledger of {folder.name}")
    return found


def check_names(folder: Path, listed: Mapping[str, Any]) -> None:
    """Raise `InputRefused` for files that are missing, or that lie in the backup and are not of it: a stale log would be replayed."""
    below = folder / STATE
    found = {str(path.relative_to(below)) for path in below.rglob("*") if not path.is_dir() or path.is_symlink()}
    for what, names, remedy in (
        ("lacks", set(listed) - found, "it was not copied whole; take another backup"),
        ("holds files that are not of it:", found - set(listed), "remove them, they are no part of what was backed up"),
    ):
        if names:
            first = ", ".join(sorted(names)[:3])
            raise InputRefused(f"{folder}: {what} {first}{f' and {len(names) - 3} more' if len(names) > 3 else ''}; {remedy}")
    outside = [name for name in listed if Path(name).is_absolute() or ".." in Path(name).parts]
    if outside:
        raise InputRefused(f"{folder / LIST}: {sorted(outside)[0]!r} leads out of the home; this is no list of ours")
