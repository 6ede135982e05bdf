"""The health document of one business date (`evenstock-health/1`): figures from sidecars, verdicts, quarantine and publication, joined."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.domain.policy import Policy
from pipelines.extracts.contracts.contract import load_contracts
from pipelines.health.advice import reason_meanings
from pipelines.health.current_plan import read_standing_plan
from pipelines.health.frozen import rank_fixes, report_frozen, rows_of
from pipelines.health.headline import MAX_REASONS, Standing, make_headline
from pipelines.health.quarantined import find_places, report_quarantine
from pipelines.health.run_end import RunEnd
from pipelines.health.verdicts import DayVerdicts, Verdict, read_verdicts, shorten
from pipelines.health.window import FeedWindow, read_feed_window, window_dates
from pipelines.store.home import Home

if TYPE_CHECKING:
    import pyarrow as pa

ARRIVAL = "arrival"
FORMAT = "evenstock-health/1"
GATE_STEP = "gate"
JUDGED = ("passed", "warned", "blocked", "quiet")


def make_health(home: Home, as_of: dt.date, policy: Policy, run_end: RunEnd | None) -> tuple[dict[str, Any], "list[pa.Table]"]:
    """The document, and the day's quarantined rows for the CSV beside it. The same state of the home gives the same document.

    Counts are rows, `usd` US dollars, shares fractions of one; what could not be read stands in `problems` instead of stopping the rest.
    """
    problems: list[str] = []
    dates, contracts = window_dates(as_of), load_contracts()
    windows = [read_feed_window(home.lake, home.landing, home.quarantine, feed, dates, problems) for feed in contracts]
    verdicts = read_verdicts(home.gates, as_of, problems)
    seen = [window for window in windows if _is_seen(window, verdicts)]
    feeds = [_report_feed(window, verdicts.feeds.get(window.feed), dates, contracts[window.feed].grain, run_end) for window in seen]
    gates = _report_gates(feeds, verdicts)
    frozen = report_frozen(verdicts.frozen, problems)
    wanted = rows_of(frozen)
    quarantine, tables = report_quarantine(seen, dates, problems, wanted)
    plan, corrected = read_standing_plan(home, as_of, problems)
    standing = _stand(as_of, plan, corrected, policy, gates=gates, frozen=frozen, stops=_stops(gates, run_end))
    return {
        "format": FORMAT,
        "as_of": as_of.isoformat(),
        "headline": make_headline(standing),
        "publication": plan | _told_of(standing) if plan else None,
        "run": run_end.to_json() if run_end else None,
        "window": {"first": dates[0].isoformat(), "last": dates[-1].isoformat(), "days": len(dates)},
        "totals": _totals(feeds),
        "feeds": feeds,
        "feeds_never_sent": [window.feed for window in windows if window not in seen],
        "gates": gates,
        "reconciliation": list(verdicts.reconciliation.checks) if verdicts.reconciliation else [],
        "quarantine": quarantine,
        "frozen": frozen,
        "fixes": rank_fixes(frozen, find_places(tables, wanted), quarantine["rows"]),
        "glossary": reason_meanings() | {entry["reason"]: entry["means"] for entry in quarantine["reasons"]},
        "problems": problems,
    }, tables


def _stand(
    as_of: dt.date,
    plan: dict[str, Any] | None,
    corrected: Sequence[str],
    policy: Policy,
    *,
    gates: Mapping[str, Any],
    frozen: Mapping[str, Any] | None,
    stops: Sequence[str],
) -> Standing:
    """What the headline is made of."""
    return Standing(
        as_of=as_of,
        plan_as_of=dt.date.fromisoformat(plan["as_of"]) if plan else None,
        stopped=tuple(stops),
        blocking_checks=gates["blocked"],
        corrected=tuple(corrected),
        warnings=gates["warned"],
        frozen_pairs=frozen["pairs_total"] if frozen else 0,
        frozen_usd=frozen["usd"] if frozen else 0.0,
        max_plan_age_days=policy.approval.max_plan_age_days,
    )


def _told_of(standing: Standing) -> dict[str, Any]:
    found = standing.corrected
    return {"age_days": standing.age_days, "corrected": list(found[:MAX_REASONS]), "corrected_total": len(found)}


def _is_seen(window: FeedWindow, verdicts: DayVerdicts) -> bool:
    """False for a feed that never came and that no gate misses."""
    verdict = verdicts.feeds.get(window.feed)
    return bool(window.days or window.newest_arrival) or (verdict is not None and verdict.state != "passed")


def _report_feed(window: FeedWindow, verdict: Verdict | None, dates: list[dt.date], grain: str, run_end: RunEnd | None) -> dict[str, Any]:
    day, landed = window.days.get(dates[-1]), window.landed
    is_checked = day is not None and (landed is None or day.version >= landed.version)
    rows = {name: getattr(day, f"rows_{name}") if day and is_checked else None for name in ("in", "accepted", "quarantined")}
    more = {name: getattr(day, f"rows_{name}") if day and is_checked else None for name in ("left_out", "merged")}
    state = _feed_state(window, verdict, dates[-1], is_checked, run_end)
    median = verdict.trailing_median if verdict and state in JUDGED else None
    accepted = rows["accepted"]
    return {
        "feed": window.feed,
        "grain": grain,
        "state": state,
        "arrived": None if landed is None else vars(landed) | {"file": shorten(landed.file)},
        "rows": rows | more,
        "trailing_median": median,
        "change_share": round((accepted - median) / median, 4) if median and accepted is not None else None,
        "newest_arrival": window.newest_arrival.isoformat() if window.newest_arrival else None,
        "age_days": (dates[-1] - window.newest_arrival).days if window.newest_arrival else None,
        "first_load": window.first_load.isoformat() if window.first_load else None,
        "trend": [window.days[date].rows_accepted if date in window.days else None for date in dates],
        "checks": _tally(verdict.checks if verdict else ()),
        "warnings": [shorten(text) for text in (day.warnings if day and is_checked else ())],
    }


def _feed_state(window: FeedWindow, verdict: Verdict | None, as_of: dt.date, is_checked: bool, run_end: RunEnd | None) -> str:
    """passed, warned or blocked by its gate; refused: not readable; waiting: not judged yet; quiet: none came or was due; absent: none."""
    day = window.days.get(as_of)
    if window.landed is not None and not is_checked:
        return "refused" if run_end and run_end.stopped_by else "waiting"
    if verdict is None or (day is not None and verdict.about != day.sha256):
        return "waiting" if day is not None else "absent"
    return "quiet" if window.landed is None and day is None and verdict.state == "passed" else verdict.state


def _report_gates(feeds: list[dict[str, Any]], verdicts: DayVerdicts) -> dict[str, Any]:
    judged = [verdicts.feeds[feed["feed"]] for feed in feeds if feed["state"] in JUDGED]
    judged += [verdicts.reconciliation] if verdicts.reconciliation else []
    failed = [check for verdict in judged for check in verdict.failed]
    # An arrival that was refused is the end of its run, which says so itself; what it merely remarks on would be lost.
    arrival = verdicts.feeds.get(ARRIVAL)
    failed += [check for check in arrival.failed if check["severity"] != "block"] if arrival else []
    failed.sort(key=lambda check: check["severity"] != "block")
    return {
        "checks": sum(len(verdict.checks) for verdict in judged) + sum(check["feed"] == ARRIVAL for check in failed),
        "passed": sum(check["passed"] for verdict in judged for check in verdict.checks),
        "warned": sum(check["severity"] != "block" for check in failed),
        "blocked": sum(check["severity"] == "block" for check in failed),
        "failed": failed,
    }


def _stops(gates: dict[str, Any], run_end: RunEnd | None) -> list[str]:
    """What stopped the day, in words: blocking checks, then steps that failed for another reason."""
    blocking = [check for check in gates["failed"] if check["severity"] == "block"]
    said = [f"{check['feed']}: {check['title']} — found {check['observed']}, expected {check['expected']}" for check in blocking]
    ends = run_end.stopped_by if run_end else ()
    return said + [shorten(says) for step, says in ends if step != GATE_STEP or not blocking]


def _tally(checks: tuple[dict[str, Any], ...]) -> dict[str, int]:
    failed = Counter(check["severity"] for check in checks if not check["passed"])
    return {"all": len(checks), "blocked": failed["block"], "warned": failed.total() - failed["block"]}


def _totals(feeds: list[dict[str, Any]]) -> dict[str, int]:
    arrived = [feed for feed in feeds if feed["arrived"]]
    rows = {name: sum(feed["rows"][name] or 0 for feed in feeds) for name in ("in", "accepted", "quarantined", "left_out", "merged")}
    return {"feeds": len(feeds), "feeds_arrived": len(arrived)} | {f"rows_{name}": count for name, count in rows.items()}
