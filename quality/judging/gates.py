"""The gate of one landed partition: may it be used? Each check blocks or warns; reconciliation between feeds is a room further."""

import datetime
import math
import statistics
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import pandas as pd

from pipelines.domain.policy import GatePolicy
from pipelines.extracts.checking.quarantine import are_too_many
from pipelines.extracts.contracts.contract import FeedContract
from quality.habits.columns import check_shifted_rows, check_swapped_columns
from quality.habits.history import History, set_scene
from quality.habits.repeats import check_repeated_rows, count_changed_rows, fingerprint
from quality.habits.values import check_shifted_decimals, check_unit_mixups, name_rows
from quality.verdicts import Failing, GateCheck, GateVerdict, Severity, examples, verdict

__all__ = ["Failing", "GateCheck", "GateVerdict", "Severity", "run_gate", "verdict"]

MIN_TRAILING_DAYS = 3
EVENT_NOISE_SIGMAS = 4.0
ROWS_PER_EVENT = 3.0
# A loss to less than this share of the usual rows warns where chance alone makes it rarer than this.
LOST_SHARE = 0.1
LOST_BY_CHANCE = 0.001
MAX_QUIET_DAYS = 7


def run_gate(
    contract: FeedContract,
    frame: pd.DataFrame,
    *,
    business_date: datetime.date,
    rows_in: int,
    rows_quarantined: int,
    trailing_counts: Sequence[int],
    known_keys: Mapping[str, AbstractSet[str]],
    policy: GatePolicy,
    is_delivered: bool = True,
    history: History | None = None,
    quarantined: Sequence[Failing] = (),
    new_columns: Sequence[str] = (),
    rows_left_out: int = 0,
) -> GateVerdict:
    """Judge the accepted rows of one partition (`frame` as from `read_partition`); of `rows_in` the `rows_left_out` are not of the feed.

    `trailing_counts` are rows of earlier days, 0 for a quiet one. `known_keys` maps a referenced feed to its keys (none: it blocks).
    `history` is what values are compared with, `quarantined` names item-locations of refused rows, `new_columns` what nobody reads.
    """
    is_quiet = contract.may_be_empty and rows_in == rows_left_out
    quiet = [check_quiet_day(contract, is_delivered, trailing_counts, rows_left_out)] if is_quiet else []
    if found := quiet or check_columns_present(contract, frame):
        return verdict(contract.feed, business_date, found, len(frame), rows_quarantined, policy)
    references, strangers = check_references(contract, frame, known_keys, policy)
    checks = [
        check_rows_present(len(frame), rows_in - rows_left_out, rows_left_out),
        check_row_count(contract, len(frame), trailing_counts, policy),
        check_quarantine_share(rows_in - rows_left_out, rows_quarantined, policy),
        *_check_contract(contract, frame),
        check_keys_unique(contract, frame),
        check_columns_read(new_columns),
        *references,
        *check_dates(contract, frame, business_date, policy, not any(trailing_counts), history or History()),
        *_check_locations(contract, frame, business_date, known_keys),
    ]
    more, failing, marks = judge_against_past(contract, frame, business_date, policy, history or History())
    marks["failing"] = [*failing, *strangers, *quarantined]
    return verdict(contract.feed, business_date, checks + more, len(frame), rows_quarantined, policy, **marks)


def check_columns_present(contract: FeedContract, frame: pd.DataFrame) -> list[GateCheck]:
    """The check that a column of the contract is missing, if one is: nothing else can be judged then."""
    absent = tuple(column.name for column in contract.columns if column.name not in frame)
    found = GateCheck("columns_present", False, "block", f"{len(absent)} columns missing", "every column of the contract", absent)
    return [found] if absent else []


def _check_locations(
    contract: FeedContract, frame: pd.DataFrame, business_date: datetime.date, known_keys: Mapping[str, AbstractSet[str]]
) -> list[GateCheck]:
    """Whether every location reports, where the feed is a snapshot of all of them."""
    if not contract.date_column or contract.kind != "snapshot":
        return []
    return [check_locations_reported(frame, contract.date_column, business_date, known_keys.get("erp_locations", frozenset()))]


