"""Publications: what readers see of a run. A folder per run that never changes, and the symlink `current`, swapped in one step.

Readers open `published/current`; nobody but `publish` writes below `published/`. Building the marts is not done here.
"""

import datetime
import json
import os
import re
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import InputRefused, UsageError
from pipelines.machine.boundaries import crossing
from pipelines.machine.reading import file_sha256
from pipelines.machine.temporary import temporary_folder_beside
from pipelines.machine.writing import point_link, sync, sync_tree
from pipelines.store.grains import MART_GRAINS
from pipelines.store.warehouse import literal, mart_columns, open_store, quoted

if TYPE_CHECKING:
    import duckdb

FORMAT = "evenstock-publication/1"
DATABASE = "evenstock.duckdb"
MANIFEST = "manifest.json"
# What differs between two makings of the same run: who made it, and the bytes of the DuckDB file. Outside every digest.
RUN_LOG = "run_log.json"
_RESERVED = {"format", "run_id", "as_of", "files", "marts"}


@dataclass(frozen=True)
class Publication:
    """One published run; `path` is its real folder, which stays as it is when `current` moves on."""

    run_id: str
    as_of: datetime.date
    path: Path
    manifest: dict[str, Any]

    @property
    def partitions(self) -> dict[str, dict[str, str]]:
        """The lake's partitions that the run read: feed, business date and digest. Empty where an older release published."""
        file = self.path / "inputs.json"
        return json.loads(file.read_bytes()).get("partitions", {}) if file.is_file() else {}

    @contextmanager
    def reading(self) -> Generator[Path]:
        """The folder while a block reads in it; raises `InputRefused` with the remedy if retention takes the publication away meanwhile."""
        try:
            yield self.path
        except FileNotFoundError as error:
            if self.path.is_dir():
                raise
            raise InputRefused(
                f"publication {self.run_id} of {self.as_of} was removed by evenstock prune while it was read; read the current one"
            ) from error


def publish(
    published_dir: Path,
    run_id: str,
    as_of: datetime.date,
    store_path: Path,
    files: Mapping[str, Path | bytes],
    manifest: Mapping[str, Any],
    log: Mapping[str, Any] | None = None,
) -> Publication:
    """Publish the marts of a store and `files` (name -> content or path) as run `run_id`, and make it current.

    The folder is written beside, flushed to disk and renamed; its manifest, written last, holds the sha256 of every file and the
    entries of `manifest`. The same run again is verified and left alone; a damaged or half-written folder is repaired file by
    file. `current` moves to the run unless it already shows a later `as_of`. Parquet files, JSON files and the manifest are the
    same bytes for the same content. The DuckDB file is not, since DuckDB stamps its files: its sha256 stands in `run_log.json`, with
    the entries of `log`, and what it holds is what the Parquet files hold.

    Raises `UsageError` for names that are not plain and `InputRefused` when a file to publish is missing.
    """
    _check_names(run_id, files, manifest)
    published_dir = Path(published_dir).resolve()
    folder = published_dir / run_id
    published_dir.mkdir(parents=True, exist_ok=True)
    if not _is_intact(folder):
        with crossing("publication.folder", folder) as halfway, temporary_folder_beside(folder) as draft:
            _write_draft(draft, run_id, as_of, Path(store_path), files, manifest, log or {})
            halfway()
            _install(draft, folder)
    publication = _read(folder)
    _point_current(published_dir, publication)
    return publication


def current(published_dir: Path) -> Publication | None:
    """The publication that readers see, or None before the first. The link is followed once: all of it is of one run."""
    link = Path(published_dir) / "current"
    try:
        folder = link.resolve(strict=True)
    except FileNotFoundError:
        return None
    return _read(folder)


def read_run(published_dir: Path, run_id: str) -> Publication | None:
    """The publication of one run, current or not; None if it was never published."""
    folder = Path(published_dir) / run_id
    return _read(folder) if (folder / MANIFEST).is_file() else None


def list_publications(published_dir: Path) -> list[Publication]:
    """Every published run, by business date, then run id."""
    folders = {path.parent.resolve() for path in Path(published_dir).glob(f"*/{MANIFEST}") if not path.parent.name.startswith(".")}
    return sorted((_read(folder) for folder in folders), key=lambda found: (found.as_of, found.run_id))


def verify(folder: Path) -> list[str]:
    """What is wrong with a publication: names of missing, changed and unlisted files; empty when it is intact."""
    try:
        listed = {name: entry["sha256"] for name, entry in json.loads((folder / MANIFEST).read_bytes())["files"].items()}
    except (OSError, ValueError, KeyError):
        return [MANIFEST]
    # Older releases listed the DuckDB file in the manifest and had no log.
    unlisted = {MANIFEST}
    if DATABASE not in listed:
        listed[DATABASE] = _logged_sha256(folder)
        unlisted.add(RUN_LOG)
    found = {str(file.relative_to(folder)) for file in _files_below(folder)} - unlisted
    wrong = found ^ set(listed)
    wrong |= {name for name in found & set(listed) if file_sha256(folder / name) != listed[name]}
    return sorted(wrong)


def adopt(published_dir: Path, folder: Path) -> Publication:
    """Bring a publication that was made elsewhere on the same disk to its place, and make it current unless a later one is."""
    publication = _read(folder)
    published_dir = Path(published_dir).resolve()
    published_dir.mkdir(parents=True, exist_ok=True)
    if not _is_intact(published_dir / publication.run_id):
        _install(folder, published_dir / publication.run_id)
    publication = _read(published_dir / publication.run_id)
    _point_current(published_dir, publication)
    return publication


