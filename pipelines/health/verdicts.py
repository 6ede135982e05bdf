"""What the gates of one business date said, read from their files: verdicts, reconciliation, frozen item-locations. Nothing is judged."""

import datetime as dt
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.domain.verdict import VERDICT_FORMAT
from pipelines.health.advice import remedy_of, title_of
from pipelines.health.window import read_json_object

FROZEN_FORMAT = "evenstock-frozen/1"
FROZEN = "frozen.json"
RECONCILIATION = "reconciliation"
MAX_EXAMPLES = 5
MAX_TEXT = 300
_MEDIAN = re.compile(r"trailing median ([0-9]+(?:\.[0-9]+)?)")


@dataclass(frozen=True)
class Verdict:
    """One verdict file. `state` is passed, warned or blocked; `about` is the digest of the lake file that it judged."""

    name: str
    state: str
    checks: tuple[dict[str, Any], ...]
    about: str

    @property
    def failed(self) -> list[dict[str, Any]]:
        """Failed checks, blocking ones first."""
        return sorted((check for check in self.checks if not check["passed"]), key=lambda check: check["severity"] != "block")

    @property
    def trailing_median(self) -> float | None:
        """The median that the gate compared the row count with; None where it had no history."""
        found = [_MEDIAN.search(check["observed"]) for check in self.checks if check["check"] == "row_count"]
        return float(found[0][1]) if found and found[0] else None


@dataclass
class DayVerdicts:
    """All verdicts of a date: per feed, between feeds, and what is frozen as its file says it."""

    feeds: dict[str, Verdict] = field(default_factory=dict)
    reconciliation: Verdict | None = None
    frozen: dict[str, Any] | None = None


def read_verdicts(gates: Path, as_of: dt.date, problems: list[str]) -> DayVerdicts:
    """Every verdict file of one date. A file of another format or without its keys becomes a line in `problems`."""
    found = DayVerdicts()
    for path in sorted((gates / as_of.isoformat()).glob("*.json")):
        body = read_json_object(path, problems)
        if body is None:
            continue
        expected = FROZEN_FORMAT if path.name == FROZEN else VERDICT_FORMAT
        if body.get("format") != expected:
            problems.append(f"{path.parent.name}/{path.name} is not of format {expected}")
        elif path.name == FROZEN:
            found.frozen = body
        else:
            _add_verdict(found, path, body, problems)
    return found


def _add_verdict(found: DayVerdicts, path: Path, body: dict[str, Any], problems: list[str]) -> None:
    judged = path.with_suffix(".lake_sha256")
    try:
        checks = tuple(_check(path.stem, check) for check in body["checks"])
        about = judged.read_text(encoding="utf-8").strip() if judged.is_file() else ""
        verdict = Verdict(path.stem, _state(bool(body["passed"]), checks), checks, about)
    except (KeyError, TypeError, AttributeError, OSError, ValueError) as error:
        problems.append(f"{path.parent.name}/{path.name} is not a verdict: {type(error).__name__} {error}"[:200])
        return
    if path.stem == RECONCILIATION:
        found.reconciliation = verdict
    else:
        found.feeds[path.stem] = verdict


def _state(passed: bool, checks: tuple[dict[str, Any], ...]) -> str:
    if not passed:
        return "blocked"
    return "passed" if all(check["passed"] for check in checks) else "warned"


def _check(feed: str, check: dict[str, Any]) -> dict[str, Any]:
    """One check as the health document shows it; what the gate itself advises goes before our own words."""
    name = str(check["name"])
    return {
        "feed": feed,
        "check": name,
        "title": title_of(name),
        "passed": bool(check["passed"]),
        "severity": str(check["severity"]),
        "observed": shorten(check["observed"]),
        "expected": shorten(check["expected"]),
        "examples": [shorten(example) for example in check["examples"][:MAX_EXAMPLES]],
        "remedy": shorten(check.get("remedy") or remedy_of(name)),
    }


def shorten(value: object, longest: int = MAX_TEXT) -> str:
    """Text cut to `longest` characters.

    >>> shorten("abcdef", 4)
    'abc…'
    """
    text = str(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"