def _check_contract(contract: FeedContract, frame: pd.DataFrame) -> list[GateCheck]:
    """The feed's suite. Great Expectations is loaded here, so that a quiet day does without."""
    from quality.expectations.suites import run_suite

    return [GateCheck(r.name, r.passed, "block", r.observed, r.expected, r.examples) for r in run_suite(contract, frame)]


def judge_against_past(
    contract: FeedContract, frame: pd.DataFrame, business_date: datetime.date, policy: GatePolicy, history: History
) -> tuple[list[GateCheck], list[Failing], dict[str, Any]]:
    """The checks of values against their own past, the item-locations that fail them, and the marks that tomorrow's gate will need."""
    scene = set_scene(contract, frame, history, business_date)
    marks: dict[str, Any] = {"fingerprint": fingerprint(scene), "changed_rows": count_changed_rows(scene)}
    if not len(scene.rows):
        return [], [], marks
    repeated = check_repeated_rows(scene, marks["fingerprint"], marks["changed_rows"])
    if scene.is_unchanged:
        return [repeated], [], marks
    mixups, mixed = check_unit_mixups(scene, policy)
    decimals, shifted = check_shifted_decimals(scene, policy)
    return [mixups, decimals, check_swapped_columns(scene), check_shifted_rows(scene), repeated], mixed + shifted, marks


def check_rows_present(rows: int, own_rows: int, rows_left_out: int) -> GateCheck:
    """No accepted row at all blocks; a day without a row to accept is the matter of `check_quiet_day`."""
    return GateCheck("rows_present", rows > 0, "block", _say_accepted(rows, own_rows, rows_left_out), "1 or more")


def _say_accepted(rows: int, own_rows: int, rows_left_out: int) -> str:
    return f"{rows} of {own_rows} rows accepted" + (f", {rows_left_out} left out by the layout" if rows_left_out else "")


def check_quiet_day(contract: FeedContract, is_delivered: bool, trailing_counts: Sequence[int], rows_left_out: int = 0) -> GateCheck:
    """A day without rows of a feed that may be empty: a matter of course, a warning, or a feed that is missing.

    Where rows are expected daily, a file with a header alone, or with nothing but rows that its layout leaves out, is the sender's word
    that nothing happened, and warns. No file warns only if at most half of 3 or more earlier days had rows; otherwise the feed is
    missing, which blocks.
    """
    if not contract.expected_daily:
        return GateCheck("rows_present", True, "block", _say_accepted(0, 0, rows_left_out), "0 or more")
    if is_delivered:
        seen = f"a file whose {rows_left_out} rows are all left out by the layout" if rows_left_out else "a file with a header and no rows"
        return GateCheck("rows_present", False, "warn", seen, "rows, unless the day was quiet")
    days, busy = len(trailing_counts), sum(count > 0 for count in trailing_counts)
    blocks = days < MIN_TRAILING_DAYS or 2 * busy > days
    observed = f"feed missing: no file, rows on {busy} of {days} earlier days"
    return GateCheck("rows_present", False, "block" if blocks else "warn", observed, "a file; a header alone says that the day was quiet")


