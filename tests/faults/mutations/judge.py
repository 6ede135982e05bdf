"""The judge: a mutated file goes through landing, check, gate and reconciliation of a real night, and what came of it is held against the
truth. Great Expectations runs only where everything cheaper let a wrong row pass: the verdict is the same and costs a tenth.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import flows
from pipelines.domain.errors import EvenstockError
from pipelines.extracts.contracts.contract import load_contract
from pipelines.extracts.landing.kept_layouts import FoundLayout
from pipelines.extracts.landing.landing_zone import land_drop
from pipelines.extracts.landing.manifest import MANIFEST_NAME
from quality.expectations import suites
from quality.judging.night import judge_night
from tests.faults.mutations.lost_rows import find_lost
from tests.faults.mutations.night import CleanNight, accepted_rows, gate
from tests.landed import land_file, land_files

EQUAL, QUARANTINED, REFUSED, FROZEN, WARNED, SILENT, CRASHED = (
    "accepted-equal", "quarantined", "refused", "frozen", "warned by name", "SILENTLY WRONG", "CRASHED",
)  # fmt: skip
OUTCOMES = (EQUAL, QUARANTINED, REFUSED, FROZEN, WARNED, SILENT, CRASHED)
MANIFESTS = ("none", "totals", "full")


@dataclass(frozen=True)
class Outcome:
    """What became of one file, who said so, and for a silent one what is wrong in it."""

    kind: str
    why: str = ""

    @property
    def is_wrong(self) -> bool:
        return self.kind in (SILENT, CRASHED)


def judge(night: CleanNight, feed: str, data: bytes) -> dict[str, Outcome]:
    """Let `data` arrive as the feed's file of the night: with no manifest, with the clean file's control totals, with its whole manifest.

    Figures that landing lets pass are used up there, so that the rest of the night is the same as without a manifest.
    """
    path = send(night, feed, data)
    with night.without(feed):
        plain = _attempt(lambda: _night_of(night, feed, path))
    outcomes = {"none": plain}
    for manifest in MANIFESTS[1:]:
        with night.without(feed):
            landed = _attempt(lambda manifest=manifest: _land(night, feed, path, manifest, night.entry(feed)))
        outcomes[manifest] = plain if landed.kind == EQUAL else landed
    return outcomes


def judge_entry(night: CleanNight, feed: str, data: bytes, entry: Mapping[str, Any]) -> Outcome:
    """Let `data` arrive with a manifest of this entry."""
    path = send(night, feed, data)
    with night.without(feed):
        return _attempt(lambda: _land(night, feed, path, "full", dict(entry)), lambda: _ingested(night, feed))


def send(night: CleanNight, feed: str, data: bytes) -> Path:
    """Put the file into a drop folder of its own."""
    folder = night.home.root / "sent" / night.day.isoformat()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / f"{feed}.csv").write_bytes(data)
    return folder / f"{feed}.csv"


def _attempt(*steps: Callable[[], Outcome]) -> Outcome:
    """The outcome of the last step, unless one before it refuses; anything but an error for the user is a crash."""
    try:
        outcome = Outcome(EQUAL)
        for step in steps:
            outcome = step()
        return outcome
    except EvenstockError as error:
        return Outcome(REFUSED, str(error))
    except Exception as error:
        return Outcome(CRASHED, f"{type(error).__name__}: {error}")


def judge_by_layout(night: CleanNight, feed: str, data: bytes, layout: FoundLayout) -> Outcome:
    """Let `data` arrive without a manifest, to be read by a layout."""
    path = send(night, feed, data)
    with night.without(feed):
        return _attempt(lambda: _night_of(night, feed, path, layout))


def _night_of(night: CleanNight, feed: str, path: Path, layout: FoundLayout | None = None) -> Outcome:
    land_files(night.home.landing, [(path, night.day)], feed, layout=layout)
    return _ingested(night, feed)


def _ingested(night: CleanNight, feed: str) -> Outcome:
    result = flows.ingest_feed(night.home, feed, night.day)
    assert result is not None
    return _outcome(night, feed, result, accepted_rows(night.home, feed, night.day))


def _land(night: CleanNight, feed: str, path: Path, manifest: str, entry: dict[str, Any]) -> Outcome:
    if manifest == "totals":
        land_file(night.home.landing, path, feed, night.day, control={name: entry[name] for name in ("rows", "sums")})
    else:
        (path.parent / MANIFEST_NAME).write_text(json.dumps({**night.manifest, "files": [entry]}))
        land_drop(night.home.landing, path.parent)
    return Outcome(EQUAL)


def _outcome(night: CleanNight, feed: str, result: Any, found: pa.Table) -> Outcome:
    wrong, missing = differences(night.truth[feed], found)
    with cheap_suites():
        failed, frozen = _checks(night, feed, is_equal=not wrong and not missing)
    blocked = [check for check in failed if check.severity == "block"]
    if blocked:
        return Outcome(REFUSED, f"{blocked[0].name}: {blocked[0].observed}")
    if not wrong and not missing:
        return Outcome(QUARANTINED if result.rows_quarantined else EQUAL)
    if not wrong:
        quarantined = pq.read_table(result.quarantine_path, columns=["line", "raw"]).to_pylist()
        if not (lost := find_lost(feed, night.files[feed], missing, quarantined)):
            return Outcome(QUARANTINED, f"{result.rows_quarantined} rows")
        return _wrong_outcome(night, feed, lost, failed, frozen)
    return _wrong_outcome(night, feed, [*wrong, *missing], failed, frozen)


def _wrong_outcome(night: CleanNight, feed: str, rows: list[dict[str, Any]], failed: list[Any], frozen: set[tuple[str, str]]) -> Outcome:
    """Wrong rows got in: are they kept out of the plan, named, or found by Great Expectations after all?"""
    names = ", ".join(sorted({check.name for check in failed}))
    if any(check.name.startswith("references_known") for check in failed):
        frozen = frozen | {pair for row in rows for pair in _pairs(feed, row) if not _is_known(night, pair)}
    if all(_is_frozen(feed, row, frozen) for row in rows):
        return Outcome(FROZEN, f"{len(rows)} rows: {names}")
    said = [(check.name, text) for check in failed for text in check.examples]
    told = {_key(feed, row) for row in rows if _is_frozen(feed, row, frozen) or is_named(feed, row, said)}
    if all(_key(feed, row) in told for row in rows):
        return Outcome(WARNED, names)
    blocked = [check for check in gate(night.home, feed, night.day, night.policy).failures if check.severity == "block"]
    if blocked:
        return Outcome(REFUSED, f"{blocked[0].name}: {blocked[0].observed}")
    return Outcome(SILENT, f"{rows[0]} and {len(rows) - 1} more; failed: {names}")


def _checks(night: CleanNight, feed: str, is_equal: bool) -> tuple[list[Any], set[tuple[str, str]]]:
    """Failed checks of the feed's gate, of the checks between feeds, and of the gates of feeds that refer to it, and the item-locations
    that they freeze. The first that blocks ends it; equal rows fail none but the feed's own.
    """
    verdict = gate(night.home, feed, night.day, night.policy)
    if not verdict.passed or is_equal:
        return list(verdict.failures), set()
    said, frozen = judge_night(night.home, night.day, night.policy)
    failures, pairs = [*verdict.failures, *said.failures], {(pair["location_id"], pair["item_id"]) for pair in frozen["pairs"]}
    for other in night.feeds if said.passed else []:
        if other != feed and any(reference.feed == feed for reference in load_contract(other).references):
            failures += gate(night.home, other, night.day, night.policy).failures
            if any(check.severity == "block" for check in failures):
                break
    return failures, pairs


def _is_known(night: CleanNight, pair: tuple[str, str]) -> bool:
    """Whether location and item exist: a row about others reaches no plan."""
    return pair[0] in night.keys["erp_locations"] and pair[1] in night.keys["erp_items"]


def _is_frozen(feed: str, row: Mapping[str, Any], frozen: set[tuple[str, str]]) -> bool:
    """Whether all item-locations that the row is about are kept out of the plan."""
    pairs = _pairs(feed, row)
    return bool(pairs) and pairs <= frozen


@contextmanager
def cheap_suites() -> Iterator[None]:
    """Leave Great Expectations out: it repeats on typed rows what the contract checked on text, so that it can only refuse more."""
    real = suites.run_suite
    suites.run_suite = lambda contract, frame: []  # ty: ignore[invalid-assignment]
    try:
        yield
    finally:
        suites.run_suite = real


def differences(truth: pa.Table, found: pa.Table) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Accepted rows that are not true, and true rows that are not accepted."""
    if truth.equals(found):
        return [], []
    true, seen = (Counter(tuple(row.items()) for row in table.to_pylist()) for table in (truth, found))
    return [dict(row) for row in (seen - true).elements()], [dict(row) for row in (true - seen).elements()]


