"""Dates that late data opens again: what came is read and judged anew, for these dates alone. Every other partition stays as it is."""

import datetime

from pipelines import flows
from pipelines.domain.policy import Policy
from pipelines.store.home import Home
from quality.judging.judge import judge_feed
from quality.judging.night import judge_night


def reopen_corrected(home: Home, as_of: datetime.date, policy: Policy) -> dict[datetime.date, list[str]]:
    """Read and judge again the feeds that landed anew for dates before `as_of` that a night has read; returns them by date.

    Raises `InputRefused` for a file that cannot be read: a correction that nobody can read is no reason to plan on what it corrects.
    """
    reopened = flows.reopened_dates(home, as_of)
    for day, feeds in reopened.items():
        for feed in feeds:
            judge_partition(home, feed, day, policy)
        judge_night(home, day, policy)
    return reopened


def reopen_blocked(home: Home, as_of: datetime.date, policy: Policy) -> dict[datetime.date, list[str]]:
    """Judge dates again whose reconciliation blocked and about which rows came later, up to `as_of`; returns the late feeds by date.

    Late rows of a date that passed are counted by the marts for their own day and change no verdict.
    """
    reopened = {}
    for day in flows.blocked_dates(home, as_of):
        late = flows.read_late_rows(home, day, as_of)
        if late:
            judge_night(home, day, policy, late_rows=late)
            reopened[day] = sorted(late)
    return reopened


def judge_partition(home: Home, feed: str, as_of: datetime.date, policy: Policy) -> bool:
    """Ingest what landed of a feed and date, judge it and keep the verdict; whether it passed."""
    result = flows.ingest_feed(home, feed, as_of)
    verdict = judge_feed(flows.read_gate_inputs(home, feed, as_of, result, policy), as_of, policy.gate)
    flows.save_verdict(home, as_of, feed, result.lake_sha256 if result else "", verdict.to_json())
    return verdict.passed
