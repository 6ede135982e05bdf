"""The one sentence of the page: can planners trust today's plan? States in order of weight, each in words that a planner uses."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

MONEY_FLOOR_USD = 0.5
MAX_REASONS = 20
CORRECT = "Correct what is named here, land it and run the night again."


@dataclass(frozen=True)
class Standing:
    """What the sentence is made of. `stopped` says what stopped the day's data or plan, `corrected` which extracts changed since."""

    as_of: dt.date
    plan_as_of: dt.date | None
    stopped: tuple[str, ...] = ()
    blocking_checks: int = 0
    corrected: tuple[str, ...] = ()
    warnings: int = 0
    frozen_pairs: int = 0
    frozen_usd: float = 0.0
    max_plan_age_days: int = 7

    @property
    def age_days(self) -> int:
        """Days from the plan's date to the page's date, never below zero."""
        return max(0, (self.as_of - self.plan_as_of).days) if self.plan_as_of else 0

    @property
    def state(self) -> str:
        """One of none, superseded, blocked, outdated, stale, fresh: the first that holds."""
        if self.plan_as_of is None:
            return "none"
        if self.plan_as_of > self.as_of:
            return "superseded"
        if self.stopped:
            return "blocked"
        if self.corrected:
            return "outdated"
        return "stale" if self.plan_as_of < self.as_of else "fresh"


def make_headline(standing: Standing) -> dict[str, Any]:
    """State, short answer, one sentence, reasons and the next step.

    >>> day = dt.date(2026, 1, 31)
    >>> make_headline(Standing(day, day))["answer"]
    'Yes'
    >>> make_headline(Standing(day, dt.date(2026, 1, 30)))["answer"]
    'With care: the plan is 1 day old'
    """
    state = standing.state
    answer, says, advice = {
        "none": _none, "superseded": _superseded, "blocked": _blocked, "outdated": _outdated, "stale": _stale, "fresh": _fresh,
    }[state](standing)  # fmt: skip
    why = standing.corrected if state == "outdated" else standing.stopped
    told = {"why": list(why[:MAX_REASONS]), "why_total": len(why), "next": advice}
    return {"state": state, "answer": answer, "says": says, **told}


def day_text(day: dt.date) -> str:
    """A date as people say it.

    >>> day_text(dt.date(2026, 1, 31))
    'Saturday 31 January 2026'
    """
    return f"{day:%A} {day.day} {day:%B %Y}"


def count_text(count: int, noun: str) -> str:
    """A count with its noun.

    >>> count_text(1, "day"), count_text(1200, "row")
    ('1 day', '1,200 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def usd_text(usd: float) -> str:
    """Money in whole dollars from 100 on, with cents below.

    >>> usd_text(1234.5), usd_text(3.5), usd_text(0)
    ('$1,234', '$3.50', '$0')
    """
    return f"${usd:,.0f}" if abs(usd) >= 100 or not usd else f"${usd:,.2f}"


def _plan(standing: Standing) -> str:
    return day_text(standing.plan_as_of or standing.as_of)


def _none(standing: Standing) -> tuple[str, str, str]:
    if standing.stopped:
        return "There is no plan yet", f"{_stopped(standing)}, and nothing was published before.", CORRECT
    said = f"Nothing is published. What has arrived up to {day_text(standing.as_of)} can be looked at below."
    return "There is no plan yet", said, f"Run the night: evenstock run --as-of {standing.as_of}"


def _superseded(standing: Standing) -> tuple[str, str, str]:
    said = f"This page is about {day_text(standing.as_of)}; the plan of {_plan(standing)} is in force."
    return "A newer plan is in force", said, f"Look at the newer page: evenstock health --as-of {standing.plan_as_of}"


def _blocked(standing: Standing) -> tuple[str, str, str]:
    if standing.age_days == 0:
        return "Only the plan made before", f"{_stopped(standing)}; the plan made before that stays in force.", CORRECT
    said = f"{_stopped(standing)}, so the plan of {_plan(standing)} stays in force; it is {_age(standing)}."
    return "There is none: the last plan stays in force", said, CORRECT


def _stopped(standing: Standing) -> str:
    if not standing.blocking_checks:
        return f"The run of {day_text(standing.as_of)} was stopped"
    return f"{count_text(standing.blocking_checks, 'check')} stopped the data of {day_text(standing.as_of)}"


def _outdated(standing: Standing) -> tuple[str, str, str]:
    extracts = count_text(len(standing.corrected), "extract")
    said = f"{extracts} {'has' if len(standing.corrected) == 1 else 'have'} changed since the plan of {_plan(standing)} was made."
    return "No: its data was corrected since", said, f"Run the night again: evenstock run --as-of {standing.plan_as_of}"


def _stale(standing: Standing) -> tuple[str, str, str]:
    passed = f"Data up to {day_text(standing.as_of)} has passed its checks"
    said = f"{passed}, but the newest plan is of {_plan(standing)}: it is {_age(standing)}."
    old = count_text(standing.age_days, "day")
    return f"With care: the plan is {old} old", said, f"Make a plan: evenstock run --as-of {standing.as_of}"


def _fresh(standing: Standing) -> tuple[str, str, str]:
    said = f"The plan of {_plan(standing)} stands on that day's data, and every check that can stop a plan passed."
    advice = "Nothing needs to be done."
    if standing.warnings:
        advice = f"Nothing has to be done before planning; {count_text(standing.warnings, 'check')} warned and can be looked at below."
    if not standing.frozen_pairs:
        return "Yes", said, advice
    worth = f"; {usd_text(standing.frozen_usd)} is at stake" if standing.frozen_usd >= MONEY_FLOOR_USD else ""
    frozen = count_text(standing.frozen_pairs, "item-location")
    said = f"{said} {frozen} could not be trusted and stayed out of it{worth}."
    return f"Yes, except for {frozen}", said, "Fix the rows listed first below."


def _age(standing: Standing) -> str:
    old = f"{count_text(standing.age_days, 'day')} old"
    if standing.age_days > standing.max_plan_age_days:
        return f"{old}, more than the {standing.max_plan_age_days} at which lines can still be approved"
    return old