def check_row_count(contract: FeedContract, rows: int, trailing_counts: Sequence[int], policy: GatePolicy) -> GateCheck:
    """Rows against the trailing median m: |rows - m| / m warns above one share and blocks above another.

    Events scatter like Poisson counts and bring about three rows each (the lines of an order), so that rows have the variance 3 m: for
    events a change within 4 sqrt(3 m) never blocks. Measured on a small generated world: 50 shipments on a Saturday after a median of 26.
    Below m = 60 that is nearly m itself, so that a loss could never fail; `is_lost` tells when one warns.
    More events than usual only warn: what must never pass silently is missing rows, and repeated ones fail the key. Feeds that may be
    empty and are not expected daily come in bursts and only warn. Quiet days stay out of the median. Fewer than 3 earlier days with
    rows: no history, no judgement. Events of a day whose weekday is always quiet, as Sundays may be, are held against that: the median
    of the same weekday where there were 3 of them, if it is nearer.
    """
    busy = [count for count in trailing_counts if count > 0]
    if len(busy) < MIN_TRAILING_DAYS:
        return GateCheck("row_count", True, "warn", f"{rows} rows", f"no history yet ({len(busy)} earlier days)")
    median = statistics.median(busy)
    weekday = trailing_counts[-7::-7] if contract.kind == "event" else ()
    if len(weekday) >= MIN_TRAILING_DAYS:
        median = min(median, statistics.median(weekday) or 1, key=lambda usual: abs(rows - usual))
    change = abs(rows - median)
    noise = EVENT_NOISE_SIGMAS * (ROWS_PER_EVENT * median) ** 0.5 if contract.kind == "event" else 0.0
    is_expected_to_swing = (contract.may_be_empty and not contract.expected_daily) or (contract.kind == "event" and rows > median)
    blocks = change > max(policy.count_block_share * median, noise) and not is_expected_to_swing
    is_lost = contract.kind == "event" and contract.expected_daily and is_lost_by_no_chance(rows, median)
    fails = change > max(policy.count_warn_share * median, noise) or is_lost
    limit = policy.count_block_share if blocks else policy.count_warn_share
    observed = f"{rows} rows, {(rows - median) / median:+.0%} against the trailing median {median:g}"
    return GateCheck("row_count", not fails, "block" if blocks else "warn", observed, f"within {limit:.0%}")


def is_lost_by_no_chance(rows: int, median: float) -> bool:
    """Whether nearly all rows of a day are gone: less than a tenth of the median m, and rarer by chance than 1 in 1,000.

    Documents come like Poisson counts of mean m / 3 and have a row each at least, so that P(rows <= r) <= P(documents <= r).

    >>> is_lost_by_no_chance(1, 40), is_lost_by_no_chance(1, 30), is_lost_by_no_chance(1, 20), is_lost_by_no_chance(4, 40)
    (True, True, False, False)
    """
    if rows >= LOST_SHARE * median:
        return False
    mean = median / ROWS_PER_EVENT
    return sum(math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(rows + 1)) < LOST_BY_CHANCE


def check_quarantine_share(own_rows: int, rows_quarantined: int, policy: GatePolicy) -> GateCheck:
    """Quarantined rows over the rows of the feed: any warns, more than the policy's share blocks, or than anyone can look at."""
    share = rows_quarantined / own_rows if own_rows else 0.0
    blocks = are_too_many(rows_quarantined, own_rows, policy.max_quarantine_share)
    observed, limit = f"{rows_quarantined} of {own_rows} rows ({share:.2%})", f"at most {policy.max_quarantine_share:.0%}"
    return GateCheck("quarantine_share", rows_quarantined == 0, "block" if blocks else "warn", observed, limit)


def check_columns_read(new_columns: Sequence[str]) -> GateCheck:
    """A column that came new and that nobody reads is told of once, by its name: it may hold what another column held so far."""
    observed = f"{len(new_columns)} new columns that nobody reads"
    return GateCheck("columns_read", not new_columns, "warn", observed, "the columns of the file before", examples(new_columns))


def check_keys_unique(contract: FeedContract, frame: pd.DataFrame) -> GateCheck:
    """No key twice, nulls being equal to each other."""
    key = list(contract.key)
    twice = frame.loc[frame.duplicated(key, keep="first"), key]
    shown = examples(", ".join(map(str, values)) for values in twice.itertuples(index=False))
    return GateCheck("keys_unique", twice.empty, "block", f"{len(twice)} repeated keys", "0", shown)


