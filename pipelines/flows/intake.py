"""From landed bytes to a reconciled ledger: the steps before the store. The gates that judge each feed run between them, in the shells."""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import GateBlocked, InputRefused
from pipelines.domain.policy import Policy
from pipelines.flows.arrival import refused_verdict
from pipelines.flows.run import FEEDS, Run
from pipelines.machine.writing import write_bytes
from pipelines.store.home import Home

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.extracts.lake.partitions import IngestResult, LakeFile

RECONCILIATION = "reconciliation"


@dataclass(frozen=True)
class GateInputs:
    """What the gate of one feed judges: the partition, how it came about and what it is compared with.

    `rows_in` counts the `rows_left_out` as well, which are not of the feed as its layout says. `trailing_counts` has a 0 for a day on
    which extracts came and the feed had no row. The fields from `before` on are those of `gate_inputs.Past`, packs and the item-locations
    that refused rows are about; `new_columns` are names that the header has since this file, and that nobody reads.
    """

    feed: str
    frame: "pd.DataFrame"
    rows_in: int
    rows_quarantined: int
    trailing_counts: list[int]
    known_keys: dict[str, set[str]]
    before: "pd.DataFrame"
    recent: "pd.DataFrame"
    packs: "pd.DataFrame"
    fingerprints: dict[str, str]
    changed_rows: list[int]
    quarantined_pairs: list[tuple[str, str, str, str, str, int]]
    is_delivered: bool = True
    new_columns: tuple[str, ...] = ()
    rows_left_out: int = 0


def ingest_feed(home: Home, feed: str, as_of: dt.date) -> "IngestResult | None":
    """Check the newest landed file of a feed and date and put its accepted rows into the lake; None if no file has landed.

    A file that cannot be read at all leaves a blocking verdict behind and raises `InputRefused`.
    """
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.lake.partitions import ingest
    from pipelines.extracts.landing.landed import list_landed

    landed = list_landed(home.landing, feed, as_of)
    if not landed:
        return None
    newest = max(landed, key=lambda file: file.version)
    try:
        return ingest(newest, load_contract(feed), home.lake, home.quarantine)
    except InputRefused as error:
        save_verdict(home, as_of, feed, "", refused_verdict(feed, as_of, str(error)))
        raise


def read_gate_inputs(home: Home, feed: str, as_of: dt.date, result: "IngestResult | None", policy: Policy) -> GateInputs:
    """The ingested partition of a feed with its past and the keys that it may refer to."""
    from pipelines.extracts.checking.quarantine import are_too_many
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.lake.partitions import read_partition
    from pipelines.flows.gate_inputs import read_new_columns, read_packs, read_past, read_quarantined_pairs

    frame = read_partition(home.lake, feed, as_of) if result else _no_rows(feed)
    counts = count_trailing_rows(home, feed, as_of, policy.gate.trailing_days)
    known = {name: _known_keys(home, name, as_of) for name in sorted({reference.feed for reference in load_contract(feed).references})}
    rows_in, quarantined = (result.rows_in, result.rows_quarantined) if result else (0, 0)
    past, packs = read_past(home, feed, as_of, policy), read_packs(home, as_of, policy)
    left_out = result.rows_left_out if result else 0
    blocks = are_too_many(quarantined, rows_in - left_out, policy.gate.max_quarantine_share)  # then nothing is planned, and nobody frozen
    refused = read_quarantined_pairs(result.quarantine_path, home, as_of) if result and quarantined and not blocks else []
    marks = past.before, past.recent, packs, past.fingerprints, past.changed_rows, refused
    new = read_new_columns(home, feed, as_of) if result else ()
    return GateInputs(feed, frame, rows_in, quarantined, counts, known, *marks, result is not None, new, left_out)


def count_trailing_rows(home: Home, feed: str, as_of: dt.date, days: int) -> list[int]:
    """Rows of each of the `days` days before `as_of` on which extracts came, oldest first; 0 for a day on which this feed was quiet.

    Extracts came where stock did, which no day lacks. The first partition of a feed may hold long history: its rows count for the
    days they are about, not for the day they came.
    """
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.lake.partitions import current_files, row_counts
    from pipelines.extracts.lake.parts import count_days

    counts = dict.fromkeys(row_counts(home.lake, "wms_stock", as_of, days), 0) | row_counts(home.lake, feed, as_of, days)
    files, column = current_files(home.lake, feed, as_of), load_contract(feed).date_column
    if files and column and files[0].business_date in counts:
        found = count_days(files[0].path, column)
        first = as_of - dt.timedelta(days=days)
        began = max(first, min(found, default=files[0].business_date))
        history = [began + dt.timedelta(days=n) for n in range((files[0].business_date - began).days + 1)]
        counts |= {date: found.get(date, 0) for date in history}
    return [counts[date] for date in sorted(counts)]


