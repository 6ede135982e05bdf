"""Making a past run again: what it was made of is laid out in a home of its own, and what comes of it is compared. No step runs here."""

import datetime as dt
import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.domain.errors import InputRefused, UsageError, shown
from pipelines.flows.frozen import FROZEN
from pipelines.flows.past_forecasts import TRIGGERS, copy_past_forecasts
from pipelines.flows.provenance import unpack_versions
from pipelines.flows.run import FEEDS
from pipelines.machine.writing import write_bytes
from pipelines.store.home import Home

if TYPE_CHECKING:
    from pipelines.extracts.landing.landed import LandedFile
    from pipelines.store.ledger import Ledger
    from pipelines.store.publication import Publication

Tell = Callable[[str, float], None]
# Parts of a run's identity, as people call them.
PARTS = {
    "inputs": "rows of {0}",
    "ledger": "the lines of earlier plans",
    "feedback": "the learned parameters",
    "policy": "the policy",
    "last_plan": "the last plan",
    "last_prices": "the prices of the last plan",
    "seed": "the seed",
    "versions": "the version of {0}",
    "frozen": "the frozen item-locations",
    "forecasts": "the forecast as of {0}",
    "triggers": "the triggers as of {0}",
    "overrides": "the overrides of forecasts",
    "items": "the items that the plan is restricted to",
    "as_of": "the business date",
}


@dataclass(frozen=True)
class PastRun:
    """A run as the ledger remembers it: enough to make it again and to tell whether it came out the same."""

    run_id: str
    as_of: dt.date
    plan_digest: str
    made_of: Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """A rebuilt run against the recorded one: files compared, and what differs, with the causes that are known."""

    run_id: str
    rebuilt_id: str
    files: int
    differing: tuple[str, ...]
    causes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """True when run id and every digest agree."""
        return self.run_id == self.rebuilt_id and not self.differing


def find_past_run(ledger: "Ledger", run_id: str) -> PastRun:
    """A run by its id. Raises `UsageError` for an unknown one, `InputRefused` for one that an older release made."""
    row = ledger.find_run(run_id)
    if row is None:
        known = [run["run_id"] for run in ledger.proposed_runs()]
        near = difflib.get_close_matches(run_id, known, n=1)
        meant = f"did you mean {near[0]}?" if near else f"the last one is {known[-1]}" if known else "no night has run yet"
        raise UsageError(f"--run: the ledger knows no run {shown(run_id)}; {meant}")
    if not row["provenance"]:
        raise InputRefused(
            f"run {run_id} of {row['as_of']} was made by a release that did not keep what runs were made of, so it cannot be made again; "
            f"run evenstock run --as-of {row['as_of']} for a new one"
        )
    return PastRun(run_id, row["as_of"], row["plan_digest"] or "", json.loads(row["provenance"]))


def lay_out(live: Home, ledger: "Ledger", past: PastRun, target: Home, tell: Tell) -> None:
    """Fill the home `target` with what the run read: lake, policy, frozen item-locations, forecasts to judge, the ledger as it stood then.

    Nothing of `live` is changed. Raises `InputRefused` for landed files or forecasts that are gone or changed.
    """
    made_of = past.made_of
    _make_lake(live, target, made_of["partitions"], tell)
    write_bytes("rebuild.policy", target.policy_file, json.dumps(made_of["policy_values"], sort_keys=True, indent=1).encode())
    if "price_values" in made_of:
        write_bytes("rebuild.policy", target.prices_file, json.dumps(made_of["price_values"], sort_keys=True).encode())
    frozen = made_of.get("frozen", [])
    folder = target.gates / past.as_of.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes("gates.frozen", folder / FROZEN, json.dumps({"pairs": frozen, "rows": sum(len(pair["rows"]) for pair in frozen)}).encode())
    copy_past_forecasts(live, target, made_of.get("forecasts", {}))
    copy_past_forecasts(live, target, made_of.get("triggers", {}), TRIGGERS)
    ledger.copy_until(target.ledger_file, made_of["marks"])