def check_references(
    contract: FeedContract, frame: pd.DataFrame, known_keys: Mapping[str, AbstractSet[str]], policy: GatePolicy
) -> tuple[list[GateCheck], list[Failing]]:
    """Every referenced key is known. Some unknown rows warn and name their item-locations; more than the quarantine share blocks
    and names one row of each item-location.
    """
    checks: list[GateCheck] = []
    failing: list[Failing] = []
    for reference in contract.references:
        known = set(frame[contract.key[0]]) if reference.feed == contract.feed else known_keys.get(reference.feed, frozenset())
        values = frame[reference.column].dropna()
        unknown = values[~values.isin(known)]
        blocks = len(unknown) > policy.max_quarantine_share * max(len(frame), 1)
        checks.append(
            GateCheck(
                f"references_known:{reference.column}",
                unknown.empty,
                "block" if blocks else "warn",
                f"{len(unknown)} of {len(values)} rows name an unknown key",
                f"keys of {reference.feed} ({len(known)} known)",
                examples(unknown.drop_duplicates()),
            )
        )
        rows, pair = frame.loc[unknown.index], [column for column in ("location_id", "item_id") if column in frame]
        rows = rows.drop_duplicates(pair) if blocks and pair else rows  # a whole file of them, one line each tells enough
        failing += name_rows(contract.feed, rows, f"references_known:{reference.column}", f"{reference.column} is not in {reference.feed}")
    return checks, failing


def check_dates(
    contract: FeedContract,
    frame: pd.DataFrame,
    business_date: datetime.date,
    policy: GatePolicy,
    is_first: bool = False,
    history: History | None = None,
) -> list[GateCheck]:
    """Freshness: the partition has rows of its own business date (feeds that come in bursts aside), and none from the future.

    A first load of events may end on quiet days: up to 7 of them warn. Later, rows of old days alone are an old file, which blocks,
    unless they are earlier events told again with news, as orders are on the day they ship.
    """
    if not contract.date_column or frame.empty:
        return []
    days = pd.to_datetime(frame[contract.date_column]).dt.normalize()
    today = pd.Timestamp(business_date)
    future = days[days > today]
    blocks = len(future) > policy.max_quarantine_share * len(frame)
    newest = days[days <= today].max()
    shown = "none" if pd.isna(newest) else newest.date().isoformat()
    is_fresh = bool(newest == today) or (contract.may_be_empty and not contract.expected_daily)
    is_quiet = contract.may_be_empty and bool(newest >= today - pd.Timedelta(days=MAX_QUIET_DAYS))
    is_quiet = is_quiet and (is_fresh or is_first or is_told_again(contract, frame, (history or History()).recent))
    return [
        GateCheck("fresh", is_fresh, "warn" if is_quiet else "block", f"newest row {shown}", business_date.isoformat()),
        GateCheck(
            "no_future_rows",
            future.empty,
            "block" if blocks else "warn",
            f"{len(future)} rows after {business_date.isoformat()}",
            "0",
            examples(future.dt.strftime("%Y-%m-%d").drop_duplicates()),
        ),
    ]


def is_told_again(contract: FeedContract, frame: pd.DataFrame, recent: pd.DataFrame) -> bool:
    """True if each row is an earlier event's by its key, and more than half of them say something else of it."""
    names, key = [column.name for column in contract.columns], list(contract.key)
    if contract.kind != "event" or not set(names) <= set(recent):
        return False
    is_known = frame[key].merge(recent[key].drop_duplicates(), how="left", on=key, indicator=True)["_merge"] == "both"
    is_same = frame[names].merge(recent[names].drop_duplicates(), how="left", on=names, indicator=True)["_merge"] == "both"
    return bool(is_known.all() and is_same.mean() < 0.5)


def check_locations_reported(frame: pd.DataFrame, date_column: str, business_date: datetime.date, known: AbstractSet[str]) -> GateCheck:
    """Every known location has a row of the business date; a silent one is stale, which warns here and bars it as donor later."""
    today = frame.loc[pd.to_datetime(frame[date_column]) == pd.Timestamp(business_date), "location_id"]
    silent = pd.Series(sorted(set(known) - set(today)), dtype="str")
    observed = f"{len(silent)} of {len(known)} locations without a row"
    return GateCheck(
        "locations_reported", silent.empty, "warn", observed, f"every location on {business_date.isoformat()}", examples(silent)
    )
