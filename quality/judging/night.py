"""One night's judgement between feeds, as the shells call it: read the day, judge it, keep verdict and frozen item-locations."""

import datetime
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipelines.domain.policy import Policy
from pipelines.flows import gate_inputs, read_day, save_frozen, save_reconciliation
from pipelines.flows.dispatched import read_dispatched
from pipelines.flows.frozen import read_lines_before
from pipelines.flows.known import read_known
from pipelines.store.home import Home
from quality.freezing.frozen_touch import add_touched
from quality.judging.carried import read_carried
from quality.judging.judge import Day, judge_day
from quality.verdicts import GateVerdict


def judge_night(
    home: Home, as_of: datetime.date, policy: Policy, late_rows: Mapping[str, pd.DataFrame] | None = None
) -> tuple[GateVerdict, dict[str, Any]]:
    """Judge the partitions of a business date together; its verdict and frozen item-locations are kept under the home's gates.

    `late_rows` are rows about the date that came in later partitions, by feed.
    """
    frames, previous_stock = read_day(home, as_of)
    for feed, rows in (late_rows or {}).items():
        frames[feed] = pd.concat([frames[feed], rows], ignore_index=True) if feed in frames else rows
    verdicts = [gate_inputs.read_verdict(home, feed, as_of) for feed in frames]
    day = Day(
        date=as_of,
        frames=frames,
        previous_stock=previous_stock,
        earlier=gate_inputs.read_partitions_before(home, frames, as_of),
        known=read_known(home, frames, as_of),
        packs=gate_inputs.read_packs(home, as_of, policy),
        verdicts=[GateVerdict.from_body(body) for body in verdicts if body],
        frozen_before=read_carried(home, as_of, policy.gate.frozen_days),
        files=gate_inputs.name_files(home, as_of),
        dispatched=read_dispatched(home, as_of),
    )
    said, frozen = judge_day(day, policy.gate)
    frozen = add_touched(frozen, read_lines_before(home, as_of), gate_inputs.read_newest(home, "erp_items", as_of))
    save_reconciliation(home, as_of, said.to_json())
    save_frozen(home, as_of, frozen)
    return said, frozen