def _pairs(feed: str, row: Mapping[str, Any]) -> set[tuple[str, str]]:
    places = [row[name] for name in ("location_id", "origin", "destination") if row.get(name)]
    return {(place, row["item_id"]) for place in places} if row.get("item_id") else set()


def _key(feed: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The row's key: a wrong row and the true one that it replaces share it."""
    return tuple(row[name] for name in load_contract(feed).key)


def is_named(feed: str, row: Mapping[str, Any], said: list[tuple[str, str]]) -> bool:
    """Whether a failed check names the row: by its key, by location and item, or by the unknown key that it refers to."""
    contract = load_contract(feed)
    key = [str(row[name]) for name in contract.key if name != contract.date_column and row.get(name) not in (None, "")]
    names = [key, *([list(pair) for pair in _pairs(feed, row)])]
    strangers = {(f"references_known:{reference.column}", str(row[reference.column])) for reference in contract.references}
    return bool(strangers & set(said)) or any(all(_says(text, name) for name in group) for group in names if group for _, text in said)


def _says(text: str, name: str) -> bool:
    """Whether `name` stands in the text as a word of its own."""
    at = text.find(name)
    while at >= 0:
        around = text[at - 1 : at] + text[at + len(name) : at + len(name) + 1]
        if not any(letter.isalnum() or letter in "_" for letter in around):
            return True
        at = text.find(name, at + 1)
    return False