def save_verdict(home: Home, as_of: dt.date, feed: str, lake_sha256: str, verdict: str) -> Path:
    """Keep a gate's verdict (JSON), and after it the digest of the lake file it is about."""
    folder = home.gates / as_of.isoformat()
    write_bytes("gates.verdict", folder / f"{feed}.json", verdict.encode())
    return write_bytes("gates.digest", folder / f"{feed}.lake_sha256", lake_sha256.encode())


def save_reconciliation(home: Home, as_of: dt.date, verdict: str) -> Path:
    """Keep the verdict of the checks between feeds, and after it the feeds with the digests of the lake files it is about."""
    from pipelines.extracts.lake.partitions import current_files

    newest = [file for feed in FEEDS for file in current_files(home.lake, feed, as_of)[-1:] if file.business_date == as_of]
    return save_verdict(home, as_of, RECONCILIATION, "".join(f"{file.feed} {file.sha256}\n" for file in newest), verdict)


def save_frozen(home: Home, as_of: dt.date, frozen: dict[str, Any]) -> Path:
    """Keep which item-locations a date freezes, what they touch and what they are worth."""
    folder = home.gates / as_of.isoformat()
    return write_bytes("gates.frozen", folder / "frozen.json", (json.dumps(frozen, sort_keys=True, indent=1) + "\n").encode())


def gated_files(home: Home, feed: str, as_of: dt.date) -> "list[LakeFile]":
    """Current lake files of a feed, each of which its gate and the day's reconciliation let pass.

    Raises `GateBlocked` naming the first that did not pass both.
    """
    from pipelines.extracts.lake.partitions import current_files

    files = current_files(home.lake, feed, as_of)
    for file in files:
        _require_verdict(home, file, feed, file.sha256, "its gate")
        _require_verdict(home, file, RECONCILIATION, f"{feed} {file.sha256}", "the reconciliation between feeds")
    return files


def _require_verdict(home: Home, file: "LakeFile", name: str, about: str, judge: str) -> None:
    """Refuse a lake file that verdict `name` of its date is not about, or that it blocked."""
    folder = home.gates / file.business_date.isoformat()
    judged, verdict = folder / f"{name}.lake_sha256", folder / f"{name}.json"
    is_judged = judged.is_file() and about in judged.read_text(encoding="utf-8").splitlines()
    if not is_judged or not json.loads(verdict.read_text(encoding="utf-8"))["passed"]:
        raise GateBlocked(
            f"{file.feed} of {file.business_date} {'was blocked by' if is_judged else 'has not passed'} {judge}: "
            f"correct and land it if need be, then run evenstock run --as-of {file.business_date}"
        )


def reconcile_ledger(run: Run) -> dict[str, Any]:
    """Move lines of the ledger as far as the warehouses' reports known at `as_of` prove."""
    from pipelines.execution.reconcile import reconcile

    transfers, receipts = read_feed(run.home, "wms_transfers", run.as_of), read_feed(run.home, "wms_receipts", run.as_of)
    done = reconcile(run.ledger, transfers, receipts, run.as_of, run.decided_at)
    strangers = [f"{s.feed} {s.reference}: {s.reason}" for s in done.strangers]
    return {"moved_lines": len(done.moved), "outcomes_written": done.outcomes_written, "strangers": strangers}


def read_feed(home: Home, feed: str, as_of: dt.date) -> "pd.DataFrame":
    """All accepted rows of a feed known at `as_of`, oldest business date first."""
    import pandas as pd

    from pipelines.extracts.lake.partitions import current_files, read_frame

    parts = [read_frame(file.path) for file in current_files(home.lake, feed, as_of)]
    return pd.concat(parts, ignore_index=True) if parts else _no_rows(feed)


def _no_rows(feed: str) -> "pd.DataFrame":
    import pandas as pd

    from pipelines.extracts.contracts.contract import load_contract

    return pd.DataFrame(columns=[column.name for column in load_contract(feed).columns])


def _known_keys(home: Home, feed: str, as_of: dt.date) -> set[str]:
    """Keys of the newest snapshot of a master feed."""
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.lake.partitions import current_files
    from pipelines.flows.gate_inputs import keys_of

    files = current_files(home.lake, feed, as_of)
    return set(keys_of(files[-1].path, load_contract(feed).key[0])) if files else set()


def read_day(home: Home, as_of: dt.date) -> "tuple[dict[str, pd.DataFrame], pd.DataFrame | None]":
    """The partitions of one business date by feed, and the stock before it, for the checks between feeds.

    A feed without a partition is left out. The first stock partition may hold its own history and then stands for the stock before.
    """
    from pipelines.extracts.lake.partitions import current_files, read_frame

    newest = {feed: current_files(home.lake, feed, as_of)[-1:] for feed in FEEDS}
    frames = {feed: read_frame(files[0].path) for feed, files in newest.items() if files and files[0].business_date == as_of}
    earlier = current_files(home.lake, "wms_stock", as_of - dt.timedelta(days=1))
    return frames, read_frame(earlier[-1].path) if earlier else frames.get("wms_stock")