def _make_lake(live: Home, target: Home, partitions: Mapping[str, Any], tell: Tell) -> None:
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.lake.partitions import ingest

    for position, feed in enumerate(sorted(partitions)):
        tell(f"reading {feed}", 0.05 + 0.35 * position / len(partitions))
        for file in find_landed(live, feed, partitions[feed]):
            ingest(file, load_contract(feed), target.lake, target.quarantine)


def find_landed(live: Home, feed: str, ranges: Any) -> "list[LandedFile]":
    """The landed versions of a feed that a run read, by date. Raises `InputRefused` naming the first that is gone."""
    from pipelines.extracts.landing.landed import list_landed

    landed = {(file.business_date, file.version): file for file in list_landed(live.landing, feed)}
    found = []
    for day, version in unpack_versions(ranges).items():
        file = landed.get((day, version))
        if file is None or not file.path.is_file():
            raise InputRefused(
                f"{live.landing / feed}: version {version} of {day} is not there any more, so the run cannot be made again; "
                "restore a backup that holds it, or look at what the policy's retention removes"
            )
        found.append(file)
    return found


def compare(past: PastRun, rebuilt: "Publication", made_of: Mapping[str, Any], live: "Publication | None") -> Comparison:
    """Hold a rebuilt publication against the digests that the ledger keeps and, where it is there, the publication itself."""
    from pipelines.store.contents import digest_publication

    wanted = dict(past.made_of["files"])
    if live is not None:
        wanted |= digest_publication(live)
    found = digest_publication(rebuilt)
    names = sorted({*wanted, *(found if live is not None else ())})
    differing = tuple(name for name in names if wanted.get(name) != found.get(name))
    return Comparison(past.run_id, rebuilt.run_id, len(names), differing, _causes(past.made_of, made_of))


def _causes(recorded: Mapping[str, Any], rebuilt: Mapping[str, Any]) -> tuple[str, ...]:
    """Which parts of the identity differ, each in words with both values."""
    causes = []
    for part, said in PARTS.items():
        old, new = recorded.get(part), rebuilt.get(part)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            keys = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
            causes += [f"{said.format(key)}: {_brief(old.get(key))} then, {_brief(new.get(key))} now" for key in keys]
        else:
            causes.append(f"{said}: {_brief(old)} then, {_brief(new)} now")
    return tuple(causes)


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 16 else f"{text[:12]}..."


def restore_lake(home: Home, tell: Tell) -> dict[dt.date, list[str]]:
    """Make lake and quarantine again from what has landed, as far as gates have judged it; what is intact is left alone.

    Returns the feeds by date that have no verdict, or one on other rows than are read now: they have to be judged again.
    """
    from pipelines.extracts.landing.landed import list_landed

    unjudged: dict[dt.date, list[str]] = {}
    for position, feed in enumerate(FEEDS):
        tell(f"reading {feed}", 0.6 * position / len(FEEDS))
        by_day: dict[dt.date, list[LandedFile]] = {}
        for file in list_landed(home.landing, feed):
            by_day.setdefault(file.business_date, []).append(file)
        for day, files in by_day.items():
            if not _ingest_judged(home, feed, day, files):
                unjudged.setdefault(day, []).append(feed)
    return unjudged


def _ingest_judged(home: Home, feed: str, day: dt.date, files: "list[LandedFile]") -> bool:
    """Ingest versions up to the one that the gate judged; False if it judged none of them."""
    from pipelines.extracts.contracts.contract import load_contract
    from pipelines.extracts.lake.partitions import ingest

    verdict = home.gates / day.isoformat() / f"{feed}.lake_sha256"
    if not verdict.is_file():
        return False
    judged = verdict.read_text(encoding="utf-8")
    if not judged:
        return True  # a file that nobody could read
    return any(ingest(file, load_contract(feed), home.lake, home.quarantine).lake_sha256 == judged for file in files)
