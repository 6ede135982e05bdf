"""When a night that failed is started once more for the same drop: not for what a gate said, and not for ever. Starting is the shells'."""

import datetime as dt
import json
from dataclasses import dataclass

from pipelines.store.home import Home

MAX_ATTEMPTS = 3
# Seconds after the first attempt was started, and after the second: a lease or a full disk may have been freed by then.
PAUSES = (300.0, 1800.0)


@dataclass(frozen=True)
class Retry:
    """What to do about a night that failed: start attempt number `attempt` now (0: not), and why, or why not."""

    attempt: int
    says: str


def judge_retry(home: Home, day: dt.date, started: list[float], now: float) -> Retry | None:
    """Whether the night of a date, all of whose attempts for one content failed, is started again; None where it is not its time yet.

    `started` are the moments at which they began, `now` is one, in seconds since 1970. Three attempts at most, 5 and 30 minutes after the
    ones before. A verdict that blocks is no reason to try again: the same files would be judged the same.
    """
    blocked = _blocked_by(home, day)
    if blocked:
        return Retry(0, f"{day}: the night failed on {blocked}; it starts again when the drop is corrected")
    if len(started) >= MAX_ATTEMPTS:
        return Retry(0, f"{day}: the night failed {len(started)} times and is not started again; run evenstock run --as-of {day}")
    if now < max(started) + PAUSES[len(started) - 1]:
        return None
    attempt = len(started) + 1
    return Retry(attempt, f"{day}: the night failed; attempt {attempt} of {MAX_ATTEMPTS} starts for the same drop")


def _blocked_by(home: Home, day: dt.date) -> str:
    """The verdicts of a date that block, by name; empty where none does."""
    folder = home.gates / day.isoformat()
    verdicts = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    names = [name for name, body in verdicts.items() if isinstance(body, dict) and body.get("passed") is False]
    return ", ".join(f"the verdict on {name}" for name in names)
