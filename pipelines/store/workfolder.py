"""The disposable folder of one business date: one sub-folder per attempt, and a pointer to the one that counts.

An attempt that was killed is never continued: its files, and any child process still writing them, are left behind. What the files
mean is the flows' business.
"""

import datetime as dt
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.domain.errors import UsageError
from pipelines.machine.writing import write_bytes, write_file
from pipelines.store.home import Home

POINTER = "current.json"
ENDED = "ended.done"


@dataclass(frozen=True)
class WorkFolder:
    """`<path>/<attempt>/` holds one attempt; `<path>/current.json` names the attempt and its run id."""

    path: Path

    def begin(self, attempt: str, run_id: str, as_of: dt.date) -> Path:
        """Start afresh in a folder of the attempt's own, drop every other attempt, and return the path of the new store."""
        self.path.mkdir(parents=True, exist_ok=True)
        for old in sorted(self.path.iterdir()):
            if old.is_dir():
                shutil.rmtree(old, ignore_errors=True)
        folder = self.path / attempt
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes("work.attempt", self.path / POINTER, _to_json({"attempt": attempt, "run_id": run_id, "as_of": as_of.isoformat()}))
        return folder / "store.duckdb"

    @property
    def run_id(self) -> str:
        """Run id of the attempt that counts."""
        return self._pointer()["run_id"]

    @property
    def folder(self) -> Path:
        """Folder of the attempt that counts."""
        return self.path / self._pointer()["attempt"]

    @property
    def store(self) -> Path:
        """DuckDB file of the attempt that counts."""
        return self.folder / "store.duckdb"

    def write_json(self, name: str, value: Any) -> Path:
        """Write `<name>.json` in one stroke, keys sorted."""
        return write_bytes("work.document", self.folder / f"{name}.json", _to_json(value))

    def read_json(self, name: str) -> Any:
        """Read what `write_json` wrote; raises `UsageError` if that step has not run in this attempt."""
        return json.loads(self._written(f"{name}.json").read_text(encoding="utf-8"))

    def write_frame(self, name: str, frame: pd.DataFrame) -> Path:
        """Write `<name>.parquet` in one stroke."""
        return write_file("work.frame", self.folder / f"{name}.parquet", lambda path: frame.to_parquet(path, index=False))

    def read_frame(self, name: str) -> pd.DataFrame:
        """Read what `write_frame` wrote; raises `UsageError` if that step has not run in this attempt."""
        return pd.read_parquet(self._written(f"{name}.parquet"))

    def finish(self, step: str) -> None:
        """Mark a step of this attempt as done."""
        write_bytes("work.done", self.folder / f"{step}.done", b"")

    def require(self, step: str) -> None:
        """Raise `UsageError` unless the step was finished in this attempt."""
        self._written(f"{step}.done")

    def _written(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise UsageError(
                f"{path.stem}: not done yet in the current attempt of {self.path.name}; run the whole night for that date again"
            )
        return path

    def _pointer(self) -> dict[str, str]:
        pointer = self.path / POINTER
        if not pointer.is_file():
            raise UsageError(f"nothing has been built for {self.path.name} yet; run the night for that date first")
        return json.loads(pointer.read_text(encoding="utf-8"))


def end_attempt(home: Home, attempt: str) -> None:
    """Mark that an attempt ended by itself, well or not: its folder is left for people to look at."""
    for folder in (home.root / "work").glob(f"*/{attempt}") if attempt else []:
        write_bytes("work.done", folder / ENDED, b"")


def drop_dead_attempts(home: Home) -> list[Path]:
    """Remove the folders of attempts that were killed; called by whoever holds the lease, so that none of them is alive."""
    dead = [folder for folder in sorted((home.root / "work").glob("*/*")) if folder.is_dir() and not (folder / ENDED).exists()]
    for folder in dead:
        shutil.rmtree(folder, ignore_errors=True)
    return dead


def _to_json(value: Any) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()