def _logged_sha256(folder: Path) -> str:
    try:
        return json.loads((folder / RUN_LOG).read_bytes())["database"]["sha256"]
    except (OSError, ValueError, KeyError):
        return ""


def _check_names(run_id: str, files: Mapping[str, Path | bytes], manifest: Mapping[str, Any]) -> None:
    for name in [run_id, *files]:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}", name) or name in {"current", MANIFEST, DATABASE, RUN_LOG, "marts"}:
            raise UsageError(f"cannot publish under the name {name!r}: letters, digits, `_`, `-` and `.` only, and none of ours")
    taken = sorted(_RESERVED & set(manifest))
    if taken:
        raise UsageError(f"manifest entries {', '.join(taken)} are written by the publication itself")
    for name, content in files.items():
        if isinstance(content, Path) and not content.is_file():
            raise InputRefused(f"file {name} to publish is missing: {content}")


def _write_draft(
    draft: Path,
    run_id: str,
    as_of: datetime.date,
    store_path: Path,
    files: Mapping[str, Path | bytes],
    manifest: Mapping[str, Any],
    log: Mapping[str, Any],
) -> None:
    (draft / "marts").mkdir(parents=True)
    marts = _export_marts(draft, store_path)
    for name, content in sorted(files.items()):
        _put("publication.files", draft / name, content if isinstance(content, bytes) else content.read_bytes())
    listed = {str(file.relative_to(draft)): {"bytes": file.stat().st_size, "sha256": file_sha256(file)} for file in _files_below(draft)}
    _put("publication.files", draft / RUN_LOG, _canonical_json(dict(log) | {"database": listed.pop(DATABASE)}))
    body = dict(manifest) | {"format": FORMAT, "run_id": run_id, "as_of": as_of.isoformat(), "marts": marts, "files": listed}
    _put("publication.manifest", draft / MANIFEST, _canonical_json(body))
    sync_tree(draft)


def _put(boundary: str, file: Path, content: bytes) -> None:
    """Write a file of a draft, which nobody sees before it is complete."""
    with crossing(boundary, file) as halfway:
        file.write_bytes(content)
        halfway(file)


def _export_marts(draft: Path, store_path: Path) -> dict[str, dict[str, Any]]:
    """Copy every mart into `evenstock.duckdb` and, sorted by its grain, into `marts/`; returns rows and grain by name."""
    target = draft / DATABASE
    marts: dict[str, dict[str, Any]] = {}
    with crossing("publication.duckdb", target) as halfway:
        with open_store(target, folders=[store_path.resolve().parent]) as connection:
            connection.execute(f"ATTACH {literal(str(store_path.resolve()))} AS store (READ_ONLY)")
            for name in sorted(MART_GRAINS):
                if mart_columns(connection, name, database="store"):
                    marts[name] = {"grain": list(MART_GRAINS[name]), "rows": _export_mart(connection, name, draft / "marts")}
            connection.execute("DETACH store")
            connection.execute("CHECKPOINT")
        shutil.rmtree(f"{target}.tmp", ignore_errors=True)
        halfway(target)
    return marts


def _export_mart(connection: "duckdb.DuckDBPyConnection", name: str, folder: Path) -> int:
    """Copy one mart of the attached store into a table and a Parquet file; returns its rows."""
    order, file = ", ".join(quoted(column) for column in MART_GRAINS[name]), folder / f"{name}.parquet"
    connection.execute(f"CREATE TABLE {quoted(name)} AS FROM store.marts.{quoted(name)} ORDER BY {order}")
    with crossing("publication.parquet", file) as halfway:
        target = literal(str(file))
        rows = connection.execute(f"COPY (FROM {quoted(name)} ORDER BY {order}) TO {target} (FORMAT parquet, COMPRESSION zstd)").fetchone()
        halfway(file)
    return rows[0] if rows else 0


def _install(draft: Path, folder: Path) -> None:
    """Bring a complete draft to its place: by one rename, or file by file into a damaged folder, the manifest last."""
    if not folder.exists():
        draft.rename(folder)
        sync(folder.parent)
    else:
        fresh = sorted(_files_below(draft), key=lambda file: (file.name == MANIFEST, str(file)))
        names = [str(file.relative_to(draft)) for file in fresh]
        for extra in {str(file.relative_to(folder)) for file in _files_below(folder)} - set(names):
            (folder / extra).unlink()
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(draft / name, folder / name)  # noqa: PTH105 - the atomic call is the point
        sync_tree(folder)


def _point_current(published_dir: Path, publication: Publication) -> None:
    try:
        showing = current(published_dir)
    except InputRefused:
        showing = None  # what cannot be read cannot hold a later publication back
    if showing is not None and (showing.as_of > publication.as_of or showing.path == publication.path):
        return
    point_link("publication.current", published_dir / "current", publication.path.name)


def _read(folder: Path) -> Publication:
    try:
        body = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise InputRefused(f"publication {folder} has no readable {MANIFEST}; publish the run again") from error
    if (folder / f"{DATABASE}.wal").exists():
        raise InputRefused(
            f"{folder / DATABASE}.wal: a write-ahead log that is no part of the publication, and DuckDB reads it into the database of "
            "whoever opens it; remove it, or run evenstock rebuild --all"
        )
    return Publication(body["run_id"], datetime.date.fromisoformat(body["as_of"]), folder, body)


def _is_intact(folder: Path) -> bool:
    return folder.is_dir() and not verify(folder)


def _files_below(folder: Path) -> Iterator[Path]:
    return iter(sorted(file for file in folder.rglob("*") if file.is_file()))


def _canonical_json(body: Mapping[str, Any]) -> bytes:
    return (json.dumps(body, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
