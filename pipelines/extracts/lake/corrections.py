"""What has changed under a publication: partitions that it read and that were corrected, or that came, since. Nothing is decided here."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.extracts.lake.partitions import LakeFile, current_files
from pipelines.extracts.landing.landed import landed_versions

RECORDED_DIGITS = 16


@dataclass(frozen=True)
class Correction:
    """A partition that is not what the publication read. `is_read` is false for a version that landed and is not in the lake yet."""

    feed: str
    business_date: datetime.date
    version: int
    is_new: bool
    is_read: bool

    def __str__(self) -> str:
        what = "came" if self.is_new else "was corrected"
        return f"{self.feed} of {self.business_date} {what} since (version {self.version}{'' if self.is_read else ', not read yet'})"


def record_partitions(files: Iterable[LakeFile]) -> dict[str, str]:
    """What a publication keeps of the partitions of a feed that it read: the start of each content's digest by business date."""
    return {file.business_date.isoformat(): _content(file) for file in files}


def find_corrections(
    recorded: Mapping[str, Mapping[str, str]], landing_dir: Path, lake_dir: Path, as_of: datetime.date
) -> list[Correction]:
    """Partitions up to `as_of` whose version in force differs from the `recorded` one (feed to `record_partitions`), by feed and date.

    Contents are compared, not versions: the same rows in another order, or old bytes brought back, are no correction once read.
    A date of which the publication read nothing counts once its own night has read it: until then it may be a slip of the pen.
    """
    found, known_days = [], {day for partitions in recorded.values() for day in partitions}
    for feed in sorted(recorded):
        known, read = recorded[feed], {file.business_date: file for file in current_files(lake_dir, feed, as_of)}
        landed = {day: version for day, version in landed_versions(landing_dir, feed).items() if day <= as_of}
        for day in sorted({*read, *landed}):
            file, version, was = read.get(day), landed.get(day, 0), known.get(day.isoformat())
            if file is None and day.isoformat() not in known_days:
                continue
            is_read = file is not None and file.version >= version
            if file is None or not is_read or _content(file) != was:
                found.append(Correction(feed, day, version or (file.version if file else 0), was is None, is_read))
    return found


def _content(file: LakeFile) -> str:
    return (file.content_sha256 or file.sha256)[:RECORDED_DIGITS]
