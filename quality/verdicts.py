"""What gates say: checks, what fails where, and verdicts with their JSON. Nothing is judged here but the severity that people set."""

import datetime
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from pipelines.domain.errors import InputRefused
from pipelines.domain.policy import GatePolicy
from pipelines.domain.verdict import VERDICT_FORMAT, verdict_text

MAX_EXAMPLES = 5
# A blocked verdict names up to so many: nothing is planned on it. One that lets the rest be planned names all that must be frozen.
MAX_FAILING = 20_000
# A check that names rows one by one names up to so many.
MAX_NAMED = 200
# So few are never too many, whatever share they are.
FEW = 2
Severity = Literal["block", "warn"]


@dataclass(frozen=True)
class GateCheck:
    """One check: what was seen, what was expected, and up to five examples of what is wrong."""

    name: str
    passed: bool
    severity: Severity
    observed: str
    expected: str
    examples: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The name by which policy calls the check.

        >>> GateCheck("references_known:item_id", True, "warn", "", "").rule
        'references_known'
        >>> GateCheck("expect_column_values_to_be_unique:item_id", True, "block", "", "").rule
        'suite'
        """
        kind = self.name.split(":")[0]
        return "suite" if kind.startswith("expect_") else kind


@dataclass(frozen=True, order=True)
class Failing:
    """One item-location that a check found wrong, why, and the row to fix; an empty id stands for all of them.

    `units` is observed less expected where the check knows both, else 0. `line` 0 means that the file lacks the row.
    """

    location_id: str
    item_id: str
    check: str
    reason: str
    feed: str = ""
    line: int = 0
    units: int = 0


@dataclass(frozen=True)
class GateVerdict:
    """All checks of one feed and business date. `passed` is true unless a blocking check failed.

    `failing` lists the item-locations that can be named, all of them if it passed; `fingerprint` tells the rows apart from another day's,
    dates aside, and `changed_rows` counts those that differ from the partition before (-1: not compared).
    """

    feed: str
    business_date: datetime.date
    passed: bool
    checks: tuple[GateCheck, ...]
    rows: int
    rows_quarantined: int
    failing: tuple[Failing, ...] = ()
    fingerprint: str = ""
    changed_rows: int = -1

    @property
    def failures(self) -> tuple[GateCheck, ...]:
        """Failed checks, blocking ones first."""
        failed = [check for check in self.checks if not check.passed]
        return tuple(sorted(failed, key=lambda check: check.severity != "block"))

    def to_json(self) -> str:
        """Canonical JSON: the same verdict gives the same bytes."""
        body: dict[str, Any] = asdict(replace(self, failing=()))
        body["failing"] = [vars(entry) for entry in self.failing]  # may be many, and `asdict` takes its time for each
        return verdict_text(**body)

    @classmethod
    def from_json(cls, text: str) -> "GateVerdict":
        """Read what `to_json` wrote, also before there were optional keys. Raises `InputRefused` for anything else."""
        try:
            return cls.from_body(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputRefused(f"not a gate verdict of format {VERDICT_FORMAT}: {error}; run the gate again") from error

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> "GateVerdict":
        """Read the object that `to_json` wrote. Raises `InputRefused` for anything else."""
        try:
            body = dict(body)
            if body.pop("format") != VERDICT_FORMAT:
                raise KeyError("format")
            checks = tuple(GateCheck(**(check | {"examples": tuple(check["examples"])})) for check in body.pop("checks"))
            failing = tuple(Failing(**entry) for entry in body.pop("failing", ()))
            day = datetime.date.fromisoformat(body.pop("business_date"))
            known = {field.name for field in fields(cls)}
            return cls(business_date=day, checks=checks, failing=failing, **{k: v for k, v in body.items() if k in known})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputRefused(f"not a gate verdict of format {VERDICT_FORMAT}: {error}; run the gate again") from error


def verdict(
    feed: str,
    business_date: datetime.date,
    checks: Sequence[GateCheck],
    rows: int,
    rows_quarantined: int,
    policy: GatePolicy | None = None,
    **more: Any,
) -> GateVerdict:
    """A verdict from its checks under the severities that people set: it passes unless a blocking one failed.

    Whatever fails is in `failing` as long as it passes, so that no item-location is planned on because there are too many to list.
    """
    judged = tuple(apply_severity(checks, policy or GatePolicy()))
    passed = all(check.passed or check.severity == "warn" for check in judged)
    kept = {check.name for check in judged} | {check.rule for check in judged}
    failing = tuple(sorted(entry for entry in more.pop("failing", ()) if entry.check in kept))[: None if passed else MAX_FAILING]
    return GateVerdict(feed, business_date, passed, judged, rows, rows_quarantined, failing, **more)


def apply_severity(checks: Sequence[GateCheck], policy: GatePolicy) -> list[GateCheck]:
    """Checks as policy wants them: `block` and `warn` replace a check's own severity, `off` leaves it out."""
    judged = []
    for check in checks:
        wanted = policy.severity_of(check.rule)
        if wanted != "off":
            judged.append(replace(check, severity=wanted) if wanted in ("block", "warn") else check)
    return judged


def examples(values: Any) -> tuple[str, ...]:
    """Up to five of the values in order, as text."""
    return tuple(sorted(str(value) for value in values)[:MAX_EXAMPLES])


def is_too_many(count: int, of: int, share: float) -> bool:
    """Whether a check should block: more than a share of all failed, and more than two.

    >>> is_too_many(2, 3, 0.05), is_too_many(3, 40, 0.05), is_too_many(3, 60, 0.05)
    (False, True, False)
    """
    return count > max(FEW, share * of)


def freezes_too_much(count: int, of: int, share: float) -> bool:
    """Whether so many of `of` item-locations or rows cannot be planned around: too many of them, or more than half.

    >>> freezes_too_much(2, 4, 0.05), freezes_too_much(2, 3, 0.05)
    (False, True)
    """
    return is_too_many(count, of, share) or 2 * count > of
