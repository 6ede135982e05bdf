"""What has landed: one sidecar per feed, business date and version, beside the bytes it names. How they come here is in `landing`."""

import datetime
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.machine.writing import claim_file

_SIDECAR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.v([0-9]{4,})\.json")


@dataclass(frozen=True)
class LandedCompanion:
    """A file that a layout looks things up in, landed beside its main file under its own sha256; `name` is what the layout calls it."""

    name: str
    sha256: str
    path: Path
    source_name: str


@dataclass(frozen=True)
class LandedFile:
    """One landed version. `control` holds the sender's rows and sums if there was a manifest, `arrived_at` is passed in by the caller.

    `layout` names the layout that reads it ("" is the canonical one), `layout_sha256` its digest, under which a copy is kept.
    `content_sha256` is that of the bytes without their packing; it equals `sha256` for a file that came unpacked.
    """

    feed: str
    business_date: datetime.date
    version: int
    sha256: str
    path: Path
    source_name: str
    source_system: str
    bytes: int
    control: dict[str, Any] | None
    arrived_at: str | None
    layout: str = ""
    layout_sha256: str = ""
    content_sha256: str = ""
    companions: tuple[LandedCompanion, ...] = ()

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes two deliveries the same: contents, layout and companions; neither names nor packing."""
        beside = sorted(f"{companion.name}={companion.sha256}" for companion in self.companions)
        return (self.content_sha256 or self.sha256, self.layout, self.layout_sha256, *beside)


def list_landed(landing_dir: Path, feed: str | None = None, business_date: datetime.date | None = None) -> list[LandedFile]:
    """Everything that has landed, by feed, date and version."""
    folders = [Path(landing_dir) / feed] if feed else sorted(path for path in Path(landing_dir).glob("*") if path.is_dir())
    day = f"{business_date.isoformat()}." if business_date else ""
    found = [_read_sidecar(path) for folder in folders for path in folder.glob(f"{day}*.json") if _SIDECAR.fullmatch(path.name)]
    return sorted(found, key=lambda file: (file.feed, file.business_date, file.version))


def landed_versions(landing_dir: Path, feed: str) -> dict[datetime.date, int]:
    """The version in force of every business date of a feed, told from names alone."""
    newest: dict[datetime.date, int] = {}
    for path in (Path(landing_dir) / feed).glob("*.json"):
        if match := _SIDECAR.fullmatch(path.name):
            day = datetime.date.fromisoformat(match[1])
            newest[day] = max(int(match[2]), newest.get(day, 0))
    return dict(sorted(newest.items()))


def claim_version(landed: LandedFile) -> bool:
    """Write the sidecar of a version unless another writer was first."""
    target = landed.path.parent / f"{landed.business_date.isoformat()}.v{landed.version:04d}.json"
    return claim_file("landing.version", target, (json.dumps(_to_body(landed), sort_keys=True, indent=1) + "\n").encode())


def _to_body(landed: LandedFile) -> dict[str, Any]:
    body = {name: value for name, value in vars(landed).items() if name != "companions"}
    body |= {"business_date": landed.business_date.isoformat(), "path": landed.path.name}
    if landed.companions:
        body["companions"] = [vars(companion) | {"path": companion.path.name} for companion in landed.companions]
    return body


def _read_sidecar(path: Path) -> LandedFile:
    """A sidecar as written by any release: what an older one did not know has its default."""
    body = json.loads(path.read_text(encoding="utf-8"))
    day, beside = datetime.date.fromisoformat(body.pop("business_date")), _read_companions(body.pop("companions", []), path.parent)
    return LandedFile(business_date=day, path=path.parent / body.pop("path"), companions=beside, **body)


def _read_companions(entries: Sequence[dict[str, str]], folder: Path) -> tuple[LandedCompanion, ...]:
    return tuple(LandedCompanion(entry["name"], entry["sha256"], folder / entry["path"], entry["source_name"]) for entry in entries)
