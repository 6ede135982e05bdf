"""The steps of a night, each one read -> think -> write. Gates and dbt run between them, in the shells that call these steps.

A step may be run again at any time: it writes whole files into the attempt's own folder, and the ledger ignores what it already knows.
"""

from pipelines.flows.arrival import land_inbox, look_at_drop, read_arrival, reopened_dates
from pipelines.flows.closing import Decided, approve, decide, dispatch
from pipelines.flows.intake import (
    GateInputs,
    ingest_feed,
    read_day,
    read_feed,
    read_gate_inputs,
    reconcile_ledger,
    save_frozen,
    save_reconciliation,
    save_verdict,
)
from pipelines.flows.late import blocked_dates, read_late_rows
from pipelines.flows.night import audit, build_store, learn, make_plan, publish_run
from pipelines.flows.nightly_forecast import make_forecasts
from pipelines.flows.retry import judge_retry
from pipelines.flows.run import DAILY_FEEDS, FEEDS, MASTER_FEEDS, Run
from pipelines.flows.triggered import Triggered, read_triggered
from pipelines.flows.watch import InboxReport, watch_inbox

__all__ = [
    "DAILY_FEEDS",
    "FEEDS",
    "MASTER_FEEDS",
    "Decided",
    "GateInputs",
    "InboxReport",
    "Run",
    "Triggered",
    "approve",
    "audit",
    "blocked_dates",
    "build_store",
    "decide",
    "dispatch",
    "ingest_feed",
    "judge_retry",
    "land_inbox",
    "learn",
    "look_at_drop",
    "make_forecasts",
    "make_plan",
    "publish_run",
    "read_arrival",
    "read_day",
    "read_feed",
    "read_gate_inputs",
    "read_late_rows",
    "read_triggered",
    "reconcile_ledger",
    "reopened_dates",
    "save_frozen",
    "save_reconciliation",
    "save_verdict",
    "watch_inbox",
]
