"""When a file has stopped changing, told from looks at it. Who looks and when is the callers' business: nothing sleeps or reads a clock."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settling:
    """A file has settled once `observations` looks in a row saw the same size and time, and it did so for `seconds`."""

    observations: int = 2
    seconds: float = 60.0


@dataclass(frozen=True)
class Sighting:
    """A file as it was last seen: `times` looks in a row, the first at `since` (seconds since 1970)."""

    size: int
    mtime_ns: int
    times: int
    since: float

    def is_settled(self, rule: Settling, now: float) -> bool:
        """Whether the file has stopped changing by `now`; a time of writing in the future counts by its distance as well.

        >>> Sighting(10, 0, 2, 100.0).is_settled(Settling(2, 60.0), 130.0), Sighting(10, 0, 1, 100.0).is_settled(Settling(2), 400.0)
        (True, False)
        """
        quiet = max(now - self.since, abs(now - self.mtime_ns / 1e9))
        return self.times >= rule.observations and quiet >= rule.seconds


def see_files(folder: Path, earlier: Mapping[str, Sighting], now: float) -> dict[str, Sighting]:
    """Look at every file of a folder once more; a file that changed since the `earlier` look starts anew."""
    seen = {}
    for path in sorted(folder.iterdir()):
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISREG(found.st_mode):
            before = earlier.get(path.name)
            same = before is not None and (before.size, before.mtime_ns) == (found.st_size, found.st_mtime_ns)
            times, since = (before.times + 1, before.since) if same and before else (1, now)
            seen[path.name] = Sighting(found.st_size, found.st_mtime_ns, times, since)
    return seen
