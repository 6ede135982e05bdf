"""The two judgements of a night: each feed's partition by itself, then the day as a whole with what it freezes. Values in, verdicts out."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipelines.domain.policy import GatePolicy
from pipelines.extracts.contracts.contract import load_contract
from quality.freezing.frozen import check_frozen_share, freeze_pairs
from quality.habits.changes import check_masters
from quality.habits.cycles import check_cycle
from quality.habits.history import History
from quality.habits.usual import check_habits
from quality.judging.gates import run_gate
from quality.reconciliation.day_book import DayBook, reconcile_book
from quality.reconciliation.documents import check_documents
from quality.reconciliation.fulfilment import check_fulfilment
from quality.reconciliation.held import check_held
from quality.reconciliation.moments import check_moments
from quality.reconciliation.scopes import check_scopes
from quality.reconciliation.transfers import check_transfers
from quality.verdicts import Failing, GateVerdict, verdict

RECONCILIATION = "reconciliation"


@dataclass(frozen=True)
class Day:
    """All that the judgement of a day looks at.

    `frames` are the day's partitions by feed, `earlier` those of the business date before, `known` earlier rows of the documents in
    `frames` and the masters before; `verdicts` the feeds' own; `frozen_before` the stock differences to carry on, if any; `files`
    the names under which the feeds were sent; `dispatched` the lines of our own transfer orders.
    """

    date: datetime.date
    frames: Mapping[str, pd.DataFrame]
    previous_stock: pd.DataFrame | None
    earlier: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    known: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    packs: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"item_id": [], "pack_units": [], "pallet_units": []}))
    verdicts: Sequence[GateVerdict] = ()
    frozen_before: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    dispatched: pd.DataFrame = field(default_factory=pd.DataFrame)


def judge_feed(inputs: Any, business_date: datetime.date, policy: GatePolicy) -> GateVerdict:
    """The verdict on a feed's partition. `inputs` is what `pipelines.flows.read_gate_inputs` gives."""
    history = History(inputs.before, inputs.recent, inputs.fingerprints, tuple(inputs.changed_rows), inputs.packs)
    quarantined = [Failing(*entry) for entry in inputs.quarantined_pairs]
    return run_gate(
        load_contract(inputs.feed),
        inputs.frame,
        business_date=business_date,
        rows_in=inputs.rows_in,
        rows_quarantined=inputs.rows_quarantined,
        trailing_counts=inputs.trailing_counts,
        known_keys=inputs.known_keys,
        policy=policy,
        is_delivered=inputs.is_delivered,
        history=history,
        quarantined=quarantined,
        new_columns=inputs.new_columns,
        rows_left_out=inputs.rows_left_out,
    )


def judge_day(day: Day, policy: GatePolicy) -> tuple[GateVerdict, dict[str, Any]]:
    """The verdict of the checks between feeds, and the item-locations to freeze (`evenstock-frozen/1`, before anything is planned)."""
    book = DayBook(day.frames, day.previous_stock, day.date, day.earlier, day.packs, policy)
    checks, failing = reconcile_book(book)
    checks += check_masters(day.frames, day.known)
    found, wrong = check_transfers(day.frames, day.known, day.dispatched, day.date)
    checks += found
    failing += wrong
    for judge in (check_documents, check_fulfilment, check_moments, check_scopes, check_habits, check_cycle, check_held):
        found, wrong = judge(day.frames, day.known, day.date)
        checks += found
        failing += wrong
    said = verdict(RECONCILIATION, day.date, checks, sum(map(len, day.frames.values())), 0, policy, failing=failing)
    every = [entry for each in (*day.verdicts, said) for entry in each.failing]
    frozen = freeze_pairs(every, day.frames, day.frozen_before, day.date, policy, day.files)
    share = check_frozen_share(frozen, book.pairs, policy)
    said = verdict(RECONCILIATION, day.date, [*checks, share], said.rows, 0, policy, failing=failing)
    return said, frozen
